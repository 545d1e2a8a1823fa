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

// Escapes that decode to "/", "\\", a control character, or an unreserved character (whose escape is a second
// spelling of itself); and an escaped percent sign in front of two hex digits, which a second decoding would open.
const HIDDEN =
  /%(?:2[fF]|5[cC]|[01][0-9a-fA-F]|7[fF]|2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE]|25[0-9a-fA-F]{2})/
const HALF_ESCAPE = /%(?![0-9A-Fa-f]{2})/
const DOTS = /\/\.{1,2}(?:\/|$)/
// http-proxy rewrites "http:/" inside a path to "http://".
const URL_INSIDE = /https?:\//i
// .NET also reads a GUID as a list, `{0x93be49ab,0xafa0,…}`, with white space anywhere: nobody sends it, and it would
// be a second key of one envelope.
const GUID_LIST = /%7b(?:%(?!7b)[0-9a-f]{2})*0(?:%(?!7b)[0-9a-f]{2})*x/i
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

const SLASH = 47
const DOT = 46
const PERCENT = 37

/** By character code, what may stand in a path: RFC 3986's pchar and "/", without ";" (path parameters are read by some servers and ignored by others). */
const PLAIN = 1
/** Allowed, but a reason to look closer: an escape, a dot, a colon, a slash. */
const CLOSER = 2
const PATH_CHARS = new Uint8Array(128)
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,=@") {
  PATH_CHARS[char.charCodeAt(0)] = PLAIN
}
for (const char of '%.:/') PATH_CHARS[char.charCodeAt(0)] = CLOSER

/**
 * @param raw the request target as it stood in the request line
 * @param isOurs whether an authority (`host:port`, lower case) of an absolute-form target means this listener
 */
export function readTarget(raw: string, isOurs: (authority: string) => boolean): Target | Malformed {
  let bytes = raw
  if (raw.charCodeAt(0) !== SLASH) {
    const absolute = ABSOLUTE.exec(raw)
    if (absolute && !isOurs((absolute[1] ?? '').toLowerCase()))
      return malformed('the target names another host')
    bytes = raw.slice(absolute?.[0].length ?? 0)
    if (bytes.charCodeAt(0) !== SLASH) return malformed('the target must begin with one "/"')
  }

  const mark = bytes.indexOf('?')
  const path = mark === -1 ? bytes : bytes.slice(0, mark)
  const query = mark === -1 ? '' : bytes.slice(mark + 1)
  const fault = pathFault(path) ?? queryFault(query)
  return fault === undefined ? { kind: 'target', bytes, path, query } : malformed(fault)
}

/** One pass over the characters; the expressions run only on a path that gives a reason. */
function pathFault(path: string): string | undefined {
  let slashes = 0
  let dots = 0
  let escapes = 0
  let colons = 0
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    const kind = code < 128 ? PATH_CHARS[code] : 0
    if (kind === PLAIN) continue
    if (kind !== CLOSER) return 'the path has a character that RFC 3986 does not allow there'
    if (code === SLASH) {
      if (slashes > 0 && path.charCodeAt(i - 1) === SLASH) return 'the path has an empty segment ("//")'
      slashes++
    } else if (code === DOT) dots++
    else if (code === PERCENT) escapes++
    else colons++
  }
  if (dots > 0 && DOTS.test(path)) return 'the path has a dot segment'
  if (escapes > 0 && HALF_ESCAPE.test(path)) return 'the path has half an escape'
  if (escapes > 0 && HIDDEN.test(path)) return 'the path escapes a character that must stand for itself'
  if (escapes > 0 && GUID_LIST.test(path)) return 'the path has a GUID written as a list of numbers'
  if (colons > 0 && URL_INSIDE.test(path)) return 'the path has a URL inside'
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
    const segment = segments[i] as string
    // 32 hex digits at least: nothing shorter can be a GUID in any form that passes here. Most are plain already.
    if (segment.length >= 32 && !isGuid(segment)) segments[i] = inOneForm(segment.trim())
    else if (plain !== path) segments[i] = segment.trim()
  }
  return segments
}

function inOneForm(segment: string): string {
  const parts = GUID.exec(segment)
  return parts ? parts.slice(1).join('-') : segment
}

function malformed(message: string): Malformed {
  return { kind: 'malformed', message }
}
