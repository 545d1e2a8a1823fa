/** What we add to the head of an answer, whoever gave it: how it came about, and how long it was held. */
import type { Outcome } from '../base/types.js'

/** `Cache-Status` of what the shield has no part in. */
export const BYPASS = 'fwd=bypass'

/** How long the call was held; less than half a millisecond is what a refusal takes, and no holding. */
export function held(waitMs: number): string[] {
  return waitMs < 0.5 ? [] : ['X-Governor-Wait', (waitMs / 1000).toFixed(3)]
}

/** The lines that every answer of the traffic port carries. `how` is RFC 9211's parameters. */
export function ours(outcome: Outcome, how: string): string[] {
  return ['Cache-Status', `docusign-governor; ${how}`, 'X-Governor-Outcome', outcome]
}

const FORWARDED = new Map(
  [BYPASS, 'fwd=miss', 'fwd=miss; stored'].map(how => [how, ours('forwarded', how)] as const),
)

/** The lines for an answer of DocuSign's. @param how of `Cache-Status` @param waitMs how long the call was held before */
export function addedTo(how: string, waitMs: number): readonly string[] {
  const added = FORWARDED.get(how) ?? ours('forwarded', how)
  return waitMs > 0 ? added.concat(held(waitMs)) : added
}
