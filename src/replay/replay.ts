/**
 * One replay: the shield and the governor that serve traffic, on a clock of their own, before a modelled DocuSign. What
 * differs from the corridor is that nobody is at either end: calls come as the trace has them, and answers go nowhere.
 *
 *   trace ──▶ shield ──▶ governor ──▶ DocuSign, modelled
 *               └───────────┴────────────┴──▶ what became of it all
 */
import type { ModelledDocusign } from '../plan/docusign.js'
import type { Batches } from '../plan/order.js'
import type { TraceRecord } from '../base/trace.js'
import type { Tally } from '../plan/tally.js'
import { varied } from '../plan/variation.js'
import { makeHouse, type House, type ReplayParts, type ReplayScenario } from './house.js'

export interface ReplayEnd {
  readonly tally: Tally
  readonly docusign: ModelledDocusign
  /** Epoch milliseconds of the first call and of the last. */
  readonly fromMs: number
  readonly toMs: number
}

/** How long after the last call those that still wait are let go on. */
const LINGER_MS = 2 * 3_600_000
/** @param records by the time they came */
export async function replay(
  records: Batches,
  scenario: ReplayScenario,
  parts: ReplayParts,
): Promise<ReplayEnd> {
  let fromMs = 0
  let toMs = 0
  let house: House | undefined

  /** From moment to moment. @returns whether it is to go on */
  function come(batch: readonly TraceRecord[], { clock, tally, comes }: House): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let came = 0
      let hasCome = false
      function next(): void {
        try {
          if (hasCome && parts.goesOn?.(tally) === false) return resolve(false)
          hasCome = false
          const record = batch[came]
          if (!record) return resolve(true)
          // One that came out of order comes now.
          toMs = Math.max(toMs, record.atMs)
          if (!clock.ring(toMs - fromMs)) {
            comes(record)
            came++
            hasCome = true
          }
          clock.whenSettled(next)
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
      next()
    })
  }

  for await (const batch of varied(records, scenario.variation)) {
    const [first] = batch
    if (!first) continue
    if (!house) fromMs = first.atMs
    house ??= makeHouse(scenario, parts, fromMs)
    const isOver = await come(batch, house)
    if (!isOver) return { ...house, fromMs, toMs }
  }
  house ??= makeHouse(scenario, parts, 0)
  const { clock, tally, docusign } = house
  const endMs = clock.nowMs() + LINGER_MS
  for (let next = clock.nextMs; house.walking > 0 && next !== undefined && next <= endMs; next = clock.nextMs)
    await clock.passTo(next)
  return { tally, docusign, fromMs, toMs }
}
