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
  const accounts = new Set<string>()

  return {
    seen(seen) {
      const account = shownAccount(seen.call?.account)
      if (account === undefined) return
      accounts.delete(account)
      accounts.add(account)
      if (accounts.size > max) for (const oldest of accounts) return void accounts.delete(oldest)
    },
    list: () => [...accounts].reverse(),
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
