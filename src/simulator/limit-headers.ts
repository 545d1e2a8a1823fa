import type { Standing } from './allowance.js'
import type { Fault } from './faults.js'
import type { Pace } from './pace.js'

/** The headers every REST answer carries (facts 1.4), or what a fault makes of them. */
export function limitHeaders(
  standing: Standing | undefined,
  wrong: Fault['headers'],
  pace: Pace,
): Record<string, string> {
  if (!standing || wrong === 'missing') return {}
  if (wrong === 'odd') {
    return {
      'X-RateLimit-Reset': 'soon',
      'X-RateLimit-Limit': 'unlimited',
      'X-RateLimit-Remaining': '-1',
      'X-BurstLimit-Remaining': '',
      'X-BurstLimit-Limit': '5e2',
    }
  }
  // As an answer would have said that an hour ago, fresh in its hour, got stuck on its way.
  const isStale = wrong === 'stale'
  const resetMs = isStale ? standing.resetMs - pace.hourMs : standing.resetMs
  const hourRemaining = isStale ? standing.hourLimit - 1 : standing.hourRemaining
  return {
    // With a shrunken hour the reset falls inside a second; the second after it is the one that is not too early.
    'X-RateLimit-Reset': String(Math.ceil(resetMs / 1000)),
    'X-RateLimit-Limit': String(standing.hourLimit),
    'X-RateLimit-Remaining': String(Math.max(0, hourRemaining)),
    'X-BurstLimit-Remaining': String(
      isStale ? Math.max(0, standing.burstLimit - 1) : standing.burstRemaining,
    ),
    'X-BurstLimit-Limit': String(standing.burstLimit),
  }
}
