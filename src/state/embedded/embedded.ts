/** `state.kind: embedded`: one folder, one process, everything that should survive it. */
import type { Turns } from '../../base/clock.js'
import type { Ledger } from '../../base/ledger.js'
import type { Notebook } from '../../base/notebook.js'
import type { Vault } from '../../base/vault.js'
import { makeHome, type HomeConfig, type HomeParts } from './home.js'
import { makeEmbeddedLedger, type LedgerConfig } from './ledger.js'
import { makeEmbeddedNotebook, type NotebookConfig } from './notebook.js'
import { makeEmbeddedVault, type VaultConfig } from './vault.js'

export interface EmbeddedConfig extends HomeConfig, LedgerConfig, NotebookConfig, VaultConfig {}

export interface EmbeddedParts extends HomeParts {
  readonly turns: Turns
}

export interface Embedded {
  readonly ledger: Ledger
  readonly notebook: Notebook
  readonly vault: Vault
}

/** Blocks while it reads what is there (some 0.1 s, more for thousands of accounts or copies). Never throws. */
export function makeEmbedded(config: EmbeddedConfig, parts: EmbeddedParts): Embedded {
  const home = makeHome(config, parts)
  const wallMs = parts.clock.wallMs()
  const { ledger, contents: spent } = makeEmbeddedLedger(config, home, wallMs)
  const { notebook, contents: noted } = makeEmbeddedNotebook(config, home, wallMs)
  const copies = makeEmbeddedVault(config, home, parts.turns, wallMs)
  home.begin(new Map([...spent, ...noted, ...copies.contents]))
  copies.tidy()
  return { ledger, notebook, vault: copies.vault }
}
