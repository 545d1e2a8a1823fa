/** What a plan says of one scenario. Every number stands here once: table, report, `--json` and `--fail-if` read it. */
import type { Reason, Window } from '../base/types.js'
import type { ModelledDocusign, Peak } from './docusign.js'
import type { Shown } from './hours.js'
import { LONGER, type AppTally, type SavedBy, type Tally } from './tally.js'
import type { Waits } from './waits.js'

/** In seconds, because settings are. */
export interface WaitFigures {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export interface PeakFigures {
  readonly calls: number
  readonly limit: number
  /** Of the limit: 1 is all of it. */
  readonly share: number
  /** As the trace calls it. */
  readonly account: string
  /** ISO 8601, when its window began. */
  readonly at: string
}

export interface Figures {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly days: number
  /** `up`: attempts at DocuSign. `asked`: calls that had to be asked of it, whatever became of them. */
  readonly calls: {
    readonly in: number
    readonly asked: number
    readonly up: number
    readonly oauth: number
    readonly userinfo: number
  }
  readonly saved: Readonly<Record<SavedBy, number>> & { readonly total: number; readonly share: number }
  readonly held: {
    readonly total: number
    readonly hour: number
    readonly burst: number
    readonly wait: WaitFigures
  }
  readonly refused: { readonly total: number } & Readonly<Partial<Record<Reason, number>>>
  readonly failed: number
  /** DocuSign's own refusals for a limit. */
  readonly docusignRefused: number
  /** Of the calls that went up. */
  readonly wait: WaitFigures
  /** Of all that had to be asked: how long it waited, and how much longer it would have had to where it was refused. */
  readonly delay: WaitFigures
  /** The fullest windows: what had to be asked (`peak`), and what DocuSign counted, others' calls included (`counted`). */
  readonly peak: Readonly<Partial<Record<Window, PeakFigures>>>
  readonly counted: Readonly<Partial<Record<Window, PeakFigures>>>
  readonly accounts: { readonly total: number; readonly over: number }
  readonly apps: Readonly<Record<string, AppTally>>
  /** What could be spared besides: estimated in the same pass. */
  readonly advice: {
    readonly statusPolls: number
    readonly interval: readonly { readonly seconds: number; readonly spares: number }[]
  }
  /** The least hourly limit at which 95 of 100 calls can go within a second; `undefined`: the one there is will do. */
  readonly limitForOneSecond: LimitFigure | undefined
  /** The first week in which an account asks for more than its hour, at `grow` a year. */
  readonly reached: ReachedFigure | undefined
  readonly course: Shown
}

/** @property limit `undefined`: no hourly limit does it, because it is the burst limit that holds calls */
export interface LimitFigure {
  readonly limit: number | undefined
  readonly replays: number
}

/** @property week from 0, which is now; `undefined`: not within `withinWeeks` */
export interface ReachedFigure {
  readonly grow: number
  readonly week: number | undefined
  readonly withinWeeks: number
}

export interface FiguresNeeds {
  readonly name: string
  readonly tally: Tally
  readonly docusign: ModelledDocusign
  readonly fromMs: number
  readonly toMs: number
  readonly intervalSeconds: number
}

const DAY_MS = 86_400_000

export function figuresOf(
  needs: FiguresNeeds,
  found: Pick<Figures, 'limitForOneSecond' | 'reached'>,
): Figures {
  const { name, tally, docusign, fromMs, toMs, intervalSeconds } = needs
  const total = Object.values(tally.saved).reduce((sum, count) => sum + count, 0)
  const refused = [...tally.refused].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    name,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    days: rounded((toMs - fromMs) / DAY_MS, 4),
    calls: {
      in: tally.in,
      asked: tally.asked,
      up: tally.up,
      oauth: tally.oauth,
      userinfo: tally.userinfo,
    },
    saved: { ...tally.saved, total, share: tally.in === 0 ? 0 : rounded(total / tally.in, 4) },
    held: { total: tally.held, ...tally.heldBy, wait: waitsOf(tally.heldWaits) },
    refused: {
      total: refused.reduce((sum, [, count]) => sum + count, 0),
      ...(Object.fromEntries(refused) as Partial<Record<Reason, number>>),
    },
    failed: tally.failed,
    docusignRefused: docusign.refused,
    wait: waitsOf(tally.waits),
    delay: waitsOf(tally.delays),
    peak: peaksOf(window => tally.peak(window)),
    counted: peaksOf(window => docusign.peak(window)),
    accounts: { total: tally.accounts, over: tally.accountsOver },
    apps: Object.fromEntries([...tally.apps].sort(([a], [b]) => (a < b ? -1 : 1))),
    advice: {
      statusPolls: tally.statusPollsUp,
      interval: LONGER.map(times => ({
        seconds: times * intervalSeconds,
        spares: tally.spared.get(times) ?? 0,
      })),
    },
    ...found,
    course: tally.hours.shown(),
  }
}

function waitsOf(waits: Waits): WaitFigures {
  const at = (share: number) => rounded(waits.at(share) / 1000, 3)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: rounded(waits.maxMs / 1000, 3) }
}

function peaksOf(peakOf: (window: Window) => Peak | undefined): Partial<Record<Window, PeakFigures>> {
  const peaks: Partial<Record<Window, PeakFigures>> = {}
  for (const window of ['hour', 'burst'] as const) {
    const peak = peakOf(window)
    if (!peak) continue
    const { calls, limit, account, atMs } = peak
    const share = rounded(calls / limit, 4)
    peaks[window] = { calls, limit, share, account, at: new Date(atMs).toISOString() }
  }
  return peaks
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
