import { pino } from 'pino'
import type { Clock } from '../base/clock.js'
import type { StateEvent } from '../base/ledger.js'
import type { Seen } from '../base/types.js'
import { makeBursts } from './bursts.js'
import type { LogDestination } from './destination.js'
import { describeError } from './fault.js'
import { isStatus, methodLabel, shownAccount, shownAppName, shownTraceToken } from './labels.js'

export type EventName =
  | 'started'
  | 'listening'
  | 'listener-failed'
  | 'config-reloaded'
  | 'config-refused'
  | 'tls-reloaded'
  | 'tls-refused'
  | 'stopping'
  | 'stopped'
  | 'would-have-held'
  | 'unexpected-error'
  | 'state-damaged'
  | 'state-degraded'
  | 'state-recovered'
  | 'trace-failed'
  | 'trace-recovered'

/** The names of the line itself are taken. */
export type EventFields = Readonly<Record<string, string | number | boolean>> & {
  readonly level?: never
  readonly time?: never
  readonly msg?: never
}

export interface Log {
  /** The line of one call: `warn` where our own answer was a 5xx, else `info`. */
  call(seen: Seen): void
  /**
   * A line about the governor itself. An `error` is handed on at once, for it may be the last word. What may strike at
   * every call is written once; those like it are counted, and told together a minute later (`repeated`).
   */
  event(level: Level, what: EventName, fields?: EventFields): void
  /** A turn of affairs in the durable store. */
  readonly state: (event: StateEvent) => void
  /** How often it has turned for the worse, so far. */
  readonly stateFaults: { readonly damaged: number; readonly degraded: number }
  /** Something was thrown that should not have been: logged as `unexpected-error`, without its message. */
  unexpected(error: unknown): void
  /** One of `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`; throws on anything else. */
  setLevel(level: string): void
  /** Since the start. */
  counts(): LogCounts
  /** Hands on every line that is held; a slow reader is waited for at most half a second. For the way out. */
  flush(): void
}

export interface LogCounts {
  /** Lines, by level. */
  readonly written: Readonly<Record<Level, number>>
  /** Lines that nobody took in time. */
  readonly lost: number
  /** Events that a later line counts. */
  readonly repeated: number
}

type Level = 'debug' | 'info' | 'warn' | 'error'

