import { pino } from 'pino'
import type { Clock } from '../base/clock.js'
import type { Outcome, Seen } from '../base/types.js'
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
  | 'unexpected-error'

/** The names of the line itself are taken. */
export type EventFields = Readonly<Record<string, string | number | boolean>> & {
  readonly level?: never
  readonly time?: never
  readonly msg?: never
}

export interface Log {
  /** The line of one call: `warn` where our own answer was a 5xx, else `info`. */
  call(seen: Seen): void
  /** A line about the governor itself. An `error` is handed on at once, for it may be the last word. */
  event(level: 'debug' | 'info' | 'warn' | 'error', what: EventName, fields?: EventFields): void
  /** Something was thrown that should not have been: logged as `unexpected-error`, without its message. */
  unexpected(error: unknown): void
  /** One of `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`; throws on anything else. */
  setLevel(level: string): void
  /** Hands on every line that is held; a slow reader is waited for at most half a second. For the way out. */
  flush(): void
}

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

  function event(level: 'debug' | 'info' | 'warn' | 'error', what: EventName, fields?: EventFields): void {
    lines[level](fields ? printable(fields) : {}, what)
    if (level === 'error') destination.flush(0)
  }

  return {
    call(seen) {
      const level = isOurFault(seen) ? 'warn' : 'info'
      if (!lines.isLevelEnabled(level)) return
      // pino's own line, made the short way: an object of known fields needs no serializers, and JSON.stringify makes
      // one flat string of it where pino joins some sixty (a third of the line's cost, measured on the whole call).
      destination.write(`${JSON.stringify(callFields(level, time(), seen))}\n`)
    },
    event,
    unexpected: error => event('error', 'unexpected-error', { ...describeError(error) }),
    setLevel(level) {
      lines.level = level
    },
    flush: () => destination.flush(FLUSH_MS),
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

/** `undefined` is left out of the line, and so is what says nothing: no wait, no cut, no app. */
interface CallFields {
  readonly level: string
  readonly time: string
  readonly app: string | undefined
  readonly appName: string | undefined
  readonly account: string | undefined
  readonly route: string | undefined
  readonly method: string
  readonly outcome: Outcome
  readonly code: number | undefined
  readonly reason: string | undefined
  readonly durationMs: number | undefined
  readonly overheadMs: number | undefined
  readonly waitMs: number | undefined
  readonly upstreamMs: number | undefined
  readonly attempts: number
  readonly bytesOut: number | undefined
  readonly cut: true | undefined
  readonly traceToken: string | undefined
  readonly msg: 'call'
}

function callFields(level: string, time: string, seen: Seen): CallFields {
  const { call, status, attempts } = seen
  return {
    level,
    time,
    app: call?.app.label,
    appName: call && shownAppName(call.app),
    account: shownAccount(call?.account),
    route: call?.route,
    method: methodLabel(seen.method),
    outcome: seen.outcome,
    code: status !== undefined && isStatus(status) ? status : undefined,
    reason: seen.reason,
    durationMs: toMicros(seen.durationMs),
    overheadMs: toMicros(seen.overheadMs),
    waitMs: seen.waitMs > 0 ? toMicros(seen.waitMs) : undefined,
    upstreamMs:
      attempts.length > 0 ? toMicros(attempts.reduce((sum, a) => sum + a.durationMs, 0)) : undefined,
    attempts: attempts.length,
    bytesOut: Number.isFinite(seen.bytesOut) ? seen.bytesOut : undefined,
    cut: seen.cut ? true : undefined,
    traceToken: shownTraceToken(seen.traceToken),
    msg: 'call',
  }
}

/** Milliseconds to three decimals: what is finer is noise. */
function toMicros(ms: number): number | undefined {
  return Number.isFinite(ms) ? Math.round(ms * 1000) / 1000 : undefined
}

function printable(fields: EventFields): Record<string, string | number | boolean> {
  const clean = (value: string | number | boolean) =>
    typeof value === 'string' ? value.replace(UNPRINTABLE, ' ').slice(0, MAX_TEXT_CHARS) : value
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, clean(value)]))
}
