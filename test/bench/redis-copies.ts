/** What it costs that several shields share a Redis: commands and time for a call, memory for a copy. */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { makeSystemClock } from '../../src/base/clock.js'
import { makeSimulator } from '../../src/simulator/simulator.js'
import { startGovernor, type Governor } from '../fixtures/governor.js'
import { startRedis, type RedisServer } from '../fixtures/redis.js'
import { commandsOf } from './costs.js'
import type { Result } from './main.js'

const COPIES = 1_000
const HITS = 5
/** Those that the nodes send, and scripts do not, or hardly (a mark once a second). */
const COMMANDS = ['evalsha', 'getrange', 'set']

export async function redisCopies(say: (text: string) => void): Promise<Result[]> {
  const simulator = makeSimulator({ hourLimit: 1e6, burstLimit: 1e6 }, makeSystemClock())
  const { url } = await simulator.start()
  const redis = await startRedis()
  const agent = new http.Agent({ keepAlive: true })
  const token = simulator.issueToken(simulator.users()[0]?.userId ?? '', { expiresIn: 1e9 })
  const ids = simulator.addEnvelopes({ status: 'completed', count: COPIES })
  const [account] = simulator.accounts()
  const paths = ids.map(id => `/restapi/v2.1/accounts/${account?.accountId}/envelopes/${id}`)
  const settings = { GOVERNOR_LIMITS_MODE: 'observe', GOVERNOR_POLLING_WITHOUT_COPY: 'pass' }
  const shared = {
    ...settings,
    GOVERNOR_STATE_KIND: 'redis',
    GOVERNOR_STATE_REDIS_URL: redis.url,
    GOVERNOR_CACHE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  }
  const alone = await startGovernor(url, settings)
  const first = await startGovernor(url, shared)
  const second = await startGovernor(url, shared)
  let bodyBytes = 0

  async function all(at: Governor): Promise<number> {
    const startMs = performance.now()
    bodyBytes = 0
    for (const path of paths) bodyBytes += await get(at.url + path, token, agent)
    return (performance.now() - startMs) / paths.length
  }

  async function measured(at: Governor) {
    const before = await commandsOf(redis, COMMANDS)
    const ms = await all(at)
    return { ms, commands: ((await commandsOf(redis, COMMANDS)) - before) / paths.length }
  }

  const usedBytes = await memoryOf(redis)
  const misses = await measured(first)
  await new Promise(resolve => setTimeout(resolve, 200))
  const copyBytes = ((await memoryOf(redis)) - usedBytes) / COPIES
  const adopted = await measured(second)
  await all(alone)
  const hits: number[] = []
  const commands: number[] = []
  for (let round = 0; round < HITS; round++) {
    const here = await measured(second)
    hits.push(here.ms / (await all(alone)))
    commands.push(here.commands)
  }
  hits.sort((a, b) => a - b)
  say(
    `redis-copies: a body has ${Math.round(bodyBytes / COPIES)} bytes, a copy ${Math.round(copyBytes)} in Redis: ${(
      (copyBytes * 1_000) /
      1e6
    ).toFixed(1)} MB for 1,000`,
  )
  await Promise.all([alone, first, second].map(node => node.stop()))
  agent.destroy()
  await redis.stop()
  await simulator.stop()
  const count = (what: string, ratio: number, mark: number): Result => ({
    what: `commands to Redis for ${what}, budgets included`,
    against: 'one',
    ratio,
    mark,
  })
  return [
    count('a GET that goes up and is kept', misses.commands, 5),
    count('one that the copy of another node answers first', adopted.commands, 3),
    count('one that a copy of its own answers', Math.max(...commands), 1.5),
    {
      what: 'memory in Redis for a copy',
      against: 'its body',
      ratio: copyBytes / (bodyBytes / COPIES),
      mark: 2,
    },
    {
      what: 'the time of a hit, confirmed by all nodes',
      against: 'one of a node alone',
      ratio: hits[Math.floor(HITS / 2)] ?? NaN,
      spread: [hits[0] ?? NaN, hits.at(-1) ?? NaN],
      mark: 2,
    },
  ]
}

function get(url: string, token: string, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = http.get(url, { agent, headers: { authorization: `Bearer ${token}` } }, res => {
      let bytes = 0
      res.on('data', (chunk: Buffer) => (bytes += chunk.length))
      res.on('error', reject)
      res.on('end', () => (res.statusCode === 200 ? resolve(bytes) : reject(new Error(`${res.statusCode}`))))
    })
    req.on('error', reject)
  })
}

async function memoryOf(redis: RedisServer): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.ask('INFO', 'memory'))?.[1])
}
