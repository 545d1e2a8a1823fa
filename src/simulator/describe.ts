import { guidOf } from './chance.js'
import type { Content, CustomField, Recipient } from './content.js'
import { RECIPIENT_KINDS, recipientGuid } from './content.js'
import type { Envelope } from './envelopes.js'
import type { Life } from './life.js'
import { stamp } from './pace.js'
import type { User } from './people.js'
import type { World } from './world.js'

/** An envelope as `GET /envelopes/{id}` writes it (facts 6.1): every number and boolean is a string. */
export function describeEnvelope(world: World, envelope: Envelope, user: User, include: ReadonlySet<string>) {
  const { envelopes } = world
  const life = envelopes.lifeOf(envelope)
  const content = envelopes.contentOf(envelope)
  const at = `/envelopes/${envelope.id}`
  const { sender, purge } = envelope
  const purgedMs = envelopes.purgedMs(envelope)
  const isPurged = envelopes.isPurged(envelope)
  return {
    status: life.status,
    documentsUri: `${at}/documents`,
    recipientsUri: `${at}/recipients`,
    attachmentsUri: `${at}/attachments`,
    envelopeUri: at,
    emailSubject: content.emailSubject,
    ...(content.emailBlurb && { emailBlurb: content.emailBlurb }),
    envelopeId: envelope.id,
    signingLocation: 'online',
    customFieldsUri: `${at}/custom_fields`,
    notificationUri: `${at}/notification`,
    enableWetSign: 'true',
    allowMarkup: 'false',
    allowReassign: 'true',
    createdDateTime: stamp(envelope.createdMs),
    // Of what was written into it, and so older than the completion: no stamp of a version (facts 6.1).
    lastModifiedDateTime: stamp(content.modifiedMs),
    ...stamps(life),
    ...(life.voidedReason !== undefined && { voidedReason: life.voidedReason }),
    statusChangedDateTime: stamp(life.changedMs),
    documentsCombinedUri: `${at}/documents/combined`,
    certificateUri: `${at}/documents/certificate`,
    templatesUri: `${at}/templates`,
    expireEnabled: 'true',
    ...(life.sentMs !== undefined && {
      expireDateTime: stamp(life.sentMs + envelope.expireAfterDays * 86_400_000),
    }),
    expireAfter: String(envelope.expireAfterDays),
    sender: {
      userName: sender.name,
      userId: sender.id,
      accountId: envelope.account.id,
      email: sender.email,
    },
    ...(include.has('recipients') && {
      recipients: describeRecipients(world, envelope, include.has('tabs')),
    }),
    ...(include.has('documents') && { envelopeDocuments: describePapers(world, envelope, user) }),
    ...(include.has('custom_fields') && { customFields: describeFields(content.fields) }),
    ...(include.has('folders') && { folders: [describeFolder(envelope)] }),
    purgeState: envelopes.purgeStateOf(envelope),
    ...(purge && { purgeRequestDate: stamp(purge.atMs) }),
    ...(isPurged && purgedMs !== undefined && { purgeCompletedDate: stamp(purgedMs) }),
    envelopeIdStamping: 'true',
    is21CFRPart11: 'false',
    signerCanSignOnMobile: 'true',
    autoNavigation: 'true',
    isSignatureProviderEnvelope: 'false',
    hasFormDataChanged: 'false',
    allowComments: 'true',
    hasComments: 'false',
    allowViewHistory: 'true',
    envelopeMetadata: { allowAdvancedCorrect: 'true', enableSignWithNotary: 'false', allowCorrect: 'true' },
    anySigner: null,
    envelopeLocation: 'current_site',
    isDynamicEnvelope: 'false',
  }
}

function stamps(life: Life): Record<string, string> {
  const { sentMs, deliveredMs, completedMs, declinedMs, voidedMs } = life
  return {
    ...(deliveredMs !== undefined && { deliveredDateTime: stamp(deliveredMs) }),
    ...(sentMs !== undefined && { initialSentDateTime: stamp(sentMs), sentDateTime: stamp(sentMs) }),
    ...(completedMs !== undefined && { completedDateTime: stamp(completedMs) }),
    ...(declinedMs !== undefined && { declinedDateTime: stamp(declinedMs) }),
    ...(voidedMs !== undefined && { voidedDateTime: stamp(voidedMs) }),
  }
}

