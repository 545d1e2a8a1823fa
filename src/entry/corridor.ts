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
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Turns } from '../base/clock.js'
import type { Call, Hint, Reason, Refusal, Seen } from '../base/types.js'
import type { Shipment } from '../forward/exchange.js'
import type { Wish } from '../governor/visit.js'
import type { Asking } from '../shield/asking.js'
import type { Visitor } from '../shield/visitor.js'
import type { Passing, Shield } from '../shield/shield.js'
import { addedTo, BYPASS, held, ours } from './added.js'
import { makeAsk, type AskRooms, type Notes } from './ask.js'
import { Audience } from './audience.js'
import { Flowing } from './flowing.js'
import { makeHeads } from './heads.js'
import { hintLine, hintOf } from './hint.js'
import type { Marking } from './marking.js'
import { methodLabel } from './method-label.js'
import { framingFault, hasBody, NO_BODY, receive, TOO_LARGE, type Received } from './receive.js'
import { asItStands, failureRefusal, SHUTTING_DOWN } from './refusal.js'
import { makePassOn } from './pass-on.js'
import { LEFT, passWhole, refuse, type Written } from './respond.js'
import { headerOf, isUserinfo, makeTellUserinfo, type UserinfoTellers } from './tell-userinfo.js'
import { tape, type Recording } from './tape.js'
import { makeSpare, type SpareNotes, type SpareRooms } from './spare.js'
import { makeShortWay } from './short-way.js'
import { standIn } from './stand-in.js'

export interface Rooms extends AskRooms, SpareRooms, UserinfoTellers {
  readonly governor: AskRooms['governor'] & SpareRooms['governor']
  readonly shield: Shield
  identify(method: string, target: string): Call | Refusal
  /** The client's header lines → those that go up. Everything later is judged on these. */
  headers(sent: IncomingHttpHeaders): Record<string, string | string[]>
  observe(seen: Seen): void
  /** Whom to tell all that becomes of a call that an operator wants on record. */
  record(call: Call): Recording | undefined
  /** Only where calls are traced. */
  readonly mark: ((visitor: Visitor, wish: Wish) => Marking) | undefined
}

/** Walks one request through the house and resolves when the client's connection is done with it. Never rejects. */
export type Corridor = (req: IncomingMessage, res: ServerResponse, closing: boolean) => Promise<void>

interface Journal extends Notes, SpareNotes {
  call: Call | undefined
  integration: string | undefined
  receiveMs: number
  traceToken: string | undefined
  hint: Hint | undefined
  marking: Marking | undefined
}

/** A call on its way, with all that is known of it. */
export interface Walking {
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

/** DocuSign cannot be asked: a final copy past its age may answer, if the operator allows it. */
const STALE_FOR: ReadonlySet<Reason> = new Set([
  'hour-spent',
  'burst-spent',
  'queue-full',
  'upstream-blocked',
  'upstream-unreachable',
  'upstream-timeout',
])

export function makeCorridor(rooms: Rooms, clock: Clock, turns: Turns): Corridor {
  const ask = makeAsk(rooms, clock)
  const heads = makeHeads()
  const { spare, fromCopy } = makeSpare(rooms, heads, clock, turns)
  const shortWay = makeShortWay(rooms, heads, fromCopy)
  const tellUserinfo = makeTellUserinfo(rooms)
  const passOn = makePassOn(turns)

  return async function walk(req, res, closing) {
    const atMs = clock.wallMs()
    const startMs = clock.nowMs()
    const notes: Journal = {
      call: undefined,
      integration: undefined,
      receiveMs: 0,
      attempts: [],
      priority: undefined,
      waitMs: 0,
      heldBy: undefined,
      would: undefined,
      headAtMs: undefined,
      traceToken: undefined,
      hint: undefined,
      saved: undefined,
      poll: undefined,
      alongMs: 0,
      marking: undefined,
    }
    const short = closing ? undefined : shortWay(req, res, notes)
    const written = await (short ?? journey(req, res, closing, notes))
    const endMs = clock.nowMs()
    let elsewhereMs = notes.receiveMs + notes.waitMs + notes.alongMs
    for (const attempt of notes.attempts) elsewhereMs += attempt.durationMs
    rooms.observe({
      atMs,
      call: notes.call,
      integration: notes.integration,
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
      hint: notes.hint,
      marks: notes.marking?.end(),
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
    const recording = rooms.record(call)
    if (recording) tape(recording, req, res)
    if (closing) return refuse(res, asItStands(SHUTTING_DOWN, call, rooms.governor))

    const beganMs = clock.nowMs()
    const body = hasBody(req) ? await receive(req, res) : NO_BODY
    notes.receiveMs = clock.nowMs() - beganMs
    if (!body) return LEFT
    if (recording && body.kind === 'whole') recording.sent(body.bytes)

    const wish = rooms.governor.wish(call, req.headers)
    const headers = rooms.headers(req.headers)
    const visitor = rooms.shield.visit(call, headers, body.kind === 'whole' ? body.bytes : undefined)
    notes.integration = rooms.shield.integrationOf(visitor)
    notes.marking = rooms.mark?.(visitor, wish)
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
    const audience = new Audience(req, res, asking?.fetch)
    if (audience.isGone) {
      asking?.ended()
      return LEFT
    }
    const sentMs = clock.nowMs()
    const asked = await ask(call, wish, shipmentOf(walking, audience), body, audience, errand, notes)
    if (asked.kind === 'left') asking?.ended()
    if (asked.kind === 'left') return LEFT
    notes.headAtMs = clock.nowMs()
    if (asked.kind === 'refusal' || asked.kind === 'failure') {
      asking?.ended()
      const refusal =
        asked.kind === 'refusal' ? asked : failureRefusal(asked, body.kind === 'stream' && body.size.exceeded)
      if (res.destroyed) return LEFT
      const stale = STALE_FOR.has(refusal.reason) ? await rooms.shield.stale(visitor) : undefined
      // Also where the client has left meanwhile: a copy that was opened has to be closed.
      if (stale) return standIn(res, stale, ours('remembered', stale.how), 'remembered', turns)
      return refuse(res, asItStands(refusal, call, rooms.governor), held(notes.waitMs))
    }
    const { answer } = asked
    notes.traceToken = headerOf(answer.headers, 'x-docusign-tracetoken')
    if (asked.kind === 'told') {
      notes.hint = hintOf(answer.headers, asked.body)
      const how = asking?.told(answer.headers, asked.body) ?? BYPASS
      return passWhole(res, answer, asked.body, addedTo(how, notes.waitMs).concat(hintLine(notes.hint)))
    }
    try {
      if (isUserinfo(call) && answer.status === 200) return await tellUserinfo(walking, sentMs, answer)
      const flow = errand.flows(answer.headers)
      if (!flow) return await passOn(res, answer, addedTo(asking?.unkept ?? BYPASS, notes.waitMs))
      notes.marking?.flows(flow.how)
      const flowing = new Flowing(answer, flow, asking?.fetch)
      audience.whenGone(() => answer.body.destroy())
      const written = await passOn(res, answer, addedTo(flow.how, notes.waitMs), flowing)
      await flowing.isOver()
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
}
