/** What survives the process, as the settings ask for it. */
import type { Ledger } from '../base/ledger.js'
import type { Notebook } from '../base/notebook.js'
import type { Vault } from '../base/vault.js'
import { makeEmbedded, type EmbeddedConfig, type EmbeddedParts } from './embedded/embedded.js'
import { makeClosedVault, makeMemoryLedger, makeMemoryNotebook } from './memory.js'

export interface StateConfig extends EmbeddedConfig {
  readonly kind: 'embedded' | 'memory' | 'redis'
}

/** At the end the vault is closed before the ledger, because the ledger closes the store that both are in. */
export interface State {
  readonly ledger: Ledger
  readonly notebook: Notebook
  readonly vault: Vault
}

/** Blocks while an embedded one reads what is there; never throws. */
export function openState(config: StateConfig, parts: EmbeddedParts): State {
  return config.kind !== 'embedded'
    ? { ledger: makeMemoryLedger(), notebook: makeMemoryNotebook(), vault: makeClosedVault() }
    : makeEmbedded(config, parts)
}
