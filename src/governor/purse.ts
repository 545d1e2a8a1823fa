/**
 * What this node has in hand of one account that it shares with others, and how it comes by it.
 *
 *   a call ──▶ something in hand? ──▶ spent, and nobody is asked
 *          ──▶ nothing ──▶ one report to the pool, for all who came meanwhile ──▶ granted · or when to ask again
 *
 * A busy node is granted some calls ahead, as many as it has sent in the last second (or an eighth of the burst window),
 * and asks for more when half of them are gone; one that falls idle gives them back with its next report. Between two
 * reports lies a 24th of the burst window, a second and a quarter at most, while it holds anything.
 */
import type { Report, Summons, Told } from '../base/pool.js'
import { Alarm } from './alarm.js'
import { Alone } from './alone.js'
import { Appetite } from './appetite.js'
import type { PurseHouse, PurseOwner } from './purse-house.js'
import { rhythmOf, type Rhythm } from './rhythm.js'
import { Rounds } from './rounds.js'
import { Voice } from './voice.js'

/** All nodes would ask at the very moment of a reset. */
const MAX_SPREAD_MS = 200
/** All who went on alone have stopped and reported so long before the quiet ends. */
const STOPPED_MS = 250

export class Purse {
  readonly #house: PurseHouse
  readonly #owner: PurseOwner
  readonly #rhythm: Rhythm
  readonly #voice: Voice
  readonly #appetite: Appetite
  /** What the pool knows the account by. */
  tag: string
  #hand = 0
  #leaseEndsMs = -Infinity
  #refillBelow = 0
  #part = 0
  #askedMs = -Infinity
  #retryAtMs = -Infinity
  #asking = 0
  readonly #rounds: Rounds
  readonly #alarm: Alarm
  /** What it may send while the pool is lost, or not all nodes have reported since. */
  #alone: Alone | undefined
  /** It is another purse now that has the account. */
  #isClosed = false

  constructor(name: string, owner: PurseOwner, house: PurseHouse) {
    this.#house = house
    this.#owner = owner
    this.tag = house.pool.tagOf(name)
    const burstMs = owner.budget.config.burst.windowMs
    this.#rhythm = rhythmOf(burstMs)
    this.#voice = new Voice(() => owner.budget, this.#rhythm)
    this.#appetite = new Appetite(this.#rhythm.pulseMs, burstMs)
    this.#rounds = new Rounds(() => this.#exchange())
    this.#alarm = new Alarm(house.clock, () => this.#ring())
  }

