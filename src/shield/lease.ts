/** A question that other nodes know to be on its way from here, until they are told how it ended. */
import type { Commons, Lease as Leased } from '../base/commons.js'
import type { Clock } from '../base/clock.js'
import type { Copy } from './copy.js'

export class Lease {
  readonly what: Leased
  /** How the world stood when it was granted; '' where nobody could say. */
  stamp = ''
  readonly #parts: LeaseParts
  readonly #session: number
  #answeredMs: number | undefined
  #kept: Promise<void> | undefined
  #isOver = false

  constructor(parts: LeaseParts, what: Leased, session: number) {
    this.#parts = parts
    this.what = what
    this.#session = session
  }

  /** What it brings is kept as of this moment. */
  mark(copy: Copy): void {
    copy.stamp = this.stamp
    copy.session = this.#session
  }

  /** Whether an interval has begun, and when. */
  settled(ok: boolean, nowMs: number): void {
    this.#answeredMs = ok ? nowMs : undefined
  }

  /** Those who wait for the copy are told when it is where they find it. */
  lastUntil(kept: Promise<void>): void {
    this.#kept = kept
  }

  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    const end = () => this.#end()
    if (this.#kept) void this.#kept.then(end, end)
    else end()
  }

  #end(): void {
    const { commons, clock, ended } = this.#parts
    const atMs = this.#answeredMs
    ended(this)
    commons.over({ ...this.what, answeredAgoMs: atMs === undefined ? undefined : clock.nowMs() - atMs })
  }
}

export interface LeaseParts {
  readonly commons: Pick<Commons, 'over'>
  readonly clock: Clock
  /** It needs to be renewed no more. */
  readonly ended: (lease: Lease) => void
}
