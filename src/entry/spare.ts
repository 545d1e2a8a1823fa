/**
 * Spares DocuSign a call: answers from a copy, waits along with the same question under way, or refuses a poll that is
 * too soon. What is left must be asked.
 */
import type { ServerResponse } from 'node:http'
import type { Clock, Turns } from '../base/clock.js'
import type { PollResult, Refusal, Saved } from '../base/types.js'
import type { Origin } from '../forward/exchange.js'
import type { Governor } from '../governor/governor.js'
import type { Wish } from '../governor/visit.js'
import type { Asking } from '../shield/asking.js'
import type { Follower, Shared } from '../shield/fetch.js'
import type { Remembered } from '../shield/recall.js'
import type { Visitor } from '../shield/visitor.js'
import type { Shield } from '../shield/shield.js'
import { ours } from './added.js'
import type { Heads } from './heads.js'
import { asItStands } from './refusal.js'
import { LEFT, refuse, type Written } from './respond.js'
import { standIn } from './stand-in.js'

export interface SpareRooms {
  readonly shield: Pick<Shield, 'recall'>
  readonly governor: Pick<Governor, 'enter' | 'limitsOf' | 'opensInMs'>
  originOf(service: 'oauth' | 'api', account: string | undefined): Origin
}

/** What is written down along the way. */
export interface SpareNotes {
  saved: Saved | undefined
  poll: PollResult | undefined
  /** How long it waited for somebody else's answer. */
  alongMs: number
  headAtMs: number | undefined
}

export type Spared =
  | { readonly kind: 'written'; readonly written: Promise<Written> | Written }
  /** None of the shield's business. */
  | { readonly kind: 'pass' }
  | { readonly kind: 'ask'; readonly asking: Asking }

const PASS: Spared = { kind: 'pass' }

/** @param heads where it is to be kept what was read of those that a copy answers */
export function makeSpare(rooms: SpareRooms, heads: Heads, clock: Clock, turns: Turns) {
  const { shield, governor } = rooms

  function fromCopy({ reply, saved, poll }: Remembered, res: ServerResponse, notes: SpareNotes) {
    notes.saved = saved
    notes.poll = poll
    notes.headAtMs = clock.nowMs()
    return standIn(res, reply, ours('remembered', reply.how), 'remembered', turns)
  }

  async function spare(
    visitor: Visitor,
    wish: Wish,
    res: ServerResponse,
    notes: SpareNotes,
  ): Promise<Spared> {
    for (;;) {
      const looked = shield.recall(visitor, wish.untilMs)
      const recalled = looked instanceof Promise ? await looked : looked
      if (!recalled) return PASS
      switch (recalled.kind) {
        case 'ask':
          notes.poll = recalled.poll
          return { kind: 'ask', asking: recalled }
        case 'remembered':
          if (recalled.again) heads.keep(res.req, recalled.again)
          return written(fromCopy(recalled, res, notes))
        case 'too-soon': {
          notes.poll = 'refused'
          const { call } = visitor
          const origin = rooms.originOf(call.service, call.account)
          // When the interval is over, the hour may still be spent.
          const opensInMs = governor.opensInMs(call.account ?? '', origin.text, wish.priority)
          const refusal = tooSoon(Math.max(recalled.restMs, opensInMs))
          return written(refuse(res, asItStands(refusal, call, governor)))
        }
        case 'follow': {
          const shared = await along(recalled.follower, res, notes)
          if (shared.kind === 'left') return written(LEFT)
          if (shared.kind === 'overdue')
            return written(refuse(res, asItStands(turnedAway(visitor, wish), visitor.call, governor)))
          if (shared.kind === 'free') continue
          const reply = recalled.replyOf(shared)
          notes.saved = 'coalesce'
          notes.headAtMs = clock.nowMs()
          return written(standIn(res, reply, ours('coalesced', reply.how), 'coalesced', turns))
        }
      }
    }
  }

  return { spare, fromCopy }

  async function along(follower: Follower, res: ServerResponse, notes: SpareNotes): Promise<Shared> {
    const sinceMs = clock.nowMs()
    const leave = () => follower.leave()
    res.on('close', leave)
    if (res.destroyed) leave()
    const shared = await follower.result
    res.off('close', leave)
    notes.alongMs += clock.nowMs() - sinceMs
    return shared
  }

  /** The one it waited along with is still held, and its own time is up: what a call hears that may not wait. */
  function turnedAway({ call }: Visitor, wish: Wish): Refusal {
    const origin = rooms.originOf(call.service, call.account)
    const entered = governor.enter(call, { ...wish, untilMs: clock.nowMs() }, origin.text)
    if (entered.kind === 'refusal') return entered
    if (entered.kind === 'visit') entered.leave()
    else {
      entered.failed('never')
      entered.over()
    }
    return BEHIND
  }
}

const BEHIND: Refusal = {
  kind: 'refusal',
  reason: 'burst-spent',
  window: 'burst',
  message: 'The same question is about to be asked by another call. This one was not sent; it can be in 1 s.',
  retryAfterMs: 1_000,
}

function written(what: Promise<Written> | Written): Spared {
  return { kind: 'written', written: what }
}

function tooSoon(waitMs: number): Refusal {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return {
    kind: 'refusal',
    reason: 'poll-too-soon',
    message: `This app has read this resource of the envelope already, DocuSign allows one GET of it in 15 minutes, and no copy may answer this caller. This one was not sent; it can be in ${seconds} s.`,
    retryAfterMs: waitMs,
  }
}
