/** A timer that can be put off and called off. */
export interface Timer {
  /** Starts the wait anew, from now. */
  refresh(): void
  cancel(): void
}

/**
 * The one way to the time. Made once in `main.ts` and handed in, because a rule about time that reads a clock
 * of its own cannot be replayed, tested in milliseconds, or kept right across a step of the wall clock.
 */
export interface Clock {
  /** Milliseconds on a clock that never steps. Measures intervals; means nothing across a restart. */
  nowMs(): number
  /** Milliseconds since 1970. For people and for DocuSign's headers; it may step. */
  wallMs(): number
  /** Calls `ring` once, after `delayMs`. A pending timer does not keep the process alive. */
  after(delayMs: number, ring: () => void): Timer
}

/** The machine's own clock. Only `main.ts`, the programs beside it and end-to-end tests make one. */
export function makeSystemClock(): Clock {
  return {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    after(delayMs, ring) {
      const timeout = setTimeout(ring, delayMs)
      timeout.unref()
      return {
        refresh: () => void timeout.refresh(),
        cancel: () => clearTimeout(timeout),
      }
    },
  }
}
