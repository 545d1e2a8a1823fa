/**
 * The hour of one account: a clock hour as DocuSign counts (facts 1.2) once its reset is known, any hour before that.
 * Two counts are kept and the lesser holds: what we have sent ourselves, and what DocuSign says is left.
 */
import type { BudgetConfig, Hour, Kept } from './standing.js'
import type { DocusignTime } from './docusign-time.js'
import type { HourOutlook } from './forecast.js'
import type { Limits } from './headers.js'
import type { Ring } from './ring.js'

/** The machine that counts and the one that dates an answer need not agree to the millisecond. */
const MAX_GUARD_MS = 500
const GUARD_SHARE = 0.005

export class HourWindow {
  #config: BudgetConfig
  #time: DocusignTime
  readonly #ring: Ring
  #limit: number | undefined
  /** The end of the current hour, DocuSign's epoch. */
  #resetAtSeconds: number | undefined
  /** From here on answered calls are charged to it: the earliest moment at which it may have begun. */
  #startedMs = -Infinity
  /** The least that DocuSign has said is left of it. */
  #remaining: number | undefined
  /** Calls that may have arrived since, of which no header tells; and when the last of them ended. */
  #unheard = 0
  #unheardAtMs = -Infinity
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

  /** DocuSign's own word, as last heard in this hour. */
  get heard(): number | undefined {
    return this.#remaining
  }

  /** Calls by others in this hour, as far as the headers prove them. */
  get foreign(): number {
    return this.#foreign
  }

  get limit(): number {
    return this.#limit ?? this.#config.hour.limit
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
      // The first multiple that DocuSign's clock may not have reached yet.
      const passed =
        alignment === 'clock' ? Math.floor((nowMs - this.#time.latestMs(0)) / windowMs) : undefined
      if (passed !== undefined) this.#begin(((passed + 1) * windowMs) / 1000)
      return
    }
    const turnsAtMs = this.#turnsAtMs(this.#resetAtSeconds)
    if (nowMs < turnsAtMs) return
    const passed = Math.floor((nowMs - turnsAtMs) / windowMs) + 1
    this.#begin(this.#resetAtSeconds + (passed * windowMs) / 1000)
  }

  /** An answer without a word about what is left, or no answer at all. */
  unheard(nowMs: number): void {
    this.#unheard++
    this.#unheardAtMs = nowMs
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
    else this.#remaining = 0
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
    this.#unheard += other.#unheard
    this.#unheardAtMs = Math.max(this.#unheardAtMs, other.#unheardAtMs)
    if (theirs === undefined || theirs !== this.#resetAtSeconds) return
    this.#startedMs = Math.min(this.#startedMs, other.#startedMs)
    const left = Math.min(this.#remaining ?? Infinity, other.#remaining ?? Infinity)
    this.#remaining = left === Infinity ? undefined : left
  }

  learn(limits: Limits, sentMs: number, inFlight: number, nowMs: number): void {
    this.turn(nowMs)
    const age = this.#ageOf(limits, sentMs, nowMs)
    // Counted in an hour that is over; it says nothing of this one.
    if (age === 'stale') return
    if (age === 'absurd') return this.unheard(nowMs)
    if (age === 'newer' && limits.resetAtSeconds !== undefined) this.#begin(limits.resetAtSeconds)
    this.#limit = limits.hourLimit ?? this.#limit
    const told = limits.hourRemaining
    if (told === undefined || age === 'undated') return this.unheard(nowMs)
    if (this.#remaining === undefined || told <= this.#remaining) {
      this.#remaining = told
      // Whatever was sent after the last of them had ended was counted after it.
      if (sentMs >= this.#unheardAtMs) this.#unheard = 0
    }
    const ours = this.#ring.countAfter(this.#startedMs) - this.#refusedBefore + inFlight
    const byOthers = this.limit - told - ours
    this.#foreign = Math.max(this.#foreign, byOthers)
  }

  /** How far back answers still matter to any window. */
  memoryMs(nowMs: number): number {
    const { hour, burst } = this.#config
    return Math.max(this.#isAligned() ? nowMs - this.#startedMs : hour.windowMs, burst.windowMs)
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
      return { limit: this.limit, remaining, startedMs: this.#startedMs, endsMs, aligned: true }
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
    this.#remaining = kept.remaining
    return kept.remaining !== undefined
  }

  #begin(endSeconds: number): void {
    this.#resetAtSeconds = endSeconds
    const beginsMs = this.#time.earliestMs(endSeconds * 1000 - this.#config.hour.windowMs) - this.#guardMs()
    this.#startedMs = Math.max(this.#startedMs, beginsMs)
    this.#remaining = undefined
    this.#unheard = 0
    this.#foreign = 0
    this.#refusedBefore = 0
  }

  #ours(inFlight: number, nowMs: number): number {
    const used = this.#isAligned()
      ? this.#ring.countAfter(this.#startedMs) - this.#refusedBefore
      : this.#ring.countAfter(nowMs - this.#config.hour.windowMs)
    return this.#allowance() - used - inFlight
  }

  #theirs(inFlight: number): number {
    if (this.#remaining === undefined) return Infinity
    return this.#remaining - this.#config.margin - inFlight - this.#unheard
  }

  #allowance(): number {
    return this.limit - this.#config.margin
  }

  #isAligned(): boolean {
    return this.#resetAtSeconds !== undefined && this.#config.hour.alignment !== 'sliding'
  }

  #guardMs(): number {
    return Math.min(MAX_GUARD_MS, this.#config.hour.windowMs * GUARD_SHARE)
  }

  #turnsAtMs(seconds: number): number {
    return this.#time.latestMs(seconds * 1000) + this.#guardMs()
  }

  /** To which hour a header belongs; an older one than ours is stale. */
  #ageOf(limits: Limits, sentMs: number, nowMs: number): 'newer' | 'same' | 'stale' | 'undated' | 'absurd' {
    const { windowMs } = this.#config.hour
    const ours = this.#resetAtSeconds
    const theirs = limits.resetAtSeconds
    if (theirs === undefined) {
      // Whatever was sent after the hour had begun for sure was counted in it.
      return ours !== undefined && sentMs >= this.#turnsAtMs(ours - windowMs / 1000) ? 'same' : 'undated'
    }
    // A reset that lies behind its own call, or further off than one window, is no reset.
    const isPast = this.#time.latestMs(theirs * 1000) <= sentMs
    const farthestMs = nowMs + windowMs + this.#guardMs() + 1000
    if (isPast || this.#time.earliestMs(theirs * 1000) > farthestMs) return 'absurd'
    // Ours is as absurd when DocuSign's clock has been set back since.
    if (ours === undefined || this.#time.earliestMs(ours * 1000) > farthestMs) return 'newer'
    if (Math.abs(theirs - ours) <= Math.min(2, windowMs / 20_000)) return 'same'
    return theirs > ours ? 'newer' : 'stale'
  }
}
