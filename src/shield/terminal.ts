/** Which envelopes have reached their end, and since when we know: no path leads out of it (facts 6.2). */

export interface Terminal {
  /**
   * The first knowledge stays, because every fetch that began after it is final; an earlier one that turns up moves it.
   *
   * @param envelope account and envelope as a key (`base/key.ts`)
   * @param nowMs the same scale throughout: that of the notebook, if it is to be restored
   * @returns true if it was news, and is worth a note
   */
  know(envelope: string, nowMs: number): boolean
  /** Since when it is known; `undefined` where it is not. */
  sinceMs(envelope: string): number | undefined
  /** As if it had never been known. */
  forget(envelope: string): void
  forgetAll(): void
  /** What earlier runs knew, in order. */
  restore(notes: Iterable<{ readonly key: string; readonly wallMs: number }>): void
  readonly size: number
}

/** Some 170 bytes each, measured: 85 MB when full. */
export const MAX_TERMINAL = 500_000

/** @param max how many are known at once (1 or more); beyond it the one known longest is forgotten, and learned again when it is next seen */
export function makeTerminal(max: number = MAX_TERMINAL): Terminal {
  // A plain map keeps the order in which envelopes became known, which is all the order that is needed: a bounded
  // store would move an entry each time it is asked for, and hold an object beside each number.
  const since = new Map<string, number>()
  // One walk along that order for good: all before it is gone already, and a new walk would first step over each of
  // those holes. Begun late, because until its first step it would keep alive every table the map has outgrown.
  let oldest: Iterator<string> | undefined

  function know(envelope: string, nowMs: number): boolean {
    const known = since.get(envelope)
    if (known !== undefined) {
      if (nowMs < known) since.set(envelope, nowMs)
      return false
    }
    if (since.size >= max) {
      oldest ??= since.keys()
      since.delete(oldest.next().value as string)
    }
    since.set(envelope, nowMs)
    return true
  }

  return {
    know,
    sinceMs: envelope => since.get(envelope),
    forget: envelope => void since.delete(envelope),
    forgetAll: () => since.clear(),
    restore(notes) {
      for (const { key, wallMs } of notes) know(key, wallMs)
    },
    get size() {
      return since.size
    },
  }
}
