import type { Clock, Timer } from '../base/clock.js'

/** Rings once, at the soonest of the moments that were asked for. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #timer: Timer | undefined
  #dueMs = Infinity

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** @param dueMs nowMs scale; false where it rings as soon anyhow */
  setFor(dueMs: number): boolean {
    if (dueMs >= this.#dueMs) return false
    this.cancel()
    this.#dueMs = dueMs
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(dueMs - this.#clock.nowMs())), () => {
      this.#dueMs = Infinity
      this.#ring()
    })
    return true
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#dueMs = Infinity
  }
}
