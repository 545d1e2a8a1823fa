import { collectDefaultMetrics } from 'prom-client'
import type { Clock } from '../base/clock.js'
import { makeAccountGauges, type AccountFigures } from './account-gauges.js'
import { makeAccountLabels } from './account-labels.js'
import { makeCallMetrics, type CallMetrics } from './call-metrics.js'
import { makeInstruments } from './instruments.js'

export interface Metrics extends CallMetrics {
  /** The settings in force are from now: to be said after each reload that was taken; the start counts as one. */
  configReloaded(): void
  /** At most so many accounts get a label of their own. One that has its label keeps it: a series has no way back. */
  setMaxAccounts(max: number): void
  /** The exposition, in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

export interface MetricsConfig {
  readonly maxAccounts: number
  readonly version: string
}

/** What is asked when somebody scrapes. */
export interface MetricsSources {
  accounts(): Iterable<AccountFigures>
  /** Whether there is a durable store, and whether its last write failed. */
  health(): { readonly up: boolean; readonly degraded: boolean }
  /** The copies that are there, the bytes they take, and how many had to go to make room. */
  cache(): { readonly entries: number; readonly bytes: number; readonly evictions: number }
}

/** Gauges with a counter's name, which `promtool` rightly refuses; the same numbers stand without `_total`, by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

export function makeMetrics(config: MetricsConfig, sources: MetricsSources, clock: Clock): Metrics {
  const instruments = makeInstruments()
  const { registry } = instruments
  const accounts = makeAccountLabels(config.maxAccounts)
  const calls = makeCallMetrics(instruments, accounts)
  const gauges = makeAccountGauges(instruments, accounts)
  let reloadedAtSeconds = clock.wallMs() / 1000

  instruments.gaugeOf('cache_entries', 'Copies of answers that are kept.', [], () => [
    [[], sources.cache().entries],
  ])
  instruments.gaugeOf('cache_bytes', 'Bytes that those copies take.', [], () => [[[], sources.cache().bytes]])
  instruments.counterOf('cache_evictions_total', 'Copies that had to go to make room for others.', [], () => [
    [[], sources.cache().evictions],
  ])
  instruments.gaugeOf('state_up', 'Whether the durable store is there (1) or not (0).', [], () => [
    [[], sources.health().up ? 1 : 0],
  ])
  instruments.gaugeOf(
    'state_degraded',
    'Whether the last write to the store failed (1): what happens now is kept in memory only.',
    [],
    () => [[[], sources.health().degraded ? 1 : 0]],
  )
  instruments.gaugeOf(
    'config_reload_success_timestamp_seconds',
    'When the settings in force were taken.',
    [],
    () => [[[], reloadedAtSeconds]],
  )
  instruments.gaugeOf('build_info', 'Always 1; the label says which version runs.', ['version'], () => [
    [[config.version], 1],
  ])
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)

  return {
    ...calls,
    configReloaded() {
      reloadedAtSeconds = clock.wallMs() / 1000
    },
    setMaxAccounts: max => accounts.setMax(max),
    text() {
      gauges.take(sources.accounts())
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
