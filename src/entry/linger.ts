/** The end of a connection whose client is still sending. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../base/clock.js'

/** After an answer, how long the rest of an upload nobody wants is read so that the client sees that answer. */
const LINGER_MS = 10_000

/**
 * Node closes a connection behind its last answer at once. A client that is still sending then gets a reset
 * instead of that answer, so the end waits until the request has come in, or `linger` has had enough of it.
 */
export function closeSoftly(req: IncomingMessage): void {
  const { socket } = req
  const close = socket.destroySoon.bind(socket)
  socket.destroySoon = () => void (req.complete ? close() : req.once('close', close))
}

/** Reads what still comes, and ends the connection when that has gone on for too long. */
export function linger(req: IncomingMessage, clock: Clock): void {
  if (req.socket.destroyed) return
  req.unpipe()
  req.resume()
  const limit = clock.after(LINGER_MS, () => req.socket.destroy())
  req.once('close', () => limit.cancel())
}
