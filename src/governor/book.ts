/** Every account that is known, by each of its names: made on its first call, and one where two names are seen to be. */
import type { Clock } from '../base/clock.js'
import { makeStore } from '../base/store.js'
import { Account } from './account.js'
import { makeAcquaintances } from './acquaintances.js'
import type { Alias } from './alias.js'
import { Budget } from './budget.js'
import { makeDocusignTime, type DocusignTime } from './docusign-time.js'
import type { Journal } from './journal.js'
import type { LaneConfig } from './lane.js'
import type { Restored } from './restore.js'
import type { AppPriority } from './priority.js'
import type { Treasury } from './treasury.js'
import type { Alignment, BudgetConfig } from './standing.js'

export interface GovernorConfig {
  readonly hour: { readonly limit: number; readonly windowMs: number; readonly alignment: Alignment }
  readonly burst: { readonly limit: number; readonly windowMs: number }
  readonly learn: boolean
  readonly margin: number
  /** `observe`: nothing is held or refused, only counted. */
  readonly mode: 'enforce' | 'observe'
  /** By number or GUID, lower case. */
  readonly accounts: ReadonlyMap<
    string,
    { readonly hourLimit: number | undefined; readonly burstLimit: number | undefined }
  >
  readonly maxWaitMs: number
  readonly maxLength: number
  /** By name, as the settings spell it. */
  readonly apps: ReadonlyMap<string, AppPriority & { readonly reserve: number }>
  /** Only where time is not the machine's (`wicket.ts`). */
  readonly turnstile?: LaneConfig['turnstile']
}

export interface Book {
  accountOf(name: string, origin: string): Account
  /** The same for a question: an account that nobody has called for is not remembered for being asked about. */
  find(name: string): Account
  /** The name that stands for an account, whichever of its two is used. */
  nameOf(name: string): string
  /** The one that was asked about, and the account's other one where that is known. */
  namesOf(name: string): readonly string[]
  /** From the one used last; each once, whatever its names. */
  all(): Account[]
  unite(aliases: readonly Alias[]): void
  configure(config: GovernorConfig): void
  /** Takes up what earlier runs left. Once, before the first call. */
  restore(accounts: readonly Restored[]): void
  /** DocuSign's clock at `nowMs`, epoch milliseconds, as well as we know it. */
  docusignMs(origin: string, nowMs: number): number
}

/** Some kilobyte each. Beyond it the account used longest ago is forgotten, and begins again with one call alone. */
const MAX_ACCOUNTS = 50_000

export function makeBook(initial: GovernorConfig, journal: Journal, clock: Clock, treasury?: Treasury): Book {
  let config = initial
  let lanes = laneConfig(config)
  const accounts = makeAcquaintances<Account>(MAX_ACCOUNTS)
  /** GUID → number, and back; and the one of the two that stands for the account, because every call is asked for it. */
  const otherNames = makeStore<{ readonly name: string; key: string }>(2 * MAX_ACCOUNTS)
  const times = new Map<string, DocusignTime>()
  const nowhere = makeDocusignTime(clock.wallMs(), clock.nowMs())
  // Calls come in runs, and the one before was most often for the same account.
  let last: { readonly name: string; readonly account: Account } | undefined

  // Bounded by the hosts that accounts can live in, which DocuSign's own answers name.
  function timeAt(origin: string): DocusignTime {
    let time = times.get(origin)
    if (!time) times.set(origin, (time = makeDocusignTime(clock.wallMs(), clock.nowMs())))
    return time
  }

  // One object for all accounts that have no limits of their own.
  let usual = usualConfig(config)
  function budgetConfig(name: string): BudgetConfig {
    const own = config.accounts.get(name)
    if (!own) return usual
    return {
      ...usual,
      hour: { ...usual.hour, limit: own.hourLimit ?? usual.hour.limit },
      burst: { ...usual.burst, limit: own.burstLimit ?? usual.burst.limit },
    }
  }

  function open(name: string): Account {
    const budget = new Budget(budgetConfig(name), nowhere)
    return new Account(name, budget, journal.open(name), lanes, clock, treasury)
  }

  function accountOf(name: string, origin: string): Account {
    let account = last?.name === name ? last.account : accounts.get(name)
    if (!account) accounts.set(name, (account = open(name)))
    if (account !== last?.account) last = { name, account }
    if (account.origin !== origin) account.live(origin, timeAt(origin))
    return account
  }

  function pair(name: string, other: string): void {
    otherNames.set(name, { name: other, key: accounts.peek(name)?.key ?? name })
    otherNames.set(other, { name, key: accounts.peek(other)?.key ?? other })
  }

  function know(name: string, account: Account): void {
    accounts.set(name, account)
    const known = otherNames.peek(name)
    if (known) known.key = account.key
  }

  function unite(aliases: readonly Alias[]): void {
    for (const { number, guid } of aliases) {
      pair(guid, number)
      const one = accounts.get(guid)
      const other = accounts.get(number)
      if (one === other || (!one && !other)) continue
      const account = (one ?? other) as Account
      if (one && other) one.absorb(other, clock.nowMs())
      else journal.open(one ? number : guid).learned(clock.nowMs(), { sameAs: account.key })
      account.pooledAs(guid, number)
      for (const name of [guid, number]) know(name, account)
      last = undefined
    }
  }

  treasury?.whenSame((number, guid) => unite([{ number, guid }]))

  return {
    accountOf,
    find: name => accounts.get(name) ?? open(name),
    nameOf: name => otherNames.peek(name)?.key ?? name,
    namesOf(name) {
      const other = otherNames.peek(name)
      return other ? [name, other.name] : [name]
    },
    all: () => [...new Set(accounts.values())],

    unite,

    configure(next) {
      config = next
      lanes = laneConfig(next)
      usual = usualConfig(next)
      for (const account of accounts.values()) {
        account.budget.configure(budgetConfig(account.key))
        account.lane.reconfigure(lanes)
      }
    },

    restore(restored) {
      const nowMs = clock.nowMs()
      for (const { account: name, alsoKnownAs, completions, remaining, resetAtSeconds, facts } of restored) {
        const account = open(name)
        account.isMet = true
        const { hourLimit, burstLimit, blockedUntilMs } = facts ?? {}
        account.budget.restore({ completions, remaining, resetAtSeconds, hourLimit, burstLimit }, nowMs)
        if (blockedUntilMs !== undefined && blockedUntilMs > nowMs) {
          account.budget.block('unknown', blockedUntilMs, nowMs)
        }
        accounts.set(name, account)
        for (const other of alsoKnownAs) {
          pair(name, other)
          know(other, account)
        }
      }
    },

    docusignMs(origin, nowMs) {
      const time = timeAt(origin)
      return nowMs - (time.earliestMs(0) + time.latestMs(0)) / 2
    },
  }
}

function usualConfig({ hour, burst, learn, margin }: GovernorConfig): BudgetConfig {
  return { hour, burst, learn, margin }
}

function laneConfig({ apps, maxLength, turnstile }: GovernorConfig): LaneConfig {
  const reserves = [...apps]
    .filter(([, app]) => app.reserve > 0)
    .map(([name, app]) => [name, app.reserve] as const)
  return { maxLength, reserves: new Map(reserves), turnstile }
}
