/** When this node's calls were answered that the other nodes were not told of yet. */
import type { Answered } from '../base/pool.js'

interface Batch {
  readonly firstMs: number
  /** When the last of them was answered: as which all of them are told, because later is never too early. */
  lastMs: number
  count: number
}

/** More are told as one, the oldest first: by then they have left the burst window. */
const MAX_BATCHES = 500

export class Answers {
  #batches: Batch[] = []
  readonly #grainMs: number

  /** @param grainMs answers within so long of each other are told as one */
  constructor(grainMs: number) {
    this.#grainMs = grainMs
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0
  }

  add(nowMs: number): void {
    const last = this.#batches.at(-1)
    if (last && nowMs - last.firstMs < this.#grainMs) {
      last.lastMs = nowMs
      last.count++
      return
    }
    this.#batches.push({ firstMs: nowMs, lastMs: nowMs, count: 1 })
    if (this.#batches.length > MAX_BATCHES) this.#merge()
  }

  told(nowMs: number): Answered[] {
    return this.#batches.map(({ lastMs, count }) => ({ agoMs: nowMs - lastMs, count }))
  }

  /** So many were heard of, the oldest. */
  heard(count: number): void {
    let left = count
    while (left > 0 && this.#batches[0]) {
      const passed = Math.min(left, this.#batches[0].count)
      this.#batches[0].count -= passed
      left -= passed
      if (this.#batches[0].count === 0) this.#batches.shift()
    }
  }

  #merge(): void {
    const [first, second] = this.#batches
    if (!first || !second) return
    second.count += first.count
    this.#batches.shift()
  }
}

/** The same of times one by one, oldest first. */
export function batched(times: readonly number[], grainMs: number, nowMs: number): Answered[] {
  const answers = new Answers(grainMs)
  for (const atMs of times) answers.add(atMs)
  return answers.told(nowMs)
}
