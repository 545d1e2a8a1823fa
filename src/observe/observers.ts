/** Everybody who reads the records of the calls. One `Seen` goes to each of them, so that no two disagree. */
import type { Clock } from '../base/clock.js'
import type { Seen } from '../base/types.js'
import { makeLive, type Live, type LiveFigures } from './live.js'
import type { Log } from './log.js'
import { makeMetrics, type Metrics, type MetricsConfig, type MetricsSources } from './metrics.js'
import { makeWouldHaveHeld } from './would.js'

export interface ObserversConfig extends MetricsConfig {
  readonly hourWindowMs: number
}

export interface ObserversSources extends MetricsSources {
  /** One name for an account, whichever of its two was used. */
  readonly nameOf: (account: string) => string
}

export interface Observers {
  readonly metrics: Metrics
  readonly observe: (seen: Seen) => void
  /** For the live page. */
  told(): Pick<Live, 'spentBy'> & { readonly lastHour: LiveFigures; readonly hourWindowMs: number }
  /** Says what has not been said yet. For the way out. */
  flush(): void
}

export function makeObservers(
  config: ObserversConfig,
  sources: ObserversSources,
  log: Log,
  clock: Clock,
): Observers {
  const metrics = makeMetrics(config, sources, clock)
  const wouldHaveHeld = makeWouldHaveHeld(fields => log.event('info', 'would-have-held', fields), clock)
  const live = makeLive(config, sources.nameOf, clock)
  return {
    metrics,
    observe(seen) {
      log.call(seen)
      metrics.seen(seen)
      wouldHaveHeld.seen(seen)
      live.seen(seen)
    },
    told: () => ({
      lastHour: live.figures(),
      spentBy: account => live.spentBy(account),
      hourWindowMs: config.hourWindowMs,
    }),
    flush: () => wouldHaveHeld.flush(),
  }
}
