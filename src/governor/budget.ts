/**
 * One account's budget: how many calls may be sent now, and when the next one may. Pure over `nowMs`.
 *
 * DocuSign counts a call when it arrives; we only know when it was sent and when its answer came. So a call holds its
 * place in every window from the send until the window has passed *after its answer*, and a call under way while the
 * hour turns is charged to both hours (promise 1). What DocuSign says in its headers can only lower the result, until
 * a newer header or the passing of a window raises it (promise 3). See facts 1.1 to 1.4.
 */
import type { Window } from '../base/types.js'
import type { Told } from '../base/pool.js'
import type { DocusignTime } from './docusign-time.js'
import { forecastOf } from './forecast.js'
import type { Limits } from './headers.js'
import { BAN_KINDS, Bans } from './bans.js'
import { BurstWindow } from './burst.js'
import { HourWindow } from './hour.js'
import { Ring } from './ring.js'
import type { BudgetConfig, Forecast, Heard, Hour, Kept, Standing } from './standing.js'

/** How fast answers come before one has. */
const FIRST_GUESS_MS = 500
/** The weight of one answer in that guess. */
const SMOOTHING = 1 / 8
/** A place is held this share of the window longer than needed where an account has more than 8,192 of them. */
const GRAIN_SHARE = 0.001
const FREE: Forecast = { waitMs: 0, by: undefined }

export class Budget {
  #config: BudgetConfig
  /** When answers came. */
  readonly ring: Ring
  readonly #hour: HourWindow
  readonly #burst: BurstWindow
  #inFlight = 0
  /** Calls that other nodes hold, under way or in hand. */
  #elsewhere = 0
  /** It is one of several nodes': what is foreign is judged over all of them. */
  #isShared = false
  /** Before its first answer nobody knows an account: its limits may be other ones, and spent by others. */
  isKnown = false
  #answerMs = FIRST_GUESS_MS
  #foreignTotal = 0
  #bans: Bans | undefined

  constructor(config: BudgetConfig, time: DocusignTime) {
    this.#config = config
    this.ring = new Ring(config.burst.windowMs * GRAIN_SHARE)
    this.#hour = new HourWindow(config, time, this.ring)
    this.#burst = new BurstWindow(config, this.ring)
  }

