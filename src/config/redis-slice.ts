import type { Config } from './settings.js'

/** What may be said of a file that cannot be used: nothing that stands in it. */
export class RedisFileFault extends Error {
  override readonly name = 'RedisFileFault'
}

export interface HostPort {
  readonly host: string
  readonly port: number
}

/**
 * Where Redis is and who we are to it; `undefined` where `state.kind` is another.
 *
 * @param readFile the text of a file; it throws where the file cannot be read
 * @throws RedisFileFault for a file that cannot be read
 */
export function redisSlice({ state }: Config, readFile: (path: string) => string) {
  if (state.kind !== 'redis') return undefined
  const { redis, redisUrl } = state
  const url = redisUrl === undefined ? undefined : new URL(redisUrl)
  const read = (setting: string, path: string | undefined) => {
    try {
      return path === undefined ? undefined : readFile(path)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'no code'
      throw new RedisFileFault(`${setting}: cannot be read (${code})`)
    }
  }
  const own = redis.password ?? read('state.redis.passwordFile', redis.passwordFile)?.trim()
  return {
    server: url && { host: bare(url.hostname), port: Number(url.port || 6379) },
    db: Number(url?.pathname.slice(1) ?? 0),
    sentinels: redis.sentinels.map(hostPort),
    sentinelName: redis.sentinelName,
    sentinelPassword: redis.sentinelPassword,
    cluster: redis.cluster.map(hostPort),
    username: decodeURIComponent(url?.username ?? '') || redis.username,
    password: decodeURIComponent(url?.password ?? '') || own,
    tls: url ? url.protocol === 'rediss:' : redis.tls,
    /** PEM text. */
    tlsCa: read('state.redis.tlsCa', redis.tlsCa),
    prefix: redis.prefix,
    commandTimeoutMs: redis.commandTimeout * 1000,
  }
}

function hostPort(address: string): HostPort {
  const [, host = '', port] = /^(.*):(\d+)$/.exec(address) ?? []
  return { host: bare(host), port: Number(port) }
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
