/** Which resources of an envelope are ever final: the routes of facts 6.4, one by one. */
import type { Call } from '../base/types.js'

const E = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}'
const D = `${E}/documents/{documentId}`
const R = `${E}/recipients/{recipientId}`

/**
 * What does not change once its envelope has reached its end (a purge aside, facts 6.3). These are listed, not the
 * others, because a route that nobody has judged must not be taken for final. So they are not: `audit_events` (every
 * view is one more), `lock` (only for who holds it), `shares`, `comments/transcript`, `display_appliance_info`.
 */
const FINAL = new Set([
  E,
  `${E}/attachments`,
  `${E}/attachments/{attachmentId}`,
  `${E}/custom_fields`,
  `${E}/docGenFormFields`,
  `${E}/documents`,
  D,
  `${D}/fields`,
  `${D}/html_definitions`,
  `${D}/pages`,
  `${D}/pages/{pageNumber}/page_image`,
  `${D}/pages/{pageNumber}/tabs`,
  `${D}/responsive_html`,
  `${D}/tabs`,
  `${D}/templates`,
  `${E}/email_settings`,
  `${E}/form_data`,
  `${E}/html_definitions`,
  `${E}/notification`,
  `${E}/recipients`,
  `${R}/consumer_disclosure`,
  `${R}/consumer_disclosure/{langCode}`,
  `${R}/document_visibility`,
  `${R}/initials_image`,
  `${R}/signature`,
  `${R}/signature_image`,
  `${R}/tabs`,
  `${E}/responsive_html`,
  `${E}/tabs_blob`,
  `${E}/templates`,
  `${E}/workflow`,
  `${E}/workflow/scheduledSending`,
  `${E}/workflow/steps/{workflowStepId}`,
  `${E}/workflow/steps/{workflowStepId}/delayedRouting`,
])

/** Whether an answer to this call may differ tomorrow even though its envelope has reached its end. */
export function isNeverFinal({ route, envelope, query }: Call): boolean {
  if (envelope === undefined || !FINAL.has(route)) return true
  return route === E && query !== '' && asksForFolders(query)
}

const MAY_INCLUDE = /include|%/i

/** Moving an envelope from folder to folder is all that still happens to it there (facts 6.3). */
function asksForFolders(query: string): boolean {
  // Most are told without a parser (0.6 µs): a name that cannot be seen can only stand there encoded.
  if (!MAY_INCLUDE.test(query)) return false
  for (const [name, value] of new URLSearchParams(query)) {
    if (name.toLowerCase().includes('include') && value.toLowerCase().includes('folders')) return true
  }
  return false
}

/** Whether the shield has a say in this call: a read of an envelope or of anything beneath it. */
export function isShieldable({ method, service, envelope }: Call): boolean {
  return envelope !== undefined && service === 'api' && (method === 'GET' || method === 'HEAD')
}
