/**
 * Where an account's hour goes if the next minutes are as the last ones were. It never looks across the reset, because
 * what was spent before it says nothing of what is left after.
 */

/** Steps of the past that the rate is read off: a sixth of the hour. */
const RATE_STEPS = 10

/**
 * @param account one of the snapshot's
 * @returns undefined where nobody knows the limit or the reset; times in epoch ms, `spentMs` undefined if it lasts
 */
export function projectHour(account, atMs, hourWindowSeconds) {
  const { limit, used, resetAt } = account.hour
  if (limit === null || used === null || resetAt === null) return undefined
  const resetMs = Date.parse(resetAt)
  const windowMs = hourWindowSeconds * 1000
  const startMs = resetMs - windowMs
  const stepMs = windowMs / 60
  const leftMs = Math.max(0, resetMs - atMs)
  const perMs = rateOf(account.spent, stepMs) + othersRate(account.foreignCalls, atMs - startMs)
  const total = used + perMs * leftMs
  const isSpent = used >= limit
  const spentMs = isSpent ? atMs : total > limit ? atMs + (limit - used) / perMs : undefined
  return { startMs, resetMs, windowMs, stepMs, limit, used, perMs, total, spentMs, isSpent }
}

/** Ours, in calls a millisecond. The step that runs now is half over on the average. */
function rateOf(spent, stepMs) {
  const recent = spent.slice(-RATE_STEPS)
  const first = recent.findIndex(calls => calls > 0)
  if (first === -1) return 0
  const sum = recent.reduce((total, calls) => total + calls, 0)
  return sum / ((recent.length - first - 0.5) * stepMs)
}

/** Theirs is known for the hour only, not for its minutes. */
function othersRate(calls, elapsedMs) {
  return calls && elapsedMs > 0 ? calls / elapsedMs : 0
}

/** What was used, as points [ms, calls]: read backwards from now by what was sent in each step. */
export function courseOf(project, spent, atMs) {
  const points = [[atMs, project.used]]
  let used = project.used
  let endMs = atMs
  for (let i = spent.length - 1; i >= 0 && endMs > project.startMs; i--) {
    endMs -= i === spent.length - 1 ? project.stepMs / 2 : project.stepMs
    used = Math.max(0, used - spent[i])
    points.unshift([Math.max(endMs, project.startMs), used])
  }
  return points
}
