/** Where accounts live, as any node has found: a host under a hash of the account's name. */
import type { Clock } from '../../base/clock.js'
import { makeStore } from '../../base/store.js'
import type { RedisConnection } from './connection.js'
import type { Names } from './names.js'

export interface SharedHomes {
  settle(account: string, baseUri: string): void
  homeOf(account: string): string | undefined
  /** Reads what the others have found. */
  load(): Promise<void>
}

const MAX_HOMES = 50_000
const KEEP_MS = 30 * 86_400_000
/** An account that nobody knew is looked for again no sooner. */
const RELOAD_MS = 1_000

export function makeHomes(connection: RedisConnection, names: Names, clock: Clock): SharedHomes {
  const key = connection.key('shield', 'homes')
  const homes = makeStore<{ readonly baseUri: string }>(MAX_HOMES)
  let loadedMs = -Infinity

  async function load(): Promise<void> {
    loadedMs = clock.nowMs()
    const told = await connection.call('hgetall', key).catch(() => undefined)
    // The client makes an object of it.
    for (const [name, baseUri] of Object.entries(told ?? {})) homes.set(name, { baseUri: String(baseUri) })
  }

  return {
    load,
    settle(account, baseUri) {
      const name = names.of(account)
      if (homes.get(name)?.baseUri === baseUri || !connection.isUp) return
      homes.set(name, { baseUri })
      const kept = connection.call('hset', key, name, baseUri)
      kept.then(() => connection.call('pexpire', key, KEEP_MS)).catch(() => homes.delete(name))
    },
    homeOf(account) {
      const home = homes.get(names.of(account))
      // Found by another node since, perhaps: for the next call.
      if (!home && connection.isUp && clock.nowMs() - loadedMs > RELOAD_MS) void load()
      return home?.baseUri
    },
  }
}
