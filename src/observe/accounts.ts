import type { Seen } from '../base/types.js'
import { shownAccount } from './labels.js'

export interface Accounts {
  seen(seen: Seen): void
  /** The account called last comes first. */
  list(): readonly string[]
}

/**
 * The accounts that were called, for `/status`. At most `max` of them, because a caller may write any account
 * into a path; the one that was not called for the longest time leaves first.
 */
export function makeAccounts(max: number): Accounts {
  // Marked in place. A Set whose members leave and come back with every call makes a chain of old tables that only
  // a full collection breaks, and the calls pay for it.
  const lastCall = new Map<string, { turn: number }>()
  let turn = 0

  function forgetOldest(): void {
    let oldest: string | undefined
    let least = Infinity
    for (const [account, mark] of lastCall) {
      if (mark.turn < least) [oldest, least] = [account, mark.turn]
    }
    if (oldest !== undefined) lastCall.delete(oldest)
  }

  return {
    seen(seen) {
      const account = shownAccount(seen.call?.account)
      if (account === undefined) return
      const mark = lastCall.get(account)
      if (mark) mark.turn = ++turn
      else lastCall.set(account, { turn: ++turn })
      if (lastCall.size > max) forgetOldest()
    },
    list: () => [...lastCall].sort(([, a], [, b]) => b.turn - a.turn).map(([account]) => account),
  }
}

export interface AccountLabels {
  /** The account itself while there is room, `other` beyond it, `none` where the path names no account. */
  label(account: string | undefined): string
  setMax(max: number): void
}

/** Who comes first has a label, and keeps it: a series that changed its name would read as two that broke off. */
export function makeAccountLabels(max: number): AccountLabels {
  const labelled = new Set<string>()

  return {
    label(account) {
      if (account === undefined) return 'none'
      if (labelled.has(account)) return account
      const shown = shownAccount(account)
      if (shown === undefined || labelled.size >= max) return 'other'
      labelled.add(shown)
      return shown
    },
    setMax(newMax) {
      max = newMax
    },
  }
}
