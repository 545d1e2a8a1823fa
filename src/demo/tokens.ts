import { sign } from 'node:crypto'
import { LoginFailed } from './failures.js'

/** What an app is given when it is registered with DocuSign, and the user it acts for. */
export interface Identity {
  readonly integrationKey: string
  readonly privateKeyPem: string
  readonly userId: string
  /** `account-d.docusign.com` for DocuSign's demo environment. */
  readonly audience: string
}

export interface Token {
  readonly accessToken: string
  readonly lifeMs: number
}

const ASSERTION_LIFE_SECONDS = 3600
const TIMEOUT_MS = 10_000

/**
 * A JWT grant, asked of `/oauth/token` below `url`. The SDK's own call will not do: it speaks https only, and puts the
 * host it is pointed at into `aud`, which DocuSign refuses from anyone who goes through a proxy (facts 11.1).
 *
 * @throws LoginFailed when there is no token to be had
 */
export async function requestToken(url: string, identity: Identity, wallMs: number): Promise<Token> {
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: makeAssertion(identity, Math.floor(wallMs / 1000)),
  })
  const granted = await askOAuth(`${url}/oauth/token`, { method: 'POST', body: form })
  const { access_token: accessToken, expires_in: seconds } = granted as TokenAnswer
  return { accessToken, lifeMs: seconds * 1000 }
}

/** What of `/oauth/userinfo` an app needs (facts 4). */
export interface Account {
  readonly account_id: string
  readonly is_default: boolean
  readonly base_uri: string
}

/**
 * The accounts of the token's user, and where each is reached.
 *
 * @throws LoginFailed
 */
export async function requestAccounts(url: string, accessToken: string): Promise<readonly Account[]> {
  const headers = { Authorization: `Bearer ${accessToken}` }
  const userinfo = await askOAuth(`${url}/oauth/userinfo`, { headers })
  return (userinfo as { accounts: readonly Account[] }).accounts
}

interface TokenAnswer {
  readonly access_token: string
  readonly expires_in: number
}

async function askOAuth(url: string, request: RequestInit): Promise<unknown> {
  let answer: Response
  try {
    answer = await fetch(url, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch (error) {
    throw new LoginFailed(`${url} cannot be reached`, { cause: error })
  }
  if (!answer.ok) throw new LoginFailed(`${url} answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}

function makeAssertion(
  { integrationKey, privateKeyPem, userId, audience }: Identity,
  nowSeconds: number,
): string {
  const claims = {
    iss: integrationKey,
    sub: userId,
    aud: audience,
    iat: nowSeconds,
    exp: nowSeconds + ASSERTION_LIFE_SECONDS,
    scope: 'signature impersonation',
  }
  const unsigned = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`
  return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), privateKeyPem).toString('base64url')}`
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
