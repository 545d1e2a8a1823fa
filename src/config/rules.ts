import { BlockList, isIP } from 'node:net'
import type { Config, SettingPath, TABLE } from './settings.js'
import { USUAL_ENTRY_BYTES } from './shield-settings.js'
import type { Named } from './shape.js'

/** A setting, or the same one under every name of a map: `apps.<name>.reserve`. */
export type RulePath = {
  [P in SettingPath]: (typeof TABLE)[P] extends Named<infer S> ? `${P}.<name>.${keyof S & string}` : P
}[SettingPath]

/** A condition on several settings at once. */
export interface Rule {
  /** The settings it reads. With one of them refused, it cannot be judged. */
  readonly reads: readonly RulePath[]
  /** What is wrong, or `undefined`. */
  readonly broken: (config: Config) => string | undefined
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

export const RULES: readonly Rule[] = [
  {
    reads: ['listen.tlsCert', 'listen.tlsKey'],
    broken: ({ listen }) =>
      (listen.tlsCert === undefined) !== (listen.tlsKey === undefined)
        ? 'listen.tlsCert and listen.tlsKey work together only: set both or neither'
        : undefined,
  },
  {
    reads: ['admin.host', 'admin.token', 'admin.open'],
    broken: ({ admin }) =>
      !isLoopback(admin.host) && admin.token === undefined && !admin.open
        ? `admin.host ${admin.host} is reachable from other machines: set admin.token, or admin.open: true to do without one`
        : undefined,
  },
  {
    reads: ['listen.host', 'listen.port', 'admin.host', 'admin.port'],
    broken: ({ listen, admin }) =>
      listen.port !== 0 && listen.port === admin.port && listen.host === admin.host
        ? `listen and admin are both at ${listen.host} port ${listen.port}: give one of them another port`
        : undefined,
  },
  {
    // Node refuses to build a server otherwise, with an exception.
    reads: ['listen.headersTimeout', 'listen.requestTimeout'],
    broken: ({ listen }) =>
      listen.headersTimeout > listen.requestTimeout
        ? `listen.headersTimeout (${listen.headersTimeout}) must not be longer than listen.requestTimeout (${listen.requestTimeout})`
        : undefined,
  },
  {
    reads: [
      'limits.safetyMargin',
      'limits.hour.limit',
      'limits.burst.limit',
      'limits.accounts.<name>.hour.limit',
      'limits.accounts.<name>.burst.limit',
      'upstream.environment',
    ],
    broken: ({ limits }) => {
      const least = leastLimit(limits)
      return limits.safetyMargin >= least.limit
        ? `limits.safetyMargin (${limits.safetyMargin}) leaves nothing of ${least.path} (${least.limit}): it must be less`
        : undefined
    },
  },
  {
    reads: ['limits.burst.window', 'limits.hour.window'],
    broken: ({ limits }) =>
      limits.burst.window > limits.hour.window
        ? `limits.burst.window (${limits.burst.window}) must not be longer than limits.hour.window (${limits.hour.window})`
        : undefined,
  },
  {
    reads: ['cache.encryptionKey', 'cache.encryptionKeyFile'],
    broken: ({ cache }) =>
      cache.encryptionKey !== undefined && cache.encryptionKeyFile !== undefined
        ? 'cache.encryptionKey and cache.encryptionKeyFile are two places for one key: set one of them'
        : undefined,
  },
  {
    reads: ['state.kind', 'state.redisUrl', 'state.redis.sentinels', 'state.redis.cluster'],
    broken: ({ state }) => {
      const { sentinels, cluster } = state.redis
      const ways = [state.redisUrl !== undefined, sentinels.length > 0, cluster.length > 0]
      const many = ways.filter(isSet => isSet).length
      if (many > 1)
        return 'state.redisUrl, state.redis.sentinels and state.redis.cluster are three ways to one Redis: set one of them'
      return state.kind === 'redis' && many === 0
        ? 'state.kind redis needs to know where: set state.redisUrl, state.redis.sentinels or state.redis.cluster'
        : undefined
    },
  },
  {
    reads: ['state.redis.password', 'state.redis.passwordFile'],
    broken: ({ state }) =>
      state.redis.password !== undefined && state.redis.passwordFile !== undefined
        ? 'state.redis.password and state.redis.passwordFile are two places for one password: set one of them'
        : undefined,
  },
  {
    // The default is nobody's wish: who makes the cache small need not make the largest entry smaller, too.
    reads: ['cache.maxEntryBytes', 'cache.maxBytes'],
    broken: ({ cache }) =>
      cache.maxEntryBytes > cache.maxBytes && cache.maxEntryBytes !== USUAL_ENTRY_BYTES
        ? `cache.maxEntryBytes (${cache.maxEntryBytes}) must not be more than cache.maxBytes (${cache.maxBytes})`
        : undefined,
  },
  {
    reads: ['apps.<name>.reserve'],
    broken: ({ apps }) => {
      const sum = Object.values(apps).reduce((total, { reserve }) => total + reserve, 0)
      // Decimal fractions that make one whole may add up to a trifle more in binary ones.
      return sum > 1 + 1e-9
        ? `the apps reserve ${Number(sum.toFixed(6))} of the hour together: the sum of apps.<name>.reserve must not be more than 1`
        : undefined
    },
  },
  {
    reads: ['apps.<name>.maxPriority', 'apps.<name>.priority'],
    broken: ({ apps }) => {
      const below = Object.entries(apps).find(([, app]) => isBelow(app.maxPriority, app.priority))
      return below === undefined
        ? undefined
        : `apps.${below[0]}.maxPriority (${below[1].maxPriority}) must not be lower than apps.${below[0]}.priority (${below[1].priority})`
    },
  },
]

function leastLimit({ hour, burst, accounts }: Config['limits']): { path: string; limit: number } {
  const all = [
    { path: 'limits.hour.limit', limit: hour.limit },
    { path: 'limits.burst.limit', limit: burst.limit },
  ]
  for (const [id, own] of Object.entries(accounts)) {
    const path = `limits.accounts.${id}`
    if (own.hour.limit !== undefined) all.push({ path: `${path}.hour.limit`, limit: own.hour.limit })
    if (own.burst.limit !== undefined) all.push({ path: `${path}.burst.limit`, limit: own.burst.limit })
  }
  return all.reduce((least, one) => (one.limit < least.limit ? one : least))
}

type Priority = Config['apps'][string]['priority']

function isBelow(most: Priority, own: Priority): boolean {
  const order = ['low', 'normal', 'high']
  return most !== undefined && own !== undefined && order.indexOf(most) < order.indexOf(own)
}

function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family === 0 ? host === 'localhost' : LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
