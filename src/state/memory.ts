/** `state.kind: memory`: what forgets. Nothing is read back from it, so it keeps nothing. */
import type { Ledger } from '../base/ledger.js'
import type { Notebook } from '../base/notebook.js'
import type { Vault } from '../base/vault.js'

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

export function makeMemoryNotebook(): Notebook {
  return { load: () => [], write: () => true }
}

/** Bodies stay in the shield's own memory. */
export function makeClosedVault(): Vault {
  const nothing = {
    write: () => Promise.resolve(),
    keep: () => Promise.resolve(false),
    discard: () => undefined,
  }
  return {
    isOpen: false,
    isShared: false,
    load: () => [],
    deposit: () => nothing,
    withdraw: () => Promise.resolve(undefined),
    remove: () => undefined,
    close: () => Promise.resolve(),
  }
}
