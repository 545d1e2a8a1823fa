import type { SimulatorOptions } from './options.js'
import type { Pace } from './pace.js'

export interface DownloadsReport {
  readonly worstCombined: number
  readonly worstOther: number
  readonly blocked: number
}

interface Tier {
  readonly hours: number
  readonly most: number
}

const COMBINED: readonly Tier[] = [
  { hours: 1, most: 3 },
  { hours: 6, most: 5 },
]
const OTHER: readonly Tier[] = [
  { hours: 1, most: 10 },
  { hours: 6, most: 20 },
]

/**
 * How many downloads of one document are in progress, all accounts and apps together (facts 1.6). A download counts
 * while it lasts, in the tiers of how long ago it was started.
 */
export function makeDownloads(options: SimulatorOptions, pace: Pace) {
  const inProgress = new Map<string, Set<{ readonly startedMs: number }>>()
  let worstCombined = 0
  let worstOther = 0
  let blocked = 0
  return {
    /** Starts a download and returns what ends it, or nothing where too many are in progress. */
    start(envelopeId: string, documentId: string): (() => void) | undefined {
      const key = `${envelopeId}/${documentId.toLowerCase()}`
      const isCombined = documentId.toLowerCase() === 'combined'
      const running = inProgress.get(key) ?? new Set()
      const nowMs = pace.nowMs()
      const isFull = (isCombined ? COMBINED : OTHER).some(({ hours, most }) => {
        const sinceMs = nowMs - pace.lengthMs(hours * 3600)
        return [...running].filter(download => download.startedMs > sinceMs).length >= most
      })
      if (isFull && options.enforce) {
        blocked += 1
        return undefined
      }
      const download = { startedMs: nowMs }
      running.add(download)
      inProgress.set(key, running)
      if (isCombined) worstCombined = Math.max(worstCombined, running.size)
      else worstOther = Math.max(worstOther, running.size)
      return () => {
        running.delete(download)
        if (running.size === 0 && inProgress.get(key) === running) inProgress.delete(key)
      }
    },
    report: (): DownloadsReport => ({ worstCombined, worstOther, blocked }),
  }
}

export type Downloads = ReturnType<typeof makeDownloads>
