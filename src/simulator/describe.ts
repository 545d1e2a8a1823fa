import { describeFields, describeFolder, describePapers, describeRecipients } from './describe-parts.js'
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
  const expiresMs = envelopes.expiresMs(envelope)
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
    ...(expiresMs !== undefined && { expireDateTime: stamp(expiresMs) }),
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
