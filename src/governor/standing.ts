/** The words in which budgets are set, asked, and told. */
import type { Window } from '../base/types.js'

/** What holds a call back: a spent window, a block whose kind is unknown, or that the account's first call is out alone. */
export type Hold = Window | 'first' | 'blocked'

/** When a call could be sent if nobody else called: from now (0: now), and what holds it until then. */
export interface Forecast {
  readonly waitMs: number
  readonly by: Hold | undefined
}

export interface BudgetConfig {
  readonly hour: { readonly limit: number; readonly windowMs: number; readonly alignment: Alignment }
  readonly burst: { readonly limit: number; readonly windowMs: number }
  /** Whether DocuSign's headers are believed. */
  readonly learn: boolean
  /** Calls of each window that are never used. */
  readonly margin: number
}

/** The same, flat: what all nodes' settings say alike. */
export interface Usual {
  readonly hourLimit: number
  readonly burstLimit: number
  readonly hourMs: number
  readonly burstMs: number
  readonly margin: number
}

export function usualOf({ hour, burst, margin }: BudgetConfig): Usual {
  return {
    hourLimit: hour.limit,
    burstLimit: burst.limit,
    hourMs: hour.windowMs,
    burstMs: burst.windowMs,
    margin,
  }
}

/** When the hour begins: on the window's multiples by DocuSign's clock, with every call, or as its reset header says. */
export type Alignment = 'clock' | 'sliding' | 'auto'

/** The hour as it stands. */
export interface Hour {
  readonly limit: number
  /** Calls that we may still send in it. */
  readonly remaining: number
  /** nowMs scale; of a sliding hour: one window ago. */
  readonly startedMs: number
  /** nowMs scale: when it has turned for sure; of a sliding hour: when its next place comes free. */
  readonly endsMs: number
  readonly aligned: boolean
}

export interface WindowStanding {
  readonly limit: number
  /** Calls that count in it, others' included; those under way are counted already. At most the limit. */
  readonly used: number
  readonly remaining: number
  /** DocuSign's own word, as last heard for this window; `undefined` when nobody has told us. */
  readonly heard: number | undefined
}

/** For the status page and the gauges. */
export interface Standing {
  readonly hour: WindowStanding & { readonly resetAtSeconds: number | undefined }
  readonly burst: WindowStanding
  /** Calls by others in this hour, as far as the headers prove them. */
  readonly foreign: number
  /** The same of all hours so far. */
  readonly foreignTotal: number
  readonly source: 'learned' | 'configured'
}

/** DocuSign's own word, as last heard; `undefined`: never. */
export interface Heard {
  readonly remaining: number | undefined
  readonly resetAtSeconds: number | undefined
  readonly hourLimit: number | undefined
  readonly burstLimit: number | undefined
}

/** A clock hour as one node sees it. nowMs scale but for its end, which is DocuSign's. */
export interface HourSeen {
  readonly resetAtSeconds: number
  readonly startedMs: number
  readonly turnsAtMs: number
  /** DocuSign itself has said when it ends. */
  readonly isSure: boolean
  readonly remaining: number | undefined
  /** When the call was sent that heard so; `undefined`: another node's. */
  readonly heardSentMs: number | undefined
}

/** What all nodes together know of a clock hour. */
export interface HourTold {
  readonly resetAtSeconds: number
  /** The least that DocuSign has said is left of it. */
  readonly remaining: number | undefined
  /** Calls that may have arrived since, of which no header tells. */
  readonly unheard: number
  /** Calls by others, none of our nodes. */
  readonly foreign: number
}

/** What outlives the process. */
export interface Kept extends Heard {
  /** When answers came; nowMs scale, oldest first, none later than now. */
  readonly completions: readonly number[]
}

/** How much DocuSign has stopped, now. */
export interface Blocked {
  readonly accounts: number
  readonly envelopes: number
  readonly hosts: number
}

/** When so many calls could be done. Milliseconds from now. */
export interface Quote {
  readonly startMs: number
  readonly finishMs: number
  /** Calls that may be sent in this hour, now. */
  readonly remaining: number
}
