/** A copy and a request → the answer, but for the bytes of its body (RFC 9110, 13.2 and 14.2). */
import type { IncomingHttpHeaders } from 'node:http'
import { isRangeOf, isUnchanged } from './conditions.js'
import { valueOf } from './etag.js'
import { rangeOf, type Range } from './ranges.js'

export interface Replayable {
  /** `Keep.lines`. */
  readonly lines: readonly string[]
  /** Of the body. */
  readonly bytes: number
  readonly etag: string
  /** `Keep.ageMs`, and what has passed since the answer came: 0 or more. */
  readonly ageMs: number
}

export interface Replayed {
  readonly status: 200 | 206 | 304 | 416
  /** `[name, value, …]`, `Content-Length` among them where there is one. */
  readonly lines: string[]
  /** The part of the body that is sent, where it is not all of it. */
  readonly range: Range | undefined
  /** Whether any of the body is sent. */
  readonly hasBody: boolean
}

/** What an answer says that has no representation in it (RFC 9110, 15.4.5). */
const OF_THE_ANSWER = new Set(['cache-control', 'content-location', 'date', 'expires', 'vary'])
/** Sums over what a message carries, not over what it is a part of. */
const OF_THE_WHOLE = new Set(['content-md5', 'content-digest'])

/** @param headers those of a call that `mayAnswer` */
export function replay(copy: Replayable, method: string, headers: IncomingHttpHeaders): Replayed {
  const { lines, bytes, etag } = copy
  const own = ['ETag', etag, 'Age', String(Math.floor(copy.ageMs / 1000))]
  if (isConditional(headers) && isUnchanged(headers, etag, valueOf(lines, 'last-modified'))) {
    const told = only(lines, name => OF_THE_ANSWER.has(name)).concat(own)
    return { status: 304, lines: told, range: undefined, hasBody: false }
  }
  own.push('Accept-Ranges', 'bytes')
  // A Range means something to GET alone.
  const range = method === 'GET' && headers.range !== undefined ? wanted(copy, headers) : 'whole'
  if (range === 'whole') {
    const told = lines.concat(own, 'Content-Length', String(bytes))
    return { status: 200, lines: told, range: undefined, hasBody: method === 'GET' }
  }
  if (range === 'unsatisfiable') {
    const told = only(lines, name => OF_THE_ANSWER.has(name) && name !== 'content-location')
    told.push(...own, 'Content-Range', `bytes */${bytes}`, 'Content-Length', '0')
    return { status: 416, lines: told, range: undefined, hasBody: false }
  }
  const { start, end } = range
  const told = only(lines, name => !OF_THE_WHOLE.has(name))
  told.push(
    ...own,
    'Content-Range',
    `bytes ${start}-${end}/${bytes}`,
    'Content-Length',
    String(end - start + 1),
  )
  return { status: 206, lines: told, range, hasBody: true }
}

function isConditional(headers: IncomingHttpHeaders): boolean {
  return headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined
}

function wanted({ lines, bytes, etag }: Replayable, headers: IncomingHttpHeaders) {
  const ifRange = headers['if-range']
  const isOfCopy =
    typeof ifRange !== 'string' ||
    isRangeOf(ifRange, etag, valueOf(lines, 'last-modified'), valueOf(lines, 'date'))
  return isOfCopy ? rangeOf(headers.range ?? '', bytes) : 'whole'
}

function only(lines: readonly string[], isWanted: (name: string) => boolean): string[] {
  const found: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string
    if (isWanted(name.toLowerCase())) found.push(name, lines[i + 1] as string)
  }
  return found
}
