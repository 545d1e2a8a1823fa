/**
 * What time it is at Redis. Its clock is a wall clock and may be set, and after a failover it is another machine's. Every
 * reply tells it to within the time of its own round trip; the shortest of late tells it best.
 */

/** Two clocks drift apart by no more than this. */
const DRIFT = 200e-6
/** A reply that contradicts what we knew by more is a clock that was set. */
const SET_MS = 50
const BELIEVED_MS = 30_000

export interface ServerClock {
  /** Redis said `serverMs` at some moment between these two. */
  learn(serverMs: number, sentMs: number, heardMs: number): void
  /** The earliest that Redis' clock may have shown at `nowMs`; `undefined` before its first word. */
  earliestMs(nowMs: number): number | undefined
  /** How often it was set forward: what stands there then seems older than it is. */
  readonly sets: number
  /** How often it was set back: what stands there then seems younger than it is. */
  readonly setbacks: number
}

export function makeServerClock(): ServerClock {
  let low = -Infinity
  let high = Infinity
  let learnedMs = -Infinity
  let sets = 0
  let setbacks = 0

  return {
    learn(serverMs, sentMs, heardMs) {
      // It shows whole milliseconds, cut off.
      const from = serverMs - heardMs
      const to = serverMs + 1 - sentMs
      const drift = (heardMs - learnedMs) * DRIFT
      if (low > -Infinity && from > high + drift + SET_MS) sets++
      if (to < low - drift - SET_MS) setbacks++
      const isOther = from > high + drift || to < low - drift
      const isBetter = to - from <= high - low || heardMs - learnedMs > BELIEVED_MS
      if (!isOther && !isBetter) return
      low = from
      high = to
      learnedMs = heardMs
    },
    earliestMs: nowMs => (low === -Infinity ? undefined : Math.floor(nowMs + low)),
    get sets() {
      return sets
    },
    get setbacks() {
      return setbacks
    },
  }
}
