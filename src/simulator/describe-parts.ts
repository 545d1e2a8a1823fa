import { guidOf } from './chance.js'
import type { CustomField, Recipient } from './content.js'
import { RECIPIENT_KINDS, recipientGuid } from './content.js'
import type { Envelope } from './envelopes.js'
import type { Life } from './life.js'
import { stamp } from './pace.js'
import type { User } from './people.js'
import type { World } from './world.js'

/* The parts of an envelope that have addresses of their own, and come with the envelope where `include` asks. */

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
