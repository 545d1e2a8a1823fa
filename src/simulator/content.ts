import { guidOf } from './chance.js'
import type { Given } from './given.js'

/** The lists of `recipients`, in the order DocuSign writes them (facts 6.1). */
export const RECIPIENT_KINDS = [
  'signers',
  'agents',
  'editors',
  'intermediaries',
  'carbonCopies',
  'certifiedDeliveries',
  'inPersonSigners',
  'seals',
  'witnesses',
  'notaries',
] as const
export type RecipientKind = (typeof RECIPIENT_KINDS)[number]

export interface Recipient {
  readonly kind: RecipientKind
  readonly recipientId: string
  readonly name: string
  readonly email: string
  /** Set for an embedded recipient, who signs in the app's own page. */
  readonly clientUserId: string | undefined
  readonly routingOrder: string
  readonly note: string
  readonly roleName: string | undefined
  /** Documents this recipient may not see. */
  readonly excludedDocuments: readonly string[]
  readonly tabs: Given
}

export interface Paper {
  readonly documentId: string
  readonly name: string
  readonly extension: string
  /** What was uploaded; without it a small PDF is made when it is asked for. */
  readonly bytes: Buffer | undefined
}

export interface CustomField {
  readonly kind: 'textCustomFields' | 'listCustomFields'
  readonly fieldId: string
  readonly name: string
  readonly show: string
  readonly required: string
  readonly value: string
  readonly listItems: readonly string[]
}

/** What is in an envelope, its life apart. */
export interface Content {
  emailSubject: string
  emailBlurb: string
  recipients: readonly Recipient[]
  papers: readonly Paper[]
  fields: readonly CustomField[]
  templateId: string | undefined
  modifiedMs: number
}

const SUBJECTS = ['Service agreement', 'Mutual NDA', 'Lease renewal', 'Purchase order', 'Offer letter']

/** The content of an envelope that nobody wrote, from its number alone: cheap ones keep none. */
export function imagineContent(number: number, createdMs: number): Content {
  const subject = SUBJECTS[number % SUBJECTS.length] ?? 'Agreement'
  return {
    emailSubject: `Please sign: ${subject} ${number}`,
    emailBlurb: '',
    recipients: [
      makeRecipient({
        kind: 'signers',
        recipientId: '1',
        name: `Signer ${number}`,
        email: `signer.${number}@example.com`,
        tabs: {
          textTabs: [{ tabLabel: 'Title', value: `Title ${number}`, documentId: '1', recipientId: '1' }],
        },
      }),
    ],
    papers: [{ documentId: '1', name: `${subject} ${number}`, extension: 'pdf', bytes: undefined }],
    fields: [
      {
        kind: 'textCustomFields',
        fieldId: String(10_000_000 + number),
        name: 'Reference',
        show: 'true',
        required: 'false',
        value: `REF-${number}`,
        listItems: [],
      },
    ],
    templateId: undefined,
    modifiedMs: createdMs,
  }
}

export function makeRecipient(
  some: Pick<Recipient, 'kind' | 'recipientId' | 'name' | 'email'> & Partial<Recipient>,
): Recipient {
  return {
    clientUserId: undefined,
    routingOrder: '1',
    note: '',
    roleName: undefined,
    excludedDocuments: [],
    tabs: {},
    ...some,
  }
}

export const recipientGuid = (envelopeId: string, recipientId: string): string =>
  guidOf(envelopeId, 'recipient', recipientId)
