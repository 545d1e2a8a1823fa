/**
 * When a call may go that lets others go first: arithmetic over the places that are held now and those that the others
 * will hold. The same function predicts a wait on arrival, gives a refusal its `Retry-After`, and answers a quote.
 *
 * The k-th call waits for the k-th place. As long as k fits in the window those are places held now, whose ends are
 * known; beyond, each place is one that an earlier call of the queue gives back, one window and one answer later.
 */
import type { Forecast, Hold } from './standing.js'
import type { Ring } from './ring.js'

/** The burst window: `held` answered calls, and `foreign` calls of others that end together. */
export interface BurstOutlook {
  readonly limit: number
  readonly windowMs: number
  readonly held: number
  readonly foreign: number
  readonly foreignUntilMs: number
}

export interface HourOutlook {
  readonly limit: number
  readonly windowMs: number
  /** Calls that may still go before the hour turns; may be less than none. */
  readonly left: number
  readonly turnsAtMs: number
  /** Answered calls in a sliding hour; `undefined` where the hour is the clock's. */
  readonly held: number | undefined
}

export interface Outlook {
  readonly nowMs: number
  readonly burst: BurstOutlook
  readonly hour: HourOutlook
  readonly inFlight: number
  /** How long an answer takes. */
  readonly answerMs: number
  readonly ring: Ring
}

/**
 * Beyond so many combinations of whole windows only the corners are looked at, because a call for which a million others
 * go first must not hold up those that are there now. Rounds take time in proportion, so the longest way makes nearly
 * all of them in one of the windows; within an hour it is longest where the hour has just turned.
 */
const MAX_STEPS = 2_000
const NEAR = 4

/**
 * @param earliest what holds every call, whatever the windows say
 * @param ahead calls that go before this one
 */
export function forecastOf(outlook: Outlook, ahead: number, earliest: Forecast): Forecast {
  const { nowMs, answerMs } = outlook
  const burstLimit = Math.max(1, outlook.burst.limit)
  const hourLimit = Math.max(1, outlook.hour.limit)
  const burstRound = outlook.burst.windowMs + answerMs
  const hourRound = outlook.hour.windowMs + answerMs
  const k = ahead + 1
  let latestMs = nowMs + earliest.waitMs
  let by = earliest.by

  const consider = (atMs: number, hold: Hold) => {
    if (atMs <= latestMs) return
    latestMs = atMs
    by = hold
  }

  // With `before` calls fewer ahead of it, and so many rounds of whole windows later, the call must still wait.
  const hourRounds = outlook.hour.held === undefined ? 0 : Math.floor((k - 1) / hourLimit)
  const roundsAfter = (j: number) => Math.floor((k - j * hourLimit - 1) / burstLimit)
  const look = (i: number, j: number) => {
    const nth = k - j * hourLimit - i * burstLimit
    const laterMs = i * burstRound + j * hourRound
    const rounded: Hold | undefined = j > 0 ? 'hour' : i > 0 ? 'burst' : undefined
    consider(burstFreesMs(outlook, nth, burstLimit) + laterMs, rounded ?? 'burst')
    const hourMs = hourFreesMs(outlook, nth, hourLimit)
    consider(hourMs + laterMs, hourMs > nowMs ? 'hour' : (rounded ?? 'hour'))
  }
  if ((hourRounds + 1) * (roundsAfter(0) + 1) <= MAX_STEPS) {
    for (let j = 0; j <= hourRounds; j++) for (let i = 0; i <= roundsAfter(j); i++) look(i, j)
  } else {
    for (const j of corners(hourRounds, [])) {
      const overLeft = Math.max(0, k - j * hourLimit - Math.max(0, outlook.hour.left) - 1)
      const turns = [overLeft % hourLimit, overLeft].map(calls => Math.floor(calls / burstLimit))
      for (const i of corners(roundsAfter(j), turns)) look(i, j)
    }
  }
  return { waitMs: latestMs - nowMs, by }
}

/** Of 0 … last, those near either end and near each of these. */
function corners(last: number, near: readonly number[]): Set<number> {
  const found = new Set<number>()
  for (const at of [0, ...near, last]) {
    for (let n = Math.max(0, at - NEAR); n <= Math.min(last, at + NEAR); n++) found.add(n)
  }
  return found
}

/** When the n-th next call finds a place in the burst window, by what is held now. */
function burstFreesMs(
  { burst, inFlight, answerMs, nowMs, ring }: Outlook,
  nth: number,
  limit: number,
): number {
  const { held, foreign, foreignUntilMs, windowMs } = burst
  const freed = held + foreign + inFlight + nth - limit
  if (freed <= 0) return nowMs
  const own = (n: number) =>
    n <= 0 ? nowMs : n <= held ? ring.timeOf(held - n) + windowMs : nowMs + answerMs + windowMs
  if (foreign === 0) return own(freed)
  // The others' places end together, somewhere among ours.
  const without = own(freed)
  return without <= foreignUntilMs ? without : Math.max(foreignUntilMs, own(freed - foreign))
}

/** The same for the hour: its turn where it is the clock's, else the places of a sliding one. */
function hourFreesMs({ hour, inFlight, answerMs, nowMs, ring }: Outlook, nth: number, limit: number): number {
  let atMs = nowMs
  if (nth > hour.left) {
    const turns = Math.floor((nth - Math.max(0, hour.left) - 1) / limit)
    atMs = hour.turnsAtMs + turns * hour.windowMs
  }
  if (hour.held === undefined) return atMs
  const freed = hour.held + inFlight + nth - limit
  if (freed <= 0) return atMs
  const freesMs =
    freed <= hour.held ? ring.timeOf(hour.held - freed) + hour.windowMs : nowMs + answerMs + hour.windowMs
  return Math.max(atMs, freesMs)
}
