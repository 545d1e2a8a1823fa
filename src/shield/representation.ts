/**
 * Call → which representation it asks for: the part of a copy's key that says what, not for whom. Two calls that share
 * one could not be told apart by what DocuSign answers the same viewer; where that is not certain, they do not share it.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Call } from '../base/types.js'

/**
 * The header lines, besides those that name the viewer, by which an answer may differ (facts 6.5, 10). A `Content-Type`
 * is none of them: SDKs send it with every GET, and it describes a body that is not there.
 */
export const SELECTING = [
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'content-transfer-encoding',
] as const

/**
 * Pure, and the same for GET and HEAD. Holds what the caller sent in the clear: it goes into `keyOf`, and into no log.
 *
 * @param headers those that go up
 */
export function representationOf(call: Call, headers: IncomingHttpHeaders): string {
  return [
    call.resource,
    canonicalQuery(call.query),
    normal(headers.accept),
    codingClass(headers['accept-encoding']),
    // A choice among lines that hardly anyone sends.
    normal(headers['content-transfer-encoding'] as string | undefined),
    normal(headers['accept-language']),
    normal(headers['accept-charset'] as string | undefined),
  ].join('\0')
}

const ESCAPE = /%([0-9a-fA-F]{2})/g
/** Decoded, these would be read as another thing than their escape: `&`, `=`, `+`, `%`, `#`, `;`. */
const MEANINGFUL = '&=+%#;'

/**
 * One spelling of a query: parameters by name, those of one name in the order they came, escapes only where they are
 * needed. Names keep their case, but those that differ only by case keep their order too: to DocuSign they may be one.
 * `+` and `%20` stay apart, as do `a` and `a=`.
 */
export function canonicalQuery(query: string): string {
  if (query === '') return ''
  const plain = query.includes('%') ? query.replace(ESCAPE, unescaped) : query
  if (!plain.includes('&')) return plain
  const parameters = plain
    .split('&')
    .filter(text => text !== '')
    .map(text => ({ text, name: nameOf(text) }))
  // The sort is stable.
  parameters.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return parameters.map(({ text }) => text).join('&')
}

function unescaped(escape: string, hex: string): string {
  const code = parseInt(hex, 16)
  const char = String.fromCharCode(code)
  return code > 0x20 && code < 0x7f && !MEANINGFUL.includes(char) ? char : escape.toUpperCase()
}

/** What DocuSign may take for one name, however it is spelled. */
function nameOf(parameter: string): string {
  const equals = parameter.indexOf('=')
  const name = equals === -1 ? parameter : parameter.slice(0, equals)
  const spaced = name.includes('+') ? name.replaceAll('+', ' ') : name
  if (!spaced.includes('%')) return spaced.toLowerCase()
  try {
    return decodeURIComponent(spaced).toLowerCase()
  } catch {
    return spaced.toLowerCase()
  }
}

const ALREADY_NORMAL = /^[^\sA-Z"]*$/
const AROUND = /[ \t]*([,;=])[ \t]*/g

/** Lower case, no white space around separators. A quoted string may mean its case, so a value with one stays as it is. */
function normal(value: string | undefined): string {
  if (value === undefined || ALREADY_NORMAL.test(value) || value.includes('"')) return value ?? ''
  return value.trim().replace(AROUND, '$1').toLowerCase()
}

/** The codings that a copy may have. An answer in any other is not kept, so no one's wish for one matters here. */
const CODINGS: ReadonlyMap<string, number> = new Map([
  ['gzip', 1],
  ['x-gzip', 1],
  ['br', 2],
  ['deflate', 4],
  ['zstd', 8],
  ['identity', 16],
])
const ALL = 31
const IDENTITY = 16
const ELEMENT = /^[ \t]*([^\s;,]+)[ \t]*(?:;[ \t]*q[ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$/i

/**
 * Which codings a client takes, whatever their order and weight: any answer to one of a class can be read by all of it.
 * '' where it does not say. A line that cannot be read for certain is a class of its own.
 */
export function codingClass(acceptEncoding: string | undefined): string {
  if (acceptEncoding === undefined) return ''
  let named = 0
  let taken = 0
  let others: boolean | undefined
  for (const element of acceptEncoding.split(',')) {
    // As a rule it is a word and no more, behind a space.
    const word = element.startsWith(' ') ? element.slice(1) : element
    const [, coding, weight] = CODINGS.has(word) ? [word, word] : (ELEMENT.exec(element) ?? [])
    if (coding === undefined && element.trim() === '') continue
    if (coding === undefined) return acceptEncoding
    const isTaken = weight === undefined || Number(weight) > 0
    if (coding === '*') {
      if (others !== undefined) return acceptEncoding
      others = isTaken
      continue
    }
    const bit = CODINGS.get(coding) ?? CODINGS.get(coding.toLowerCase())
    if (bit === undefined) continue
    if ((named & bit) !== 0) return acceptEncoding
    named |= bit
    if (isTaken) taken |= bit
  }
  // RFC 9110, 12.5.3: what is not named is as `*` says; without one, only the bare body is.
  const unnamed = others === undefined ? IDENTITY : others ? ALL : 0
  return String(taken | (unnamed & ~named))
}

/** Whether a copy may be in this `Content-Encoding`. */
export function isKnownCoding(contentEncoding: string): boolean {
  return CODINGS.has(contentEncoding.trim().toLowerCase())
}
