/** Everybody who reads the records of the calls. One `Seen` goes to each of them, so that no two disagree. */
import type { Clock } from '../base/clock.js'
import type { Seen } from '../base/types.js'
import { makeGoLive, type GoLive, type GoLiveConfig } from './golive.js'
import { makeLive, type Live, type LiveFigures } from './live.js'
import type { Log } from './log.js'
import { makeMetrics, type Metrics, type MetricsConfig, type MetricsSources } from './metrics.js'
import { makeWouldHaveHeld } from './would.js'

export type ObserversConfig = MetricsConfig & GoLiveConfig

export interface ObserversSources extends MetricsSources {
  /** One name for an account, whichever of its two was used. */
  readonly nameOf: (account: string) => string
}

export interface Observers {
  readonly metrics: Metrics
  readonly observe: (seen: Seen) => void
  /** For the live page. */
  told(): Pick<Live, 'spentBy'> & { readonly lastHour: LiveFigures; readonly hourWindowMs: number }
  readonly goLive: GoLive
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
  const goLive = makeGoLive(config, clock)
  return {
    metrics,
    goLive,
    observe(seen) {
      log.call(seen)
      metrics.seen(seen)
      wouldHaveHeld.seen(seen)
      live.seen(seen)
      goLive.seen(seen)
    },
    told: () => ({
      lastHour: live.figures(),
      spentBy: account => live.spentBy(account),
      hourWindowMs: config.hourWindowMs,
    }),
    flush: () => wouldHaveHeld.flush(),
  }
}
