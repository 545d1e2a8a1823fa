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
import type { Report, Summons } from '../base/pool.js'
import { Alarm } from './alarm.js'
import { Appetite } from './appetite.js'
import { Fallback } from './fallback.js'
import { Hand } from './hand.js'
import type { PurseHouse, PurseOwner } from './purse-house.js'
import { rhythmOf, type Rhythm } from './rhythm.js'
import { Rounds } from './rounds.js'
import { talk, type Talk, type Talker } from './talk.js'
import { Voice } from './voice.js'

/** All nodes would ask at the very moment of a reset. */
const MAX_SPREAD_MS = 200
/** Until the pool has answered, at the soonest. */
const LEAST_HOLD_MS = 5
/** All who went on alone have stopped and reported so long before the quiet ends. */
const STOPPED_MS = 250

export class Purse implements Talker {
  readonly #house: PurseHouse
  readonly #owner: PurseOwner
  readonly #rhythm: Rhythm
  readonly voice: Voice
  readonly #appetite: Appetite
  /** What the pool knows the account by. */
  tag: string
  readonly #hand = new Hand()
  #askedMs = -Infinity
  #retryAtMs = -Infinity
  #asking = 0
  readonly #rounds: Rounds
  readonly #alarm: Alarm
  readonly #fallback: Fallback
  /** It is another purse now that has the account. */
  #isClosed = false
  /** All are asked what they know, also those who hold nothing. */
  #isCalled = false

