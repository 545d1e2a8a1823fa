/** How long to stay away from a service that said a limit is spent, whose limits nobody knows (facts 1.3). */

export interface Pause {
  isOn(nowMs: number): boolean
  /** It said no. @param retryAfterMs what it asked for; 0 where it asked for nothing */
  begin(retryAfterMs: number, nowMs: number): void
  /** It answered a call that was sent then. */
  answered(sentMs: number): void
}

const FIRST_MS = 60_000
const LONGEST_MS = 3_600_000
/** It is obeyed up to a day; whoever asks for more means something else. */
const MAX_RETRY_AFTER_MS = 86_400_000

/** As long as it asked for, else a minute, and twice as long each time that it says no again, up to an hour. */
export function makePause(): Pause {
  let untilMs = -Infinity
  let nextMs = FIRST_MS
  return {
    isOn: nowMs => nowMs < untilMs,
    begin(retryAfterMs, nowMs) {
      if (retryAfterMs > 0) {
        untilMs = Math.max(untilMs, nowMs + Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
      } else if (nowMs >= untilMs) {
        // Only then: refusals of calls that were on their way when the pause began are not a second no.
        untilMs = nowMs + nextMs
        nextMs = Math.min(2 * nextMs, LONGEST_MS)
      }
    },
    answered(sentMs) {
      // What was sent before the pause says nothing of how it is after it.
      if (sentMs >= untilMs) nextMs = FIRST_MS
    },
  }
}
