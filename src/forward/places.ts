/**
 * At most so many calls of one account on the way at once. A host's connections are few; an account whose calls
 * hang would otherwise hold them all and every other account would stand behind it.
 */
export interface Places {
  /**
   * Calls `start` when the account has a place: at once, or when another call of it ends, in order of arrival.
   * The function returned gives the place back, or the turn in the queue; calling it twice is harmless.
   */
  take(account: string, start: () => void): () => void
}

interface Row {
  taken: number
  readonly waiting: Set<() => void>
}

/** @param perAccount 1 or more */
export function makePlaces(perAccount: number): Places {
  // Bounded by the calls that are under way: a row leaves with the last of its account.
  const rows = new Map<string, Row>()

  function free(account: string, row: Row): void {
    row.taken--
    const next = row.waiting.values().next()
    if (!next.done) {
      row.waiting.delete(next.value)
      next.value()
    } else if (row.taken === 0) {
      rows.delete(account)
    }
  }

  return {
    take(account, start) {
      let row = rows.get(account)
      if (!row) rows.set(account, (row = { taken: 0, waiting: new Set() }))
      const own = row
      let state: 'waiting' | 'going' | 'over' = 'waiting'
      const go = () => {
        state = 'going'
        own.taken++
        start()
      }
      if (own.taken < perAccount) go()
      else own.waiting.add(go)
      return () => {
        const was = state
        state = 'over'
        if (was === 'waiting') own.waiting.delete(go)
        else if (was === 'going') free(account, own)
      }
    },
  }
}
