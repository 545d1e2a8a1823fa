import { AUDIENCES } from './assertion.js'
import type { House } from './house.js'

/** Whatever an app needs to come in. */
export interface Credentials {
  readonly integrationKeys: readonly {
    readonly integrationKey: string
    readonly secret: string
    readonly privateKeyPem: string
    readonly publicKeyPem: string
  }[]
  readonly users: readonly {
    readonly userId: string
    readonly name: string
    readonly email: string
    /** GUIDs of the user's accounts, the default one first. */
    readonly accounts: readonly string[]
  }[]
  readonly accounts: readonly {
    readonly accountId: string
    readonly number: string
    readonly name: string
    readonly baseUri: string
  }[]
  /** What `aud` of an assertion must be. */
  readonly audience: string
}

export function credentialsOf({ people, baseUri }: House): Credentials {
  return {
    integrationKeys: people.apps.map(app => ({
      integrationKey: app.integrationKey,
      secret: app.secret,
      privateKeyPem: app.privateKeyPem(),
      publicKeyPem: app.publicKeyPem(),
    })),
    users: people.users.map(user => ({
      userId: user.id,
      name: user.name,
      email: user.email,
      accounts: user.accounts.map(account => account.id),
    })),
    accounts: people.accounts.map(account => ({
      accountId: account.id,
      number: account.number,
      name: account.name,
      baseUri: baseUri(account),
    })),
    audience: AUDIENCES[0] ?? '',
  }
}
