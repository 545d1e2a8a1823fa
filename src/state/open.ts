/** The ledger that the settings ask for. */
import type { Ledger } from '../base/ledger.js'
import { makeEmbedded, type EmbeddedConfig } from './embedded/embedded.js'
import type { HomeParts } from './embedded/home.js'
import { makeMemoryLedger } from './memory.js'

/** Blocks while an embedded one reads what is there; never throws. */
export function openLedger(
  config: EmbeddedConfig & { readonly kind: 'embedded' | 'memory' },
  parts: HomeParts,
): Ledger {
  return config.kind === 'memory' ? makeMemoryLedger() : makeEmbedded(config, parts).ledger
}
