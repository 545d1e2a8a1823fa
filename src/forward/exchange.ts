/** What goes up and what comes back, in the words of this room. */
import type { Readable } from 'node:stream'

/** One of DocuSign's hosts. */
export interface Origin {
  readonly protocol: 'http:' | 'https:'
  /** For connecting: without the brackets of an IPv6 literal. */
  readonly hostname: string
  /** For the `Host` line: with the brackets. */
  readonly host: string
  readonly port: number
  /** `https://host[:port]`, as a key. */
  readonly text: string
}

export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'stream'; readonly stream: Readable; readonly note?: (chunk: Buffer) => void }

/** The connection a call came by. What cannot be written to any more cannot be answered: its client has left. */
export interface Caller {
  readonly writable: boolean
}

export interface Shipment {
  readonly method: string
  /** The request target that was judged, byte for byte. */
  readonly target: string
  readonly headers: Record<string, string | string[]>
  readonly body: Body
  readonly origin: Origin
  /** Whose connections it uses; '' where the call names no account. */
  readonly account: string
  readonly caller: Caller
  /** On a connection of its own, because a kept one has just failed this call. */
  readonly fresh: boolean
}

/** Leave to send a call. Asked again when its connection comes, which may be long after it was sent off. */
export interface Leave {
  holds(): boolean
  /** It goes now: before its first byte, each time. */
  goes(): void
}

/** DocuSign's answer: its head, and its body still flowing. */
export interface Answer {
  readonly kind: 'answer'
  readonly status: number
  /** `[name, value, …]` in DocuSign's order and spelling, hop-by-hop lines removed. */
  readonly headers: string[]
  /** Closes before `isWhole()` where DocuSign's side broke off. */
  readonly body: Readable
  isWhole(): boolean
}

export interface Failure {
  readonly kind: 'failure'
  /** `withheld`: its leave did not hold any more when its connection came. */
  readonly cause: 'unreachable' | 'timeout' | 'aborted' | 'withheld'
  /** `never`: not a byte of the request can have reached DocuSign. */
  readonly left: 'never' | 'maybe'
  /** A short code for the log and the message, such as `ECONNREFUSED`. */
  readonly code: string
}

/** A call under way. */
export interface Sending {
  readonly result: Promise<Answer | Failure>
  /** The client has left, or what it sends may go no further: ends the upstream request, in whatever state it is. */
  abort(): void
}

/** Reads `https://host[:port]`. @throws on anything else, which the settings have ruled out. */
export function readOrigin(text: string): Origin {
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new Error(`not an http(s) origin: ${url.protocol}`)
  return {
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    host: url.hostname,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    text: url.origin,
  }
}

/**
 * Whether a failed call may be sent once more. A write may be repeated only where the request provably never
 * left; a reset is no proof, not even on a connection that was kept alive.
 */
export function mayRepeat(method: string, body: Body, failure: Failure): boolean {
  if (failure.cause !== 'unreachable' || body.kind === 'stream') return false
  if (failure.left === 'never') return true
  return (
    (method === 'GET' || method === 'HEAD') && (failure.code === 'ECONNRESET' || failure.code === 'EPIPE')
  )
}
