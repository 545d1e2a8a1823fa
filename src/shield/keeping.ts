/** What there is to ask of copies (`copies.ts` keeps them). */
import type { Copy, Opened, Which } from './copy.js'
import type { Intake, Taken } from './intake.js'
import type { Keep } from './keepable.js'

export interface CopiesConfig {
  /** Of all copies together, those on their way in among them: so much memory and, with a vault, so much disk. */
  readonly maxBytes: number
  readonly maxEntryBytes: number
}

export interface Copies {
  find(id: string): Copy | undefined
  /** At once where the body is in memory. `undefined`: it cannot be read after all, and is gone. */
  open(copy: Copy): Opened | Promise<Opened | undefined>
  /**
   * Takes in the body of an answer as it flows by; `undefined` where there is no room for it.
   *
   * @param into the copy it is to be; without it, it is taken in for those who wait for it, and not kept
   */
  intake(
    declaredBytes: number | undefined,
    into?: { readonly id: string; readonly keep: Keep },
  ): Intake | undefined
  /**
   * Keeps what was taken in. Resolves when it can be found: in memory at once, from the vault when it is written.
   *
   * @param isWanted asked once more when it is written: its envelope may have been written to, or purged, meanwhile
   */
  keep(copy: Copy, keep: Keep, taken: Taken, isWanted: () => boolean): Promise<void>
  /** Another node keeps it in the vault. */
  adopt(copy: Copy): void
  /** This one alone, where it is still there. */
  forget(copy: Copy): void
  /** From memory and vault, at once. Returns those that there were. */
  drop(which: Which): readonly Copy[]
  configure(config: CopiesConfig): void
  tally(): { readonly entries: number; readonly bytes: number; readonly evictions: number }
}
