/**
 * A turnstile for time that is not the machine's: Bottleneck starts a job by a timer of Node's, however little time the
 * clock that it is given has. Whoever waits is let through by the same rules, because those are the lane's.
 */
import type { Clock, Timer } from '../base/clock.js'
import type { Turnstile } from './turnstile.js'

/** @param attend as of `makeTurnstile` */
export function makeWicket(clock: Clock, attend: () => number | undefined): Turnstile {
  let alarm: Timer | undefined
  let alarmMs = Infinity
  let isRoused = false

  function look(): void {
    isRoused = false
    const againMs = attend()
    const atMs = againMs === undefined ? Infinity : clock.nowMs() + Math.max(1, Math.ceil(againMs))
    // One that rings sooner only makes us look once more.
    if (atMs >= alarmMs && againMs !== undefined) return
    alarm?.cancel()
    alarmMs = atMs
    alarm = againMs === undefined ? undefined : clock.after(atMs - clock.nowMs(), ring)
  }

  function ring(): void {
    alarmMs = Infinity
    alarm = undefined
    rouse()
  }

  function rouse(): void {
    if (isRoused) return
    isRoused = true
    // Not at once: whoever rouses has more to change first.
    queueMicrotask(look)
  }

  return { rouse }
}
