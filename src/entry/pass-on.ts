/** DocuSign's answer to its client, as it flows. */
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Turns } from '../base/clock.js'
import { ONE_WRITE_BYTES, writeOpening } from './opening.js'
import { makePace, type Pace } from './pace.js'
import { LEFT, refuse, UNPASSABLE, type Written } from './respond.js'

/** DocuSign's answer as this room needs it: its head, its body still flowing, and whether that body came whole. */
export interface Passing {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Readable
  isWhole(): boolean
}

/** Who else wants this answer. */
export interface Others {
  /** They wait for the whole of it, and not for how fast this client reads. */
  readonly isHurried: boolean
  /** It should come to its end though this client has left. */
  readonly isWanted: boolean
}

/** An answer that is no longer has passed before it could hold anybody up. */
const UNPACED_BYTES = 262_144

const ALONE: Others = { isHurried: false, isWanted: false }

function leave(body: Readable, others: Others): void {
  if (others.isWanted) body.resume()
  else body.destroy()
}

/**
 * Passes DocuSign's answer on as it flows, no faster than the client reads. A body that breaks off upstream breaks
 * off here too: ended cleanly, half a contract would look like a whole one.
 */
export type PassOn = (
  res: ServerResponse,
  answer: Passing,
  added: readonly string[],
  others?: Others,
) => Promise<Written>

/** All that it passes on flows at one pace. */
export function makePassOn(turns: Turns): PassOn {
  const pace = makePace(turns)
  return (res, answer, added, others = ALONE) => passOn(res, answer, added, others, turns, pace)
}

function passOn(
  res: ServerResponse,
  answer: Passing,
  added: readonly string[],
  others: Others,
  turns: Turns,
  pace: Pace,
): Promise<Written> {
  const { body } = answer
  if (res.destroyed) {
    leave(body, others)
    return Promise.resolve(LEFT)
  }
  try {
    // Without DocuSign's reason phrase: one control character in it and Node throws.
    res.writeHead(answer.status, answer.headers.concat(added))
  } catch {
    leave(body, others)
    return refuse(res, UNPASSABLE)
  }
  return new Promise(resolve => {
    let bytesOut = 0
    let opening: Buffer | undefined
    let isOver = false
    const open = () => {
      if (opening === undefined) return
      const flows = writeOpening(res, opening)
      opening = undefined
      if (isOver) res.end()
      else if (!flows) wait()
    }
    // Only then is `drain` listened for: most answers never wait.
    const wait = () => {
      if (others.isHurried) return
      isWaiting = true
      body.pause()
      res.once('drain', () => {
        isWaiting = false
        if (!isPaced) body.resume()
      })
    }
    let isPaced = false
    let isWaiting = false
    const goOn = () => {
      isPaced = false
      if (!isWaiting || others.isHurried) body.resume()
    }
    body.on('data', (chunk: Buffer) => {
      if (bytesOut === 0 && chunk.length <= ONE_WRITE_BYTES) {
        opening = chunk
        turns.atEnd(open)
      } else {
        open()
        if (!res.write(chunk)) wait()
      }
      bytesOut += chunk.length
      if (bytesOut <= UNPACED_BYTES || isPaced || pace.passed(chunk.length, goOn)) return
      isPaced = true
      body.pause()
    })
    // Part of it may have been read and put back.
    if (body.isPaused()) body.resume()
    const cutShort = () => {
      if (answer.isWhole()) return
      open()
      res.destroy()
    }
    body.on('end', () => {
      cutShort()
      isOver = true
      if (opening === undefined) res.end()
    })
    body.on('close', cutShort)
    // It may have closed between its head and now, and then says so no more.
    if (body.destroyed) cutShort()
    res.on('close', () => {
      const cut = !res.writableFinished
      if (cut) leave(body, others)
      resolve({
        outcome: cut ? 'failed' : 'forwarded',
        status: answer.status,
        reason: undefined,
        bytesOut,
        cut,
      })
    })
  })
}
