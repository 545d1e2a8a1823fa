/** A question on its way to DocuSign: what is noted when it goes up, and what becomes of the answer that it brings. */
import type { Clock } from '../base/clock.js'
import type { Placed } from '../base/pigeonholes.js'
import type { PollResult } from '../base/types.js'
import type { Copies } from './copies.js'
import type { Diary } from './diary.js'
import { BYPASS, MISS, STORED } from './cache-status.js'
import type { Crowd, Fetch } from './fetch.js'
import { FlowIn, type Ahead, type Came, type Flow } from './flow.js'
import { keepOf } from './keepable.js'
import type { Learning } from './learn.js'
import type { Polls } from './polls.js'
import type { Question } from './question.js'
import type { Whose } from './whose.js'

/** What is told of every attempt at DocuSign, in this order. */
export interface Errand {
  /** It must wait for its leave. */
  held(): void
  /** It is sent in this same breath. */
  sending(): void
  /** Its connection came. */
  leaving(): void
  /** No answer came. `maybe`: DocuSign may have received it. */
  failed(left: 'never' | 'maybe'): void
  /** The head of an answer came. */
  answered(status: number): void
}

export interface AskingParts {
  readonly clock: Clock
  readonly polls: Polls
  readonly diary: Diary
  readonly copies: Copies
  readonly learning: Learning
  readonly whose: Whose
  readonly ahead: Ahead
  /** It is over: whoever asks next asks anew. */
  over(asking: Asking): void
  /** These have waited for it, and wait for the next. */
  left(asking: Asking, crowd: Crowd): void
}

export class Asking implements Errand, Placed {
  readonly kind = 'ask'
  place = -1
  readonly question: Question
  readonly fetch: Fetch
  /** '' where the polling rule does not speak of it. */
  readonly pollKey: string
  /** Under which it is found by those who ask the same. */
  readonly twinKey: string
  readonly poll: PollResult | undefined
  readonly #parts: AskingParts
  readonly #mayKeep: boolean
  #status = 0
  #answeredMs = 0
  #isPending = false

  constructor(
    parts: AskingParts,
    question: Question,
    fetch: Fetch,
    keys: { readonly twin: string; readonly poll: string },
    how: { readonly poll: PollResult | undefined; readonly mayKeep: boolean },
  ) {
    this.#parts = parts
    this.question = question
    this.fetch = fetch
    this.pollKey = keys.poll
    this.twinKey = keys.twin
    this.poll = how.poll
    this.#mayKeep = how.mayKeep
  }

  held(): void {
    this.fetch.held()
  }

  sending(): void {
    const nowMs = this.#parts.clock.nowMs()
    this.fetch.sending(nowMs)
    if (this.pollKey === '') return
    this.#isPending = true
    this.#parts.polls.sent(this.pollKey, nowMs)
    this.#parts.diary.asked(this.pollKey, nowMs)
  }

  leaving(): void {
    this.fetch.sent()
  }

  failed(left: 'never' | 'maybe'): void {
    this.#settle(false)
    this.fetch.unsent()
    this.#parts.learning.failed(this.question, left)
  }

  answered(status: number): void {
    this.#status = status
    this.#answeredMs = this.#parts.clock.nowMs()
    const wasVoid = this.fetch.isVoid
    this.#parts.learning.answered(this.question, status, this.fetch.sentMs)
    // A 404 makes void what else is on its way for this viewer, and not itself: those who wait for it are told it, too.
    this.fetch.isVoid = wasVoid
    if (status >= 200 && status <= 299) return
    this.#settle(false)
    // It may have to wait, and go again.
    this.fetch.unsent()
  }

  /** No answer will come any more: refused, failed, or nobody is left who wants one. */
  ended(): void {
    this.#settle(false)
    this.#finish()
  }

