/**
 * A pattern of the user's own: what a line looks like, with names where its fields stand, as nginx's `log_format` has them
 * (`$request_time`) or in braces (`{seconds}`). A field reaches to the text that stands behind it in the pattern; so a line
 * is read in one pass, whatever somebody has written in it.
 */
import {
  fault,
  millisOf,
  named,
  OTHER,
  readAmount,
  readRequest,
  readStatus,
  readTime,
  type LogEntry,
  type ReadEntry,
} from './entry.js'

/** What a field tells, whatever it is called. */
type Meaning =
  | 'time'
  | 'started'
  | 'request'
  | 'method'
  | 'target'
  | 'query'
  | 'status'
  | 'bytes'
  | 'seconds'
  | 'millis'
  | 'upstreamSeconds'
  | 'upstreamMillis'
  | 'viewer'
  | 'app'

/** The names a pattern may use. All others may stand there as well, and tell nothing. */
export const FIELDS: Readonly<Record<string, Meaning>> = {
  time: 'time',
  time_local: 'time',
  time_iso8601: 'time',
  msec: 'time',
  started: 'started',
  request: 'request',
  method: 'method',
  request_method: 'method',
  path: 'target',
  url: 'target',
  request_uri: 'target',
  uri: 'target',
  query: 'query',
  args: 'query',
  status: 'status',
  bytes: 'bytes',
  body_bytes_sent: 'bytes',
  bytes_sent: 'bytes',
  seconds: 'seconds',
  request_time: 'seconds',
  ms: 'millis',
  upstream_seconds: 'upstreamSeconds',
  upstream_response_time: 'upstreamSeconds',
  upstream_header_time: 'upstreamSeconds',
  upstream_ms: 'upstreamMillis',
  user: 'viewer',
  remote_user: 'viewer',
  app: 'app',
}

interface Piece {
  readonly meaning: Meaning | undefined
  /** What stands behind the field; '' for the end of the line. */
  readonly until: string
}

const FIELD = /\$\{(\w+)\}|\$(\w+)|\{(\w+)\}/g

export function isPattern(text: string): boolean {
  return /[${]/.test(text)
}

/** @returns the reader of a line, or what is wrong with the pattern */
export function compilePattern(pattern: string): ((line: string) => ReadEntry) | string {
  const fields = [...pattern.matchAll(FIELD)]
  const pieces = fields.map((field, i): Piece => {
    const name = field[1] ?? field[2] ?? field[3] ?? ''
    const from = field.index + field[0].length
    const meaning = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
    return { meaning, until: pattern.slice(from, fields[i + 1]?.index ?? pattern.length) }
  })
  const meanings = new Set(pieces.map(({ meaning }) => meaning))
  if (!meanings.has('time') && !meanings.has('started'))
    return 'the pattern has no time: $time_local, {time} or {started}'
  if (!meanings.has('request') && !(meanings.has('target') && meanings.has('method')))
    return 'the pattern has no request: $request, or {method} and {path}'
  if (pieces.slice(0, -1).some(({ until }) => until === ''))
    return 'two fields of the pattern touch: where one ends and the next begins could not be told'
  const start = pattern.slice(0, fields[0]?.index ?? 0)
  return line => {
    const told = fieldsOf(line, start, pieces)
    return told ? entryOf(told) : fault('does not fit the pattern')
  }
}

function fieldsOf(
  line: string,
  start: string,
  pieces: readonly Piece[],
): Partial<Record<Meaning, string>> | undefined {
  if (!line.startsWith(start)) return undefined
  const told: Partial<Record<Meaning, string>> = {}
  let at = start.length
  for (const { meaning, until } of pieces) {
    const end = until === '' ? line.length : line.indexOf(until, at)
    if (end === -1) return undefined
    if (meaning !== undefined) told[meaning] = line.slice(at, end)
    at = end + until.length
  }
  return told
}

function entryOf(told: Partial<Record<Meaning, string>>): ReadEntry {
  const durationMs = readAmount(told.millis) ?? millisOf(readAmount(told.seconds))
  const startedMs = readTime(told.started ?? '')
  const endedMs = readTime(told.time ?? '')
  const atMs = startedMs ?? (endedMs === undefined ? undefined : endedMs - (durationMs ?? 0))
  if (atMs === undefined) return fault('has a time that cannot be read')
  const { method = '', target = '', query } = told
  const asked = readRequest(told.request ?? `${method} ${target}`)
  if (!asked) return OTHER
  const isQueried = named(query) !== undefined && !asked.target.includes('?')
  const entry: LogEntry = {
    kind: 'request',
    method: asked.method,
    target: isQueried ? `${asked.target}?${query}` : asked.target,
    atMs,
    // A log without statuses has no word for a call that failed.
    status: told.status === undefined ? 200 : readStatus(told.status),
    bytes: readAmount(told.bytes),
    durationMs,
    upstreamMs: readAmount(told.upstreamMillis) ?? millisOf(readAmount(told.upstreamSeconds)),
    viewer: named(told.viewer),
    app: named(told.app),
  }
  return entry
}
