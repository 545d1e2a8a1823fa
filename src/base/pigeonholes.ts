/**
 * A map for what comes and goes with every call. A `Map` that outgrows its deleted entries is copied, and the old table
 * keeps all that stood in it and points to the new one; once such a table has grown old, the next ones and every call that
 * stood in them live until the next full collection (measured: 9 KB a call, a third of what the house costs). Here the
 * table holds numbers, and what they stand for lies in an array that is overwritten.
 */
export class Pigeonholes<V extends object> {
  readonly #at = new Map<string, number>()
  readonly #holes: (V | undefined)[] = []
  readonly #free: number[] = []

  get(key: string): V | undefined {
    const at = this.#at.get(key)
    return at === undefined ? undefined : this.#holes[at]
  }

  set(key: string, value: V): void {
    const at = this.#at.get(key) ?? this.#free.pop() ?? this.#holes.length
    this.#at.set(key, at)
    this.#holes[at] = value
  }

  delete(key: string): void {
    const at = this.#at.get(key)
    if (at === undefined) return
    this.#at.delete(key)
    this.#holes[at] = undefined
    this.#free.push(at)
  }

  /** Not to be changed meanwhile. */
  *values(): Generator<V> {
    for (const at of this.#at.values()) yield this.#holes[at] as V
  }

  get size(): number {
    return this.#at.size
  }
}

/** A set for the same, of objects that keep their own place in it. */
export class Roster<V extends Placed> {
  readonly #all: V[] = []

  add(one: V): void {
    if (one.place !== -1) return
    one.place = this.#all.length
    this.#all.push(one)
  }

  delete(one: V): void {
    const { place } = one
    if (place === -1) return
    one.place = -1
    const last = this.#all.pop()
    if (!last || last === one) return
    last.place = place
    this.#all[place] = last
  }

  /** Not to be changed meanwhile. */
  [Symbol.iterator](): Iterator<V> {
    return this.#all.values()
  }
}

export interface Placed {
  /** Where it stands in its roster; −1 where it does not. Nobody else's to change. */
  place: number
}
