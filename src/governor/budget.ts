/**
 * One account's budget: how many calls may be sent now, and when the next one may. Pure over `nowMs`.
 *
 * DocuSign counts a call when it arrives; we only know when it was sent and when its answer came. So a call holds its
 * place in every window from the send until the window has passed *after its answer*, and a call under way while the
 * hour turns is charged to both hours (promise 1). What DocuSign says in its headers can only lower the result, until
 * a newer header or the passing of a window raises it (promise 3). See facts 1.1 to 1.4.
 */
import type { Window } from '../base/types.js'
import type { DocusignTime } from './docusign-time.js'
import { forecastOf, type Outlook } from './forecast.js'
import type { Limits } from './headers.js'
import { HourWindow } from './hour.js'
import { Ring } from './ring.js'

export type { Window } from '../base/types.js'

/** What holds a call back: a spent window, a block whose kind is unknown, or that the account's first call is out alone. */
export type Hold = Window | 'first' | 'blocked'

/** When a call could be sent if nobody else called: from now (0: now), and what holds it until then. */
export interface Forecast {
  readonly waitMs: number
  readonly by: Hold | undefined
}

export interface BudgetConfig {
  readonly hour: { readonly limit: number; readonly windowMs: number; readonly alignment: Alignment }
  readonly burst: { readonly limit: number; readonly windowMs: number }
  /** Whether DocuSign's headers are believed. */
  readonly learn: boolean
  /** Calls of each window that are never used. */
  readonly margin: number
}

/** When the hour begins: on the window's multiples by DocuSign's clock, with every call, or as its reset header says. */
export type Alignment = 'clock' | 'sliding' | 'auto'

/** The hour as it stands. */
export interface Hour {
  readonly limit: number
  /** Calls that we may still send in it. */
  readonly remaining: number
  /** nowMs scale; of a sliding hour: one window ago. */
  readonly startedMs: number
  /** nowMs scale: when it has turned for sure; of a sliding hour: when its next place comes free. */
  readonly endsMs: number
  readonly aligned: boolean
}

export interface WindowStanding {
  readonly limit: number
  /** Calls that count in it, others' included; those under way are counted already. At most the limit. */
  readonly used: number
  readonly remaining: number
  /** DocuSign's own word, as last heard for this window; `undefined` when nobody has told us. */
  readonly heard: number | undefined
}

/** For the status page and the gauges. */
export interface Standing {
  readonly hour: WindowStanding & { readonly resetAtSeconds: number | undefined }
  readonly burst: WindowStanding
  /** Calls by others in this hour, as far as the headers prove them. */
  readonly foreign: number
  /** The same of all hours so far. */
  readonly foreignTotal: number
  readonly source: 'learned' | 'configured'
}

/** DocuSign's own word, as last heard; `undefined`: never. */
export interface Heard {
  readonly remaining: number | undefined
  readonly resetAtSeconds: number | undefined
  readonly hourLimit: number | undefined
  readonly burstLimit: number | undefined
}

/** What outlives the process. */
export interface Kept extends Heard {
  /** When answers came; nowMs scale, oldest first, none later than now. */
  readonly completions: readonly number[]
}

/** How fast answers come before one has. */
const FIRST_GUESS_MS = 500
/** The weight of one answer in that guess. */
const SMOOTHING = 1 / 8
/** A place is held this share of the window longer than needed where an account has more than 8,192 of them. */
const GRAIN_SHARE = 0.001
const FREE: Forecast = { waitMs: 0, by: undefined }

export class Budget {
  #config: BudgetConfig
  readonly #time: DocusignTime
  readonly #ring: Ring
  readonly #hour: HourWindow
  #inFlight = 0
  /** Nobody knows an account before its first answer: its limits may be other ones, and others may have spent them. */
  #isKnown = false
  #answerMs = FIRST_GUESS_MS
  #burstLimit: number | undefined
  #burstHeard: number | undefined
  #burstHeardMs = -Infinity
  #foreignTotal = 0
  #foreignBurst = 0
  #foreignUntilMs = -Infinity
  #hourBlockedUntilMs = -Infinity
  #burstBlockedUntilMs = -Infinity
  #blockedUntilMs = -Infinity

