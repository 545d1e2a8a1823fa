/** Who is to be answered: one client, or, where others wait for the same answer, all of them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../forward/exchange.js'

/** What others may wait for as well. */
export interface Common {
  readonly isWantedByOthers: boolean
  leaderLeft(): void
  onUnwanted: () => void
}

export interface Audience extends Caller {
  /** Nobody is left. */
  readonly isGone: boolean
  /** Called once when the last one leaves; the latest listener alone. */
  whenGone(leave: () => void): void
}

export function audienceOf(req: IncomingMessage, res: ServerResponse, common?: Common): Audience {
  const { socket } = req
  let leave: () => void = () => undefined
  res.on('close', () => {
    if (res.writableFinished) return
    if (common) common.leaderLeft()
    else leave()
  })
  // It may have left before anybody listened.
  if (res.destroyed) common?.leaderLeft()
  if (common) common.onUnwanted = () => leave()
  return {
    get writable() {
      // The socket ends before it says so, and what is handed a place between the two would go up for nobody.
      return socket.writable || common?.isWantedByOthers === true
    },
    get isGone() {
      return res.destroyed && common?.isWantedByOthers !== true
    },
    whenGone: next => void (leave = next),
  }
}
