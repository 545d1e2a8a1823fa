/**
 * One question on its way to DocuSign, and all who ask the same at this moment. Whoever came first leads: his request goes
 * up, and what it brings is everybody's. A leader who leaves does not take the question with him while others wait, and
 * one that brings nothing to share sets them free to ask for themselves.
 */
import type { Clock } from '../base/clock.js'

/** What a follower gets. */
export type Shared =
  | {
      readonly kind: 'shared'
      readonly status: number
      readonly lines: readonly string[]
      readonly body: Buffer
      /** Whose question it was, and when that was sent. */
      readonly credential: string
      readonly sentMs: number
    }
  /** There is nothing to share: look again. */
  | { readonly kind: 'free' }
  /** It was he who left. */
  | { readonly kind: 'left' }
  /** His time was up while the question waited for its leave. */
  | { readonly kind: 'overdue' }

/** Someone who waits for a question that another has asked. */
export interface Follower {
  readonly result: Promise<Shared>
  leave(): void
}

export /** Who sends the question up. */
interface Leader {
  /** It need not go on. */
  leave(): void
}

/** What it brings, as it flows. */
export interface Hurried {
  hurry(): void
}

export const FREE: Shared = { kind: 'free' }

interface Waiting {
  /** The whole of his credential; '' for one who only waits to see what becomes of it. */
  readonly credential: string
  settle: (shared: Shared) => void
  /** His own time is up: he waits for an answer that is on its way, and for no other. */
  isDue: boolean
}

/** Nobody waits: most crowds come to no more than that, and a set for each costs. Never added to. */
const NOBODY: ReadonlySet<Waiting> = new Set()

/** Those who wait, whoever leads. */
export class Crowd {
  #waiting: Set<Waiting> | undefined
  /** `undefined` between one leader and the next. */
  fetch: Fetch | undefined

  get waiting(): ReadonlySet<Waiting> {
    return this.#waiting ?? NOBODY
  }

  add(one: Waiting): void {
    const waiting = (this.#waiting ??= new Set())
    waiting.add(one)
  }

  /** Ends the wait of one of them. */
  end(one: Waiting, shared: Shared): void {
    if (this.#waiting?.delete(one) !== true) return
    one.settle(shared)
    this.fetch?.lost()
  }

  /** He has what he waited for. */
  tell(one: Waiting, told: Shared): void {
    this.#waiting?.delete(one)
    one.settle(told)
  }

  /** They all look for themselves. */
  free(): void {
    const all = [...this.waiting]
    this.#waiting = undefined
    for (const { settle } of all) settle(FREE)
  }
}

export class Fetch {
  /** Credential of the leader. */
  readonly credential: string
  #crowd: Crowd
  /** Worth its answer even when nobody waits any more, from the moment it is sent: DocuSign has counted it. */
  outlives: boolean
  #isHeld = true
  #isSent = false
  #isOver = false
  #hasLeader = true
  /** When the send that brought the answer left. */
  sentMs = 0
  /** What it brings may not be kept: its envelope was written to, or purged, since it was sent. */
  isVoid = false
  /**
   * Told when nobody waits for it any more, and it is not worth its answer. An object, here and below: a closure kept in a
   * field costs a third of a call's CPU in garbage (measured).
   */
  leader: Leader | undefined = undefined
  /** Told when somebody waits for what flows. */
  stream: Hurried | undefined = undefined

  /** @param crowd who waits already, for the one before it */
  constructor(credential: string, outlives: boolean, crowd = new Crowd()) {
    this.credential = credential
    this.outlives = outlives
    this.#crowd = crowd
    crowd.fetch = this
  }

  get isSent(): boolean {
    return this.#isSent
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether anybody else waits for what it brings. */
  get isFollowed(): boolean {
    return this.#crowd.waiting.size > 0
  }

  /** Whether it should go on, though the client who led has gone. */
  get isWantedByOthers(): boolean {
    return this.isFollowed || (this.outlives && this.#isSent && !this.#isOver)
  }

  /** It has no leave to go yet. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** All who wanted it have left. */
  get isForsaken(): boolean {
    return !this.#hasLeader && !this.isWantedByOthers
  }

  /** It waits for its leave, as a call of theirs would: those with no more time do not wait along. */
  held(): void {
    this.#isHeld = true
    const crowd = this.#crowd
    for (const one of [...crowd.waiting]) if (one.isDue) crowd.end(one, { kind: 'overdue' })
  }

  /** It has its leave, and waits for a connection. */
  sending(nowMs: number): void {
    this.sentMs = nowMs
    this.isVoid = false
    this.#isHeld = false
  }

  /** Its connection came. */
  sent(): void {
    this.#isSent = true
  }

  /** This try brought nothing. */
  unsent(): void {
    this.#isSent = false
  }

  /**
   * Waits for what it brings. While it has no leave to go, until `untilMs` at most: from then on its own time holds,
   * because a call with leave waits for its connection and its answer, however little it was willing to be held.
   *
   * @param credential '' for one who may not see it, and only waits to see what becomes of it
   */
  follow(credential: string, untilMs: number, clock: Clock): Follower {
    const crowd = this.#crowd
    const waiting: Waiting = { credential, settle: () => undefined, isDue: false }
    const result = new Promise<Shared>(resolve => (waiting.settle = resolve))
    const timer = clock.after(Math.max(0, untilMs - clock.nowMs()), () => {
      waiting.isDue = true
      if (crowd.fetch?.isHeld !== false) crowd.end(waiting, { kind: 'overdue' })
    })
    crowd.add(waiting)
    this.stream?.hurry()
    void result.then(() => timer.cancel())
    return { result, leave: () => crowd.end(waiting, { kind: 'left' }) }
  }

  /** The leader's client is gone. */
  leaderLeft(): void {
    this.#hasLeader = false
    this.#ask()
  }

  /** DocuSign's answer, whole. @param forAll all may see it; else only those with the leader's own credential */
  share(status: number, lines: readonly string[], body: Buffer, forAll: boolean): void {
    this.#isOver = true
    const crowd = this.#crowd
    const told: Shared = {
      kind: 'shared',
      status,
      lines,
      body,
      credential: this.credential,
      sentMs: this.sentMs,
    }
    for (const one of [...crowd.waiting]) {
      if (one.credential === '' || !(forAll || one.credential === this.credential)) continue
      crowd.tell(one, told)
    }
  }

  /**
   * It brings nothing more. One of those who still wait looks for himself; the others, who are returned, wait for what he
   * finds: if all of them looked, and each found the next one before him, a thousand would look half a million times.
   */
  free(): Crowd | undefined {
    this.#isOver = true
    const crowd = this.#crowd
    this.#crowd = new Crowd()
    crowd.fetch = undefined
    const next = firstOf(crowd.waiting)
    if (next) crowd.end(next, FREE)
    return crowd.waiting.size > 0 ? crowd : undefined
  }

  /** One of those who waited waits no more. */
  lost(): void {
    this.#ask()
  }

  #ask(): void {
    if (this.isForsaken) this.leader?.leave()
  }
}

/** One who may take the leader's place, where there is one. */
function firstOf(waiting: ReadonlySet<Waiting>): Waiting | undefined {
  for (const one of waiting) if (one.credential !== '') return one
  return waiting.values().next().value
}
