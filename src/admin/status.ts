/** What the rooms know at one moment. Whatever is unknown is left out, or `undefined`. */
export interface StatusParts {
  readonly version: string
  /** Both on the clock that never steps. */
  readonly startedMs: number
  readonly nowMs: number
  readonly mode?: 'enforce' | 'observe' | undefined
  readonly accounts: readonly AccountPart[]
  readonly cache: CachePart
  /** Calls that DocuSign did not get because a copy, or a twin in flight, answered. */
  readonly saved: { readonly remembered: number; readonly coalesced: number }
}

export interface AccountPart {
  readonly account: string
  readonly hour?: WindowPart & { readonly resetAtMs?: number | undefined }
  readonly burst?: WindowPart
  readonly queue?: { readonly length: number; readonly oldestWaitMs: number }
  /** Calls of others, seen in DocuSign's headers. */
  readonly foreignCalls?: number | undefined
  /** Where the limits come from. */
  readonly source?: 'learned' | 'configured' | undefined
}

interface WindowPart {
  readonly limit?: number | undefined
  readonly used?: number | undefined
  readonly remaining?: number | undefined
}

interface CachePart {
  readonly entries?: number | undefined
  readonly bytes?: number | undefined
  readonly hits: number
  readonly misses: number
}

/** The body of `GET /status`: times are ISO 8601 UTC, unknown is `null` and never 0. */
export function buildStatus(parts: StatusParts) {
  const { cache, saved } = parts
  return {
    version: parts.version,
    uptimeSeconds: seconds(parts.nowMs - parts.startedMs),
    mode: parts.mode ?? null,
    accounts: parts.accounts.map(buildAccount),
    cache: {
      entries: known(cache.entries),
      bytes: known(cache.bytes),
      hits: cache.hits,
      misses: cache.misses,
    },
    saved: { remembered: saved.remembered, coalesced: saved.coalesced },
  }
}

function buildAccount({ account, hour, burst, queue, foreignCalls, source }: AccountPart) {
  return {
    account,
    hour: { ...buildWindow(hour), resetAt: moment(hour?.resetAtMs) },
    burst: buildWindow(burst),
    queue: { length: known(queue?.length), oldestWaitSeconds: seconds(queue?.oldestWaitMs) },
    foreignCalls: known(foreignCalls),
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

/** A `Date` knows 8.64e15 ms on either side of 1970 and throws beyond. */
function moment(wallMs: number | undefined): string | null {
  return wallMs !== undefined && Math.abs(wallMs) <= 8.64e15 ? new Date(wallMs).toISOString() : null
}
