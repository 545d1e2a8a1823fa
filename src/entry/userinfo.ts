/** The governor's own question: whose is this token? Asked of DocuSign as an app would ask it, on the same connections. */
import type { Clock } from '../base/clock.js'
import type { Attempt, Call } from '../base/types.js'
import type { Residence, Userinfo } from '../forward/accounts.js'
import type { Caller, Leave, Origin, Sending, Shipment } from '../forward/exchange.js'
import type { Governor } from '../governor/governor.js'
import type { IntrospectionNeeds } from '../shield/introspect.js'
import { readUpTo } from './body.js'

export interface UserinfoRooms {
  readonly governor: Pick<Governor, 'enter'>
  originOf(service: 'oauth' | 'api', account: string | undefined): Origin
  send(shipment: Shipment, leave: Leave): Sending
  rewriteUserinfo(body: Buffer, encoding: string, base: string, maxBytes: number): Userinfo | undefined
  learnResidences(found: readonly Residence[]): void
  /** An attempt that no client asked for. */
  asked(call: Call, attempt: Attempt): void
}

const MAX_BYTES = 1_048_576
const TARGET = '/oauth/userinfo'
const CALL: Call = {
  kind: 'call',
  method: 'GET',
  methodClass: 'read',
  target: TARGET,
  path: TARGET,
  query: '',
  resource: TARGET,
  route: TARGET,
  service: 'oauth',
  account: undefined,
  envelope: undefined,
  app: { name: '', label: 'other', prefix: '' },
}
/** Nobody's: it is of use to the next who asks, whoever has left. */
const NOBODY: Caller = { writable: true }
/** RFC 9110 has a date there, too; DocuSign has never sent either (facts 1.4). */
const SECONDS = /^\d{1,9}$/

export function makeAskUserinfo(rooms: UserinfoRooms, clock: Clock): IntrospectionNeeds['ask'] {
  return async authorization => {
    const origin = rooms.originOf('oauth', undefined)
    const permit = rooms.governor.enter(CALL, { priority: 'high', untilMs: clock.nowMs() }, origin.text)
    if (permit.kind !== 'permit') return undefined
    const sentMs = clock.nowMs()
    const headers = { authorization, accept: 'application/json', 'accept-encoding': 'identity' }
    const shipment: Shipment = {
      method: 'GET',
      target: TARGET,
      headers,
      body: { kind: 'none' },
      origin,
      account: '',
      caller: NOBODY,
      fresh: false,
    }
    const result = await rooms.send(shipment, permit).result
    const isAnswer = result.kind === 'answer'
    rooms.asked(CALL, { status: isAnswer ? result.status : undefined, durationMs: clock.nowMs() - sentMs })
    if (!isAnswer) {
      permit.failed(result.left)
      permit.over()
      return undefined
    }
    permit.answered(result.status, result.headers)
    const body = await readUpTo(result, MAX_BYTES)
    if (!body) result.body.destroy()
    permit.over()
    const { status } = result
    if (status === 200 && body) {
      // The same answer says where its accounts live.
      const told = rooms.rewriteUserinfo(body, '', '', MAX_BYTES)
      if (told) rooms.learnResidences(told.found)
    }
    const retryAfterMs = stayAwayMs(result.headers, clock.wallMs())
    return { status, ...(body && { body }), ...(retryAfterMs !== undefined && { retryAfterMs }) }
  }
}

function stayAwayMs(lines: readonly string[], wallMs: number): number | undefined {
  let resetMs: number | undefined
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]?.toLowerCase()
    const value = lines[i + 1] ?? ''
    if (name === 'retry-after' && SECONDS.test(value)) return Number(value) * 1000
    if (name === 'x-ratelimit-reset' && /^\d{1,11}$/.test(value)) resetMs = Number(value) * 1000 - wallMs
  }
  return resetMs !== undefined && resetMs > 0 ? resetMs : undefined
}
