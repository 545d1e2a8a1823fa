const FIRST_ROOM = 32
/** 8 MiB of timestamps. Beyond that the count stays put: still above any limit there is, no longer exact. */
const MOST_ROOM = 1_048_576

/** How many moments lie in the window that ends now: (now − length, now]. Moments must come in order. */
export interface SlidingCount {
  /** Notes a moment and returns the count with it. */
  add(nowMs: number): number
  count(nowMs: number): number
}

/** Two moments exactly one length apart share no window. */
export function makeSlidingCount(lengthMs: number, mostRoom = MOST_ROOM): SlidingCount {
  let moments = new Float64Array(Math.min(FIRST_ROOM, mostRoom))
  let first = 0
  let held = 0

  function drop(nowMs: number): void {
    while (held > 0 && (moments[first] ?? 0) <= nowMs - lengthMs) {
      first = (first + 1) % moments.length
      held -= 1
    }
  }

  function grow(): void {
    const wider = new Float64Array(Math.min(moments.length * 2, mostRoom))
    for (let i = 0; i < held; i += 1) wider[i] = moments[(first + i) % moments.length] ?? 0
    moments = wider
    first = 0
  }

  return {
    add(nowMs) {
      drop(nowMs)
      if (held === moments.length && held < mostRoom) grow()
      if (held === moments.length) {
        first = (first + 1) % moments.length
        held -= 1
      }
      moments[(first + held) % moments.length] = nowMs
      held += 1
      return held
    },
    count(nowMs) {
      drop(nowMs)
      return held
    },
  }
}
