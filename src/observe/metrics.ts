import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../base/clock.js'
import type { Attempt, Outcome, Seen } from '../base/types.js'
import { makeAccountLabels } from './accounts.js'
import { makeBuckets, type Buckets } from './buckets.js'
import { codeLabel, methodLabel } from './labels.js'
import { makeSeries } from './series.js'

export interface Metrics {
  /** Counts one call. It costs the call some 2 µs and never throws. */
  seen(seen: Seen): void
  /** The settings in force are from now: to be said after each reload that was taken; the start counts as one. */
  configReloaded(): void
  /** At most so many accounts get a label of their own. One that has its label keeps it: a series has no way back. */
  setMaxAccounts(max: number): void
  tally(): Tally
  /** The exposition, in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** What was saved so far, in calls. A miss is a read that had to go up. */
export interface Tally {
  readonly remembered: number
  readonly coalesced: number
  readonly hits: number
  readonly misses: number
}

export interface MetricsConfig {
  readonly maxAccounts: number
  readonly version: string
}

const PREFIX = 'docusign_governor_'
const OUTCOMES: readonly Outcome[] = ['forwarded', 'remembered', 'coalesced', 'refused', 'failed']
const REQUEST_LABELS = ['app', 'route', 'method', 'outcome', 'code'] as const
const ATTEMPT_LABELS = ['account', 'app', 'route', 'method', 'code'] as const
const REFUSAL_LABELS = ['app', 'reason', 'mode'] as const
const CALL_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const OVERHEAD_BUCKETS_S = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
]
/** Of one counter. Two full tables make a scrape tens of milliseconds long, and no call is served meanwhile. */
const MAX_SERIES = 2000
/** Gauges with a counter's name, which `promtool` rightly refuses; the same numbers stand without `_total`, by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/** Every metric is read off `Seen`, so that it agrees with the log line of the same call. */
export function makeMetrics(config: MetricsConfig, clock: Clock): Metrics {
  const registry = new Registry()
  const registers = [registry]

  function counter<Name extends string>(name: string, help: string, labelNames: readonly Name[]) {
    const series = makeSeries(labelNames, MAX_SERIES)
    new Counter<Name>({
      name: PREFIX + name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const [labels, count] of series.entries()) this.inc(labels, count)
      },
    })
    return series
  }

  function histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    series: readonly (readonly [labels: Readonly<Record<string, string>>, series: Buckets])[],
  ): void {
    new Histogram({
      name: PREFIX + name,
      help,
      labelNames: Object.keys(series[0]?.[0] ?? {}),
      buckets: [...buckets],
      registers,
      collect() {
        // Where prom-client keeps its series; its own `observe` validates and hashes labels, at 1 µs a time.
        const kept = this as unknown as { hashMap: Record<number, unknown> }
        kept.hashMap = series.map(([labels, each]) => ({ labels, ...each.reading() }))
      },
    })
  }

  const requests = counter('requests_total', 'Calls of the apps, by what became of them.', REQUEST_LABELS)
  const upstreamRequests = counter('upstream_requests_total', 'Attempts at DocuSign.', ATTEMPT_LABELS)
  const refusals = counter('refusals_total', 'Answers of the governor itself, by reason.', REFUSAL_LABELS)
  const requestDuration = Object.fromEntries(
    OUTCOMES.map(outcome => [outcome, makeBuckets(CALL_BUCKETS_S)]),
  ) as Record<Outcome, Buckets>
  histogram(
    'request_duration_seconds',
    'From the head of a request to the last byte of its answer.',
    CALL_BUCKETS_S,
    OUTCOMES.map(outcome => [{ outcome }, requestDuration[outcome]]),
  )
  const upstreamDuration = makeBuckets(CALL_BUCKETS_S)
  histogram(
    'upstream_duration_seconds',
    'From the send of an attempt to the head of its answer, or to the failure.',
    CALL_BUCKETS_S,
    [[{}, upstreamDuration]],
  )
  const overhead = makeBuckets(OVERHEAD_BUCKETS_S)
  histogram(
    'overhead_seconds',
    'What the governor itself added before the head of an answer.',
    OVERHEAD_BUCKETS_S,
    [[{}, overhead]],
  )
  const reloaded = new Gauge({
    name: `${PREFIX}config_reload_success_timestamp_seconds`,
    help: 'When the settings in force were taken.',
    registers,
  })
  new Gauge({
    name: `${PREFIX}build_info`,
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers,
  }).set({ version: config.version }, 1)
  configReloaded()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)

  const accountLabels = makeAccountLabels(config.maxAccounts)
  let remembered = 0
  let coalesced = 0
  let misses = 0

  function configReloaded(): void {
    reloaded.set(clock.wallMs() / 1000)
  }

  function attempted(seen: Seen, attempt: Attempt): void {
    const { call } = seen
    const code = codeLabel(attempt.status)
    const account = accountLabels.label(call?.account)
    upstreamRequests.count(
      account,
      call?.app.label ?? 'other',
      call?.route ?? 'other',
      methodLabel(seen.method),
      code,
    )
    upstreamDuration.observe(attempt.durationMs)
  }

  return {
    seen(seen) {
      const { call, outcome, reason } = seen
      const app = call?.app.label ?? 'other'
      requests.count(app, call?.route ?? 'other', methodLabel(seen.method), outcome, codeLabel(seen.status))
      if (reason !== undefined) refusals.count(app, reason, 'enforce')
      requestDuration[outcome].observe(seen.durationMs)
      overhead.observe(seen.overheadMs)
      for (const attempt of seen.attempts) attempted(seen, attempt)
      if (outcome === 'remembered') remembered++
      if (outcome === 'coalesced') coalesced++
      if (outcome === 'forwarded' && call?.methodClass === 'read') misses++
    },
    configReloaded,
    setMaxAccounts: max => accountLabels.setMax(max),
    tally: () => ({ remembered, coalesced, hits: remembered, misses }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
