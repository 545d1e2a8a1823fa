/** How many calls a node would have in hand: as many as it has sent of late, none while others wait for them. */

const MAX_AHEAD = 512
/** So long its calls may go on without a word to the pool. */
const MAX_AHEAD_MS = 1_000
/** The same as a part of the burst window. */
const AHEAD_SHARE = 1 / 8
/** Over so much of a pulse at least it is measured how many calls it sends. */
const MEASURED_SHARE = 1 / 8
/** What was asked back is not wanted again so soon, in pulses. */
const SCARCE_PULSES = 4

export class Appetite {
  readonly #pulseMs: number
  readonly #aheadMs: number
  #taken = 0
  #perMs = 0
  #measuredMs = -Infinity
  #scarceUntilMs = -Infinity

  constructor(pulseMs: number, burstMs: number) {
    this.#pulseMs = pulseMs
    this.#aheadMs = Math.min(MAX_AHEAD_MS, burstMs * AHEAD_SHARE)
  }

  spend(): void {
    this.#taken++
  }

  /** Others wait for what is in hand here. */
  restrain(nowMs: number): void {
    this.#scarceUntilMs = nowMs + SCARCE_PULSES * this.#pulseMs
  }

  isRestrained(nowMs: number): boolean {
    return nowMs < this.#scarceUntilMs
  }

  /** Asked with every report; 0: what is in hand is better given back, if nobody waits. */
  ahead(isWaitedFor: boolean, nowMs: number): number {
    const elapsedMs = nowMs - this.#measuredMs
    if (elapsedMs >= this.#pulseMs * MEASURED_SHARE) {
      // Who has sent nothing since the last report is idle.
      const isIdle = this.#taken === 0 && !isWaitedFor
      this.#perMs = isIdle ? 0 : Math.max(this.#taken / elapsedMs, this.#perMs / 2)
      this.#taken = 0
      this.#measuredMs = nowMs
    }
    if (this.isRestrained(nowMs)) return 0
    return Math.min(MAX_AHEAD, Math.ceil(this.#perMs * this.#aheadMs))
  }
}
