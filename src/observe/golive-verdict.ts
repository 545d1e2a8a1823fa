/** What the evidence comes to, in the words of DocuSign's own pages: *ready*, or what to change first. */

/** Of one integration, in the last 24 hours. Times are epoch milliseconds. */
export interface Evidence {
  /** The key of its integration key, where a token endpoint told it: two apps with one integration key are one. */
  readonly integration: string | undefined
  /** The app as which it called last. */
  readonly app: string
  /** Successful calls to DocuSign in a row up to now. */
  readonly run: number
  /** What ended the run before this one. */
  readonly broken:
    | {
        readonly atMs: number
        readonly method: string
        readonly route: string
        /** `undefined`: no answer came. */
        readonly status: number | undefined
        readonly why: 'failed' | 'polled'
      }
    | undefined
  /** GETs of an envelope's resource inside the interval. */
  readonly flaggedPolls: number
  /** The last of them. The first moment is unknown where it was too long ago to be remembered. */
  readonly pairs: readonly {
    readonly resource: string
    readonly firstMs: number | undefined
    readonly secondMs: number
    readonly distanceMs: number | undefined
  }[]
  /** GETs inside the interval of something that was written to in between. Whether DocuSign flags them is not said. */
  readonly readsAfterWrite: number
  readonly callsWhileBlocked: number
  /** Those with more calls than DocuSign recommends, the busiest first. */
  readonly busyEnvelopes: readonly { readonly what: string; readonly times: number }[]
  readonly repeatedDownloads: readonly { readonly what: string; readonly times: number }[]
}

export interface Verdict {
  readonly ready: boolean
  /** What keeps it from passing, the first thing first; empty where it is ready. */
  readonly mustChange: readonly string[]
  /** What DocuSign recommends beside. */
  readonly couldChange: readonly string[]
}

export function verdictOf(evidence: Evidence, intervalMs: number, wantedCalls: number): Verdict {
  const ready = evidence.run >= wantedCalls
  const faults = [...pollFaults(evidence, intervalMs), ...blockFaults(evidence)]
  const recommended = recommendations(evidence)
  // A flagged poll or a refusal begins the run anew, so what stands behind a whole run is not looked at any more.
  if (ready) return { ready, mustChange: [], couldChange: [...faults, ...recommended] }
  return { ready, mustChange: [...faults, ...runFaults(evidence, wantedCalls)], couldChange: recommended }
}

function pollFaults({ flaggedPolls, pairs }: Evidence, intervalMs: number): string[] {
  if (flaggedPolls === 0) return []
  const pair = pairs.at(-1)
  const example =
    pair?.firstMs === undefined || pair.distanceMs === undefined
      ? ''
      : ` ${pair.resource} was read at ${timeOf(pair.firstMs)} and again ${spanOf(pair.distanceMs)} later.`
  return [
    `GET calls to the same envelope resource may not be made more than once every ${spanOf(intervalMs)}: ` +
      `${count(flaggedPolls, 'call')} of the last 24 hours would be flagged.${example} ` +
      'Use Connect instead, or set polling.mode to enforce.',
  ]
}

function blockFaults({ callsWhileBlocked }: Evidence): string[] {
  if (callsWhileBlocked === 0) return []
  return [
    `${count(callsWhileBlocked, 'call')} went to DocuSign while it blocked the account for a limit. ` +
      'Wait until X-RateLimit-Reset, or set limits.mode to enforce.',
  ]
}

function runFaults({ run, broken }: Evidence, wantedCalls: number): string[] {
  const faults = [
    `${wantedCalls} consecutive successful API calls within 24 hours are wanted and ${run} ${run === 1 ? 'is' : 'are'} there: ` +
      `make ${wantedCalls - run} more. Logging in and userinfo do not count.`,
  ]
  if (broken?.why === 'failed') {
    const how = broken.status === undefined ? 'got no answer' : `answered ${broken.status}`
    faults.push(
      `The last run ended at ${timeOf(broken.atMs)}, when ${broken.method} ${broken.route} ${how}: ` +
        'the most recent calls must all complete without error.',
    )
  }
  return faults
}

function recommendations({ busyEnvelopes, repeatedDownloads, readsAfterWrite }: Evidence): string[] {
  const found: string[] = []
  const [busy] = busyEnvelopes
  if (busy)
    found.push(
      `Use five API calls or fewer for an envelope: ${busy.what} took ${busy.times}. ` +
        'Composite templates, include= and advanced_update=true do several things in one call.',
    )
  const [again] = repeatedDownloads
  if (again)
    found.push(`Download a document once and keep it: ${again.what} went to DocuSign ${again.times} times.`)
  if (readsAfterWrite > 0)
    found.push(
      `${count(readsAfterWrite, 'GET')} inside the interval followed a write to the same envelope. ` +
        'DocuSign does not say whether that is flagged: read what the write itself answers.',
    )
  return found
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

function timeOf(wallMs: number): string {
  return Math.abs(wallMs) <= 8.64e15
    ? `${new Date(wallMs).toISOString().slice(11, 19)} UTC`
    : 'an unknown time'
}

function spanOf(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const rest = seconds % 60
  return rest === 0 ? `${(seconds - rest) / 60} minutes` : `${(seconds - rest) / 60} min ${rest} s`
}
