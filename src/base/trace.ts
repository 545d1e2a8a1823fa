/**
 * One line of a trace: a call without its content, as `plan` replays it. Whatever names somebody or something is a keyed
 * hash (`base/disguise.ts`); the rest is times, sizes, and words of closed sets. No token, id, name, path, query or body.
 */
import type {
  LimitsShown,
  MethodClass,
  Outcome,
  PollResult,
  Priority,
  Reason,
  Saved,
  Window,
} from './types.js'

export const TRACE_VERSION = 1
const TRACE_PRODUCT = 'docusign-governor'

/** Of the first line of every file, and of whatever is appended to one. */
export interface TraceHeader {
  readonly version: number
  /** Says which key the hashes were made with, and nothing about it: files of two keys cannot be joined. */
  readonly key: string
}

/**
 * How far the shield may go with a read, by what its headers ask. `all`: a copy may answer it, twins may share its answer,
 * and a copy may be kept of that. `unkept`: all but the last (`no-store`). `answer`: a copy may answer it, and nobody
 * shares what it is answered (a range, a condition). `none`: it goes up as if there were no shield.
 */
export type Sharing = 'all' | 'unkept' | 'answer' | 'none'

/** What only a trace wants to know of a call. Names in it are keys already, or are hashed before they are written. */
export interface Marks extends ShieldMarks {
  readonly priority: Priority
  readonly patienceMs: number | undefined
  readonly kept: boolean
  readonly ended: 'before' | 'now' | undefined
  readonly limits: TracedLimits | undefined
}

/** The shield's part of it. */
export interface ShieldMarks {
  /** '' without a credential. */
  readonly viewer: string
  /** '' of what is no read. */
  readonly representation: string
  readonly sharing: Sharing
  readonly neverFinal: boolean
}

/** One attempt at DocuSign. */
export interface TracedAttempt {
  /** `undefined`: no answer came. */
  readonly status: number | undefined
  /** From the send to the head of the answer, or to the failure. */
  readonly ms: number
  /** Where DocuSign refused it for a limit. */
  readonly refusedFor: Window | 'other' | undefined
}

/** What was known of the account when the call ended. */
export interface TracedLimits extends Pick<LimitsShown, 'hourLimit' | 'burstLimit' | 'resetAtSeconds'> {
  /** Calls of others, counted up since the governor's start. */
  readonly others: number
}

export interface TraceRecord {
  /** Epoch milliseconds, when the request's head had been read. */
  readonly atMs: number
  /** The name in the base URI, else the integration key where it is known; '' where neither is: each viewer is then its own app. */
  readonly app: string
  /** '' where the path names none. */
  readonly account: string
  /** '' where the path names none. */
  readonly envelope: string
  /** The path as one key for every spelling of one resource; of an envelope's, without account and version. */
  readonly resource: string
  /** Path, query and the headers that choose an answer: equal reads have equal ones. '' of what is no read. */
  readonly representation: string
  /** The user where he is known, else the token, with whom it acts for; '' without a credential. */
  readonly viewer: string
  /** The operation's path template, or `other`. */
  readonly route: string
  readonly service: 'oauth' | 'api'
  readonly method: string
  readonly methodClass: MethodClass
  /** `undefined` where the call got no further than its reading. */
  readonly priority: Priority | undefined
  /** For how long the caller himself allowed it to be held (`Prefer: wait`); `undefined`: as long as the setting says. */
  readonly patienceMs: number | undefined
  readonly sharing: Sharing
  /** It may be answered otherwise even after its envelope's end. */
  readonly neverFinal: boolean
  readonly outcome: Outcome
  /** `undefined`: the client had left. */
  readonly status: number | undefined
  readonly reason: Reason | undefined
  /** How long it was held for a limit. */
  readonly waitMs: number
  readonly heldBy: Window | undefined
  /** From the head of the request to the end of the answer. */
  readonly durationMs: number
  readonly attempts: readonly TracedAttempt[]
  readonly saved: Saved | undefined
  readonly poll: PollResult | undefined
  /** Of the answer's body, as they were handed to the client. */
  readonly bytes: number
  /** The answer ended before its end. */
  readonly cut: boolean
  /** A copy was made of DocuSign's answer. */
  readonly kept: boolean
  /** Its envelope was known to have reached its end: when the call came, or by the time it was answered. */
  readonly ended: 'before' | 'now' | undefined
  readonly limits: TracedLimits | undefined
}

