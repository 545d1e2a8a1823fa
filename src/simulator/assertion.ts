import { createPublicKey, verify } from 'node:crypto'
import type { Given } from './given.js'
import { asGiven, textOf } from './given.js'
import type { App, People, User } from './people.js'

export type Verdict =
  | { readonly kind: 'granted'; readonly user: User; readonly app: App; readonly scope: string }
  | { readonly kind: 'refused'; readonly error: string; readonly description?: string }

export const AUDIENCES: readonly string[] = ['account-d.docusign.com', 'account.docusign.com']

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Judges the assertion of a JWT grant; the answers are those of the FAQ's table (facts 5).
 *
 * Expiry is judged by the machine's wall clock and not by DocuSign's skewed one: a skew is for limits and dates, and
 * must not lock every app out.
 */
export function judgeAssertion(
  assertion: string,
  people: People,
  hasConsent: (user: User, app: App) => boolean,
  wallMs: number,
): Verdict {
  const refused = (description: string): Verdict => ({ kind: 'refused', error: 'invalid_grant', description })
  const [head = '', payload = '', signature = '', ...rest] = assertion.split('.')
  const header = decode(head)
  const claims = decode(payload)
  if (!header || !claims || rest.length > 0) return refused('no_valid_keys_or_signatures')

  const app = people.app(textOf(claims, 'iss') ?? '')
  if (!app) return refused('issuer_not_found')
  const signed = Buffer.from(`${head}.${payload}`)
  const isSigned =
    header['alg'] === 'RS256' &&
    verify('RSA-SHA256', signed, createPublicKey(app.publicKeyPem()), Buffer.from(signature, 'base64url'))
  if (!isSigned) return refused('no_valid_keys_or_signatures')

  const { exp, nbf, aud } = claims
  const nowSeconds = wallMs / 1000
  if (typeof exp !== 'number' || typeof aud !== 'string') return refused('no_valid_keys_or_signatures')
  if (!AUDIENCES.includes(aud)) return refused('no_valid_keys_or_signatures')
  if (typeof nbf === 'number' && nbf > nowSeconds) return refused('no_valid_keys_or_signatures')
  if (exp <= nowSeconds) return refused('expired_grant')

  const subject = textOf(claims, 'sub') ?? ''
  if (!GUID.test(subject)) return refused('invalid_subject')
  const user = people.user(subject)
  if (!user) return refused('user_not_found')

  const scope = textOf(claims, 'scope') ?? ''
  // Impersonation is what the user consents to, so an assertion that does not ask for it has no consent to lean on.
  if (!scope.split(' ').includes('impersonation') || !hasConsent(user, app)) {
    return { kind: 'refused', error: 'consent_required' }
  }
  return { kind: 'granted', user, app, scope }
}

function decode(part: string): Given | undefined {
  try {
    return asGiven(JSON.parse(Buffer.from(part, 'base64url').toString('utf8')))
  } catch {
    return undefined
  }
}
