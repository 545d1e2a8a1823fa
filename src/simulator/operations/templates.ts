import type { Answer } from '../answer.js'
import { data, failure } from '../answer.js'
import { guidOf } from '../chance.js'
import type { Paper, Recipient } from '../content.js'
import { makeRecipient } from '../content.js'
import type { Given } from '../given.js'
import { textOf } from '../given.js'
import { stamp } from '../pace.js'
import type { Visit } from '../world.js'
import type { Row } from './table.js'

const T = '/v2.1/accounts/{accountId}/templates'

export const TEMPLATE_OPERATIONS: readonly Row[] = [
  ['GET', T, 'GetTemplates', list],
  ['GET', `${T}/{templateId}`, 'GetTemplate', get],
]

const NAMES = ['Mutual NDA', 'Service agreement', 'Offer letter']

const NO_TEMPLATE = failure(400, 'TEMPLATE_ID_INVALID', 'Invalid template ID.')

/** Each account has the same three, one signer's role in each. */
function describeAll({ account, people, options }: Visit) {
  const owner = people.users.find(user => user.administers === account)
  return NAMES.map((name, n) => ({
    templateId: guidOf(options.seed, 'template', account.index, n),
    uri: `/templates/${guidOf(options.seed, 'template', account.index, n)}`,
    name,
    shared: 'true',
    description: '',
    created: stamp(account.createdMs),
    lastModified: stamp(account.createdMs),
    emailSubject: `Please sign: ${name}`,
    emailBlurb: '',
    owner: { userName: owner?.name ?? '', userId: owner?.id ?? '', email: owner?.email ?? '' },
  }))
}

function list(visit: Visit): Answer {
  const search = (visit.query.get('search_text') ?? '').toLowerCase()
  const envelopeTemplates = describeAll(visit).filter(one => one.name.toLowerCase().includes(search))
  const size = String(envelopeTemplates.length)
  return data(
    {
      envelopeTemplates,
      resultSetSize: size,
      totalSetSize: size,
      startPosition: '0',
      endPosition: String(Math.max(0, envelopeTemplates.length - 1)),
    },
    'envelopeTemplateResults',
  )
}

function get(visit: Visit): Answer {
  const template = find(visit, visit.params['templateId'])
  if (!template) return NO_TEMPLATE
  const signers = [{ recipientId: '1', roleName: 'signer', routingOrder: '1', recipientType: 'signer' }]
  const documents = [{ documentId: '1', name: `${template.name}.pdf`, order: '1', type: 'content' }]
  return data({ ...template, documents, recipients: { signers, recipientCount: '1' } }, 'envelopeTemplate')
}

function find(visit: Visit, templateId = '') {
  return describeAll(visit).find(one => one.templateId === templateId.toLowerCase())
}

export interface Cast {
  readonly templateId: string
  readonly emailSubject: string
  readonly recipients: readonly Recipient[]
  readonly papers: readonly Paper[]
}

/** What a template gives a new envelope whose roles are filled; an error where there is no such template. */
export function castTemplate(
  visit: Visit,
  templateId: string | undefined,
  roles: readonly Given[],
): Cast | Answer | undefined {
  if (templateId === undefined) return undefined
  const template = find(visit, templateId)
  if (!template) return NO_TEMPLATE
  const recipients = roles.map((role, at) =>
    makeRecipient({
      kind: 'signers',
      recipientId: String(at + 1),
      name: textOf(role, 'name') ?? '',
      email: textOf(role, 'email') ?? '',
      roleName: textOf(role, 'roleName'),
      clientUserId: textOf(role, 'clientUserId'),
    }),
  )
  const papers = [{ documentId: '1', name: template.name, extension: 'pdf', bytes: undefined }]
  return { templateId: template.templateId, emailSubject: template.emailSubject, recipients, papers }
}
