import type { Answer } from '../answer.js'
import { badParameter, data } from '../answer.js'
import type { Envelope } from '../envelopes.js'
import { textOf } from '../given.js'
import type { Visit } from '../world.js'
import { onEnvelope } from './found.js'
import { NO_RECIPIENT } from './recipients.js'
import type { Row } from './table.js'

const A = '/v2.1/accounts/{accountId}'
const V = `${A}/envelopes/{envelopeId}/views`

export const VIEW_OPERATIONS: readonly Row[] = [
  ['POST', `${V}/recipient`, 'PostRecipientView', onEnvelope(recipientView)],
  ['POST', `${V}/sender`, 'PostSenderView', onEnvelope(otherView)],
  ['POST', `${V}/correct`, 'PostCorrectView', onEnvelope(otherView)],
  ['POST', `${V}/edit`, 'PostEditView', onEnvelope(otherView)],
  ['POST', `${A}/views/console`, 'PostConsoleView', visit => viewOf(visit, undefined, false)],
]

/** A page to sign in, once. Opening the URL signs the envelope and leads back to the app (`?event=signing_complete`). */
function recipientView(visit: Visit, envelope: Envelope): Answer {
  const { given } = visit.upload
  if (!textOf(given, 'returnUrl')) return badParameter("Value for 'returnUrl' must be specified.")
  const [userName, email] = [textOf(given, 'userName'), textOf(given, 'email')?.toLowerCase()]
  const clientUserId = textOf(given, 'clientUserId')
  const { recipients } = visit.world.envelopes.contentOf(envelope)
  const isOne = recipients.some(
    recipient =>
      recipient.name === userName &&
      recipient.email.toLowerCase() === email &&
      recipient.clientUserId === clientUserId,
  )
  return isOne ? viewOf(visit, envelope, true) : NO_RECIPIENT
}

function otherView(visit: Visit, envelope: Envelope): Answer {
  return viewOf(visit, envelope, false)
}

function viewOf(
  { world, account, upload, baseUri }: Visit,
  envelope: Envelope | undefined,
  signs: boolean,
): Answer {
  const returnUrl = textOf(upload.given, 'returnUrl')
  const ticket = world.tickets.issue({ envelopeId: envelope?.id, returnUrl, signs })
  return data({ url: `${baseUri(account)}/Signing/${ticket}` }, 'viewUrl', 201)
}
