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

export function credentialsOf(house: House): Credentials {
  return {
    integrationKeys: house.people.apps.map(app => ({
      integrationKey: app.integrationKey,
      secret: app.secret,
      privateKeyPem: app.privateKeyPem(),
      publicKeyPem: app.publicKeyPem(),
    })),
    users: usersOf(house),
    accounts: accountsOf(house),
    audience: AUDIENCES[0] ?? '',
  }
}

export function usersOf({ people }: House): Credentials['users'] {
  return people.users.map(({ id, name, email, accounts }) => {
    return { userId: id, name, email, accounts: accounts.map(account => account.id) }
  })
}

export function accountsOf({ people, baseUri }: House): Credentials['accounts'] {
  return people.accounts.map(account => {
    const { id, number, name } = account
    return { accountId: id, number, name, baseUri: baseUri(account) }
  })
}
