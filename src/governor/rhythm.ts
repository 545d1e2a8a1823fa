/** When a node reports what it holds of a shared account, and for how long its word and the pool's are believed. */
export interface Rhythm {
  /** Between two reports, while it holds anything. */
  readonly pulseMs: number
  /** After so long without one, what it holds counts as spent. */
  readonly leaseMs: number
  /** So long it believes what it was told last. */
  readonly freshMs: number
}

const REPORTS_A_WINDOW = 24
const MIN_PULSE_MS = 100
const MAX_PULSE_MS = 1_250
/** So many reports may be missed. */
const LEASE_PULSES = 8
/** Longer than a command's deadline. */
const FRESH_MS = 1_000

/** Of the burst window, because a place that is told late is held as long anyhow. */
export function rhythmOf(burstMs: number): Rhythm {
  const pulseMs = Math.min(MAX_PULSE_MS, Math.max(MIN_PULSE_MS, burstMs / REPORTS_A_WINDOW))
  return { pulseMs, leaseMs: LEASE_PULSES * pulseMs, freshMs: 2 * pulseMs + FRESH_MS }
}
