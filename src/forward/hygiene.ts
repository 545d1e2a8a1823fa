/**
 * Which header lines cross the house, both ways. Hop-by-hop lines (RFC 9110, 7.6.1) belong to one connection:
 * http-proxy passes them all, and a `Trailer` line that crosses ends the process.
 */
import type { IncomingHttpHeaders } from 'node:http'

const HOP_BY_HOP = ['connection', 'keep-alive', 'te', 'trailer', 'upgrade', 'http2-settings']

/** What a client may not tell DocuSign: its hops, whom it came through, another method or path, and words meant for us. */
const REQUEST_DROPPED = new Set([
  ...HOP_BY_HOP,
  // Node has answered it; forwarded, it would make the upstream wait for a "100" nobody relays.
  'expect',
  'forwarded',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'prefer',
])
const REQUEST_PREFIXES = ['proxy-', 'x-forwarded-', 'x-original-', 'x-governor-']
const RESPONSE_DROPPED = new Set([...HOP_BY_HOP, 'transfer-encoding'])
const RESPONSE_PREFIXES = ['proxy-', 'x-governor-']

/**
 * Lines that `Connection` may not take out: without them a message has another length, another addressee or
 * another author, or is another representation than the one that was judged.
 */
const KEPT =
  /^(?:content-|transfer-encoding$|host$|authorization$|cookie$|set-cookie$|accept|date$|location$|x-docusign-)/

/** A fresh object with the lines that go up; the client's own is left as it was. */
export function requestHeaders(sent: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = namedBy(sent.connection)
  const headers: Record<string, string | string[]> = {}
  for (const name in sent) {
    if (REQUEST_DROPPED.has(name) || hasPrefix(name, REQUEST_PREFIXES) || named?.has(name)) continue
    const value = sent[name]
    if (value !== undefined) headers[name] = value
  }
  return headers
}

/** `[name, value, name, value, …]` as received → the same without what is the upstream connection's own. */
export function responseHeaders(raw: readonly string[], status: number): string[] {
  let named: Set<string> | undefined
  // RFC 9110, 8.6: a 204 has no length; with one, some clients wait for a body and take it from the next answer.
  let lengthIsVoid = status === 204
  for (let i = 0; i < raw.length; i += 2) {
    const length = raw[i]?.length
    if (length === 10 && raw[i]?.toLowerCase() === 'connection') named = namedBy(raw[i + 1], named)
    else if (length === 17 && raw[i]?.toLowerCase() === 'transfer-encoding') lengthIsVoid = true
  }
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (!named && !lengthIsVoid && isPlain(name)) {
      kept.push(name, raw[i + 1] as string)
      continue
    }
    const key = name.toLowerCase()
    if (RESPONSE_DROPPED.has(key) || hasPrefix(key, RESPONSE_PREFIXES) || named?.has(key)) continue
    // RFC 9112, 6.3: with a transfer coding the length is void, and both together are the seed of smuggling.
    if (lengthIsVoid && key === 'content-length') continue
    kept.push(name, raw[i + 1] as string)
  }
  return kept
}

const DROPPED_LENGTHS = new Set(Array.from(RESPONSE_DROPPED, name => name.length))

/** Whether a name can be kept by its length and first letter alone, as most can: folding each costs more than the rest. */
function isPlain(name: string): boolean {
  const first = name.charCodeAt(0) | 32
  return first !== 112 && first !== 120 && !DROPPED_LENGTHS.has(name.length)
}

function hasPrefix(name: string, prefixes: readonly string[]): boolean {
  const first = name.charCodeAt(0)
  // "p" or "x": the rest of the alphabet is most of the traffic.
  return (first === 112 || first === 120) && prefixes.some(prefix => name.startsWith(prefix))
}

function namedBy(connection: string | undefined, before?: Set<string>): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return before
  const named = before ?? new Set<string>()
  for (const part of connection.toLowerCase().split(',')) {
    const name = part.trim()
    if (name !== '' && !KEPT.test(name)) named.add(name)
  }
  return named
}
