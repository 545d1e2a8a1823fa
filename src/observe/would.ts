import type { Clock, Timer } from '../base/clock.js'
import type { Seen } from '../base/types.js'
import type { EventFields } from './log.js'

export interface WouldHaveHeld {
  /** Any call; most have nothing to say here. */
  seen(seen: Seen): void
  /** Says at once what it has not said yet. For the way out. */
  flush(): void
}

interface Tally {
  held: number
  refused: number
  longestMs: number
  polls: number
}

const PERIOD_MS = 60_000

/**
 * What limits that are only observed would have done, and how many polls passed inside their interval, once a minute
 * for each app (by its label, of which there are as many as the settings name). While there is nothing to say, nothing
 * ticks.
 */
export function makeWouldHaveHeld(say: (fields: EventFields) => void, clock: Clock): WouldHaveHeld {
  const tallies = new Map<string, Tally>()
  let timer: Timer | undefined

  function tell(): void {
    timer?.cancel()
    timer = undefined
    for (const [app, tally] of tallies) say({ app, ...tally })
    tallies.clear()
  }

  return {
    seen({ call, would, poll }) {
      const isPoll = poll === 'observed'
      if (!call || (!would && !isPoll)) return
      const app = call.app.label
      let tally = tallies.get(app)
      if (!tally) tallies.set(app, (tally = { held: 0, refused: 0, longestMs: 0, polls: 0 }))
      if (isPoll) tally.polls++
      if (would?.refused !== undefined) tally.refused++
      else if (would) {
        tally.held++
        tally.longestMs = Math.max(tally.longestMs, Math.round(would.waitMs))
      }
      timer ??= clock.after(PERIOD_MS, tell)
    },
    flush: tell,
  }
}
