/** The burst window of one account: always sliding, the stricter reading of DocuSign's thirty seconds (facts 1.2). */
import type { BudgetConfig, WindowStanding } from './standing.js'
import type { BurstOutlook } from './forecast.js'
import type { Limits } from './headers.js'
import type { Ring } from './ring.js'

/** What is left of the window, and when the call was sent that heard so. */
export interface BurstSaid {
  readonly remaining: number
  readonly sentMs: number
}

export class BurstWindow {
  #config: BudgetConfig
  readonly #ring: Ring
  #limit: number | undefined
  #heard: number | undefined
  // Here and in the account's other classes no time is there before there is one: each number with a fraction, and
  // -Infinity is one, is an object of its own, and there may be tens of thousands of accounts.
  #heardMs: number | undefined
  /** Calls of others that were in DocuSign's window, and when the last of them has left it. */
  #foreign = 0
  #foreignUntilMs: number | undefined
  /** What DocuSign said that the other nodes were not told yet. */
  #untold: BurstSaid | undefined

  constructor(config: BudgetConfig, ring: Ring) {
    this.#config = config
    this.#ring = ring
  }

  /** As DocuSign told it; `undefined`: never. */
  get learned(): number | undefined {
    return this.#limit
  }

  configure(config: BudgetConfig): void {
    this.#config = config
  }

  restore(limit: number | undefined): void {
    this.#limit = limit
  }

  room(inFlight: number, nowMs: number): number {
    return this.#capacity() - this.#held(nowMs) - this.#foreignNow(nowMs) - inFlight
  }

  /** @param isShared others of ours call, too: what they sent is known to all nodes together, and not here */
  learn(limits: Limits, sentMs: number, inFlight: number, nowMs: number, isShared: boolean): void {
    const { windowMs } = this.#config.burst
    this.#limit = limits.burstLimit ?? this.#limit
    if (limits.burstRemaining === undefined) return
    this.#heard = limits.burstRemaining
    this.#heardMs = nowMs
    if (isShared) {
      // The least is the one that was told last, give or take what is under way.
      if (limits.burstRemaining <= (this.#untold?.remaining ?? Infinity)) {
        this.#untold = { remaining: limits.burstRemaining, sentMs }
      }
      return
    }
    // Ours in DocuSign's window are at most these; what is missing beyond them was spent by others.
    const ours = this.#ring.countAfter(sentMs - windowMs) + inFlight
    const byOthers = this.#granted() - limits.burstRemaining - ours
    if (byOthers < this.#foreignNow(nowMs)) return
    this.#foreign = Math.max(0, byOthers)
    this.#foreignUntilMs = byOthers > 0 ? nowMs + windowMs : undefined
  }

  /** Another name of the same account knew this. */
  absorb(other: BurstWindow, nowMs: number): void {
    this.#limit ??= other.#limit
    this.#foreign = Math.max(this.#foreignNow(nowMs), other.#foreignNow(nowMs))
    this.#foreignUntilMs = Math.max(this.#foreignEndsMs, other.#foreignEndsMs)
  }

  /** What DocuSign said since this was last asked, for the other nodes. */
  told(): BurstSaid | undefined {
    const said = this.#untold
    this.#untold = undefined
    return said
  }

  /** What all nodes know: calls of others in the window, and when the last of them has left it. */
  adopt(foreign: number, untilMs: number): void {
    this.#foreign = foreign
    this.#foreignUntilMs = untilMs
  }

  outlook(nowMs: number): BurstOutlook {
    return {
      limit: this.#capacity(),
      windowMs: this.#config.burst.windowMs,
      held: this.#held(nowMs),
      foreign: this.#foreignNow(nowMs),
      foreignUntilMs: this.#foreignEndsMs,
    }
  }

  standing(inFlight: number, nowMs: number): WindowStanding {
    const isFresh = nowMs < (this.#heardMs ?? -Infinity) + this.#config.burst.windowMs
    const room = this.room(inFlight, nowMs)
    return {
      limit: this.#granted(),
      used: Math.min(this.#granted(), this.#capacity() - room),
      remaining: Math.max(0, room),
      heard: isFresh ? this.#heard : undefined,
    }
  }

  #granted(): number {
    return this.#limit ?? this.#config.burst.limit
  }

  #capacity(): number {
    return this.#granted() - this.#config.margin
  }

  #held(nowMs: number): number {
    return this.#ring.countAfter(nowMs - this.#config.burst.windowMs)
  }

  #foreignNow(nowMs: number): number {
    return nowMs < this.#foreignEndsMs ? this.#foreign : 0
  }

  get #foreignEndsMs(): number {
    return this.#foreignUntilMs ?? -Infinity
  }
}
