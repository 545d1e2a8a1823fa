/** Which word of DocuSign's stops what, and until when (facts 1.5, 1.6; the policies of the contract). */
import type { Window } from '../base/types.js'
import type { Limits } from './headers.js'

/** What DocuSign has just stopped. */
export type Block =
  | { readonly kind: 'none' }
  /** Every call of the account. */
  | { readonly kind: 'account'; readonly window: Window }
  /** Reads, or writes, of one envelope and all beneath it. */
  | { readonly kind: 'envelope'; readonly window: Window; readonly of: 'read' | 'write' }
  /** Everything to that host, for all accounts. */
  | { readonly kind: 'host' }
  /** Downloads of one document: too many are in progress. */
  | { readonly kind: 'download' }
  /** A 429 that says nothing we know: every call of the account, to be safe. */
  | { readonly kind: 'unknown' }

/** Codes in upper case: DocuSign's own pages spell some of them in both ways. */
const CODES: ReadonlyMap<string, Block> = new Map<string, Block>([
  ['HOURLY_APIINVOCATION_LIMIT_EXCEEDED', { kind: 'account', window: 'hour' }],
  ['BURST_APIINVOCATION_LIMIT_EXCEEDED', { kind: 'account', window: 'burst' }],
  ['HOURLY_ENVELOPE_POLLING_LIMIT_EXCEEDED', { kind: 'envelope', window: 'hour', of: 'read' }],
  ['BURST_ENVELOPE_POLLING_LIMIT_EXCEEDED', { kind: 'envelope', window: 'burst', of: 'read' }],
  ['HOURLY_APIINVOCATION_ENVELOPE_LIMIT_EXCEEDED', { kind: 'envelope', window: 'hour', of: 'write' }],
  ['BURST_APIINVOCATION_ENVELOPE_LIMIT_EXCEEDED', { kind: 'envelope', window: 'burst', of: 'write' }],
  ['API_REQUEST_IS_THROTTLED', { kind: 'download' }],
  // Limits on what an envelope may hold and on how many may be sent: no waiting mends them.
  ['RECIPIENT_LIMIT_EXCEEDED', { kind: 'none' }],
  ['ENVELOPE_SEND_LIMIT_EXCEEDED', { kind: 'none' }],
])

const NONE: Block = { kind: 'none' }
const HOST: Block = { kind: 'host' }
const UNKNOWN: Block = { kind: 'unknown' }

/**
 * What this answer stops. Only of answers of the eSignature API: the OAuth host uses the same codes for limits of its
 * own, which count per user and integration key (facts 1.3).
 *
 * @param errorCode as it stood in the body, in any case; `undefined` where there was none that could be read
 */
export function readBlock(status: number, errorCode: string | undefined): Block {
  if (status === 444) return HOST
  if (status !== 429 && status !== 400) return NONE
  const known = errorCode === undefined ? undefined : CODES.get(errorCode.toUpperCase())
  return known ?? (status === 429 ? UNKNOWN : NONE)
}

/** When and with what headers DocuSign said so. */
export interface BlockedAnswer {
  /** On our monotonic clock, when the answer came. */
  readonly nowMs: number
  /** The same moment by DocuSign's clock, epoch milliseconds, as well as we know it. */
  readonly docusignMs: number
  /** What its headers said, if anything. */
  readonly limits: Limits | undefined
  /** The windows of the settings, in milliseconds. */
  readonly hourMs: number
  readonly burstMs: number
}

const COOL_DOWN_MS = 60_000
const ONE_SECOND_MS = 1000
/** A reset is a whole second, rounded up, and the `Date` beside it one rounded down. */
const ROUNDING_MS = 2000

/**
 * When the block ends, on the scale of `nowMs`; `nowMs` itself where nothing is blocked. Where DocuSign says how long,
 * that holds; else a burst lasts its window, an hour until the next multiple of its window by DocuSign's clock, and all
 * else 60 s.
 */
export function blockEndsMs(block: Block, answer: BlockedAnswer): number {
  const { nowMs, limits } = answer
  const askedMs = limits?.retryAfterSeconds === undefined ? undefined : limits.retryAfterSeconds * 1000
  switch (block.kind) {
    case 'none':
      return nowMs
    case 'account':
    case 'envelope': {
      if (block.window === 'burst') return nowMs + (askedMs ?? answer.burstMs)
      const resetMs = untilReset(answer)
      // Where it says both, the later one: a call before the other would be a probe.
      if (resetMs !== undefined) return nowMs + Math.max(resetMs, askedMs ?? 0)
      return nowMs + (askedMs ?? answer.hourMs - (answer.docusignMs % answer.hourMs))
    }
    case 'host':
    case 'download':
    case 'unknown':
      return nowMs + (askedMs ?? COOL_DOWN_MS)
  }
}

/**
 * How far off the answer's reset is; `undefined` where it has none in the future, or one that no hour ends at. What is
 * future is judged beside the answer's own `Date`, because our idea of DocuSign's clock may be a little ahead: a reset
 * that seems just past would else cost the whole hour that begins with it.
 */
function untilReset({ limits, docusignMs, hourMs }: BlockedAnswer): number | undefined {
  if (limits?.resetAtSeconds === undefined) return undefined
  const resetMs = limits.resetAtSeconds * 1000
  const saidMs = limits.dateSeconds === undefined ? docusignMs : limits.dateSeconds * 1000
  const mostMs = resetMs - saidMs
  if (mostMs <= 0 || mostMs > hourMs + ROUNDING_MS) return undefined
  return Math.min(mostMs, Math.max(ONE_SECOND_MS, resetMs - docusignMs))
}
