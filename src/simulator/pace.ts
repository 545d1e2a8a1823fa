import type { Clock } from '../base/clock.js'
import type { SimulatorOptions } from './options.js'

const DAY_SECONDS = 86_400

/** DocuSign's time: its own (possibly wrong) clock, and how long its hours last here. */
export interface Pace {
  /** Milliseconds on a clock that never steps. */
  nowMs(): number
  /** What DocuSign believes the time to be: `Date`, resets and the top of the hour all come from this one clock. */
  wallMs(): number
  readonly hourMs: number
  readonly burstMs: number
  readonly pollMs: number
  /** A length in seconds of DocuSign's life as milliseconds of ours: divided by the time factor. */
  lengthMs(seconds: number): number
  daysMs(days: number): number
}

export function makePace(options: SimulatorOptions, clock: Clock): Pace {
  const lengthMs = (seconds: number) => (seconds * 1000) / options.timeFactor
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs() + options.clockSkew * 1000,
    hourMs: lengthMs(options.hourWindow),
    burstMs: lengthMs(options.burstWindow),
    pollMs: lengthMs(options.pollInterval),
    lengthMs,
    daysMs: days => lengthMs(days * DAY_SECONDS),
  }
}

/** DocuSign's way to write a moment: seven decimals (facts 6.1). */
export function stamp(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '0000Z')
}
