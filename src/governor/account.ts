/** One account as the governor keeps it: what it may spend, who waits for that, and what outlives the process. */
import type { Clock } from '../base/clock.js'
import { Budget } from './budget.js'
import type { Priority, Window } from '../base/types.js'
import type { Forecast, Hour, Standing } from './standing.js'
import type { DocusignTime } from './docusign-time.js'
import type { Limits } from './headers.js'
import type { AccountJournal } from './journal.js'
import { makeLane, type Lane, type LaneBudget, type LaneConfig } from './lane.js'
import type { Purse } from './purse.js'
import type { Treasury } from './treasury.js'
import { PRIORITIES } from './waiting.js'

export interface Queue {
  readonly length: number
  readonly byPriority: Readonly<Record<Priority, number>>
  /** 0 where nobody waits. */
  readonly oldestWaitMs: number
}

const NOBODY: Queue = { length: 0, byPriority: { high: 0, normal: 0, low: 0 }, oldestWaitMs: 0 }

const ALONE: readonly Account[] = []

/** One who waits before the lane. */
interface Outsider {
  readonly priority: Priority
  readonly sinceMs: number
}

/** A class, because there may be tens of thousands of them and most are idle. */
export class Account implements LaneBudget {
  readonly key: string
  /** DocuSign has answered a call for it with anything but an error. */
  isMet = false
  /** The host it was last sent to; '' before its first call. */
  #origin = ''
  readonly lane: Lane
  readonly #journal: AccountJournal
  #budget: Budget
  // What the journal has been told.
  #hourLimit: number | undefined
  #burstLimit: number | undefined
  #blockedUntilMs: number | undefined
  #sameAs: string | undefined
  /** Another name of this account was used as well: who waits there must hear of what frees a place here. */
  #partners: readonly Account[] = ALONE
  /** Who waits for it before its lane: at a host that has cut us off, an envelope that rests, a document's downloads. */
  #outside: Set<Outsider> | undefined

  /** `undefined` where no other node calls for it. */
  readonly #treasury: Treasury | undefined
  #purse: Purse | undefined
  /** What the nodes call it. */
  #pooledAs: string

  constructor(
    key: string,
    budget: Budget,
    journal: AccountJournal,
    lane: LaneConfig,
    clock: Clock,
    treasury?: Treasury,
  ) {
    this.#treasury = treasury
    this.#pooledAs = key
    this.key = key
    this.#budget = budget
    this.#journal = journal
    this.lane = makeLane(this, lane, clock)
  }

  get origin(): string {
    return this.#origin
  }

  /** Its calls go to this host. */
  live(origin: string, time: DocusignTime): void {
    this.#origin = origin
    this.#budget.follow(time)
  }

  get budget(): Budget {
    return this.#budget
  }

  /** Before a call enters: what must be waited for until it may be judged; `undefined`: nothing. Never rejects. */
  prepare(nowMs: number): Promise<void> | undefined {
    if (!this.#treasury) return undefined
    this.#purse ??= this.#treasury.open(this.#pooledAs, this)
    return this.#purse.prepare(nowMs)
  }

  room(nowMs: number): number {
    return this.#purse ? this.#purse.room(nowMs) : this.#budget.room(nowMs)
  }

  forecast(nowMs: number, ahead: number): Forecast {
    const forecast = this.#budget.forecast(nowMs, ahead)
    const holdMs = this.#purse?.holdMs(nowMs) ?? 0
    return holdMs > forecast.waitMs ? { waitMs: holdMs, by: forecast.by ?? 'burst' } : forecast
  }

  hour(nowMs: number): Hour {
    return this.#budget.hour(nowMs)
  }

  standing(nowMs: number): Standing {
    return this.#budget.standing(nowMs)
  }

  /** Charged; the journal writes it down before it is sent (promise 11). */
  take(nowMs: number): void {
    const room = this.#budget.room(nowMs)
    this.#budget.take()
    this.#purse?.spend(nowMs)
    this.#journal.spend(nowMs, room)
  }

  answered(sentMs: number, limits: Limits | undefined, nowMs: number): void {
    this.#budget.answered(sentMs, limits, nowMs)
    this.#purse?.completed(nowMs)
    this.#journal.completed()
    if (limits) this.#remember(nowMs)
    this.wake()
  }

  failed(nowMs: number): void {
    this.#budget.failed(nowMs)
    this.#purse?.completed(nowMs)
    this.#journal.completed()
    this.wake()
  }

  /** The call, granted to `app`, never left. */
  refund(app: string, nowMs: number): void {
    this.#budget.refund()
    this.#purse?.refund(nowMs)
    this.#journal.refunded()
    this.lane.unspent(app, nowMs)
    this.wake()
  }

  block(window: Window | 'unknown', untilMs: number, nowMs: number): void {
    this.#budget.block(window, untilMs, nowMs)
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs ?? untilMs, untilMs)
    this.#learned(nowMs)
    this.wake()
  }

