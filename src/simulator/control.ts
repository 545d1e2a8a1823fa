import type { IncomingMessage } from 'node:http'
import type { Answer } from './answer.js'
import { data, failure } from './answer.js'
import { credentialsOf } from './credentials.js'
import { readFaults } from './faults.js'
import type { Given } from './given.js'
import { asGiven, textOf } from './given.js'
import type { House } from './house.js'
import type { Status } from './life.js'
import { isTerminal } from './life.js'
import { readSeed, sow } from './seeding.js'
import { readAll } from './upload.js'

const MOST_BYTES = 1_048_576

const INDEX = {
  about:
    'A DocuSign eSignature API that runs on this machine. These pages are counted nowhere and ask for no token.',
  'GET /_sim/report': 'every call that was counted, limits broken, polls, second reads of terminal resources',
  'POST /_sim/reset': 'counts, limits, faults and envelopes as at the start; people and tokens stay',
  'GET /_sim/credentials': 'integration keys with their private keys, users, accounts',
  'POST /_sim/tokens': '{userId, integrationKey?, expiresIn?} → an access token without the OAuth dance',
  'POST /_sim/tokens/revoke': '{token}',
  'POST /_sim/consent': '{userId, integrationKey?, granted} → whether a JWT grant gets consent_required',
  'POST /_sim/envelopes': '{account?, userId?, count?, status?, documentBytes?} → ids of new envelopes',
  'POST /_sim/envelopes/status': '{envelopeId, status, reason?} → moves an envelope that is not terminal',
  'GET /_sim/faults': 'the rules still in force',
  'POST /_sim/faults':
    '[{match?: {method?, pathIncludes?, envelope?}, times?, probability?, kind, …}] → adds rules',
  'DELETE /_sim/faults': 'no rules',
  'POST /_sim/limits': '{account?, hour?, burst?} → new limits of one account or all',
  'POST /_sim/spend': '{account, calls} → calls that other apps made on this account',
}

/** The simulator's own questions, under `/_sim`. Open to whoever reaches the port: keep it on loopback. */
export async function answerControl(
  house: House,
  req: IncomingMessage,
  path: string,
  query: string,
): Promise<Answer> {
  const bytes = req.method === 'POST' ? await readAll(req, MOST_BYTES) : Buffer.alloc(0)
  if (bytes === undefined) return wrong('the body is too large')
  const body = bytes.length === 0 ? {} : parse(bytes)
  if (body === undefined) return wrong('the body is no JSON')
  const given = asGiven(body) ?? {}
  switch (`${req.method} ${path.replace(/\/+$/, '')}`) {
    case 'GET /_sim':
      return data(INDEX)
    case 'GET /_sim/report':
      return data(house.world().meter.report())
    case 'POST /_sim/reset':
      house.reset()
      return data({ reset: true })
    case 'GET /_sim/credentials':
      return data(credentialsOf(house))
    case 'POST /_sim/tokens':
      return issueToken(house, given)
    case 'POST /_sim/tokens/revoke':
      return data({ revoked: house.tokens.revoke(textOf(given, 'token') ?? '') })
    case 'POST /_sim/consent':
      return setConsent(house, given)
    case 'POST /_sim/envelopes':
      return plant(house, given, new URLSearchParams(query).get('ids') !== 'none')
    case 'POST /_sim/envelopes/status':
      return moveEnvelope(house, given)
    case 'GET /_sim/faults':
      return data(house.faults.list())
    case 'POST /_sim/faults': {
      const rules = readFaults(body)
      if (typeof rules === 'string') return wrong(rules)
      house.faults.add(rules)
      return data(house.faults.list())
    }
    case 'DELETE /_sim/faults':
      house.faults.clear()
      return data([])
    case 'POST /_sim/limits':
      return setLimits(house, given)
    case 'POST /_sim/spend':
      return spend(house, given)
    default:
      return failure(404, 'NOT_FOUND', 'GET /_sim/ lists what there is')
  }
}

const wrong = (message: string): Answer => failure(400, 'BAD_REQUEST', message)

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

function whoIs({ people }: House, given: Given) {
  const user = people.user(textOf(given, 'userId') ?? '')
  const key = textOf(given, 'integrationKey')
  const app = key === undefined ? people.apps[0] : people.app(key)
  return user && app ? { user, app } : undefined
}

function issueToken(house: House, given: Given): Answer {
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

function setConsent(house: House, given: Given): Answer {
  const who = whoIs(house, given)
  if (!who)
    return wrong('userId is the GUID of a user, integrationKey one of the keys of GET /_sim/credentials')
  house.oauth.setConsent(who.user, who.app, given['granted'] !== false)
  return data({ granted: given['granted'] !== false })
}

function plant(house: House, given: Given, wantsIds: boolean): Answer {
  const seed = readSeed(given)
  if (typeof seed === 'string') return wrong(seed)
  const { people, pace } = house
  const ids = sow({ people, pace, ...house.world() }, seed)
  if (typeof ids === 'string') return wrong(ids)
  return data({ count: ids.length, ...(wantsIds && { envelopeIds: ids }) })
}

const STATUSES: readonly Status[] = ['sent', 'delivered', 'completed', 'declined', 'voided']

function moveEnvelope(house: House, given: Given): Answer {
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

function setLimits(house: House, given: Given): Answer {
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

function spend(house: House, given: Given): Answer {
  const account = house.people.account(textOf(given, 'account') ?? '')
  const calls = Number(given['calls'])
  if (!account || !(calls >= 0))
    return wrong('account is the GUID or the number of an account, calls a number')
  const allowance = house.world().meter.allowance(account)
  allowance?.spend(calls)
  return data({ account: account.id, standing: allowance?.peek() })
}
