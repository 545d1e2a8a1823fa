import type { Answer } from '../answer.js'
import { badParameter, data, failure } from '../answer.js'
import type { Content } from '../content.js'
import { readFields, readPapers, readRecipients } from '../definition.js'
import { describeEnvelope } from '../describe.js'
import type { Envelope, PurgeQueue } from '../envelopes.js'
import { asGiven, listOf, textOf } from '../given.js'
import { isTerminal } from '../life.js'
import { stamp } from '../pace.js'
import type { Visit } from '../world.js'
import { INVALID_STATUS, onEnvelope } from './found.js'
import type { Row } from './table.js'
import { castTemplate } from './templates.js'

const A = '/v2.1/accounts/{accountId}'
const E = `${A}/envelopes/{envelopeId}`

export const ENVELOPE_OPERATIONS: readonly Row[] = [
  ['POST', `${A}/envelopes`, 'CreateEnvelope', create],
  ['GET', E, 'GetEnvelope', onEnvelope(get)],
  ['PUT', E, 'UpdateEnvelope', onEnvelope(update)],
]

const INCOMPLETE = failure(
  400,
  'ENVELOPE_IS_INCOMPLETE',
  'The Envelope is not Complete. A Complete Envelope Requires Documents, Recipients, Tabs, and a Subject Line.',
)

const CANNOT_VOID = failure(
  400,
  'ENVELOPE_CANNOT_VOID_INVALID_STATE',
  "Only envelopes in the 'Sent' or 'Delivered' states may be voided.",
)

function create(visit: Visit): Answer {
  const { world, account, user, pace, upload } = visit
  const { given, files } = upload
  const status = textOf(given, 'status') ?? 'created'
  if (status !== 'created' && status !== 'sent') {
    return badParameter("Value for 'status' must be 'created' or 'sent'.")
  }
  const recipients = readRecipients(asGiven(given['recipients']) ?? {})
  if ('status' in recipients) return recipients
  const template = castTemplate(visit, textOf(given, 'templateId'), listOf(given, 'templateRoles'))
  if (template && 'status' in template) return template

  const nowMs = pace.wallMs()
  const papers = readPapers(given, files)
  const written: Content = {
    emailSubject: textOf(given, 'emailSubject') ?? template?.emailSubject ?? '',
    emailBlurb: textOf(given, 'emailBlurb') ?? '',
    recipients: [...(template?.recipients ?? []), ...recipients],
    papers: papers.length > 0 ? papers : (template?.papers ?? []),
    fields: readFields(asGiven(given['customFields']) ?? {}, world.envelopes.nextNumber() * 1000),
    templateId: template?.templateId,
    modifiedMs: nowMs,
  }
  if (status === 'sent' && !isSendable(written)) return INCOMPLETE
  const sentMs = status === 'sent' ? nowMs : undefined
  const envelope = world.envelopes.add({
    account,
    sender: user,
    createdMs: nowMs,
    sentMs,
    course: 'lives',
    written,
  })
  envelope.expireAfterDays = expiryOf(visit) ?? envelope.expireAfterDays
  const summary = {
    envelopeId: envelope.id,
    uri: `/envelopes/${envelope.id}`,
    statusDateTime: stamp(nowMs),
    status,
  }
  return data(summary, 'envelopeSummary', 201)
}

function isSendable({ emailSubject, recipients, papers }: Content): boolean {
  return emailSubject !== '' && recipients.length > 0 && papers.length > 0
}

function expiryOf({ upload }: Visit): number | undefined {
  const notification = asGiven(upload.given['notification']) ?? {}
  const days = Number(textOf(asGiven(notification['expirations']) ?? {}, 'expireAfter') ?? NaN)
  return days > 0 ? days : undefined
}

function get({ world, user, query }: Visit, envelope: Envelope): Answer {
  const include = new Set((query.get('include') ?? '').split(',').map(word => word.trim().toLowerCase()))
  return data(describeEnvelope(world, envelope, user, include), 'envelope')
}

/** Sends, voids, purges or rewrites: whatever the body asks for (facts 6.3). */
function update(visit: Visit, envelope: Envelope): Answer {
  const { world, pace, upload } = visit
  const { given } = upload
  const { envelopes } = world
  const life = envelopes.lifeOf(envelope)
  const nowMs = pace.wallMs()
  const purgeState = textOf(given, 'purgeState')
  if (purgeState !== undefined) return purge(visit, envelope, purgeState)

  const status = textOf(given, 'status')
  if (status === 'voided') {
    const reason = textOf(given, 'voidedReason')
    if (!reason) return badParameter("Value for 'voidedReason' must be specified when voiding an envelope.")
    if (life.status !== 'sent' && life.status !== 'delivered') return CANNOT_VOID
    envelope.turn = { status: 'voided', atMs: nowMs, reason }
    return done(envelope)
  }
  if (status !== undefined && status !== 'created' && status !== 'sent') {
    return badParameter("Value for 'status' must be 'created', 'sent' or 'voided'.")
  }
  if (isTerminal(life.status)) return INVALID_STATUS
  const content = envelopes.writable(envelope)
  const recipients = asGiven(given['recipients'])
  if (recipients) {
    const read = readRecipients(recipients)
    if ('status' in read) return read
    content.recipients = read
  }
  content.emailSubject = textOf(given, 'emailSubject') ?? content.emailSubject
  content.emailBlurb = textOf(given, 'emailBlurb') ?? content.emailBlurb
  content.modifiedMs = nowMs
  envelope.expireAfterDays = expiryOf(visit) ?? envelope.expireAfterDays
  if (status === 'sent' && life.status === 'created') {
    if (!isSendable(content)) return INCOMPLETE
    envelope.sentMs = nowMs
    envelope.course = 'lives'
    envelope.turn = undefined
  }
  return done(envelope)
}

const QUEUES: readonly PurgeQueue[] = [
  'documents_queued',
  'documents_dequeued',
  'documents_and_metadata_queued',
  'documents_and_metadata_and_redact_queued',
]

function purge({ world, pace }: Visit, envelope: Envelope, wanted: string): Answer {
  const queue = QUEUES.find(one => one === wanted.toLowerCase())
  if (!queue) return badParameter("Value for 'purgeState' is not valid.")
  // Which code a living envelope gets is not documented: the one of a wrong status is the plain choice.
  if (!isTerminal(world.envelopes.lifeOf(envelope).status) || world.envelopes.isPurged(envelope)) {
    return INVALID_STATUS
  }
  envelope.purge = { queue, atMs: pace.wallMs() }
  return done(envelope)
}

function done(envelope: Envelope): Answer {
  return data({ envelopeId: envelope.id }, 'envelopeUpdateSummary')
}
