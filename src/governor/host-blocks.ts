/**
 * Hosts that answered 444: DocuSign's traffic management has cut us off there (facts 1.5). It looks at where calls come
 * from and not at whose they are, so it stops all accounts of that host.
 */
import { makeHolds } from './holds.js'

export interface HostBlocks {
  /** @param origin `https://host[:port]` */
  blockUntil(origin: string, untilMs: number): void
  /** How long nothing may go to that host; 0 is "it may". */
  waitMs(origin: string, nowMs: number): number
  /** Hosts to which nothing may go. */
  heldAt(nowMs: number): number
  /** The hosts that hold calls back now. */
  current(nowMs: number): readonly BlockedHost[]
}

export interface BlockedHost {
  /** `https://host[:port]` */
  readonly origin: string
  readonly waitMs: number
}

/** As many as there are hosts that accounts can live in. */
const MAX_HOSTS = 256

export function makeHostBlocks(): HostBlocks {
  const holds = makeHolds(MAX_HOSTS)
  return {
    blockUntil: (origin, untilMs) => holds.holdUntil(origin, untilMs),
    current: nowMs => holds.current(nowMs).map(({ key: origin, waitMs }) => ({ origin, waitMs })),
    waitMs: (origin, nowMs) => (holds.isUnused ? 0 : holds.waitMs(origin, nowMs)),
    heldAt: nowMs => holds.heldAt(nowMs),
  }
}
