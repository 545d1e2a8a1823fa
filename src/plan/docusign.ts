/**
 * DocuSign, as a replay meets it: it counts, answers after the time it took then, and refuses what is over a limit. Hours
 * are the clock's, by its own time; the burst window slides (facts 1.2). What others spend is as much as the trace shows.
 */
import type { TraceRecord } from '../base/trace.js'
import type { Clock } from '../base/clock.js'
import type { Window } from '../base/types.js'
import { makeLatencies } from './latency.js'
import { Sliding } from './sliding.js'

export interface DocusignConfig {
  readonly hourMs: number
  readonly burstMs: number
  /** What an account is granted: as the scenario says, else as the trace shows, else the start value. */
  readonly hourLimit: Granted
  readonly burstLimit: Granted
}

/** @property forced overrides whatever the trace says */
export interface Granted {
  readonly forced: number | undefined
  readonly start: number
}

export interface ModelledAnswer {
  readonly status: number
  readonly headers: string[]
  /** Of a refusal; '' where it is none. */
  readonly error: string
  readonly afterMs: number
}

/** The fullest there was. */
export interface Peak {
  readonly calls: number
  readonly limit: number
  readonly account: string
  /** Epoch milliseconds, where its window begins. */
  readonly atMs: number
}

export interface ModelledDocusign {
  /** A call arrives. `undefined`: no answer comes, as none came then. */
  arrived(record: TraceRecord): ModelledAnswer | { readonly kind: 'silent'; readonly afterMs: number }
  /** What the trace says of the account's limits, and of others who spend of them. */
  heard(record: TraceRecord): void
  limitOf(account: string, window: Window): number
  /** How long its answers take, learned from those that the trace has. */
  latencyMs(record: TraceRecord): number
  readonly refused: number
  /** By the share of the limit. */
  peak(window: Window): Peak | undefined
}

interface Account {
  hourLimit: number
  burstLimit: number
  hour: number
  used: number
  /** The most others that the trace has told of. */
  others: number
  readonly burst: Sliding
}

const DAY_SECONDS = 86_400
const CLOCK = '00:00:00 GMT'
const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
const twoDigits = (n: number) => TWO_DIGITS[n] as string
const GUESSED_STATUS: Readonly<Record<string, number>> = { POST: 201 }

export function makeDocusign(config: DocusignConfig, clock: Clock): ModelledDocusign {
  const accounts = new Map<string, Account>()
  const latencies = makeLatencies()
  const peaks: Partial<Record<Window, Peak>> = {}
  let refused = 0
  let dated = { day: NaN, text: '' }

  function accountOf(key: string): Account {
    let account = accounts.get(key)
    if (!account) {
      const { hourLimit, burstLimit, burstMs } = config
      account = {
        hourLimit: hourLimit.forced ?? hourLimit.start,
        burstLimit: burstLimit.forced ?? burstLimit.start,
        hour: NaN,
        used: 0,
        others: 0,
        burst: new Sliding(burstMs),
      }
      accounts.set(key, account)
    }
    return account
  }

  function turn(account: Account, wallMs: number): void {
    const hour = Math.floor(wallMs / config.hourMs)
    if (hour === account.hour) return
    account.hour = hour
    account.used = 0
  }

  function note(window: Window, key: string, calls: number, limit: number, atMs: number): void {
    const before = peaks[window]
    if (!before || calls / limit > before.calls / before.limit)
      peaks[window] = { calls, limit, account: key, atMs }
  }

  /** As `toUTCString` has it, which would cost a hundredth of the replay. */
  function dateOf(wallMs: number): string {
    const seconds = Math.floor(wallMs / 1000)
    const day = Math.floor(seconds / DAY_SECONDS)
    if (day !== dated.day)
      dated = { day, text: new Date(day * DAY_SECONDS * 1000).toUTCString().slice(0, -CLOCK.length) }
    const rest = seconds - day * DAY_SECONDS
    const minutes = Math.floor(rest / 60)
    return `${dated.text}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(rest % 60)} GMT`
  }

  /** @param answeredMs when they are written, which is what its clock is told by; the account is as it was when the call came */
  function headersOf(account: Account, inBurst: number, answeredMs: number): string[] {
    const { hourLimit, burstLimit, used, hour } = account
    const resetMs = (hour + 1) * config.hourMs
    return [
      'Content-Type',
      'application/json; charset=utf-8',
      // So that none has to be made of bodies that are not there.
      'ETag',
      '"replayed"',
      'Date',
      dateOf(answeredMs),
      'X-RateLimit-Reset',
      String(Math.ceil(resetMs / 1000)),
      'X-RateLimit-Limit',
      String(hourLimit),
      'X-RateLimit-Remaining',
      String(Math.max(0, hourLimit - used)),
      'X-BurstLimit-Limit',
      String(burstLimit),
      'X-BurstLimit-Remaining',
      String(Math.max(0, burstLimit - inBurst)),
    ]
  }

  return {
    arrived(record) {
      const wallMs = clock.wallMs()
      const account = accountOf(record.account)
      turn(account, wallMs)
      const inBurst = account.burst.add(clock.nowMs())
      const over: Window | undefined =
        account.used >= account.hourLimit ? 'hour' : inBurst > account.burstLimit ? 'burst' : undefined
      account.used = Math.min(Math.max(account.hourLimit, account.used), account.used + 1)
      note('hour', record.account, account.used, account.hourLimit, account.hour * config.hourMs)
      note('burst', record.account, inBurst, account.burstLimit, wallMs - config.burstMs)
      const afterMs = latencies.of(record)
      const headers = headersOf(account, inBurst, wallMs + afterMs)
      if (over) {
        refused++
        return { status: 429, headers, error: ERRORS[over], afterMs }
      }
      const told = toldOf(record)
      if (told.kind === 'silent') return { kind: 'silent', afterMs }
      return { status: told.status, headers, error: told.status >= 400 ? '{}' : '', afterMs }
    },

    heard(record) {
      latencies.heard(record)
      const { limits } = record
      if (!limits) return
      const account = accountOf(record.account)
      account.hourLimit = config.hourLimit.forced ?? limits.hourLimit
      account.burstLimit = config.burstLimit.forced ?? limits.burstLimit
      const { others } = limits
      // Less than before is another run of the governor, which counts anew.
      const more = others < account.others ? others : others - account.others
      account.others = others
      if (more === 0) return
      turn(account, clock.wallMs())
      account.used = Math.min(Math.max(account.hourLimit, account.used), account.used + more)
    },

    limitOf(key, window) {
      const account = accountOf(key)
      return window === 'hour' ? account.hourLimit : account.burstLimit
    },
    latencyMs: record => latencies.of(record),
    get refused() {
      return refused
    },
    peak: window => peaks[window],
  }
}

const ERRORS: Readonly<Record<Window, string>> = {
  hour: '{"errorCode":"HOURLY_APIINVOCATION_LIMIT_EXCEEDED","message":"The maximum number of hourly API invocations has been exceeded."}',
  burst:
    '{"errorCode":"BURST_APIINVOCATION_LIMIT_EXCEEDED","message":"The maximum number of burst API invocations has been exceeded."}',
}

/** What it was answered then, limits apart; what a call would be that was never sent. */
function toldOf({
  attempts,
  method,
}: TraceRecord): { readonly kind: 'told'; readonly status: number } | { readonly kind: 'silent' } {
  const last = attempts.findLast(({ refusedFor }) => refusedFor === undefined)
  if (last && last.status === undefined) return { kind: 'silent' }
  return { kind: 'told', status: last?.status ?? GUESSED_STATUS[method] ?? 200 }
}
