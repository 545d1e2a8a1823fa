/** The purses of all accounts that this node shares with others; it tells them of the pool's coming and going. */
import type { Clock } from '../base/clock.js'
import type { OnLoss, Pool } from '../base/pool.js'
import { makeStore } from '../base/store.js'
import type { PurseHouse, PurseOwner } from './purse-house.js'
import { Purse } from './purse.js'

export interface Treasury {
  open(name: string, owner: PurseOwner): Purse
  /** Nothing is sent: the pool is lost, and the settings say so. */
  readonly isClosed: boolean
  configure(onLoss: OnLoss): void
  /** Called where another node has seen that two names are one account's. */
  whenSame(unite: (name: string, guid: string) => void): void
  /** What is in hand is given back, and the last answers are told; resolves when there has been time for that. */
  close(): Promise<void>
  /** Calls in hand and calls that wait, of all accounts. */
  tally(): { readonly inHand: number; readonly waiting: number }
}

/** A few round trips. */
const FAREWELL_MS = 100
/** As many as accounts are remembered. */
const MAX_RESTING = 50_000

/** @param random between 0 and 1; another one for every node */
export function makeTreasury(
  pool: Pool,
  initial: OnLoss,
  clock: Clock,
  random: () => number = Math.random,
): Treasury {
  let onLoss = initial
  let unite: (name: string, guid: string) => void = () => undefined
  /** Those that hold something, want something or are owed a word: bounded by the accounts that are in use. */
  const engaged = new Map<Purse, PurseOwner>()
  /** The others, by what the pool knows them by: they may have spent of the windows that run. */
  const resting = makeStore<Purse>(MAX_RESTING)
  const owners = new WeakMap<Purse, PurseOwner>()

  const house: PurseHouse = {
    pool,
    clock,
    onLoss: () => onLoss,
    random,
    sameAs: (name, guid) => unite(name, guid),
    engaged(purse) {
      const owner = owners.get(purse)
      if (owner) engaged.set(purse, owner)
    },
    idle(purse) {
      engaged.delete(purse)
      resting.set(purse.tag, purse)
    },
  }

  pool.onTurn(isUp => {
    const nowMs = clock.nowMs()
    for (const purse of [...engaged.keys()]) {
      if (isUp) purse.summon('all', nowMs)
      else purse.lose(nowMs)
    }
  })
  pool.onSummons((what, tag) => {
    const nowMs = clock.nowMs()
    for (const purse of engaged.keys()) if (purse.tag === tag) purse.summon(what, nowMs)
    if (what === 'all') resting.peek(tag)?.summon(what, nowMs)
  })

  return {
    open(name, owner) {
      const purse = new Purse(name, owner, house)
      owners.set(purse, owner)
      return purse
    },
    get isClosed() {
      return onLoss === 'closed' && !pool.isUp
    },
    configure(next) {
      onLoss = next
    },
    whenSame(tell) {
      unite = tell
    },
    close() {
      if (engaged.size === 0 || !pool.isUp) return Promise.resolve()
      for (const purse of engaged.keys()) purse.summon('hand', clock.nowMs())
      return new Promise(resolve => void clock.after(FAREWELL_MS, resolve))
    },
    tally() {
      const nowMs = clock.nowMs()
      let inHand = 0
      let waiting = 0
      for (const [purse, owner] of engaged) {
        inHand += purse.inHand(nowMs)
        waiting += owner.inLane
      }
      return { inHand, waiting }
    },
  }
}
