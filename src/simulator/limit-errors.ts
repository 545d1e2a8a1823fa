import type { Standing, Window } from './allowance.js'
import type { Answer } from './answer.js'
import { failure } from './answer.js'

/** The error of an account's limit. The hourly text was recorded, to the byte (facts 1.5). */
export function accountLimitError(window: Window, status: number, standing: Standing): Answer {
  if (window === 'hour') {
    const message = `The maximum number of hourly API invocations has been exceeded. The hourly limit is ${standing.hourLimit}.`
    return failure(status, 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED', message)
  }
  // DocuSign's own words for the burst are in no stored copy (facts 14); these are ours. Clients go by the code.
  const message = `The maximum number of burst API invocations has been exceeded. The burst limit is ${standing.burstLimit}.`
  return failure(status, 'BURST_APIINVOCATION_LIMIT_EXCEEDED', message)
}

/** The error of a per-envelope limit: the codes are official, the text is ours. */
export function envelopeLimitError(errorCode: string, status: number): Answer {
  return failure(
    status,
    errorCode,
    'The maximum number of API invocations for this envelope has been exceeded.',
  )
}

/**
 * Body as documented (facts 1.6). The status is not: 400, as every DocuSign error that the change to 429 did not name
 * (facts 1.5).
 */
export const TOO_MANY_DOWNLOADS = failure(400, 'API_REQUEST_IS_THROTTLED', 'GetDocument call blocked')
