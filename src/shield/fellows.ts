/**
 * One shield of many nodes. What a node would answer or ask by itself it first puts to what all know (`base/commons.ts`):
 * a copy of its own is confirmed, a GET is claimed, a refusal is reconsidered; each is one round trip. Nothing that
 * another node may have made untrue is shown on the strength of a message, because messages are lost: they only see to
 * it that what is untrue goes at once, and is not there when the node is alone.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.js'
import type { Commons, Inquiry, Word } from '../base/commons.js'
import type { Asking } from './asking.js'
import type { Copies } from './copies.js'
import type { Copy } from './copy.js'
import { Lease } from './lease.js'
import type { Polls } from './polls.js'
import type { Question } from './question.js'
import type { Looked, Recalled } from './recall.js'
import { shared } from './reply.js'
import type { ShieldConfig } from './shield.js'
import type { Hearing } from './telling.js'
import type { Terminal } from './terminal.js'
import type { UnderWay } from './under-way.js'
import { makeWaits, type Watch } from './waits.js'
import type { Whose } from './whose.js'

export interface FellowsParts {
  readonly commons: Commons
  readonly clock: Clock
  readonly polls: Polls
  /** Those of this node; what happens to them here is told to nobody. */
  readonly copies: Copies
  readonly terminal: Terminal
  readonly whose: Whose
  readonly underWay: UnderWay
  readonly hearing: Hearing
  readonly config: () => ShieldConfig
  /** Looks again, with what has been learned. */
  readonly again: (question: Question, untilMs: number) => Looked
}

export interface Fellows {
  /** Whether it may answer as it is. */
  isTrue(copy: Copy): boolean
  confirm(question: Question, copy: Copy): Promise<boolean>
  /** Whether they let it go up; or what becomes of it instead. */
  claim(asking: Asking, untilMs: number): Promise<Recalled | undefined> | Recalled
  /** It would be refused here. @param restMs how long the interval lasts, as far as this node knows */
  reconsider(
    question: Question,
    twinKey: string,
    pollKey: string,
    restMs: number,
    untilMs: number,
  ): Promise<Recalled | undefined> | Recalled
  over(keys: readonly string[]): void
  /** Something may have been: whoever waits looks again. */
  missed(): void
}

interface Turns {
  readonly go: (isAfterWrite: boolean) => Asking
  readonly lost: () => Recalled
  /** It does not go up. */
  readonly stay: () => void
}

const RENEW_MS = 5_000
/** A wait looks again so often, because the message that ends it may be lost. */
const LOOK_MS = 1_000

