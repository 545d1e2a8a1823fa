/**
 * The hour of one account: a clock hour as DocuSign counts (facts 1.2) once its reset is known, any hour before that.
 * Two counts are kept and the lesser holds: what we have sent ourselves, and what DocuSign says is left.
 */
import type { BudgetConfig, Heard, Hour, HourSeen, HourTold, Kept } from './standing.js'
import type { DocusignTime } from './docusign-time.js'
import { ageOf, guardMs } from './hour-age.js'
import { HourWord } from './hour-word.js'
import type { HourOutlook } from './forecast.js'
import type { Limits } from './headers.js'
import type { Ring } from './ring.js'

export class HourWindow {
  #config: BudgetConfig
  #time: DocusignTime
  readonly #ring: Ring
  #limit: number | undefined
  /** The end of the current hour, DocuSign's epoch. */
  #resetAtSeconds: number | undefined
  /** From here on answered calls are charged to it: the earliest moment at which it may have begun. */
  #startedMs: number | undefined
  readonly #word = new HourWord()
  /** DocuSign itself has said when it ends. */
  #isSure = false
  #foreign = 0
  /** Answered in this hour, and refused in the one before it, where they cost nothing any more. */
  #refusedBefore = 0

  constructor(config: BudgetConfig, time: DocusignTime, ring: Ring) {
    this.#config = config
    this.#time = time
    this.#ring = ring
  }

  get time(): DocusignTime {
    return this.#time
  }

  get isLearned(): boolean {
    return this.#limit !== undefined
  }

  get resetAtSeconds(): number | undefined {
    return this.#resetAtSeconds
  }

