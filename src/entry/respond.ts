/**
 * The one writer of answers: refusals of ours, and DocuSign's answers in its own words with ours added. Those whose body
 * flows or lies in a copy are written next door, by the same rules: `pass-on.ts`, `stand-in.ts`.
 */
import type { ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
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
  answer: { readonly status: number; readonly headers: readonly string[] },
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

export const UNPASSABLE: Refusal = {
  kind: 'refusal',
  reason: 'upstream-unreachable',
  message: 'DocuSign answered with a head that cannot be passed on. It has received the request.',
}
