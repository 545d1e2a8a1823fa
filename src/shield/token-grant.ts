/**
 * Whose token did `/oauth/token` answer with, and to which integration (facts 5)? The request says it, and is believed
 * because DocuSign answered it with a token. That holds only if DocuSign read the request as we do: one that a second
 * reader could take for something else (a field twice, in the query, in another charset; a claim twice) says nothing,
 * because its author would get a token of their own and be shown another user's copies for it.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { bearerKey } from './credential.js'
import { fieldsIn, fieldsOf, guidIn, type Fields } from './oauth-json.js'
import type { Issued } from './tokens.js'

export interface TokenRequest {
  /** What follows the first `?`; '' without one. */
  readonly query: string
  readonly headers: IncomingHttpHeaders
  /** `undefined` where it was not kept. */
  readonly body: Buffer | undefined
}

export interface TokenGrant extends Issued {
  /** What `readCredential` makes of `Authorization: Bearer <access token>`. */
  readonly token: string
}

/** Of the request and the answer each. */
export const MAX_GRANT_BYTES = 65_536

const FORM_TYPE = /^application\/x-www-form-urlencoded(?:\s*;\s*charset="?utf-8"?)?\s*$/i
const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const CLIENT_GRANTS = new Set(['authorization_code', 'refresh_token'])
const FORM_FIELDS = new Set([
  'grant_type',
  'assertion',
  'scope',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
  'client_id',
  'client_secret',
])
const BASIC = /^basic ([A-Za-z0-9+/]+={0,2})$/i
const JWS = /^[\w-]+\.([\w-]+)\.[\w-]+$/
const ACCESS_TOKEN = /^[\x21-\x7e]{1,16384}$/
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * @param answer the body of the 200, without a content coding
 * @returns ids in lower case; `undefined` where there is nothing to learn. Never throws
 */
export function readTokenGrant(request: TokenRequest, answer: Buffer): TokenGrant | undefined {
  const token = accessTokenIn(answer)
  const form = formOf(request)
  if (token === undefined || form === undefined) return undefined
  const grant = form.get('grant_type') ?? ''
  if (grant === JWT_GRANT) {
    const issued = assertedIn(form.get('assertion') ?? '')
    return issued && { token: bearerKey(token), ...issued }
  }
  const client = CLIENT_GRANTS.has(grant) ? clientOf(request.headers, form) : undefined
  return client === undefined ? undefined : { token: bearerKey(token), integrationKey: client }
}

function accessTokenIn(answer: Buffer): string | undefined {
  const fields = fieldsOf(answer, MAX_GRANT_BYTES)
  const token = fields?.['access_token']
  const type = fields?.['token_type']
  if (typeof token !== 'string' || typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    return undefined
  return ACCESS_TOKEN.test(token) ? token : undefined
}

/** Fields by their plain names. A name that is unknown, escaped or there twice makes it no form that we read. */
function formOf({ query, headers, body }: TokenRequest): ReadonlyMap<string, string> | undefined {
  if (query !== '' || body === undefined || body.length > MAX_GRANT_BYTES) return undefined
  if (!FORM_TYPE.test(headers['content-type'] ?? '') || headers['content-encoding'] !== undefined) {
    return undefined
  }
  const form = new Map<string, string>()
  for (const field of body.toString('latin1').split('&')) {
    const [name = '', value, ...rest] = field.split('=')
    if (!FORM_FIELDS.has(name) || form.has(name) || value === undefined) return undefined
    // Some readers end a field here, too.
    if (field.includes(';')) return undefined
    const plain = unescaped([value, ...rest].join('='))
    if (plain === undefined) return undefined
    form.set(name, plain)
  }
  return form
}

function unescaped(value: string): string | undefined {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** DocuSign has checked the signature before it answered with a token; the claims are for us to read. */
function assertedIn(assertion: string): Issued | undefined {
  const payload = JWS.exec(assertion)?.[1]
  const claims = payload === undefined ? undefined : plainClaims(Buffer.from(payload, 'base64url'))
  const user = guidIn(claims?.['sub'])
  const integrationKey = guidIn(claims?.['iss'])
  if (user === undefined || integrationKey === undefined) return undefined
  return { user, integrationKey }
}

/** Without escapes, so that a name stands there as it is read, and counting it tells of a second. */
function plainClaims(payload: Buffer): Fields | undefined {
  let text: string
  try {
    text = UTF8.decode(payload)
  } catch {
    return undefined
  }
  if (text.includes('\\')) return undefined
  return isOnce('sub', text) && isOnce('iss', text) ? fieldsIn(text) : undefined
}

/** In any case of letters, because some readers do not mind it. */
function isOnce(name: string, text: string): boolean {
  return text.match(new RegExp(`"${name}"\\s*:`, 'gi'))?.length === 1
}

/** Whom `Authorization: Basic` names, or the form of a public client; two that contradict each other name nobody. */
function clientOf(
  { authorization }: IncomingHttpHeaders,
  form: ReadonlyMap<string, string>,
): string | undefined {
  const basic = BASIC.exec(authorization ?? '')?.[1]
  const named = form.get('client_id')
  if (basic === undefined) return authorization === undefined ? guidIn(named) : undefined
  const client = guidIn(Buffer.from(basic, 'base64').toString('latin1').split(':', 1)[0])
  return named === undefined || guidIn(named) === client ? client : undefined
}
