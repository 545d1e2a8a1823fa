/** Which known error an answer of DocuSign's is: a word for the log, the page and `X-Governor-Hint` (facts 1.5, 5). */
import { decoded } from '../base/content-coding.js'
import type { Call, Hint } from '../base/types.js'

/** More than any error of DocuSign's (facts 1.5). */
export const MAX_HINTED_BYTES = 16_384

/** By the code without its `_`: DocuSign's pages and its answers do not agree on where they stand, nor on the case. */
const CODES: ReadonlyMap<string, Hint> = new Map<string, Hint>([
  ['HOURLYAPIINVOCATIONLIMITEXCEEDED', 'hour-limit'],
  ['BURSTAPIINVOCATIONLIMITEXCEEDED', 'burst-limit'],
  ['HOURLYENVELOPEPOLLINGLIMITEXCEEDED', 'envelope-polling-limit'],
  ['BURSTENVELOPEPOLLINGLIMITEXCEEDED', 'envelope-polling-limit'],
  ['HOURLYAPIINVOCATIONENVELOPELIMITEXCEEDED', 'envelope-update-limit'],
  ['BURSTAPIINVOCATIONENVELOPELIMITEXCEEDED', 'envelope-update-limit'],
  ['APIREQUESTISTHROTTLED', 'download-limit'],
  ['RECIPIENTLIMITEXCEEDED', 'recipient-limit'],
  ['ENVELOPESENDLIMITEXCEEDED', 'envelope-send-limit'],
  ['ONESIGNALLSIGNNOTSATISFIED', 'freeform-signing'],
  ['AUTHORIZATIONINVALIDTOKEN', 'token-not-accepted'],
  ['USERAUTHENTICATIONFAILED', 'token-not-accepted'],
  ['PARTNERAUTHENTICATIONFAILED', 'integration-key-not-found'],
  ['USERDOESNOTBELONGTOSPECIFIEDACCOUNT', 'not-a-member'],
  ['ENVELOPEDOESNOTEXIST', 'envelope-not-found'],
  ['ACCOUNTNOTAUTHORIZEDFORENVELOPE', 'envelope-of-others'],
  ['CONSENTREQUIRED', 'consent-required'],
  ['USERNOTFOUND', 'user-not-found'],
])
/** What stands beside `invalid_grant`. */
const GRANTS: ReadonlyMap<string, Hint> = new Map<string, Hint>([
  ['USERNOTFOUND', 'grant-user-not-found'],
  ['INVALIDSUBJECT', 'grant-invalid-subject'],
  ['ISSUERNOTFOUND', 'grant-issuer-not-found'],
  ['NOVALIDKEYSORSIGNATURES', 'grant-no-valid-keys'],
  ['EXPIREDGRANT', 'grant-expired'],
])

/** Whether an answer may be one of them, and so is worth reading first. A 400 or 429 of the API is read anyhow. */
export function mayBeHinted({ service }: Call, status: number): boolean {
  return status === 401 || status === 403 || status === 404 || (service === 'oauth' && status === 400)
}

/** @param lines raw pairs of the answer's head. Never throws */
export function hintOf(lines: readonly string[], body: Buffer): Hint | undefined {
  const encoding = headerOf(lines, 'content-encoding') ?? ''
  const text = decoded(body, encoding, MAX_HINTED_BYTES)?.toString('utf8')
  if (text === undefined) return undefined
  const fields = fieldsOf(text)
  const code = plain(fields['errorCode'] ?? fields['error'])
  const said = fields['message'] ?? fields['error_description']
  if (code === 'INVALIDGRANT') return GRANTS.get(plain(said)) ?? 'grant-invalid'
  const known = CODES.get(code)
  if (known) return known
  // Its code is in no page that we have seen; its words are (FAQ).
  return typeof said === 'string' && /duplicate recipients/i.test(said) ? 'duplicate-recipients' : undefined
}

/** What the client is told of it. */
export function hintLine(hint: Hint | undefined): readonly string[] {
  return hint === undefined ? [] : ['X-Governor-Hint', hint]
}

function plain(word: unknown): string {
  return typeof word === 'string' ? word.replaceAll('_', '').toUpperCase() : ''
}

/** JSON's fields at the top, or the elements right under the root of XML. */
function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  if (text.trimStart().startsWith('<')) {
    const [, errorCode] = /<errorCode>([^<]{1,100})<\/errorCode>/.exec(text) ?? []
    const [, message] = /<message>([^<]{1,2000})<\/message>/.exec(text) ?? []
    return { errorCode, message }
  }
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function headerOf(lines: readonly string[], name: string): string | undefined {
  const at = lines.findIndex((word, i) => i % 2 === 0 && word.toLowerCase() === name)
  return at === -1 ? undefined : lines[at + 1]
}
