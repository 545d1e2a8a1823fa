/** What a purse falls back on while the pool is lost, or not all nodes have reported to it since. */
import type { Part } from '../base/pool.js'
import { Alone } from './alone.js'
import type { Hand } from './hand.js'
import type { PurseHouse, PurseOwner } from './purse-house.js'
import type { Ring } from './ring.js'

export interface FallbackParts {
  readonly house: Pick<PurseHouse, 'pool' | 'onLoss'>
  readonly hand: Hand
  /** When this node's own calls were answered. */
  readonly own: Ring
  readonly owner: Pick<PurseOwner, 'budget'>
  /** What the pool knows the account by. */
  readonly known: { readonly tag: string }
}

export class Fallback {
  readonly #parts: FallbackParts
  /** `undefined`: nothing is kept for us. */
  #part: Part | undefined
  #alone: Alone | undefined

  constructor(parts: FallbackParts) {
    this.#parts = parts
  }

  /** It spends without leave, or would if there were anything left. */
  get isOn(): boolean {
    return this.#alone !== undefined
  }

  /** The same in the quiet, and not over yet. */
  isEnding(nowMs: number): boolean {
    return this.#alone !== undefined && this.#alone.isEnding && !this.#alone.isOver(nowMs)
  }

  /** @param isAnswering the pool has been asked, and its answer may end this */
  room(nowMs: number, isAnswering: boolean): number {
    if (!this.#alone) return 0
    // What is sent until the pool has answered is not in the report that says what was sent.
    return this.#alone.isEnding || !isAnswering ? this.#alone.room(nowMs) : 0
  }

  /** How long until there may be more; `undefined`: that is for the pool to say. */
  waitMs(nowMs: number): number | undefined {
    return this.#alone && !this.#alone.isOver(nowMs) ? this.#alone.waitMs(nowMs) : undefined
  }

  spend(): void {
    this.#alone?.spend()
  }

  /** False where it is off. */
  refund(): boolean {
    this.#alone?.refund()
    return this.isOn
  }

  /** The pool is lost. False where it was already. */
  lose(nowMs: number): boolean {
    // One that is over has left what it did not spend to the others.
    if (!this.#alone || this.#alone.isOver(nowMs)) return this.#begin(nowMs, false)
    this.#alone.endsAt(Infinity)
    return false
  }

  /** The pool is there and grants nobody anything until then, nowMs scale. True where that begins. */
  keepQuiet(untilMs: number, nowMs: number): boolean {
    const begins = untilMs > nowMs && !this.#alone && this.#begin(nowMs, true)
    this.#alone?.endsAt(untilMs)
    return begins
  }

  /** The pool's word holds again. */
  end(): void {
    this.#alone = undefined
  }

  /** @param part of what the pool has for this case; `undefined`: nothing */
  keep(part: Part | undefined): void {
    this.#part = part
  }

  /** What would be spent if the pool were lost now, beside what is in hand. */
  part(nowMs: number): Part | undefined {
    if (!this.#parts.hand.isLeased(nowMs)) return undefined
    return this.#alone && this.#part ? this.#alone.left : this.#part
  }

  #begin(nowMs: number, isQuiet: boolean): true {
    const { house, own, hand, known } = this.#parts
    const boundUntilMs = () => house.pool.boundUntilMs(known.tag)
    const { budget } = this.#parts.owner
    const part = this.part(nowMs)
    budget.secede(part === undefined, nowMs)
    const inHand = hand.count(nowMs)
    this.#alone = new Alone({ house, budget, own, inHand, part, sinceMs: nowMs, isQuiet, boundUntilMs })
    return true
  }
}
