/** What happened when: counts in steps of time, few enough to draw however long the trace is. */
export const COURSES = ['in', 'asked', 'up', 'saved', 'held', 'refused'] as const
export type Course = (typeof COURSES)[number]

export interface Hours {
  count(course: Course, atMs: number): void
  shown(): Shown
}

export interface Shown {
  /** What limits call an hour. */
  readonly hourMs: number
  readonly stepMs: number
  /** Epoch milliseconds of the first step. */
  readonly fromMs: number
  readonly counts: Readonly<Record<Course, readonly number[]>>
}

/** An hour, in steps; twice as many are drawn at most. */
const STEPS_OF_HOUR = 12
const MOST_STEPS = 720

/** @param hourMs what limits call an hour */
export function makeHours(hourMs: number): Hours {
  let stepMs = hourMs / STEPS_OF_HOUR
  let first: number | undefined
  const counts = Object.fromEntries(COURSES.map(course => [course, [] as number[]])) as Record<
    Course,
    number[]
  >

  /** Twelve steps become one, then two. */
  function widen(): void {
    const by = stepMs < hourMs ? STEPS_OF_HOUR : 2
    const from = Math.floor((first as number) / by)
    for (const course of COURSES) {
      const wide: number[] = []
      counts[course].forEach((value, i) => {
        const at = Math.floor(((first as number) + i) / by) - from
        wide[at] = (wide[at] ?? 0) + value
      })
      counts[course] = wide
    }
    first = from
    stepMs *= by
  }

  return {
    count(course, atMs) {
      first ??= Math.floor(atMs / stepMs)
      while (Math.floor(atMs / stepMs) - first >= MOST_STEPS) widen()
      const at = Math.max(0, Math.floor(atMs / stepMs) - first)
      const row = counts[course]
      row[at] = (row[at] ?? 0) + 1
    },
    shown() {
      const length = Math.max(0, ...COURSES.map(course => counts[course].length))
      const filled = COURSES.map(course => [course, Array.from({ length }, (_, i) => counts[course][i] ?? 0)])
      return {
        hourMs,
        stepMs,
        fromMs: (first ?? 0) * stepMs,
        counts: Object.fromEntries(filled) as Record<Course, number[]>,
      }
    },
  }
}
