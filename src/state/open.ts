/** What survives the process, and what several share, as the settings ask for it. */
import type { Ledger } from '../base/ledger.js'
import type { Notebook } from '../base/notebook.js'
import type { NodeSeen, Pool } from '../base/pool.js'
import type { Vault } from '../base/vault.js'
import { makeEmbedded, type EmbeddedConfig, type EmbeddedParts } from './embedded/embedded.js'
import { makeClosedVault, makeMemoryLedger, makeMemoryNotebook } from './memory.js'
import type { RedisConfig } from './redis/connection.js'
import { makeRedis, type RedisParts } from './redis/redis.js'

export interface StateConfig extends EmbeddedConfig {
  readonly kind: 'embedded' | 'memory' | 'redis'
  /** Where `kind` is `redis`. */
  readonly redis?: RedisConfig | undefined
}

export interface StateParts extends EmbeddedParts {
  /** What this node says of itself to the others; of which it has nothing to say before it is built. */
  readonly version?: string
  tally?(): ReturnType<RedisParts['tally']> | undefined
}

/** At the end the vault is closed before the ledger, because the ledger closes the store that both are in. */
export interface State {
  readonly ledger: Ledger
  readonly notebook: Notebook
  readonly vault: Vault
  /** What several governors share; `undefined` where this one is alone. */
  readonly pool: Pool | undefined
  /** Those that share it. */
  nodes(): readonly NodeSeen[]
  /** Resolves when it can be asked, or when waiting for that has been long enough. */
  settled(): Promise<void>
}

const NOTHING = { inHand: 0, waiting: 0 }

/** Blocks while an embedded one reads what is there; never throws. */
export function openState(config: StateConfig, parts: StateParts): State {
  const alone = { pool: undefined, nodes: () => [], settled: () => Promise.resolve() }
  if (config.kind === 'redis' && config.redis) {
    const redis = makeRedis(config.redis, {
      ...parts,
      version: parts.version ?? '',
      tally: () => parts.tally?.() ?? NOTHING,
    })
    return { ...redis, notebook: makeMemoryNotebook(), vault: makeClosedVault() }
  }
  return config.kind === 'memory'
    ? { ...alone, ledger: makeMemoryLedger(), notebook: makeMemoryNotebook(), vault: makeClosedVault() }
    : { ...alone, ...makeEmbedded(config, parts) }
}
