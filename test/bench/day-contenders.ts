/** Who may do the day's job, each set up as well as it can be for its limits. */
import type { DaySize } from './day-plan.js'
import { factorOf, intervalMs } from './day-plan.js'
import { missing, startForeign, type Foreign } from './foreign.js'
import { startChild, startGovernor, type Program } from './programs.js'

export interface Contender {
  readonly name: string
  /** What it lacks on this machine. */
  readonly absent?: string
  /** @param url of DocuSign */
  start(url: string, size: DaySize): Promise<Program>
}

const RECHECK_SECONDS = 300
/** The governor asks for one token once a second at most, and believes none meanwhile if it may not for longer than that. */
const MIN_RECHECK_MS = 2_000
/** Of what may go up, for the way: calls that left one after the other may come closer together. */
const KEPT = 0.97
/** Of an account's calls, for the desk, where a window has to be cut in two. */
const DESK_SHARE = 0.2
/** Clients wait as long as SDKs do, which is not compressed. */
export const PATIENCE_MS = 60_000

const PRIORITIES = `apps:
  desk: { priority: high, reserve: 0.15 }
  poller: { priority: normal }
  job: { priority: low }
`

export const CONTENDERS: readonly Contender[] = [
  { name: 'governor', start: (url, size) => governed(url, size) },
  foreign('nginx', 'nginx-day.conf', size => {
    const { perSecond, atOnce } = bucketOf(size)
    return {
      DESK_RATE: Math.floor(60 * perSecond * DESK_SHARE),
      OTHERS_RATE: Math.floor(60 * perSecond * (1 - DESK_SHARE)),
      DESK_DELAY: Math.floor(atOnce * DESK_SHARE),
      OTHERS_DELAY: Math.floor(atOnce * (1 - DESK_SHARE)),
    }
  }),
  foreign('haproxy', 'haproxy-day.conf', size => {
    const { hourLimit, hourMs, burstLimit, burstMs } = size
    return {
      HOUR: Math.floor(hourLimit * KEPT),
      BURST: Math.floor(burstLimit / 2),
      OTHERS_HOUR: Math.floor(hourLimit * KEPT * (1 - DESK_SHARE)),
      OTHERS_BURST: Math.floor((burstLimit / 2) * (1 - DESK_SHARE)),
      HOUR_MS: hourMs,
      BURST_MS: burstMs,
      // It counts whole seconds from the one in which a copy came, and would let a poll pass too early.
      KEPT_SECONDS: Math.ceil(intervalMs(size) / 1000) + 1,
    }
  }),
  foreign('varnish', 'varnish-day.conf', size => {
    const { perSecond, atOnce } = bucketOf(size)
    return {
      DESK_CALLS: Math.floor(atOnce * DESK_SHARE),
      OTHERS_CALLS: Math.floor(atOnce * (1 - DESK_SHARE)),
      PERIOD_SECONDS: (atOnce / perSecond).toFixed(3),
    }
  }),
  {
    name: 'sixty lines',
    start(url, size) {
      const { hourMs, hourLimit, burstMs, burstLimit } = size
      const numbers = [hourMs, hourLimit, burstMs, burstLimit, intervalMs(size)]
      return startChild('sixty', url, ...numbers.map(String))
    },
  },
]

/** How long the token of somebody who has been turned away may still be believed: five minutes of the day. */
export function recheckMs(size: DaySize): number {
  return Math.max(MIN_RECHECK_MS, (RECHECK_SECONDS * 1000) / factorOf(size))
}

/** The fastest leaky bucket that keeps both limits: `atOnce` and `perSecond` × window is no more than either, in any window. */
function bucketOf({ hourMs, hourLimit, burstMs, burstLimit }: DaySize) {
  const perMs = (KEPT * (hourLimit - burstLimit)) / (hourMs - burstMs)
  return { perSecond: 1000 * perMs, atOnce: KEPT * burstLimit - burstMs * perMs }
}

function foreign(
  name: Foreign,
  template: string,
  values: (size: DaySize) => Readonly<Record<string, string | number>>,
): Contender {
  const absent = missing(name)
  return {
    name,
    ...(absent !== undefined && { absent }),
    start(url, size) {
      const { hostname, port, host } = new URL(url)
      return startForeign(name, template, {
        ...values(size),
        // In whole seconds, because two of the three take no other.
        INTERVAL_SECONDS: Math.ceil(intervalMs(size) / 1000),
        UPSTREAM: host,
        UPSTREAM_HOST: hostname,
        UPSTREAM_PORT: port,
      })
    },
  }
}

function governed(url: string, size: DaySize): Promise<Program> {
  const seconds = (ms: number) => String(ms / 1000)
  return startGovernor(
    url,
    {
      GOVERNOR_LIMITS_HOUR_LIMIT: String(size.hourLimit),
      GOVERNOR_LIMITS_HOUR_WINDOW: seconds(size.hourMs),
      GOVERNOR_LIMITS_BURST_LIMIT: String(size.burstLimit),
      GOVERNOR_LIMITS_BURST_WINDOW: seconds(size.burstMs),
      GOVERNOR_POLLING_INTERVAL: seconds(intervalMs(size)),
      GOVERNOR_IDENTITY_RECHECK: seconds(recheckMs(size)),
      GOVERNOR_QUEUE_MAX_WAIT: seconds(PATIENCE_MS),
      GOVERNOR_QUEUE_MAX_LENGTH: '2000',
    },
    PRIORITIES,
  )
}
