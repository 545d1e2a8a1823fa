import type docusign from 'docusign-esign'
import type { EnvelopesApi } from 'docusign-esign'
import type { Clock } from '../base/clock.js'
import { LoginFailed } from './failures.js'
import { requestAccounts, requestToken, type Identity } from './tokens.js'

export type Sdk = typeof docusign

/** An app that is logged in. */
export interface Session {
  readonly envelopes: EnvelopesApi
  readonly accountId: string
  /** Gets a new token where the old one is about to expire or was refused. @throws LoginFailed */
  refresh(): Promise<void>
  /** DocuSign did not take the token: it was revoked, or the clocks disagree. */
  distrust(): void
}

export interface SessionNeeds {
  readonly sdk: Sdk
  /** The governor, with the name of the app: `http://127.0.0.1:8080/apps/poller`. */
  readonly url: string
  readonly identity: Identity
  readonly clock: Clock
}

/** A token is renewed when this share of its life is over. */
const RENEW_AT = 0.8
/** Far above any answer of the simulator's. */
const TIMEOUT_MS = 10_000

/**
 * Logs in as DocuSign's examples do: a token, then `/oauth/userinfo`, then calls to the base URI found there.
 *
 * @throws LoginFailed when there is no token, or the base URI leads past the governor
 */
export async function logIn({ sdk, url, identity, clock }: SessionNeeds): Promise<Session> {
  const client = new sdk.ApiClient()
  client.timeout = TIMEOUT_MS
  let renewAtMs = 0

  async function renew(): Promise<string> {
    const { accessToken, lifeMs } = await requestToken(url, identity, clock.wallMs())
    renewAtMs = clock.nowMs() + lifeMs * RENEW_AT
    client.addDefaultHeader('Authorization', `Bearer ${accessToken}`)
    return accessToken
  }

  const accounts = await requestAccounts(url, await renew())
  const account = accounts.find(one => one.is_default)
  // Only the governor gives an account a base URI with the app's name in it.
  if (!account?.base_uri.endsWith(new URL(url).pathname)) {
    throw new LoginFailed(
      `${url}/oauth/userinfo named ${account?.base_uri ?? 'no account'}, not the governor`,
    )
  }
  client.setBasePath(`${account.base_uri}/restapi`)
  return {
    envelopes: new sdk.EnvelopesApi(client),
    accountId: account.account_id,
    async refresh() {
      if (clock.nowMs() >= renewAtMs) await renew()
    },
    distrust() {
      renewAtMs = 0
    },
  }
}
