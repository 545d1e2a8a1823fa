import type { IncomingMessage } from 'node:http'
import type { Answer } from './answer.js'
import { data, failure } from './answer.js'
import { issueToken, moveEnvelope, plant, setConsent, setLimits, spend, wrong } from './control-actions.js'
import { credentialsOf } from './credentials.js'
import { readFaults } from './faults.js'
import { asGiven, textOf } from './given.js'
import type { House } from './house.js'
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

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
