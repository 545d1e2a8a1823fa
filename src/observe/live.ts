/** What the live page shows of the last hour: outcomes, who spends, what is polled. Read off `Seen`, and bounded. */
import type { Clock } from '../base/clock.js'
import { makeStore, type Store } from '../base/store.js'
import type { Outcome, PollResult, Reason, Saved, Seen } from '../base/types.js'
import { shownAccount, shownAppName } from './labels.js'
import { Rolling } from './rolling.js'
import { shortResource } from './short-resource.js'

export interface Live {
  seen(seen: Seen): void
  figures(): LiveFigures
  /** Calls sent to DocuSign for an account in each sixtieth of its hour, oldest first; nothing where there were none. */
  spentBy(account: string): readonly number[] | undefined
}

export interface LiveConfig {
  readonly hourWindowMs: number
}

export interface LiveFigures {
  /** Calls by outcome in each step of the last hour, oldest first; the last step still runs. */
  readonly outcomes: { readonly stepSeconds: number } & Readonly<Record<Outcome, readonly number[]>>
  readonly saved: Readonly<Record<Saved, number>>
  /** Those that there were, the most frequent first. */
  readonly refusals: readonly { readonly reason: Reason; readonly calls: number }[]
  /** Calls that DocuSign refused for a limit. */
  readonly throttled: number
  /** By calls sent to DocuSign, the most first. */
  readonly apps: readonly Spender[]
  readonly routes: readonly Spender[]
  readonly polled: readonly Polled[]
}

export interface Spender {
  readonly name: string
  readonly calls: number
  /** Of those, what DocuSign counted. */
  readonly sent: number
  readonly saved: number
  readonly refused: number
}

export interface Polled {
  /** Ids shortened. */
  readonly resource: string
  readonly app: string
  readonly polls: number
  /** Of those, what went up. */
  readonly sent: number
  /** Of those, what went up inside the interval. */
  readonly flagged: number
}

interface Counts {
  readonly name: string
  readonly calls: Rolling
  readonly sent: Rolling
  readonly saved: Rolling
  readonly refused: Rolling
}

interface Polls {
  /** In full: it is shortened when it is shown, because most are never. */
  readonly resource: string
  readonly app: string
  readonly polls: Rolling
  readonly sent: Rolling
  readonly flagged: Rolling
}

const STEP_MS = 10_000
const STEPS = 360
const HOUR_STEPS = 12
const HOUR_STEP_MS = 300_000
const WINDOW_STEPS = 60
const MAX_APPS = 200
const MAX_ROUTES = 500
const MAX_POLLED = 2_000
const MAX_ACCOUNTS = 1_000
const SHOWN = 10
const SHOWN_POLLED = 8
const OUTCOMES = ['forwarded', 'remembered', 'coalesced', 'refused', 'failed'] as const satisfies Outcome[]
const SAVED = ['terminal', 'poll', 'coalesce'] as const satisfies Saved[]
const WENT_UP: ReadonlySet<PollResult> = new Set(['first', 'observed', 'read_after_write'])

