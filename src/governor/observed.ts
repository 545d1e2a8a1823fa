/** `limits.mode: observe`: nothing is held, and it is only said what would have been. */
import type { Would } from '../base/types.js'
import type { Account } from './account.js'
import type { Wish } from './visit.js'

/** What would have become of a call that comes now; `undefined`: it would have gone at once. */
export function observed(account: Account, wish: Wish, nowMs: number): Would | undefined {
  const { waitMs, by } = account.forecast(nowMs, 0)
  if (waitMs === 0 || by === 'first') return undefined
  if (nowMs + waitMs <= wish.untilMs) return { waitMs, refused: undefined }
  return {
    waitMs,
    refused: by === 'hour' ? 'hour-spent' : by === 'burst' ? 'burst-spent' : 'upstream-blocked',
  }
}
