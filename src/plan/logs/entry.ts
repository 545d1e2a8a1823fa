/** What an access log tells of one request; what it does not tell is absent. */
export interface LogEntry {
  readonly kind: 'request'
  /** Epoch milliseconds, when the request came. */
  readonly atMs: number
  readonly method: string
  /** Path and query, or a URL. */
  readonly target: string
  /** Absent too where no answer was given. */
  readonly status: number | undefined
  /** Of the answer. */
  readonly bytes: number | undefined
  /** Until the end of the answer. */
  readonly durationMs: number | undefined
  /** Until the upstream's answer. */
  readonly upstreamMs: number | undefined
  /** Who asked, where the log names a user. */
  readonly viewer: string | undefined
  readonly app: string | undefined
}

export type ReadEntry =
  | LogEntry
  /** Nothing of ours: a header, an event, a request that was none. */
  | { readonly kind: 'other' }
  /** @property message completes "FILE:LINE: …", and repeats nothing of the line */
  | { readonly kind: 'fault'; readonly message: string }

export const OTHER: ReadEntry = { kind: 'other' }

export function fault(message: string): ReadEntry {
  return { kind: 'fault', message }
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
/** nginx and Apache: `25/Nov/2026:13:00:00 +0100`. */
const LOCAL = /^(\d{1,2})\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d(?:\.\d+)?) ([+-])(\d\d)(\d\d)$/
/** ISO 8601, with a zone: a time without one could be any. */
const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/
/** Epoch seconds with or without a fraction (nginx `$msec`), or whole milliseconds. */
const EPOCH = /^(?:\d{9,10}(?:\.\d+)?|\d{12,13})$/
const FIRST_MILLIS = 1e11

/** @returns epoch milliseconds; `undefined` where it is no time that can be read in one way only */
export function readTime(text: string): number | undefined {
  if (ISO.test(text)) {
    const millis = Date.parse(text.replace(' ', 'T').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
    return Number.isNaN(millis) ? undefined : millis
  }
  if (EPOCH.test(text)) {
    const number = Number(text)
    return Math.round(number < FIRST_MILLIS ? number * 1000 : number)
  }
  const [, day, name = '', year, hour, minute, second, sign, hours, minutes] = LOCAL.exec(text) ?? []
  const month = MONTHS.indexOf(name.toLowerCase())
  if (month === -1) return undefined
  const offsetMinutes = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  const utcMs = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute))
  return utcMs + Number(second) * 1000 - offsetMinutes * 60_000
}

/** A number of 0 or more; of several (`0.1, 0.2`: one for each upstream that was tried) the last. */
export function readAmount(text: string | undefined): number | undefined {
  const last = text
    ?.split(/[,:]\s/)
    .at(-1)
    ?.trim()
  if (last === undefined || !/^\d+(?:\.\d+)?$/.test(last)) return undefined
  return Number(last)
}

/** `undefined` for what stands where no answer was given: 0, `-`, and a status that says the client had left. */
export function readStatus(text: string | undefined): number | undefined {
  const status = readAmount(text)
  const isOne = status !== undefined && Number.isInteger(status) && status >= 100 && status <= 599
  return isOne && !CLIENT_LEFT.has(status) ? status : undefined
}

/** nginx's word for it, and AWS's. */
const CLIENT_LEFT = new Set([499, 460])
const REQUEST = /^([A-Za-z]{1,16}) (\S+)(?: HTTP\/[\d.]+)?$/

/** `GET /path HTTP/1.1` → method and target; `undefined` where it is no request (a probe, a TLS handshake in the clear). */
export function readRequest(text: string): { readonly method: string; readonly target: string } | undefined {
  const [, method, target] = REQUEST.exec(text) ?? []
  return method === undefined || target === undefined ? undefined : { method, target }
}

export function millisOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e6) / 1000
}

/** What logs write for "nothing". */
export function named(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text === '-' ? undefined : text
}
