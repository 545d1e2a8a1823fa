/** Need DocuSign be asked? The one place where copies, twins and intervals meet. */
import type { Clock } from '../base/clock.js'
import type { PollResult } from '../base/types.js'
import type { Asking } from './asking.js'
import type { Copies } from './copies.js'
import type { Copy, Opened } from './copy.js'
import { FREE, type Follower, type Shared } from './fetch.js'
import type { Polls } from './polls.js'
import type { Fellows } from './fellows.js'
import { bareOf, type Question } from './question.js'
import { remembered, shared, type Reply } from './reply.js'
import type { ShieldConfig } from './shield-parts.js'
import type { UnderWay } from './under-way.js'
import type { Whose } from './whose.js'

/** A copy answers. */
export interface Remembered {
  readonly kind: 'remembered'
  readonly reply: Reply
  readonly saved: 'terminal' | 'poll'
  readonly poll: PollResult | undefined
  /** The question without its header lines, for `glance` when the same is asked again; only where it may be. */
  readonly again?: Question | undefined
}

/** What becomes of a question without DocuSign, or that it must be asked. */
export type Recalled =
  | Remembered
  | {
      readonly kind: 'follow'
      readonly follower: Follower
      replyOf(shared: Extract<Shared, { kind: 'shared' }>): Reply
    }
  /** @property restMs how long the interval still lasts, above 0 */
  | { readonly kind: 'too-soon'; readonly restMs: number }
  | Asking

/** `undefined`: it is none of the shield's business, and the call goes on. */
export type Looked = Recalled | Promise<Recalled | undefined> | undefined

export interface RecallParts {
  readonly clock: Clock
  readonly polls: Polls
  readonly copies: Copies
  readonly whose: Whose
  readonly underWay: UnderWay
  /** Where other nodes have a say. */
  readonly fellows?: Fellows | undefined
  readonly config: () => ShieldConfig
}

interface Told {
  readonly saved: 'terminal' | 'poll'
  readonly poll: PollResult | undefined
  readonly ttlMs: number
}

