/** Figures in words: what table and report call them, and how they write them. */
import type { Figures, PeakFigures, WaitFigures } from './figures.js'

/** One line of the table: what it tells, and of which figure. */
export interface Row {
  readonly label: string
  /** A part of the one before it. */
  readonly isPart: boolean
  readonly cells: readonly string[]
}

type Read = (figures: Figures) => string

const SAVED_BY = {
  terminal: 'copies of what is over',
  poll: 'copies inside the interval',
  coalesce: 'twins under way',
  connect: 'pushed by Connect',
} as const

export function rowsOf(columns: readonly Figures[]): readonly Row[] {
  const rows: Row[] = []
  const row = (label: string, read: Read, isPart = false) =>
    rows.push({ label, isPart, cells: columns.map(read) })
  const part = (label: string, read: Read) => row(label, read, true)

  row('calls in', ({ calls }) => count(calls.in))
  row('saved', ({ saved }) => `${count(saved.total)} (${percent(saved.share)})`)
  for (const [by, label] of Object.entries(SAVED_BY) as [keyof typeof SAVED_BY, string][])
    if (columns.some(({ saved }) => saved[by] > 0)) part(label, ({ saved }) => count(saved[by]))
  row('calls up', ({ calls }) => count(calls.up))
  row('held', ({ held }) => count(held.total))
  if (columns.some(({ held }) => held.total > 0))
    part('of those, 95 of 100 at most', ({ held }) => (held.total === 0 ? '' : seconds(held.wait.p95)))
  row('refused', ({ refused }) => count(refused.total))
  const reasons = new Set(columns.flatMap(({ refused }) => Object.keys(refused)))
  reasons.delete('total')
  for (const reason of [...reasons].sort())
    part(reason, ({ refused }) => count((refused as Readonly<Record<string, number>>)[reason] ?? 0))
  if (columns.some(({ failed }) => failed > 0)) row('no answer came', ({ failed }) => count(failed))
  if (columns.some(({ docusignRefused }) => docusignRefused > 0))
    row('refused by DocuSign, and sent again', ({ docusignRefused }) => count(docusignRefused))
  WAITS.forEach(([share, label], i) => row(label, ({ wait }) => seconds(wait[share]), i > 0))
  row('until it could go, 95 of 100', ({ delay }) => seconds(delay.p95))
  row('fullest hour of an account', ({ peak }) => peakText(peak.hour))
  row('fullest burst window', ({ peak }) => peakText(peak.burst))
  if (columns.some(({ accounts }) => accounts.total > 1))
    row('accounts over their hour', ({ accounts }) => `${count(accounts.over)} of ${count(accounts.total)}`)
  if (columns.some(({ reached }) => reached !== undefined)) row('the limit is reached', reachedText)
  row('hourly limit for 1 s, 95 of 100', limitText)
  columns[0]?.advice.interval.forEach(({ seconds: interval }, i) =>
    row(`polling.interval ${interval} would save`, ({ advice }) => count(advice.interval[i]?.spares ?? 0)),
  )
  row('Connect would save', ({ advice }) => count(advice.statusPolls))
  return rows
}

const WAITS: readonly (readonly [keyof WaitFigures, string])[] = [
  ['p50', 'wait of what went up, half'],
  ['p95', '95 of 100'],
  ['p99', '99 of 100'],
  ['max', 'the longest'],
]

export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** With a decimal where a whole number would say nothing, or all. */
export function percent(share: number): string {
  const isNearEnd = (share > 0 && share < 0.1) || (share > 0.99 && share < 1)
  return `${(share * 100).toFixed(isNearEnd ? 1 : 0)} %`
}

export function seconds(value: number): string {
  if (value === 0) return '0 s'
  if (value >= 120) return `${count(value / 60)} min`
  return `${value.toFixed(value < 10 ? 2 : 1)} s`
}

function peakText(peak: PeakFigures | undefined): string {
  return peak ? `${count(peak.calls)} of ${count(peak.limit)} (${percent(peak.share)})` : 'none'
}

export function reachedText({ reached }: Pick<Figures, 'reached'>): string {
  if (!reached) return ''
  const { week, withinWeeks } = reached
  if (week === undefined) return `not within ${withinWeeks} weeks`
  return week === 0 ? 'now' : `in week ${week}`
}

export function limitText({ limitForOneSecond: found, peak }: Figures): string {
  if (!found) return 'the one there is'
  return found.limit === undefined
    ? `none: the burst limit holds calls (${count(peak.burst?.limit ?? 0)})`
    : count(found.limit)
}
