/**
 * Which data centre an account lives in, and what `/oauth/userinfo` tells of it: an app that follows DocuSign's
 * examples calls the `base_uri` it finds there, and so would walk past us (facts 4).
 */
import { decoded } from '../base/content-coding.js'
import { makeStore } from '../base/store.js'
import { readOrigin, type Origin } from './exchange.js'

export interface AccountsConfig {
  /** Where a call goes whose account we have heard nothing of, as `https://host[:port]`. */
  readonly api: string
  readonly oauth: string
}

export interface Accounts {
  readonly originOf: (service: 'oauth' | 'api', account: string | undefined) => Origin
  readonly learn: (found: readonly Residence[]) => void
  configure(config: AccountsConfig): void
}

export interface Residence {
  readonly account: string
  readonly baseUri: string
}

/** Room for every account of a large integrator; one entry is some 200 bytes. */
const MAX_ACCOUNTS = 50_000
const MAX_HOSTS = 256

/** What other nodes have found. */
export interface SharedHomes {
  settle(account: string, baseUri: string): void
  homeOf(account: string): string | undefined
}

/** @param others where several nodes tell each other */
export function makeAccounts(initial: AccountsConfig, others?: SharedHomes): Accounts {
  let config = originsOf(initial)
  const homes = makeStore<Origin>(MAX_ACCOUNTS)
  // One object a host, because what is made for a host hangs on it.
  const hosts = makeStore<Origin>(MAX_HOSTS)

  function settle(account: string, baseUri: string): Origin | undefined {
    const read = originIn(baseUri)
    const origin = read && (hosts.get(read.text) ?? read)
    // A token must never travel in the clear because an answer said so: http only where the operator chose it.
    if (!origin || (origin.protocol !== 'https:' && config.api.protocol !== 'http:')) return undefined
    hosts.set(origin.text, origin)
    homes.set(account, origin)
    return origin
  }

  function heardOf(account: string): Origin | undefined {
    const baseUri = others?.homeOf(account)
    return baseUri === undefined ? undefined : settle(account, baseUri)
  }

  return {
    originOf(service, account) {
      if (service === 'oauth') return config.oauth
      return (account === undefined ? undefined : (homes.get(account) ?? heardOf(account))) ?? config.api
    },
    learn(found) {
      for (const { account, baseUri } of found) {
        if (settle(account.toLowerCase(), baseUri)) others?.settle(account.toLowerCase(), baseUri)
      }
    },
    configure: next => void (config = originsOf(next)),
  }
}

function originsOf({ api, oauth }: AccountsConfig) {
  return { api: readOrigin(api), oauth: readOrigin(oauth) }
}

function originIn(baseUri: string): Origin | undefined {
  try {
    return readOrigin(baseUri)
  } catch {
    return undefined
  }
}

export interface Userinfo {
  readonly body: Buffer
  readonly found: readonly Residence[]
}

/**
 * The same answer with every account's `base_uri` replaced by `base`, and where those accounts really live.
 * `undefined` when the body is not such an answer; it then passes as it came.
 *
 * @param encoding the answer's `Content-Encoding`; the body returned has none
 * @param maxBytes the most that a compressed body may become
 */
export function rewriteUserinfo(
  body: Buffer,
  encoding: string,
  base: string,
  maxBytes: number,
): Userinfo | undefined {
  let info: unknown
  try {
    const plain = decoded(body, encoding, maxBytes)
    if (!plain) return undefined
    info = JSON.parse(plain.toString('utf8'))
  } catch {
    return undefined
  }
  if (!isObject(info) || !Array.isArray(info['accounts'])) return undefined
  const found: Residence[] = []
  for (const account of info['accounts'] as unknown[]) {
    if (!isObject(account) || typeof account['base_uri'] !== 'string') continue
    if (typeof account['account_id'] === 'string') {
      found.push({ account: account['account_id'], baseUri: account['base_uri'] })
    }
    account['base_uri'] = base
  }
  return { body: Buffer.from(JSON.stringify(info)), found }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
