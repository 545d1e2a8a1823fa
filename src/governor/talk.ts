/** One question to the pool, and its answer: asked once more where it knows nothing of us, or we were renamed meanwhile. */
import type { Clock } from '../base/clock.js'
import type { Pool, Report, Told } from '../base/pool.js'
import type { Voice } from './voice.js'

export interface Talker {
  /** What the pool knows the account by. */
  readonly tag: string
  readonly voice: Voice
  report(nowMs: number): Report
}

export interface Talk {
  readonly told: Told
  readonly report: Report
  readonly sentMs: number
}

const MAX_TRIES = 3

/** `undefined`: a newer report has been heard already. Rejects as the pool does. */
export async function talk(talker: Talker, pool: Pool, clock: Clock): Promise<Talk | undefined> {
  const { voice } = talker
  await voice.leave(pool, clock.nowMs())
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { tag } = talker
    const sentMs = clock.nowMs()
    const report = talker.report(sentMs)
    const told = await pool.exchange(tag, report)
    if (tag !== talker.tag) continue
    if (told.kind === 'stale') return undefined
    if (told.kind === 'told') return { told, report, sentMs }
    voice.unknown(told.generation)
  }
  return undefined
}
