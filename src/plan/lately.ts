/**
 * What was seen lately: at least the last `most` of it, at most twice as much. Cheaper than a store that keeps the order of
 * use, which a replay would pay for with every call.
 */
export class Lately<V> {
  readonly #most: number
  #now = new Map<string, V>()
  #before = new Map<string, V>()

  constructor(most: number) {
    this.#most = most
  }

  get(key: string): V | undefined {
    const now = this.#now.get(key)
    if (now !== undefined) return now
    const before = this.#before.get(key)
    if (before !== undefined) this.set(key, before)
    return before
  }

  set(key: string, value: V): void {
    if (this.#now.size >= this.#most) this.turn()
    this.#now.set(key, value)
  }

  /** What is not asked for until the next turn is forgotten then. */
  turn(): void {
    this.#before = this.#now
    this.#now = new Map()
  }
}
