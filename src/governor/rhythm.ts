/** When a node reports what it holds of a shared account, and for how long its word and the pool's are believed. */
export interface Rhythm {
  /** Between two reports, while it holds anything. */
  readonly pulseMs: number
  /** After so long without one, what it holds counts as spent, and it does not believe any more what it was told. */
  readonly leaseMs: number
}

const REPORTS_A_WINDOW = 24
const MIN_PULSE_MS = 100
const MAX_PULSE_MS = 1_250
/** So many reports may be missed. */
const LEASE_PULSES = 8
/** Much longer than a command's deadline and the way back, however short the window is. */
const MIN_LEASE_MS = 3_000

/** Of the burst window, because a place that is told late is held as long anyhow. */
export function rhythmOf(burstMs: number): Rhythm {
  const pulseMs = Math.min(MAX_PULSE_MS, Math.max(MIN_PULSE_MS, burstMs / REPORTS_A_WINDOW))
  return { pulseMs, leaseMs: Math.max(MIN_LEASE_MS, LEASE_PULSES * pulseMs) }
}
