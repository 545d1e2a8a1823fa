import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Answer } from './answer.js'
import type { FaultKind } from './faults.js'
import { represent } from './represent.js'

export interface Manner {
  /** Headers of this call: limits, trace token, date. */
  readonly headers: Readonly<Record<string, string>>
  readonly gzip: boolean
  readonly fault: FaultKind
}

/** A cut comes in the middle, and no later, because a reset takes with it what still waits in the kernel. */
const MOST_BEFORE_CUT_BYTES = 32 * 1024

/** Writes an answer with back-pressure; comes back when all of it has been handed over, or the caller has left. */
export async function send(
  req: IncomingMessage,
  res: ServerResponse,
  answer: Answer,
  manner: Manner,
): Promise<void> {
  const shape = await represent(answer, req.headers, manner.gzip)
  if (res.destroyed) return
  // Ours comes from DocuSign's clock, which may be skewed.
  res.sendDate = false
  const headers = { ...manner.headers, ...answer.headers, ...shape.headers, 'Content-Length': shape.length }
  res.writeHead(answer.status, headers)
  if (req.method === 'HEAD') {
    res.end()
    return
  }
  const isCut = manner.fault === 'reset-mid-body' || manner.fault === 'stall-mid-body'
  let left = isCut ? Math.min(Math.floor(shape.length / 2), MOST_BEFORE_CUT_BYTES) : Infinity
  if (isCut) res.flushHeaders()
  for (const chunk of shape.chunks()) {
    if (left <= 0) break
    const piece = chunk.subarray(0, Math.min(chunk.length, left))
    left -= piece.length
    if (!res.write(piece) && !(await isDrained(res))) return
  }
  if (!isCut) res.end()
  else if (manner.fault === 'reset-mid-body') await flushThenReset(res)
}

/** Ends a connection the rude way. A peer that had data to read at that moment may see an early end instead of ECONNRESET. */
export function reset(res: ServerResponse): void {
  const { socket } = res
  if (!socket) return
  // A TLS connection has no reset of its own; an end without a close_notify is as rude as it gets.
  if (Object.getPrototypeOf(socket) === Socket.prototype) socket.resetAndDestroy()
  else socket.destroy()
}

function flushThenReset(res: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    res.socket?.write('', () => {
      reset(res)
      resolve()
    })
  })
}

function isDrained(res: ServerResponse): Promise<boolean> {
  return new Promise(resolve => {
    const settle = () => {
      res.off('drain', settle)
      res.off('close', settle)
      resolve(!res.destroyed)
    }
    res.on('drain', settle)
    res.on('close', settle)
  })
}
