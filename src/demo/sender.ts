import type { SampleApp } from './apps.js'

const SIGNER = { name: 'Sue Igner', email: 'sue@example.com', clientUserId: '1001' }
const DOCUMENT = Buffer.from('The parties agree to keep this between themselves.')

/** Sends an envelope a minute and asks for the page on which its recipient signs, embedded in the app. */
export function makeSender(): SampleApp {
  let sent = 0
  return {
    name: 'sender',
    restSeconds: 60,
    async round({ envelopes, accountId }) {
      sent += 1
      const { envelopeId } = await envelopes.createEnvelope(accountId, {
        envelopeDefinition: agreement(sent),
      })
      await envelopes.createRecipientView(accountId, envelopeId, {
        recipientViewRequest: {
          returnUrl: 'https://app.example.com/signed',
          authenticationMethod: 'none',
          userName: SIGNER.name,
          email: SIGNER.email,
          clientUserId: SIGNER.clientUserId,
        },
      })
    },
  }
}

function agreement(number: number) {
  return {
    status: 'sent',
    emailSubject: `Agreement ${number}`,
    documents: [
      {
        documentId: '1',
        name: `Agreement ${number}`,
        fileExtension: 'txt',
        documentBase64: DOCUMENT.toString('base64'),
      },
    ],
    recipients: { signers: [{ recipientId: '1', ...SIGNER }] },
  }
}
