/**
 * One at a time through the gate. Bottleneck starts its jobs one after the other, and there is never more than one out:
 * it stays at the gate, asleep until something changes, for as long as anybody waits. A job for every waiter would cost
 * each of them half a millisecond, and one that had been let in could not be overtaken by a more urgent one any more.
 */
import Bottleneck from 'bottleneck'
import type { Clock, Timer } from '../base/clock.js'

export interface Turnstile {
  /** Something has changed: look again, now. */
  rouse(): void
}

/** Bottleneck plans by the wall clock; were that set back while a job starts, it would start as much later. */
const MAX_START_MS = 1_000
/** No timer counts further. */
const MAX_SLEEP_MS = 2 ** 31 - 1

/**
 * @param attend serves whoever can be served; how long until it should look again, in ms, or `undefined` when nobody
 * waits any more: then the limiter goes as well, and the next `rouse` makes another.
 */
export function makeTurnstile(clock: Clock, attend: () => number | undefined): Turnstile {
  let limiter: Bottleneck | undefined
  let starting: Timer | undefined
  let waken: (() => void) | undefined
  let alarm: Timer | undefined
  let alarmMs = Infinity

  function start(): void {
    // Without a reservoir a limiter has no timer of its own: to let go of it is enough once its job is done.
    const own = new Bottleneck({ maxConcurrent: 1, rejectOnDrop: false })
    limiter = own
    starting = clock.after(MAX_START_MS, () => {
      start()
      void own.stop({ dropWaitingJobs: true })
    })
    void own.schedule(async () => {
      if (limiter === own) await stay()
    })
  }

  async function stay(): Promise<void> {
    starting?.cancel()
    try {
      for (let againMs = attend(); againMs !== undefined; againMs = attend()) await sleep(againMs)
    } finally {
      limiter = undefined
      dropAlarm()
    }
  }

  function sleep(forMs: number): Promise<void> {
    const untilMs = clock.nowMs() + forMs
    // An alarm that rings sooner only makes us look once more, which is cheaper than to set another each time.
    if (untilMs < alarmMs) {
      dropAlarm()
      alarmMs = untilMs
      alarm = clock.after(Math.min(Math.max(1, Math.ceil(forMs)), MAX_SLEEP_MS), ring)
    }
    return new Promise(resolve => {
      waken = resolve
    })
  }

  function dropAlarm(): void {
    alarm?.cancel()
    alarm = undefined
    alarmMs = Infinity
  }

  function ring(): void {
    alarmMs = Infinity
    rouse()
  }

  function rouse(): void {
    if (!limiter) return start()
    waken?.()
    waken = undefined
  }

  return { rouse }
}
