import type { Pace } from './pace.js'
import { makeSlidingCount } from './sliding.js'

export interface Limits {
  readonly hour: number
  readonly burst: number
}

/** What the limit headers say (facts 1.4). */
export interface Standing {
  readonly hourLimit: number
  readonly hourRemaining: number
  /** The next top of the hour on DocuSign's clock. */
  readonly resetMs: number
  readonly burstLimit: number
  readonly burstRemaining: number
}

export type Window = 'hour' | 'burst'

export interface Ruling {
  /** The window that was full before this call came. */
  readonly blocked: Window | undefined
  /** The caller had been told, in the same block, and called again. */
  readonly wasTold: boolean
  readonly standing: Standing
}

/** What one account may still do. The hour is a clock hour; the burst window slides, the stricter reading (facts 1.2). */
export function makeAllowance(first: Limits, pace: Pace) {
  let limits = first
  let hour = NaN
  let used = 0
  const burst = makeSlidingCount(pace.burstMs)
  const toldUntilMs = { hour: -Infinity, burst: -Infinity }

  function turnHour(): void {
    const current = Math.floor(pace.wallMs() / pace.hourMs)
    if (current !== hour) used = 0
    hour = current
  }

  function standing(inBurst: number): Standing {
    return {
      hourLimit: limits.hour,
      hourRemaining: Math.max(0, limits.hour - used),
      resetMs: (hour + 1) * pace.hourMs,
      burstLimit: limits.burst,
      burstRemaining: Math.max(0, limits.burst - inBurst),
    }
  }

  return {
    /**
     * Counts a call, blocked or not: a blocked call was seen in the burst counter (facts 1.2), and never raises the
     * hour's use past its limit. The hour is named first where both are full, because its block lasts longer.
     */
    take(): Ruling {
      turnHour()
      const inBurst = burst.add(pace.nowMs())
      const blocked = used >= limits.hour ? 'hour' : inBurst > limits.burst ? 'burst' : undefined
      // Whether a call refused for the burst also costs the hour is unknown; "the limit applies to every request".
      used = Math.min(Math.max(limits.hour, used), used + 1)
      return {
        blocked,
        wasTold: blocked !== undefined && pace.nowMs() < toldUntilMs[blocked],
        standing: standing(inBurst),
      }
    },
    /** The error for this window has been answered: whoever calls before it ends calls while blocked. */
    told(window: Window): void {
      const lengthMs = window === 'burst' ? pace.burstMs : (hour + 1) * pace.hourMs - pace.wallMs()
      toldUntilMs[window] = pace.nowMs() + lengthMs
    },
    peek(): Standing {
      turnHour()
      return standing(burst.count(pace.nowMs()))
    },
    /** Calls of apps that do not come through here, on the same account. */
    spend(calls: number): void {
      turnHour()
      used = Math.min(Math.max(limits.hour, used), used + calls)
      for (let i = 0; i < Math.min(calls, limits.burst); i += 1) burst.add(pace.nowMs())
    },
    limits: () => limits,
    setLimits(next: Limits): void {
      limits = next
    },
  }
}

export type Allowance = ReturnType<typeof makeAllowance>
