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
import type { Ring } from './ring.js'

export interface AloneParts {
  readonly budget: Budget
  /** When this node's own calls were answered. */
  readonly own: Ring
  /** Governors there are, as last known. */
  readonly nodes: number
  /** What the pool has told us to spend in this case; `undefined`: nothing, or too long ago. */
  readonly part: number | undefined
  readonly sinceMs: number
}

export class Alone {
  readonly #parts: AloneParts
  readonly #endsMs: number
  readonly #past: number
  #quota: number | undefined
  #spent = 0

  constructor(parts: AloneParts) {
    this.#parts = parts
    const { budget, sinceMs, part } = parts
    this.#endsMs = budget.hour(sinceMs).endsMs
    this.#past = budget.answeredAfter(sinceMs - budget.usual.burstMs)
    this.#quota = part
  }

  spend(): void {
    this.#spent++
  }

  refund(): void {
    this.#spent--
  }

  room(nowMs: number): number {
    const { budget } = this.#parts
    const whole = budget.room(nowMs)
    if (whole <= 0) return 0
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
      : Math.max(20, budget.usual.burstMs / 120)
  }

  #parting(): number {
    return this.#parts.nodes === 1 ? 1 : 2 * this.#parts.nodes
  }

  #hourPart(nowMs: number): number {
    const { budget, own, nodes } = this.#parts
    const hour = budget.hour(nowMs)
    if (!hour.aligned || nowMs < this.#endsMs) return (this.#quota ?? 0) - this.#spent
    const part = Math.floor((hour.limit - budget.usual.margin) / nodes)
    return part - own.countAfter(hour.startedMs) - budget.inFlight
  }

  #burstPart(nowMs: number): number {
    const { budget, own, nodes, sinceMs } = this.#parts
    const fromMs = nowMs - budget.usual.burstMs
    if (fromMs >= sinceMs) {
      return Math.floor(budget.burstCapacity / nodes) - own.countAfter(fromMs) - budget.inFlight
    }
    const still = budget.answeredAfter(fromMs) - budget.answeredAfter(sinceMs)
    return (this.#quota ?? 0) + Math.floor((this.#past - still) / nodes) - this.#spent
  }
}
