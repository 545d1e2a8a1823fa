/**
 * Asks DocuSign: waits for leave, sends, and sends once more where that is safe or DocuSign has refused for a limit.
 * Every try has its own leave; whoever's client goes away meanwhile waits for nothing and sends nothing more.
 */
import type { Clock } from '../base/clock.js'
import type { Attempt, Call, Priority, Refusal, Window, Would } from '../base/types.js'
import type { Answer, Body, Failure, Leave, Sending, Shipment } from '../forward/exchange.js'
import type { Governor } from '../governor/governor.js'
import type { Permit } from '../governor/permit.js'
import type { Visit, Visited, Wish } from '../governor/visit.js'
import type { Errand } from '../shield/asking.js'
import type { Audience } from './audience.js'
import { readUpTo } from './body.js'
import { MAX_HINTED_BYTES, mayBeHinted } from './hint.js'
import type { Received } from './receive.js'

export interface AskRooms {
  readonly governor: Pick<Governor, 'wish' | 'prepare' | 'enter'>
  send(shipment: Shipment, leave: Leave): Sending
  mayRepeat(method: string, body: Body, failure: Failure): boolean
}

/** What is written down along the way. */
export interface Notes {
  readonly attempts: Attempt[]
  priority: Priority | undefined
  waitMs: number
  heldBy: Window | undefined
  would: Would | undefined
}

export type Asked =
  /** Its body still flows; the permit is over when that has ended. */
  | { readonly kind: 'flowing'; readonly answer: Answer; readonly permit: Permit }
  /** DocuSign's answer, read to its end. */
  | { readonly kind: 'told'; readonly answer: Answer; readonly body: Buffer }
  | Failure
  | Refusal
  /** The client is gone. */
  | { readonly kind: 'left' }

/** DocuSign's word is taken at most so often: what it refuses again and again is no matter of waiting. */
const MAX_RETURNS = 3
const LEFT: Asked = { kind: 'left' }

export function makeAsk(rooms: AskRooms, clock: Clock) {
  const { governor } = rooms

  return async function ask(
    call: Call,
    wish: Wish,
    first: Shipment,
    received: Received,
    audience: Pick<Audience, 'whenGone' | 'isGone'>,
    errand: Errand,
    notes: Notes,
  ): Promise<Asked> {
    notes.priority = wish.priority
    let shipment = first
    let repeated = false
    let returns = 0
    let refused: Asked | undefined
    // Who leaves gives up his place in the queue, or takes his upstream request with him.
    let leave: () => void = () => undefined
    audience.whenGone(() => leave())

    async function stay(visit: Visit): Promise<Visited> {
      const sinceMs = clock.nowMs()
      leave = () => visit.leave()
      errand.held()
      const visited = await visit.result
      notes.waitMs += clock.nowMs() - sinceMs
      return visited
    }

    for (;;) {
      const asked = governor.prepare(call, shipment.origin.text)
      if (asked) {
        await asked
        if (audience.isGone) return LEFT
      }
      const entered = governor.enter(call, wish, shipment.origin.text)
      const permit = entered.kind === 'visit' ? await stay(entered) : entered
      if (!permit) return LEFT
      if (permit.kind === 'refusal') {
        notes.heldBy ??= permit.window
        // It cannot go again in the time it has: then DocuSign's own refusal is the answer.
        return refused ?? permit
      }
      notes.heldBy ??= permit.admission.heldBy
      notes.would ??= permit.admission.would

      const sentMs = clock.nowMs()
      errand.sending()
      const sending = rooms.send(shipment, new Departure(permit, errand))
      leave = () => sending.abort()
      if (received.kind === 'stream') received.size.onExceeded = leave
      const result = await sending.result
      const durationMs = clock.nowMs() - sentMs
      if (result.kind === 'failure' && result.cause === 'withheld') {
        permit.failed('never')
        permit.over()
        errand.failed('never')
        continue
      }
      if (result.kind === 'failure') {
        permit.failed(result.left)
        permit.over()
        errand.failed(result.left)
        notes.attempts.push({ status: undefined, durationMs })
        if (repeated || audience.isGone || !rooms.mayRepeat(call.method, shipment.body, result)) return result
        repeated = true
        shipment = { ...shipment, fresh: true }
        continue
      }
      const { status } = result
      const interest = permit.answered(status, result.headers)
      errand.answered(status)
      const isRead = interest.kind === 'first' || mayBeHinted(call, status)
      const body = isRead ? await readUpTo(result, MAX_HINTED_BYTES) : undefined
      const refusedFor = body && permit.refusedWith(status, body)
      notes.attempts.push({ status, durationMs, refusedFor, whileBlocked: permit.cameWhileBlocked })
      if (!body) {
        if (interest.kind === 'copy') overhear(result, interest.maxBytes, permit)
        return { kind: 'flowing', answer: result, permit }
      }
      permit.over()
      refused = { kind: 'told', answer: result, body }
      const mayReturn = refusedFor && permit.admission.enforced && returns < MAX_RETURNS
      const again = mayReturn ? await keptBody(received) : undefined
      if (audience.isGone) return LEFT
      if (!again) return refused
      returns++
      shipment = { ...shipment, body: again, fresh: false }
    }
  }
}

/** Leave to go; and whoever sends the call is told when its connection comes. */
class Departure implements Leave {
  readonly #permit: Permit
  readonly #errand: Errand

  constructor(permit: Permit, errand: Errand) {
    this.#permit = permit
    this.#errand = errand
  }

  holds(): boolean {
    const holds = this.#permit.holds()
    if (holds) this.#errand.leaving()
    return holds
  }

  goes(): void {
    this.#permit.goes()
  }
}

/** The body as it can be sent again; `undefined` where it has flowed by. */
async function keptBody(received: Received): Promise<Body | undefined> {
  if (received.kind !== 'stream') return received
  const bytes = await received.kept()
  return bytes && { kind: 'whole', bytes }
}

/** Listens in on a body that passes. */
function overhear(answer: Answer, maxBytes: number, permit: Permit): void {
  const chunks: Buffer[] = []
  let bytes = 0
  answer.body.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxBytes) chunks.push(chunk)
  })
  answer.body.on('end', () => {
    if (answer.isWhole() && bytes <= maxBytes) permit.overheard(Buffer.concat(chunks))
  })
}
