/** What survives the process, and what several share, as the settings ask for it. */
import type { Commons } from '../base/commons.js'
import type { Ledger } from '../base/ledger.js'
import type { Notebook } from '../base/notebook.js'
import type { NodeSeen, Pool } from '../base/pool.js'
import type { Vault } from '../base/vault.js'
import { makeEmbedded, type EmbeddedConfig, type EmbeddedParts } from './embedded/embedded.js'
import { makeClosedVault, makeMemoryLedger, makeMemoryNotebook } from './memory.js'
import { makeCommons } from './redis/commons.js'
import type { RedisConfig } from './redis/connection.js'
import { makeRedis, type RedisParts } from './redis/redis.js'

export interface StateConfig extends EmbeddedConfig {
  readonly kind: 'embedded' | 'memory' | 'redis'
  /** Where `kind` is `redis`. */
  readonly redis?: RedisConfig | undefined
  /** As old as a copy may become, and as long as an interval: how long several nodes need it. */
  readonly keepCopiesMs?: number
}

export interface StateParts extends EmbeddedParts {
  /** What this node says of itself to the others; of which it has nothing to say before it is built. */
  readonly version?: string
  tally?(): ReturnType<RedisParts['tally']> | undefined
  /** A mistake of ours, where nothing waits for the result. */
  readonly unexpected?: (error: unknown) => void
}

/** At the end the vault is closed before the ledger, because the ledger closes the store that both are in. */
export interface State {
  readonly ledger: Ledger
  readonly notebook: Notebook
  readonly vault: Vault
  /** What several governors share; `undefined` where this one is alone. */
  readonly pool: Pool | undefined
  /** The same of shields. */
  readonly commons: Commons | undefined
  /** Those that share it. */
  nodes(): readonly NodeSeen[]
  /** Resolves when it can be asked, or when waiting for that has been long enough. */
  settled(): Promise<void>
  /** Nothing is kept after it. */
  close(): Promise<void>
}

/** Of a command's deadline: a call may need three answers, and waits for each no longer. */
const SHARE_OF_TIMEOUT = 0.5
const NOTHING = { inHand: 0, waiting: 0 }

/** Blocks while an embedded one reads what is there; never throws. */
export function openState(config: StateConfig, parts: StateParts): State {
  const opened = open(config, parts)
  return {
    ...opened,
    async close() {
      // In this order, because the ledger closes the store that both are in, or the way to it.
      await opened.vault.close()
      await opened.ledger.close()
    },
  }
}

function open(config: StateConfig, parts: StateParts): Omit<State, 'close'> {
  const { kind, redis } = config
  const alone = { pool: undefined, commons: undefined, nodes: () => [], settled: () => Promise.resolve() }
  const memory = { ledger: makeMemoryLedger(), notebook: makeMemoryNotebook(), vault: makeClosedVault() }
  if (kind === 'redis' && redis) return { ...memory, ...openShared(config, redis, parts) }
  return { ...alone, ...(kind === 'embedded' ? makeEmbedded(config, parts) : memory) }
}

function openShared(config: StateConfig, redis: RedisConfig, parts: StateParts) {
  const { vaultKey, keepCopiesMs: keepMs = 0, keepNotesMs: intervalMs } = config
  const { version = '' } = parts
  const opened = makeRedis(redis, { ...parts, version, tally: () => parts.tally?.() ?? NOTHING })
  const { commons, vault } = makeCommons(
    {
      ...{ vaultKey, keepMs, intervalMs, isCluster: redis.cluster.length > 0 },
      patienceMs: redis.commandTimeoutMs * SHARE_OF_TIMEOUT,
    },
    { ...parts, connection: opened.connection },
  )
  return { ...opened, commons, vault: { ...vault, close: commons.close } }
}
