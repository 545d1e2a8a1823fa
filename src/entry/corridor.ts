/**
 * The corridor: one straight way for every call. Each room answers one question; only this file knows the order.
 *
 *   request ──▶ framing ──▶ identify ──▶ receive ──▶ shield ──▶ governor ──▶ forward ──▶ respond ──▶ answer
 *               a sound     whose call,  the body    need we     may we ask   ask         in DocuSign's
 *               message?    which        (64 KiB     ask at      now? wait    DocuSign    words, with
 *                           resource?    whole)      all? a      or refuse       │        ours added
 *                                                    copy, or       ▲            │
 *                                                    another's      └─ once more ┘ if it is safe, or was
 *                                                    answer, will do                refused for a limit
 *   and whatever happened ──▶ observe: one `Seen` a request
 */
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Turns } from '../base/clock.js'
import type { Call, Reason, Refusal, Seen } from '../base/types.js'
import type { Residence, Userinfo } from '../forward/accounts.js'
import type { Answer, Failure, Shipment } from '../forward/exchange.js'
import type { Wish } from '../governor/visit.js'
import type { Asking, Flow } from '../shield/asking.js'
import type { Visitor } from '../shield/learn.js'
import type { Passing, Shield } from '../shield/shield.js'
import { makeAsk, type AskRooms, type Notes } from './ask.js'
import { audienceOf, type Audience } from './audience.js'
import { readUpTo } from './body.js'
import { framingFault, hasBody, NO_BODY, receive, TOO_LARGE, type Received } from './receive.js'
import { held, ours } from './refusal.js'
import { LEFT, passOn, passWhole, refuse, standIn, whole, type Written } from './respond.js'
import { makeSpare, type SpareNotes, type SpareRooms } from './spare.js'

export interface Rooms extends AskRooms, SpareRooms {
  readonly governor: AskRooms['governor'] & SpareRooms['governor']
  readonly shield: Shield
  identify(method: string, target: string): Call | Refusal
  /** The client's header lines → those that go up. Everything later is judged on these. */
  headers(sent: IncomingHttpHeaders): Record<string, string | string[]>
  rewriteUserinfo(body: Buffer, encoding: string, base: string, maxBytes: number): Userinfo | undefined
  learnResidences(found: readonly Residence[]): void
  /** What apps call us by, for a call that came with this `Host`: `http://host:port`. */
  publicUrl(host: string | undefined): string
  observe(seen: Seen): void
}

/** Walks one request through the house and resolves when the client's connection is done with it. Never rejects. */
export type Corridor = (req: IncomingMessage, res: ServerResponse, closing: boolean) => Promise<void>

interface Journal extends Notes, SpareNotes {
  call: Call | undefined
  receiveMs: number
  traceToken: string | undefined
}

/** A call that must be asked for, with all that is known of it. */
interface Walking {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly call: Call
  /** Those that go up. */
  readonly headers: Record<string, string | string[]>
  readonly visitor: Visitor
  readonly wish: Wish
  readonly body: Received
  readonly notes: Journal
}

