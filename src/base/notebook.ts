/**
 * The port to what the shield must not forget: when an app has asked for a resource, what was written to an envelope,
 * which envelopes have reached their end. Keys are those of `base/key.ts`.
 */

/** Epoch milliseconds, on the scale of the ledger's lines (`Ledger.skewed`). */
export type Note =
  /** A GET goes up now: an interval may begin. */
  | { readonly kind: 'asked'; readonly key: string; readonly wallMs: number }
  /** It was answered with a 2xx: the interval has begun, at this moment at the latest. */
  | { readonly kind: 'answered'; readonly key: string; readonly wallMs: number }
  /** It began none. Takes back the last `asked` of this key; an interval that had begun before stays. */
  | { readonly kind: 'unanswered'; readonly key: string; readonly wallMs: number }
  /** A write to this envelope has ended. */
  | { readonly kind: 'written'; readonly key: string; readonly wallMs: number }
  /** This envelope is completed, declined or voided. */
  | { readonly kind: 'terminal'; readonly key: string; readonly wallMs: number }

export interface Notebook {
  /**
   * What earlier runs noted and is young enough to matter; asked once, at the start. First the last `terminal` of each
   * envelope, then all else in the order in which it was written. An `asked` that nothing followed is followed by an
   * `answered` of now: no one saw how it ended. No note is later than now.
   */
  load(): readonly Note[]
  /** One commit, synchronous. True: all of it survives `kill -9` (with `state.fsync`, power loss). */
  write(notes: readonly Note[]): boolean
}
