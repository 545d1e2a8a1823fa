import type { Answer } from '../answer.js'
import { data, failure } from '../answer.js'
import type { Recipient } from '../content.js'
import { recipientGuid } from '../content.js'
import { readRecipients } from '../definition.js'
import { describeRecipients } from '../describe-parts.js'
import type { Envelope } from '../envelopes.js'
import type { Visit } from '../world.js'
import { onEnvelope, onLivingEnvelope } from './found.js'
import type { Row } from './table.js'

const R = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}/recipients'

export const RECIPIENT_OPERATIONS: readonly Row[] = [
  ['GET', R, 'GetRecipients', onEnvelope(list)],
  ['POST', R, 'AddRecipients', onLivingEnvelope((visit, envelope) => merge(visit, envelope, 201))],
  ['PUT', R, 'UpdateRecipients', onLivingEnvelope((visit, envelope) => merge(visit, envelope, 200))],
  ['DELETE', R, 'DeleteRecipients', onLivingEnvelope(remove)],
  ['GET', `${R}/{recipientId}/tabs`, 'GetRecipientTabs', onEnvelope(tabs)],
  ['DELETE', `${R}/{recipientId}`, 'DeleteRecipient', onLivingEnvelope(removeOne)],
]

export const NO_RECIPIENT = failure(
  400,
  'UNKNOWN_ENVELOPE_RECIPIENT',
  'The recipient you have identified is not a valid recipient of the specified envelope.',
)

function list({ world, query }: Visit, envelope: Envelope): Answer {
  const withTabs = query.get('include_tabs') === 'true'
  return data(describeRecipients(world, envelope, withTabs), 'recipients')
}

function tabs({ world, params }: Visit, envelope: Envelope): Answer {
  const one = find(world.envelopes.contentOf(envelope).recipients, envelope, params['recipientId'])
  return one ? data(one.tabs, 'tabs') : NO_RECIPIENT
}

/** Adds recipients, or rewrites those whose id is known. */
function merge({ world, upload, pace }: Visit, envelope: Envelope, status: number): Answer {
  const next = readRecipients(upload.given)
  if ('status' in next) return next
  const content = world.envelopes.writable(envelope)
  const ids = next.map(recipient => recipient.recipientId)
  const kept = content.recipients.filter(recipient => !ids.includes(recipient.recipientId))
  content.recipients = [...kept, ...next]
  content.modifiedMs = pace.wallMs()
  if (status === 201) return data(describeRecipients(world, envelope, false), 'recipients', 201)
  // An update tells what became of each item, and is a 200 even where one of them failed (facts 9).
  const recipientUpdateResults = ids.map(recipientId => ({
    recipientId,
    recipientIdGuid: recipientGuid(envelope.id, recipientId),
    errorDetails: { errorCode: 'SUCCESS', message: '' },
  }))
  return data({ recipientUpdateResults }, 'recipientsUpdateSummary')
}

function remove(visit: Visit, envelope: Envelope): Answer {
  const gone = readRecipients(visit.upload.given)
  if ('status' in gone) return gone
  return drop(
    visit,
    envelope,
    gone.map(recipient => recipient.recipientId),
  )
}

function removeOne(visit: Visit, envelope: Envelope): Answer {
  const { recipients } = visit.world.envelopes.contentOf(envelope)
  const one = find(recipients, envelope, visit.params['recipientId'])
  return one ? drop(visit, envelope, [one.recipientId]) : NO_RECIPIENT
}

function drop({ world, pace }: Visit, envelope: Envelope, ids: readonly string[]): Answer {
  const content = world.envelopes.writable(envelope)
  content.recipients = content.recipients.filter(recipient => !ids.includes(recipient.recipientId))
  content.modifiedMs = pace.wallMs()
  return data(describeRecipients(world, envelope, false), 'recipients')
}

function find(recipients: readonly Recipient[], envelope: Envelope, id = ''): Recipient | undefined {
  return recipients.find(
    ({ recipientId }) => recipientId === id || recipientGuid(envelope.id, recipientId) === id.toLowerCase(),
  )
}
