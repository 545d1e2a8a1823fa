/**
 * The port to what several nodes share of one account's budget. A node holds calls in hand, spends them without asking,
 * and reports in batches; whoever answers has judged them by all windows, over all nodes.
 */

/** How many calls were answered, and how long ago; of one report, the oldest first. */
export interface Answered {
  readonly agoMs: number
  readonly count: number
}

/** What DocuSign said, and how long ago the call was sent that it answered; `undefined`: it was said to another node. */
export interface Said {
  readonly remaining: number
  readonly sentAgoMs: number | undefined
}

/** The clock hour that runs, as this node knows it. */
export interface HourSeen {
  /** Its end by DocuSign's clock, epoch seconds. */
  readonly resetAtSeconds: number
  /** How long until it has turned for sure. */
  readonly turnsInMs: number
  /** DocuSign has said so itself. */
  readonly isSure: boolean
  /** Calls of this node that were answered in it. */
  readonly answered: number
  readonly said: Said | undefined
}

export interface BlockedFor {
  readonly hour?: number | undefined
  readonly burst?: number | undefined
  readonly unknown?: number | undefined
}

/** One node's word on one account. All of it is as of now; what it holds includes what it has in hand. */
export interface Report {
  /** Grows with every report of this node on this account. */
  readonly number: number
  /** Of the data that this node knows; '' where it knows none. */
  readonly generation: string
  /** The first report since the connection came up. */
  readonly isBack: boolean
  /** It has spent without leave since it was last heard. */
  readonly wasAlone: boolean
  /** In the quiet: it may send without leave until it says otherwise. */
  readonly isAlone: boolean
  readonly held: number
  readonly inHand: number
  /** Calls that wait here, and those with what it would like to have in hand beside. */
  readonly waiting: number
  readonly want: number
  /** What it would send if the pool were lost now: what it was told last. */
  readonly part: Part | undefined
  /** Answered since this node began; and as of its last report that was heard. */
  readonly total: number
  readonly heardTotal: number
  readonly answered: readonly Answered[]
  /** These are all that still matter, whatever has been told of them before. */
  readonly bringsAll: boolean
  /** `undefined`: the hour slides. */
  readonly hour: HourSeen | undefined
  /** Calls since the last report of which no header tells. */
  readonly unheard: number
  readonly burst: Said | undefined
  /** As DocuSign told them; `undefined`: never. */
  readonly hourLimit: number | undefined
  readonly burstLimit: number | undefined
  /** As the settings say. */
  readonly usual: {
    readonly hourLimit: number
    readonly burstLimit: number
    readonly hourMs: number
    readonly burstMs: number
    readonly margin: number
  }
  /** An answer of DocuSign's has been seen. */
  readonly isKnown: boolean
  readonly blockedForMs: BlockedFor | undefined
  /** After so long without a report what it holds counts as spent. */
  readonly leaseMs: number
  /** How often it reports while it holds anything. */
  readonly pulseMs: number
  /** The times at which all calls were answered are of interest. */
  readonly wantsTimes: boolean
  /** The account's budget is kept under this other name from now on. */
  readonly sameAs: string | undefined
}

/** Calls of the hour, and of the burst window, that nobody else is granted. */
export interface Part {
  readonly hour: number
  readonly burst: number
}

/** What a report is answered with: how the account stands over all nodes. */
export interface Told {
  readonly kind: 'told'
  readonly generation: string
  /** Calls that may be sent, whenever the lease lasts. */
  readonly granted: number
  /** When to ask again, where fewer were granted than wait. */
  readonly retryMs: number | undefined
  /** Nodes that use this account now, this one included. */
  readonly nodes: number
  /** What the other nodes hold, and how many wait there. */
  readonly heldElsewhere: number
  readonly waitingElsewhere: number
  /** Answered over all nodes, ever; only its growth means something. */
  readonly answeredByAll: number
  /** Answered over all nodes in this hour. */
  readonly usedOfHour: number
  /** What this node may send of the windows that run, should the pool be lost; believed as long as the lease lasts. */
  readonly part: Part
  /** So long nobody is granted anything, and every node goes on as if the pool were lost: not all have reported. */
  readonly quietMs: number | undefined
  readonly hour:
    | {
        readonly resetAtSeconds: number
        readonly remaining: number | undefined
        readonly unheard: number
        readonly foreign: number
      }
    | undefined
  readonly hourLimit: number | undefined
  readonly burstLimit: number | undefined
  /** Calls of others in the burst window, and how long until they have left it. */
  readonly foreignBurst: { readonly calls: number; readonly forMs: number } | undefined
  readonly isKnown: boolean
  readonly blockedForMs: BlockedFor
  /** When all calls of the burst window were answered. */
  readonly times: readonly Answered[] | undefined
  readonly sameAs: string | undefined
}

export type Exchanged =
  | Told
  /** Other data than this node knows: it should say all it knows, under this generation. */
  | { readonly kind: 'unknown'; readonly generation: string }
  /** A newer report has been heard already. */
  | { readonly kind: 'stale' }

/** `hand`: somebody waits for what others have in hand. `all`: the data is new, say what you know. */
export type Summons = 'hand' | 'all'

export interface Pool {
  /** What a report on this account is asked under; the same for all nodes. */
  tagOf(account: string): string
  readonly isUp: boolean
  /** Another number: it was lost meanwhile. */
  readonly epoch: number
  /** Until then, nowMs scale, we have promised to send nothing if the pool is lost and has kept nothing for us. */
  boundUntilMs(tag: string): number
  /** How many governors there are, as last known; 1 or more. */
  readonly nodes: number
  /** Rejects when it is lost: at once, or within its deadline; nobody knows then whether it was heard. */
  exchange(tag: string, report: Report): Promise<Exchanged>
  onTurn(tell: (isUp: boolean) => void): void
  onSummons(hear: (what: Summons, tag: string) => void): void
}

/** What a node does while the pool is lost: its equal part of each limit, all of it, or nothing. */
export type OnLoss = 'share' | 'open' | 'closed'

/** A governor, as it said of itself. */
export interface NodeSeen {
  readonly id: string
  readonly version: string
  /** Of all accounts: calls that it may send without asking, and calls that wait there. */
  readonly inHand: number
  readonly waiting: number
  /** When it said so, epoch milliseconds. */
  readonly atMs: number
}
