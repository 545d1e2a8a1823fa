/** When the calls of all nodes were answered, as far as the pool and our own memory tell. */
import type { Told } from '../base/pool.js'
import type { Budget } from './budget.js'

/**
 * Of the burst window the pool knows the times, to a slot of it; of the hour only how many there were: those that are
 * missing in our memory came some time before that window, and those that are too many there came never.
 *
 * @returns nowMs scale, oldest first
 */
export function timesTold(told: Told, budget: Budget, nowMs: number): number[] {
  const burstMs = budget.config.burst.windowMs
  const recent = (told.times ?? []).flatMap(({ agoMs, count }) =>
    new Array<number>(count).fill(nowMs - agoMs),
  )
  const beforeMs = nowMs - burstMs
  const { startedMs } = budget.hour(nowMs)
  const older = budget.ring.times().filter(atMs => atMs <= beforeMs)
  const inHour = [...older, ...recent].filter(atMs => atMs > startedMs).length
  const missing = told.usedOfHour - inHour
  if (missing < 0) older.splice(0, Math.min(older.length, -missing))
  const padMs = Math.max(beforeMs, startedMs + 1)
  const padded = missing > 0 ? new Array<number>(missing).fill(Math.min(padMs, nowMs)) : []
  return [...older, ...padded, ...recent].sort((a, b) => a - b)
}
