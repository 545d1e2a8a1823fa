import type { Instruments } from './instruments.js'
import type { LogCounts } from './log.js'

/** What is asked of the house itself when somebody scrapes. */
export interface HouseSources {
  /** Whether there is a durable store, and whether its last write failed. */
  health(): { readonly up: boolean; readonly degraded: boolean }
  /** How often a damaged store was moved aside, and how often a write began to fail. */
  stateFaults(): { readonly damaged: number; readonly degraded: number }
  /** The copies that are there, the bytes they take, and how many had to go to make room. */
  cache(): { readonly entries: number; readonly bytes: number; readonly evictions: number }
  /** How much DocuSign has stopped. */
  blocked(): { readonly accounts: number; readonly envelopes: number; readonly hosts: number }
  settings(): SettingsShown
  connections(): {
    readonly clients: number
    readonly upstream: { readonly inUse: number; readonly idle: number }
    /** Calls that have come and are not over. */
    readonly calls: number
  }
  log(): LogCounts
  trace(): { readonly dropped: number }
}

/** Settings that a limit on a dashboard or in an alert must be told by. */
export interface SettingsShown {
  readonly limits: 'enforce' | 'observe'
  readonly polling: 'enforce' | 'observe'
  readonly hourSeconds: number
  readonly burstSeconds: number
  readonly maxLength: number
  readonly maxWaitSeconds: number
}

/** The gauges of the house as a whole. They are read at a scrape and cost the calls nothing. */
export function makeHouseGauges(instruments: Instruments, sources: HouseSources): void {
  const gaugeOf: Instruments['gaugeOf'] = (...gauge) => instruments.gaugeOf(...gauge)
  const counterOf: Instruments['counterOf'] = (...counter) => instruments.counterOf(...counter)
  gaugeOf('cache_entries', 'Copies of answers that are kept.', [], () => [[[], sources.cache().entries]])
  gaugeOf('cache_bytes', 'Bytes that those copies take.', [], () => [[[], sources.cache().bytes]])
  counterOf('cache_evictions_total', 'Copies that had to go to make room for others.', [], () => [
    [[], sources.cache().evictions],
  ])
  gaugeOf('state_up', 'Whether the durable store is there (1) or not (0).', [], () => [
    [[], sources.health().up ? 1 : 0],
  ])
  gaugeOf(
    'state_degraded',
    'Whether the last write to the store failed (1): what happens now is kept in memory only.',
    [],
    () => [[[], sources.health().degraded ? 1 : 0]],
  )
  counterOf(
    'state_faults_total',
    'Times that the store was damaged and moved aside, or that writing to it began to fail.',
    ['kind'],
    () => Object.entries(sources.stateFaults()).map(([kind, times]) => [[kind], times]),
  )
  gaugeOf('blocked', 'What DocuSign refuses now: accounts, envelopes, hosts (444).', ['what'], () =>
    Object.entries(sources.blocked()).map(([what, many]) => [[what], many]),
  )
  gaugeOf(
    'mode_info',
    'Always 1; the labels say what is kept and what only counted.',
    ['limits', 'polling'],
    () => {
      const { limits, polling } = sources.settings()
      return [[[limits, polling], 1]]
    },
  )
  gaugeOf('window_seconds', 'How long a window of the limits lasts, by the settings.', ['window'], () => {
    const { hourSeconds, burstSeconds } = sources.settings()
    return [
      [['hour'], hourSeconds],
      [['burst'], burstSeconds],
    ]
  })
  gaugeOf('queue_max_length', 'Calls of an account that may be held, by the settings.', [], () => [
    [[], sources.settings().maxLength],
  ])
  gaugeOf('queue_max_wait_seconds', 'How long a call may be held, by the settings.', [], () => [
    [[], sources.settings().maxWaitSeconds],
  ])
  gaugeOf('client_connections', 'Connections of the apps.', [], () => [[[], sources.connections().clients]])
  gaugeOf('upstream_connections', 'Connections to DocuSign.', ['state'], () => {
    const { inUse, idle } = sources.connections().upstream
    return [
      [['in_use'], inUse],
      [['idle'], idle],
    ]
  })
  gaugeOf('calls_in_flight', 'Calls that have come and are not over, those that wait included.', [], () => [
    [[], sources.connections().calls],
  ])
  counterOf('log_lines_total', 'Lines of the log that were written, by level.', ['level'], () =>
    Object.entries(sources.log().written).map(([level, lines]) => [[level], lines]),
  )
  counterOf('log_lines_lost_total', 'Lines of the log that nobody took in time.', [], () => [
    [[], sources.log().lost],
  ])
  counterOf('trace_dropped_total', 'Calls that the trace should hold and does not.', [], () => [
    [[], sources.trace().dropped],
  ])
  counterOf(
    'log_events_repeated_total',
    'Events that were summed up in a later line instead of written.',
    [],
    () => [[[], sources.log().repeated]],
  )
}