/** What may strike again and again without anybody's having done anything. */
const BURSTY: ReadonlySet<EventName> = new Set([
  'unexpected-error',
  'state-degraded',
  'state-recovered',
  'trace-failed',
  'trace-recovered',
])
const FLUSH_MS = 500
const MAX_TEXT_CHARS = 2000
/** Whatever steers a terminal or breaks a line: control and format characters, line separators, half characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** One JSON object a line, from an allow-list: what is not named here is never written, at any level. */
export function makeLog(config: { readonly level: string }, destination: LogDestination, clock: Clock): Log {
  const time = makeTimestamp(clock)
  const lines = pino(
    {
      level: config.level,
      base: null,
      timestamp: () => `,"time":"${time()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    destination,
  )

  const written: Record<Level, number> = { debug: 0, info: 0, warn: 0, error: 0 }
  const bursts = makeBursts(clock)

  function event(level: Level, what: EventName, fields: EventFields = {}): void {
    if (!lines.isLevelEnabled(level)) return
    const shown = printable(fields)
    const say = (repeated: number) => {
      written[level]++
      lines[level](repeated === 0 ? shown : { ...shown, repeated }, what)
      if (level === 'error') destination.flush(0)
    }
    if (BURSTY.has(what)) bursts.tell(what, JSON.stringify(shown), say)
    else say(0)
  }

  const stateFaults = { damaged: 0, degraded: 0 }

  return {
    call(seen) {
      const level = isOurFault(seen) ? 'warn' : 'info'
      if (!lines.isLevelEnabled(level)) return
      written[level]++
      destination.write(callLine(level, time(), seen))
    },
    event,
    state({ kind, ...fields }) {
      if (kind !== 'recovered') stateFaults[kind]++
      event(kind === 'recovered' ? 'info' : 'error', `state-${kind}`, fields)
    },
    stateFaults,
    unexpected: error => event('error', 'unexpected-error', { ...describeError(error) }),
    setLevel(level) {
      lines.level = level
    },
    counts: () => ({ written, lost: destination.linesLost?.() ?? 0, repeated: bursts.repeated }),
    flush() {
      bursts.flush()
      destination.flush(FLUSH_MS)
    },
  }
}

/** ISO 8601 UTC. A date is formatted once a second, for it costs as much as half a line. */
function makeTimestamp(clock: Clock): () => string {
  let second = NaN
  let upToDot = ''
  return () => {
    const wallMs = Math.floor(clock.wallMs())
    const millis = ((wallMs % 1000) + 1000) % 1000
    if (wallMs - millis !== second) {
      second = wallMs - millis
      upToDot = new Date(second).toISOString().slice(0, -4)
    }
    return `${upToDot}${String(millis).padStart(3, '0')}Z`
  }
}

function isOurFault({ outcome, reason, status = 0 }: Seen): boolean {
  return outcome === 'failed' || (reason !== undefined && status >= 500)
}

/**
 * The line of one call, by hand: pino and `JSON.stringify` cost two to three times as much (measured), and this is
 * every call's. Every text is of a closed set or a shape from `labels.ts` in which nothing needs an escape, or it is
 * escaped here. What says nothing is left out: no wait, no cut, no app.
 */
function callLine(level: string, time: string, seen: Seen): string {
  const { call, status, attempts, bytesOut } = seen
  let upstreamMs = 0
  let refusedFor = ''
  for (const attempt of attempts) {
    upstreamMs += attempt.durationMs
    if (attempt.refusedFor !== undefined) refusedFor += `,"${attempt.refusedFor}"`
  }
  return (
    `{"level":"${level}","time":"${time}"` +
    (call ? `,"app":${JSON.stringify(call.app.label)}` : '') +
    text('appName', call && shownAppName(call.app)) +
    text('account', shownAccount(call?.account)) +
    (call ? `,"route":${JSON.stringify(call.route)}` : '') +
    `,"method":"${methodLabel(seen.method)}","outcome":"${seen.outcome}"` +
    (status !== undefined && isStatus(status) ? `,"code":${status}` : '') +
    text('reason', seen.reason) +
    text('saved', seen.saved) +
    text('poll', seen.poll) +
    text('priority', seen.priority) +
    millis('durationMs', seen.durationMs) +
    millis('overheadMs', seen.overheadMs) +
    (seen.waitMs > 0 ? millis('waitMs', seen.waitMs) : '') +
    text('heldBy', seen.heldBy) +
    (seen.would ? millis('wouldWaitMs', seen.would.waitMs) + text('wouldRefuse', seen.would.refused) : '') +
    (attempts.length > 0 ? millis('upstreamMs', upstreamMs) : '') +
    `,"attempts":${attempts.length}` +
    (refusedFor === '' ? '' : `,"refusedFor":[${refusedFor.slice(1)}]`) +
    (Number.isFinite(bytesOut) ? `,"bytesOut":${bytesOut}` : '') +
    (seen.cut ? ',"cut":true' : '') +
    text('hint', seen.hint) +
    text('traceToken', shownTraceToken(seen.traceToken)) +
    ',"msg":"call"}\n'
  )
}

function text(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":"${value}"`
}

/** Milliseconds to three decimals: what is finer is noise. In whole numbers, because a fraction is slow to print. */
function millis(name: string, ms: number): string {
  const micros = Math.round(ms * 1000)
  if (!Number.isFinite(micros)) return ''
  // A time that ran backwards, or one of centuries, is printed as it is.
  if (micros < 0 || micros > Number.MAX_SAFE_INTEGER) return `,"${name}":${micros / 1000}`
  const rest = micros % 1000
  const whole = (micros - rest) / 1000
  if (rest === 0) return `,"${name}":${whole}`
  return `,"${name}":${whole}.${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}`
}

function printable(fields: EventFields): Record<string, string | number | boolean> {
  const clean = (value: string | number | boolean) =>
    typeof value === 'string' ? value.replace(UNPRINTABLE, ' ').slice(0, MAX_TEXT_CHARS) : value
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, clean(value)]))
}
