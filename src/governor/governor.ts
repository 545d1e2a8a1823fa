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
import { Roster } from '../base/pigeonholes.js'
import type { Call, LimitsShown, Refusal, Window } from '../base/types.js'
import type { Account, Queue } from './account.js'
import { makeBook, type GovernorConfig } from './book.js'
import { observed } from './observed.js'
import type { Blocked, Quote, Standing } from './standing.js'
import { documentOf, makeDownloads } from './downloads.js'
import { makeEnvelopeHolds } from './envelope-holds.js'
import { makeHostBlocks, type BlockedHost } from './host-blocks.js'
import type { Journal } from './journal.js'
import { Permit, type Admission, type PermitParts } from './permit.js'
import { readWaitMs } from './prefer.js'
import { priorityOf, type Priority } from './priority.js'
import {
  envelopeRefusal,
  fullRefusal,
  hostRefusal,
  shown,
  SHUTTING_DOWN,
  STATE_UNAVAILABLE,
  turnedRefusal,
} from './refusals.js'
import type { Treasury } from './treasury.js'
import { Visit, type Gate, type Wish } from './visit.js'

export type { GovernorConfig } from './book.js'
export type { Blocked, Quote } from './standing.js'

export interface AccountStanding extends Standing {
  readonly account: string
  readonly queue: Queue
  /** Wall clock, epoch milliseconds: until when DocuSign refuses all its calls; `undefined` where it does not. */
  readonly blockedUntilMs: number | undefined
}

export interface Governor {
  /** What the request says beside its target: how urgent it is, and how long it may be held. */
  wish(call: Call, headers: IncomingHttpHeaders): Wish
  /**
   * Before `enter`, each time: what must be waited for until the call can be judged, never more than a second;
   * `undefined`: nothing. Never rejects.
   */
  prepare(call: Call, origin: string): Promise<void> | undefined
  /** Leave to send a call to this origin; a refusal; or a wait that ends in one of them. */
  enter(call: Call, wish: Wish, origin: string): Permit | Refusal | Visit
  configure(config: GovernorConfig): void
  /** Every account that is known, each once, as it is read; the one called last comes first. */
  standings(): Iterable<AccountStanding>
  blocked(): Blocked
  /** Hosts that have cut us off (444). */
  blockedHosts(): readonly BlockedHost[]
  quote(account: string, calls: number, priority: Priority): Quote
  /**
   * How long until a call of this account could be sent to this origin, if nobody else came; 0 is "at once", and where
   * limits are only observed.
   */
  opensInMs(account: string, origin: string, priority: Priority): number
  /** How an account stands, for the headers of a refusal. */
  limitsOf(account: string): LimitsShown
  standingOf(account: string): Standing
  /** One name for an account, whichever of its two is used. */
  nameOf(account: string): string
  /** This one, and the account's other one where that is known. */
  namesOf(account: string): readonly string[]
  /** Everybody who waits is told that we are shutting down, and from now on everybody who would have to. */
  drain(): void
}

const AT_ONCE: Admission = { heldBy: undefined, would: undefined, enforced: true }

