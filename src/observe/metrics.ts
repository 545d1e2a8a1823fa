import { collectDefaultMetrics } from 'prom-client'
import type { Clock } from '../base/clock.js'
import { makeAccountGauges, type AccountFigures } from './account-gauges.js'
import { makeAccountLabels } from './account-labels.js'
import { makeCallMetrics, type CallMetrics } from './call-metrics.js'
import { makeHouseGauges, type HouseSources } from './house-gauges.js'
import { makeInstruments } from './instruments.js'

export interface Metrics extends CallMetrics {
  /** A message of DocuSign Connect came. @param result from a closed set */
  connected(result: string): void
  /** The settings in force are from now: to be said after each reload that was taken; the start counts as one. */
  configReloaded(): void
  /** New settings were offered and refused; those from before stay. */
  configRefused(): void
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
export interface MetricsSources extends HouseSources {
  accounts(): Iterable<AccountFigures>
}

const MAX_DELIVERIES = 10

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
  makeHouseGauges(instruments, sources)
  const messages = instruments.counter(
    'connect_messages_total',
    'Messages of DocuSign Connect, by what became of them.',
    ['result'],
    MAX_DELIVERIES,
  )
  let reloadedAtSeconds = clock.wallMs() / 1000
  let isLastTaken = true

  instruments.gaugeOf(
    'config_reload_success_timestamp_seconds',
    'When the settings in force were taken.',
    [],
    () => [[[], reloadedAtSeconds]],
  )
  instruments.gaugeOf(
    'config_last_reload_successful',
    'Whether the settings that were offered last are in force (1), or were refused (0).',
    [],
    () => [[[], isLastTaken ? 1 : 0]],
  )
  instruments.gaugeOf('build_info', 'Always 1; the label says which version runs.', ['version'], () => [
    [[config.version], 1],
  ])
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)

  return {
    ...calls,
    connected: result => messages.count(result),
    configReloaded() {
      reloadedAtSeconds = clock.wallMs() / 1000
      isLastTaken = true
    },
    configRefused() {
      isLastTaken = false
    },
    setMaxAccounts: max => accounts.setMax(max),
    text() {
      gauges.take(sources.accounts())
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
