/**
 * What `config/plan/costs.yaml` says is measured: what a call costs a node that shares with others, and the Redis that they
 * share. Microseconds of a core, so not of every machine's: `plan --costs` takes those of another.
 */
import { randomBytes } from 'node:crypto'
import { redisSkip, startRedis, type RedisServer } from '../fixtures/redis.js'
import { burntBy } from './burnt.js'
import { drive } from './drive.js'
import type { Result } from './main.js'
import { startChild, startGovernor } from './programs.js'
import { sdkRequest } from './requests.js'
import { summary } from './turns.js'

/** So many that each call of one is alone with it: at 3,000 an hour an account has less than one a second. */
const ACCOUNTS = 2_000
const CONNECTIONS = 32
const ROUNDS = 7
const CALLS = 4_000
const WARM_UP_CALLS = 16_000
const COPIES = 1_000
/** Those that a node sends for a call, and no script does. */
const COMMANDS = ['evalsha', 'getrange']

const account = (n: number) => `/restapi/v2.1/accounts/${14_000_000 + (n % ACCOUNTS)}`
const guid = (n: number) => `4b728be4-1111-2222-3333-${n.toString(16).padStart(12, '0')}`
const KINDS: readonly { readonly what: string; target(n: number): string }[] = [
  { what: 'a GET that goes up, budget alone', target: n => `${account(n)}/users?start_position=${n}` },
  {
    what: 'a GET that goes up and is kept',
    target: n => `${account(n)}/envelopes/${guid(COPIES + n)}`,
  },
  { what: 'a GET that a copy answers', target: n => `${account(n % COPIES)}/envelopes/${guid(n % COPIES)}` },
]

interface Spent {
  readonly node: number
  readonly redis: number
  readonly commands: number
  readonly bytes: number
}

export async function costs(say: (text: string) => void): Promise<Result[]> {
  const skip = redisSkip()
  if (skip !== false) {
    say(`costs: ${skip}`)
    return []
  }
  const redis = await startRedis()
  const upstream = await startChild('canned')
  const node = await startGovernor(`http://127.0.0.1:${upstream.port}`, {
    GOVERNOR_STATE_KIND: 'redis',
    GOVERNOR_STATE_REDIS_URL: redis.url,
    GOVERNOR_CACHE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  })
  const spent = async (): Promise<Spent> => ({
    node: burntBy(node.pid).cpuMicros,
    ...(await redisSpent(redis)),
  })
  const results: Result[] = []
  try {
    for (const { what, target } of KINDS) {
      let n = 0
      const request = () => sdkRequest(target(n++))
      const idleBytes = (await redisNumbers(redis, 'memory'))('used_memory')
      await drive(node.port, request, CONNECTIONS, WARM_UP_CALLS)
      const bytes = (await redisNumbers(redis, 'memory'))('used_memory') - idleBytes
      say(
        `costs: ${what}: ${Math.round(bytes / ACCOUNTS)} bytes more in Redis for each of ${ACCOUNTS} accounts`,
      )
      const rounds: Spent[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const before = await spent()
        await drive(node.port, request, CONNECTIONS, CALLS)
        const after = await spent()
        rounds.push({
          node: (after.node - before.node) / CALLS,
          redis: (after.redis - before.redis) / CALLS,
          commands: (after.commands - before.commands) / CALLS,
          bytes: (after.bytes - before.bytes) / CALLS,
        })
      }
      const middle = (name: keyof Spent) => summary(rounds.map(one => one[name]))
      results.push({
        what: `CPU of a node for ${what}, median of ${ROUNDS} rounds`,
        against: '1 µs',
        ...middle('node'),
        also: {
          'µs of Redis': middle('redis').ratio,
          commands: middle('commands').ratio,
          'bytes either way': middle('bytes').ratio,
        },
      })
    }
    return results
  } finally {
    await Promise.all([node, upstream].map(program => program.stop()))
    await redis.stop()
  }
}

async function redisNumbers(redis: RedisServer, section: string): Promise<(name: string) => number> {
  const text = await redis.ask('INFO', section)
  return name => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? NaN)
}

async function redisSpent(redis: RedisServer): Promise<Omit<Spent, 'node'>> {
  const cpu = await redisNumbers(redis, 'cpu')
  const stats = await redisNumbers(redis, 'stats')
  const seconds = cpu('used_cpu_user_main_thread') + cpu('used_cpu_sys_main_thread')
  return {
    redis: seconds * 1e6,
    commands: await commandsOf(redis, COMMANDS),
    bytes: stats('total_net_input_bytes') + stats('total_net_output_bytes'),
  }
}

/** How often these commands were called. */
export async function commandsOf(redis: RedisServer, names: readonly string[]): Promise<number> {
  const text = await redis.ask('INFO', 'commandstats')
  const callsOf = (name: string) =>
    Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(text)?.[1] ?? 0)
  return names.reduce((sum, name) => sum + callsOf(name), 0)
}
