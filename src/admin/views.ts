/** What the port shows of the rooms, each put together when it is asked for. */
import type { Clock } from '../base/clock.js'
import type { Observers } from '../observe/observers.js'
import type { AdminParts } from './admin.js'
import { buildGoLive } from './golive.js'
import { makePage } from './page.js'
import { buildSnapshot, type SnapshotAccount, type SnapshotParts } from './snapshot.js'
import { buildStatus, type CachePart, type StatusParts } from './status.js'

export interface ViewSources {
  readonly version: string
  /** On the clock that never steps. */
  readonly startedMs: number
  readonly readFile: (path: string) => string
  readonly mode: () => 'enforce' | 'observe'
  readonly accounts: () => Iterable<SnapshotAccount>
  readonly cache: () => Pick<CachePart, 'entries' | 'bytes'>
  readonly blockedHosts: () => SnapshotParts['blockedHosts']
  /** The governors that share what they may spend, this one among them; none where it shares with nobody. */
  readonly nodes?: () => StatusParts['nodes']
  readonly observers: Observers
}

type Views = 'status' | 'page' | 'snapshot' | 'golive' | 'captures' | 'archive'

/** @throws where the page cannot be read */
export function makeViews(sources: ViewSources, clock: Clock): Pick<AdminParts, Views> {
  const { version, startedMs, observers } = sources

  function standing(): SnapshotParts['status'] {
    const { hits, misses, remembered, coalesced } = observers.metrics.tally()
    return {
      version,
      startedMs,
      nowMs: clock.nowMs(),
      mode: sources.mode(),
      accounts: sources.accounts(),
      cache: { ...sources.cache(), hits, misses },
      saved: { remembered, coalesced },
      nodes: sources.nodes?.() ?? [],
    }
  }

  return {
    status: () => buildStatus(standing()),
    page: makePage(sources.readFile),
    snapshot() {
      const [wallMs, blockedHosts] = [clock.wallMs(), sources.blockedHosts()]
      const captures = observers.captures.list()
      return buildSnapshot({ status: standing(), wallMs, blockedHosts, captures, ...observers.told() })
    },
    golive: () => buildGoLive(observers.goLive.report()),
    captures: observers.captures,
    archive: capture => observers.archive(capture),
  }
}
