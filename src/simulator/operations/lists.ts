import type { Answer } from '../answer.js'
import { badParameter, data } from '../answer.js'
import { describeEnvelope } from '../describe.js'
import type { Envelope } from '../envelopes.js'
import { textsOf } from '../given.js'
import { stamp } from '../pace.js'
import type { Visit } from '../world.js'
import type { Row } from './table.js'

const A = '/v2.1/accounts/{accountId}'

export const LIST_OPERATIONS: readonly Row[] = [
  ['GET', `${A}/envelopes`, 'ListStatusChanges', list],
  ['PUT', `${A}/envelopes/status`, 'ListStatus', statuses],
  ['GET', `${A}/envelopes/status`, 'GetEnvelopesStatus', statuses],
]

/** Facts 2. */
const MOST_A_PAGE = 1000

function list(visit: Visit): Answer {
  const { world, user, query } = visit
  const found = find(visit, query.get('envelope_ids'))
  if (!Array.isArray(found)) return found
  const include = new Set(lowerWords(query.get('include')))
  return page(visit, found, envelope => describeEnvelope(world, envelope, user, include))
}

/** Statuses and little more; a read, whatever its method (facts 2). */
function statuses(visit: Visit): Answer {
  const { world, query, upload } = visit
  const inQuery = query.get('envelope_ids')
  const ids = inQuery === 'request_body' ? textsOf(upload.given, 'envelopeIds').join() : inQuery
  const found = find(visit, ids)
  if (!Array.isArray(found)) return found
  return page(visit, found, envelope => {
    const { status, changedMs } = world.envelopes.lifeOf(envelope)
    const at = `/envelopes/${envelope.id}`
    return {
      envelopeId: envelope.id,
      envelopeUri: at,
      documentsUri: `${at}/documents`,
      recipientsUri: `${at}/recipients`,
      status,
      statusChangedDateTime: stamp(changedMs),
    }
  })
}

function find(visit: Visit, ids: string | null): Envelope[] | Answer {
  const { world, account, user, query } = visit
  const fromMs = Date.parse(query.get('from_date') ?? '')
  const toMs = Date.parse(query.get('to_date') ?? '')
  const isNamed = ids !== null || query.has('transaction_ids')
  if (!isNamed && Number.isNaN(fromMs)) {
    return badParameter(
      "Query parameter 'from_date' must be set to a valid DateTime, or 'envelope_ids' or 'transaction_ids' must be specified.",
    )
  }
  const statuses = new Set(lowerWords(query.get('status')))
  const source = isNamed ? byIds(visit, lowerWords(ids)) : world.envelopes.of(account)
  const found = source.filter(envelope => {
    if (!world.envelopes.canSee(envelope, account, user)) return false
    const { status, changedMs } = world.envelopes.lifeOf(envelope)
    if (statuses.size > 0 && !statuses.has('any') && !statuses.has(status)) return false
    return !(changedMs < fromMs) && !(changedMs > toMs)
  })
  // By their creation, the newest first unless asked otherwise. Which order DocuSign takes by itself is not documented.
  return query.get('order')?.toLowerCase() === 'asc' ? found : found.reverse()
}

function page(
  { query }: Visit,
  found: readonly Envelope[],
  describe: (envelope: Envelope) => unknown,
): Answer {
  const wanted = Math.floor(Number(query.get('count') ?? MOST_A_PAGE))
  const count = wanted > 0 ? Math.min(MOST_A_PAGE, wanted) : MOST_A_PAGE
  const start = Math.max(0, Math.floor(Number(query.get('start_position') ?? 0)) || 0)
  const envelopes = found.slice(start, start + count)
  const end = start + envelopes.length
  const at = (position: number) => {
    const next = new URLSearchParams(query)
    next.set('start_position', String(position))
    next.set('count', String(count))
    return `/envelopes?${next.toString()}`
  }
  return data(
    {
      resultSetSize: String(envelopes.length),
      startPosition: String(start),
      endPosition: String(Math.max(0, end - 1)),
      totalSetSize: String(found.length),
      nextUri: end < found.length ? at(end) : '',
      previousUri: start > 0 ? at(Math.max(0, start - count)) : '',
      envelopes: envelopes.map(describe),
    },
    'envelopesInformation',
  )
}

function byIds({ world }: Visit, ids: readonly string[]): Envelope[] {
  return [...new Set(ids)].flatMap(id => world.envelopes.get(id) ?? [])
}

function lowerWords(text: string | null): string[] {
  return (text ?? '').split(',').flatMap(word => word.trim().toLowerCase() || [])
}
