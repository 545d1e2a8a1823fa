/**
 * How much more of an hour's calls there could be: as many times as it takes until those that are drawn again are too many
 * for the limit. They are drawn as `variation.ts` draws them, so that no replay is needed to know which.
 */

/** As fine as the draws are looked at. */
const PARTS = 64

export class Headroom {
  #counts: Uint32Array | undefined
  #total = 0

  /** @param draw 0 to below 1: there is another one wherever the factor's fraction is above it */
  add(draw: number): void {
    this.#counts ??= new Uint32Array(PARTS)
    const part = Math.floor(draw * PARTS)
    this.#counts[part] = (this.#counts[part] ?? 0) + 1
    this.#total++
  }

  clear(): void {
    this.#counts?.fill(0)
    this.#total = 0
  }

  /** The least factor at which there are more than `limit`; below 1 where there are now. Only where there are any. */
  factor(limit: number): number {
    const whole = Math.floor(limit / this.#total)
    let calls = whole * this.#total
    for (let part = 0; part < PARTS; part++) {
      calls += this.#counts?.[part] ?? 0
      if (calls > limit) return whole + (part + 1) / PARTS
    }
    return whole + 1
  }
}
