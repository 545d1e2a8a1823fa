/** What a trace is told of a call on its way. */
import type { Clock } from '../base/clock.js'
import type { Marks, TracedLimits } from '../base/trace.js'
import type { Governor } from '../governor/governor.js'
import type { Wish } from '../governor/visit.js'
import type { Shield } from '../shield/shield.js'
import type { Visitor } from '../shield/visitor.js'

export interface Marking {
  /** Its answer flows, and this is its `Cache-Status`. */
  flows(how: string): void
  /** The call is over. */
  end(): Marks
}

interface MarkRooms {
  readonly shield: Pick<Shield, 'marksOf'>
  readonly governor: Pick<Governor, 'standingOf'>
}

/** What `Cache-Status` says of an answer that becomes a copy. */
const STORED = /; stored$/

export interface MarkConfig {
  readonly isOn: boolean
  /** How long a call may be held whose caller does not say. */
  readonly maxWaitMs: number
}

/** @returns `undefined` where calls are not traced, so that they pay nothing for it */
export function makeMark({ isOn, maxWaitMs }: MarkConfig, rooms: MarkRooms, clock: Clock) {
  return isOn ? markWith(rooms, maxWaitMs, clock) : undefined
}

function markWith({ shield, governor }: MarkRooms, maxWaitMs: number, clock: Clock) {
  function limitsOf(account: string): TracedLimits {
    const { hour, burst, foreignTotal } = governor.standingOf(account)
    const { resetAtSeconds } = hour
    return { hourLimit: hour.limit, burstLimit: burst.limit, resetAtSeconds, others: foreignTotal }
  }

  return function mark(visitor: Visitor, wish: Wish): Marking {
    const { account } = visitor.call
    const sinceMs = clock.nowMs()
    const patienceMs = Math.round(Math.max(0, wish.untilMs - sinceMs))
    let kept = false
    return {
      flows(how) {
        kept = STORED.test(how)
      },
      end() {
        const { endedSinceMs, ...marks } = shield.marksOf(visitor)
        return {
          ...marks,
          priority: wish.priority,
          patienceMs: patienceMs < maxWaitMs ? patienceMs : undefined,
          kept,
          ended: endedSinceMs === undefined ? undefined : endedSinceMs <= sinceMs ? 'before' : 'now',
          limits: account === undefined ? undefined : limitsOf(account),
        }
      },
    }
  }
}
