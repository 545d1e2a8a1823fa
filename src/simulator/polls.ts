import { rememberAtMost } from './bounded.js'
import type { Pace } from './pace.js'

export interface Poll {
  /** The integration key of the token. */
  readonly app: string
  /** The path, with the account's GUID for either of its names. */
  readonly resource: string
  readonly at: string
  /** In DocuSign's seconds: the time factor is undone. */
  readonly secondsSinceLast: number
}

export interface Reread {
  readonly app: string
  readonly resource: string
  readonly at: string
}

export interface PollsReport {
  readonly polls: readonly Poll[]
  readonly pollsTotal: number
  readonly pollsAfterFailure: number
  readonly terminalRereads: readonly Reread[]
  readonly terminalRereadsTotal: number
}

/** One GET of an envelope's resource, between its arrival and its answer. */
export interface Look {
  /** `status` 0: no answer was given. */
  answered(status: number): void
}

interface Seen {
  /** The latest GET that got its 2xx, or still may. */
  grantedMs: number | undefined
  anyMs: number
}

const MOST_KEPT = 1000
const MOST_RESOURCES = 500_000

/**
 * The polling rule, recorded and never enforced (facts 2): one GET per app and URL path in an interval, arrival to
 * arrival; exactly one interval apart complies, and a write changes nothing.
 *
 * The rule speaks of calls that get a status. So a GET that failed starts no interval, and one soon after it is counted
 * apart (`pollsAfterFailure`).
 */
export function makePolls(pace: Pace, timeFactor: number) {
  const seen = new Map<string, Seen>()
  const final = new Set<string>()
  const polls: Poll[] = []
  const rereads: Reread[] = []
  let pollsTotal = 0
  let pollsAfterFailure = 0
  let rereadsTotal = 0
  const at = () => new Date(pace.wallMs()).toISOString()

  return {
    arrived(app: string, resource: string, query: string, isTerminal: boolean): Look {
      const nowMs = pace.nowMs()
      const key = `${app} ${resource}`
      const entry = seen.get(key) ?? { grantedMs: undefined, anyMs: -Infinity }
      const before = entry.grantedMs
      if (before !== undefined && nowMs - before < pace.pollMs) {
        pollsTotal += 1
        const secondsSinceLast = ((nowMs - before) / 1000) * timeFactor
        if (polls.length < MOST_KEPT) polls.push({ app, resource, at: at(), secondsSinceLast })
      } else if (nowMs - entry.anyMs < pace.pollMs) {
        pollsAfterFailure += 1
      }
      entry.grantedMs = nowMs
      entry.anyMs = nowMs
      rememberAtMost(seen, key, entry, MOST_RESOURCES)
      return {
        answered(status) {
          const isGranted = status >= 200 && status < 300
          if (!isGranted && entry.grantedMs === nowMs) entry.grantedMs = before
          if (!isGranted || !isTerminal) return
          const whole = `${key}?${query}`
          if (final.has(whole)) {
            rereadsTotal += 1
            const reread = { app, resource: query ? `${resource}?${query}` : resource, at: at() }
            if (rereads.length < MOST_KEPT) rereads.push(reread)
          } else if (final.size < MOST_RESOURCES) {
            final.add(whole)
          }
        },
      }
    },
    report: (): PollsReport => ({
      polls: [...polls],
      pollsTotal,
      pollsAfterFailure,
      terminalRereads: [...rereads],
      terminalRereadsTotal: rereadsTotal,
    }),
  }
}

export type Polls = ReturnType<typeof makePolls>
