/** What comes first, of many: each add and take costs the logarithm of how many there are. */
export interface Heap<T> {
  add(item: T): void
  first(): T | undefined
  take(): T | undefined
  readonly size: number
}

/** @param compare below 0 where `a` comes before `b`; must never be 0 where the order is to be certain */
export function makeHeap<T>(compare: (a: T, b: T) => number): Heap<T> {
  const items: T[] = []

  function rise(from: number): void {
    const item = items[from] as T
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = items[above] as T
      if (compare(item, other) >= 0) break
      items[at] = other
      at = above
    }
    items[at] = item
  }

  function sink(item: T): void {
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= items.length) break
      if (below + 1 < items.length && compare(items[below + 1] as T, items[below] as T) < 0) below++
      const other = items[below] as T
      if (compare(other, item) >= 0) break
      items[at] = other
      at = below
    }
    items[at] = item
  }

  return {
    add(item) {
      items.push(item)
      rise(items.length - 1)
    },
    first: () => items[0],
    take() {
      const [first] = items
      const last = items.pop()
      if (items.length > 0) sink(last as T)
      return first
    },
    get size() {
      return items.length
    },
  }
}
