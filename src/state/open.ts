/** What survives the process, as the settings ask for it. */
import type { Commons } from '../base/commons.js'
import type { Ledger } from '../base/ledger.js'
import type { Notebook } from '../base/notebook.js'
import type { Vault } from '../base/vault.js'
import { makeEmbedded, type EmbeddedConfig, type EmbeddedParts } from './embedded/embedded.js'
import { makeClosedVault, makeMemoryLedger, makeMemoryNotebook } from './memory.js'
import { makeCommons } from './redis/commons.js'
import { makeConnection, type RedisConfig } from './redis/connection.js'

export interface StateConfig extends EmbeddedConfig {
  readonly kind: 'embedded' | 'memory' | 'redis'
  /** Where it is, with `redis`. */
  readonly redis?: RedisConfig | undefined
  /** As old as a copy may become, and as long as an interval: how long several nodes need it. */
  readonly keepCopiesMs?: number
}

export interface StateParts extends EmbeddedParts {
  /** A mistake of ours, where nothing waits for the result. */
  readonly unexpected?: (error: unknown) => void
}

export interface State {
  readonly ledger: Ledger
  readonly notebook: Notebook
  readonly vault: Vault
  /** What several nodes know together, where there are several. */
  readonly commons: Commons | undefined
  /** Nothing is kept after it. */
  readonly close: () => Promise<void>
}

/** Blocks while an embedded one reads what is there; never throws. */
export function openState(config: StateConfig, parts: StateParts): State {
  const { kind, redis } = config
  if (redis) return openShared(config, redis, parts)
  const own =
    kind === 'embedded'
      ? makeEmbedded(config, parts)
      : { ledger: makeMemoryLedger(), notebook: makeMemoryNotebook(), vault: makeClosedVault() }
  return {
    ...own,
    commons: undefined,
    async close() {
      // In this order, because the ledger closes the store that both are in.
      await own.vault.close()
      await own.ledger.close()
    },
  }
}

function openShared(config: StateConfig, redis: RedisConfig, parts: StateParts): State {
  const { clock, turns, unexpected = () => undefined } = parts
  const { vaultKey, keepCopiesMs: keepMs = 0, keepNotesMs: intervalMs } = config
  const connection = makeConnection(redis, clock)
  const isCluster = redis.cluster.length > 0
  const shared = makeCommons(
    { vaultKey, isCluster, keepMs, intervalMs },
    { connection, clock, turns, unexpected },
  )
  return {
    ledger: makeMemoryLedger(),
    notebook: makeMemoryNotebook(),
    ...shared,
    async close() {
      await shared.commons.close()
      await connection.close()
    },
  }
}
