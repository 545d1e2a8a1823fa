/**
 * The one writer of answers: refusals of ours, and DocuSign's answers in its own words with ours added.
 */
import type { ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Readable } from 'node:stream'
import type { Turns } from '../base/clock.js'
import type { Outcome, Reason, Refusal } from '../base/types.js'
import { refusalMessage } from './refusal.js'

/** What the client got, for the record. */
export interface Written {
  readonly outcome: Outcome
  /** `undefined`: no status line reached the client's connection. */
  readonly status: number | undefined
  readonly reason: Reason | undefined
  readonly bytesOut: number
  readonly cut: boolean
}

/** DocuSign's answer as this room needs it: its head, its body still flowing, and whether that body came whole. */
export interface Passing {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Readable
  isWhole(): boolean
}

/** Up to this size a piece is worth copying to save a vector. */
const ONE_WRITE_BYTES = 16_384

export const LEFT: Written = {
  outcome: 'failed',
  status: undefined,
  reason: undefined,
  bytesOut: 0,
  cut: true,
}

/** Writes a refusal of ours. Resolves when the client's connection is done with it. */
export function refuse(
  res: ServerResponse,
  refusal: Refusal,
  added: readonly string[] = [],
): Promise<Written> {
  if (res.destroyed) return Promise.resolve(LEFT)
  const { head, body, status, outcome } = refusalMessage(refusal)
  return whole(res, status, head.concat(added), body, { outcome, reason: refusal.reason })
}

/** An answer whose body is at hand. `headers` are raw pairs and hold no `Content-Length`. */
export function whole(
  res: ServerResponse,
  status: number,
  headers: readonly string[],
  body: Buffer,
  what: { outcome: Outcome; reason?: Reason },
): Promise<Written> {
  return new Promise(resolve => {
    res.on('close', () => {
      const cut = !res.writableFinished
      resolve({ outcome: what.outcome, status, reason: what.reason, bytesOut: cut ? 0 : body.length, cut })
    })
    res.writeHead(status, [...headers, 'Content-Length', String(body.length)])
    res.end(body)
  })
}

/** The same refusal for a socket whose request never became one (it did not parse): the raw message, ending the connection. */
export function rawRefusal(refusal: Refusal): { message: Buffer; status: number } {
  const { head, body, status } = refusalMessage(refusal)
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`]
  for (let i = 0; i < head.length; i += 2) lines.push(`${head[i]}: ${head[i + 1]}`)
  lines.push(`Content-Length: ${body.length}`, 'Connection: close', '', '')
  return { message: Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body]), status }
}

/** Passes on an answer of DocuSign's that had to be read before: the same head, the same bytes. */
export function passWhole(
  res: ServerResponse,
  answer: Pick<Passing, 'status' | 'headers'>,
  body: Buffer,
  added: readonly string[],
): Promise<Written> {
  if (res.destroyed) return Promise.resolve(LEFT)
  return new Promise(resolve => {
    res.on('close', () => {
      const cut = !res.writableFinished
      const bytesOut = cut ? 0 : body.length
      resolve({
        outcome: cut ? 'failed' : 'forwarded',
        status: answer.status,
        reason: undefined,
        bytesOut,
        cut,
      })
    })
    try {
      res.writeHead(answer.status, answer.headers.concat(added))
      res.end(body)
    } catch {
      resolve(refuse(res, UNPASSABLE))
    }
  })
}

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
    if (!stream) return void res.end(body)
    stream.on('data', (chunk: Buffer) => (bytesOut += chunk.length))
    stream.on('error', () => res.destroy())
    stream.pipe(res)
  })
}

const UNPASSABLE: Refusal = {
  kind: 'refusal',
  reason: 'upstream-unreachable',
  message: 'DocuSign answered with a head that cannot be passed on. It has received the request.',
}

/** Who else wants this answer. */
export interface Others {
  /** They wait for the whole of it, and not for how fast this client reads. */
  hurry(): boolean
  /** It should come to its end though this client has left. */
  wantIt(): boolean
}

const ALONE: Others = { hurry: () => false, wantIt: () => false }

function leave(body: Readable, others: Others): void {
  if (others.wantIt()) body.resume()
  else body.destroy()
}

/**
 * Passes DocuSign's answer on as it flows, no faster than the client reads. A body that breaks off upstream breaks
 * off here too: ended cleanly, half a contract would look like a whole one.
 */
export function passOn(
  res: ServerResponse,
  answer: Passing,
  added: readonly string[],
  turns: Turns,
  others: Others = ALONE,
): Promise<Written> {
  const { body } = answer
  if (res.destroyed) {
    leave(body, others)
    return Promise.resolve(LEFT)
  }
  try {
    // Without DocuSign's reason phrase: one control character in it and Node throws.
    res.writeHead(answer.status, answer.headers.concat(added))
  } catch {
    leave(body, others)
    return refuse(res, UNPASSABLE)
  }
  return new Promise(resolve => {
    let bytesOut = 0
    let opening: Buffer | undefined
    let isOver = false
    const open = () => {
      if (opening === undefined) return
      const flows = writeOpening(res, opening)
      opening = undefined
      if (isOver) res.end()
      else if (!flows) wait()
    }
    // Only then is `drain` listened for: most answers never wait.
    const wait = () => {
      if (others.hurry()) return
      body.pause()
      res.once('drain', () => body.resume())
    }
    body.on('data', (chunk: Buffer) => {
      if (bytesOut === 0 && chunk.length <= ONE_WRITE_BYTES) {
        opening = chunk
        turns.atEnd(open)
      } else {
        open()
        if (!res.write(chunk)) wait()
      }
      bytesOut += chunk.length
    })
    // Part of it may have been read and put back.
    if (body.isPaused()) body.resume()
    const cutShort = () => {
      if (answer.isWhole()) return
      open()
      res.destroy()
    }
    body.on('end', () => {
      cutShort()
      isOver = true
      if (opening === undefined) res.end()
    })
    body.on('close', cutShort)
    // It may have closed between its head and now, and then says so no more.
    if (body.destroyed) cutShort()
    res.on('close', () => {
      const cut = !res.writableFinished
      if (cut) leave(body, others)
      resolve({
        outcome: cut ? 'failed' : 'forwarded',
        status: answer.status,
        reason: undefined,
        bytesOut,
        cut,
      })
    })
  })
}

/**
 * The head and the first, small piece of the body in one plain write. As a buffer the piece would make it a vector
 * of two; left to Node, the end of the answer would join them and make it one again.
 */
function writeOpening(res: ServerResponse, chunk: Buffer): boolean {
  res.cork()
  const flows = res.write(chunk.toString('latin1'), 'latin1')
  res.uncork()
  return flows
}
