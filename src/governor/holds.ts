/** What is held, and until when: a bounded memory of moments. */
import { makeStore, type Store } from '../base/store.js'

export interface Holds {
  /** A hold is never shortened: of two ends the later one stays. */
  holdUntil(key: string, untilMs: number): void
  /** How long it is still held; 0 where it is not. */
  waitMs(key: string, nowMs: number): number
  /** What is held now, and for how long. */
  current(nowMs: number): readonly { readonly key: string; readonly waitMs: number }[]
  /** Nothing was ever held: asked before a key is put together, because every call asks. */
  readonly isUnused: boolean
  /** How many are held now. Walks over all of them: for a scrape, not for a call. */
  heldAt(nowMs: number): number
  /** Entries, those included whose time has passed and that nobody asked for since. */
  readonly size: number
}

/** Remembers the `max` (1 or more) that were used last; what falls out is free. */
export function makeHolds(max: number): Holds {
  // Made on first use: to ask even an empty one how large it is costs a microsecond.
  let ends: Store<{ readonly key: string; readonly untilMs: number }> | undefined
  return {
    holdUntil(key, untilMs) {
      ends ??= makeStore(max)
      const before = ends.get(key)
      if (!before || before.untilMs < untilMs) ends.set(key, { key, untilMs })
    },
    waitMs(key, nowMs) {
      const hold = ends?.get(key)
      if (!hold) return 0
      if (hold.untilMs > nowMs) return hold.untilMs - nowMs
      ends?.delete(key)
      return 0
    },
    current: nowMs =>
      [...(ends?.values() ?? [])]
        .filter(({ untilMs }) => untilMs > nowMs)
        .map(({ key, untilMs }) => ({ key, waitMs: untilMs - nowMs })),
    get isUnused() {
      return ends === undefined
    },
    heldAt(nowMs) {
      let held = 0
      for (const { untilMs } of ends?.values() ?? []) if (untilMs > nowMs) held++
      return held
    },
    get size() {
      return ends?.size ?? 0
    },
  }
}
