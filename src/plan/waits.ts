/** How long calls waited: counted by the millisecond, so that memory hangs on how long they wait, not on how many there are. */
export interface Waits {
  /** @param ms 0 or more */
  add(ms: number): void
  /** @param share 0 to 1 @returns milliseconds; 0 where there are none */
  at(share: number): number
  readonly count: number
  readonly maxMs: number
}

/** Beyond so many milliseconds, three digits say enough. */
const FINE_MS = 60_000
const COARSE_MS = 100

export function makeWaits(): Waits {
  const counts = new Map<number, number>()
  let count = 0
  let maxMs = 0
  return {
    add(ms) {
      const whole = ms <= FINE_MS ? Math.round(ms) : Math.round(ms / COARSE_MS) * COARSE_MS
      counts.set(whole, (counts.get(whole) ?? 0) + 1)
      count++
      maxMs = Math.max(maxMs, ms)
    },
    at(share) {
      if (count === 0) return 0
      let left = Math.max(1, Math.ceil(share * count))
      for (const ms of [...counts.keys()].sort((a, b) => a - b)) {
        left -= counts.get(ms) as number
        if (left <= 0) return ms
      }
      return maxMs
    },
    get count() {
      return count
    },
    get maxMs() {
      return maxMs
    },
  }
}
