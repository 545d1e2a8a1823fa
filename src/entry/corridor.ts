/**
 * The corridor: one straight way for every call. Each room answers one question; only this file knows the order.
 *
 *   request ──▶ framing ──▶ identify ──▶ [shield] ──▶ receive ──▶ governor ──▶ forward ──▶ respond ──▶ answer
 *               a sound     whose call,   need we      the body    may we ask    ask         in DocuSign's
 *               message?    which         ask at       (64 KiB     now? wait      DocuSign    words, with
 *                           resource?     all?         whole)      or refuse         │        ours added
 *                                                                     ▲              │
 *                                                                     └── once more ─┘ if it is safe, or was
 *                                                                                      refused for a limit
 *   and whatever happened ──▶ observe: one `Seen` a request
 *
 * In brackets: a room that is not furnished yet; a call walks through it.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Turns } from '../base/clock.js'
import type { Call, Refusal, Seen } from '../base/types.js'
import type { Residence, Userinfo } from '../forward/accounts.js'
import type { Answer, Failure, Origin, Shipment } from '../forward/exchange.js'
import { makeAsk, type AskRooms, type Notes } from './ask.js'
import { readUpTo } from './body.js'
import { framingFault, hasBody, NO_BODY, receive, TOO_LARGE, type Received } from './receive.js'
import { held, ours } from './refusal.js'
import { LEFT, passOn, passWhole, refuse, whole, type Written } from './respond.js'

export interface Rooms extends AskRooms {
  identify(method: string, target: string): Call | Refusal
  /** The client's header lines → those that go up. Everything later is judged on these. */
  headers(sent: IncomingHttpHeaders): Record<string, string | string[]>
  originOf(service: Call['service'], account: string | undefined): Origin
  rewriteUserinfo(body: Buffer, encoding: string, base: string, maxBytes: number): Userinfo | undefined
  learnResidences(found: readonly Residence[]): void
  /** What apps call us by, for a call that came with this `Host`: `http://host:port`. */
  publicUrl(host: string | undefined): string
  observe(seen: Seen): void
}

/** Walks one request through the house and resolves when the client's connection is done with it. Never rejects. */
export type Corridor = (req: IncomingMessage, res: ServerResponse, closing: boolean) => Promise<void>

interface Journal extends Notes {
  call: Call | undefined
  receiveMs: number
  headAtMs: number | undefined
  traceToken: string | undefined
}

const FORWARDED = ours('forwarded', 'fwd=bypass')
const MAX_USERINFO_BYTES = 1_048_576
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function makeCorridor(rooms: Rooms, clock: Clock, turns: Turns): Corridor {
  const ask = makeAsk(rooms, clock)

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
    }
    const written = await journey(req, res, closing, notes)
    const endMs = clock.nowMs()
    let elsewhereMs = notes.receiveMs + notes.waitMs
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

    const asked = await ask(call, req.headers, shipmentOf(call, req, body), body, res, notes)
    if (res.destroyed || asked.kind === 'left') return LEFT
    notes.headAtMs = clock.nowMs()
    if (asked.kind === 'refusal') return refuse(res, asked, held(notes.waitMs))
    if (asked.kind === 'failure') return refuse(res, failureRefusal(asked, body), held(notes.waitMs))
    const { answer } = asked
    notes.traceToken = headerOf(answer.headers, 'x-docusign-tracetoken')
    const added = notes.waitMs > 0 ? FORWARDED.concat(held(notes.waitMs)) : FORWARDED
    if (asked.kind === 'told') return passWhole(res, answer, asked.body, added)
    try {
      if (isUserinfo(call) && answer.status === 200) return await tellUserinfo(call, req, res, answer)
      return await passOn(res, answer, added, turns)
    } finally {
      asked.permit.over()
    }
  }

  function shipmentOf(call: Call, req: IncomingMessage, body: Received): Shipment {
    const { method, target, service, account } = call
    const headers = rooms.headers(req.headers)
    // What must be read and changed has to come in a coding that is certain to be understood.
    if (isUserinfo(call)) headers['accept-encoding'] = 'identity'
    const origin = rooms.originOf(service, account)
    return { method, target, headers, body, origin, account: account ?? '', caller: req.socket, fresh: false }
  }

  /** An app that follows DocuSign's examples calls the `base_uri` it finds here: ours, so that it stays with us. */
  async function tellUserinfo(
    call: Call,
    req: IncomingMessage,
    res: ServerResponse,
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
    const headers = without(answer.headers, [
      'content-length',
      'content-encoding',
      'etag',
      'content-md5',
      'digest',
    ])
    return whole(res, answer.status, headers.concat(FORWARDED), told.body, { outcome: 'forwarded' })
  }
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
