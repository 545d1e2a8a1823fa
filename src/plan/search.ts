/** What is found by replaying again: the limit that would be enough, and the week in which the one there is no longer is. */
import type { LimitFigure, ReachedFigure } from './figures.js'
import type { Tally } from './tally.js'

/** A wait that nobody complains of. */
const GOOD_MS = 1_000
const WITHIN_WEEKS = 104
const WEEKS_A_YEAR = 52
/** Limits are granted in round numbers. */
const STEPS: readonly (readonly [above: number, step: number])[] = [
  [10_000, 1_000],
  [1_000, 100],
  [0, 10],
]

/**
 * @param p95Of a replay at this hourly limit
 * @returns `undefined` where the one there is will do
 */
export async function leastLimit(
  tally: Tally,
  p95Of: (limit: number) => Promise<number>,
): Promise<LimitFigure | undefined> {
  if (tally.waits.at(0.95) <= GOOD_MS) return undefined
  const peak = tally.peak('hour')
  if (!peak) return undefined
  const [, step] = STEPS.find(([above]) => peak.calls > above) ?? [0, 10]
  let replays = 0
  const isGood = async (steps: number) => {
    replays++
    return (await p95Of(steps * step)) <= GOOD_MS
  }
  // Twice the demand, because what was refused in one hour is asked anew in none; more than that changes nothing.
  let enough = Math.ceil((peak.calls * 2) / step)
  let tooLittle = Math.min(enough - 1, Math.floor(peak.limit / step))
  if (!(await isGood(enough))) return { limit: undefined, replays }
  while (enough - tooLittle > 1) {
    const middle = Math.floor((enough + tooLittle) / 2)
    if (await isGood(middle)) enough = middle
    else tooLittle = middle
  }
  return { limit: enough * step, replays }
}

/**
 * @param grow a year
 * @param share of the fullest hour, as the traffic is now: 1 is the limit
 * @param isReachedAt a replay at so many times the traffic of now, up to the first call that is too many
 */
export async function firstWeek(
  grow: number,
  share: number,
  isReachedAt: (factor: number) => Promise<boolean>,
): Promise<ReachedFigure> {
  const found = (week: number | undefined) => ({ grow, week, withinWeeks: WITHIN_WEEKS })
  const at = (week: number) => isReachedAt(grow ** (week / WEEKS_A_YEAR))
  if (share > 1 || (share === 1 && (await at(0)))) return found(0)
  // Where the fullest hour leads if it grows as all does.
  const guess = share > 0 ? Math.round((WEEKS_A_YEAR * Math.log(1 / share)) / Math.log(grow)) : Infinity
  let before = 0
  let after = WITHIN_WEEKS
  if (guess > 2 * WITHIN_WEEKS || !(await at(after))) return found(undefined)
  let next = Math.min(Math.max(guess, 1), after - 1)
  while (after - before > 1) {
    if (await at(next)) after = next
    else before = next
    next = Math.floor((before + after) / 2)
  }
  return found(after)
}
