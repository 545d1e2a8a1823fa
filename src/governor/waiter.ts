/** How waiting ends, and who it ends for. */
import type { Hold } from './standing.js'
import type { Priority, Seat } from './waiting.js'

export interface Ask {
  readonly app: string
  readonly priority: Priority
  /** How long it may be held: the lesser of the setting's and the caller's own. */
  readonly maxWaitMs: number
}

/** It goes now, and its place has been taken: a caller who has left meanwhile gives the place back. */
export interface Granted {
  readonly kind: 'granted'
  readonly waitedMs: number
}

/** It has spent nothing. */
export interface Turned {
  readonly kind: 'turned'
  /** `drained`: everybody was sent away. */
  readonly reason: 'queue-full' | 'too-long' | 'drained'
  readonly by: Hold
  /**
   * When a call that cannot wait would go, if nobody else came. Those who wait already have come: a place that frees
   * while they are here is theirs, whatever their priority, because a call that cannot wait is not.
   */
  readonly retryAfterMs: number
  readonly waitedMs: number
}

/** The caller left. It has spent nothing. */
export interface Left {
  readonly kind: 'left'
  readonly waitedMs: number
}

export type End = Granted | Turned | Left

export interface Waiter {
  readonly kind: 'waiting'
  /** Settles always, and once. */
  readonly result: Promise<End>
  /** Gone at once. After the end it does nothing: where `result` says `granted`, the place is the caller's to give back. */
  leave(): void
}

/** A waiter with its seat in the waiting room. */
export class Held implements Seat, Waiter {
  readonly kind = 'waiting'
  readonly app: string
  readonly priority: Priority
  readonly sinceMs: number
  readonly deadlineMs: number
  readonly result: Promise<End>
  place = -1
  party: Seat['party']
  ahead: Seat | undefined
  behind: Seat | undefined
  #settle: (end: End) => void = () => undefined
  readonly #onLeave: (held: Held) => void

  constructor(ask: Ask, nowMs: number, onLeave: (held: Held) => void) {
    this.app = ask.app
    this.priority = ask.priority
    this.sinceMs = nowMs
    this.deadlineMs = nowMs + ask.maxWaitMs
    this.#onLeave = onLeave
    this.result = new Promise(resolve => {
      this.#settle = resolve
    })
  }

  leave(): void {
    if (this.party) this.#onLeave(this)
  }

  /** Only once it is out of the waiting room. */
  end(end: End): void {
    this.#settle(end)
  }
}
