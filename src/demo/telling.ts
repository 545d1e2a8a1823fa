import type { Report } from '../simulator/report.js'
import type { Figures } from './figures.js'

export interface Places {
  /** What apps call the governor by. */
  readonly governor: string
  readonly admin: string
  readonly adminToken: string | undefined
  readonly simulator: string
}

/** The first words: what runs, and what to look at. */
export function tellStart({ governor, admin, simulator }: Places, timeFactor: number): string {
  return `Four sample apps call DocuSign (a simulator on this machine) through the governor. Time goes by ${timeFactor} times
faster: an hour of limits passes in ${round(3600 / timeFactor)} s. Ctrl-C ends it all.

  base path for an app of yours   ${governor}/apps/NAME/restapi
  a token for it                  POST ${governor}/oauth/token
  keys and users to ask it with   ${simulator}/_sim/credentials
  the live page                   ${admin}/
  the governor's status           ${admin}/status
  the governor's metrics          ${admin}/metrics
  what DocuSign has counted       ${simulator}/_sim/report
`
}

/** One line a second. `up` is what arrived at DocuSign, counted there. */
export function tellProgress(seconds: number, figures: Figures, up: number): string {
  const told = { 'calls in': figures.in, 'calls up': up, saved: figures.saved, held: figures.held }
  const columns = Object.entries(told).map(([what, count]) => `${what} ${pad(count)}`)
  return [`${pad(Math.round(seconds), 4)} s`, ...columns].join('   ')
}

/** The last words: what each app did, and what DocuSign saw of it. */
export function tellEnd(
  byApp: ReadonlyMap<string, Figures>,
  report: Report,
  seconds: number,
  timeFactor: number,
): string {
  const rows = [...byApp].sort(([, a], [, b]) => b.in - a.in)
  const table = [['', 'calls in', 'calls up', 'saved', 'errors']].concat(
    rows.map(([app, one]) => [app, ...[one.in, one.up, one.saved, one.failed].map(String)]),
  )
  const worst = (window: 'hour' | 'burst', kind: 'fixed' | 'sliding') =>
    report.limits.filter(limit => limit.window === window && limit.kind === kind)
  const hour = worst('hour', 'fixed')
  const burst = worst('burst', 'sliding')
  const most = (limits: typeof hour) => Math.max(...limits.map(limit => limit.worst))
  const over = (limits: typeof hour) => limits.reduce((sum, limit) => sum + limit.violations, 0)
  const seen: [string, number, string][] = [
    ['calls that count against limits', report.calls.total, ''],
    [
      'polls inside the interval',
      report.pollsTotal,
      'GETs of one resource less than 15 minutes after the last',
    ],
    [
      'second reads of what is final',
      report.terminalRereadsTotal,
      'of envelopes that were completed, declined or voided',
    ],
    ['calls over the hour limit', over(hour), `most in a clock hour: ${most(hour)} of ${hour[0]?.limit}`],
    ['calls over the burst limit', over(burst), `most in 30 seconds: ${most(burst)} of ${burst[0]?.limit}`],
    ['calls refused for a limit', report.blocked, ''],
  ]
  return [
    '',
    `In ${round(seconds)} s, ${round((seconds * timeFactor) / 60)} minutes of DocuSign's time:`,
    '',
    ...table.map(
      ([app = '', ...cells]) => `  ${app.padEnd(12)}${cells.map(cell => cell.padStart(10)).join('')}`,
    ),
    '',
    'What DocuSign saw:',
    '',
    ...seen.map(([what, count, note]) => `  ${what.padEnd(34)}${pad(count)}   ${note}`.trimEnd()),
    '',
  ].join('\n')
}

const pad = (count: number, width = 6) => String(count).padStart(width)
const round = (value: number) => Math.round(value * 10) / 10
