/** Everybody who reads the records of the calls. One `Seen` goes to each of them, so that no two disagree. */
import type { Clock } from '../base/clock.js'
import type { Seen } from '../base/types.js'
import { archive } from './archive.js'
import { makeCaptures, type Capture, type Captures } from './captures.js'
import { makeGoLive, type GoLive, type GoLiveConfig } from './golive.js'
import { makeHints, type Met } from './hints.js'
import { makeLive, type Live, type LiveFigures } from './live.js'
import type { Log } from './log.js'
import { makeMetrics, type Metrics, type MetricsConfig, type MetricsSources } from './metrics.js'
import { makeTrace, type TraceConfig } from './trace.js'
import { makeWouldHaveHeld } from './would.js'

export interface ObserversConfig extends MetricsConfig, GoLiveConfig {
  /** What DocuSign calls an operation. */
  readonly operationOf: (method: string, route: string) => string | undefined
  /** `undefined`: calls are not traced. */
  readonly trace: TraceConfig | undefined
}

export interface ObserversSources extends Omit<MetricsSources, 'trace'> {
  /** One name for an account, whichever of its two was used. */
  readonly nameOf: (account: string) => string
}

export interface Observers {
  readonly metrics: Metrics
  readonly observe: (seen: Seen) => void
  /** For the live page. */
  told(): Pick<Live, 'spentBy'> & {
    readonly lastHour: LiveFigures
    readonly hints: readonly Met[]
    readonly hourWindowMs: number
  }
  readonly goLive: GoLive
  readonly captures: Captures
  readonly isTracing: boolean
  /** The ZIP of one of them, in pieces. */
  archive(capture: Capture): AsyncIterable<Uint8Array>
  /** Says what has not been said yet. For the way out. */
  flush(): void
  /** Hands the rest of the trace to the disk. After the last call. */
  close(): Promise<void>
}

export function makeObservers(
  config: ObserversConfig,
  sources: ObserversSources,
  log: Log,
  clock: Clock,
): Observers {
  const trace =
    config.trace &&
    makeTrace(config.trace, {
      clock,
      nameOf: sources.nameOf,
      tell: ({ kind, ...fields }) => log.event(kind === 'failed' ? 'error' : 'info', `trace-${kind}`, fields),
    })
  const metrics = makeMetrics(config, { ...sources, trace: () => ({ dropped: trace?.dropped ?? 0 }) }, clock)
  const wouldHaveHeld = makeWouldHaveHeld(fields => log.event('info', 'would-have-held', fields), clock)
  const live = makeLive(config, sources.nameOf, clock)
  const goLive = makeGoLive(config, clock)
  const hints = makeHints(clock)
  return {
    metrics,
    goLive,
    isTracing: trace !== undefined,
    captures: makeCaptures(sources.nameOf, clock),
    archive: ({ recorded }) => archive(recorded, { clock, ...config }),
    observe(seen) {
      log.call(seen)
      metrics.seen(seen)
      wouldHaveHeld.seen(seen)
      live.seen(seen)
      goLive.seen(seen)
      hints.seen(seen)
      trace?.seen(seen)
    },
    told: () => ({
      lastHour: live.figures(),
      hints: hints.met(),
      spentBy: account => live.spentBy(account),
      hourWindowMs: config.hourWindowMs,
    }),
    flush: () => wouldHaveHeld.flush(),
    close: () => trace?.close() ?? Promise.resolve(),
  }
}
