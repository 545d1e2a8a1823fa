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
import type { Clock, Timer } from '../base/clock.js'
import type { OnLoss, Pool, Report, Summons, Told } from '../base/pool.js'
import { Alone } from './alone.js'
import { Answers, batched } from './answers.js'
import type { Budget } from './budget.js'
import { Ring } from './ring.js'
import { timesTold } from './told-times.js'

/** What a purse asks of its account. */
export interface PurseOwner {
  readonly budget: Budget
  readonly key: string
  /** Those who wait in its lanes. */
  readonly inLane: number
  wake(): void
}

/** What all purses have in common. */
export interface PurseHouse {
  readonly pool: Pool
  readonly clock: Clock
  onLoss(): OnLoss
  /** Another node has seen that two names are one account's; the second is its GUID. */
  sameAs(name: string, guid: string): void
  /** It must hear of the pool's coming and going. */
  engaged(purse: Purse): void
  idle(purse: Purse): void
}

const REPORTS_A_WINDOW = 24
const MIN_PULSE_MS = 100
const MAX_PULSE_MS = 1_250
/** So many reports may be missed before what a node holds counts as spent. */
const LEASE_PULSES = 8
const MAX_AHEAD = 512
const MAX_AHEAD_MS = 1_000
/** All nodes would ask at the very moment of a reset. */
const MAX_SPREAD_MS = 200
/** What the pool asked back is not wanted ahead again so soon. */
const SCARCE_PULSES = 4
/** What was told last is believed for so long after the next report was due: a command's deadline is less. */
const FRESH_MS = 1_000
/** All who went on alone have stopped and reported so long before the quiet ends. */
const STOPPED_MS = 250

export class Purse {
  readonly #house: PurseHouse
  readonly #owner: PurseOwner
  readonly #own: Ring
  readonly #answers: Answers
  readonly #pulseMs: number
  #tag: string
  #hand = 0
  #leaseEndsMs = -Infinity
  #refillBelow = 0
  #number = 0
  #generation = ''
  #bringsAll = false
  #epoch = 0
  #total = 0
  #heardTotal = 0
  #heardUnheard = 0
  #elsewhere: number | undefined
  #part = 0
  #aloneUntilMs = Infinity
  #heardMs = -Infinity
  #measuredMs = -Infinity
  #timesMs = -Infinity
  #retryAtMs = -Infinity
  #scarceUntilMs = -Infinity
  #taken = 0
  #rate = 0
  #asking = 0
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #timer: Timer | undefined
  #dueMs = Infinity
  #alone: Alone | undefined
  #farewell: { tag: string; sameAs: string } | undefined
  #isClosed = false

  constructor(name: string, owner: PurseOwner, house: PurseHouse) {
    this.#house = house
    this.#owner = owner
    this.#tag = house.pool.tagOf(name)
    const { burstMs } = owner.budget.usual
    this.#pulseMs = Math.min(MAX_PULSE_MS, Math.max(MIN_PULSE_MS, burstMs / REPORTS_A_WINDOW))
    this.#own = new Ring(burstMs / 1000)
    this.#answers = new Answers(burstMs / 240)
  }

  get tag(): string {
    return this.#tag
  }

