/**
 * The governor: may we ask DocuSign now? Each account has a budget (what DocuSign would still take) and a lane (who
 * waits for it); a call goes at once, waits, or is refused with the second at which it need not be.
 *
 *   call ──▶ host cut off? envelope at rest? ──▶ lane of its account ──▶ budget ──▶ journal ──▶ permit ──▶ sent
 *                                                      ▲                   ▲
 *                                                      └── wakes who waits ┴── what the answer's headers say
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../base/clock.js'
import { makeStore } from '../base/store.js'
import type { Call, Refusal, Window, Would } from '../base/types.js'
import { Account, type Queue } from './account.js'
import type { Alias } from './alias.js'
import { Budget, type Alignment, type BudgetConfig, type Standing } from './budget.js'
import { makeDocusignTime, type DocusignTime } from './docusign-time.js'
import { documentOf, makeDownloads } from './downloads.js'
import { makeEnvelopeHolds } from './envelope-holds.js'
import { makeHostBlocks } from './host-blocks.js'
import type { Journal } from './journal.js'
import type { LaneConfig } from './lane.js'
import { Permit, type Admission, type PermitParts } from './permit.js'
import { readWaitMs } from './prefer.js'
import { priorityOf, type AppPriority, type Priority } from './priority.js'
import { envelopeRefusal, hostRefusal, turnedRefusal } from './refusals.js'
import { Visit, type Gate, type Wish } from './visit.js'

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
}

export interface AccountStanding extends Standing {
  readonly account: string
  readonly queue: Queue
}

/** When so many calls could be done. Milliseconds from now. */
export interface Quote {
  readonly startMs: number
  readonly finishMs: number
  /** Calls that may be sent in this hour, now. */
  readonly remaining: number
}

export interface Governor {
  /** What the request says beside its target: how urgent it is, and how long it may be held. */
  wish(call: Call, headers: IncomingHttpHeaders): Wish
  /** Leave to send a call to this origin; a refusal; or a wait that ends in one of them. */
  enter(call: Call, wish: Wish, origin: string): Permit | Refusal | Visit
  configure(config: GovernorConfig): void
  /** Every account that is known, each once, as it is read; the one called last comes first. */
  standings(): Iterable<AccountStanding>
  /** `undefined`: nobody has called for this account. */
  quote(account: string, calls: number, priority: Priority): Quote
  /** Everybody who waits is told that we are shutting down. */
  drain(): void
}

/** Some kilobyte each. Beyond it the account used longest ago is forgotten, and begins again with one call alone. */
const MAX_ACCOUNTS = 50_000
const AT_ONCE: Admission = { waitedMs: 0, heldBy: undefined, would: undefined, enforced: true }

