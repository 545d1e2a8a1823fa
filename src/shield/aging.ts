/** A bounded map that knows which of its entries was put in longest ago: for what is to be let go in that order. */
export interface Aging<V> {
  get(key: string): V | undefined
  /** Puts the entry behind all others, also one that was there; beyond the bound the oldest falls out. */
  put(key: string, value: V): void
  delete(key: string): void
  oldest(): readonly [key: string, value: V] | undefined
  readonly size: number
}

/** @param max 1 or more */
export function makeAging<V>(max: number): Aging<V> {
  const map = new Map<string, V>()
  // One iterator for life, because a Map that lost its first entries keeps their places: from the front it is a walk
  // over all of them (100 µs at 500,000 entries), while an open iterator is past them. It never comes to its end, since
  // it is moved on only where an entry is there and the one it stood at is gone.
  const walk = map.entries()
  let head: [string, V] | undefined

  function remove(key: string): void {
    if (head?.[0] === key) head = undefined
    map.delete(key)
  }

  function oldest(): readonly [string, V] | undefined {
    if (map.size > 0) head ??= walk.next().value
    return head
  }

  return {
    get: key => map.get(key),
    put(key, value) {
      remove(key)
      map.set(key, value)
      if (map.size <= max) return
      const first = oldest()
      if (first) remove(first[0])
    },
    delete: remove,
    oldest,
    get size() {
      return map.size
    },
  }
}