  /** Calls that may be sent without asking. */
  inHand(nowMs: number): number {
    // What our stalled process did not report in time counts as spent.
    if (this.#hand > 0 && nowMs >= this.#leaseEndsMs) this.#hand = 0
    return this.#hand
  }

  room(nowMs: number): number {
    if (this.#owner.budget.isBlocked(nowMs)) return 0
    const hand = this.inHand(nowMs)
    return hand > 0 || !this.#alone ? hand : this.#alone.room(nowMs)
  }

  /** How long until there may be room; whoever asks has somebody who waits. */
  holdMs(nowMs: number): number {
    if (this.room(nowMs) > 0) return 0
    if (this.#alone && !this.#alone.isOver(nowMs)) return this.#alone.waitMs(nowMs)
    this.#plan(nowMs)
    const atMs = Math.max(this.#retryAtMs, nowMs + 1)
    this.#planFor(atMs)
    return atMs - nowMs
  }

  /** Before a call enters: waits until the pool was asked for it, where that is to any purpose. Never rejects. */
  prepare(nowMs: number): Promise<void> | undefined {
    const { pool } = this.#house
    if (!pool.isUp) {
      this.lose(nowMs)
      return undefined
    }
    const isServed = this.inHand(nowMs) > this.#owner.inLane + this.#asking
    const isVain = this.#alone ? this.#voice.isHeard(pool) : isServed || nowMs < this.#retryAtMs
    if (isVain || this.#owner.budget.isBlocked(nowMs)) return undefined
    this.#asking++
    return this.#ask().finally(() => {
      this.#asking--
    })
  }

  /** A call goes. */
  spend(nowMs: number): void {
    this.#appetite.spend()
    if (this.inHand(nowMs) > 0) this.#hand--
    else this.#alone?.spend()
    const mayRefill = nowMs >= this.#retryAtMs && !this.#appetite.isRestrained(nowMs) && !this.#alone
    if (this.#hand < this.#refillBelow && mayRefill && !this.#rounds.isRunning) void this.#ask()
    this.#plan(nowMs)
  }

  /** It never left. */
  refund(nowMs: number): void {
    if (this.#alone) this.#alone.refund()
    else if (nowMs < this.#leaseEndsMs) this.#hand++
    this.#plan(nowMs)
  }

  /** Its answer came, or it may have arrived. */
  completed(nowMs: number): void {
    this.#voice.completed(nowMs)
    this.#plan(nowMs)
  }

  /** The pool is lost, or it may not be relied on yet. */
  lose(nowMs: number): void {
    if (this.#alone) return
    const { budget } = this.#owner
    const isFresh = nowMs < this.#leaseEndsMs && this.#isEngaged()
    budget.secede(!isFresh, nowMs)
    const part = isFresh ? this.#part : undefined
    this.#alone = new Alone({ house: this.#house, budget, own: this.#voice.own, part, sinceMs: nowMs })
    this.#retryAtMs = -Infinity
    this.#house.engaged(this)
    this.#owner.wake()
  }

  /** The pool asks for what is in hand, or is back. */
  summon(what: Summons, nowMs: number): void {
    if (what === 'hand') this.#appetite.restrain(nowMs)
    this.#planFor(nowMs + 1 + (what === 'all' ? Math.random() * (this.#rhythm.pulseMs / 2) : 0))
  }

  /** The account goes by its GUID from now on; under its number nobody keeps a budget any more. */
  rename(guid: string, number: string): void {
    const { pool, clock } = this.#house
    this.#voice.moves(pool.tagOf(number), guid)
    this.#planFor(clock.nowMs() + 1)
    if (this.tag === pool.tagOf(guid)) return
    this.tag = pool.tagOf(guid)
    this.#voice.unknown('')
    this.#hand = 0
  }

  /** The account's other name had a purse, too: what its node had answered is told here. @param name of this one */
  absorb(other: Purse, name: string): void {
    this.#voice.absorb(other.#voice)
    this.#voice.moves(other.tag, name)
    other.#isClosed = true
    other.#alarm.cancel()
    this.#house.idle(other)
    this.#planFor(this.#house.clock.nowMs() + 1)
  }

  #ask(): Promise<void> {
    this.#house.engaged(this)
    return this.#rounds.ask()
  }

  async #exchange(): Promise<void> {
    const { pool, clock } = this.#house
    this.#askedMs = clock.nowMs()
    try {
      await this.#voice.leave(pool, clock.nowMs())
      // Once more where the pool knows nothing of us, or we were renamed meanwhile.
      for (let tries = 0; tries < 3; tries++) {
        const tag = this.tag
        const sentMs = clock.nowMs()
        const report = this.#report(sentMs)
        const told = await pool.exchange(tag, report)
        if (this.#isClosed) return
        this.#voice.reached(pool)
        if (tag !== this.tag) continue
        if (told.kind === 'told') return this.#heard(told, report, sentMs)
        if (told.kind === 'stale') return
        this.#voice.unknown(told.generation)
      }
    } catch {
      this.lose(clock.nowMs())
    } finally {
      this.#plan(clock.nowMs())
    }
  }

  #report(nowMs: number): Report {
    const waiting = this.#owner.inLane + this.#asking
    const ahead = this.#appetite.ahead(waiting > 0, nowMs)
    if (ahead === 0 && waiting === 0) this.#hand = 0
    const inHand = this.#hand
    const want = waiting + Math.max(0, ahead - inHand)
    const stands = { inHand, waiting, want, isAlone: this.#alone !== undefined }
    return this.#voice.report(stands, this.#house.pool, nowMs)
  }

  #heard(told: Told, report: Report, sentMs: number): void {
    const nowMs = this.#house.clock.nowMs()
    this.#hand += told.granted
    this.#leaseEndsMs = sentMs + report.leaseMs
    this.#refillBelow = Math.floor(this.#hand / 2)
    this.#voice.heard(told, report, nowMs)
    const spreadMs = Math.random() * Math.min(MAX_SPREAD_MS, this.#rhythm.pulseMs / 4)
    this.#retryAtMs = told.retryMs === undefined ? -Infinity : nowMs + told.retryMs + spreadMs
    if (told.quietMs !== undefined) this.#keepQuiet(sentMs + told.quietMs - STOPPED_MS, nowMs)
    else {
      this.#alone = undefined
      this.#part = told.part
    }
    if (told.sameAs !== undefined) this.#house.sameAs(this.#owner.key, told.sameAs)
    if (told.granted > 0 || this.#owner.inLane > 0) this.#owner.wake()
  }

  /** The pool is there, but not everybody has been heard: until shortly before its end each goes on alone. */
  #keepQuiet(untilMs: number, nowMs: number): void {
    if (untilMs <= nowMs) return
    this.lose(nowMs)
    this.#alone?.endsAt(untilMs)
    this.#planFor(untilMs)
  }

  #plan(nowMs: number): void {
    if (!this.#house.pool.isUp) return
    const isWaited = this.#owner.inLane > 0
    if (isWaited && this.#hand === 0) this.#planFor(Math.max(this.#retryAtMs, nowMs + 1))
    // Who waits and says nothing for too long is not counted among those who wait.
    if (isWaited || this.#isEngaged())
      this.#planFor(Math.max(this.#askedMs + this.#rhythm.pulseMs, nowMs + 1))
    else this.#house.idle(this)
  }

  /** The others should hear of it again. */
  #isEngaged(): boolean {
    return this.#hand > 0 || this.#alone !== undefined || this.#voice.owes || this.#owner.budget.inFlight > 0
  }

  #planFor(dueMs: number): void {
    if (this.#alarm.setFor(dueMs)) this.#house.engaged(this)
  }

  #ring(): void {
    const isOwed = this.#owner.inLane > 0 || this.#isEngaged() || this.#voice.isMoving
    // One that is under way plans the next itself.
    if (this.#house.pool.isUp && isOwed && !this.#rounds.isRunning) void this.#ask()
  }
}
