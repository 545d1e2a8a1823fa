/** What copies and twins may be made of, and answer: the letter of "Who is who" as far as HTTP has one. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Call } from '../base/types.js'
import { hyphened } from './evidence.js'
import { isKnownCoding, SELECTING } from './representation.js'

/** Lines that name the viewer. */
const VIEWER = [
  'authorization',
  'x-docusign-act-on-behalf',
  'x-docusign-act-as-user',
  'x-docusign-authentication',
]

/**
 * Calls with one of these go to DocuSign as if there were no shield: what it answers belongs to a browser session, to
 * settings or a lock that no key of ours holds, or carries back what only this call brought (facts 10).
 */
const BYPASSING = [
  'cookie',
  'origin',
  'if-match',
  'if-unmodified-since',
  'a-im',
  'x-docusign-user-settings-key',
]

/** For support and statistics at DocuSign, without a say in its answer. */
const SILENT = ['x-docusign-sdk', 'x-docusign-correlationtoken']

const BYPASSES = new Set(BYPASSING)
const PLACED = new Set<string>([...VIEWER, ...SILENT, ...SELECTING])
/** A request line by which DocuSign says that its answer differs is harmless if it is in the key, or never there. */
const MAY_VARY = new Set<string>([...VIEWER, ...SELECTING, ...BYPASSING])

/**
 * Whether a request may be answered from a copy at all. Neither who asks nor whether the resource is one of those that
 * are kept is looked at.
 *
 * @param headers those that go up
 */
export function mayAnswer(call: Call, headers: IncomingHttpHeaders): boolean {
  if (call.service !== 'api' || (call.method !== 'GET' && call.method !== 'HEAD')) return false
  for (const name in headers) {
    if (BYPASSES.has(name)) return false
    // Two readings of a name are two requests.
    const other = hyphened(name)
    if (other !== undefined && (mayMatter(other) || PLACED.has(other) || BYPASSES.has(other))) return false
    // A word we cannot place, from a family that chooses answers: `X-DocuSign-Edit` (a lock's token),
    // `X-DocuSign-TimeTrack` (comes back in the answer), `Accept-Datetime`, or what DocuSign thinks of next.
    if (mayMatter(name) && !PLACED.has(name)) return false
  }
  return hasNoBody(headers)
}

function mayMatter(name: string): boolean {
  return name.startsWith('x-docusign-') || name.startsWith('accept-')
}

/**
 * Whether what such a request is answered with is any twin's answer too: the whole of the resource, asked for without a
 * condition. The others are answered from copies, and go up alone where there is none.
 */
export function mayLead(call: Call, headers: IncomingHttpHeaders): boolean {
  return (
    call.method === 'GET' &&
    headers.range === undefined &&
    headers['if-none-match'] === undefined &&
    headers['if-modified-since'] === undefined
  )
}

const NO_STORE = /(?:^|[\s,])no-store(?:$|[\s,;=])/i
const PRIVATE = /(?:^|[\s,])private(?:$|[\s,;=])/i

/**
 * Whether what such a request is answered with may become a copy: it is a GET, because the answer to a HEAD looks whole
 * without its body, and its caller does not forbid it (RFC 9111, 5.2.1.5). What else a request says in `Cache-Control`
 * is wishes, and DocuSign's polling rule does not give way to a reload.
 */
export function mayKeep(call: Call, headers: IncomingHttpHeaders): boolean {
  if (call.method !== 'GET') return false
  return headers['cache-control'] === undefined || !NO_STORE.test(headers['cache-control'])
}

function hasNoBody(headers: IncomingHttpHeaders): boolean {
  const length = headers['content-length']
  return headers['transfer-encoding'] === undefined && (length === undefined || Number(length) === 0)
}

/** An answer that may be kept, once its body has come whole. */
export interface Keep {
  /** For the eyes of its own viewer, whatever `cache.share` says. */
  readonly isPrivate: boolean
  /** Its `Content-Length`; `undefined` when it does not say. */
  readonly declaredBytes: number | undefined
  /** How old it was when it came: its `Age`, which the copy's own time is added to. */
  readonly ageMs: number
  /** DocuSign's own strong ETag, which it has never sent (facts 6.5) and which would then be the copy's. */
  readonly etag: string | undefined
  /** `[name, value, …]` that every answer from the copy repeats. */
  readonly lines: string[]
}

/** Of one answer or one connection, or written anew for each answer from a copy. */
const NOT_REPEATED = new Set([
  'x-docusign-tracetoken',
  'x-docusign-node',
  'x-docusign-timetrack',
  'retry-after',
  'content-length',
  'age',
  'accept-ranges',
  'etag',
  'cache-status',
])
const NOT_REPEATED_PREFIXES = ['x-ratelimit-', 'x-burstlimit-', 'x-governor-']
/** RFC 9111, 5.1: what is no number of seconds is no news of how fresh an answer is. */
const AGE = /^\d{1,9}$/
/** Without a comma inside: lists of ETags are split at them. */
const STRONG_ETAG = /^"[\x21\x23-\x2b\x2d-\x7e\x80-\xff]*"$/

/**
 * What of an answer is kept: only a whole, plain 200 is. How long, and against DocuSign's `no-cache` or any lifetime it
 * states, is policy and not asked here (facts 6.5).
 *
 * @param rawHeaders `[name, value, …]` as received, without hop-by-hop lines
 */
export function keepOf(status: number, rawHeaders: readonly string[]): Keep | undefined {
  if (status !== 200) return undefined
  let isPrivate = false
  let declaredBytes: number | undefined
  let ageMs: number | undefined
  let etag: string | undefined
  const lines: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    const key = name.toLowerCase()
    switch (key) {
      case 'set-cookie':
      case 'set-cookie2':
      case 'content-range':
        return undefined
      case 'content-encoding':
        if (!isKnownCoding(value)) return undefined
        break
      case 'cache-control':
        if (NO_STORE.test(value)) return undefined
        isPrivate ||= PRIVATE.test(value)
        break
      case 'vary': {
        const names = namesIn(value)
        if (!names.every(varying => MAY_VARY.has(varying))) return undefined
        isPrivate ||= names.some(varying => VIEWER.includes(varying))
        break
      }
      case 'content-length':
        declaredBytes = Number(value)
        if (!Number.isSafeInteger(declaredBytes)) return undefined
        break
      case 'age':
        if (ageMs !== undefined || !AGE.test(value)) return undefined
        ageMs = Number(value) * 1000
        break
      case 'etag':
        etag = STRONG_ETAG.test(value) ? value : undefined
        break
    }
    if (NOT_REPEATED.has(key) || NOT_REPEATED_PREFIXES.some(prefix => key.startsWith(prefix))) continue
    lines.push(name, value)
  }
  return { isPrivate, declaredBytes, ageMs: ageMs ?? 0, etag, lines }
}

function namesIn(list: string): string[] {
  return list
    .toLowerCase()
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
}