  isBlocked(nowMs: number): boolean {
    return this.#budget.isBlocked(nowMs)
  }

  blockedUntilMs(nowMs: number): number | undefined {
    return this.#budget.blockedUntilMs(nowMs)
  }

  /** `other` is the same account under its other name: from now on there is one budget, and it is this one's. */
  absorb(other: Account, nowMs: number): void {
    this.#budget.absorb(other.#budget, nowMs)
    other.#budget = this.#budget
    if (other.#purse) {
      this.#purse ??= this.#treasury?.open(this.#pooledAs, this)
      this.#purse?.absorb(other.#purse, this.#pooledAs)
    }
    other.#purse = this.#purse
    other.#sameAs = this.key
    other.#learned(nowMs)
    const both = [...this.#partners, ...other.#partners, this, other]
    for (const one of both) one.#partners = both.filter(partner => partner !== one)
    this.wake()
  }

  /** All nodes call it by its GUID once that is known, and whoever calls it by its number is told so. */
  pooledAs(guid: string, number: string): void {
    this.#pooledAs = guid
    this.#purse ??= this.#treasury?.open(guid, this)
    this.#purse?.rename(guid, number)
  }

  /** Who waits in its lanes, under either of its names. */
  get inLane(): number {
    return this.#partners.reduce((sum, { lane }) => sum + lane.length(), this.lane.length())
  }

  /** Counts one who waits before the lane, until the function returned is called. @param sinceMs nowMs scale */
  standOutside(priority: Priority, sinceMs: number): () => void {
    const outsider = { priority, sinceMs }
    const outside = (this.#outside ??= new Set())
    outside.add(outsider)
    return () => {
      outside.delete(outsider)
      if (outside.size === 0) this.#outside = undefined
    }
  }

  /** How many wait for it, under this name. */
  get waiting(): number {
    return this.lane.length() + (this.#outside?.size ?? 0)
  }

  /** Who waits for it, under either of its names. */
  queue(nowMs: number): Queue {
    if (this.#partners.length === 0 && this.waiting === 0) return NOBODY
    const byPriority = { high: 0, normal: 0, low: 0 }
    let length = 0
    let oldestWaitMs = 0
    for (const one of [this, ...this.#partners]) {
      const { lane } = one
      length += one.waiting
      oldestWaitMs = Math.max(oldestWaitMs, lane.oldestWaitMs(nowMs))
      for (const priority of PRIORITIES) byPriority[priority] += lane.lengthOf(priority)
      for (const { priority, sinceMs } of one.#outside ?? []) {
        byPriority[priority]++
        oldestWaitMs = Math.max(oldestWaitMs, nowMs - sinceMs)
      }
    }
    return { length, byPriority, oldestWaitMs }
  }

  /** Turns away everybody who waits for it. */
  drain(): void {
    this.lane.drain()
    for (const partner of this.#partners) partner.lane.drain()
  }

  #remember(nowMs: number): void {
    const { remaining, resetAtSeconds, hourLimit, burstLimit } = this.#budget.heard(nowMs)
    this.#journal.heard(remaining, resetAtSeconds)
    if (hourLimit === this.#hourLimit && burstLimit === this.#burstLimit) return
    this.#hourLimit = hourLimit
    this.#burstLimit = burstLimit
    this.#learned(nowMs)
  }

  #learned(nowMs: number): void {
    this.#journal.learned(nowMs, {
      hourLimit: this.#hourLimit,
      burstLimit: this.#burstLimit,
      blockedUntilMs: this.#blockedUntilMs,
      sameAs: this.#sameAs,
    })
  }

  wake(): void {
    this.lane.wake()
    for (const partner of this.#partners) partner.lane.wake()
  }
}
