import { shownAccount } from './labels.js'

export interface AccountLabels {
  /** The account itself while there is room, `other` beyond it, `none` where the path names no account. */
  label(account: string | undefined): string
  /** Whether the account of this label has every gauge, not only the most important ones. */
  isDetailed(label: string): boolean
  setMax(max: number): void
}

/**
 * Of so many accounts everything is told; a dozen gauges for each of 200 would make a scrape, which holds up every
 * call while it is written, half as long again as it may be.
 */
const DETAILED = 25

/** Who comes first has a label, and keeps it: a series that changed its name would read as two that broke off. */
export function makeAccountLabels(max: number): AccountLabels {
  const labelled = new Set<string>()
  const detailed = new Set(['none'])

  return {
    label(account) {
      if (account === undefined) return 'none'
      if (labelled.has(account)) return account
      const shown = shownAccount(account)
      if (shown === undefined || labelled.size >= max) return 'other'
      labelled.add(shown)
      if (labelled.size <= DETAILED) detailed.add(shown)
      return shown
    },
    isDetailed: label => detailed.has(label),
    setMax(newMax) {
      max = newMax
    },
  }
}
