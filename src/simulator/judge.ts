import { makeSlidingCount } from './sliding.js'

/** The fullest window there was, and how many arrivals came when their window was already full. */
export interface Judgment {
  readonly worst: number
  readonly violations: number
}

export interface Judge {
  /** `limit` is the one that holds at this arrival; it may change between two. */
  note(nowMs: number, wallMs: number, limit: number): void
  fixed(): Judgment
  sliding(): Judgment
}

/**
 * Judges arrivals against a limit by themselves, whether or not the limit was enforced: in the windows that start on
 * multiples of their length (DocuSign's clock), and in every window of that length wherever it starts.
 */
export function makeJudge(lengthMs: number): Judge {
  const recent = makeSlidingCount(lengthMs)
  const fixed = { worst: 0, violations: 0 }
  const sliding = { worst: 0, violations: 0 }
  let window = NaN
  let inWindow = 0
  return {
    note(nowMs, wallMs, limit) {
      tally(sliding, recent.add(nowMs), limit)
      const current = Math.floor(wallMs / lengthMs)
      inWindow = current === window ? inWindow + 1 : 1
      window = current
      tally(fixed, inWindow, limit)
    },
    fixed: () => ({ ...fixed }),
    sliding: () => ({ ...sliding }),
  }
}

function tally(into: { worst: number; violations: number }, count: number, limit: number): void {
  into.worst = Math.max(into.worst, count)
  if (count > limit) into.violations += 1
}
