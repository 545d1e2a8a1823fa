/**
 * The waiting room of one account: who goes now, who waits, and who is told at once that waiting is no use.
 *
 *   enter ──▶ room, and nobody before it ──────────────▶ granted, synchronously
 *         ──▶ it would wait longer than it may ─────────▶ turned away, with the time at which it need not
 *         ──▶ waits ──▶ room comes free, its turn ──────▶ granted
 *                   ──▶ its time is up ─────────────────▶ turned away
 *                   ──▶ the caller leaves ──────────────▶ gone, nothing spent
 */
import type { Clock } from '../base/clock.js'
import { Allowance, type LaneBudget } from './allowance.js'
import type { Forecast, Hold } from './standing.js'
import { makeTurnstile, type Turnstile } from './turnstile.js'
import { Held, type Ask, type Granted, type Turned, type Waiter } from './waiter.js'
import { makeWaitingRoom, type Priority, type WaitingRoom } from './waiting.js'

export type { Ask, Granted, Left, Turned, Waiter } from './waiter.js'
export type { LaneBudget } from './allowance.js'
export type { Priority } from './waiting.js'

export interface LaneConfig {
  /** How many may wait. */
  readonly maxLength: number
  /** App → share of the hour that is kept for it, above 0, at most 1. Empty: nothing is kept. */
  readonly reserves: ReadonlyMap<string, number>
  /** What lets them through, one at a time; none: the turnstile that serves traffic. */
  readonly turnstile?: typeof makeTurnstile | undefined
}

/** When the first and the last of some more calls could go. */
export interface Quote {
  readonly first: Forecast
  readonly last: Forecast
}

export interface Lane {
  enter(ask: Ask, nowMs: number): Granted | Turned | Waiter
  /** The budget has changed: an answer, a header, a place given back, a block that came or went. */
  wake(): void
  /** A granted call of `app` has never left; the budget has its place back already. */
  unspent(app: string, nowMs: number): void
  length(): number
  lengthOf(priority: Priority): number
  /** 0 where nobody waits. */
  oldestWaitMs(nowMs: number): number
  /** Turns away everybody who waits. */
  drain(): void
  reconfigure(config: LaneConfig): void
  /** For `calls` (1 or more) more calls of one app that has no share and nobody waiting. */
  quote(nowMs: number, calls: number, priority: Priority): Quote
}

const AT_ONCE: Granted = Object.freeze({ kind: 'granted', waitedMs: 0 })

export function makeLane(budget: LaneBudget, config: LaneConfig, clock: Clock): Lane {
  return new AccountLane(budget, config, clock)
}

interface Crowd {
  readonly waiting: WaitingRoom<Held>
  readonly turnstile: Turnstile
  readonly onLeave: (held: Held) => void
}

/** A class, because there may be ten thousand idle ones: closures would cost each of them half a kilobyte. */
class AccountLane implements Lane {
  readonly #allowance: Allowance
  readonly #clock: Clock
  #config: LaneConfig
  /** Stands while anybody waits. */
  #crowd: Crowd | undefined

  constructor(budget: LaneBudget, config: LaneConfig, clock: Clock) {
    this.#allowance = new Allowance(budget, config.reserves)
    this.#clock = clock
    this.#config = config
  }

