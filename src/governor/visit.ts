/**
 * A call that cannot go at once. It waits before one gate after the other: a host that has cut us off, an envelope that
 * rests, a document with enough downloads in progress, its account's lane; and leaves all of them when its caller does.
 */
import type { Clock } from '../base/clock.js'
import type { Placed } from '../base/pigeonholes.js'
import type { Call, Refusal, Window } from '../base/types.js'
import type { Account } from './account.js'
import type { Caller, Downloads } from './downloads.js'
import type { Permit } from './permit.js'
import type { Priority } from './priority.js'
import { downloadRefusal, SHUTTING_DOWN, turnedRefusal } from './refusals.js'
import type { Turned, Waiter } from './waiter.js'

/** What a call asks of us beside itself. */
export interface Wish {
  readonly priority: Priority
  /** Until when it may be held, nowMs scale. */
  readonly untilMs: number
}

/** Something that stops this call whatever its account may spend. */
export interface Gate {
  readonly waitMs: number
  readonly refusal: Refusal
}

export interface VisitParts {
  readonly clock: Clock
  readonly downloads: Downloads
  readonly call: Call
  readonly wish: Wish
  readonly account: Account
  /** The document that is downloaded, as a key. */
  readonly document: string | undefined
  gate(nowMs: number): Gate | undefined
  permit(heldBy: Window | undefined, sentMs: number, release?: () => void): Permit
}

/** `undefined`: the caller left, and nothing is spent. */
export type Visited = Permit | Refusal | undefined

export class Visit implements Caller, Placed {
  readonly kind = 'visit'
  place = -1
  readonly result: Promise<Visited>
  readonly #parts: VisitParts
  #hasLeft = false
  #isDraining = false
  readonly #sinceMs: number
  /** Ends the wait that is on. */
  #wake: () => void = () => undefined

  /**
   * @param waiter where it stands in its account's lane, if it came that far already
   * @param release gives back the place of its download, if it has one
   */
  constructor(parts: VisitParts, waiter?: Waiter, release?: () => void) {
    this.#parts = parts
    this.#sinceMs = parts.clock.nowMs()
    this.result = this.#go(waiter, release)
  }

  /** Whether anybody is there to be answered. */
  get writable(): boolean {
    return !this.#hasLeft
  }

  /** The caller is gone. */
  leave(): void {
    this.#hasLeft = true
    this.#wake()
  }

  /** It is told that we are shutting down, unless it may go already. */
  drain(): void {
    this.#isDraining = true
    this.#wake()
  }

  async #go(first: Waiter | undefined, had: (() => void) | undefined): Promise<Visited> {
    const { clock, wish, account, call, document } = this.#parts
    let waiter = first
    let release = had
    const stop = (refusal?: Refusal) => {
      release?.()
      return refusal
    }
    for (;;) {
      if (this.#hasLeft) return stop()
      if (this.#isDraining) return stop(SHUTTING_DOWN)
      const nowMs = clock.nowMs()
      const gate = waiter ? undefined : this.#parts.gate(nowMs)
      if (gate) {
        if (nowMs + gate.waitMs > wish.untilMs) return stop(gate.refusal)
        await this.#outside(this.#sleep(gate.waitMs))
        continue
      }
      if (document !== undefined && !release) {
        release = await this.#outside(this.#download(document, wish.untilMs - nowMs))
        if (release || this.#hasLeft || this.#isDraining) continue
        return downloadRefusal(account.standing(clock.nowMs()))
      }
      const heldBy = windowOf(account.forecast(nowMs, 0).by)
      const ask = {
        app: call.app.name,
        priority: wish.priority,
        maxWaitMs: Math.max(0, wish.untilMs - nowMs),
      }
      const entered = waiter ?? account.lane.enter(ask, nowMs)
      waiter = undefined
      const ended = entered.kind === 'waiting' ? await this.#stand(entered) : entered
      if (ended.kind === 'left') continue
      if (ended.kind === 'turned') return stop(this.#turned(ended))
      const grantedMs = clock.nowMs()
      // Whoever was granted has spent; what makes that void gives it back.
      if (this.#hasLeft || this.#parts.gate(grantedMs)) {
        account.refund(call.app.name, grantedMs)
        continue
      }
      return this.#parts.permit(heldBy, grantedMs, release)
    }
  }

  /** It waits, and in no lane: whoever counts those who wait must not miss it. */
  async #outside<T>(wait: Promise<T>): Promise<T> {
    const stepIn = this.#parts.account.standOutside(this.#parts.wish.priority, this.#sinceMs)
    try {
      return await wait
    } finally {
      stepIn()
    }
  }

  #turned(turned: Turned): Refusal {
    return turnedRefusal(turned, this.#parts.account.standing(this.#parts.clock.nowMs()))
  }

  #stand(waiter: Waiter) {
    this.#wake = () => waiter.leave()
    return waiter.result
  }

  #sleep(forMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#parts.clock.after(Math.ceil(forMs), resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  /** The place of a download, to be given back; `undefined` when its time is up or the caller left. */
  #download(document: string, forMs: number): Promise<(() => void) | undefined> {
    return new Promise(resolve => {
      let isTaken = false
      const release = this.#parts.downloads.take(document, this, () => {
        isTaken = true
        // It may be called before `take` has returned.
        queueMicrotask(() => {
          timer.cancel()
          resolve(release)
        })
      })
      const giveUp = () => {
        if (isTaken) return
        timer.cancel()
        release()
        resolve(undefined)
      }
      const timer = this.#parts.clock.after(Math.max(0, Math.ceil(forMs)), giveUp)
      this.#wake = giveUp
    })
  }
}

function windowOf(by: string | undefined): Window | undefined {
  return by === 'hour' || by === 'burst' ? by : undefined
}
