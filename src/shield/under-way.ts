/** The questions that are on their way to DocuSign, and how those find them who ask the same. */
import type { Turns } from '../base/clock.js'
import { Pigeonholes, Roster } from '../base/pigeonholes.js'
import type { PollResult } from '../base/types.js'
import { Asking, type AskingParts } from './asking.js'
import type { Which } from './copy.js'
import { Fetch, type Crowd } from './fetch.js'
import type { Question } from './question.js'
import type { Tokens } from './tokens.js'

export interface UnderWay {
  /** '' finds none. */
  twin(key: string): Asking | undefined
  pending(pollKey: string): Asking | undefined
  /** @param twin where others may find it; '' nowhere @param poll '' where the polling rule does not speak of it */
  lead(question: Question, twin: string, poll: string, result: PollResult | undefined): Asking
  /** What those bring who are on their way for these may not be kept. */
  void(which: Which): void
}

export interface UnderWayParts {
  readonly tokens: Tokens
  readonly turns: Turns
  readonly asking: Omit<AskingParts, 'over' | 'left'>
  /** Whether answers to tracked questions are kept, and so worth finishing when their asker has left. */
  readonly mayKeep: () => boolean
}

/** Bounded by the calls that are under way. */
export function makeUnderWay({ tokens, turns, asking: parts, mayKeep }: UnderWayParts): UnderWay {
  const askings = new Roster<Asking>()
  const twins = new Pigeonholes<Asking>()
  const pendings = new Pigeonholes<Asking>()
  /** Between one leader and the next, by their twin key: for two turns at most. */
  const crowds = new Map<string, { readonly crowd: Crowd; isOld: boolean }>()
  let isTurnTaken = false
  const askingParts: AskingParts = { ...parts, over, left }

  function over(asking: Asking): void {
    askings.delete(asking)
    if (twins.get(asking.twinKey) === asking) twins.delete(asking.twinKey)
    if (pendings.get(asking.pollKey) === asking) pendings.delete(asking.pollKey)
  }

  function left({ twinKey }: Asking, crowd: Crowd): void {
    if (twinKey === '' || crowds.has(twinKey)) return crowd.free()
    crowds.set(twinKey, { crowd, isOld: false })
    watch()
  }

  /** Whom they wait for may have found something else than a question to lead, or have left: then they all look. */
  function watch(): void {
    if (isTurnTaken || crowds.size === 0) return
    isTurnTaken = true
    turns.atEnd(() => {
      isTurnTaken = false
      for (const [key, one] of [...crowds]) {
        if (one.isOld) {
          crowds.delete(key)
          one.crowd.free()
        }
        one.isOld = true
      }
      watch()
    })
  }

  function take(twinKey: string): Crowd | undefined {
    const one = crowds.get(twinKey)
    crowds.delete(twinKey)
    return one?.crowd
  }

  return {
    twin: key => (key === '' ? undefined : twins.get(key)),
    pending: pollKey => pendings.get(pollKey),
    lead(question, twin, poll, result) {
      const isKept = question.isTracked && question.mayKeep && mayKeep()
      const fetch = new Fetch(question.credential.id, isKept && poll !== '', take(twin))
      const asking = new Asking(
        askingParts,
        question,
        fetch,
        { twin, poll },
        { poll: result, mayKeep: isKept },
      )
      askings.add(asking)
      if (twin !== '') twins.set(twin, asking)
      if (poll !== '' && !pendings.get(poll)) pendings.set(poll, asking)
      return asking
    },
    void({ account, envelope, viewer }) {
      for (const { question, fetch } of askings) {
        if (account !== undefined && question.account !== account) continue
        if (envelope !== undefined && question.envelope !== envelope) continue
        if (viewer !== undefined && tokens.viewerOf(question.credential) !== viewer) continue
        fetch.isVoid = true
      }
    },
  }
}
