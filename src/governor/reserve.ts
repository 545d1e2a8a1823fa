/**
 * Shares of the hour that are kept for some apps. They bite only while the hour is scarce (more is offered than left),
 * and in its last tenth what has not been used is lent to all.
 *
 * A sliding hour has neither beginning nor end. Its last tenth is that of windows counted from our own first look, so
 * that an idle share is lent there too; a share counts as used for as long as its places are held; and what is offered
 * is judged by the rate of the last tenth of a window, because a whole one would notice a flood only when it is over.
 */
import type { Hour } from './standing.js'
import { Rolling } from './rolling.js'

const LENT_SHARE = 0.1

export interface Reserve {
  readonly shares: ReadonlyMap<string, number>
  /** A call has come, of whichever app. */
  offered(hour: Hour, nowMs: number): void
  /** A call of `app` goes (1), or has never left after all (−1). */
  used(app: string, calls: 1 | -1, hour: Hour, nowMs: number): void
  /**
   * How long other apps' shares hold a call of `app` back that lets `ahead` others go first, if nobody else calls; 0: not at all.
   * `undefined` is an app without a share. `waiting`: how many wait for this hour. `freeMs`: how long until its windows
   * have room for it, from now.
   */
  holdMs(
    app: string | undefined,
    ahead: number,
    waiting: number,
    hour: Hour,
    nowMs: number,
    freeMs?: number,
  ): number
  /** After how long to look again at those who are held back: the silence of others frees them without an event. */
  lookMs(waiting: number, hour: Hour, nowMs: number): number
}

/** @param shares app → share of the hour, above 0, at most 1 */
export function makeReserve(shares: ReadonlyMap<string, number>): Reserve {
  const usedBy = new Map<string, Rolling>()
  for (const app of shares.keys()) usedBy.set(app, new Rolling())
  const usedByAll = new Rolling()
  const offers = new Rolling()
  let wasAligned: boolean | undefined
  let beganMs = -Infinity
  let windowMs = 0

  /** The counts begin anew with every hour of the clock; those of a sliding hour roll on. */
  function follow(hour: Hour, nowMs: number): void {
    if (hour.aligned === wasAligned && (!hour.aligned || hour.startedMs === beganMs)) return
    wasAligned = hour.aligned
    beganMs = hour.aligned ? hour.startedMs : nowMs
    windowMs = (hour.aligned ? hour.endsMs : nowMs) - hour.startedMs
    for (const count of [usedByAll, ...usedBy.values()]) count.begin(beganMs, windowMs)
    offers.begin(beganMs, hour.aligned ? windowMs : windowMs * LENT_SHARE)
  }

  /** How many of the remaining calls are not for `app`. */
  function kept(app: string | undefined, hour: Hour, nowMs: number): number {
    let calls = 0
    for (const [other, share] of shares) {
      if (other === app) continue
      const used = usedBy.get(other)?.count(nowMs) ?? 0
      calls += Math.max(0, Math.floor(share * hour.limit) - used)
    }
    return calls
  }

  /** Until the last tenth begins; 0 within it. */
  function untilLentMs(nowMs: number): number {
    const intoMs = (nowMs - beganMs) % windowMs
    return Math.max(0, windowMs * (1 - LENT_SHARE) - intoMs)
  }

  /** For how long more is offered than left, if nothing more is. */
  function scarceMs(waiting: number, hour: Hour, nowMs: number): number {
    const offered = offers.count(nowMs)
    if (!hour.aligned) {
      // Two spans of silence, and the rate is nought.
      const spanMs = windowMs * LENT_SHARE
      const comesFree = hour.remaining + usedByAll.count(nowMs)
      return waiting + (offered / spanMs) * windowMs > comesFree ? 2 * spanMs : 0
    }
    // offered / elapsed × (window − elapsed) > spare, solved for the moment when it no longer is.
    const spare = hour.remaining - waiting
    if (spare <= 0) return Infinity
    return Math.max(0, (offered * windowMs) / (offered + spare) - (nowMs - beganMs))
  }

  return {
    shares,
    offered(hour, nowMs) {
      follow(hour, nowMs)
      offers.add(1, nowMs)
    },
    used(app, calls, hour, nowMs) {
      follow(hour, nowMs)
      usedByAll.add(calls, nowMs)
      usedBy.get(app)?.add(calls, nowMs)
    },
    holdMs(app, ahead, waiting, hour, nowMs, freeMs = 0) {
      follow(hour, nowMs)
      const calls = kept(app, hour, nowMs)
      if (calls <= 0 || hour.remaining - calls > ahead) return 0
      const scarceForMs = scarceMs(waiting, hour, nowMs)
      if (hour.aligned || freeMs === 0) return Math.min(untilLentMs(nowMs), scarceForMs)
      // A share that is lent now may not be any more when the place comes free: windows roll on, and their ends with them.
      return freeMs >= scarceForMs ? 0 : Math.min(freeMs + untilLentMs(nowMs + freeMs), scarceForMs)
    },
    lookMs(waiting, hour, nowMs) {
      follow(hour, nowMs)
      const freedMs = Math.min(untilLentMs(nowMs), scarceMs(waiting, hour, nowMs))
      return hour.aligned ? freedMs : Math.min(freedMs, windowMs / 100, hour.endsMs - nowMs)
    },
  }
}
