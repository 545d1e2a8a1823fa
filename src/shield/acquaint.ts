/** Asks the other nodes of a token before DocuSign is asked: they may know whose it is, and that it is taken. */
import type { Clock } from '../base/clock.js'
import type { Commons } from '../base/commons.js'
import { makeStore } from '../base/store.js'
import { accountProofKey, proofKey } from './proofs.js'
import type { Question } from './question.js'
import type { Hearing } from './telling.js'
import { rootOf, type Tokens } from './tokens.js'
import type { Whose } from './whose.js'

export interface AcquaintParts {
  readonly commons: Commons
  readonly clock: Clock
  /** Those of this node: what is heard is not told on. */
  readonly tokens: Tokens
  readonly whose: Pick<Whose, 'mayRead'>
  readonly hearing: Hearing
  readonly namesOf: (account: string) => readonly string[]
}

/** Resolves when what they know of its caller is known here; `undefined`: there is nothing to ask. */
export type Acquaint = (question: Question) => Promise<void> | undefined

const MAX_ASKED = 100_000
/** One that nobody knew is not asked for again at once. */
const AGAIN_MS = 1_000

export function makeAcquaint(parts: AcquaintParts): Acquaint {
  const { commons, clock, tokens, whose, hearing, namesOf } = parts
  const asked = makeStore<{ readonly session: number; readonly atMs: number }>(MAX_ASKED)

  async function ask(root: string, { credential, call }: Question): Promise<void> {
    asked.set(root, { session: hearing.session, atMs: clock.nowMs() })
    const names = namesOf(call.account ?? '').map(name => accountProofKey(credential, name))
    const found = await commons.acquaint(root, [proofKey(credential), ...names])
    if (!found) return
    const nowMs = clock.nowMs()
    const { user, integrationKey, toldAgoMs = Infinity, refusedAgoMs } = found
    // First, because what was proven before it is proven no more.
    if (refusedAgoMs !== undefined) tokens.forget({ token: root, id: root }, nowMs - refusedAgoMs)
    const proofs = new Map(Array.from(found.proofs, ([key, ago]) => [key, nowMs - ago]))
    if (user === undefined && integrationKey === undefined && proofs.size === 0) return
    tokens.adopt(root, { user, integrationKey, toldMs: nowMs - toldAgoMs, proofs })
  }

  return question => {
    const root = rootOf(question.credential)
    if (!commons.isUp || root === '' || (!question.isTracked && question.call.method !== 'HEAD'))
      return undefined
    const before = asked.get(root)
    const isKnown = before?.session === hearing.session && commons.isHearing
    const isRecent = isKnown && clock.nowMs() - before.atMs < AGAIN_MS
    return isRecent || (isKnown && whose.mayRead(question)) ? undefined : ask(root, question)
  }
}
