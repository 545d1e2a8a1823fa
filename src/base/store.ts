/**
 * A map with a bound: everything keyed by something that a caller sends lives in one of these, because an
 * attacker chooses how many keys there are.
 */
import { LRUCache } from 'lru-cache'

export interface Store<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
  /** From the one used last to the one used longest ago. */
  values(): Iterable<V>
  readonly size: number
}

/** Keeps the `max` entries used last (1 or more). */
export function makeStore<V extends object>(max: number): Store<V> {
  const entries = new LRUCache<string, V>({ max })
  return {
    get: key => entries.get(key),
    set: (key, value) => void entries.set(key, value),
    delete: key => void entries.delete(key),
    values: () => entries.values(),
    get size() {
      return entries.size
    },
  }
}
