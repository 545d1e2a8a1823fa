import type { DownloadsReport } from './downloads.js'
import type { PerEnvelope } from './envelope-limits.js'
import type { PollsReport } from './polls.js'

export interface LimitVerdict {
  /** The account's GUID. */
  readonly account: string
  readonly window: 'hour' | 'burst'
  readonly kind: 'fixed' | 'sliding'
  readonly limit: number
  /** The most calls there were in one window. */
  readonly worst: number
  /** How many calls arrived when their window was already full. */
  readonly violations: number
}

export interface Duplicate {
  readonly probe: string
  readonly method: string
  readonly path: string
  readonly times: number
}

/** All that the simulator saw since its start or its last reset. */
export interface Report extends PollsReport {
  /** Requests of every kind, `/_sim` apart. */
  readonly arrivals: number
  /** REST calls, the ones that DocuSign counts. */
  readonly calls: {
    readonly total: number
    /** By the account's GUID; `none` where neither path nor token named one. */
    readonly byAccount: Readonly<Record<string, number>>
    readonly byApp: Readonly<Record<string, number>>
    /** By method and path template; `other` where no route fits. */
    readonly byRoute: Readonly<Record<string, number>>
    readonly byMethod: Readonly<Record<string, number>>
    /** `none` where no answer was given. */
    readonly byStatus: Readonly<Record<string, number>>
  }
  /** Calls of the OAuth host, which count nowhere. */
  readonly oauth: {
    readonly total: number
    readonly byRoute: Readonly<Record<string, number>>
    readonly byStatus: Readonly<Record<string, number>>
  }
  readonly limits: readonly LimitVerdict[]
  /** Answers with a limit error. */
  readonly blocked: number
  /** Calls refused for a limit whose error the account had been given before, in the same block. */
  readonly callsWhileBlocked: number
  readonly perEnvelope: PerEnvelope
  readonly inProgressDownloads: DownloadsReport
  /** Writes that came more than once with one `X-Request-Probe`. */
  readonly duplicates: readonly Duplicate[]
  readonly duplicatesTotal: number
  readonly faultsStruck: number
}
