/** What the rooms know at one moment. Whatever is unknown is left out, or `undefined`. */
export interface StatusParts {
  readonly version: string
  /** Both on the clock that never steps. */
  readonly startedMs: number
  readonly nowMs: number
  readonly mode?: 'enforce' | 'observe' | undefined
  /** The one called last comes first; of so many more than can be read the rest is left out. */
  readonly accounts: Iterable<AccountPart>
  readonly cache: CachePart
  /** Calls that DocuSign did not get because a copy, or a twin in flight, answered. */
  readonly saved: { readonly remembered: number; readonly coalesced: number }
  readonly nodes?: readonly NodePart[]
}

/** A governor, as it said of itself. */
export interface NodePart {
  readonly id: string
  readonly version: string
  /** Calls it may send without asking, and calls that wait there. */
  readonly inHand: number
  readonly waiting: number
  /** Epoch milliseconds. */
  readonly atMs: number
}

export interface AccountPart {
  /** '' is the budget of the paths that name no account. */
  readonly account: string
  readonly hour?: WindowPart & { readonly resetAtSeconds?: number | undefined }
  readonly burst?: WindowPart
  readonly queue?: { readonly length: number; readonly oldestWaitMs: number }
  /** Calls of others in this hour, as DocuSign's headers prove them. */
  readonly foreign?: number | undefined
  /** Where the limits come from: `configured` until DocuSign's headers have told them. */
  readonly source?: 'learned' | 'configured' | undefined
}

interface WindowPart {
  readonly limit?: number | undefined
  readonly used?: number | undefined
  readonly remaining?: number | undefined
}

export interface CachePart {
  readonly entries?: number | undefined
  readonly bytes?: number | undefined
  readonly hits: number
  readonly misses: number
}

const MAX_ACCOUNTS = 1_000

/** The body of `GET /status`: times are ISO 8601 UTC, unknown is `null` and never 0. */
export function buildStatus(parts: StatusParts) {
  const { cache, saved } = parts
  return {
    version: parts.version,
    uptimeSeconds: seconds(parts.nowMs - parts.startedMs),
    mode: parts.mode ?? null,
    accounts: firstOf(parts.accounts, MAX_ACCOUNTS).map(buildAccount),
    cache: {
      entries: known(cache.entries),
      bytes: known(cache.bytes),
      hits: cache.hits,
      misses: cache.misses,
    },
    saved: { remembered: saved.remembered, coalesced: saved.coalesced },
    nodes: (parts.nodes ?? []).map(({ atMs, ...node }) => ({ ...node, at: moment(atMs) })),
  }
}

function firstOf<T>(all: Iterable<T>, most: number): T[] {
  const first: T[] = []
  for (const one of all) if (first.push(one) === most) break
  return first
}

function buildAccount({ account, hour, burst, queue, foreign, source }: AccountPart) {
  return {
    account: account === '' ? 'none' : account,
    hour: { ...buildWindow(hour), resetAt: moment((hour?.resetAtSeconds ?? NaN) * 1000) },
    burst: buildWindow(burst),
    queue: { length: known(queue?.length), oldestWaitSeconds: seconds(queue?.oldestWaitMs) },
    // Without headers nobody knows of others' calls, not even that there were none.
    foreignCalls: known(source === 'learned' ? foreign : undefined),
    source: source ?? null,
  }
}

function buildWindow(window: WindowPart | undefined) {
  return { limit: known(window?.limit), used: known(window?.used), remaining: known(window?.remaining) }
}

function known(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null
}

function seconds(ms: number | undefined): number | null {
  return ms !== undefined && Number.isFinite(ms) ? Math.round(ms) / 1000 : null
}

/** ISO 8601 UTC. A `Date` knows 8.64e15 ms on either side of 1970 and throws beyond. */
export function moment(wallMs: number): string | null {
  return Math.abs(wallMs) <= 8.64e15 ? new Date(wallMs).toISOString() : null
}
