/** The limit that would be enough, which is found by replaying again, and the week in which the one there is no longer is. */
import type { LimitFigure, ReachedFigure } from './figures.js'
import type { Tally } from './tally.js'

const LATE_SHARE = 0.05
const WITHIN_WEEKS = 104
const WEEKS_A_YEAR = 52
/** Limits are granted in round numbers. */
const STEPS: readonly (readonly [above: number, step: number])[] = [
  [10_000, 1_000],
  [1_000, 100],
  [0, 10],
]

const MOST_STEPS = 16

/**
 * @param isEnough a replay at this hourly limit: whether no more than so many calls were late
 * @returns `undefined` where the one there is will do
 */
export async function leastLimit(
  tally: Tally,
  isEnough: (limit: number, mostLate: number) => Promise<boolean>,
): Promise<LimitFigure | undefined> {
  const mostLate = Math.floor(tally.asked * LATE_SHARE)
  const peak = tally.peak('hour')
  if (tally.late <= mostLate || !peak) return undefined
  const [, round] = STEPS.find(([above]) => peak.calls > above) ?? [0, 10]
  // Not so fine that it would take more than a few replays.
  const step = Math.ceil(peak.calls / MOST_STEPS / round) * round
  let replays = 0
  const isGood = (steps: number) => {
    replays++
    return isEnough(steps * step, mostLate)
  }
  // What is refused in one hour is asked for in no other, so the fullest hour is all that can be needed, but for what is in flight.
  const most = Math.ceil((peak.calls * 1.1) / step)
  let enough = most
  let tooLittle = Math.min(most - 1, Math.floor(peak.limit / step))
  while (enough - tooLittle > 1) {
    const middle = Math.floor((enough + tooLittle) / 2)
    if (await isGood(middle)) enough = middle
    else tooLittle = middle
  }
  if (enough === most && !(await isGood(most))) return { limit: undefined, replays }
  return { limit: enough * step, replays }
}

/**
 * @param grow a year, above 1
 * @param factor at so many times the traffic of now a limit is reached
 */
export function firstWeek(grow: number, factor: number): ReachedFigure {
  const week = Math.max(0, Math.ceil((WEEKS_A_YEAR * Math.log(factor)) / Math.log(grow)))
  return { grow, week: week <= WITHIN_WEEKS ? week : undefined, withinWeeks: WITHIN_WEEKS }
}
