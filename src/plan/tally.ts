/** What became of the calls of one replay. */
import type { TraceRecord } from '../base/trace.js'
import type { PollResult, Reason, Saved, Window } from '../base/types.js'
import { makeStore } from '../base/store.js'
import type { Peak } from './docusign.js'
import { makeHours, type Hours } from './hours.js'
import { Sliding } from './sliding.js'
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
  readonly limitOf: (account: string, window: Window) => number
}

/** Longer polling intervals that are looked at, as multiples of the one that holds. */
export const LONGER = [2, 4] as const
const MAX_APPS = 100
const MAX_POLLED = 200_000

interface Demand {
  hour: number
  calls: number
  readonly burst: Sliding
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
  /** Of all that DocuSign had to be asked for. */
  readonly waits: Waits = makeWaits()
  /** Of those that were held. */
  readonly heldWaits: Waits = makeWaits()
  readonly hours: Hours
  /** What a longer interval would have spared, by its multiple. */
  readonly spared = new Map<number, number>(LONGER.map(times => [times, 0]))
  readonly #config: TallyConfig
  readonly #demand = new Map<string, Demand>()
  readonly #peaks: Partial<Record<Window, Peak>> = {}
  readonly #over = new Set<string>()
  readonly #polled = makeStore<number[]>(MAX_POLLED)

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
  asks(account: string, atMs: number): void {
    const { hourMs, burstMs, limitOf } = this.#config
    this.hours.count('asked', atMs)
    let demand = this.#demand.get(account)
    if (!demand) this.#demand.set(account, (demand = { hour: NaN, calls: 0, burst: new Sliding(burstMs) }))
    const hour = Math.floor(atMs / hourMs)
    if (hour !== demand.hour) demand.calls = 0
    demand.hour = hour
    demand.calls++
    const limit = limitOf(account, 'hour')
    if (demand.calls > limit) this.#over.add(account)
    this.#note('hour', { calls: demand.calls, limit, account, atMs: hour * hourMs })
    const inBurst = demand.burst.add(atMs)
    this.#note('burst', { calls: inBurst, limit: limitOf(account, 'burst'), account, atMs: atMs - burstMs })
  }

  #note(window: Window, peak: Peak): void {
    const before = this.#peaks[window]
    if (!before || peak.calls * before.limit > before.calls * peak.limit) this.#peaks[window] = peak
  }

  went(app: string, atMs: number): void {
    this.up++
    this.app(app).up++
    this.hours.count('up', atMs)
  }

  /** What went up was the first read of a resource in its interval. */
  polled(record: TraceRecord, poll: PollResult | undefined, atMs: number): void {
    if (poll !== 'first') return
    const key = `${record.app} ${record.resource}`
    const last = this.#polled.get(key)
    const next = LONGER.map((times, i) => {
      const beganMs = last?.[i]
      if (beganMs === undefined || atMs - beganMs >= times * this.#config.intervalMs) return atMs
      this.spared.set(times, (this.spared.get(times) ?? 0) + 1)
      return beganMs
    })
    this.#polled.set(key, next)
  }

  waited(ms: number, heldBy: Window | undefined, atMs: number): void {
    this.waits.add(ms)
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
