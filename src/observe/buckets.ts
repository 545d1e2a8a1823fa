/** One series of a histogram: plain numbers while calls pass, read by `prom-client` when somebody scrapes. */
export interface Buckets {
  /** Not a number, or a time that ran backwards, would poison a series for ever: it is no observation. */
  observe(ms: number): void
  reading(): Reading
}

/** A series as `prom-client` keeps it: what fell into each bucket, by its upper bound; not summed up, and without +Inf. */
export interface Reading {
  readonly bucketValues: Readonly<Record<number, number>>
  /** Seconds. */
  readonly sum: number
  readonly count: number
}

/** @param boundsS upper bounds in seconds, rising */
export function makeBuckets(boundsS: readonly number[]): Buckets {
  const counts = boundsS.map(() => 0)
  let sum = 0
  let count = 0

  return {
    observe(ms) {
      if (!Number.isFinite(ms) || ms < 0) return
      const seconds = ms / 1000
      sum += seconds
      count++
      for (let i = 0; i < counts.length; i++) {
        if (seconds > (boundsS[i] as number)) continue
        ;(counts[i] as number)++
        return
      }
    },
    reading: () => ({
      bucketValues: Object.fromEntries(boundsS.map((bound, i) => [bound, counts[i] ?? 0])),
      sum,
      count,
    }),
  }
}
