import { Pigeonholes } from '../base/pigeonholes.js'
import type { Caller } from './exchange.js'

/**
 * At most so many calls of one account on the way at once. A host's connections are few; an account whose calls
 * hang would otherwise hold them all and every other account would stand behind it.
 */
export interface Places {
  /**
   * Calls `start` when the account has a place: at once, or when another call of it ends, in order of arrival.
   * Never for a `caller` that left meanwhile. The function returned gives the place back, or the turn in the queue;
   * calling it twice is harmless.
   */
  take(account: string, caller: Caller, start: () => void): () => void
}

interface Row {
  taken: number
  /** In order of arrival. */
  readonly waiting: Map<() => void, Caller>
}

/** @param perAccount 1 or more */
export function makePlaces(perAccount: number): Places {
  // Bounded by the calls that are under way: a row leaves with the last of its account.
  const rows = new Pigeonholes<Row>()

  function free(account: string, row: Row): void {
    row.taken--
    for (const [go, caller] of row.waiting) {
      row.waiting.delete(go)
      // Where many leave at once all their sockets end, and only then say 'close', one after another: a call that is
      // handed a place between the two would go up on an idle connection before its own 'close' can stop it.
      if (caller.writable) return go()
    }
    if (row.taken === 0) rows.delete(account)
  }

  return {
    take(account, caller, start) {
      let row = rows.get(account)
      if (!row) rows.set(account, (row = { taken: 0, waiting: new Map() }))
      const own = row
      let state: 'waiting' | 'going' | 'over' = 'waiting'
      const go = () => {
        state = 'going'
        own.taken++
        start()
      }
      if (own.taken < perAccount) go()
      else own.waiting.set(go, caller)
      return () => {
        const was = state
        state = 'over'
        if (was === 'waiting') own.waiting.delete(go)
        else if (was === 'going') free(account, own)
      }
    },
  }
}