export function makeGovernor(initial: GovernorConfig, journal: Journal, clock: Clock): Governor {
  let config = initial
  let lanes = laneConfig(config)
  const accounts = makeStore<Account>(MAX_ACCOUNTS)
  const times = new Map<string, DocusignTime>()
  const hosts = makeHostBlocks()
  const envelopes = makeEnvelopeHolds()
  const downloads = makeDownloads()
  let last: { readonly name: string; readonly account: Account } | undefined

  const permitParts: PermitParts = {
    clock,
    hosts,
    envelopes,
    windows: () => ({ hourMs: config.hour.windowMs, burstMs: config.burst.windowMs }),
    docusignMs(origin, nowMs) {
      const time = timeAt(origin)
      return nowMs - (time.earliestMs(0) + time.latestMs(0)) / 2
    },
    unite,
  }

  function unite(aliases: readonly Alias[]): void {
    for (const { number, guid } of aliases) {
      const one = accounts.get(guid)
      const other = accounts.get(number)
      if (one === other || (!one && !other)) continue
      const united = (one ?? other) as Account
      if (one && other) one.absorb(other, clock.nowMs())
      else journal.open(one ? number : guid).learned(clock.nowMs(), { sameAs: united.key })
      accounts.set(guid, united)
      accounts.set(number, united)
      last = undefined
    }
  }

  // Bounded by the hosts that accounts can live in, which DocuSign's own answers name.
  function timeAt(origin: string): DocusignTime {
    let time = times.get(origin)
    if (!time) times.set(origin, (time = makeDocusignTime(clock.wallMs(), clock.nowMs())))
    return time
  }

  function budgetConfig(name: string): BudgetConfig {
    const { hour, burst, learn, margin } = config
    const own = config.accounts.get(name)
    if (!own) return { hour, burst, learn, margin }
    return {
      hour: { ...hour, limit: own.hourLimit ?? hour.limit },
      burst: { ...burst, limit: own.burstLimit ?? burst.limit },
      learn,
      margin,
    }
  }

  function accountOf(name: string, origin: string): Account {
    if (last?.name === name) return last.account
    let account = accounts.get(name)
    if (!account) {
      const budget = new Budget(budgetConfig(name), timeAt(origin))
      account = new Account(name, budget, journal.open(name), lanes, clock)
      accounts.set(name, account)
    }
    last = { name, account }
    return account
  }

  function gate(call: Call, account: Account, origin: string, nowMs: number): Gate | undefined {
    const hostMs = hosts.waitMs(origin, nowMs)
    if (hostMs > 0) return { waitMs: hostMs, refusal: hostRefusal(hostMs) }
    if (call.envelope === undefined) return undefined
    const waitMs = envelopes.waitMs(call.account ?? '', call.envelope, call.methodClass, nowMs)
    if (waitMs === 0) return undefined
    const isWrite = call.methodClass === 'write'
    return { waitMs, refusal: envelopeRefusal(waitMs, isWrite, account.standing(nowMs)) }
  }

  function observed(account: Account, wish: Wish, nowMs: number): Would | undefined {
    const { waitMs, by } = account.forecast(nowMs, 0)
    if (waitMs === 0 || by === 'first') return undefined
    if (nowMs + waitMs <= wish.untilMs) return { waitMs, refused: undefined }
    return {
      waitMs,
      refused: by === 'hour' ? 'hour-spent' : by === 'burst' ? 'burst-spent' : 'upstream-blocked',
    }
  }

  return {
    wish(call, headers) {
      const { prefer } = headers
      const asked = headers['x-governor-priority']
      const app = config.apps.size > 0 ? config.apps.get(call.app.name) : undefined
      const waitMs = prefer === undefined ? undefined : readWaitMs(prefer, config.maxWaitMs)
      return {
        priority: priorityOf(call, app, typeof asked === 'string' ? asked : undefined),
        untilMs: clock.nowMs() + (waitMs ?? config.maxWaitMs),
      }
    },

    enter(call, wish, origin) {
      const nowMs = clock.nowMs()
      if (call.service === 'oauth') {
        const hostMs = config.mode === 'enforce' ? hosts.waitMs(origin, nowMs) : 0
        return hostMs > 0
          ? hostRefusal(hostMs)
          : new Permit(permitParts, call, origin, undefined, AT_ONCE, nowMs)
      }
      const account = accountOf(call.account ?? '', origin)
      if (config.mode === 'observe') {
        const would = observed(account, wish, nowMs)
        account.take(nowMs)
        return new Permit(permitParts, call, origin, account, { ...AT_ONCE, would, enforced: false }, nowMs)
      }
      const document = documentOf(call)
      const parts = () => ({
        clock,
        downloads,
        call,
        wish,
        account,
        document,
        gate: (atMs: number) => gate(call, account, origin, atMs),
        permit: (waitedMs: number, heldBy: Window | undefined, sentMs: number, release?: () => void) =>
          new Permit(permitParts, call, origin, account, { ...AT_ONCE, waitedMs, heldBy }, sentMs, release),
      })
      if (document !== undefined || gate(call, account, origin, nowMs))
        return new Visit(parts(), nowMs, undefined)
      const maxWaitMs = Math.max(0, wish.untilMs - nowMs)
      const entered = account.lane.enter({ app: call.app.name, priority: wish.priority, maxWaitMs }, nowMs)
      if (entered.kind === 'granted') return new Permit(permitParts, call, origin, account, AT_ONCE, nowMs)
      if (entered.kind === 'turned') return turnedRefusal(entered, account.standing(nowMs))
      return new Visit(parts(), nowMs, entered)
    },

    configure(next) {
      config = next
      lanes = laneConfig(next)
      for (const account of accounts.values()) {
        account.budget.configure(budgetConfig(account.key))
        account.lane.reconfigure(lanes)
      }
    },

    *standings() {
      const nowMs = clock.nowMs()
      const told = new Set<Account>()
      for (const account of accounts.values()) {
        if (told.has(account)) continue
        told.add(account)
        yield { account: account.key, ...account.standing(nowMs), queue: account.queue(nowMs) }
      }
    },

    quote(name, calls, priority) {
      const nowMs = clock.nowMs()
      // An account that nobody has called for yet is quoted by the settings, and not remembered for the asking.
      const account =
        accounts.get(name) ??
        new Account(name, new Budget(budgetConfig(name), timeAt('')), journal.open(name), lanes, clock)
      const { first, last: final } = account.lane.quote(nowMs, calls, priority)
      return {
        startMs: first.waitMs,
        finishMs: final.waitMs,
        remaining: account.standing(nowMs).hour.remaining,
      }
    },

    drain() {
      for (const account of accounts.values()) account.drain()
    },
  }
}

function laneConfig({ apps, maxLength }: GovernorConfig): LaneConfig {
  const reserves = [...apps]
    .filter(([, app]) => app.reserve > 0)
    .map(([name, app]) => [name, app.reserve] as const)
  return { maxLength, reserves: new Map(reserves) }
}
