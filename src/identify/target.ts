/**
 * Request target → path and query, or why not. One resource must have one count whatever its spelling, and the
 * bytes that are judged must be the bytes that are sent: so a spelling that some server along the way could read
 * as another path is refused here, and what passes is forwarded untouched.
 */

export interface Target {
  readonly kind: 'target'
  /** Path and query, byte for byte as they will be sent. */
  readonly bytes: string
  readonly path: string
  /** Without its `?`; '' when there is none. */
  readonly query: string
}

export interface Malformed {
  readonly kind: 'malformed'
  /** What is wrong, in words that repeat nothing of the target: it may hold what no log should. */
  readonly message: string
}

// RFC 3986 pchar and "/", without ";": path parameters are read by some servers and ignored by others.
const PATH = /^(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})*$/
// Escapes that decode to "/", "\", a control character, or an unreserved character (whose escape is a second
// spelling of itself); and an escaped percent sign in front of two hex digits, which a second decoding would open.
const HIDDEN =
  /%(?:2[fF]|5[cC]|[01][0-9a-fA-F]|7[fF]|2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE]|25[0-9a-fA-F]{2})/
const DOTS = /\/\.{1,2}(?:\/|$)/
// http-proxy rewrites "http:/" inside a path to "http://".
const URL_INSIDE = /https?:\//i
// .NET also reads a GUID as a list, `{0x93be49ab,0xafa0,…}`, with white space anywhere: nobody sends it, and it would
// be a second key of one envelope.
const GUID_LIST = /%7b(?:%(?!7b)[0-9a-f]{2})*0(?:%(?!7b)[0-9a-f]{2})*x/i
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/**
 * @param raw the request target as it stood in the request line
 * @param isOurs whether an authority (`host:port`, lower case) of an absolute-form target means this listener
 */
export function readTarget(raw: string, isOurs: (authority: string) => boolean): Target | Malformed {
  let bytes = raw
  const absolute = ABSOLUTE.exec(raw)
  if (absolute) {
    if (!isOurs((absolute[1] ?? '').toLowerCase())) return malformed('the target names another host')
    bytes = raw.slice(absolute[0].length)
  }
  if (bytes.charCodeAt(0) !== 47) return malformed('the target must begin with one "/"')

  const mark = bytes.indexOf('?')
  const path = mark === -1 ? bytes : bytes.slice(0, mark)
  const query = mark === -1 ? '' : bytes.slice(mark + 1)
  const fault = pathFault(path) ?? queryFault(query)
  return fault === undefined ? { kind: 'target', bytes, path, query } : malformed(fault)
}

function pathFault(path: string): string | undefined {
  if (path.includes('//')) return 'the path has an empty segment ("//")'
  if (DOTS.test(path)) return 'the path has a dot segment'
  if (!PATH.test(path))
    return 'the path has a character, or half an escape, that RFC 3986 does not allow there'
  if (path.includes('%') && HIDDEN.test(path))
    return 'the path escapes a character that must stand for itself'
  if (GUID_LIST.test(path)) return 'the path has a GUID written as a list of numbers'
  if (URL_INSIDE.test(path)) return 'the path has a URL inside'
  return undefined
}

function queryFault(query: string): string | undefined {
  if (query.includes('#')) return 'the target has a fragment'
  for (let i = 0; i < query.length; i++) {
    const code = query.charCodeAt(i)
    if (code <= 0x20 || code === 0x7f) return 'the query has a control character or a space'
  }
  return undefined
}

const GUID = /^[{(]?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})[)}]?$/
const PLAIN_GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether a segment of a resource key is a GUID (the key has all GUIDs in their 36-character form). */
export function isGuid(segment: string): boolean {
  return segment.length === 36 && PLAIN_GUID.test(segment)
}

/**
 * The segments of a path as a key: decoded, lower case, GUIDs in one form, no trailing slash. The first is ''
 * (what stands before the leading slash). `undefined` when an escape is not UTF-8.
 */
export function resourceSegments(path: string): string[] | undefined {
  let plain = path
  if (path.includes('%')) {
    try {
      plain = decodeURIComponent(path)
    } catch {
      return undefined
    }
  }
  const segments = plain.toLowerCase().split('/')
  if (segments.length > 2 && segments.at(-1) === '') segments.pop()
  for (let i = 1; i < segments.length; i++) {
    const segment = (segments[i] as string).trim()
    // 32 hex digits at least: shorter segments cannot be a GUID in any form that passes here.
    const parts = segment.length >= 32 && segment.length <= 38 ? GUID.exec(segment) : null
    segments[i] = parts ? parts.slice(1).join('-') : segment
  }
  return segments
}

function malformed(message: string): Malformed {
  return { kind: 'malformed', message }
}
