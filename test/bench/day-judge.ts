/** What a day was worth: the fewest calls that could have served it, and what it did to DocuSign, to clients and to secrets. */
import type { Report } from '../../src/simulator/report.js'

/** A read that was answered with 200. `performance.now()`. */
export interface Read {
  readonly app: string
  /** From `/accounts` on, without its query. */
  readonly path: string
  readonly query: string
  readonly envelope: string
  readonly askedMs: number
  /** What the answer said, where it was the envelope's own. */
  readonly status: string | undefined
}

export const ENDS: ReadonlySet<string> = new Set(['completed', 'declined', 'voided'])

/**
 * The fewest GETs that could have answered these with nothing older than an interval, and nothing older than a write that
 * came through: of each app and path one at the first question, and the next at the first question that the one before
 * does not cover. None for a question that was answered for good, to whichever app, because all three are the same user.
 *
 * @param endsMs when each envelope came to its end @param writesMs when the answer to a write on it came
 */
export function leastReads(
  reads: readonly Read[],
  endsMs: ReadonlyMap<string, number>,
  writesMs: ReadonlyMap<string, number>,
  intervalMs: number,
): readonly Read[] {
  const fetchedMs = new Map<string, number>()
  const known = new Set<string>()
  const final = new Set<string>()
  const fetched: Read[] = []
  for (const read of reads.toSorted((a, b) => a.askedMs - b.askedMs)) {
    const { app, path, query, envelope, askedMs } = read
    if (final.has(path + query)) continue
    const key = `${app} ${path}`
    const beforeMs = fetchedMs.get(key) ?? -Infinity
    const writtenMs = writesMs.get(envelope) ?? Infinity
    const isOvertaken = beforeMs < writtenMs && writtenMs <= askedMs
    if (askedMs < beforeMs + intervalMs && !isOvertaken) continue
    fetched.push(read)
    fetchedMs.set(key, askedMs)
    const hasEnded = askedMs >= (endsMs.get(envelope) ?? Infinity)
    if (hasEnded && path.endsWith(envelope)) known.add(envelope)
    if (known.has(envelope)) final.add(path + query)
  }
  return fetched
}

/** Answers that knew nothing of a void that had been answered before they were asked for; and by how much, in ms. */
export function staleReads(reads: readonly Read[], voidsMs: ReadonlyMap<string, number>) {
  const ages = reads.flatMap(({ envelope, status, askedMs }) => {
    const voidedMs = voidsMs.get(envelope) ?? Infinity
    return status !== undefined && status !== 'voided' && askedMs > voidedMs ? [askedMs - voidedMs] : []
  })
  return { count: ages.length, longestMs: Math.max(0, ...ages) }
}

/**
 * Polls that no write called for. One read of each resource by each app after a write is what keeps answers true; DocuSign
 * flags it all the same where it falls into the interval.
 *
 * @param writesMs when each was sent @param toOursMs turns DocuSign's epoch milliseconds into `performance.now()`
 */
export function idlePolls(
  { polls, pollsTotal }: Report,
  writesMs: ReadonlyMap<string, number>,
  toOursMs: (epochMs: number) => number,
): number {
  const calledFor = new Set<string>()
  for (const { app, resource, at } of polls) {
    const [, writtenMs = Infinity] = [...writesMs].find(([id]) => resource.includes(id)) ?? []
    if (toOursMs(Date.parse(at)) >= writtenMs) calledFor.add(`${app} ${resource}`)
  }
  return pollsTotal - calledFor.size
}

export interface Windows {
  /** When some hour begins, on the scale of the arrivals. */
  readonly hourStartMs: number
  readonly hourMs: number
  readonly hourLimit: number
  readonly burstMs: number
  readonly burstLimit: number
}

/** How long each waits where the first to come is the first to go, as soon as both windows let it, and nothing else takes time. */
export function firstComeWaits(arrivalsMs: readonly number[], windows: Windows): readonly number[] {
  const { hourStartMs, hourMs, hourLimit, burstMs, burstLimit } = windows
  const hourOf = (ms: number) => Math.floor((ms - hourStartMs) / hourMs)
  const sent: number[] = []
  let inHour = 0
  return arrivalsMs.map(arrivedMs => {
    const beforeMs = sent.at(-1) ?? -Infinity
    let atMs = Math.max(arrivedMs, beforeMs, (sent.at(-burstLimit) ?? -Infinity) + burstMs)
    if (hourOf(atMs) !== hourOf(beforeMs)) inHour = 0
    if (inHour >= hourLimit) {
      atMs = hourStartMs + (hourOf(atMs) + 1) * hourMs
      inHour = 0
    }
    inHour++
    sent.push(atMs)
    return atMs - arrivedMs
  })
}

/** The value below which that share of them lies; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
