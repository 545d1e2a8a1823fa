/** `state.kind: embedded`: one folder, one process, everything that should survive it. */
import type { Ledger } from '../../base/ledger.js'
import { makeHome, type HomeConfig, type HomeParts } from './home.js'
import { makeEmbeddedLedger, type LedgerConfig } from './ledger.js'

export interface EmbeddedConfig extends HomeConfig, LedgerConfig {}

/** Blocks while it reads what is there (some 0.1 s, more for thousands of accounts). Never throws. */
export function makeEmbedded(config: EmbeddedConfig, parts: HomeParts): { readonly ledger: Ledger } {
  const home = makeHome(config, parts)
  const { ledger, contents } = makeEmbeddedLedger(config, home, parts.clock.wallMs())
  home.begin(contents)
  return { ledger }
}
