import type { Attempt, Outcome, Priority, Seen } from '../base/types.js'
import type { AccountLabels } from './account-labels.js'
import { makeBuckets, type Buckets } from './buckets.js'
import type { Instruments } from './instruments.js'
import { codeLabel, methodLabel, PRIORITY_LABELS } from './labels.js'

/** What is counted of every call. All of it is read off `Seen`, so that it agrees with the log line of the same call. */
export interface CallMetrics {
  /** Counts one call. It costs the call some 2 µs and never throws. */
  seen(seen: Seen): void
  /** Counts an attempt at DocuSign that no app asked for: one of the governor's own calls. */
  asked(attempt: Attempt, own: OwnCall): void
  tally(): Tally
}

/** Both from closed sets: an operation's path template, and its method. */
export interface OwnCall {
  readonly route: string
  readonly method: string
}

/** What was saved so far, in calls. A miss is a read that had to go up. */
export interface Tally {
  readonly remembered: number
  readonly coalesced: number
  readonly hits: number
  readonly misses: number
}

const OUTCOMES: readonly Outcome[] = ['forwarded', 'remembered', 'coalesced', 'refused', 'failed']
const CALL_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const WAIT_BUCKETS_S = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]
const OVERHEAD_BUCKETS_S = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
]
/**
 * Series of each counter. With the gauges of 200 accounts and all the rest they stay below 2,000: a scrape holds up
 * every call while it is written, and the reader's bill grows by the series.
 */
const MAX_REQUESTS = 300
const MAX_ATTEMPTS = 400
const MAX_REFUSALS = 80
const MAX_THROTTLED = 120
const MAX_POLLS = 60
const MAX_SAVED = 40

export function makeCallMetrics(instruments: Instruments, accounts: AccountLabels): CallMetrics {
  const requests = instruments.counter(
    'requests_total',
    'Calls of the apps, by what became of them.',
    ['app', 'route', 'method', 'outcome', 'code'],
    MAX_REQUESTS,
  )
  const attempts = instruments.counter(
    'upstream_requests_total',
    'Attempts at DocuSign.',
    ['account', 'app', 'route', 'method', 'code'],
    MAX_ATTEMPTS,
  )
  const refusals = instruments.counter(
    'refusals_total',
    'Answers of the governor itself, by reason; in the mode observe, those it would have given.',
    ['app', 'reason', 'mode'],
    MAX_REFUSALS,
  )
  const throttled = instruments.counter(
    'throttled_total',
    'Calls that the governor held back or refused for a limit, and attempts that DocuSign refused for one.',
    ['account', 'window', 'origin'],
    MAX_THROTTLED,
  )
  let whileBlocked = 0
  // Without labels, so that it is there from the start and a rate sees the first one.
  instruments.counterOf(
    'calls_while_blocked_total',
    'Attempts that DocuSign refused for what it had refused before and not yet let go again.',
    [],
    () => [[[], whileBlocked]],
  )
  const polls = instruments.counter(
    'polls_total',
    "GETs of envelopes' resources, by what the polling rule made of them.",
    ['app', 'result'],
    MAX_POLLS,
  )
  const saved = instruments.counter(
    'calls_saved_total',
    'Calls that DocuSign did not get, by what answered in its place.',
    ['app', 'by'],
    MAX_SAVED,
  )
  const durations = byName(OUTCOMES, CALL_BUCKETS_S)
  const waits = byName(PRIORITY_LABELS, WAIT_BUCKETS_S)
  const upstreamDuration = makeBuckets(CALL_BUCKETS_S)
  const overhead = makeBuckets(OVERHEAD_BUCKETS_S)
  instruments.histogram(
    'request_duration_seconds',
    'From the head of a request to the last byte of its answer.',
    CALL_BUCKETS_S,
    OUTCOMES.map(outcome => [{ outcome }, durations[outcome]]),
  )
  instruments.histogram(
    'upstream_duration_seconds',
    'From the send of an attempt to the head of its answer, or to the failure.',
    CALL_BUCKETS_S,
    [[{}, upstreamDuration]],
  )
  instruments.histogram(
    'overhead_seconds',
    'What the governor itself added before the head of an answer.',
    OVERHEAD_BUCKETS_S,
    [[{}, overhead]],
  )
  instruments.histogram(
    'queue_wait_seconds',
    'How long calls were held back, of those that were.',
    WAIT_BUCKETS_S,
    PRIORITY_LABELS.map(priority => [{ priority }, waits[priority]]),
  )

  let remembered = 0
  let coalesced = 0
  let misses = 0

  function attempted(attempt: Attempt, account: string, app: string, route: string, method: string): void {
    attempts.count(account, app, route, methodLabel(method), codeLabel(attempt.status))
    upstreamDuration.observe(attempt.durationMs)
    if (attempt.whileBlocked === true) whileBlocked++
    if (attempt.refusedFor !== undefined) throttled.count(account, attempt.refusedFor, 'docusign')
  }

  return {
    seen(seen) {
      const { call, outcome, reason, heldBy, would, waitMs } = seen
      const app = call?.app.label ?? 'other'
      requests.count(app, call?.route ?? 'other', methodLabel(seen.method), outcome, codeLabel(seen.status))
      if (reason !== undefined) refusals.count(app, reason, 'enforce')
      if (would?.refused !== undefined) refusals.count(app, would.refused, 'observe')
      durations[outcome].observe(seen.durationMs)
      overhead.observe(seen.overheadMs)
      if (waitMs > 0) waits[seen.priority ?? 'normal'].observe(waitMs)
      for (const attempt of seen.attempts) {
        attempted(attempt, accounts.label(call?.account), app, call?.route ?? 'other', seen.method)
      }
      if (seen.poll !== undefined) polls.count(app, seen.poll)
      if (seen.saved !== undefined) saved.count(app, seen.saved)
      if (heldBy !== undefined) throttled.count(accounts.label(call?.account), heldBy, 'governor')
      if (outcome === 'remembered') remembered++
      if (outcome === 'coalesced') coalesced++
      if (outcome === 'forwarded' && call?.methodClass === 'read') misses++
    },
    asked: (attempt, { route, method }) => attempted(attempt, 'none', 'other', route, method),
    tally: () => ({ remembered, coalesced, hits: remembered, misses }),
  }
}

function byName<Name extends Outcome | Priority>(
  names: readonly Name[],
  bounds: readonly number[],
): Record<Name, Buckets> {
  return Object.fromEntries(names.map(name => [name, makeBuckets(bounds)])) as Record<Name, Buckets>
}