export function makeFellows(parts: FellowsParts): Fellows {
  const { commons, clock, polls, copies, terminal, whose, underWay, hearing, config, again } = parts
  const open = new Set<Lease>()
  const waits = makeWaits(clock)
  /** Found to be inside its interval by all, and for how long. */
  const settled = new WeakMap<Question, number>()
  /** Adopted in this very breath. */
  const fresh = new WeakSet<Copy>()
  /** For these a copy was offered, and taken: a second offer would be the same. */
  const offered = new WeakSet<Question>()
  let isRenewing = false

  const leaseParts = { commons, clock, ended: (lease: Lease) => void open.delete(lease) }

  function renewLater(): void {
    if (isRenewing) return
    isRenewing = true
    clock.after(RENEW_MS, () => {
      isRenewing = false
      if (open.size === 0) return
      if (commons.isUp) commons.renew(Array.from(open, ({ what }) => what))
      renewLater()
    })
  }

  function leaseFor(question: Question, pollKey: string): Lease {
    const { account, envelope } = question
    const id = whose.candidatesFor(question)[0]?.id ?? ''
    const lease = randomBytes(12).toString('base64url')
    return new Lease(leaseParts, { account, envelope, pollKey, id, lease }, hearing.session)
  }

  function grant(asking: Asking, lease: Lease): Asking {
    asking.lease = lease
    open.add(lease)
    renewLater()
    return asking
  }

  function inquiryOf(question: Question, lease: Lease, how: Inquiry['how']): Inquiry {
    const { polling, cache } = config()
    const answeredMs = polls.answeredMs(lease.what.pollKey)
    return {
      ...lease.what,
      how,
      candidates: offered.has(question) ? [] : whose.candidatesFor(question),
      askers: whose.namesOf(question),
      isShared: question.mayLead && question.mayKeep && cache.enabled,
      answeredAgoMs: answeredMs === undefined ? undefined : clock.nowMs() - answeredMs,
      intervalMs: polling.intervalMs,
      finalMs: cache.terminalMaxAgeMs,
      freshMs: polling.mode === 'enforce' ? polling.intervalMs : 0,
    }
  }

  async function decide(
    question: Question,
    pollKey: string,
    how: Inquiry['how'],
    untilMs: number,
    turns: Turns,
  ): Promise<Recalled | undefined> {
    const lease = leaseFor(question, pollKey)
    const inquiry = inquiryOf(question, lease, how)
    // Before it is asked, because the end of what it is told of may be heard before the answer is.
    const watch = waits.watch([pollKey, lease.what.id])
    const word = await commons.ask(inquiry)
    if (!word) {
      watch.end()
      const alone = turns.lost()
      return alone.kind === 'ask' ? grant(alone, lease) : alone
    }
    if (word.terminalAgoMs !== undefined && question.envelope !== '') {
      terminal.know(question.envelope, clock.nowMs() - word.terminalAgoMs)
    }
    if (word.kind === 'go') {
      watch.end()
      lease.stamp = word.stamp
      return grant(turns.go(word.isAfterWrite), lease)
    }
    turns.stay()
    if (word.kind === 'pending') return waitAlong(watch, word.leftMs, untilMs)
    watch.end()
    if (word.kind === 'inside') {
      heard(pollKey, word.restMs)
      settled.set(question, word.restMs)
      return again(question, untilMs)
    }
    return adopt(question, word, pollKey, untilMs)
  }

  function heard(pollKey: string, restMs: number): void {
    polls.heard(pollKey, clock.nowMs() + restMs - config().polling.intervalMs)
  }

  function adopt(
    question: Question,
    { copy: told, stamp, restMs }: Extract<Word, { kind: 'copy' }>,
    pollKey: string,
    untilMs: number,
  ): Looked {
    const nowMs = clock.nowMs()
    const { account, envelope } = question
    const { sentAgoMs, answeredAgoMs, ...rest } = told
    const moments = { sentMs: nowMs - sentAgoMs, answeredMs: nowMs - answeredAgoMs }
    const copy: Copy = { ...rest, ...moments, account, envelope, stamp, session: hearing.session }
    copies.adopt(copy)
    if (restMs > 0) heard(pollKey, restMs)
    offered.add(question)
    fresh.add(copy)
    const looked = again(question, untilMs)
    fresh.delete(copy)
    return looked
  }

  /** Until another node has its answer: as one waits along with a question under way here. */
  function waitAlong(watch: Watch, leftMs: number, untilMs: number): Recalled {
    return { kind: 'follow', follower: watch.follow(Math.min(leftMs, LOOK_MS), untilMs), replyOf: shared }
  }

  return {
    isTrue: copy => !commons.isUp || fresh.has(copy),

    async confirm(question, copy) {
      const stamp = await commons.confirm({
        account: copy.account,
        envelope: copy.envelope,
        id: copy.id,
        viewer: copy.viewer,
        stamp: copy.stamp ?? '',
        sentAgoMs: clock.nowMs() - copy.sentMs,
        askers: whose.namesOf(question),
        isUnbroken: copy.session === hearing.session,
      })
      // Lost: this node is alone, and goes by what it has heard of all that was told.
      if (stamp === undefined && copy.session === hearing.session) return true
      if (stamp !== undefined && stamp !== '') {
        copy.stamp = stamp
        copy.session = hearing.session
        return true
      }
      copies.forget(copy)
      return false
    },

    claim(asking, untilMs) {
      const { question, pollKey, poll } = asking
      const restMs = settled.get(question)
      if (restMs !== undefined && poll !== 'observed') {
        asking.ended()
        return { kind: 'too-soon', restMs }
      }
      if (!commons.isUp) return grant(asking, leaseFor(question, pollKey))
      return decide(question, pollKey, poll === 'observed' ? 'force' : 'claim', untilMs, {
        go: () => asking,
        lost: () => asking,
        stay: () => asking.ended(),
      })
    },

    reconsider(question, twinKey, pollKey, restMs, untilMs) {
      if (!commons.isUp || settled.has(question)) return { kind: 'too-soon', restMs }
      return decide(question, pollKey, 'claim', untilMs, {
        go: () => underWay.lead(question, underWay.twin(twinKey) ? '' : twinKey, pollKey, 'read_after_write'),
        lost: () => ({ kind: 'too-soon', restMs }),
        stay: () => undefined,
      })
    },

    over: keys => waits.over(keys),

    missed: () => waits.all(),
  }
}
