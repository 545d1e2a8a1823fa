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

/** The turns of the event loop. In one turn everything is read that had come in since the turn before. */
export interface Turns {
  /** Calls `run` when all of that has been read, before anything new is waited for. */
  atEnd(run: () => void): void
}

/** A turn of more calls than this is cut, so that the first to come does not wait for the last. */
const MAX_RUNS = 64

/**
 * What is written at the end of a turn leaves together. Because a send that finds its reader asleep must wake it, and
 * costs several times what the next one to the same reader does, a busy process saves a fifth of a call's CPU
 * (measured); an idle one sends no later than it would have.
 */
export function makeTurns(): Turns {
  let runs: (() => void)[] = []
  let isArmed = false

  function runAll(): void {
    const now = runs
    runs = []
    for (const run of now) run()
  }

  function end(): void {
    isArmed = false
    runAll()
  }

  return {
    atEnd(run) {
      const count = runs.push(run)
      if (count === MAX_RUNS) queueMicrotask(runAll)
      if (isArmed) return
      isArmed = true
      setImmediate(end)
    },
  }
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