  /** Calls sent and not answered. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Calls that hold a place and have no answer, as far as is known. */
  get #out(): number {
    return this.#inFlight + this.#elsewhere
  }

  isBlocked(nowMs: number): boolean {
    return this.blockedUntilMs(nowMs) !== undefined
  }

  /** Until when DocuSign refuses everything, nowMs scale; `undefined` where it does not. */
  blockedUntilMs(nowMs: number): number | undefined {
    return this.#bans?.endMs(nowMs)
  }

  /** How many calls may be sent at this very moment. */
  room(nowMs: number): number {
    if (this.isBlocked(nowMs)) return 0
    const room = Math.min(this.#hour.room(this.#out, nowMs), this.#burst.room(this.#out, nowMs))
    if (room <= 0 || this.isKnown) return Math.max(0, room)
    return this.#out > 0 ? 0 : 1
  }

  /** For a call that lets `ahead` others go first. */
  forecast(nowMs: number, ahead: number): Forecast {
    const outlook = {
      nowMs,
      inFlight: this.#out,
      answerMs: this.#answerMs,
      ring: this.ring,
      hour: this.#hour.outlook(this.#out, nowMs),
      burst: this.#burst.outlook(nowMs),
    }
    return forecastOf(outlook, ahead, this.#earliest(nowMs, ahead))
  }

  /** Charges one call to all windows. Only where there is room; a budget that merely observes goes below nothing. */
  take(): void {
    this.#inFlight++
  }

  /** DocuSign answered a call sent at `sentMs`, with these limits in its headers. */
  answered(sentMs: number, limits: Limits | undefined, nowMs: number): void {
    this.#complete(nowMs)
    this.isKnown = true
    // A whole number, because a fraction would be an object of its own.
    this.#answerMs += Math.round((nowMs - sentMs - this.#answerMs) * SMOOTHING)
    if (limits?.dateSeconds !== undefined) this.#hour.time.learn(limits.dateSeconds, sentMs, nowMs)
    if (!limits || !this.#config.learn) return this.#hour.unheard(nowMs)
    const before = this.#hour.foreign
    this.#hour.learn(limits, sentMs, this.#inFlight, nowMs, this.#isShared)
    // Less than before is another hour's.
    this.#foreignTotal += Math.max(0, this.#hour.foreign - (this.#hour.foreign < before ? 0 : before))
    this.#burst.learn(limits, sentMs, this.#inFlight, nowMs, this.#isShared)
  }

  /** No answer came, but the call may have arrived. */
  failed(nowMs: number): void {
    this.#complete(nowMs)
    this.#hour.unheard(nowMs)
  }

  /** The call never left: it has spent nothing. */
  refund(): void {
    this.#inFlight--
  }

  /** DocuSign refused a call for a limit: nothing goes up before that block's end. */
  block(window: Window | 'unknown', untilMs: number, nowMs: number): void {
    ;(this.#bans ??= new Bans()).ban(window, untilMs)
    if (window === 'hour') this.#hour.spent(untilMs, nowMs)
  }

  /** Another name of the same account had a budget of its own: what it knew and spent is known and spent here. */
  absorb(other: Budget, nowMs: number): void {
    this.ring.absorb(other.ring)
    this.#hour.absorb(other.#hour, nowMs)
    this.#burst.absorb(other.#burst, nowMs)
    this.#inFlight += other.#inFlight
    this.isKnown ||= other.isKnown
    for (const kind of BAN_KINDS) {
      const untilMs = other.#bans?.endOfMs(kind, nowMs)
      if (untilMs !== undefined) this.block(kind, untilMs, nowMs)
    }
  }

  get config(): BudgetConfig {
    return this.#config
  }

  /** What others should know of it. What DocuSign said of the burst is said once. */
  seen(nowMs: number) {
    return {
      ...this.heard(nowMs),
      hour: this.#hour.seen(nowMs),
      burst: this.#burst.told(),
      unheardEver: this.#hour.unheardEver,
      blockedForMs: this.#bans?.leftMs(nowMs),
    }
  }

  /** So it stands over all nodes. What others had answered since the last time is known to all nodes only now. */
  adopt(told: Told, answeredElsewhere: number, nowMs: number): void {
    this.#isShared = true
    this.isKnown ||= told.isKnown
    this.#elsewhere = told.heldElsewhere
    for (let i = 0; i < answeredElsewhere; i++) this.ring.add(nowMs)
    if (told.hour) this.#hour.adopt(told.hour, told.hourLimit, nowMs)
    this.#burst.restore(told.burstLimit ?? this.#burst.learned)
    this.#burst.adopt(told.foreignBurst?.calls ?? 0, nowMs + (told.foreignBurst?.forMs ?? 0))
    this.heed(told, nowMs)
  }

  /** Of the same only what takes something away: not all nodes have been heard. */
  heed(told: Told, nowMs: number): void {
    for (const kind of BAN_KINDS) {
      const forMs = told.blockedForMs[kind]
      if (forMs !== undefined) this.block(kind, nowMs + forMs, nowMs)
    }
  }

  /**
   * The others are out of sight: what they held counts as answered now.
   * @param isDoubtful they may have spent what we do not know of; the next call then goes alone
   */
  secede(isDoubtful: boolean, nowMs: number): void {
    for (; this.#elsewhere > 0; this.#elsewhere--) this.ring.add(nowMs)
    this.#isShared = false
    if (isDoubtful) this.isKnown = false
  }

  /** The account lives at another host than was thought: that host's clock counts. */
  follow(time: DocusignTime): void {
    this.#hour.follow(time)
  }

  configure(config: BudgetConfig): void {
    this.#config = config
    this.#hour.configure(config)
    this.#burst.configure(config)
  }

  hour(nowMs: number): Hour {
    return this.#hour.now(this.#out, nowMs)
  }

  standing(nowMs: number): Standing {
    // Whoever looks tidies up: an account that fell idle is not touched by calls.
    this.#forget(nowMs)
    const room = this.#hour.room(this.#out, nowMs)
    const { limit, heard, foreign, resetAtSeconds } = this.#hour
    const used = Math.min(limit, limit - this.#config.margin - room)
    return {
      hour: { limit, used, remaining: Math.max(0, room), heard, resetAtSeconds },
      burst: this.#burst.standing(this.#out, nowMs),
      foreign,
      foreignTotal: this.#foreignTotal,
      source: this.#hour.isLearned || this.#burst.learned !== undefined ? 'learned' : 'configured',
    }
  }

  /** What DocuSign has said, for a process that starts later. */
  heard(nowMs: number): Heard {
    return this.#hour.told(nowMs, this.#burst.learned)
  }

  /** How far back answers still matter to any window. */
  memoryMs(nowMs: number): number {
    return this.#hour.memoryMs(nowMs)
  }

  /** Takes up what an earlier process knew. Only on a new budget. */
  restore(kept: Kept, nowMs: number): void {
    for (const atMs of kept.completions) this.ring.add(atMs)
    this.#burst.restore(kept.burstLimit)
    this.isKnown = this.#hour.restore(kept, nowMs)
  }

  #complete(nowMs: number): void {
    this.#inFlight--
    this.ring.add(nowMs)
    this.#forget(nowMs)
  }

  #forget(nowMs: number): void {
    this.ring.forget(nowMs - this.memoryMs(nowMs))
  }

  /** What holds every call, whatever the windows say. */
  #earliest(nowMs: number, ahead: number): Forecast {
    const banned = this.#bans?.forecast(nowMs)
    if (banned) return banned
    return !this.isKnown && (this.#out > 0 || ahead > 0) ? { waitMs: this.#answerMs, by: 'first' } : FREE
  }
}
