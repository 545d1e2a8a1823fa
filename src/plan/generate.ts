/** A model → the trace of its days. Calls come by the time they come; memory is that of the envelopes that are open. */
import type { TraceRecord } from '../base/trace.js'
import { makeDraws } from './draw.js'
import { makeHeap } from './heap.js'
import type { Model, ModelApp } from './model.js'
import { PASSED_ON } from './record.js'

export const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** A Monday. Any would do; it must be the same each time. */
export const EPOCH_MS = Date.UTC(2026, 0, 5)
const A = '/v2.1/accounts/{accountId}'
const E = `${A}/envelopes/{envelopeId}`
/** Of what people do, so much falls outside of office hours, and on a day off. */
const OFF_SHARE = 0.1
/** DocuSign's time, and what answers weigh. */
const FASTEST_MS = 80
const SPREAD_MS = 300
const STATUS_BYTES = 2_000
const DOCUMENT_BYTES = 150_000
const LIST_BYTES = 20_000
/** Between the end of an envelope, as it is seen, and its download. */
const SOON_MS = 1_000
/** In which a document is read again. */
const REREAD_MS = HOUR_MS

interface Envelope {
  readonly kind: 'envelope'
  readonly id: string
  readonly app: ModelApp
  readonly account: string
  readonly endsMs: number
  step: 'send' | 'poll' | 'read'
  reads: number
}

interface Lister {
  readonly kind: 'lister'
  readonly app: ModelApp
  readonly account: string
}

interface Due {
  readonly atMs: number
  readonly nth: number
  readonly what: Envelope | Lister
}

/** @param days whole or not, above 0 */
export function* generated(model: Model, days: number, seed: number): Generator<TraceRecord> {
  const draw = makeDraws(seed, 'model')
  const due = makeHeap<Due>((a, b) => a.atMs - b.atMs || a.nth - b.nth)
  const untilMs = EPOCH_MS + days * DAY_MS
  let nth = 0
  let sent = 0

  const plan = (atMs: number, what: Envelope | Lister) =>
    due.add({ atMs: Math.round(atMs), nth: nth++, what })
  const accountName = (index: number) => `account-${index + 1}`
  const anAccount = () => accountName(Math.floor(model.accounts * draw() ** (1 / (1 - model.skew))))

  function sentAtMs(app: ModelApp, dayMs: number): number {
    if (app.at !== undefined) return dayMs + app.at * HOUR_MS + draw() * app.within * 1000
    const [from, to] = model.office
    const isOff = draw() < OFF_SHARE
    return dayMs + (isOff ? draw() * DAY_MS : (from + draw() * (to - from)) * HOUR_MS)
  }

  function planDay(dayMs: number): void {
    const weekday = new Date(dayMs).getUTCDay()
    const isOff = !model.weekends && (weekday === 0 || weekday === 6)
    for (const app of model.apps) {
      const envelopes = Math.round(app.envelopes * (isOff ? OFF_SHARE : 1))
      for (let i = 0; i < envelopes; i++) {
        const atMs = sentAtMs(app, dayMs)
        const endsMs = atMs - Math.log(1 - draw()) * app.open * 1000
        const id = `envelope-${sent++}`
        const account = anAccount()
        plan(atMs, { kind: 'envelope', id, app, account, endsMs, step: 'send', reads: 0 })
      }
    }
  }

  for (const app of model.apps) {
    if (app.lists === 0) continue
    for (let i = 0; i < model.accounts; i++)
      plan(EPOCH_MS + draw() * app.lists * 1000, { kind: 'lister', app, account: accountName(i) })
  }

  let nextDayMs = EPOCH_MS
  for (;;) {
    let next = due.first()
    while (nextDayMs < untilMs && (!next || next.atMs >= nextDayMs)) {
      planDay(nextDayMs)
      nextDayMs += DAY_MS
      next = due.first()
    }
    due.take()
    if (!next || next.atMs >= untilMs) return
    const { atMs, what } = next
    const ms = Math.round(FASTEST_MS + draw() * SPREAD_MS)
    if (what.kind === 'lister') {
      plan(atMs + what.app.lists * 1000, what)
      yield record(what, atMs, ms, {
        route: `${A}/envelopes`,
        resource: `list ${what.account}`,
        bytes: LIST_BYTES,
      })
      continue
    }
    yield envelopeCall(what, atMs, ms)
  }

  function envelopeCall(envelope: Envelope, atMs: number, ms: number): TraceRecord {
    const { app, endsMs, id } = envelope
    switch (envelope.step) {
      case 'send':
        if (app.poll > 0) {
          envelope.step = 'poll'
          plan(atMs + app.poll * 1000, envelope)
        } else if (app.documents > 0) {
          envelope.step = 'read'
          plan(Math.max(endsMs, atMs + SOON_MS), envelope)
        }
        return record(envelope, atMs, ms, {
          route: `${A}/envelopes`,
          method: 'POST',
          resource: 'create',
          bytes: 300,
        })
      case 'poll': {
        const isOver = atMs >= endsMs
        if (!isOver) plan(atMs + app.poll * 1000, envelope)
        else if (app.documents > 0) {
          envelope.step = 'read'
          plan(atMs + SOON_MS, envelope)
        }
        const ended = isOver ? 'now' : undefined
        return record(envelope, atMs, ms, {
          route: E,
          envelope: id,
          resource: id,
          bytes: STATUS_BYTES,
          ended,
        })
      }
      case 'read':
        envelope.reads++
        if (envelope.reads < app.documents) plan(atMs + draw() * REREAD_MS, envelope)
        return record(envelope, atMs, ms, {
          route: `${E}/documents/{documentId}`,
          envelope: id,
          resource: `${id}/documents`,
          bytes: DOCUMENT_BYTES,
          ended: app.poll > 0 ? 'before' : undefined,
        })
    }
  }
}

interface What {
  readonly route: string
  readonly resource: string
  readonly bytes: number
  readonly method?: string
  readonly envelope?: string
  readonly ended?: 'before' | 'now' | undefined
}

function record({ app, account }: Envelope | Lister, atMs: number, ms: number, what: What): TraceRecord {
  const method = what.method ?? 'GET'
  const status = method === 'POST' ? 201 : 200
  return {
    ...PASSED_ON,
    atMs,
    app: app.name,
    account,
    envelope: what.envelope ?? '',
    resource: what.resource,
    representation: method === 'GET' ? what.resource : '',
    viewer: `${app.name} of ${account}`.replaceAll(' ', '-'),
    route: what.route,
    method,
    methodClass: method === 'GET' ? 'read' : 'write',
    status,
    durationMs: ms,
    attempts: [{ status, ms, refusedFor: undefined }],
    bytes: what.bytes,
    ended: what.ended,
  }
}
