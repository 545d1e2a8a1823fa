import type { Allowance, Limits } from './allowance.js'
import { makeAllowance } from './allowance.js'
import { rememberAtMost } from './bounded.js'
import { makeDownloads } from './downloads.js'
import { makeEnvelopeLimits } from './envelope-limits.js'
import type { Judge } from './judge.js'
import { makeJudge } from './judge.js'
import type { SimulatorOptions } from './options.js'
import type { Pace } from './pace.js'
import type { Account, People } from './people.js'
import { makePolls } from './polls.js'
import type { Duplicate, LimitVerdict, Report } from './report.js'

interface Book {
  readonly allowance: Allowance
  readonly hour: Judge
  readonly burst: Judge
}

/** A REST call at its arrival. */
export interface Arrival {
  readonly account: Account | undefined
  /** The integration key. */
  readonly app: string | undefined
  readonly route: string
  readonly method: string
  readonly path: string
  readonly probe: string | undefined
}

const MOST_PROBES = 200_000
const MOST_DUPLICATES = 1000

/** Every counter there is. A reset makes a new one, so that nothing can be forgotten. */
export function makeMeter(options: SimulatorOptions, pace: Pace, people: People) {
  const calls = { total: 0, byAccount: {}, byApp: {}, byRoute: {}, byMethod: {}, byStatus: {} }
  const oauth = { total: 0, byRoute: {}, byStatus: {} }
  const counts = { arrivals: 0, blocked: 0, callsWhileBlocked: 0, faultsStruck: 0 }
  const probes = new Map<string, number>()
  const duplicates = new Map<string, Duplicate>()
  let duplicatesTotal = 0
  const limits: Limits = { hour: options.hourLimit, burst: options.burstLimit }
  const books = new Map<string, Book>(
    people.accounts.map(account => [
      account.id,
      {
        allowance: makeAllowance(limits, pace),
        hour: makeJudge(pace.hourMs),
        burst: makeJudge(pace.burstMs),
      },
    ]),
  )
  const polls = makePolls(pace, options.timeFactor)
  const envelopeLimits = makeEnvelopeLimits(options, pace)
  const downloads = makeDownloads(options, pace)

  function noteProbe({ probe, method, path }: Arrival): void {
    if (probe === undefined || method === 'GET' || method === 'HEAD') return
    const times = (probes.get(probe) ?? 0) + 1
    rememberAtMost(probes, probe, times, MOST_PROBES)
    if (times === 1) return
    duplicatesTotal += 1
    rememberAtMost(duplicates, probe, { probe, method, path, times }, MOST_DUPLICATES)
  }

  return {
    counts,
    polls,
    envelopeLimits,
    downloads,
    allowance: (account: Account): Allowance | undefined => books.get(account.id)?.allowance,
    arrived(arrival: Arrival): void {
      const book = arrival.account && books.get(arrival.account.id)
      if (book) {
        const { hour, burst } = book.allowance.limits()
        book.hour.note(pace.nowMs(), pace.wallMs(), hour)
        book.burst.note(pace.nowMs(), pace.wallMs(), burst)
      }
      calls.total += 1
      bump(calls.byAccount, arrival.account?.id ?? 'none')
      bump(calls.byApp, arrival.app ?? 'none')
      bump(calls.byRoute, `${arrival.method} ${arrival.route}`)
      bump(calls.byMethod, arrival.method)
      noteProbe(arrival)
    },
    answered: (status: number) => bump(calls.byStatus, status === 0 ? 'none' : String(status)),
    oauthAnswered(route: string, status: number): void {
      oauth.total += 1
      bump(oauth.byRoute, route)
      bump(oauth.byStatus, status === 0 ? 'none' : String(status))
    },
    report: (): Report => ({
      ...counts,
      calls: structuredClone(calls),
      oauth: structuredClone(oauth),
      limits: [...books].flatMap(([account, book]) => verdicts(account, book)),
      ...polls.report(),
      perEnvelope: envelopeLimits.report(),
      inProgressDownloads: downloads.report(),
      duplicates: [...duplicates.values()],
      duplicatesTotal,
    }),
  }
}

export type Meter = ReturnType<typeof makeMeter>

function verdicts(account: string, book: Book): LimitVerdict[] {
  const { hour, burst } = book.allowance.limits()
  return [
    { account, window: 'hour', kind: 'fixed', limit: hour, ...book.hour.fixed() },
    { account, window: 'hour', kind: 'sliding', limit: hour, ...book.hour.sliding() },
    { account, window: 'burst', kind: 'fixed', limit: burst, ...book.burst.fixed() },
    { account, window: 'burst', kind: 'sliding', limit: burst, ...book.burst.sliding() },
  ]
}

function bump(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}
