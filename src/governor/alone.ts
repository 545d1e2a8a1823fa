/**
 * What a node may send while the others are out of sight: its equal part. Nobody knows what they have spent since they
 * were last heard of, so of the windows that had begun by then
 *
 *   - it may send what the pool has kept for it, for this case;
 *   - of the places that come free as the burst window moves on, each node takes its part;
 *
 * and of every window that begins later each takes an equal part of the limit. Where nothing was kept for it, because it
 * had not used the account of late, the first call goes alone, and its part is half an equal part of what DocuSign's
 * answer says is left: the other half may be in the hands of others. So all nodes together stay within the limit, and those that idle
 * leave their part unused.
 */
import type { Budget } from './budget.js'
import type { PurseHouse } from './purse-house.js'
import type { Ring } from './ring.js'

export interface AloneParts {
  readonly house: Pick<PurseHouse, 'pool' | 'onLoss'>
  readonly budget: Budget
  /** When this node's own calls were answered. */
  readonly own: Ring
  /** What the pool has told us to spend in this case; `undefined`: nothing, or too long ago. */
  readonly part: number | undefined
  readonly sinceMs: number
}

export class Alone {
  readonly #parts: AloneParts
  /** Governors there were, as last known. */
  readonly #nodes: number
  readonly #endsMs: number
  readonly #past: number
  #quota: number | undefined
  #spent = 0
  #untilMs = Infinity

  constructor(parts: AloneParts) {
    this.#parts = parts
    this.#nodes = parts.house.pool.nodes
    const { budget, sinceMs, part } = parts
    this.#endsMs = budget.hour(sinceMs).endsMs
    this.#past = budget.ring.countAfter(sinceMs - budget.config.burst.windowMs)
    this.#quota = part
  }

  spend(): void {
    this.#spent++
  }

  refund(): void {
    this.#spent--
  }

  /** The pool is there again and has not heard everybody: it ends then, nowMs scale. */
  endsAt(untilMs: number): void {
    this.#untilMs = untilMs
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.#untilMs
  }

  room(nowMs: number): number {
    const { budget } = this.#parts
    const onLoss = this.#parts.house.onLoss()
    if (this.isOver(nowMs) || onLoss === 'closed') return 0
    const whole = budget.room(nowMs)
    if (whole <= 0 || onLoss === 'open') return Math.max(0, whole)
    if (this.#quota === undefined) {
      if (!budget.isKnown) return whole
      // What its own first call has spent is counted there already.
      this.#spent = 0
      this.#quota = Math.floor(whole / this.#parting())
    }
    return Math.min(whole, this.#hourPart(nowMs), this.#burstPart(nowMs))
  }

  /** How long until there may be more. */
  waitMs(nowMs: number): number {
    if (this.room(nowMs) > 0) return 0
    const { budget } = this.#parts
    const hour = budget.hour(nowMs)
    return this.#hourPart(nowMs) <= 0 && hour.aligned
      ? Math.max(1, hour.endsMs - nowMs)
      : Math.max(20, budget.config.burst.windowMs / 120)
  }

  #parting(): number {
    return this.#nodes === 1 ? 1 : 2 * this.#nodes
  }

  #hourPart(nowMs: number): number {
    const { budget, own } = this.#parts
    const hour = budget.hour(nowMs)
    if (!hour.aligned || nowMs < this.#endsMs) return (this.#quota ?? 0) - this.#spent
    const part = Math.floor((hour.limit - budget.config.margin) / this.#nodes)
    return part - own.countAfter(hour.startedMs) - budget.inFlight
  }

  #burstPart(nowMs: number): number {
    const { budget, own, sinceMs } = this.#parts
    const fromMs = nowMs - budget.config.burst.windowMs
    if (fromMs >= sinceMs) {
      return (
        Math.floor((budget.standing(nowMs).burst.limit - budget.config.margin) / this.#nodes) -
        own.countAfter(fromMs) -
        budget.inFlight
      )
    }
    const still = budget.ring.countAfter(fromMs) - budget.ring.countAfter(sinceMs)
    return (this.#quota ?? 0) + Math.floor((this.#past - still) / this.#nodes) - this.#spent
  }
}
