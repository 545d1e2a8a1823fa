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
  // Servers that hand header lines on as CGI did read "_" and "-" alike, and would see another length than we do.
  'content_length',
  'transfer_encoding',
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

/** The head of an answer, read once from its raw lines: Node would fold all of them into an object for one question. */
export interface AnswerHead {
  /** `[name, value, …]` as received, without what is the upstream connection's own. */
  readonly lines: string[]
  /** The transfer coding, lower case. */
  readonly coding: string | undefined
  /** `Keep-Alive`, in which a server may say how long it keeps the connection. */
  readonly keepAlive: string | undefined
}

export function answerHead(raw: readonly string[], status: number): AnswerHead {
  let named: Set<string> | undefined
  let coding: string | undefined
  let keepAlive: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length !== 10 && name.length !== 17) continue
    const key = name.toLowerCase()
    const value = raw[i + 1] as string
    if (key === 'connection') named = namedBy(value, named)
    else if (key === 'keep-alive') keepAlive = value
    else if (key === 'transfer-encoding')
      coding = (coding === undefined ? '' : `${coding}, `) + value.toLowerCase()
  }
  // RFC 9112, 6.3: with a transfer coding the length is void, and both together are the seed of smuggling. RFC 9110,
  // 8.6: a 204 has no length; with one, some clients wait for a body and take it from the next answer.
  const lengthIsVoid = coding !== undefined || status === 204
  const lines: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (named || lengthIsVoid || !isPlain(name)) {
      const key = name.toLowerCase()
      if (RESPONSE_DROPPED.has(key) || hasPrefix(key, RESPONSE_PREFIXES) || named?.has(key)) continue
      if (lengthIsVoid && key === 'content-length') continue
    }
    lines.push(name, raw[i + 1] as string)
  }
  return { lines, coding, keepAlive }
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