export function makeRecall({ clock, polls, copies, whose, underWay, fellows, config }: RecallParts) {
  /** @param untilMs for how long it may be held, nowMs scale */
  function recall(question: Question, untilMs: number): Looked {
    const nowMs = clock.nowMs()
    const { polling } = config()
    const copy = whose.copyFor(question)
    const final = copy && toldByFinal(copy, nowMs)
    if (final) return remember(question, copy, final)
    const ageMs = copy ? nowMs - copy.answeredMs : Infinity
    const isFresh = copy !== undefined && isOfThisInterval(copy, nowMs)
    if (question.call.method === 'HEAD') {
      // Not a GET, so no poll; but what a GET of the same caller may be told from a copy, it is told too.
      const ttlMs = polling.intervalMs - ageMs
      return isFresh ? remember(question, copy, { saved: 'poll', poll: undefined, ttlMs }) : undefined
    }
    const twinKey = question.mayLead ? whose.twinKeyOf(question) : ''
    const twin = underWay.twin(twinKey)
    if (twin && (twin.question.credential.id === question.credential.id || whose.mayRead(question))) {
      return follow(twin, question, untilMs)
    }
    // A stranger to the one under way asks for himself, and nobody finds him.
    const own = twin ? '' : twinKey
    if (!question.isTracked) return own === '' ? undefined : underWay.lead(question, own, '', undefined)

    const pollKey = whose.pollKeyOf(question, copy)
    // That of its copy, where there is one: it is the same, and made already.
    const { envelope } = copy ?? question
    const written = envelope === '' ? question.account : envelope
    const verdict = polls.ask(pollKey, written, nowMs)
    let result = verdict.kind
    if (verdict.kind === 'inside') {
      if (isFresh) {
        return remember(question, copy, { saved: 'poll', poll: 'remembered', ttlMs: verdict.restMs })
      }
      // His copies are gone, because DocuSign has refused him something else of this envelope: he may read it once more.
      const again = polls.ask(pollKey, whose.lossKeyOf(question), nowMs)
      if (polling.mode === 'observe' || again.kind !== 'read_after_write') {
        const mayPass = polling.mode === 'observe' || polling.withoutCopy === 'pass'
        if (mayPass) return lead(question, own, pollKey, 'observed', untilMs)
        if (fellows) return fellows.reconsider(question, own, pollKey, verdict.restMs, untilMs)
        return { kind: 'too-soon', restMs: verdict.restMs }
      }
      result = again.kind
    }
    // One that still waits for its leave counts as well, because both would go up when it comes. What it brings this
    // caller may not see; but whether it begins an interval is his affair.
    const before = polling.mode === 'enforce' ? underWay.pending(pollKey) : undefined
    if (before) return follow(before, undefined, untilMs)
    if (result === 'read_after_write') return lead(question, own, pollKey, result, untilMs)
    const isSecond = result === 'pending' && polling.mode === 'observe'
    return lead(question, own, pollKey, isSecond ? 'observed' : 'first', untilMs)
  }

  /** It goes up, if the others let it. */
  function lead(question: Question, own: string, pollKey: string, poll: PollResult, untilMs: number): Looked {
    const asking = underWay.lead(question, own, pollKey, poll)
    return fellows ? fellows.claim(asking, untilMs) : asking
  }

  function remember(question: Question, copy: Copy, told: Told): Looked {
    if (!fellows || fellows.isTrue(copy)) return answer(question, copy, told)
    return fellows
      .confirm(question, copy)
      .then(isTrue =>
        isTrue && whose.copyFor(question) === copy ? answer(question, copy, told) : LOOK_AGAIN,
      )
  }

  function answer(question: Question, copy: Copy, told: Told): Looked {
    const opened = copies.open(copy)
    // Where there are others, a copy has to be confirmed by them.
    const again = fellows ? undefined : bareOf(question)
    if (!(opened instanceof Promise)) return tell(question, copy, opened, told, again)
    return opened.then(read => {
      if (read && whose.copyFor(question) === copy) return tell(question, copy, read, told)
      // It cannot be read, and is gone; or something has come to light while it was opened: a write, or a 401 for his token.
      close(read)
      return LOOK_AGAIN
    })
  }

  function tell(question: Question, copy: Copy, opened: Opened, told: Told, again?: Question): Remembered {
    const { saved, poll, ttlMs } = told
    const reply = remembered(question, copy, opened, ttlMs, clock.nowMs())
    return { kind: 'remembered', reply, saved, poll, again }
  }

  function toldByFinal({ isFinal, answeredMs }: Copy, nowMs: number): Told | undefined {
    const ttlMs = answeredMs + config().cache.terminalMaxAgeMs - nowMs
    return isFinal && ttlMs > 0 ? { saved: 'terminal', poll: undefined, ttlMs } : undefined
  }

  function isOfThisInterval({ answeredMs }: Copy, nowMs: number): boolean {
    const { intervalMs, mode } = config().polling
    return nowMs - answeredMs < intervalMs && mode === 'enforce'
  }

  /** Of one in its interval, if nobody else is about to bring a younger one. */
  function toldByFresh(question: Question, copy: Copy, nowMs: number): Told | undefined {
    if (!isOfThisInterval(copy, nowMs) || underWay.twin(whose.twinKeyOf(question))) return undefined
    const verdict = polls.ask(whose.pollKeyOf(question, copy), copy.envelope || question.account, nowMs)
    return verdict.kind === 'inside'
      ? { saved: 'poll', poll: 'remembered', ttlMs: verdict.restMs }
      : undefined
  }

  /** By what a copy, a twin under way or the interval could make of it. */
  function goesUpAnyway(question: Question): boolean {
    if (fellows) return false
    const nowMs = clock.nowMs()
    const { polling, cache } = config()
    const found = whose.copiesOnceAccepted(question)
    // Past its age a final one may still stand in for DocuSign.
    const mayBeStale = cache.staleIfErrorMs > 0
    if (found.some(copy => copy.isFinal && (mayBeStale || toldByFinal(copy, nowMs)))) return false
    const isFresh = found.some(copy => isOfThisInterval(copy, nowMs))
    // A HEAD is told what a GET would be, and is no poll itself.
    if (!question.isTracked) return !isFresh
    if (question.mayLead && underWay.twin(whose.twinKeyOf(question))) return false
    if (polling.mode === 'observe') return true
    const pollKey = whose.pollKeyOf(question, found[0])
    const { kind } = polls.ask(pollKey, question.envelope || question.account, nowMs)
    // Refused is who asks too soon; but whose token is taken no more should hear that of DocuSign.
    return kind !== 'inside' || (polling.withoutCopy === 'pass' && !isFresh)
  }

  function glance(question: Question): Remembered | undefined {
    const nowMs = clock.nowMs()
    const copy = whose.copyFor(question)
    const told = copy && (toldByFinal(copy, nowMs) ?? toldByFresh(question, copy, nowMs))
    const opened = told && copies.open(copy)
    if (opened instanceof Promise) void opened.then(close)
    return opened && !(opened instanceof Promise) ? tell(question, copy, opened, told) : undefined
  }

  /** @param question `undefined` for one who may not see what it brings, and only waits to see what becomes of it */
  function follow({ fetch }: Asking, question: Question | undefined, untilMs: number): Recalled {
    const credential = question?.credential.id ?? ''
    const follower = fetch.follow(credential, untilMs, clock)
    if (!question) return { kind: 'follow', follower, replyOf: shared }
    // Much may have come to light while he waited: a 401 for his token, say. And who leads now may be another.
    const maySee = (told: Extract<Shared, { kind: 'shared' }>) =>
      told.credential === credential
        ? told.status >= 400 || !whose.isRefusedSince(question, told.sentMs)
        : whose.mayRead(question)
    const result = follower.result.then(one => (one.kind === 'shared' && !maySee(one) ? FREE : one))
    return { kind: 'follow', follower: { result, leave: () => follower.leave() }, replyOf: shared }
  }

  return {
    recall,

    /**
     * Whether it goes to DocuSign whatever else is learned of its caller, whose user is known: then its answer says as well
     * as userinfo whether his token is still taken. Where other nodes have a say nobody knows that here.
     */
    goesUpAnyway,

    /** `Shield.glance`, of a node that is alone. */
    glance,

    /** A final copy past its age, where DocuSign cannot be asked and the operator allows it. */
    async stale(question: Question): Promise<Reply | undefined> {
      const { staleIfErrorMs, terminalMaxAgeMs } = config().cache
      const copy = staleIfErrorMs > 0 ? whose.copyFor(question) : undefined
      if (!copy?.isFinal) return undefined
      const nowMs = clock.nowMs()
      const leftMs = copy.answeredMs + terminalMaxAgeMs - nowMs
      if (leftMs + staleIfErrorMs <= 0) return undefined
      if (fellows && !fellows.isTrue(copy) && !(await fellows.confirm(question, copy))) return undefined
      const opened = await copies.open(copy)
      if (opened && whose.copyFor(question) === copy) return remembered(question, copy, opened, leftMs, nowMs)
      close(opened)
      return undefined
    },
  }
}

/** As one who waited along for something that came to nothing. */
const LOOK_AGAIN: Recalled = {
  kind: 'follow',
  follower: { result: Promise.resolve(FREE), leave: () => undefined },
  replyOf: shared,
}

function close(opened: Opened | undefined): void {
  if (opened?.kind === 'stream') opened.source.close()
}
