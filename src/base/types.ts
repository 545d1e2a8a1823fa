/**
 * The words every room uses. A word from a closed set here is the same word in the answer's headers, in the
 * log line and in the metric's label, so that one search finds all three.
 */
import type { Marks } from './trace.js'

/** What became of a call, as `X-Governor-Outcome` and the label `outcome` say it. */
export type Outcome = 'forwarded' | 'remembered' | 'coalesced' | 'refused' | 'failed'

/** Why a call got an answer of ours instead of DocuSign's, as `X-Governor-Refusal` and the label `reason` say it. */
export type Reason =
  | 'hour-spent'
  | 'burst-spent'
  | 'queue-full'
  | 'poll-too-soon'
  | 'upstream-blocked'
  | 'upstream-unreachable'
  | 'upstream-timeout'
  | 'bad-request'
  | 'shutting-down'
  | 'state-unavailable'

/** An answer of ours instead of DocuSign's. It is a value that rooms return, never an error that they throw. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly reason: Reason
  /** For the person who reads the answer: what was wrong and what to do. Never a credential, a query or a body. */
  readonly message: string
  /** Only where HTTP has a more exact word than the reason's own status: 413, 431, 501. */
  readonly status?: number
  /** When a call with `Prefer: wait=0` would be forwarded if nobody else called, from now. */
  readonly retryAfterMs?: number
  /** The window that holds calls back, where one does. */
  readonly window?: Window
  /** How the account stands, for the headers that DocuSign's own refusals carry. */
  readonly limits?: LimitsShown
}

/** What DocuSign counts calls in: an hour, and some thirty seconds. */
export type Window = 'hour' | 'burst'

export interface LimitsShown {
  readonly hourLimit: number
  readonly hourRemaining: number
  /** DocuSign's epoch seconds; `undefined` before it has said. */
  readonly resetAtSeconds: number | undefined
  readonly burstLimit: number
  readonly burstRemaining: number
}

/** `query` is a read in a write's clothes, such as `PUT …/envelopes/status`: it changes nothing at DocuSign. */
export type MethodClass = 'read' | 'write' | 'query'

/** Who is calling: the name in `/apps/NAME/…`. */
export interface App {
  /** As the settings spell it, or as it was sent (lower case) where the settings do not know it; '' without one. */
  readonly name: string
  /** The metric label: the configured name, else `other`. */
  readonly label: string
  /** What was cut from the front of the path, byte for byte: `/apps/NAME` or ''. */
  readonly prefix: string
}

/** A request, read once. Everything that later rooms decide, they decide on these fields. */
export interface Call {
  readonly kind: 'call'
  readonly method: string
  readonly methodClass: MethodClass
  /** The very bytes of the request target that go upstream: path and query, without the app's prefix. */
  readonly target: string
  /** The target up to the first `?`. */
  readonly path: string
  /** What follows the first `?`; '' without one. */
  readonly query: string
  /**
   * The path as a key: one string for every spelling of one resource. Percent-decoded, lower case, GUIDs in
   * their 36-character form, no trailing slash.
   */
  readonly resource: string
  /** The operation's path template from the route table, or `other`. */
  readonly route: string
  readonly service: 'oauth' | 'api'
  /** The account's GUID or number as a key (lower case), where the path names one. */
  readonly account: string | undefined
  /** The envelope's GUID as a key (lower case), where the path names one. */
  readonly envelope: string | undefined
  readonly app: App
}

export type Priority = 'high' | 'normal' | 'low'

/** What the governor would have done. */
export interface Would {
  readonly waitMs: number
  /** It would have been refused, not held. */
  readonly refused: Reason | undefined
}

/** What answered in DocuSign's place: a copy of something that has reached its end, a copy inside its interval, a twin in flight. */
export type Saved = 'terminal' | 'poll' | 'coalesce'

/** What became of a GET of an envelope's resource under the 15-minute rule, as `polls_total` says it. */
export type PollResult = 'first' | 'remembered' | 'refused' | 'observed' | 'read_after_write'

/** A known error of DocuSign's, as `X-Governor-Hint` and the log's `hint` say it. */
export type Hint =
  | 'hour-limit'
  | 'burst-limit'
  | 'envelope-polling-limit'
  | 'envelope-update-limit'
  | 'download-limit'
  | 'recipient-limit'
  | 'envelope-send-limit'
  | 'freeform-signing'
  | 'duplicate-recipients'
  | 'token-not-accepted'
  | 'integration-key-not-found'
  | 'not-a-member'
  | 'envelope-not-found'
  | 'envelope-of-others'
  | 'consent-required'
  | 'user-not-found'
  | 'grant-user-not-found'
  | 'grant-invalid-subject'
  | 'grant-issuer-not-found'
  | 'grant-no-valid-keys'
  | 'grant-expired'
  | 'grant-invalid'

/** One attempt at DocuSign: it counts there as one call if it arrived. */
export interface Attempt {
  /** `undefined` when no answer came. */
  readonly status: number | undefined
  /** From the send to the answer's head, or to the failure. */
  readonly durationMs: number
  /** Where DocuSign refused it for a limit: the window, or `other` for a limit that is none of the account's two. */
  readonly refusedFor?: Window | 'other' | undefined
  /** It came to DocuSign while a block was in force that had been told before. */
  readonly whileBlocked?: boolean | undefined
}

/** One record per request of the traffic port. The log line and every metric are read off it, and nothing else is. */
export interface Seen {
  /** Wall clock, epoch milliseconds, when the request's head had been read. */
  readonly atMs: number
  /** Absent where the request could not be read as a call. */
  readonly call: Call | undefined
  /** The key of the integration key behind the token, where a token endpoint told it. */
  readonly integration?: string | undefined
  /** From a closed set: a method DocuSign's API knows, or `other`. */
  readonly method: string
  readonly outcome: Outcome
  /** `undefined` when the client got no status line: it had left, or was cut off. */
  readonly status: number | undefined
  readonly reason: Reason | undefined
  /** From the request's head to the last byte of the answer (or the end of the connection). */
  readonly durationMs: number
  /** What the governor itself added before the answer's head: neither DocuSign's time nor the client's upload. */
  readonly overheadMs: number
  /** How long the call was held back for a limit, whether it was sent in the end, refused, or its caller left. */
  readonly waitMs: number
  /** The window that held it back, or for which it was refused. */
  readonly heldBy?: Window | undefined
  /** Who goes first where there is not enough for all; absent where the call got no further than its reading. */
  readonly priority?: Priority | undefined
  /** Only where limits are observed, not kept: what would have become of the call. */
  readonly would?: Would | undefined
  /** What answered in DocuSign's place. */
  readonly saved?: Saved | undefined
  /** Only of calls that the polling rule speaks of. */
  readonly poll?: PollResult | undefined
  readonly attempts: readonly Attempt[]
  /** Bytes of the answer's body that were handed to the client's connection. */
  readonly bytesOut: number
  /** The answer's body ended before its end: DocuSign's side broke, or the client left. */
  readonly cut: boolean
  /** What is known of DocuSign's error, where it is one that can be explained. */
  readonly hint?: Hint | undefined
  /** DocuSign's `X-DocuSign-TraceToken`, which its support asks for. */
  readonly traceToken: string | undefined
  /** Only where calls are traced, and only of those that came as far as the shield. */
  readonly marks?: Marks | undefined
}
