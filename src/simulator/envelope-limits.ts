import { rememberAtMost } from './bounded.js'
import type { SimulatorOptions } from './options.js'
import type { Pace } from './pace.js'
import type { SlidingCount } from './sliding.js'
import { makeSlidingCount } from './sliding.js'

interface Tally {
  hour: number
  inHour: number
  readonly burst: SlidingCount
}

export interface PerEnvelope {
  /** The most calls any one envelope had in a clock hour. */
  readonly worstReads: number
  readonly worstWrites: number
  readonly blockedReads: number
  readonly blockedWrites: number
}

const MOST_ENVELOPES = 50_000

/** The limits on GETs and on PUTs of one envelope and all beneath it: by the clock hour, and sliding (facts 1.1). */
export function makeEnvelopeLimits(options: SimulatorOptions, pace: Pace) {
  const tallies = { GET: new Map<string, Tally>(), PUT: new Map<string, Tally>() }
  const worst = { GET: 0, PUT: 0 }
  const blocked = { GET: 0, PUT: 0 }
  const limits = {
    GET: { hour: options.envelopePollingLimit, burst: options.envelopePollingBurst },
    PUT: { hour: options.envelopeUpdateLimit, burst: options.envelopeUpdateBurst },
  }
  const CODES = {
    GET: { hour: 'Hourly_Envelope_Polling_Limit_Exceeded', burst: 'Burst_Envelope_Polling_Limit_Exceeded' },
    PUT: {
      hour: 'Hourly_APIInvocation_Envelope_Limit_Exceeded',
      burst: 'Burst_APIInvocation_Envelope_Limit_Exceeded',
    },
  }

  return {
    /** Counts a call on an envelope; the error code if its limit was spent. */
    take(method: string, envelopeId: string): string | undefined {
      if (method !== 'GET' && method !== 'PUT') return undefined
      const map = tallies[method]
      const hour = Math.floor(pace.wallMs() / pace.hourMs)
      const tally = map.get(envelopeId) ?? { hour, inHour: 0, burst: makeSlidingCount(pace.burstMs) }
      rememberAtMost(map, envelopeId, tally, MOST_ENVELOPES)
      tally.inHour = tally.hour === hour ? tally.inHour + 1 : 1
      tally.hour = hour
      const inBurst = tally.burst.add(pace.nowMs())
      worst[method] = Math.max(worst[method], tally.inHour)
      if (!options.enforce) return undefined
      const limit = limits[method]
      const window = isOver(tally.inHour, limit.hour)
        ? 'hour'
        : isOver(inBurst, limit.burst)
          ? 'burst'
          : undefined
      if (window === undefined) return undefined
      blocked[method] += 1
      return CODES[method][window]
    },
    report: (): PerEnvelope => ({
      worstReads: worst.GET,
      worstWrites: worst.PUT,
      blockedReads: blocked.GET,
      blockedWrites: blocked.PUT,
    }),
  }
}

export type EnvelopeLimits = ReturnType<typeof makeEnvelopeLimits>

const isOver = (count: number, limit: number): boolean => limit > 0 && count > limit
