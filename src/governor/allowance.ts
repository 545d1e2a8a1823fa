/** What the calls of one app may have of an account just now: its budget, less what is kept for other apps. */
import type { Budget } from './budget.js'
import type { Forecast } from './standing.js'
import { makeReserve, type Reserve } from './reserve.js'

/** What a waiting room asks of the budget. */
export type LaneBudget = Pick<Budget, 'room' | 'forecast' | 'hour'> & { take(nowMs: number): void }

const NO_SHARES: ReadonlyMap<string, number> = new Map()

/** A class, because every account has one: closures would cost each a third of a kilobyte. */
export class Allowance {
  readonly #budget: LaneBudget
  /** Nothing is counted by app where no app has a share. */
  #reserve: Reserve | undefined

  constructor(budget: LaneBudget, shares: ReadonlyMap<string, number>) {
    this.#budget = budget
    this.configure(shares)
  }

  get isShared(): boolean {
    return this.#reserve !== undefined
  }

  room(nowMs: number): number {
    return this.#budget.room(nowMs)
  }

  /** Whose calls other apps' shares do not hold back just now, while `waiting` wait; `undefined`: everybody's. */
  mayGo(waiting: number, nowMs: number): ((app: string) => boolean) | undefined {
    const reserve = this.#reserve
    if (!reserve) return undefined
    const hour = this.#budget.hour(nowMs)
    return app => reserve.holdMs(app, 0, waiting, hour, nowMs) === 0
  }

  /** A call has come, of whichever app. */
  offered(nowMs: number): void {
    this.#reserve?.offered(this.#budget.hour(nowMs), nowMs)
  }

  spend(app: string, nowMs: number): void {
    this.#budget.take(nowMs)
    this.#reserve?.used(app, 1, this.#budget.hour(nowMs), nowMs)
  }

  /** The budget has the place back already. */
  unspent(app: string, nowMs: number): void {
    this.#reserve?.used(app, -1, this.#budget.hour(nowMs), nowMs)
  }

  /**
   * For a call of `app` (`undefined`: one without a share) that lets `ahead` of the `waiting` go first. An estimate only
   * where shares hold some of those back as well: what they do to the windows once they are free is not looked into.
   */
  forecast(app: string | undefined, ahead: number, waiting: number, nowMs: number): Forecast {
    const forecast = this.#budget.forecast(nowMs, ahead)
    if (!this.#reserve) return forecast
    const hour = this.#budget.hour(nowMs)
    const holdMs = this.#reserve.holdMs(app, ahead, waiting, hour, nowMs, forecast.waitMs)
    return holdMs > forecast.waitMs ? { waitMs: holdMs, by: 'hour' } : forecast
  }

  /** When there may be room for more of those who wait, `room` of it being there but kept from all of them. */
  moreMs(room: number, waiting: number, nowMs: number): number {
    return room > 0 && this.#reserve
      ? this.#reserve.lookMs(waiting, this.#budget.hour(nowMs), nowMs)
      : this.#budget.forecast(nowMs, 0).waitMs
  }

  /** What has been counted is forgotten only where shares have changed. */
  configure(shares: ReadonlyMap<string, number>): void {
    const now = this.#reserve?.shares ?? NO_SHARES
    if (shares.size === now.size && [...shares].every(([app, n]) => now.get(app) === n)) return
    this.#reserve = shares.size > 0 ? makeReserve(shares) : undefined
  }
}