const ONE_OF: Readonly<Record<Recipient['kind'], string>> = {
  signers: 'signer',
  agents: 'agent',
  editors: 'editor',
  intermediaries: 'intermediary',
  carbonCopies: 'carboncopy',
  certifiedDeliveries: 'certifieddelivery',
  inPersonSigners: 'inpersonsigner',
  seals: 'seal',
  witnesses: 'witness',
  notaries: 'notary',
}

export function describeRecipients(world: World, envelope: Envelope, withTabs: boolean) {
  const { recipients } = world.envelopes.contentOf(envelope)
  const life = world.envelopes.lifeOf(envelope)
  const lists = RECIPIENT_KINDS.map(kind => {
    const those = recipients.filter(recipient => recipient.kind === kind)
    return [kind, those.map(recipient => describeRecipient(envelope, recipient, life, withTabs))] as const
  })
  const orders = recipients.map(recipient => Number(recipient.routingOrder) || 1)
  return {
    ...Object.fromEntries(lists),
    recipientCount: String(recipients.length),
    currentRoutingOrder: String(orders.length > 0 ? Math.min(...orders) : 1),
  }
}

function describeRecipient(envelope: Envelope, recipient: Recipient, life: Life, withTabs: boolean) {
  const { status, sentMs, deliveredMs, completedMs } = life
  return {
    creationReason: 'sender',
    isBulkRecipient: 'false',
    requireUploadSignature: 'false',
    name: recipient.name,
    email: recipient.email,
    recipientId: recipient.recipientId,
    recipientIdGuid: recipientGuid(envelope.id, recipient.recipientId),
    ...(recipient.clientUserId !== undefined && { clientUserId: recipient.clientUserId }),
    ...(recipient.roleName !== undefined && { roleName: recipient.roleName }),
    ...(recipient.excludedDocuments.length > 0 && { excludedDocuments: recipient.excludedDocuments }),
    requireIdLookup: 'false',
    userId: guidOf('recipient', recipient.email),
    routingOrder: recipient.routingOrder,
    note: recipient.note,
    // What a voided envelope's recipients had reached is not documented; the envelope's own word is the plain one.
    status,
    ...(completedMs !== undefined && { completedCount: '1', signedDateTime: stamp(completedMs) }),
    ...(deliveredMs !== undefined && { deliveredDateTime: stamp(deliveredMs) }),
    ...(sentMs !== undefined && { sentDateTime: stamp(sentMs) }),
    deliveryMethod: 'email',
    recipientType: ONE_OF[recipient.kind],
    ...(withTabs && { tabs: recipient.tabs }),
  }
}

export function describePapers(world: World, envelope: Envelope, user: User) {
  const hidden = world.envelopes.hiddenPapers(envelope, user)
  const at = `/envelopes/${envelope.id}/documents`
  const papers = world.envelopes.isPurged(envelope) ? [] : world.envelopes.contentOf(envelope).papers
  const shared = {
    display: 'inline',
    includeInDownload: 'true',
    signerMustAcknowledge: 'no_interaction',
    templateRequired: 'false',
    authoritativeCopy: 'false',
  }
  const content = papers
    .filter(paper => !hidden.includes(paper.documentId))
    .map((paper, index) => ({
      documentId: paper.documentId,
      documentIdGuid: guidOf(envelope.id, 'document', paper.documentId),
      name: paper.name,
      type: 'content',
      uri: `${at}/${paper.documentId}`,
      order: String(index + 1),
      ...shared,
    }))
  const summary = {
    documentId: 'certificate',
    documentIdGuid: guidOf(envelope.id, 'document', 'certificate'),
    name: 'Summary',
    type: 'summary',
    uri: `${at}/certificate`,
    order: '999',
    ...shared,
  }
  return [...content, summary]
}

export function describeFields(fields: readonly CustomField[]) {
  const of = (kind: CustomField['kind']) =>
    fields
      .filter(field => field.kind === kind)
      .map(({ fieldId, name, show, required, value, listItems }) => ({
        fieldId,
        name,
        show,
        required,
        value,
        ...(kind === 'listCustomFields' && { listItems }),
      }))
  return { textCustomFields: of('textCustomFields'), listCustomFields: of('listCustomFields') }
}

export function describeFolder(envelope: Envelope) {
  const folderId = envelope.folder ?? 'sentitems'
  return { folderId, name: folderId, type: folderId, ownerUserId: envelope.sender.id }
}

export function touch(content: Content, nowMs: number): void {
  content.modifiedMs = nowMs
}
