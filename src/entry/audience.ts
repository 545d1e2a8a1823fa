/** Who is to be answered: one client, or, where others wait for the same answer, all of them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../forward/exchange.js'

/** What others may wait for as well. */
export interface Common {
  readonly isWantedByOthers: boolean
  leaderLeft(): void
  leader: { leave(): void } | undefined
}

/**
 * A class, because V8 makes a shape of its own for every object literal with a getter in it: that shape lives until the
 * next full collection, and so does all that the getter sees, here the whole call (a quarter of its CPU, measured).
 */
export class Audience implements Caller {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #common: Common | undefined
  #leave: () => void = () => undefined

  constructor(req: IncomingMessage, res: ServerResponse, common?: Common) {
    this.#req = req
    this.#res = res
    this.#common = common
    res.on('close', () => {
      if (res.writableFinished) return
      if (common) common.leaderLeft()
      else this.#leave()
    })
    // It may have left before anybody listened.
    if (res.destroyed) common?.leaderLeft()
    if (common) common.leader = this
  }

  get writable(): boolean {
    // The socket ends before it says so, and what is handed a place between the two would go up for nobody.
    return this.#req.socket.writable || this.#common?.isWantedByOthers === true
  }

  /** Nobody is left. */
  get isGone(): boolean {
    return this.#res.destroyed && this.#common?.isWantedByOthers !== true
  }

  leave(): void {
    this.#leave()
  }

  /** Called once when the last one leaves; the latest listener alone. */
  whenGone(leave: () => void): void {
    this.#leave = leave
  }
}
