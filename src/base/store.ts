/**
 * A map with a bound: everything keyed by something that a caller sends lives in one of these, because an
 * attacker chooses how many keys there are.
 */
import { LRUCache } from 'lru-cache'

export interface Store<V> {
  get(key: string): V | undefined
  /** The same, without its having been used. */
  peek(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
  /** From the one used last to the one used longest ago. */
  values(): Iterable<V>
  readonly size: number
}

/**
 * Each counts as one, and not as one of `max`: for that the library would lay out a table for all of them at once, some 30
 * bytes each, and a house has dozens of these with room for a hundred thousand.
 */
const one = () => 1

/** Keeps the `max` entries used last (1 or more). */
export function makeStore<V extends object>(max: number): Store<V> {
  const entries = new LRUCache<string, V>({ maxSize: max, sizeCalculation: one })
  return {
    get: key => entries.get(key),
    peek: key => entries.peek(key),
    set: (key, value) => void entries.set(key, value),
    delete: key => void entries.delete(key),
    values: () => entries.values(),
    get size() {
      return entries.size
    },
  }
}

/** What is kept by its size. */
export interface Shelf<V> {
  get(key: string): V | undefined
  /** Whether it is there, without having been used. */
  peek(key: string): V | undefined
  /** False where it is larger than all that may be kept; what stood there under this key is then gone. */
  set(key: string, value: V): boolean
  delete(key: string): void
  values(): Iterable<V>
  resize(maxBytes: number): void
  readonly size: number
  readonly bytes: number
}

/**
 * Keeps what was used last, up to `most` bytes.
 *
 * @param bytesOf 1 or more, a whole number
 * @param onGone an entry is no longer there: it had to make room (`evicted`), or was deleted or replaced
 */
export function makeShelf<V extends object>(
  most: number,
  bytesOf: (value: V) => number,
  onGone: (value: V, why: 'evicted' | 'removed') => void,
): Shelf<V> {
  const make = (maxBytes: number) =>
    new LRUCache<string, V>({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: bytesOf,
      dispose: (value, _key, reason) => onGone(value, reason === 'evict' ? 'evicted' : 'removed'),
    })
  let entries = make(most)
  return {
    get: key => entries.get(key),
    peek: key => entries.peek(key),
    set(key, value) {
      entries.set(key, value)
      return entries.peek(key) === value
    },
    delete: key => void entries.delete(key),
    values: () => entries.values(),
    resize(maxBytes) {
      const old = [...entries.entries()].reverse()
      entries = make(maxBytes)
      // What no longer fits is evicted as it would have been; the old table is left without a word.
      for (const [key, value] of old) if (!this.set(key, value)) onGone(value, 'evicted')
    },
    get size() {
      return entries.size
    },
    get bytes() {
      return entries.calculatedSize
    },
  }
}
