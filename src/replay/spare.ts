/** Spares the modelled DocuSign a call, as `entry/spare.ts` spares the real one; nobody is there to be written to. */
import type { Clock } from '../base/clock.js'
import type { Reason } from '../base/types.js'
import type { Governor } from '../governor/governor.js'
import type { Wish } from '../governor/visit.js'
import type { Tally } from '../plan/tally.js'
import type { Asking } from '../shield/asking.js'
import type { Looked, Recalled } from '../shield/recall.js'
import type { Shield } from '../shield/shield.js'
import type { Visitor } from '../shield/visitor.js'

export interface SpareParts {
  readonly shield: Pick<Shield, 'recall'>
  readonly governor: Pick<Governor, 'enter'>
  readonly tally: Tally
  readonly clock: Clock
  /** Where its calls would go. */
  readonly origin: string
}

/** `pass`: it is none of the shield's business. */
export type Spared = 'spared' | 'pass' | Asking

export function makeSpare({ shield, governor, tally, clock, origin }: SpareParts) {
  /** The one it waited along with is still held, and its own time is up: what a call hears that may not wait. */
  function turnedAway(call: Visitor['call'], wish: Wish): Reason {
    const entered = governor.enter(call, { ...wish, untilMs: clock.nowMs() }, origin)
    if (entered.kind === 'refusal') return entered.reason
    if (entered.kind === 'visit') entered.leave()
    else {
      entered.failed('never')
      entered.over()
    }
    return 'burst-spent'
  }

  function told({ call }: Visitor, recalled: Exclude<Recalled, { kind: 'follow' }> | undefined): Spared {
    if (!recalled) return 'pass'
    if (recalled.kind === 'ask') return recalled
    const atMs = clock.wallMs()
    if (recalled.kind === 'remembered') tally.spare(recalled.saved, call.app.name, atMs)
    else tally.refuse('poll-too-soon', call.app.name, atMs)
    return 'spared'
  }

  async function wait(visitor: Visitor, wish: Wish, first: Looked): Promise<Spared> {
    const { call } = visitor
    const app = call.app.name
    for (let looked = first; ; looked = shield.recall(visitor, wish.untilMs)) {
      const recalled = looked instanceof Promise ? await looked : looked
      if (recalled?.kind !== 'follow') return told(visitor, recalled)
      const shared = await recalled.follower.result
      if (shared.kind === 'free') continue
      if (shared.kind === 'shared') tally.spare('coalesce', app, clock.wallMs())
      else if (shared.kind === 'overdue') tally.refuse(turnedAway(call, wish), app, clock.wallMs())
      return 'spared'
    }
  }

  return function spare(visitor: Visitor, wish: Wish): Spared | Promise<Spared> {
    const looked = shield.recall(visitor, wish.untilMs)
    const mustWait = looked instanceof Promise || looked?.kind === 'follow'
    return mustWait ? wait(visitor, wish, looked) : told(visitor, looked)
  }
}
