/** A call that goes up whatever the shield knows, and what it teaches on its way. */
import type { Clock } from '../base/clock.js'
import type { Errand } from './asking.js'
import { BYPASS } from './cache-status.js'
import type { Flow } from './flow.js'
import type { Learning } from './learn.js'
import type { Visitor } from './visitor.js'

export interface Passing extends Errand {
  flows(lines: readonly string[]): Flow | undefined
}

export function pass(visitor: Visitor, learning: Learning, clock: Clock): Passing {
  let sentMs = 0
  let status = 0
  return {
    held: () => undefined,
    sending: () => void (sentMs = clock.nowMs()),
    leaving: () => undefined,
    failed: left => learning.failed(visitor, left),
    answered(code) {
      status = code
      learning.answered(visitor, code, sentMs)
    },
    flows(lines) {
      const ear = learning.ear(visitor, status, lines)
      return (
        ear && {
          take: chunk => ear.take(chunk),
          end: isWhole => void (isWhole && learning.heard(visitor, ear, sentMs)),
          runsAhead: false,
          how: BYPASS,
        }
      )
    },
  }
}