  enter(ask: Ask, nowMs: number): Granted | Turned | Waiter {
    const allowance = this.#allowance
    if (this.#crowd || allowance.isShared || allowance.room(nowMs) <= 0) return this.#consider(ask, nowMs)
    allowance.spend(ask.app, nowMs)
    return AT_ONCE
  }

  #consider(ask: Ask, nowMs: number): Granted | Turned | Waiter {
    const { app, priority } = ask
    const isNext = this.#isNext(app, nowMs)
    // Only now: a call must not make the hour scarce for itself, or it would be refused again when it returns as told.
    this.#allowance.offered(nowMs)
    if (isNext) {
      this.#allowance.spend(app, nowMs)
      return AT_ONCE
    }
    const ahead = this.#crowd?.waiting.ahead(app, priority, 1) ?? 0
    const { waitMs, by } = this.#allowance.forecast(app, ahead, this.length(), nowMs)
    // How long the account's first call stays out alone is only guessed: whoever can wait at all does.
    const isGuess = by === 'first' && ask.maxWaitMs > 0
    if (waitMs > ask.maxWaitMs && !isGuess) return this.#turned('too-long', app, 0, nowMs, by)
    if (this.length() >= this.#config.maxLength) {
      const loser = this.#crowd?.waiting.outbid(app, priority)
      if (!loser) return this.#turned('queue-full', app, 0, nowMs)
      this.#turnAway(loser, 'queue-full', nowMs)
    }
    const crowd = (this.#crowd ??= this.#gather())
    const held = new Held(ask, nowMs, crowd.onLeave)
    crowd.waiting.insert(held)
    // Whoever is awake at the gate sees it anyhow; whoever sleeps there must not sleep past its deadline.
    if (crowd.waiting.firstDue() === held) crowd.turnstile.rouse()
    return held
  }

  /** Whether there is room for `app`, and nobody waits who may use it. */
  #isNext(app: string, nowMs: number): boolean {
    if (this.#allowance.room(nowMs) <= 0) return false
    const mayGo = this.#allowance.mayGo(this.length(), nowMs)
    return mayGo?.(app) !== false && !this.#crowd?.waiting.next(mayGo)
  }

  #gather(): Crowd {
    return {
      waiting: makeWaitingRoom(),
      turnstile: (this.#config.turnstile ?? makeTurnstile)(this.#clock, () => this.#attend()),
      onLeave: held => this.#forget(held),
    }
  }

  /** Serves whom there is room for, then turns away whose time is up; how long until there is more of either. */
  #attend(): number | undefined {
    const nowMs = this.#clock.nowMs()
    const waiting = this.#crowd?.waiting
    if (!waiting) return undefined
    let room = this.#allowance.room(nowMs)
    for (; room > 0; room--) {
      const next = waiting.next(this.#allowance.mayGo(waiting.length, nowMs))
      if (!next) break
      waiting.serve(next)
      this.#allowance.spend(next.app, nowMs)
      next.end({ kind: 'granted', waitedMs: nowMs - next.sinceMs })
    }
    this.#turnAwayDue(nowMs, 'too-long', nowMs)
    const due = waiting.firstDue()
    if (!due) {
      this.#crowd = undefined
      return undefined
    }
    return Math.min(this.#allowance.moreMs(room, waiting.length, nowMs), due.deadlineMs - nowMs)
  }

  #turned(reason: Turned['reason'], app: string, waitedMs: number, nowMs: number, by?: Hold): Turned {
    const alone = this.#allowance.forecast(app, this.length(), this.length(), nowMs)
    return { kind: 'turned', reason, by: by ?? alone.by ?? 'burst', retryAfterMs: alone.waitMs, waitedMs }
  }

  #turnAway(held: Held, reason: Turned['reason'], nowMs: number): void {
    this.#crowd?.waiting.remove(held)
    held.end(this.#turned(reason, held.app, nowMs - held.sinceMs, nowMs))
  }

  /** All out before the first is told when to come back: they do not stand before each other any more. */
  #turnAwayDue(untilMs: number, reason: Turned['reason'], nowMs: number): void {
    const waiting = this.#crowd?.waiting
    const out: Held[] = []
    for (let due = waiting?.firstDue(); due && due.deadlineMs <= untilMs; due = waiting?.firstDue()) {
      waiting?.remove(due)
      out.push(due)
    }
    for (const held of out) held.end(this.#turned(reason, held.app, nowMs - held.sinceMs, nowMs))
  }

  #forget(held: Held): void {
    this.#crowd?.waiting.remove(held)
    held.end({ kind: 'left', waitedMs: this.#clock.nowMs() - held.sinceMs })
    // The last one turns out the light; and who leaves makes the hour less scarce.
    if (this.length() === 0 || this.#allowance.isShared) this.wake()
  }

  wake(): void {
    this.#crowd?.turnstile.rouse()
  }

  unspent(app: string, nowMs: number): void {
    this.#allowance.unspent(app, nowMs)
    this.wake()
  }

  length(): number {
    return this.#crowd?.waiting.length ?? 0
  }

  lengthOf(priority: Priority): number {
    return this.#crowd?.waiting.lengthOf(priority) ?? 0
  }

  oldestWaitMs(nowMs: number): number {
    return nowMs - (this.#crowd?.waiting.oldestMs() ?? nowMs)
  }

  drain(): void {
    this.#turnAwayDue(Infinity, 'drained', this.#clock.nowMs())
    this.wake()
  }

  reconfigure(config: LaneConfig): void {
    this.#config = config
    this.#allowance.configure(config.reserves)
    this.wake()
  }

  quote(nowMs: number, calls: number, priority: Priority): Quote {
    const nth = (n: number) => {
      const ahead = this.#crowd?.waiting.ahead(undefined, priority, n) ?? n - 1
      return this.#allowance.forecast(undefined, ahead, this.length(), nowMs)
    }
    return { first: nth(1), last: nth(calls) }
  }
}
