/** Those who wait for what another node has on its way. */
import type { Clock } from '../base/clock.js'
import { FREE, type Follower, type Shared } from './fetch.js'

export interface Watch {
  /** Looks again when it is over, and after `lookMs` at the latest; not longer than `untilMs`, nowMs scale. */
  follow(lookMs: number, untilMs: number): Follower
  end(): void
}

export interface Waits {
  /** From now on its end is noticed. @param keys '' is none */
  watch(keys: readonly string[]): Watch
  over(keys: readonly string[]): void
  /** They all look. */
  all(): void
}

/** Bounded by the calls that are under way. */
export function makeWaits(clock: Clock): Waits {
  const watching = new Map<string, Set<() => void>>()

  function over(keys: readonly string[]): void {
    for (const key of keys) for (const tell of [...(watching.get(key) ?? [])]) tell()
  }

  return {
    watch(keys) {
      let isOver = false
      let wake: (() => void) | undefined
      const tell = () => {
        isOver = true
        wake?.()
      }
      const own = keys.filter(key => key !== '')
      for (const key of own) {
        const all = watching.get(key)
        if (all) all.add(tell)
        else watching.set(key, new Set([tell]))
      }
      const end = () => {
        for (const key of own) {
          const all = watching.get(key)
          all?.delete(tell)
          if (all?.size === 0) watching.delete(key)
        }
      }
      return {
        end,
        follow(lookMs, untilMs) {
          let settle: (shared: Shared) => void = () => undefined
          const result = new Promise<Shared>(resolve => (settle = resolve)).finally(() => {
            end()
            timer.cancel()
          })
          const leftMs = Math.max(0, untilMs - clock.nowMs())
          const timer = clock.after(Math.min(lookMs, leftMs), () =>
            settle(lookMs < leftMs ? FREE : { kind: 'overdue' }),
          )
          wake = () => settle(FREE)
          if (isOver) wake()
          return { result, leave: () => settle({ kind: 'left' }) }
        },
      }
    },
    over,
    all: () => over([...watching.keys()]),
  }
}