  /** What DocuSign has said, for a process that starts later. In one object, because every answer asks for it. */
  told(nowMs: number, burstLimit: number | undefined): Heard {
    this.turn(nowMs)
    return { remaining: this.heard, resetAtSeconds: this.#resetAtSeconds, hourLimit: this.#limit, burstLimit }
  }

  /** DocuSign's own word, as last heard in this hour. */
  get heard(): number | undefined {
    return this.#word.remaining
  }

  get unheardEver(): number {
    return this.#word.unheardEver
  }

  /** Calls by others in this hour, as far as the headers prove them. */
  get foreign(): number {
    return this.#foreign
  }

  get limit(): number {
    return this.#limit ?? this.#config.hour.limit
  }

  /** How it stands, for the other nodes. */
  seen(nowMs: number): HourSeen | undefined {
    this.turn(nowMs)
    const reset = this.#resetAtSeconds
    if (reset === undefined || !this.#isAligned()) return undefined
    const startedMs = this.#startedMs ?? -Infinity
    const own = { startedMs, turnsAtMs: this.#turnsAtMs(reset), isSure: this.#isSure }
    return { ...own, resetAtSeconds: reset, remaining: this.#word.remaining, heardSentMs: this.#word.sentMs }
  }

  /** What all nodes know of it; an hour that is over here is none of theirs. */
  adopt(told: HourTold, limit: number | undefined, nowMs: number): void {
    this.turn(nowMs)
    this.#limit = limit ?? this.#limit
    const laterBy = told.resetAtSeconds - (this.#resetAtSeconds ?? -Infinity)
    const isOther = Math.abs(laterBy) > this.#config.hour.windowMs / 2000
    if (isOther && laterBy < 0) return
    if (isOther) this.#begin(told.resetAtSeconds)
    this.#isSure ||= isOther
    this.#foreign = told.foreign
    this.#word.adopt(told.remaining, told.unheard)
  }

  follow(time: DocusignTime): void {
    this.#time = time
  }

  configure(config: BudgetConfig): void {
    this.#config = config
  }

  room(inFlight: number, nowMs: number): number {
    this.turn(nowMs)
    return Math.min(this.#ours(inFlight, nowMs), this.#theirs(inFlight))
  }

  /** Goes on to the hour that runs now. */
  turn(nowMs: number): void {
    const { windowMs, alignment } = this.#config.hour
    if (this.#resetAtSeconds === undefined) {
      if (alignment !== 'clock') return
      // The first multiple that DocuSign's clock may not have reached yet.
      const passed = Math.floor((nowMs - this.#time.latestMs(0)) / windowMs)
      return this.#begin(((passed + 1) * windowMs) / 1000)
    }
    const turnsAtMs = this.#turnsAtMs(this.#resetAtSeconds)
    if (nowMs < turnsAtMs) return
    const passed = Math.floor((nowMs - turnsAtMs) / windowMs) + 1
    this.#begin(this.#resetAtSeconds + (passed * windowMs) / 1000)
  }

  /** An answer without a word about what is left, or no answer at all. */
  unheard(nowMs: number): void {
    this.#word.missed(nowMs)
  }

  /**
   * DocuSign says that nothing is left, whatever else it says. What ends long before this hour was said of the one
   * before it, which has turned later there than here: that must not cost this one.
   */
  spent(untilMs: number, nowMs: number): void {
    this.turn(nowMs)
    const reset = this.#resetAtSeconds
    if (reset === undefined) return
    if (untilMs < this.#turnsAtMs(reset) - this.#config.hour.windowMs / 2) this.#refusedBefore++
    else this.#word.spent()
  }

  /** Another name of the same account knew this. */
  absorb(other: HourWindow, nowMs: number): void {
    this.turn(nowMs)
    other.turn(nowMs)
    this.#limit ??= other.#limit
    const theirs = other.#resetAtSeconds
    if (theirs !== undefined && (this.#resetAtSeconds === undefined || theirs > this.#resetAtSeconds)) {
      this.#begin(theirs)
    }
    const isSame = theirs !== undefined && theirs === this.#resetAtSeconds
    this.#word.absorb(other.#word, isSame)
    if (isSame) this.#startedMs = Math.min(this.#startedMs ?? Infinity, other.#startedMs ?? Infinity)
  }

  /** @param isShared others of ours call, too: what they sent is known to all nodes together, and not here */
  learn(limits: Limits, sentMs: number, inFlight: number, nowMs: number, isShared: boolean): void {
    this.turn(nowMs)
    const { windowMs } = this.#config.hour
    const age = ageOf(limits, { endSeconds: this.#resetAtSeconds, windowMs }, this.#time, sentMs, nowMs)
    // Counted in an hour that is over; it says nothing of this one.
    if (age === 'stale') return
    if (age === 'absurd') return this.unheard(nowMs)
    if (age === 'newer' && limits.resetAtSeconds !== undefined) this.#begin(limits.resetAtSeconds)
    if (limits.resetAtSeconds !== undefined) this.#isSure = true
    this.#limit = limits.hourLimit ?? this.#limit
    const told = limits.hourRemaining
    if (told === undefined || age === 'undated') return this.unheard(nowMs)
    this.#word.told(told, sentMs)
    if (isShared) return
    const ours = this.#ring.countAfter(this.#startedMs ?? -Infinity) - this.#refusedBefore + inFlight
    this.#foreign = Math.max(this.#foreign, this.limit - told - ours)
  }

  /** How far back answers still matter to any window. */
  memoryMs(nowMs: number): number {
    const { hour, burst } = this.#config
    const sinceMs = nowMs - (this.#startedMs ?? -Infinity)
    return Math.max(this.#isAligned() ? sinceMs : hour.windowMs, burst.windowMs)
  }

  outlook(inFlight: number, nowMs: number): HourOutlook {
    this.turn(nowMs)
    const { windowMs } = this.#config.hour
    const aligned = this.#isAligned()
    const theirs = this.#theirs(inFlight)
    const reset = this.#resetAtSeconds
    return {
      limit: this.#allowance(),
      windowMs,
      left: aligned ? Math.min(this.#ours(inFlight, nowMs), theirs) : theirs,
      turnsAtMs: reset === undefined ? nowMs + windowMs : this.#turnsAtMs(reset),
      held: aligned ? undefined : this.#ring.countAfter(nowMs - windowMs),
    }
  }

  now(inFlight: number, nowMs: number): Hour {
    const { windowMs } = this.#config.hour
    const remaining = Math.max(0, this.room(inFlight, nowMs))
    const reset = this.#resetAtSeconds
    if (reset !== undefined && this.#isAligned()) {
      const endsMs = this.#turnsAtMs(reset)
      return { limit: this.limit, remaining, startedMs: this.#startedMs ?? -Infinity, endsMs, aligned: true }
    }
    const held = this.#ring.countAfter(nowMs - windowMs)
    const endsMs = (held > 0 ? this.#ring.timeOf(held - 1) : nowMs) + windowMs
    return { limit: this.limit, remaining, startedMs: nowMs - windowMs, endsMs, aligned: false }
  }

  /** Whether what was kept tells of the hour that runs now. */
  restore(kept: Kept, nowMs: number): boolean {
    this.#limit = kept.hourLimit
    const reset = kept.resetAtSeconds
    if (reset === undefined || nowMs >= this.#turnsAtMs(reset)) return false
    this.#begin(reset)
    this.#word.adopt(kept.remaining, 0)
    return kept.remaining !== undefined
  }

  #begin(endSeconds: number): void {
    this.#resetAtSeconds = endSeconds
    const { windowMs } = this.#config.hour
    const beginsMs = this.#time.earliestMs(endSeconds * 1000 - windowMs) - guardMs(windowMs)
    this.#startedMs = Math.max(this.#startedMs ?? -Infinity, beginsMs)
    this.#word.forget()
    this.#foreign = 0
    this.#refusedBefore = 0
  }

  #ours(inFlight: number, nowMs: number): number {
    const used = this.#isAligned()
      ? this.#ring.countAfter(this.#startedMs ?? -Infinity) - this.#refusedBefore
      : this.#ring.countAfter(nowMs - this.#config.hour.windowMs)
    return this.#allowance() - used - inFlight
  }

  #theirs(inFlight: number): number {
    const { remaining, unheard } = this.#word
    return remaining === undefined ? Infinity : remaining - this.#config.margin - inFlight - unheard
  }

  #allowance(): number {
    return this.limit - this.#config.margin
  }

  #isAligned(): boolean {
    return this.#resetAtSeconds !== undefined && this.#config.hour.alignment !== 'sliding'
  }

  #turnsAtMs(seconds: number): number {
    return this.#time.latestMs(seconds * 1000) + guardMs(this.#config.hour.windowMs)
  }
}
