/**
 * `state.kind: redis`: what several governors share. What is spent is no journal here but the pool: what a node holds
 * stands in Redis before it is sent, so kill -9 forgets nothing, and no node reads what another left.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../base/clock.js'
import type { Ledger, StateEvent } from '../../base/ledger.js'
import type { NodeSeen, Pool } from '../../base/pool.js'
import { makeMemoryLedger } from '../memory.js'
import { makeBudgets } from './budgets.js'
import { makeConnection, type RedisConfig, type RedisConnection } from './connection.js'
import { makePresence } from './presence.js'

export interface RedisParts {
  readonly clock: Clock
  readonly version: string
  /** Called once for each turn of affairs. */
  readonly tell: (event: StateEvent) => void
  /** What this node says of itself to the others. */
  tally(): { readonly inHand: number; readonly waiting: number }
}

export interface RedisState {
  readonly connection: RedisConnection
  readonly ledger: Ledger
  readonly pool: Pool
  nodes(): readonly NodeSeen[]
  /** Resolves when it is up, or when waiting for that has been long enough. */
  settled(): Promise<void>
}

const SETTLED_MS = 2_000
/** Beyond a command's deadline; a timer may ring late. */
const LATE_MS = 100

export function makeRedis(config: RedisConfig, parts: RedisParts): RedisState {
  const { clock, version, tell } = parts
  const node = randomBytes(6).toString('base64url')
  const connection = makeConnection(config, clock)
  const presence = makePresence(connection, { clock, node, version, tally: () => parts.tally() })
  const pool = makeBudgets(connection, {
    clock,
    node,
    lateMs: config.commandTimeoutMs + LATE_MS,
    nodes: () => presence.count(),
    others: () => presence.others(),
  })
  let isTold = false

  const settled = new Promise<void>(resolve => {
    const timer = clock.after(SETTLED_MS, () => {
      if (!connection.isUp) lost(connection.why)
      resolve()
    })
    connection.onChange((isUp, why) => {
      if (!isUp) return lost(why)
      timer.cancel()
      resolve()
      if (isTold) tell({ kind: 'recovered' })
      isTold = false
    })
  })

  function lost(why: string | undefined): void {
    if (isTold) return
    isTold = true
    tell({ kind: 'degraded', why: `Redis: ${why ?? 'lost'}` })
  }

  const ledger: Ledger = {
    ...makeMemoryLedger(),
    health: () => ({
      up: connection.isUp,
      degraded: !connection.isUp,
      message: connection.isUp ? undefined : `Redis: ${connection.why ?? 'lost'}`,
    }),
    async close() {
      await presence.stop()
      await connection.close()
    },
  }
  return { connection, ledger, pool, nodes: () => presence.nodes(), settled: () => settled }
}