/** @param treasury where other nodes call for the same accounts */
export function makeGovernor(
  initial: GovernorConfig,
  journal: Journal,
  clock: Clock,
  treasury?: Treasury,
): Governor {
  let config = initial
  const book = makeBook(initial, journal, clock, treasury)
  book.restore(journal.restore())
  const hosts = makeHostBlocks()
  const envelopes = makeEnvelopeHolds()
  const downloads = makeDownloads()
  /** Bounded by the calls that are held. */
  const visits = new Roster<Visit>()
  let isDraining = false

  const permitParts: PermitParts = {
    clock,
    hosts,
    envelopes,
    windows: () => ({ hourMs: config.hour.windowMs, burstMs: config.burst.windowMs }),
    docusignMs: (origin, nowMs) => book.docusignMs(origin, nowMs),
    writeDown: () => journal.writeDown(),
    unite: aliases => book.unite(aliases),
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

  function hold(visit: Visit): Visit {
    visits.add(visit)
    void visit.result.then(() => visits.delete(visit))
    return visit
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

    prepare(call, origin) {
      if (!treasury || call.service === 'oauth') return undefined
      const asked = book.accountOf(call.account ?? '', origin).prepare(clock.nowMs())
      return config.mode === 'observe' ? undefined : asked
    },

    enter(call, wish, origin) {
      const nowMs = clock.nowMs()
      if (call.service === 'oauth') {
        const hostMs = config.mode === 'enforce' ? hosts.waitMs(origin, nowMs) : 0
        return hostMs > 0
          ? hostRefusal(hostMs)
          : new Permit(permitParts, call, origin, undefined, AT_ONCE, nowMs)
      }
      const account = book.accountOf(call.account ?? '', origin)
      if (config.mode === 'observe') {
        const would = observed(account, wish, nowMs)
        account.take(nowMs)
        return new Permit(permitParts, call, origin, account, { ...AT_ONCE, would, enforced: false }, nowMs)
      }
      if (treasury?.isClosed && account.room(nowMs) <= 0) return STATE_UNAVAILABLE
      const stopped = gate(call, account, origin, nowMs)
      const document = documentOf(call)
      const release = document === undefined || stopped ? undefined : downloads.tryTake(document)
      const parts = () => ({
        clock,
        downloads,
        call,
        wish,
        account,
        document,
        gate: (atMs: number) => gate(call, account, origin, atMs),
        permit: (heldBy: Window | undefined, sentMs: number, over?: () => void) =>
          new Permit(permitParts, call, origin, account, { ...AT_ONCE, heldBy }, sentMs, over),
      })
      if (stopped || (document !== undefined && !release)) {
        if (isDraining) return SHUTTING_DOWN
        if (account.waiting >= config.maxLength) return fullRefusal(stopped?.waitMs, account.standing(nowMs))
        return hold(new Visit(parts()))
      }
      const maxWaitMs = Math.max(0, wish.untilMs - nowMs)
      const entered = account.lane.enter({ app: call.app.name, priority: wish.priority, maxWaitMs }, nowMs)
      if (entered.kind === 'granted') {
        return new Permit(permitParts, call, origin, account, AT_ONCE, nowMs, release)
      }
      if (entered.kind === 'waiting' && !isDraining) return hold(new Visit(parts(), entered, release))
      release?.()
      if (entered.kind === 'waiting') {
        entered.leave()
        return SHUTTING_DOWN
      }
      return turnedRefusal(entered, account.standing(nowMs))
    },

    configure(next) {
      config = next
      book.configure(next)
    },

    *standings() {
      const nowMs = clock.nowMs()
      const toWallMs = clock.wallMs() - nowMs
      for (const account of book.all()) {
        const untilMs = account.blockedUntilMs(nowMs)
        const blockedUntilMs = untilMs === undefined ? undefined : untilMs + toWallMs
        yield {
          account: account.key,
          ...account.standing(nowMs),
          queue: account.queue(nowMs),
          blockedUntilMs,
        }
      }
    },

    blocked() {
      const nowMs = clock.nowMs()
      let accounts = 0
      for (const account of book.all()) if (account.isBlocked(nowMs)) accounts++
      return { accounts, envelopes: envelopes.heldAt(nowMs), hosts: hosts.heldAt(nowMs) }
    },

    blockedHosts: () => hosts.current(clock.nowMs()),

    quote(name, calls, priority) {
      const nowMs = clock.nowMs()
      const account = book.find(name)
      const { first, last: final } = account.lane.quote(nowMs, calls, priority)
      return {
        startMs: first.waitMs,
        finishMs: final.waitMs,
        remaining: account.standing(nowMs).hour.remaining,
      }
    },

    opensInMs(name, origin, priority) {
      if (config.mode === 'observe') return 0
      const nowMs = clock.nowMs()
      const { first } = book.find(name).lane.quote(nowMs, 1, priority)
      return Math.max(first.waitMs, hosts.waitMs(origin, nowMs))
    },

    limitsOf: name => shown(book.find(name).standing(clock.nowMs())),
    standingOf: name => book.find(name).standing(clock.nowMs()),

    nameOf: name => book.nameOf(name),
    namesOf: name => book.namesOf(name),

    drain() {
      isDraining = true
      for (const account of book.all()) account.drain()
      // Some stand in no lane: before a host that has cut us off, an envelope that rests, a document's downloads.
      for (const visit of visits) visit.drain()
    },
  }
}