/** @returns the line, its end included */
export function traceHeaderLine({ version, key }: TraceHeader): string {
  return `{"trace":"${TRACE_PRODUCT}","version":${version},"key":"${key}"}\n`
}

/** The header that a parsed line is; `undefined` where it is none. */
export function traceHeaderIn(parsed: Readonly<Record<string, unknown>>): TraceHeader | undefined {
  const { trace, version, key } = parsed
  if (trace !== TRACE_PRODUCT || typeof version !== 'number' || typeof key !== 'string') return undefined
  return { version, key }
}

/**
 * By hand, because every call is one and `JSON.stringify` costs three times as much: no word here needs an escape. What
 * says nothing is left out, and read back as nothing.
 *
 * @returns the line, its end included
 */
export function traceLine(record: TraceRecord): string {
  const { status, limits } = record
  return (
    `{"at":${whole(record.atMs)}` +
    text('app', record.app) +
    text('account', record.account) +
    text('envelope', record.envelope) +
    text('resource', record.resource) +
    text('representation', record.representation) +
    text('viewer', record.viewer) +
    `,"route":${JSON.stringify(record.route)}` +
    (record.service === 'api' ? '' : text('service', record.service)) +
    text('method', record.method) +
    text('class', record.methodClass) +
    text('priority', record.priority ?? '') +
    (record.patienceMs === undefined ? '' : `,"patienceMs":${millis(record.patienceMs)}`) +
    (record.sharing === 'all' ? '' : text('sharing', record.sharing)) +
    flag('neverFinal', record.neverFinal) +
    text('outcome', record.outcome) +
    (status === undefined ? '' : `,"status":${status}`) +
    text('reason', record.reason ?? '') +
    (record.waitMs > 0 ? `,"waitMs":${millis(record.waitMs)}` : '') +
    text('heldBy', record.heldBy ?? '') +
    `,"durationMs":${millis(record.durationMs)}` +
    attemptsText(record.attempts) +
    text('saved', record.saved ?? '') +
    text('poll', record.poll ?? '') +
    (record.bytes > 0 ? `,"bytes":${whole(record.bytes)}` : '') +
    flag('cut', record.cut) +
    flag('kept', record.kept) +
    text('ended', record.ended ?? '') +
    (limits ? limitsText(limits) : '') +
    '}\n'
  )
}

function attemptsText(attempts: readonly TracedAttempt[]): string {
  if (attempts.length === 0) return ''
  const each = attempts.map(
    ({ status, ms, refusedFor }) =>
      `[${status ?? 0},${millis(ms)}${refusedFor === undefined ? '' : `,"${refusedFor}"`}]`,
  )
  return `,"attempts":[${each.join(',')}]`
}

function limitsText({ hourLimit, burstLimit, resetAtSeconds, others }: TracedLimits): string {
  const reset = resetAtSeconds === undefined ? '' : `,"reset":${whole(resetAtSeconds)}`
  return `,"hour":${whole(hourLimit)},"burst":${whole(burstLimit)}${reset}${others > 0 ? `,"others":${whole(others)}` : ''}`
}

function text(name: string, value: string): string {
  return value === '' ? '' : `,"${name}":"${value}"`
}

function flag(name: string, is: boolean): string {
  return is ? `,"${name}":true` : ''
}

/** A tenth of a millisecond is as fine as a replay can use. */
function millis(ms: number): number {
  return Number.isFinite(ms) ? Math.max(0, Math.round(ms * 10) / 10) : 0
}

function whole(n: number): number {
  return Number.isFinite(n) ? Math.max(0, Math.round(n)) : 0
}
