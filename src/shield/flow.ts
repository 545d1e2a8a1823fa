/** The body of an answer as it flows by: listened to, taken in, and hurried where others wait for it. */
import type { Ear } from './ear.js'
import type { Intake } from './intake.js'
import type { Keep } from './keepable.js'

/** What is wanted of the body of an answer that flows. */
export interface Flow {
  take(chunk: Buffer): void
  /** The last byte has come, or it broke off. */
  end(isWhole: boolean): void
  /** Whether it should come in faster than its client takes it, because others wait for it. */
  readonly runsAhead: boolean
  /** The parameters of `Cache-Status`. */
  readonly how: string
}

/** How many flows run ahead of their clients at this moment: each may hold a copy's worth of memory. */
export interface Ahead {
  count: number
}

const MOST_AHEAD = 8

/** Whose body it is. */
interface Receiving {
  readonly fetch: { readonly isFollowed: boolean }
  given(): void
  arrived(came: Came, isWhole: boolean): Promise<void>
}

interface FlowParts {
  readonly ear: Ear | undefined
  readonly intake: Intake | undefined
  readonly keep: Keep | undefined
  readonly whose: { readonly id: string; readonly viewer: string } | undefined
  readonly lines: readonly string[]
  readonly how: string
  readonly ahead: Ahead
}

/** The body as it came. */
export type Came = Omit<FlowParts, 'ahead' | 'how'>

export class FlowIn implements Flow {
  readonly #asking: Receiving
  readonly #parts: FlowParts
  #isAhead = false
  #isOver = false

  constructor(asking: Receiving, parts: FlowParts) {
    this.#asking = asking
    this.#parts = parts
  }

  get how(): string {
    return this.#parts.how
  }

  get runsAhead(): boolean {
    const { intake, ahead } = this.#parts
    if (this.#isAhead) return intake?.isInMemory === true
    if (intake?.isInMemory !== true || !this.#asking.fetch.isFollowed || ahead.count >= MOST_AHEAD)
      return false
    this.#isAhead = true
    ahead.count++
    return true
  }

  take(chunk: Buffer): void {
    const { ear, intake } = this.#parts
    ear?.take(chunk)
    if (!intake?.isOpen) return
    intake.take(chunk)
    if (!intake.isOpen) this.#asking.given()
  }

  end(isWhole: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#isAhead) this.#parts.ahead.count--
    void this.#asking.arrived(this.#parts, isWhole)
  }
}