/** @param nameOf one name for an account, whichever of its two was used */
export function makeLive(config: LiveConfig, nameOf: (account: string) => string, clock: Clock): Live {
  const outcomes = recordOf(OUTCOMES, () => new Rolling(STEPS, STEP_MS))
  const saved = recordOf(SAVED, anHour)
  const throttled = anHour()
  // A closed set, so a plain map is bounded.
  const refusals = new Map<Reason, Rolling>()
  const apps = makeStore<Counts>(MAX_APPS)
  const routes = makeStore<Counts>(MAX_ROUTES)
  const polled = makeStore<Polls>(MAX_POLLED)
  const accounts = makeStore<Rolling>(MAX_ACCOUNTS)

  function poll(call: NonNullable<Seen['call']>, app: string, result: PollResult, nowMs: number): void {
    const key = `${app} ${call.resource}`
    let polls = polled.get(key)
    if (!polls) {
      const { resource } = call
      polled.set(key, (polls = { resource, app, polls: anHour(), sent: anHour(), flagged: anHour() }))
    }
    polls.polls.add(1, nowMs)
    if (WENT_UP.has(result)) polls.sent.add(1, nowMs)
    if (result === 'observed') polls.flagged.add(1, nowMs)
  }

  function spent(account: string, calls: number, nowMs: number): void {
    const key = nameOf(account)
    let minutes = accounts.get(key)
    if (!minutes) accounts.set(key, (minutes = new Rolling(WINDOW_STEPS, config.hourWindowMs / WINDOW_STEPS)))
    minutes.add(calls, nowMs)
  }

  return {
    seen(seen) {
      const nowMs = clock.nowMs()
      const { call, outcome, reason, attempts } = seen
      outcomes[outcome].add(1, nowMs)
      if (seen.saved !== undefined) saved[seen.saved].add(1, nowMs)
      if (reason !== undefined) {
        let count = refusals.get(reason)
        if (!count) refusals.set(reason, (count = anHour()))
        count.add(1, nowMs)
      }
      if (!call) return
      for (const attempt of attempts) if (attempt.refusedFor !== undefined) throttled.add(1, nowMs)
      const app = shownAppName(call.app) ?? call.app.label
      count(countsOf(apps, app), seen, nowMs)
      count(countsOf(routes, call.route), seen, nowMs)
      if (seen.poll !== undefined) poll(call, app, seen.poll, nowMs)
      // OAuth is not counted by account (facts 1.3).
      if (attempts.length === 0 || call.service === 'oauth') return
      if (shownAccount(call.account) !== undefined || call.account === undefined)
        spent(call.account ?? '', attempts.length, nowMs)
    },

    spentBy: account => accounts.peek(account)?.values(clock.nowMs()),

    figures() {
      const nowMs = clock.nowMs()
      return {
        outcomes: {
          stepSeconds: STEP_MS / 1000,
          ...recordOf(OUTCOMES, outcome => outcomes[outcome].values(nowMs)),
        },
        saved: recordOf(SAVED, by => saved[by].sum(nowMs)),
        refusals: [...refusals]
          .map(([reason, calls]) => ({ reason, calls: calls.sum(nowMs) }))
          .filter(({ calls }) => calls > 0)
          .sort((a, b) => b.calls - a.calls),
        throttled: throttled.sum(nowMs),
        apps: spendersOf(apps, nowMs),
        routes: spendersOf(routes, nowMs),
        polled: [...polled.values()]
          .map(({ resource, app, polls, sent, flagged }) => ({
            resource,
            app,
            polls: polls.sum(nowMs),
            sent: sent.sum(nowMs),
            flagged: flagged.sum(nowMs),
          }))
          .filter(({ polls }) => polls > 0)
          .sort((a, b) => b.polls - a.polls || compare(a.resource, b.resource) || compare(a.app, b.app))
          .slice(0, SHOWN_POLLED)
          .map(shown => ({ ...shown, resource: shortResource(shown.resource) })),
      }
    },
  }
}

function anHour(): Rolling {
  return new Rolling(HOUR_STEPS, HOUR_STEP_MS)
}

function countsOf(store: Store<Counts>, name: string): Counts {
  let counts = store.get(name)
  if (!counts) {
    counts = { name, calls: anHour(), sent: anHour(), saved: anHour(), refused: anHour() }
    store.set(name, counts)
  }
  return counts
}

function count(counts: Counts, { attempts, saved, outcome }: Seen, nowMs: number): void {
  counts.calls.add(1, nowMs)
  if (attempts.length > 0) counts.sent.add(attempts.length, nowMs)
  if (saved !== undefined) counts.saved.add(1, nowMs)
  if (outcome === 'refused') counts.refused.add(1, nowMs)
}

function spendersOf(store: Store<Counts>, nowMs: number): Spender[] {
  return [...store.values()]
    .map(({ name, calls, sent, saved, refused }) => ({
      name,
      calls: calls.sum(nowMs),
      sent: sent.sum(nowMs),
      saved: saved.sum(nowMs),
      refused: refused.sum(nowMs),
    }))
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.sent - a.sent || b.calls - a.calls || compare(a.name, b.name))
    .slice(0, SHOWN)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function recordOf<K extends string, V>(keys: readonly K[], valueOf: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map(key => [key, valueOf(key)])) as Record<K, V>
}
