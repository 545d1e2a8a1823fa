/** Who is not there in a replay: nobody reads a ledger after it, and nobody is answered. */
import type { Journal } from '../governor/journal.js'

/** Nothing that is spent in a replay has to be known after it. */
const NO_PAGE = {
  spend: () => undefined,
  completed: () => undefined,
  refunded: () => undefined,
  heard: () => undefined,
  learned: () => undefined,
}
export const NO_JOURNAL: Journal = {
  restore: () => [],
  open: () => NO_PAGE,
  writeDown: () => undefined,
  flush: () => undefined,
  stop: () => undefined,
}

/** Where a call stands, as `entry/audience.ts` has it: nobody is there who could leave before his time. */
export class Listener {
  #leave: () => void = () => undefined
  isGone = false

  whenGone(leave: () => void): void {
    this.#leave = leave
  }

  go(): void {
    this.isGone = true
    this.#leave()
  }
}
