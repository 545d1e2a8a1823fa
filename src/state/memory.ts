/** A ledger that forgets: `state.kind: memory`. Nothing is read back from it, so it keeps nothing. */
import type { Ledger } from '../base/ledger.js'

export function makeMemoryLedger(): Ledger {
  const page = { append: () => true, learn: () => true }
  return {
    load: () => [],
    open: () => page,
    together(work) {
      work()
      return true
    },
    skewed: () => true,
    health: () => ({ up: true, degraded: false, message: undefined }),
    close: () => Promise.resolve(),
  }
}
