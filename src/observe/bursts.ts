import type { Clock, Timer } from '../base/clock.js'

/** Writes one line. `repeated`: so many like it came since the one before and were not written. */
export type Say = (repeated: number) => void

export interface Bursts {
  /** The first of its kind is said at once; those that follow within a minute are said together at its end. */
  tell(name: string, kind: string, say: Say): void
  /** Says at once what is held back. For the way out. */
  flush(): void
  /** How many were not written, each having been counted in a later line. */
  readonly repeated: number
}

interface Burst {
  held: number
  /** Of the last of them. */
  say: Say
}

const PERIOD_MS = 60_000
/** Kinds of one name that are told apart; what a fault says of itself may hold a number that is never the same. */
const MAX_KINDS = 10

/**
 * A fault that strikes every call must not write a line for each: it would bury the lines that tell when it began, and
 * each error is handed on by itself, which holds the calls up. While there is nothing to say, nothing ticks.
 */
export function makeBursts(clock: Clock): Bursts {
  const bursts = new Map<string, Map<string, Burst>>()
  let timer: Timer | undefined
  let repeated = 0

  function tellAll(): void {
    timer?.cancel()
    timer = undefined
    const ended = [...bursts.values()].flatMap(kinds => [...kinds.values()])
    bursts.clear()
    for (const { held, say } of ended) if (held > 0) say(held)
  }

  return {
    tell(name, kind, say) {
      let kinds = bursts.get(name)
      if (!kinds) bursts.set(name, (kinds = new Map<string, Burst>()))
      const key = kinds.has(kind) || kinds.size < MAX_KINDS ? kind : ''
      const burst = kinds.get(key)
      timer ??= clock.after(PERIOD_MS, tellAll)
      if (!burst) {
        kinds.set(key, { held: 0, say })
        return say(0)
      }
      repeated++
      burst.held++
      burst.say = say
    },
    flush: tellAll,
    get repeated() {
      return repeated
    },
  }
}
