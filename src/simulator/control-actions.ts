import type { Answer } from './answer.js'
import { data, failure } from './answer.js'
import type { Given } from './given.js'
import { textOf } from './given.js'
import type { House } from './house.js'
import type { Status } from './life.js'
import { isTerminal } from './life.js'
import { readSeed, sow } from './seeding.js'

/* What a test may do to the world behind DocuSign's back: the POSTs below `/_sim`. */

export const wrong = (message: string): Answer => failure(400, 'BAD_REQUEST', message)

function whoIs({ people }: House, given: Given) {
  const user = people.user(textOf(given, 'userId') ?? '')
  const key = textOf(given, 'integrationKey')
  const app = key === undefined ? people.apps[0] : people.app(key)
  return user && app ? { user, app } : undefined
}

export function issueToken(house: House, given: Given): Answer {
  const who = whoIs(house, given)
  if (!who)
    return wrong('userId is the GUID of a user, integrationKey one of the keys of GET /_sim/credentials')
  const expiresIn = Number(given['expiresIn'] ?? 3600)
  if (!(expiresIn > 0)) return wrong('expiresIn is a number of seconds')
  const lifeMs = house.pace.lengthMs(expiresIn)
  const token = house.tokens.issue(who.user, who.app, 'signature impersonation', lifeMs)
  return data({
    access_token: token,
    token_type: 'Bearer',
    expires_in: Math.max(1, Math.floor(lifeMs / 1000)),
  })
}

export function setConsent(house: House, given: Given): Answer {
  const who = whoIs(house, given)
  if (!who)
    return wrong('userId is the GUID of a user, integrationKey one of the keys of GET /_sim/credentials')
  house.oauth.setConsent(who.user, who.app, given['granted'] !== false)
  return data({ granted: given['granted'] !== false })
}

export function plant(house: House, given: Given, wantsIds: boolean): Answer {
  const seed = readSeed(given)
  if (typeof seed === 'string') return wrong(seed)
  const { people, pace } = house
  const ids = sow({ people, pace, ...house.world() }, seed)
  if (typeof ids === 'string') return wrong(ids)
  return data({ count: ids.length, ...(wantsIds && { envelopeIds: ids }) })
}

const STATUSES: readonly Status[] = ['sent', 'delivered', 'completed', 'declined', 'voided']

export function moveEnvelope(house: House, given: Given): Answer {
  const { envelopes } = house.world()
  const envelope = envelopes.get(textOf(given, 'envelopeId') ?? '')
  if (!envelope) return wrong('envelopeId is the id of an envelope')
  const status = STATUSES.find(one => one === given['status'])
  if (!status) return wrong(`status is one of ${STATUSES.join(', ')}`)
  if (isTerminal(envelopes.lifeOf(envelope).status)) return wrong('a terminal envelope goes nowhere')
  const atMs = house.pace.wallMs()
  const reason = textOf(given, 'reason')
  envelope.sentMs ??= atMs
  envelope.turn = { status, atMs, ...(reason !== undefined && { reason }) }
  return data({ envelopeId: envelope.id, status: envelopes.lifeOf(envelope).status })
}

export function setLimits(house: House, given: Given): Answer {
  const { people } = house
  const spelling = textOf(given, 'account')
  const accounts = spelling === undefined ? people.accounts : [people.account(spelling)]
  for (const account of accounts) {
    const allowance = account && house.world().meter.allowance(account)
    if (!allowance) return wrong('account is the GUID or the number of an account')
    const now = allowance.limits()
    const hour = Number(given['hour'] ?? now.hour)
    const burst = Number(given['burst'] ?? now.burst)
    if (!(hour >= 0 && burst >= 0)) return wrong('hour and burst are numbers of at least 0')
    allowance.setLimits({ hour, burst })
  }
  return data({ accounts: accounts.length })
}

export function spend(house: House, given: Given): Answer {
  const account = house.people.account(textOf(given, 'account') ?? '')
  const calls = Number(given['calls'])
  if (!account || !(calls >= 0))
    return wrong('account is the GUID or the number of an account, calls a number')
  const allowance = house.world().meter.allowance(account)
  allowance?.spend(calls)
  return data({ account: account.id, standing: allowance?.peek() })
}