  constructor(config: BudgetConfig, time: DocusignTime) {
    this.#config = config
    this.#time = time
    this.#ring = new Ring(config.burst.windowMs * GRAIN_SHARE)
    this.#hour = new HourWindow(config, time, this.#ring)
  }

  /** Calls sent and not answered. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** How many calls may be sent at this very moment. */
  room(nowMs: number): number {
    if (
      nowMs < this.#burstBlockedUntilMs ||
      nowMs < this.#hourBlockedUntilMs ||
      nowMs < this.#blockedUntilMs
    ) {
      return 0
    }
    const room = Math.min(this.#hour.room(this.#inFlight, nowMs), this.#burstRoom(nowMs))
    if (room <= 0) return 0
    if (this.#isKnown) return room
    return this.#inFlight > 0 ? 0 : 1
  }

  /** For a call that lets `ahead` others go first. */
  forecast(nowMs: number, ahead: number): Forecast {
    return forecastOf(this.#outlook(nowMs), ahead, this.#earliest(nowMs, ahead))
  }

  /** Charges one call to all windows. Only where there is room; a budget that merely observes goes below nothing. */
  take(): void {
    this.#inFlight++
  }

  /** DocuSign answered a call sent at `sentMs`, with these limits in its headers. */
  answered(sentMs: number, limits: Limits | undefined, nowMs: number): void {
    this.#complete(nowMs)
    this.#isKnown = true
    this.#answerMs += (nowMs - sentMs - this.#answerMs) * SMOOTHING
    if (limits?.dateSeconds !== undefined) this.#time.learn(limits.dateSeconds, sentMs, nowMs)
    if (!limits || !this.#config.learn) return this.#hour.unheard(nowMs)
    const before = this.#hour.foreign
    this.#hour.learn(limits, sentMs, this.#inFlight, nowMs)
    // Less than before is another hour's.
    this.#foreignTotal += Math.max(0, this.#hour.foreign - (this.#hour.foreign < before ? 0 : before))
    this.#learnBurst(limits, sentMs, nowMs)
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
    if (window === 'hour') {
      this.#hourBlockedUntilMs = Math.max(this.#hourBlockedUntilMs, untilMs)
      this.#hour.spent(nowMs)
    } else if (window === 'burst') this.#burstBlockedUntilMs = Math.max(this.#burstBlockedUntilMs, untilMs)
    else this.#blockedUntilMs = Math.max(this.#blockedUntilMs, untilMs)
  }

  /** Another name of the same account had a budget of its own: what it knew and spent is known and spent here. */
  absorb(other: Budget, nowMs: number): void {
    this.#ring.absorb(other.#ring)
    this.#hour.absorb(other.#hour, nowMs)
    this.#inFlight += other.#inFlight
    this.#isKnown ||= other.#isKnown
    this.#burstLimit ??= other.#burstLimit
    this.#foreignBurst = Math.max(this.#foreignNow(nowMs), other.#foreignNow(nowMs))
    this.#foreignUntilMs = Math.max(this.#foreignUntilMs, other.#foreignUntilMs)
    this.#hourBlockedUntilMs = Math.max(this.#hourBlockedUntilMs, other.#hourBlockedUntilMs)
    this.#burstBlockedUntilMs = Math.max(this.#burstBlockedUntilMs, other.#burstBlockedUntilMs)
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, other.#blockedUntilMs)
  }

  configure(config: BudgetConfig): void {
    this.#config = config
    this.#hour.configure(config)
  }

  hour(nowMs: number): Hour {
    return this.#hour.now(this.#inFlight, nowMs)
  }

  standing(nowMs: number): Standing {
    const { windowMs } = this.#config.burst
    const hour = this.#hour.now(this.#inFlight, nowMs)
    const burstLimit = this.#burstLimit ?? this.#config.burst.limit
    const burstRoom = this.#burstRoom(nowMs)
    const usedOf = (limit: number, room: number) => Math.min(limit, limit - this.#config.margin - room)
    const isFresh = nowMs < this.#burstHeardMs + windowMs
    return {
      hour: {
        limit: hour.limit,
        used: usedOf(hour.limit, this.#hour.room(this.#inFlight, nowMs)),
        remaining: hour.remaining,
        heard: this.#hour.heard,
        resetAtSeconds: this.#hour.resetAtSeconds,
      },
      burst: {
        limit: burstLimit,
        used: usedOf(burstLimit, burstRoom),
        remaining: Math.max(0, burstRoom),
        heard: isFresh ? this.#burstHeard : undefined,
      },
      foreign: this.#hour.foreign,
      foreignTotal: this.#foreignTotal,
      source: this.#hour.isLearned || this.#burstLimit !== undefined ? 'learned' : 'configured',
    }
  }

  /** What DocuSign has said, for a process that starts later. */
  heard(nowMs: number): Heard {
    this.#hour.turn(nowMs)
    return {
      remaining: this.#hour.heard,
      resetAtSeconds: this.#hour.resetAtSeconds,
      hourLimit: this.#hour.isLearned ? this.#hour.limit : undefined,
      burstLimit: this.#burstLimit,
    }
  }

  /** When answers came; nowMs scale, oldest first. */
  completions(): number[] {
    return this.#ring.times()
  }

  /** Takes up what an earlier process knew. Only on a new budget. */
  restore(kept: Kept, nowMs: number): void {
    for (const atMs of kept.completions) this.#ring.add(atMs)
    this.#burstLimit = kept.burstLimit
    this.#isKnown = this.#hour.restore(kept, nowMs)
  }

  /** Whether forgetting this account would raise no budget. */
  isIdle(nowMs: number): boolean {
    this.#ring.forget(nowMs - this.#hour.memoryMs(nowMs))
    return this.#inFlight === 0 && this.#ring.size === 0 && this.#earliest(nowMs, 0).waitMs === 0
  }

  #complete(nowMs: number): void {
    this.#inFlight--
    this.#ring.add(nowMs)
    this.#ring.forget(nowMs - this.#hour.memoryMs(nowMs))
  }

  #foreignNow(nowMs: number): number {
    return nowMs < this.#foreignUntilMs ? this.#foreignBurst : 0
  }

  #burstRoom(nowMs: number): number {
    const { limit, windowMs } = this.#config.burst
    const held = this.#ring.countAfter(nowMs - windowMs) + this.#inFlight + this.#foreignNow(nowMs)
    return (this.#burstLimit ?? limit) - this.#config.margin - held
  }

  #learnBurst(limits: Limits, sentMs: number, nowMs: number): void {
    const { limit, windowMs } = this.#config.burst
    this.#burstLimit = limits.burstLimit ?? this.#burstLimit
    if (limits.burstRemaining === undefined) return
    this.#burstHeard = limits.burstRemaining
    this.#burstHeardMs = nowMs
    // Ours in DocuSign's window are at most these; what is missing beyond them was spent by others.
    const ours = this.#ring.countAfter(sentMs - windowMs) + this.#inFlight
    const byOthers = (this.#burstLimit ?? limit) - limits.burstRemaining - ours
    if (byOthers < this.#foreignNow(nowMs)) return
    this.#foreignBurst = Math.max(0, byOthers)
    this.#foreignUntilMs = nowMs + windowMs
  }

  /** What holds every call, whatever the windows say. */
  #earliest(nowMs: number, ahead: number): Forecast {
    const untilMs = Math.max(this.#burstBlockedUntilMs, this.#hourBlockedUntilMs, this.#blockedUntilMs)
    if (untilMs > nowMs) {
      const isHour = untilMs === this.#hourBlockedUntilMs
      return {
        waitMs: untilMs - nowMs,
        by: isHour ? 'hour' : untilMs === this.#burstBlockedUntilMs ? 'burst' : 'blocked',
      }
    }
    const isAlone = !this.#isKnown && (this.#inFlight > 0 || ahead > 0)
    return isAlone ? { waitMs: this.#answerMs, by: 'first' } : FREE
  }

  #outlook(nowMs: number): Outlook {
    const { limit, windowMs } = this.#config.burst
    return {
      nowMs,
      inFlight: this.#inFlight,
      answerMs: this.#answerMs,
      ring: this.#ring,
      hour: this.#hour.outlook(this.#inFlight, nowMs),
      burst: {
        limit: (this.#burstLimit ?? limit) - this.#config.margin,
        windowMs,
        held: this.#ring.countAfter(nowMs - windowMs),
        foreign: this.#foreignNow(nowMs),
        foreignUntilMs: this.#foreignUntilMs,
      },
    }
  }
}
