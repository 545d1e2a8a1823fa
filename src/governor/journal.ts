import type { Clock } from '../base/clock.js'
export interface AccountJournal {
  spend(nowMs: number, roomLeft: number): void
  completed(): void
  refunded(): void
  heard(remaining: number | undefined, resetAtSeconds: number | undefined): void
  learned(nowMs: number, facts: Facts): void
}
export interface Facts {
  readonly hourLimit?: number | undefined
  readonly burstLimit?: number | undefined
  readonly blockedUntilMs?: number | undefined
  readonly blockedBy?: string | undefined
  readonly sameAs?: string | undefined
}
export interface Restored {
  readonly account: string
  readonly completions: readonly number[]
  readonly remaining: number | undefined
  readonly resetAtSeconds: number | undefined
}
export interface Journal {
  restore(): readonly Restored[]
  open(account: string): AccountJournal
  flush(): void
  stop(): void
}
const NONE = { spend() {}, completed() {}, refunded() {}, heard() {}, learned() {} }
export function makeJournal(_ledger: unknown, _clock: Clock): Journal {
  return { restore: () => [], open: () => NONE, flush() {}, stop() {} }
}