/** `Cache-Status` of what the shield has no part in. */
const BYPASS = 'fwd=bypass'
const FORWARDED = new Map(
  [BYPASS, 'fwd=miss', 'fwd=miss; stored'].map(how => [how, ours('forwarded', how)] as const),
)
/** DocuSign cannot be asked: a final copy past its age may answer, if the operator allows it. */
const STALE_FOR: ReadonlySet<Reason> = new Set([
  'hour-spent',
  'burst-spent',
  'queue-full',
  'upstream-blocked',
  'upstream-unreachable',
  'upstream-timeout',
])
const MAX_USERINFO_BYTES = 1_048_576
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function makeCorridor(rooms: Rooms, clock: Clock, turns: Turns): Corridor {
  const ask = makeAsk(rooms, clock)
  const spare = makeSpare(rooms, clock)

  return async function walk(req, res, closing) {
    const atMs = clock.wallMs()
    const startMs = clock.nowMs()
    const notes: Journal = {
      call: undefined,
      receiveMs: 0,
      attempts: [],
      priority: undefined,
      waitMs: 0,
      heldBy: undefined,
      would: undefined,
      headAtMs: undefined,
      traceToken: undefined,
      saved: undefined,
      poll: undefined,
      alongMs: 0,
    }
    const written = await journey(req, res, closing, notes)
    const endMs = clock.nowMs()
    let elsewhereMs = notes.receiveMs + notes.waitMs + notes.alongMs
    for (const attempt of notes.attempts) elsewhereMs += attempt.durationMs
    rooms.observe({
      atMs,
      call: notes.call,
      method: methodLabel(req.method),
      outcome: written.outcome,
      status: written.status,
      reason: written.reason,
      durationMs: endMs - startMs,
      overheadMs: Math.max(0, (notes.headAtMs ?? endMs) - startMs - elsewhereMs),
      waitMs: notes.waitMs,
      heldBy: notes.heldBy,
      priority: notes.priority,
      would: notes.would,
      saved: notes.saved,
      poll: notes.poll,
      attempts: notes.attempts,
      bytesOut: written.bytesOut,
      cut: written.cut,
      traceToken: notes.traceToken,
    })
  }

  async function journey(
    req: IncomingMessage,
    res: ServerResponse,
    closing: boolean,
    notes: Journal,
  ): Promise<Written> {
    const fault = framingFault(req)
    if (fault) {
      // Where such a message ends is a matter of opinion, and so is what comes behind it.
      if (fault !== TOO_LARGE) res.shouldKeepAlive = false
      return refuse(res, fault)
    }
    const call = rooms.identify(req.method ?? '', req.url ?? '')
    if (call.kind === 'refusal') return refuse(res, call)
    notes.call = call
    if (closing) return refuse(res, SHUTTING_DOWN)

    const beganMs = clock.nowMs()
    const body = hasBody(req) ? await receive(req, res) : NO_BODY
    notes.receiveMs = clock.nowMs() - beganMs
    if (!body) return LEFT

    const wish = rooms.governor.wish(call, req.headers)
    const headers = rooms.headers(req.headers)
    const visitor = rooms.shield.visit(call, headers, body.kind === 'whole' ? body.bytes : undefined)
    const spared = await spare(visitor, wish, res, notes)
    if (spared.kind === 'written') return spared.written
    const walking: Walking = { req, res, call, headers, visitor, wish, body, notes }
    if (spared.kind === 'pass') return forwardOn(walking, rooms.shield.pass(visitor), undefined)
    const { asking } = spared
    try {
      return await forwardOn(walking, asking, asking)
    } catch (error) {
      // Those who wait for it must not wait for ever.
      asking.ended()
      throw error
    }
  }

  /** Asks DocuSign and passes its answer on. @param asking where others may wait for the same */
  async function forwardOn(walking: Walking, errand: Passing, asking: Asking | undefined): Promise<Written> {
    const { req, res, call, visitor, wish, body, notes } = walking
    const audience = audienceOf(req, res, asking?.fetch)
    const sentMs = clock.nowMs()
    const asked = await ask(call, wish, shipmentOf(walking, audience), body, audience, errand, notes)
    if (asked.kind === 'left') asking?.ended()
    if (asked.kind === 'left') return LEFT
    notes.headAtMs = clock.nowMs()
    if (asked.kind === 'refusal' || asked.kind === 'failure') {
      asking?.ended()
      const refusal = asked.kind === 'refusal' ? asked : failureRefusal(asked, body)
      const stale = STALE_FOR.has(refusal.reason) ? await rooms.shield.stale(visitor) : undefined
      if (res.destroyed) return LEFT
      if (stale) return standIn(res, stale, ours('remembered', stale.how), 'remembered')
      return refuse(res, refusal, held(notes.waitMs))
    }
    const { answer } = asked
    notes.traceToken = headerOf(answer.headers, 'x-docusign-tracetoken')
    if (asked.kind === 'told') {
      asking?.told(answer.headers, asked.body)
      return passWhole(res, answer, asked.body, addedTo(BYPASS, notes))
    }
    try {
      if (isUserinfo(call) && answer.status === 200) return await tellUserinfo({ ...walking, sentMs }, answer)
      const flow = errand.flows(answer.headers)
      if (!flow) return await passOn(res, answer, addedTo(BYPASS, notes), turns)
      overhear(answer, flow)
      audience.whenGone(() => answer.body.destroy())
      const others = { hurry: () => flow.runsAhead, wantIt: () => asking?.fetch.isWantedByOthers === true }
      const written = await passOn(res, answer, addedTo(flow.how, notes), turns, others)
      if (!answer.body.closed) await once(answer.body, 'close')
      return written
    } finally {
      asked.permit.over()
    }
  }

  function shipmentOf({ call, headers, body }: Walking, caller: Audience): Shipment {
    const { method, target, service, account } = call
    // What must be read and changed has to come in a coding that is certain to be understood.
    if (isUserinfo(call)) headers['accept-encoding'] = 'identity'
    const origin = rooms.originOf(service, account)
    return { method, target, headers, body, origin, account: account ?? '', caller, fresh: false }
  }

  /** An app that follows DocuSign's examples calls the `base_uri` it finds here: ours, so that it stays with us. */
  async function tellUserinfo(
    { call, req, res, visitor, sentMs }: Walking & { readonly sentMs: number },
    answer: Answer,
  ): Promise<Written> {
    const body = await readUpTo(answer, MAX_USERINFO_BYTES)
    const encoding = headerOf(answer.headers, 'content-encoding') ?? ''
    const base = rooms.publicUrl(req.headers.host) + call.app.prefix
    const told = body && rooms.rewriteUserinfo(body, encoding, base, MAX_USERINFO_BYTES)
    if (!told) {
      return refuse(res, {
        kind: 'refusal',
        reason: 'upstream-unreachable',
        message: 'DocuSign answered /oauth/userinfo with something that is not its list of accounts.',
      })
    }
    rooms.learnResidences(told.found)
    rooms.shield.userinfo(visitor, answer.headers, body, sentMs)
    const headers = without(answer.headers, [
      'content-length',
      'content-encoding',
      'etag',
      'content-md5',
      'digest',
    ])
    return whole(res, answer.status, headers.concat(ours('forwarded', BYPASS)), told.body, { outcome: 'forwarded' })
  }
}

