/** How ioredis is told to behave: nothing queues, nothing is sent twice, and nothing waits longer than the deadline. */
import { Cluster, Redis, type RedisOptions } from 'ioredis'

export interface RedisAddress {
  readonly host: string
  readonly port: number
}

export interface RedisConfig {
  /** One of these three says where it is. */
  readonly server: RedisAddress | undefined
  readonly sentinels: readonly RedisAddress[]
  readonly cluster: readonly RedisAddress[]
  readonly sentinelName: string
  readonly sentinelPassword: string | undefined
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: boolean
  /** PEM text; `undefined`: the system's authorities. */
  readonly tlsCa: string | undefined
  /** What every key begins with; holds no braces. */
  readonly prefix: string
  /** Well under a second, because calls wait for it. */
  readonly commandTimeoutMs: number
}

export type Client = Redis | Cluster

/** The first attempt comes at once, because a connection may be cut while its server is well; then each second or so. */
const FIRST_RETRY_MS = 50
const MAX_RETRY_MS = 1_000

/** With some chance in it, because all nodes lose their connections at the same moment. */
function retryMs(attempt: number): number {
  const delayMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), MAX_RETRY_MS)
  return Math.round(delayMs * (0.75 + 0.5 * Math.random()))
}

export function makeClient(config: RedisConfig): Client {
  const { username, password, tls, tlsCa, commandTimeoutMs, sentinels, cluster, server } = config
  const tlsOptions = tls ? { tls: tlsCa === undefined ? {} : { ca: tlsCa } } : {}
  const common = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...tlsOptions,
    connectTimeout: 2 * commandTimeoutMs,
    // The handshake has the same deadline, so that a frozen server does not hold a new connection for ever.
    commandTimeout: commandTimeoutMs,
    // What has no answer may have been done: it is told to have failed, and never sent again by itself.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    keepAlive: 5_000,
    disableClientInfo: true,
    protocol: 2,
  } satisfies RedisOptions
  if (cluster.length > 0) {
    return new Cluster([...cluster], {
      clusterRetryStrategy: retryMs,
      enableOfflineQueue: false,
      retryDelayOnFailover: 50,
      retryDelayOnClusterDown: 50,
      maxRedirections: 4,
      slotsRefreshTimeout: 2 * commandTimeoutMs,
      slotsRefreshInterval: 5_000,
      redisOptions: common,
      // Names are left to TLS, which judges the certificate by them.
      ...(tls && { dnsLookup: (address: string, told: (e: null, a: string) => void) => told(null, address) }),
    })
  }
  const single = { ...common, db: config.db, enableOfflineQueue: false, retryStrategy: retryMs }
  if (sentinels.length === 0) return new Redis({ ...single, ...server })
  return new Redis({
    ...single,
    sentinels: [...sentinels],
    name: config.sentinelName,
    sentinelRetryStrategy: retryMs,
    sentinelCommandTimeout: commandTimeoutMs,
    ...(config.sentinelPassword !== undefined && { sentinelPassword: config.sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions.tls ?? {} }),
    // No `failoverDetector`: one that hears of the failover while its client connects anew leaves it unconnected for good (seen
    // in one of four). The old master's silence, or its READONLY, sends the client to the Sentinels as well.
    failoverDetector: false,
    role: 'master',
  })
}

/** A connection of its own, that only listens. In a Cluster a channel reaches every node, and ioredis keeps one for it. */
export function makeListeningClient(client: Client): Client {
  // Its owner subscribes it whenever it is ready: of what the client does by itself nobody hears that it failed.
  return client instanceof Cluster ? client : client.duplicate({ autoResubscribe: false })
}
