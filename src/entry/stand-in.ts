/** A copy's answer, or a twin's, to a client for whom DocuSign is not asked. */
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Turns } from '../base/clock.js'
import type { Outcome } from '../base/types.js'
import { ONE_WRITE_BYTES, writeOpening } from './opening.js'
import { LEFT, type Written } from './respond.js'

/** An answer that stands in for DocuSign's, ready to be written. */
export interface Standing {
  readonly status: number
  /** `Content-Length` among them, where there is one. */
  readonly lines: readonly string[]
  /** `undefined`: none is sent. A stream that breaks off breaks off here too. */
  readonly body: Buffer | Readable | undefined
}

/** Writes an answer that DocuSign was not asked for. Resolves when the client's connection is done with it. */
export function standIn(
  res: ServerResponse,
  { status, lines, body }: Standing,
  added: readonly string[],
  outcome: Outcome,
  turns: Turns,
): Promise<Written> {
  const stream = body === undefined || Buffer.isBuffer(body) ? undefined : body
  if (res.destroyed) {
    stream?.destroy()
    return Promise.resolve(LEFT)
  }
  return new Promise(resolve => {
    let bytesOut = Buffer.isBuffer(body) ? body.length : 0
    res.on('close', () => {
      const cut = !res.writableFinished
      stream?.destroy()
      if (cut && !stream) bytesOut = 0
      resolve({ outcome: cut ? 'failed' : outcome, status, reason: undefined, bytesOut, cut })
    })
    res.writeHead(status, lines.concat(added))
    if (Buffer.isBuffer(body) && body.length <= ONE_WRITE_BYTES) {
      return turns.atEnd(() => {
        writeOpening(res, body)
        res.end()
      })
    }
    if (!stream) return void res.end(body)
    stream.on('data', (chunk: Buffer) => (bytesOut += chunk.length))
    stream.on('error', () => res.destroy())
    stream.pipe(res)
  })
}