  /**
   * The answer had to be read before it could be passed on, as errors are.
   *
   * @returns the parameters of its `Cache-Status`
   */
  told(lines: readonly string[], body: Buffer): string {
    this.#settle(false)
    const { isFollowed, isVoid } = this.fetch
    // What was void when it came may be an error of before a write, and others may have come after that.
    if (isFollowed && !isVoid && this.#status < 500 && mayBeShared(lines))
      this.fetch.share(this.#status, lines, body, false)
    this.#finish()
    return this.unkept
  }

  /** The answer flows. @returns `undefined` where nothing is wanted of its body */
  flows(lines: readonly string[]): Flow | undefined {
    const { question, fetch } = this
    const ear = this.#parts.learning.ear(question, this.#status, lines)
    const isWanted = question.mayAnswer && (this.#mayKeep || fetch.isFollowed)
    const keep = isWanted ? keepOf(this.#status, lines) : undefined
    const isShared = keep !== undefined || (fetch.isFollowed && this.#status < 500 && mayBeShared(lines))
    const whose = keep && this.#mayKeep ? this.#parts.whose.ownerOf(question, keep.isPrivate) : undefined
    const intake =
      whose || (isShared && fetch.isFollowed)
        ? this.#parts.copies.intake(keep?.declaredBytes, whose && keep && { id: whose.id, keep })
        : undefined
    if (!intake) this.#given()
    if (!intake && !ear) return undefined
    const how = whose && intake ? STORED : this.unkept
    return new FlowIn(this, { ear, intake, keep, whose, lines, how, ahead: this.#parts.ahead })
  }

  /** What flowed by came to its end. */
  async arrived({ intake, keep, whose, lines, ear }: Came, isWhole: boolean): Promise<void> {
    const { question, fetch } = this
    const { copies, learning } = this.#parts
    const shown = isWhole && ear ? learning.heard(question, ear, fetch.sentMs) : []
    // What nobody was left to take was answered all the same; what broke off at DocuSign brought its askers nothing.
    this.#settle(isWhole || fetch.isForsaken)
    const taken = isWhole && !fetch.isVoid ? intake?.finish() : undefined
    if (!taken) {
      intake?.abandon()
      return this.#finish()
    }
    if (whose && keep) {
      const isFinal = !question.isNeverFinal && learning.isFinal(question, fetch.sentMs, shown)
      const copy = {
        id: whose.id,
        viewer: whose.viewer,
        account: question.account,
        envelope: question.envelope,
        sentMs: fetch.sentMs,
        // It may have come from a cache on the way, and is then older than its answer.
        answeredMs: this.#answeredMs - keep.ageMs,
        isFinal,
        bytes: taken.kind === 'bytes' ? taken.body.length : taken.bytes,
      }
      const kept = copies.keep(copy, keep, taken, () => !fetch.isVoid)
      if (taken.kind === 'deposit') await kept
    }
    if (taken.kind === 'bytes')
      fetch.share(this.#status, keep?.lines ?? lines, taken.body, keep !== undefined)
    else if (!whose) taken.deposit.discard()
    this.#finish()
  }

  /** Too large, or nobody's to keep: the interval runs from now, and there is nothing to wait for. */
  given(): void {
    this.#given()
  }

  /** The parameters of `Cache-Status` where nothing is kept. */
  get unkept(): string {
    return this.question.isTracked ? MISS : BYPASS
  }

  #given(): void {
    this.#settle(this.#status >= 200 && this.#status <= 299)
    this.fetch.outlives = false
    this.#finish()
  }

  #settle(ok: boolean): void {
    if (!this.#isPending) return
    this.#isPending = false
    // From the head of the answer, because DocuSign had counted the GET by then; and the copy is as old as that.
    const nowMs = ok ? this.#answeredMs : this.#parts.clock.nowMs()
    this.#parts.polls.answered(this.pollKey, ok, nowMs)
    if (ok) this.#parts.diary.answered(this.pollKey, nowMs)
    else this.#parts.diary.unanswered(this.pollKey, nowMs)
  }

  #finish(): void {
    this.#parts.over(this)
    const left = this.fetch.free()
    if (left) this.#parts.left(this, left)
  }
}

/** Whether an answer that is not kept may all the same be told to all who ask with the same credential at this moment. */
function mayBeShared(lines: readonly string[]): boolean {
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]?.toLowerCase() ?? ''
    if (name === 'set-cookie' || name === 'set-cookie2') return false
    if (name === 'cache-control' && lines[i + 1]?.toLowerCase().includes('no-store')) return false
  }
  return true
}
