/** A line of a trace → the call it tells of, or what is wrong with it. How a line is written: `base/trace.ts`. */
import { isDisguised } from '../base/disguise.js'
import type { TracedAttempt, TracedLimits, TraceHeader, TraceRecord } from '../base/trace.js'
import { traceHeaderIn } from '../base/trace.js'
import type { MethodClass, Outcome, PollResult, Priority, Reason, Saved, Window } from '../base/types.js'

export type { Sharing, TracedAttempt, TracedLimits, TraceHeader, TraceRecord } from '../base/trace.js'

export type TraceLine =
  | { readonly kind: 'record'; readonly record: TraceRecord }
  | { readonly kind: 'header'; readonly header: TraceHeader }
  /** @property message completes "FILE:LINE: …", and repeats nothing of the line */
  | { readonly kind: 'fault'; readonly message: string }

/** Every word a field may have, by itself: a set that misses one of its type's does not compile. */
type Words<W extends string> = Readonly<Record<W, W>>
const SERVICES: Words<TraceRecord['service']> = { api: 'api', oauth: 'oauth' }
const CLASSES: Words<MethodClass> = { read: 'read', write: 'write', query: 'query' }
const SHARINGS: Words<TraceRecord['sharing']> = {
  all: 'all',
  unkept: 'unkept',
  answer: 'answer',
  none: 'none',
}
const WINDOWS: Words<Window> = { hour: 'hour', burst: 'burst' }
const REFUSED_FOR: Words<Window | 'other'> = { ...WINDOWS, other: 'other' }
const SAVED: Words<Saved> = { terminal: 'terminal', poll: 'poll', coalesce: 'coalesce' }
const ENDED: Words<'before' | 'now'> = { before: 'before', now: 'now' }
const PRIORITIES: Words<Priority> = { high: 'high', normal: 'normal', low: 'low' }
const OUTCOMES: Words<Outcome> = {
  forwarded: 'forwarded',
  remembered: 'remembered',
  coalesced: 'coalesced',
  refused: 'refused',
  failed: 'failed',
}
const POLLS: Words<PollResult> = {
  first: 'first',
  remembered: 'remembered',
  refused: 'refused',
  observed: 'observed',
  read_after_write: 'read_after_write',
}
const REASONS: Words<Reason> = {
  'hour-spent': 'hour-spent',
  'burst-spent': 'burst-spent',
  'queue-full': 'queue-full',
  'poll-too-soon': 'poll-too-soon',
  'upstream-blocked': 'upstream-blocked',
  'upstream-unreachable': 'upstream-unreachable',
  'upstream-timeout': 'upstream-timeout',
  'bad-request': 'bad-request',
  'shutting-down': 'shutting-down',
  'state-unavailable': 'state-unavailable',
}

const ROUTE = /^(?:\/[\w./{}-]*|other)$/
const METHOD = /^[A-Za-z]{1,16}$/

/** What makes a line no record. Thrown here and caught here, because a line has thirty places to go wrong. */
class Fault extends Error {}

export type Fields = Readonly<Record<string, unknown>>

/** What a record says of a call that was passed on, and of which nothing else is known. */
export const PASSED_ON = {
  service: 'api',
  priority: undefined,
  patienceMs: undefined,
  sharing: 'all',
  neverFinal: false,
  outcome: 'forwarded',
  reason: undefined,
  waitMs: 0,
  heldBy: undefined,
  saved: undefined,
  poll: undefined,
  cut: false,
  kept: false,
  ended: undefined,
  limits: undefined,
} as const satisfies Partial<TraceRecord>

/** @param line without its end */
export function readTraceLine(line: string): TraceLine {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return { kind: 'fault', message: 'is no JSON: damaged, or cut off' }
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { kind: 'fault', message: 'is no line of a trace' }
  const fields = parsed as Fields
  if ('trace' in fields) {
    const header = traceHeaderIn(fields)
    return header ? { kind: 'header', header } : { kind: 'fault', message: 'is no header of a trace' }
  }
  return recordIn(fields)
}

/** The call that the fields of a line tell of. */
export function recordIn(fields: Fields): Exclude<TraceLine, { kind: 'header' }> {
  try {
    return { kind: 'record', record: recordOf(fields) }
  } catch (error) {
    if (error instanceof Fault) return { kind: 'fault', message: error.message }
    throw error
  }
}

