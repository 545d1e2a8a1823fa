import type { Answer } from '../answer.js'
import { data } from '../answer.js'
import { readFields } from '../definition.js'
import { describeFields } from '../describe-parts.js'
import type { Envelope } from '../envelopes.js'
import type { Visit } from '../world.js'
import { onEnvelope, onLivingEnvelope } from './found.js'
import type { Row } from './table.js'

const C = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}/custom_fields'

export const CUSTOM_FIELD_OPERATIONS: readonly Row[] = [
  ['GET', C, 'GetCustomFields', onEnvelope(list)],
  ['POST', C, 'CreateCustomFields', onLivingEnvelope((visit, envelope) => merge(visit, envelope, 201))],
  ['PUT', C, 'UpdateCustomFields', onLivingEnvelope((visit, envelope) => merge(visit, envelope, 200))],
  ['DELETE', C, 'DeleteCustomFields', onLivingEnvelope(remove)],
]

function list({ world }: Visit, envelope: Envelope): Answer {
  return data(describeFields(world.envelopes.contentOf(envelope).fields), 'customFieldsEnvelope')
}

function merge({ world, upload, pace }: Visit, envelope: Envelope, status: number): Answer {
  const content = world.envelopes.writable(envelope)
  const next = readFields(upload.given, envelope.number * 1000 + content.fields.length)
  const ids = next.map(field => field.fieldId)
  content.fields = [...content.fields.filter(field => !ids.includes(field.fieldId)), ...next]
  content.modifiedMs = pace.wallMs()
  return data(describeFields(next), 'customFieldsEnvelope', status)
}

function remove({ world, upload, pace }: Visit, envelope: Envelope): Answer {
  const content = world.envelopes.writable(envelope)
  const ids = readFields(upload.given, 0).map(field => field.fieldId)
  const gone = content.fields.filter(field => ids.includes(field.fieldId))
  content.fields = content.fields.filter(field => !gone.includes(field))
  content.modifiedMs = pace.wallMs()
  return data(describeFields(gone), 'customFieldsEnvelope')
}