  get #freshMs(): number {
    return 2 * this.#pulseMs + FRESH_MS
  }

  /** Calls that may be sent without asking. */
  inHand(nowMs: number): number {
    // What our stalled process did not report in time counts as spent.
    if (this.#hand > 0 && nowMs >= this.#leaseEndsMs) this.#hand = 0
    return this.#hand
  }

  room(nowMs: number): number {
    const { budget } = this.#owner
    if (budget.isBlocked(nowMs)) return 0
    const hand = this.inHand(nowMs)
    if (hand > 0 || !this.#alone || nowMs >= this.#aloneUntilMs) return hand
    const onLoss = this.#house.onLoss()
    if (onLoss === 'closed') return 0
    return onLoss === 'open' ? budget.room(nowMs) : this.#alone.room(nowMs)
  }

  /** How long until there may be something in hand; whoever asks has somebody who waits. */
  holdMs(nowMs: number): number {
    if (this.room(nowMs) > 0) return 0
    if (this.#alone && nowMs < this.#aloneUntilMs)
      return this.#house.onLoss() === 'share' ? this.#alone.waitMs(nowMs) : this.#pulseMs
    this.#planFor(Math.max(this.#retryAtMs, nowMs + 1))
    return Math.max(this.#retryAtMs - nowMs, 1)
  }

  /** Before a call enters: waits until the pool was asked for it, where that is to any purpose. Never rejects. */
  prepare(nowMs: number): Promise<void> | undefined {
    if (!this.#house.pool.isUp) {
      this.lose(nowMs)
      return undefined
    }
    if (this.#owner.budget.isBlocked(nowMs)) return undefined
    const isServed = this.inHand(nowMs) > this.#owner.inLane + this.#asking
    if (this.#alone && this.#epoch === this.#house.pool.epoch) return undefined
    if (!this.#alone && (isServed || nowMs < this.#retryAtMs)) return undefined
    this.#asking++
    return this.#ask().finally(() => {
      this.#asking--
    })
  }

  /** A call goes. */
  spend(nowMs: number): void {
    this.#taken++
    if (this.inHand(nowMs) > 0) this.#hand--
    else this.#alone?.spend()
    const isLow = this.#hand < this.#refillBelow && nowMs >= Math.max(this.#retryAtMs, this.#scarceUntilMs)
    if (isLow && !this.#alone && !this.#running) void this.#ask()
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
    this.#total++
    this.#answers.add(nowMs)
    this.#own.add(nowMs)
    this.#own.forget(nowMs - this.#memoryMs(nowMs))
    this.#plan(nowMs)
  }

  /** The pool is lost. */
  lose(nowMs: number): void {
    if (this.#alone) return
    const { budget } = this.#owner
    const isFresh = nowMs - this.#heardMs < this.#freshMs && this.#isEngaged()
    budget.secede(!isFresh, nowMs)
    const part = isFresh ? this.#part : undefined
    this.#alone = new Alone({ budget, own: this.#own, nodes: this.#house.pool.nodes, part, sinceMs: nowMs })
    this.#aloneUntilMs = Infinity
    this.#retryAtMs = -Infinity
    this.#house.engaged(this)
    this.#owner.wake()
  }

  /** The pool asks for what is in hand, or is back. */
  summon(what: Summons, nowMs: number): void {
    if (what === 'hand') {
      this.#scarceUntilMs = nowMs + SCARCE_PULSES * this.#pulseMs
      if (this.#hand === 0 || this.#owner.inLane > 0) return
    }
    this.#planFor(nowMs + 1 + (what === 'all' ? Math.random() * (this.#pulseMs / 2) : 0))
  }

  /** From now on it is the purse of the same account under this name. */
  rename(name: string): void {
    const tag = this.#house.pool.tagOf(name)
    if (tag === this.#tag) return
    this.#farewell = { tag: this.#tag, sameAs: name }
    this.#tag = tag
    this.#generation = ''
    this.#hand = 0
    this.#bringsAll = true
    this.#planFor(this.#house.clock.nowMs() + 1)
  }

  /** Another name's purse was in use, too: what its node had answered is this one's. */
  absorb(other: Purse, name: string): void {
    this.#own.absorb(other.#own)
    this.#total += other.#total
    this.#bringsAll = true
    this.#generation = ''
    this.#farewell = { tag: other.#tag, sameAs: name }
    other.#isClosed = true
    other.#timer?.cancel()
    this.#house.idle(other)
    this.#planFor(this.#house.clock.nowMs() + 1)
  }

  #memoryMs(nowMs: number): number {
    const { burstMs, hourMs } = this.#owner.budget.usual
    const hour = this.#owner.budget.hour(nowMs)
    return Math.max(burstMs, hour.aligned ? nowMs - hour.startedMs : hourMs)
  }

  /** One report at a time; who comes while one is under way is in the next. */
  #ask(): Promise<void> {
    if (this.#running) {
      this.#next ??= this.#running.then(() => {
        this.#next = undefined
        return this.#ask()
      })
      return this.#next
    }
    this.#house.engaged(this)
    this.#running = this.#exchange().finally(() => {
      this.#running = undefined
      this.#plan(this.#house.clock.nowMs())
    })
    return this.#running
  }

  async #exchange(): Promise<void> {
    const { pool, clock } = this.#house
    try {
      await this.#leave()
      // A second time where the pool knows nothing of us; more would be a pool that forgets at once.
      for (let tries = 0; tries < 3; tries++) {
        const tag = this.#tag
        const sentMs = clock.nowMs()
        const report = this.#report(sentMs)
        const told = await pool.exchange(tag, report)
        if (this.#isClosed) return
        this.#epoch = pool.epoch
        if (tag !== this.#tag) continue
        if (told.kind === 'told') return this.#heard(told, report, sentMs)
        if (told.kind === 'stale') return
        this.#generation = told.generation
        this.#bringsAll = true
      }
    } catch {
      this.lose(clock.nowMs())
    }
  }

  #report(nowMs: number): Report {
    const { pool } = this.#house
    const { budget, inLane } = this.#owner
    const { usual } = budget
    const { hour, burst, blocks, unheardEver, hourLimit, burstLimit } = budget.seen(nowMs)
    const wait = inLane + this.#asking
    const ahead = this.#ahead(wait, nowMs)
    const grainMs = usual.burstMs / 240
    const answered = this.#bringsAll ? batched(this.#own.times(), grainMs, nowMs) : this.#answers.told(nowMs)
    const answeredCount = answered.reduce((sum, { count }) => sum + count, 0)
    const wantsTimes = wait > 0 && nowMs - this.#timesMs > Math.max(250, 2 * this.#pulseMs)
    if (wantsTimes) this.#timesMs = nowMs
    return {
      number: ++this.#number,
      generation: this.#generation,
      isBack: this.#epoch !== pool.epoch,
      wasAlone: this.#alone !== undefined && this.#epoch !== pool.epoch,
      held: budget.inFlight + this.#hand,
      inHand: this.#hand,
      waiting: wait,
      want: wait + Math.max(0, ahead - this.#hand),
      total: this.#total,
      heardTotal: this.#total - answeredCount,
      answered,
      hour: hour && {
        resetAtSeconds: hour.resetAtSeconds,
        turnsInMs: hour.turnsAtMs - nowMs,
        isSure: hour.isSure,
        answered: this.#own.countAfter(hour.startedMs),
        said: said(hour.remaining, hour.heardSentMs, nowMs),
      },
      unheard: unheardEver - this.#heardUnheard,
      burst: burst && said(burst.remaining, burst.sentMs, nowMs),
      hourLimit,
      burstLimit,
      usual,
      isKnown: budget.isKnown,
      blockedForMs: blocks && {
        hour: left(blocks.hour, nowMs),
        burst: left(blocks.burst, nowMs),
        unknown: left(blocks.unknown, nowMs),
      },
      leaseMs: LEASE_PULSES * this.#pulseMs,
      pulseMs: this.#pulseMs,
      freshMs: this.#freshMs,
      wantsTimes,
      sameAs: undefined,
    }
  }

  /** How many calls it would have in hand; what it has and should not is given back. */
  #ahead(wait: number, nowMs: number): number {
    const elapsedMs = nowMs - this.#measuredMs
    if (elapsedMs >= this.#pulseMs / 2) {
      this.#rate = Math.max(this.#taken / elapsedMs, this.#rate / 2)
      // Who has sent nothing since the last report is idle.
      if (this.#taken === 0 && wait === 0) this.#hand = this.#rate = 0
      this.#taken = 0
      this.#measuredMs = nowMs
    }
    if (nowMs < this.#scarceUntilMs) {
      if (wait === 0) this.#hand = 0
      return 0
    }
    const { burstMs } = this.#owner.budget.usual
    return Math.min(MAX_AHEAD, Math.ceil(this.#rate * Math.min(MAX_AHEAD_MS, burstMs / 8)))
  }

  #heard(told: Told, report: Report, sentMs: number): void {
    const { budget } = this.#owner
    const nowMs = this.#house.clock.nowMs()
    this.#heardMs = sentMs
    this.#answers.heard(report.total - this.#heardTotal)
    this.#heardTotal = report.total
    this.#heardUnheard += report.unheard
    const elsewhere = told.answeredByAll - report.total
    const isSame = this.#generation === told.generation && !this.#bringsAll
    const answeredElsewhere = isSame ? Math.max(0, elsewhere - (this.#elsewhere ?? elsewhere)) : 0
    this.#elsewhere = elsewhere
    this.#generation = told.generation
    this.#bringsAll = false
    if (told.quietMs !== undefined) this.#keepQuiet(sentMs + told.quietMs - STOPPED_MS, nowMs)
    else this.#alone = undefined
    this.#hand += told.granted
    this.#leaseEndsMs = sentMs + report.leaseMs
    this.#refillBelow = Math.floor(this.#hand / 2)
    this.#part = told.part
    budget.adopt(told, answeredElsewhere, nowMs)
    if (told.times) budget.retell(timesTold(told, budget, nowMs))
    const spreadMs = Math.random() * Math.min(MAX_SPREAD_MS, this.#pulseMs / 4)
    this.#retryAtMs = told.retryMs === undefined ? -Infinity : nowMs + told.retryMs + spreadMs
    if (told.sameAs !== undefined) this.#house.sameAs(this.#owner.key, told.sameAs)
    if (told.granted > 0 || this.#owner.inLane > 0) this.#owner.wake()
  }

  /** The pool is there, but not everybody has been heard: until shortly before its end each goes on alone. */
  #keepQuiet(untilMs: number, nowMs: number): void {
    if (untilMs <= nowMs) return
    this.lose(nowMs)
    this.#aloneUntilMs = untilMs
    this.#planFor(untilMs)
  }

  /** What it was reported under before is told where it is now. */
  async #leave(): Promise<void> {
    const farewell = this.#farewell
    if (!farewell) return
    this.#farewell = undefined
    const report = this.#report(this.#house.clock.nowMs())
    const { tag, sameAs } = farewell
    // It holds nothing there any more; a generation of none is never asked back.
    await this.#house.pool.exchange(tag, {
      ...report,
      ...{ held: 0, inHand: 0, waiting: 0, want: 0, answered: [], heardTotal: report.total, sameAs },
    })
  }

  #plan(nowMs: number): void {
    if (this.#running || !this.#house.pool.isUp) return
    const isWanting = this.#owner.inLane > 0 && this.#hand === 0
    if (isWanting) this.#planFor(Math.max(this.#retryAtMs, nowMs + 1))
    if (this.#isEngaged()) this.#planFor(this.#heardMs + this.#pulseMs)
    else if (!isWanting) this.#house.idle(this)
  }

  /** The others should hear of it again. */
  #isEngaged(): boolean {
    return (
      this.#hand > 0 || this.#alone !== undefined || !this.#answers.isEmpty || this.#owner.budget.inFlight > 0
    )
  }

  #planFor(dueMs: number): void {
    if (dueMs >= this.#dueMs) return
    this.#timer?.cancel()
    const { clock } = this.#house
    this.#dueMs = dueMs
    this.#house.engaged(this)
    this.#timer = clock.after(Math.max(1, Math.ceil(dueMs - clock.nowMs())), () => {
      this.#dueMs = Infinity
      const isWanted = this.#owner.inLane > 0 && this.inHand(clock.nowMs()) === 0
      const isOwed = this.#isEngaged() || this.#farewell !== undefined
      if (this.#house.pool.isUp && (isWanted || isOwed) && !this.#running) void this.#ask()
    })
  }
}

function said(remaining: number | undefined, sentMs: number | undefined, nowMs: number) {
  if (remaining === undefined) return undefined
  return { remaining, sentAgoMs: sentMs === undefined ? undefined : nowMs - sentMs }
}

function left(untilMs: number, nowMs: number): number | undefined {
  return untilMs > nowMs ? Math.ceil(untilMs - nowMs) : undefined
}