function recordOf(fields: Fields): TraceRecord {
  return {
    atMs: needed(fields, 'at'),
    app: hashed(fields, 'app'),
    account: hashed(fields, 'account'),
    envelope: hashed(fields, 'envelope'),
    resource: hashed(fields, 'resource'),
    representation: hashed(fields, 'representation'),
    viewer: hashed(fields, 'viewer'),
    route: shaped(fields, 'route', ROUTE),
    service: word(fields, 'service', SERVICES) ?? 'api',
    method: shaped(fields, 'method', METHOD),
    methodClass: neededWord(fields, 'class', CLASSES),
    priority: word(fields, 'priority', PRIORITIES),
    patienceMs: amount(fields, 'patienceMs'),
    sharing: word(fields, 'sharing', SHARINGS) ?? 'all',
    neverFinal: flag(fields, 'neverFinal'),
    outcome: neededWord(fields, 'outcome', OUTCOMES),
    status: statusOf(fields['status']),
    reason: word(fields, 'reason', REASONS),
    waitMs: amount(fields, 'waitMs') ?? 0,
    heldBy: word(fields, 'heldBy', WINDOWS),
    durationMs: needed(fields, 'durationMs'),
    attempts: attemptsOf(fields['attempts']),
    saved: word(fields, 'saved', SAVED),
    poll: word(fields, 'poll', POLLS),
    bytes: amount(fields, 'bytes') ?? 0,
    cut: flag(fields, 'cut'),
    kept: flag(fields, 'kept'),
    ended: word(fields, 'ended', ENDED),
    limits: limitsOf(fields),
  }
}

function limitsOf(fields: Fields): TracedLimits | undefined {
  const [hourLimit, burstLimit] = [amount(fields, 'hour'), amount(fields, 'burst')]
  const resetAtSeconds = amount(fields, 'reset')
  const others = amount(fields, 'others') ?? 0
  if (hourLimit === undefined || burstLimit === undefined) return undefined
  return { hourLimit, burstLimit, resetAtSeconds, others }
}

const NO_ATTEMPTS: readonly TracedAttempt[] = []

function attemptsOf(value: unknown): readonly TracedAttempt[] {
  if (value === undefined) return NO_ATTEMPTS
  if (!Array.isArray(value)) throw new Fault('attempts is no list')
  return value.map((one: unknown) => {
    if (!Array.isArray(one)) throw new Fault('an attempt is no list')
    const [status, ms, refusedFor] = one as readonly unknown[]
    if (typeof ms !== 'number' || !(ms >= 0)) throw new Fault('an attempt has no time')
    return {
      status: status === 0 ? undefined : statusOf(status),
      ms,
      refusedFor: oneOf(refusedFor, 'an attempt', REFUSED_FOR),
    }
  })
}

function statusOf(value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 100 || value > 599)
    throw new Fault('status is no HTTP status')
  return value
}

function amount(fields: Fields, name: string): number | undefined {
  const value = fields[name]
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !(value >= 0) || value > Number.MAX_SAFE_INTEGER)
    throw new Fault(`${name} is no number of 0 or more`)
  return value
}

function needed(fields: Fields, name: string): number {
  const value = amount(fields, name)
  if (value === undefined) throw new Fault(`${name} is missing`)
  return value
}

function hashed(fields: Fields, name: string): string {
  const value = fields[name]
  if (value === undefined) return ''
  if (typeof value !== 'string' || !isDisguised(value)) throw new Fault(`${name} is no hash`)
  return value
}

function shaped(fields: Fields, name: string, shape: RegExp): string {
  const value = fields[name]
  if (typeof value !== 'string' || !shape.test(value)) throw new Fault(`${name} is missing or misshapen`)
  return value
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name]
  if (value === undefined) return false
  if (typeof value !== 'boolean') throw new Fault(`${name} is neither true nor false`)
  return value
}

function word<W extends string>(fields: Fields, name: string, words: Words<W>): W | undefined {
  return oneOf(fields[name], name, words)
}

function neededWord<W extends string>(fields: Fields, name: string, words: Words<W>): W {
  const value = word(fields, name, words)
  if (value === undefined) throw new Fault(`${name} is missing`)
  return value
}

function oneOf<W extends string>(value: unknown, name: string, words: Words<W>): W | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !Object.hasOwn(words, value))
    throw new Fault(`${name} has a word that this version does not know`)
  return words[value as W]
}
