import type { Priority } from '../base/types.js'
import type { AccountLabels } from './account-labels.js'
import type { Instruments, Sample } from './instruments.js'
import { PRIORITY_LABELS } from './labels.js'

/** How one account stands, as far as its gauges tell it. What is `undefined` is absent. */
export interface AccountFigures {
  /** '' is the budget of the paths that name no account. */
  readonly account: string
  readonly hour: WindowFigures & { readonly resetAtSeconds: number | undefined }
  readonly burst: WindowFigures
  /** Calls of others in this hour, and in all so far. */
  readonly foreign: number
  readonly foreignTotal: number
  /** Where the limits come from: `configured` until DocuSign has told them. */
  readonly source: 'learned' | 'configured'
  readonly queue: {
    readonly byPriority: Readonly<Record<Priority, number>>
    readonly oldestWaitMs: number
  }
  /** Epoch milliseconds; `undefined` where DocuSign does not refuse it. */
  readonly blockedUntilMs: number | undefined
}

interface WindowFigures {
  readonly limit: number
  readonly remaining: number
  /** DocuSign's own word. */
  readonly heard: number | undefined
}

export interface AccountGauges {
  /** What the next scrape tells. */
  take(accounts: Iterable<AccountFigures>): void
}

/** The numbers of one scrape, by metric. */
interface Figures {
  readonly limits: Sample[]
  readonly remaining: Sample[]
  readonly resets: Sample[]
  readonly queues: Sample[]
  readonly oldest: Sample[]
  readonly foreign: Sample[]
  readonly foreignNow: Sample[]
  readonly blocked: Sample[]
}

/** Accounts that share a label, or have one of their own. */
interface Sum {
  readonly waiting: Record<Priority, number>
  oldestWaitMs: number
  foreign: number | undefined
  foreignNow: number
  blockedUntilMs: number | undefined
}

/** The gauges of the accounts. They are read at a scrape and cost the calls nothing. */
export function makeAccountGauges(instruments: Instruments, labels: AccountLabels): AccountGauges {
  let figures = figuresOf([], labels)

  instruments.gaugeOf(
    'limit',
    'Calls that DocuSign grants in a window, by its headers or else by the settings.',
    ['account', 'window'],
    () => figures.limits,
  )
  instruments.gaugeOf(
    'remaining',
    'Calls left in a window: local, that may still be sent; upstream, as DocuSign said last.',
    ['account', 'window', 'source'],
    () => figures.remaining,
  )
  instruments.gaugeOf(
    'reset_timestamp_seconds',
    'When the hour of an account turns.',
    ['account'],
    () => figures.resets,
  )
  instruments.gaugeOf('queue_length', 'Calls that are held.', ['account', 'priority'], () => figures.queues)
  instruments.gaugeOf(
    'queue_oldest_wait_seconds',
    'How long the call has been held that is held longest; 0 where none is.',
    ['account'],
    () => figures.oldest,
  )
  instruments.counterOf(
    'foreign_calls_total',
    'Calls that others spent, as the headers prove.',
    ['account'],
    () => figures.foreign,
  )
  instruments.gaugeOf(
    'foreign_calls_this_hour',
    'Those of the hour that runs.',
    ['account'],
    () => figures.foreignNow,
  )
  instruments.gaugeOf(
    'blocked_until_timestamp_seconds',
    'When DocuSign will let an account go again that it refuses; absent where it refuses nothing.',
    ['account'],
    () => figures.blocked,
  )

  return {
    take(accounts) {
      figures = figuresOf(accounts, labels)
    },
  }
}

/**
 * An account with a label has its hour; the first of them have everything. What can be summed of the rest (and the
 * longest of their waits) is `other`'s, so that nobody waits unseen; what cannot is absent.
 */
function figuresOf(accounts: Iterable<AccountFigures>, labels: AccountLabels): Figures {
  const figures: Figures = {
    limits: [],
    remaining: [],
    resets: [],
    queues: [],
    oldest: [],
    foreign: [],
    foreignNow: [],
    blocked: [],
  }
  const sums = new Map<string, Sum>()
  for (const one of accounts) {
    const label = labels.label(one.account === '' ? undefined : one.account)
    const isDetailed = labels.isDetailed(label)
    addTo(sums, isDetailed ? label : 'other', one)
    if (label !== 'other') tellWindows(figures, label, one, isDetailed)
  }
  for (const [label, { waiting, oldestWaitMs, foreign, foreignNow, blockedUntilMs }] of sums) {
    for (const priority of PRIORITY_LABELS) figures.queues.push([[label, priority], waiting[priority]])
    figures.oldest.push([[label], oldestWaitMs / 1000])
    if (foreign !== undefined) {
      figures.foreign.push([[label], foreign])
      figures.foreignNow.push([[label], foreignNow])
    }
    if (blockedUntilMs !== undefined) figures.blocked.push([[label], blockedUntilMs / 1000])
  }
  return figures
}

function tellWindows(to: Figures, label: string, { hour, burst }: AccountFigures, isDetailed: boolean): void {
  to.limits.push([[label, 'hour'], hour.limit])
  to.remaining.push([[label, 'hour', 'local'], hour.remaining])
  if (hour.resetAtSeconds !== undefined) to.resets.push([[label], hour.resetAtSeconds])
  if (!isDetailed) return
  to.limits.push([[label, 'burst'], burst.limit])
  to.remaining.push([[label, 'burst', 'local'], burst.remaining])
  if (hour.heard !== undefined) to.remaining.push([[label, 'hour', 'upstream'], hour.heard])
  if (burst.heard !== undefined) to.remaining.push([[label, 'burst', 'upstream'], burst.heard])
}

function addTo(sums: Map<string, Sum>, label: string, figures: AccountFigures): void {
  const { queue, foreign, foreignTotal, source, blockedUntilMs } = figures
  let sum = sums.get(label)
  if (!sum) {
    sum = {
      waiting: { high: 0, normal: 0, low: 0 },
      oldestWaitMs: 0,
      foreign: undefined,
      foreignNow: 0,
      blockedUntilMs,
    }
    sums.set(label, sum)
  }
  for (const priority of PRIORITY_LABELS) sum.waiting[priority] += queue.byPriority[priority]
  if (blockedUntilMs !== undefined) sum.blockedUntilMs = Math.max(sum.blockedUntilMs ?? 0, blockedUntilMs)
  sum.oldestWaitMs = Math.max(sum.oldestWaitMs, queue.oldestWaitMs)
  // Without headers nobody knows of others' calls, not even that there were none.
  if (source !== 'learned') return
  sum.foreign = (sum.foreign ?? 0) + foreignTotal
  sum.foreignNow += foreign
}
