import type { Answer } from '../answer.js'
import { data } from '../answer.js'
import type { Envelope } from '../envelopes.js'
import type { Given } from '../given.js'
import { listOf, textOf } from '../given.js'
import { stamp } from '../pace.js'
import type { Visit } from '../world.js'
import { onEnvelope } from './found.js'
import type { Row } from './table.js'

const E = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}'

export const HISTORY_OPERATIONS: readonly Row[] = [
  ['GET', `${E}/audit_events`, 'GetAuditEvents', onEnvelope(auditEvents)],
  ['GET', `${E}/form_data`, 'GetFormData', onEnvelope(formData)],
  ['GET', `${E}/notification`, 'GetNotification', onEnvelope(notification)],
  ['GET', `${E}/templates`, 'GetEnvelopeTemplates', onEnvelope(templates)],
]

/** Grows with every download, after the end as well (facts 6.3). The names of the fields are not in the facts sheet. */
function auditEvents({ world }: Visit, envelope: Envelope): Answer {
  const life = world.envelopes.lifeOf(envelope)
  const steps: [string, number | undefined][] = [
    ['Registered', envelope.createdMs],
    ['Sent Invitations', life.sentMs],
    ['Opened', life.deliveredMs],
    ['Signed', life.completedMs],
    ['Declined', life.declinedMs],
    ['Voided', life.voidedMs],
    ...Array.from({ length: envelope.views }, (): [string, number] => ['Viewed', life.changedMs]),
  ]
  const auditEvents = steps.flatMap(([action, atMs]) => {
    if (atMs === undefined) return []
    const eventFields = [
      { name: 'logTime', value: stamp(atMs) },
      { name: 'Source', value: 'api' },
      { name: 'UserName', value: envelope.sender.name },
      { name: 'UserId', value: envelope.sender.id },
      { name: 'Action', value: action },
      { name: 'EnvelopeStatus', value: life.status },
    ]
    return [{ eventFields }]
  })
  return data({ auditEvents }, 'auditEvents')
}

function formData({ world }: Visit, envelope: Envelope): Answer {
  const life = world.envelopes.lifeOf(envelope)
  const { emailSubject, recipients } = world.envelopes.contentOf(envelope)
  const recipientFormData = recipients.map(recipient => ({
    formData: fieldsOf(recipient.tabs),
    recipientId: recipient.recipientId,
    name: recipient.name,
    email: recipient.email,
    ...(life.sentMs !== undefined && { SentTime: stamp(life.sentMs) }),
  }))
  return data(
    {
      formData: recipientFormData.flatMap(one => one.formData),
      envelopeId: envelope.id,
      status: life.status,
      ...(life.sentMs !== undefined && { sentDateTime: stamp(life.sentMs) }),
      emailSubject,
      recipientFormData,
    },
    'envelopeFormData',
  )
}

/** What was filled in: every tab that has a label and a value. */
function fieldsOf(tabs: Given): { name: string; value: string }[] {
  return Object.keys(tabs).flatMap(kind =>
    listOf(tabs, kind).flatMap(tab => {
      const name = textOf(tab, 'tabLabel')
      const value = textOf(tab, 'value')
      return name !== undefined && value !== undefined ? [{ name, value }] : []
    }),
  )
}

function notification(_visit: Visit, envelope: Envelope): Answer {
  const expireAfter = String(envelope.expireAfterDays)
  return data(
    {
      useAccountDefaults: 'false',
      reminders: { reminderEnabled: 'false', reminderDelay: '0', reminderFrequency: '0' },
      expirations: { expireEnabled: 'true', expireAfter, expireWarn: '0' },
    },
    'notification',
  )
}

function templates({ world }: Visit, envelope: Envelope): Answer {
  const { templateId } = world.envelopes.contentOf(envelope)
  return data({ templates: templateId === undefined ? [] : [{ templateId }] }, 'templateInformation')
}