  constructor(name: string, owner: PurseOwner, house: PurseHouse) {
    this.#house = house
    this.#owner = owner
    this.tag = house.pool.tagOf(name)
    const burstMs = owner.budget.config.burst.windowMs
    this.#rhythm = rhythmOf(burstMs)
    this.voice = new Voice(() => owner.budget, this.#rhythm)
    this.#appetite = new Appetite(this.#rhythm.pulseMs, burstMs)
    this.#fallback = new Fallback({ house, owner, hand: this.#hand, own: this.voice.own, known: this })
    this.#rounds = new Rounds(() => this.#exchange())
    this.#alarm = new Alarm(house.clock, () => this.#ring())
  }

  /** Calls that may be sent without asking. */
  inHand(nowMs: number): number {
    return this.#hand.count(nowMs)
  }

  room(nowMs: number): number {
    if (this.#owner.budget.isBlocked(nowMs)) return 0
    if (!this.#fallback.isOn) return this.inHand(nowMs)
    return this.#fallback.room(nowMs, this.#rounds.isRunning)
  }

  /** How long until there may be room; whoever asks has somebody who waits. */
  holdMs(nowMs: number): number {
    if (this.room(nowMs) > 0) return 0
    const aloneMs = this.#fallback.waitMs(nowMs)
    if (aloneMs !== undefined) return Math.max(aloneMs, LEAST_HOLD_MS)
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
    const isVain = this.#fallback.isOn ? this.voice.isHeard(pool) : isServed || nowMs < this.#retryAtMs
    if (isVain || this.#owner.budget.isBlocked(nowMs)) return undefined
    this.#asking++
    return this.#ask().finally(() => {
      this.#asking--
    })
  }

  /** A call goes. */
  spend(nowMs: number): void {
    this.#appetite.spend()
    this.#hand.spend(nowMs)
    this.#fallback.spend()
    const mayRefill = nowMs >= this.#retryAtMs && !this.#appetite.isRestrained(nowMs) && !this.#fallback.isOn
    if (this.#hand.isLow && mayRefill && !this.#rounds.isRunning) void this.#ask()
    this.#plan(nowMs)
  }

  /** It never left. */
  refund(nowMs: number): void {
    if (!this.#fallback.refund()) this.#hand.refund(nowMs)
    this.#plan(nowMs)
  }

  /** Its answer came, or it may have arrived. */
  completed(nowMs: number): void {
    this.voice.completed(nowMs)
    this.#plan(nowMs)
  }

  /** The pool is lost. */
  lose(nowMs: number): void {
    if (this.#fallback.lose(nowMs)) this.#fallBack()
  }

  #fallBack(): void {
    this.#retryAtMs = -Infinity
    this.#house.engaged(this)
    this.#owner.wake()
  }

  /** The pool asks for what is in hand, or is back. */
  summon(what: Summons, nowMs: number): void {
    if (this.#isClosed || (what === 'all' && !this.#isRemembered(nowMs))) return
    if (what === 'hand') this.#appetite.restrain(nowMs)
    else this.#isCalled = true
    this.#planFor(nowMs + 1 + (what === 'all' ? this.#house.random() * (this.#rhythm.pulseMs / 2) : 0))
  }

  /** The account goes by its GUID from now on; under its number nobody keeps a budget any more. */
  rename(guid: string, number: string): void {
    const { pool, clock } = this.#house
    this.voice.moves(pool.tagOf(number), guid)
    this.#planFor(clock.nowMs() + 1)
    if (this.tag === pool.tagOf(guid)) return
    this.tag = pool.tagOf(guid)
    this.voice.unknown('')
    this.#hand.giveBack()
    this.#fallback.keep(undefined)
  }

  /** The account's other name had a purse, too: what its node had answered is told here. @param name of this one */
  absorb(other: Purse, name: string): void {
    this.voice.absorb(other.voice)
    this.voice.moves(other.tag, name)
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
    this.#isCalled = false
    try {
      const talked = await talk(this, pool, clock)
      if (!talked || this.#isClosed) return
      this.voice.reached(pool)
      this.#heard(talked)
    } catch {
      this.lose(clock.nowMs())
    } finally {
      this.#plan(clock.nowMs())
    }
  }

  report(nowMs: number): Report {
    const waiting = this.#owner.inLane + this.#asking
    const ahead = this.#appetite.ahead(waiting > 0, nowMs)
    if (ahead === 0 && waiting === 0) this.#hand.giveBack()
    const inHand = this.inHand(nowMs)
    const want = waiting + Math.max(0, ahead - inHand)
    const part = this.#fallback.part(nowMs)
    const [isAlone, isEnding] = [this.#fallback.isOn, this.#fallback.isEnding(nowMs)]
    const stands = { inHand, waiting, want, part, isAlone, isEnding }
    return this.voice.report(stands, this.#house.pool, nowMs)
  }

  #heard({ told, report, sentMs }: Talk): void {
    const nowMs = this.#house.clock.nowMs()
    this.#hand.granted(told.granted, sentMs + report.leaseMs)
    // For who holds nothing and wants nothing, nothing is kept.
    const isCounted = report.held + told.granted + report.want > 0
    if (told.quietMs !== undefined) this.#keepQuiet(sentMs + told.quietMs - STOPPED_MS, nowMs)
    else this.#fallback.end()
    if (!isCounted) this.#fallback.keep(undefined)
    else if (told.quietMs === undefined) this.#fallback.keep(told.part)
    this.voice.heard(told, report, nowMs)
    const spreadMs = this.#house.random() * Math.min(MAX_SPREAD_MS, this.#rhythm.pulseMs / 4)
    this.#retryAtMs = told.retryMs === undefined ? -Infinity : nowMs + told.retryMs + spreadMs
    if (told.sameAs !== undefined) this.#house.sameAs(this.#owner.key, told.sameAs)
    if (told.granted > 0 || this.#owner.inLane > 0) this.#owner.wake()
  }

  /** The pool is there, but not everybody has been heard: until shortly before its end each goes on alone. */
  #keepQuiet(untilMs: number, nowMs: number): void {
    if (this.#fallback.keepQuiet(untilMs, nowMs)) this.#fallBack()
    if (untilMs > nowMs) this.#planFor(untilMs)
  }

  #plan(nowMs: number): void {
    if (!this.#house.pool.isUp) return
    const isWaited = this.#owner.inLane > 0
    if (isWaited && this.inHand(nowMs) === 0) this.#planFor(Math.max(this.#retryAtMs, nowMs + 1))
    // Who waits and says nothing for too long is not counted among those who wait.
    if (isWaited || this.#isEngaged(nowMs))
      this.#planFor(Math.max(this.#askedMs + this.#rhythm.pulseMs, nowMs + 1))
    else this.#house.idle(this)
  }

  /** The others should hear of it again. */
  #isEngaged(nowMs: number): boolean {
    const { inFlight } = this.#owner.budget
    return this.inHand(nowMs) > 0 || this.#fallback.isOn || this.voice.owes || inFlight > 0
  }

  /** The pool would have to be told, if it had forgotten. */
  #isRemembered(nowMs: number): boolean {
    const { own } = this.voice
    return this.#isEngaged(nowMs) || own.countAfter(nowMs - this.#owner.budget.memoryMs(nowMs)) > 0
  }

  #planFor(dueMs: number): void {
    if (this.#alarm.setFor(dueMs)) this.#house.engaged(this)
  }

  #ring(): void {
    const isEngaged = this.#isEngaged(this.#house.clock.nowMs())
    const isOwed = this.#owner.inLane > 0 || isEngaged || this.voice.isMoving || this.#isCalled
    // One that is under way plans the next itself.
    if (this.#house.pool.isUp && isOwed && !this.#rounds.isRunning) void this.#ask()
  }
}
