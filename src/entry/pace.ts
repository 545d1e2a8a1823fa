/**
 * How much flows in one turn of the event loop. Because a turn takes in one new connection (libuv), and up to 2 MB of each
 * answer that flows: with sixty fast ones it took 20 ms of CPU, and whoever came meanwhile waited for seconds to be heard
 * at all. So what flows takes one turn in a few, and the others cost next to nothing where nobody comes.
 */
import type { Turns } from '../base/clock.js'

export interface Pace {
  /** So much of an answer has passed. False: no more of it before `goOn` is called, once, in a later turn. */
  passed(bytes: number, goOn: () => void): boolean
}

/** Of all answers together. */
const TURN_BYTES = 524_288
/** A read brings 64 KiB of an answer, and as much again may have been read before. */
const GO_ON_AT_ONCE = 4
const TURNS_BETWEEN = 4

export function makePace(turns: Turns): Pace {
  let left = TURN_BYTES
  let isArmed = false
  /** Turns that have passed since any of them went on. */
  let since = 0
  /** First come, first served. Bounded by the answers that flow. */
  let waiting: (() => void)[] = []

  function nextTurn(): void {
    isArmed = false
    if (waiting.length > 0 && ++since <= TURNS_BETWEEN) return arm()
    since = 0
    left = TURN_BYTES
    const next = waiting.slice(0, GO_ON_AT_ONCE)
    waiting = waiting.slice(GO_ON_AT_ONCE)
    for (const goOn of next) goOn()
    if (waiting.length > 0) arm()
  }

  function arm(): void {
    if (isArmed) return
    isArmed = true
    turns.atEnd(nextTurn)
  }

  return {
    passed(bytes, goOn) {
      left -= bytes
      arm()
      if (left > 0) return true
      waiting.push(goOn)
      return false
    },
  }
}
