/** What became of the calls of one replay. */
import type { TraceRecord } from '../base/trace.js'
import type { PollResult, Reason, Saved, Window } from '../base/types.js'
import type { Peak } from './docusign.js'
import { drawOf } from './draw.js'
import { Headroom } from './headroom.js'
import { makeHours, type Hours } from './hours.js'
import { Sliding } from './sliding.js'
import { Lately } from './lately.js'
import { makeWaits, type Waits } from './waits.js'

export type SavedBy = Saved | 'connect'

export interface AppTally {
  in: number
  up: number
  saved: number
  refused: number
}

export interface TallyConfig {
  readonly hourMs: number
  readonly burstMs: number
  readonly intervalMs: number
  readonly seed: number
  readonly limitOf: (account: string, window: Window) => number
}

/** Longer polling intervals that are looked at, as multiples of the one that holds. */
export const LONGER = [2, 4] as const
const LONGEST = Math.max(...LONGER)
/** A wait that nobody complains of. */
const GOOD_MS = 1_000
const MAX_APPS = 100
const MAX_POLLED = 200_000

interface Demand {
  hour: number
  calls: number
  readonly burst: Sliding
  readonly headroom: Headroom
}

/** Whether there is more of it, at how many times the traffic: as `variation.ts` draws it. */
function unitDraw({ envelope, atMs, resource }: TraceRecord, seed: number): number {
  return envelope === '' ? drawOf(seed, 'again', resource, String(atMs)) : drawOf(seed, 'again', envelope)
}

export class Tally {
  in = 0
  up = 0
  /** Calls to userinfo, which count by other rules. */
  userinfo = 0
  oauth = 0
  failed = 0
  held = 0
  /** Calls that asked how far an envelope is, and had to be asked of DocuSign. */
  statusPollsUp = 0
  readonly heldBy: Record<Window, number> = { hour: 0, burst: 0 }
  readonly saved: Record<SavedBy, number> = { terminal: 0, poll: 0, coalesce: 0, connect: 0 }
  readonly refused = new Map<Reason, number>()
  readonly apps = new Map<string, AppTally>()
  asked = 0
  /** Of all that had to be asked, those that could not go within a second. */
  late = 0
  /** Of those that went up. */
  readonly waits: Waits = makeWaits()
  /** Of all that had to be asked: how long it waited, and how long it would have had to where it was refused. */
  readonly delays: Waits = makeWaits()
  /** Of those that were held. */
  readonly heldWaits: Waits = makeWaits()
  readonly hours: Hours
  /** What a longer interval would have spared, by its multiple. */
  readonly spared = new Map<number, number>(LONGER.map(times => [times, 0]))
  readonly #config: TallyConfig
  readonly #demand = new Map<string, Demand>()
  readonly #peaks: Partial<Record<Window, Peak>> = {}
  readonly #over = new Set<string>()
  #factor = Infinity
  /** Of each resource, when its interval began, by `LONGER`. */
  readonly #polled = new Lately<number[]>(MAX_POLLED)
  #turnedMs = -Infinity

  constructor(config: TallyConfig) {
    this.#config = config
    this.hours = makeHours(config.hourMs)
  }

  app(name: string): AppTally {
    const known = this.apps.get(name)
    if (known) return known
    if (this.apps.size >= MAX_APPS) return this.app('others')
    const tally = { in: 0, up: 0, saved: 0, refused: 0 }
    this.apps.set(name, tally)
    return tally
  }

  came(app: string, atMs: number): void {
    this.in++
    this.app(app).in++
    this.hours.count('in', atMs)
  }

  spare(by: SavedBy, app: string, atMs: number): void {
    this.saved[by]++
    this.app(app).saved++
    this.hours.count('saved', atMs)
  }

  /** It must be asked of DocuSign, whatever becomes of that. */
  asks(record: TraceRecord, atMs: number): void {
    const { account } = record
    const { hourMs, burstMs, limitOf } = this.#config
    this.asked++
    this.hours.count('asked', atMs)
    let demand = this.#demand.get(account)
    if (!demand) {
      demand = { hour: NaN, calls: 0, burst: new Sliding(burstMs), headroom: new Headroom() }
      this.#demand.set(account, demand)
    }
    const limit = limitOf(account, 'hour')
    const hour = Math.floor(atMs / hourMs)
    if (hour !== demand.hour) {
      this.#endHour(demand, limit)
      demand.calls = 0
    }
    demand.hour = hour
    demand.calls++
    demand.headroom.add(unitDraw(record, this.#config.seed))
    if (demand.calls > limit) this.#over.add(account)
    this.#note('hour', account, demand.calls, limit, hour * hourMs)
    this.#note('burst', account, demand.burst.add(atMs), limitOf(account, 'burst'), atMs - burstMs)
  }

  #endHour({ headroom, calls }: Demand, limit: number): void {
    // An hour that is far from its limit has nothing to say beside a fuller one.
    const least = limit / Math.max(1, calls) - 1
    if (calls > 0 && least < this.#factor) this.#factor = Math.min(this.#factor, headroom.factor(limit))
    headroom.clear()
  }

  /** At so many times the traffic an account first asks for more than its hour; Infinity where nothing was asked. */
  reachedAt(): number {
    for (const [account, demand] of this.#demand) {
      this.#endHour(demand, this.#config.limitOf(account, 'hour'))
      demand.calls = 0
    }
    return this.#factor
  }

  #note(window: Window, account: string, calls: number, limit: number, atMs: number): void {
    const before = this.#peaks[window]
    if (!before || calls * before.limit > before.calls * limit)
      this.#peaks[window] = { calls, limit, account, atMs }
  }

  went(app: string, atMs: number): void {
    this.up++
    this.app(app).up++
    this.hours.count('up', atMs)
  }

  /** What went up was the first read of a resource in its interval. */
  polled(record: TraceRecord, poll: PollResult | undefined, atMs: number): void {
    if (poll !== 'first') return
    const { intervalMs } = this.#config
    // What is older than the longest interval is no longer asked about.
    if (atMs - this.#turnedMs >= LONGEST * intervalMs) {
      this.#polled.turn()
      this.#turnedMs = atMs
    }
    const key = `${record.app} ${record.resource}`
    const began = this.#polled.get(key)
    if (!began)
      return this.#polled.set(
        key,
        LONGER.map(() => atMs),
      )
    LONGER.forEach((times, i) => {
      if (atMs - (began[i] as number) >= times * intervalMs) began[i] = atMs
      else this.spared.set(times, (this.spared.get(times) as number) + 1)
    })
  }

  /**
   * What had to be asked of DocuSign came to its end.
   *
   * @param restMs how much longer it would have had to wait, where it was refused; `undefined` where it went up
   */
  waited(ms: number, heldBy: Window | undefined, restMs: number | undefined, atMs: number): void {
    if (restMs === undefined) this.waits.add(ms)
    this.delays.add(ms + (restMs ?? 0))
    if (ms + (restMs ?? 0) > GOOD_MS) this.late++
    if (ms <= 0) return
    this.held++
    this.heldWaits.add(ms)
    if (heldBy) this.heldBy[heldBy]++
    this.hours.count('held', atMs)
  }

  refuse(reason: Reason, app: string, atMs: number): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
    this.app(app).refused++
    this.hours.count('refused', atMs)
  }

  peak(window: Window): Peak | undefined {
    return this.#peaks[window]
  }

  get accounts(): number {
    return this.#demand.size
  }

  /** Accounts whose demand was over the limit in some hour. */
  get accountsOver(): number {
    return this.#over.size
  }
}
