/** To which hour an answer's headers belong. */
import type { DocusignTime } from './docusign-time.js'
import type { Limits } from './headers.js'

/** The machine that counts and the one that dates an answer need not agree to the millisecond. */
const MAX_GUARD_MS = 500
const GUARD_SHARE = 0.005

/** How much later than its end an hour has turned for sure. */
export function guardMs(windowMs: number): number {
  return Math.min(MAX_GUARD_MS, windowMs * GUARD_SHARE)
}

/** The hour that runs; its end by DocuSign's clock, where that is known. */
export interface HourNow {
  readonly endSeconds: number | undefined
  readonly windowMs: number
}

/** An older hour than ours is stale; where no reset is told, only what was sent for sure within ours belongs to it. */
export function ageOf(
  limits: Limits,
  { endSeconds: ours, windowMs }: HourNow,
  time: DocusignTime,
  sentMs: number,
  nowMs: number,
): 'newer' | 'same' | 'stale' | 'undated' | 'absurd' {
  const theirs = limits.resetAtSeconds
  const lateMs = guardMs(windowMs)
  if (theirs === undefined) {
    // Whatever was sent after the hour had begun for sure was counted in it.
    return ours !== undefined && sentMs >= time.latestMs(ours * 1000 - windowMs) + lateMs ? 'same' : 'undated'
  }
  // A reset that lies behind its own call, or further off than one window, is no reset.
  const isPast = time.latestMs(theirs * 1000) <= sentMs
  const farthestMs = nowMs + windowMs + lateMs + 1000
  if (isPast || time.earliestMs(theirs * 1000) > farthestMs) return 'absurd'
  // Ours is as absurd when DocuSign's clock has been set back since.
  if (ours === undefined || time.earliestMs(ours * 1000) > farthestMs) return 'newer'
  if (Math.abs(theirs - ours) <= Math.min(2, windowMs / 20_000)) return 'same'
  return theirs > ours ? 'newer' : 'stale'
}