function addedTo(how: string, { waitMs }: Journal): readonly string[] {
  const added = FORWARDED.get(how) ?? ours('forwarded', how)
  return waitMs > 0 ? added.concat(held(waitMs)) : added
}

/** Listens in on a body that passes. */
function overhear({ body, isWhole }: Answer, flow: Flow): void {
  body.on('data', (chunk: Buffer) => flow.take(chunk))
  body.on('end', () => flow.end(isWhole()))
  body.on('close', () => flow.end(isWhole()))
}

const SHUTTING_DOWN: Refusal = {
  kind: 'refusal',
  reason: 'shutting-down',
  message: 'The governor is shutting down and takes no more calls. This one was not sent.',
}

function isUserinfo(call: Call): boolean {
  return call.route === '/oauth/userinfo' && call.method === 'GET'
}

function failureRefusal(failure: Failure, body: Received): Refusal {
  if (body.kind === 'stream' && body.size.exceeded) return TOO_LARGE
  const sent =
    failure.left === 'never'
      ? 'The request was not sent.'
      : 'The request may have been received: before repeating a write, look whether it was done.'
  const timeout = failure.cause === 'timeout'
  return {
    kind: 'refusal',
    reason: timeout ? 'upstream-timeout' : 'upstream-unreachable',
    message: `${timeout ? 'DocuSign did not answer in time' : 'DocuSign could not be reached'} (${failure.code}). ${sent}`,
  }
}

function headerOf(raw: readonly string[], name: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.length === name.length && raw[i]?.toLowerCase() === name) return raw[i + 1]
  }
  return undefined
}

function without(raw: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (!names.includes(name.toLowerCase())) kept.push(name, raw[i + 1] as string)
  }
  return kept
}

export function methodLabel(method: string | undefined): string {
  return method !== undefined && METHODS.has(method) ? method : 'other'
}
