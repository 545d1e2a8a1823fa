/** What the live page is told once a second: the body of `/status`, and what that has no room for. */
import type { Priority } from '../base/types.js'
import type { Capture } from '../observe/captures.js'
import type { Met } from '../observe/hints.js'
import type { LiveFigures } from '../observe/live.js'
import { show } from './captures.js'
import { buildStatus, moment, type AccountPart, type StatusParts } from './status.js'

/** What the rooms know at one moment, as in `StatusParts`. */
export interface SnapshotParts {
  readonly status: Omit<StatusParts, 'accounts'> & { readonly accounts: Iterable<SnapshotAccount> }
  readonly wallMs: number
  readonly hourWindowMs: number
  /** Calls sent to DocuSign for an account in each sixtieth of its hour, oldest first. */
  spentBy(account: string): readonly number[] | undefined
  readonly lastHour: LiveFigures
  readonly captures: readonly Capture[]
  readonly hints: readonly Met[]
  readonly blockedHosts: readonly { readonly origin: string; readonly waitMs: number }[]
}

export interface SnapshotAccount extends AccountPart {
  readonly queue?: {
    readonly length: number
    readonly oldestWaitMs: number
    readonly byPriority: Readonly<Record<Priority, number>>
  }
  /** Epoch milliseconds: until when DocuSign refuses all its calls. */
  readonly blockedUntilMs?: number | undefined
}

/** More than fit on a screen, and as many as a second's writing can bear. */
const MAX_ACCOUNTS = 400

export function buildSnapshot({ status, wallMs, hourWindowMs, ...parts }: SnapshotParts) {
  const known: SnapshotAccount[] = []
  for (const account of status.accounts) if (known.push(account) === MAX_ACCOUNTS) break
  const { accounts, ...rest } = buildStatus({ ...status, accounts: known })
  return {
    at: moment(wallMs),
    hourWindowSeconds: hourWindowMs / 1000,
    ...rest,
    accounts: accounts.map((account, i) => ({
      ...account,
      waiting: known[i]?.queue?.byPriority ?? null,
      blockedSeconds: Math.max(0, Math.ceil(((known[i]?.blockedUntilMs ?? wallMs) - wallMs) / 1000)),
      spent: parts.spentBy(known[i]?.account ?? '') ?? [],
    })),
    blockedHosts: parts.blockedHosts.map(({ origin, waitMs }) => ({
      host: origin,
      seconds: Math.ceil(waitMs / 1000),
    })),
    lastHour: parts.lastHour,
    captures: parts.captures.map(show),
    hints: parts.hints.map(({ lastMs, ...met }) => ({ ...met, lastAt: moment(lastMs) })),
  }
}
