/**
 * The port to what survives the process: which calls were sent, and what DocuSign said of an account. It is
 * synchronous, because a call is written down before it is sent, and it is sent in the same breath.
 */

/**
 * One line of an account's journal. It is no total but a step: what came since the line before, and what may be
 * out until the line after. So lines may be dropped from the front as they grow old, and those of several runs
 * simply follow each other.
 */
export interface Spent {
  /** Epoch milliseconds, on a scale that does not step while a process runs (`Ledger.skewed`). */
  readonly wallMs: number
  /** Calls whose answer came (or failed to come) since the line before: at this moment at the latest. */
  readonly completed: number
  /** Calls that may be out at DocuSign at any time before the next line: in flight, and reserved ahead. */
  readonly pending: number
  /** DocuSign's own word, as last heard in this hour; `undefined` when unknown. */
  readonly remaining: number | undefined
  /** The epoch second at which that hour ends, by DocuSign's clock. */
  readonly resetAtSeconds: number | undefined
}

/** What an account taught us and a restart should not forget. Whole each time: it replaces what was said before. */
export interface Learned {
  /** When it was learned, on the scale of `Spent.wallMs`. */
  readonly wallMs: number
  readonly hourLimit?: number | undefined
  readonly burstLimit?: number | undefined
  /** A block in force, on the scale of `Spent.wallMs`, and DocuSign's `errorCode` that brought it. */
  readonly blockedUntilWallMs?: number | undefined
  readonly blockedBy?: string | undefined
  /** This key is another name (GUID or number) of that account. */
  readonly sameAs?: string | undefined
}

/** All that is known of one account at the start. */
export interface Remembered {
  readonly account: string
  /** Oldest first. */
  readonly spent: readonly Spent[]
  readonly learned: Learned | undefined
}

/** An account's page in the ledger. Holds no line in memory: it may be kept for as long as the account is. */
export interface Page {
  /**
   * Kept when it returns true: it survives `kill -9` (with `state.fsync`, power loss). False: it could not be
   * kept, the caller goes on from memory, and what the line said belongs into the next one.
   */
  append(line: Spent): boolean
  learn(learned: Learned): boolean
}

export interface StateHealth {
  /** There is a store behind it. */
  readonly up: boolean
  /** The last write failed: what happens now is kept in memory only. */
  readonly degraded: boolean
  /** For the operator, when degraded. */
  readonly message: string | undefined
}

/** What the operator should hear of the store. Each is told once, when it turns so. */
export type StateEvent =
  /** The old store could not be believed: every account is then a first call. */
  | { readonly kind: 'damaged'; readonly why: string; readonly movedTo: string }
  | { readonly kind: 'degraded'; readonly why: string }
  | { readonly kind: 'recovered' }

export interface Ledger {
  /**
   * What earlier runs left that is young enough to matter; asked once, at the start. What was out when the last
   * run ended is a line of its own: completed now, because no one saw when. No line is later than now, whatever
   * the wall clock did between the runs (that it was set forward while nothing ran cannot be known).
   */
  load(): readonly Remembered[]
  /** `account` is a key of at most 255 bytes; '' is one, too. */
  open(account: string): Page
  /**
   * Many lines at the price of one or two: all that is appended inside `work` is kept together. False when it was
   * not, whatever the pages said meanwhile; `work` may then not have run.
   */
  together(work: () => void): boolean
  /**
   * How far the wall clock has run away from the scale of the lines (positive: the wall clock is ahead), because
   * it was set while we run. The next run reads the lines that much later.
   */
  skewed(byMs: number): boolean
  health(): StateHealth
  /** Nothing is kept after it. */
  close(): Promise<void>
}
