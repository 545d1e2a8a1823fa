import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { fractionOf, guidOf } from './chance.js'
import type { SimulatorOptions } from './options.js'

/** An account. Its GUID and its number are two names of one thing: limits and envelopes are shared (facts 4). */
export interface Account {
  readonly id: string
  readonly number: string
  readonly name: string
  readonly index: number
  readonly createdMs: number
}

export interface User {
  readonly id: string
  readonly name: string
  readonly givenName: string
  readonly familyName: string
  readonly email: string
  /** The accounts this user belongs to; the first one is the default. */
  readonly accounts: readonly Account[]
  /** The account this user administers, seeing everyone's envelopes. */
  readonly administers: Account | undefined
}

/** An app as DocuSign knows it. */
export interface App {
  readonly integrationKey: string
  readonly secret: string
  privateKeyPem(): string
  publicKeyPem(): string
}

export interface People {
  readonly accounts: readonly Account[]
  readonly users: readonly User[]
  readonly apps: readonly App[]
  /** By GUID (in any case) or number. */
  account(spelling: string): Account | undefined
  user(id: string): User | undefined
  userByEmail(email: string): User | undefined
  app(integrationKey: string): App | undefined
}

const GIVEN = ['Ada', 'Ben', 'Chi', 'Dana', 'Emre', 'Fay', 'Gus', 'Hana', 'Ivo', 'June', 'Kofi', 'Lena']
const FAMILY = ['Archer', 'Brook', 'Carter', 'Dale', 'Ellis', 'Frost', 'Grant', 'Hale', 'Irwin', 'Jones']
const LONG_AGO = Date.UTC(2019, 4, 6, 9, 30)

/** Everyone there is, from the seed alone, so that ids are the same at every start. */
export function makePeople(options: SimulatorOptions): People {
  const { seed } = options
  const accounts = Array.from({ length: options.accounts }, (_, index): Account => {
    const number = 10_000_000 + Math.floor(fractionOf(seed, index, 1) * 80_000_000) + index
    const id = guidOf(seed, 'account', index)
    return { id, number: String(number), name: `Sample Company ${index + 1}`, index, createdMs: LONG_AGO }
  })
  const users = accounts.flatMap((account, a) =>
    Array.from({ length: options.users }, (_, u): User => {
      const n = a * options.users + u
      const givenName = GIVEN[n % GIVEN.length] ?? 'Ada'
      const familyName = FAMILY[n % FAMILY.length] ?? 'Archer'
      // The first user of all belongs to every account, because an app must cope with several base URIs.
      const others = n === 0 ? accounts.slice(1) : []
      return {
        id: guidOf(seed, 'user', n),
        name: `${givenName} ${familyName}`,
        givenName,
        familyName,
        email: `${givenName}.${familyName}.${n}@example.com`.toLowerCase(),
        accounts: [account, ...others],
        administers: u === 0 ? account : undefined,
      }
    }),
  )
  const apps = Array.from({ length: options.apps }, (_, n) => makeApp(seed, n, options.integrationKeyPems[n]))

  const accountNames = new Map(accounts.flatMap(one => [[one.id, one] as const, [one.number, one] as const]))
  const byId = new Map(users.map(user => [user.id, user]))
  const byEmail = new Map(users.map(user => [user.email, user]))
  const byKey = new Map(apps.map(app => [app.integrationKey, app]))
  return {
    accounts,
    users,
    apps,
    account: spelling => accountNames.get(spelling.toLowerCase()),
    user: id => byId.get(id.toLowerCase()),
    userByEmail: email => byEmail.get(email.toLowerCase()),
    app: key => byKey.get(key.toLowerCase()),
  }
}

function makeApp(seed: number, n: number, givenPem: string | undefined): App {
  let pem = givenPem
  // Made when first asked for: two RSA keys cost more than the rest of a start, and many runs need none.
  const privateKeyPem = () => (pem ??= makePem())
  return {
    integrationKey: guidOf(seed, 'integration key', n),
    secret: guidOf(seed, 'secret', n),
    privateKeyPem,
    publicKeyPem: () =>
      createPublicKey(createPrivateKey(privateKeyPem())).export({ type: 'spki', format: 'pem' }).toString(),
  }
}

function makePem(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
}
