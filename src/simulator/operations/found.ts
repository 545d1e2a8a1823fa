import type { Answer } from '../answer.js'
import { NO_ENVELOPE, badParameter, failure } from '../answer.js'
import type { Envelope } from '../envelopes.js'
import { isTerminal } from '../life.js'
import type { Operation, Visit } from '../world.js'

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** An operation on an envelope that this caller may see; the same error for one that is not and one that is another's. */
export function onEnvelope(operation: (visit: Visit, envelope: Envelope) => Answer): Operation {
  return visit => {
    const id = visit.params['envelopeId'] ?? ''
    if (!GUID.test(id)) return badParameter('Invalid value specified for envelopeId.')
    const envelope = visit.world.envelopes.get(id)
    if (!envelope || !visit.world.envelopes.canSee(envelope, visit.account, visit.user)) return NO_ENVELOPE
    return operation(visit, envelope)
  }
}

/** The same, for what can only be done to a draft or an envelope in process (facts 6.3). */
export function onLivingEnvelope(operation: (visit: Visit, envelope: Envelope) => Answer): Operation {
  return onEnvelope((visit, envelope) => {
    if (isTerminal(visit.world.envelopes.lifeOf(envelope).status)) return INVALID_STATUS
    return operation(visit, envelope)
  })
}

export const INVALID_STATUS = failure(
  400,
  'ENVELOPE_INVALID_STATUS',
  'Invalid envelope status. Envelope status is not one of: Created, Sent, Delivered, Correct.',
)
