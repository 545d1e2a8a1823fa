import type { Clock, Timer } from '../base/clock.js'
import type { Seen } from '../base/types.js'
import type { EventFields } from './log.js'

export interface WouldHaveHeld {
  seen(seen: Seen): void
  /** Says at once what it has not said yet. For the way out. */
  flush(): void
}

interface Tally {
  held: number
  refused: number
  longestMs: number
}

const PERIOD_MS = 60_000

/**
 * What limits that are only observed would have done, once a minute for each app (by its label, of which there are as
 * many as the settings name). While there is nothing to say, nothing ticks.
 */
export function makeWouldHaveHeld(say: (fields: EventFields) => void, clock: Clock): WouldHaveHeld {
  const tallies = new Map<string, Tally>()
  let timer: Timer | undefined

  function tell(): void {
    timer?.cancel()
    timer = undefined
    for (const [app, { held, refused, longestMs }] of tallies) say({ app, held, refused, longestMs })
    tallies.clear()
  }

  return {
    seen({ call, would }) {
      if (!call || !would) return
      let tally = tallies.get(call.app.label)
      if (!tally) tallies.set(call.app.label, (tally = { held: 0, refused: 0, longestMs: 0 }))
      if (would.refused === undefined) {
        tally.held++
        tally.longestMs = Math.max(tally.longestMs, Math.round(would.waitMs))
      } else tally.refused++
      timer ??= clock.after(PERIOD_MS, tell)
    },
    flush: tell,
  }
}
