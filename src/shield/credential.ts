/**
 * What a request says of who sends it, as keys. Hashed here, where it enters: raw credentials go on to the outgoing header
 * and nowhere else, so not into a memo either; the one SHA-256 of a 700-byte token that each call pays is 1.2 µs (measured).
 *
 * The key is of the whole value, byte for byte. A claim inside a token proves nothing, and neither does likeness: another
 * signature, another case, one more space are another token, which DocuSign has yet to accept. That holds for the
 * scheme, too (`bearer`): a rule of DocuSign's that we guess at would be ours, and keeping them apart costs a miss.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { keyOf } from '../base/key.js'

export interface Credential {
  /** Of `Authorization`; '' without one. */
  readonly token: string
  /** `Authorization` is a bearer token, so `/oauth/userinfo` can say whose. */
  readonly hasBearer: boolean
  /** Of `X-DocuSign-Authentication`; '' without one. */
  readonly legacy: string
  /** Of the lines that ask for another's view (facts 10); '' without any. */
  readonly acting: string
  /** Of token and legacy together. */
  readonly id: string
  /** The key of its proof on an account, once it was asked for (`proofs.ts`): a call asks several times. */
  proof?: { readonly account: string; readonly key: string } | undefined
}

const BEARER = /^bearer /i

/**
 * @param headers the lines as they go up. Node keeps the first of two `Authorization` lines and joins the others with a
 *   comma, and so they are sent: what is hashed is what DocuSign sees
 * @returns `undefined` where a request has no credential, or one of its lines is empty or a list: nobody can say who
 *   that is, so it is never answered from a copy, and what it is answered proves nothing
 */
export function readCredential(headers: IncomingHttpHeaders): Credential | undefined {
  const { authorization } = headers
  const legacyLine = headers['x-docusign-authentication']
  const onBehalf = headers['x-docusign-act-on-behalf']
  const asUser = headers['x-docusign-act-as-user']
  // What it changes is not documented (facts 10); its name says that it is what is seen.
  const organization = headers['x-docusign-allow-organization']
  if (!isPlain(authorization) || !isPlain(legacyLine)) return undefined
  if (!isPlain(onBehalf) || !isPlain(asUser) || !isPlain(organization)) return undefined
  if (authorization === undefined && legacyLine === undefined) return undefined

  const token = authorization === undefined ? '' : keyOf(authorization)
  const legacy = legacyLine === undefined ? '' : keyOf(legacyLine)
  const isSelf = onBehalf === undefined && asUser === undefined && organization === undefined
  return {
    token,
    hasBearer: authorization !== undefined && BEARER.test(authorization),
    legacy,
    acting: isSelf ? '' : keyOf(onBehalf ?? '', asUser ?? '', organization ?? ''),
    id: legacy === '' ? token : keyOf(token, legacy),
    proof: undefined,
  }
}

/** The `token` of a request that sends this access token as DocuSign's examples do. */
export function bearerKey(accessToken: string): string {
  return keyOf(`Bearer ${accessToken}`)
}

/** Absent, or one line that says something. */
function isPlain(line: string | readonly string[] | undefined): line is string | undefined {
  return line === undefined || (typeof line === 'string' && line.trim() !== '')
}
