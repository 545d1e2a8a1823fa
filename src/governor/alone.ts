/**
 * What a node may send while the others are out of sight: its equal part. Nobody knows what they have spent since they
 * were last heard of, so of the windows that had begun by then
 *
 *   - it may send what it has in hand, and what the pool has kept for it, for this case;
 *   - of the places that come free as the burst window moves on, each node takes its part;
 *
 * and of every window that begins later each takes an equal part of the limit; but not at first, because the others may
 * not have lost the pool, and be granted those places. So all nodes together stay within the limit, and those that idle
 * leave their part unused.
 *
 * Where nothing was kept for it, because it had not used the account of late, the first call goes alone, and its part is
 * half an equal part of what DocuSign's answer says is left: the other half may be in the hands of others. The pool keeps
 * a place for that one call, or has our promise that we do not send it before the windows have moved on.
 */
import type { Part } from '../base/pool.js'
import type { Budget } from './budget.js'
import type { PurseHouse } from './purse-house.js'
import type { Ring } from './ring.js'

/** By then a pool that was lost by some only has been found again: a command's deadline, and a try or two. */
const FOUND_AGAIN_MS = 1_000

export interface AloneParts {
  readonly house: Pick<PurseHouse, 'pool' | 'onLoss'>
  readonly budget: Budget
  /** When this node's own calls were answered. */
  readonly own: Ring
  readonly inHand: number
  /** What the pool has told us to spend in this case; `undefined`: nothing, or too long ago. */
  readonly part: Part | undefined
  readonly sinceMs: number
  /** The pool is there, and grants nobody anything. */
  readonly isQuiet: boolean
  /** What was promised where nothing was kept. */
  readonly boundUntilMs: () => number
}

export class Alone {
  readonly #parts: AloneParts
  /** Governors there were, as last known. */
  readonly #nodes: number
  readonly #endsMs: number
  readonly #past: number
  #part: Part | undefined
  #spent = 0
  #untilMs = Infinity

  constructor(parts: AloneParts) {
    this.#parts = parts
    this.#nodes = parts.house.pool.nodes
    const { budget, sinceMs, part, inHand } = parts
    this.#endsMs = budget.hour(sinceMs).endsMs
    const past = budget.ring.countAfter(sinceMs - budget.config.burst.windowMs)
    // Some may stand there twice; more than these have not been sent.
    this.#past = Math.min(past, budget.standing(sinceMs).burst.limit - (part?.burst ?? 0) - inHand)
    this.#part = part && { hour: part.hour + inHand, burst: part.burst + inHand }
  }

  spend(): void {
    this.#spent++
  }

  refund(): void {
    this.#spent--
  }

  /** @param untilMs nowMs scale: the pool is there again, and has not heard everybody; `Infinity`: it is lost */
  endsAt(untilMs: number): void {
    this.#untilMs = untilMs
  }

  /** Whether it may send without leave at all. */
  isOver(nowMs: number): boolean {
    return nowMs >= this.#untilMs
  }

  /** The pool is there: it ends some time from now. */
  get isEnding(): boolean {
    return this.#untilMs !== Infinity
  }

  /** What has not been sent of what the pool had kept for us. */
  get left(): Part | undefined {
    const { part, inHand } = this.#parts
    const overHand = Math.max(0, this.#spent - inHand)
    return part && { hour: Math.max(0, part.hour - overHand), burst: Math.max(0, part.burst - overHand) }
  }

  room(nowMs: number): number {
    const { budget } = this.#parts
    const onLoss = this.#parts.house.onLoss()
    if (this.isOver(nowMs) || onLoss === 'closed') return 0
    const whole = budget.room(nowMs)
    if (whole <= 0 || onLoss === 'open') return Math.max(0, whole)
    if (!this.#part) {
      // In the quiet it will soon be known what is left.
      if (this.isEnding || nowMs < this.#parts.boundUntilMs()) return 0
      if (!budget.isKnown) return whole
      // What its own first call has spent is counted there already.
      this.#spent = 0
      const { hour, burst } = budget.standing(nowMs)
      this.#part = { hour: this.#parted(hour.remaining), burst: this.#parted(burst.remaining) }
    }
    if (this.#isFresh(nowMs)) {
      return Math.max(0, Math.min(whole, this.#part.hour - this.#spent, this.#part.burst - this.#spent))
    }
    return Math.min(whole, this.#hourPart(nowMs), this.#burstPart(nowMs))
  }

  /** How long until there may be more. */
  waitMs(nowMs: number): number {
    if (this.room(nowMs) > 0) return 0
    const { budget, boundUntilMs } = this.#parts
    if (!this.#part && !this.isEnding && nowMs < boundUntilMs()) return boundUntilMs() - nowMs
    const soonMs = Math.max(20, budget.config.burst.windowMs / 120)
    if (this.#isFresh(nowMs) || this.isEnding) return soonMs
    const hour = budget.hour(nowMs)
    return this.#hourPart(nowMs) <= 0 && hour.aligned ? Math.max(1, hour.endsMs - nowMs) : soonMs
  }

  #isFresh(nowMs: number): boolean {
    return !this.#parts.isQuiet && nowMs < this.#parts.sinceMs + FOUND_AGAIN_MS
  }

  #parted(remaining: number): number {
    return Math.floor(remaining / (this.#nodes === 1 ? 1 : 2 * this.#nodes))
  }

  #hourPart(nowMs: number): number {
    const { budget, own } = this.#parts
    const hour = budget.hour(nowMs)
    if (!hour.aligned || nowMs < this.#endsMs) return (this.#part?.hour ?? 0) - this.#spent
    const part = Math.floor((hour.limit - budget.config.margin) / this.#nodes)
    return part - own.countAfter(hour.startedMs) - budget.inFlight
  }

  #burstPart(nowMs: number): number {
    const { budget, own, sinceMs } = this.#parts
    const fromMs = nowMs - budget.config.burst.windowMs
    // Of the calls since then no more than this, however many were in hand: the others' next windows begin soon.
    const equal =
      Math.floor((budget.standing(nowMs).burst.limit - budget.config.margin) / this.#nodes) -
      own.countAfter(Math.max(fromMs, sinceMs)) -
      budget.inFlight
    if (fromMs >= sinceMs) return equal
    const still = budget.ring.countAfter(fromMs) - budget.ring.countAfter(sinceMs)
    const freed = Math.floor((this.#past - still) / this.#nodes)
    return Math.min(equal, (this.#part?.burst ?? 0) + freed - this.#spent)
  }
}
