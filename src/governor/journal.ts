import type { Heard, Kept } from './budget.js'
export interface AccountJournal {
  spend(room: number, nowMs: number): void
  completed(): void
  refunded(): void
  heard(heard: Heard): void
}
export interface Journal {
  open(account: string): AccountJournal
  take(account: string, nowMs: number, wallMs: number): Kept | undefined
  unite(account: string, alias: string): void
}
