/** What does it cost to share a budget through Redis: of a call, in commands, in memory? A real server on this machine. */
import { setTimeout as pause } from 'node:timers/promises'
import { makeSystemClock } from '../../src/base/clock.js'
import type { Call } from '../../src/base/types.js'
import { makeGovernor, type Governor } from '../../src/governor/governor.js'
import { makeJournal } from '../../src/governor/journal.js'
import { makeTreasury } from '../../src/governor/treasury.js'
import { makeMemoryLedger } from '../../src/state/memory.js'
import { makeBudgets } from '../../src/state/redis/budgets.js'
import { makeConnection } from '../../src/state/redis/connection.js'
import { callOf } from '../fixtures/calls.js'
import { redisSkip, startRedis } from '../fixtures/redis.js'
import type { Result } from './main.js'

const ROUNDS = 5
const CALLS = 20_000
const ANSWER_MS = 5
const ORIGIN = 'https://demo.docusign.net'
const LIMITS = {
  hour: { limit: 1_000_000, windowMs: 3_600_000, alignment: 'auto' },
  burst: { limit: 500_000, windowMs: 30_000 },
  learn: true,
  margin: 0,
  mode: 'enforce',
  accounts: new Map(),
  maxWaitMs: 45_000,
  maxLength: 100_000,
  apps: new Map(),
} as const

export async function redis(say: (text: string) => void): Promise<Result[]> {
  const skip = redisSkip()
  if (skip !== false) {
    say(`redis: ${skip}`)
    return []
  }
  const clock = makeSystemClock()
  const server = await startRedis()
  const place = { server, sentinels: [], cluster: [], sentinelName: '', sentinelPassword: undefined }
  const who = { db: 0, username: undefined, password: undefined, tls: false, tlsCa: undefined }
  const connection = makeConnection({ ...place, ...who, prefix: 'bench', commandTimeoutMs: 900 }, clock)
  while (!connection.isUp) await pause(5)
  const pool = makeBudgets(connection, {
    clock,
    node: 'bench',
    lateMs: 5_000,
    nodes: () => 3,
    others: () => [],
  })
  const journal = () => makeJournal(makeMemoryLedger(), clock)
  const alone = makeGovernor(LIMITS, journal(), clock)
  const shared = makeGovernor(LIMITS, journal(), clock, makeTreasury(pool, 'share', clock))

  async function pass(governor: Governor, call: Call): Promise<void> {
    await governor.prepare(call, ORIGIN)
    const entered = governor.enter(call, { priority: 'normal', untilMs: clock.nowMs() + 45_000 }, ORIGIN)
    const permit = entered.kind === 'visit' ? await entered.result : entered
    if (permit?.kind !== 'permit') throw new Error('not let in')
    await pause(ANSWER_MS)
    permit.answered(200, [])
    permit.over()
  }

  /** CPU of this process for each call, a hundred under way at once. */
  async function micros(governor: Governor, call: Call): Promise<number> {
    const before = process.cpuUsage()
    let left = CALLS
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        while (left-- > 0) await pass(governor, call)
      }),
    )
    const { user, system } = process.cpuUsage(before)
    return (user + system) / CALLS
  }

  /** Commands for each call at a steady pace, and how long the slowest hundredth waited for leave. */
  async function paced(perSecond: number, seconds: number): Promise<number> {
    const call = callOf(`paced-${perSecond}`)
    const before = connection.commands
    const passed: Promise<void>[] = []
    const began = performance.now()
    const count = perSecond * seconds
    while (passed.length < count) {
      const due = Math.min(count, Math.ceil(((performance.now() - began) / 1000) * perSecond))
      while (passed.length < due) passed.push(pass(shared, call))
      await pause(2)
    }
    await Promise.all(passed)
    const lasted = (performance.now() - began) / 1000
    // What it still says and gives back.
    await pause(2_500)
    const each = (connection.commands - before) / count
    say(`redis: ${Math.round(count / lasted)} calls/s: ${each.toFixed(3)} commands a call`)
    return each
  }

  try {
    await Promise.all([pass(alone, callOf('busy')), pass(shared, callOf('busy'))])
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const [own, over] = [await micros(alone, callOf('busy')), await micros(shared, callOf('busy'))]
      ratios.push(over / own)
      say(`redis: ${own.toFixed(1)} µs of CPU a call alone, ${over.toFixed(1)} µs shared`)
    }
    const sorted = ratios.toSorted((a, b) => a - b)
    const commands = { one: await paced(1, 20), hundred: await paced(100, 8), fast: await paced(10_000, 4) }

    const rounds: number[] = []
    for (let i = 0; i < 200; i++) {
      const sentMs = performance.now()
      await connection.call('get', connection.key('a', 'none'))
      rounds.push(performance.now() - sentMs)
    }
    const trip = rounds.toSorted((a, b) => a - b)[100] ?? 0
    const grants: number[] = []
    for (let i = 0; i < 200; i++) {
      const sentMs = performance.now()
      await pass(shared, callOf(`idle-${i}`))
      grants.push(performance.now() - sentMs - ANSWER_MS)
    }
    const grant = grants.toSorted((a, b) => a - b)[100] ?? 0
    say(`redis: a round trip ${trip.toFixed(2)} ms, the first call of an idle account ${grant.toFixed(2)} ms`)

    const bytes = await bytesOf(pool.tagOf('paced-100'))
    say(
      `redis: ${bytes} bytes of Redis for a busy account, ${await bytesOf(pool.tagOf('idle-7'))} for an idle one`,
    )
    const what = (perSecond: string) => `Redis commands a call, one node, one account, ${perSecond} calls/s`
    return [
      {
        what: `CPU of a call's leave, 100 under way, median of ${ROUNDS} rounds`,
        against: 'the same without sharing',
        ratio: sorted[Math.floor(ROUNDS / 2)] ?? NaN,
        spread: [sorted[0] ?? NaN, sorted.at(-1) ?? NaN],
        mark: 1.5,
      },
      { what: what('1'), against: 'one command a call', ratio: commands.one, mark: 2 },
      { what: what('100'), against: 'one command a call', ratio: commands.hundred, mark: 0.1 },
      { what: what('10,000 offered'), against: 'one command a call', ratio: commands.fast, mark: 0.02 },
      { what: 'memory in Redis of a busy account', against: '16 KiB', ratio: bytes / 16_384, mark: 1 },
    ]
  } finally {
    await connection.close()
    await server.stop()
  }

  async function bytesOf(tag: string): Promise<number> {
    const windows = `${LIMITS.hour.windowMs}-${LIMITS.burst.windowMs}`
    let bytes = 0
    for (const name of ['budget', 'slots']) {
      bytes += Number(await connection.call('memory', 'usage', connection.key(tag, name, windows))) || 0
    }
    return bytes
  }
}
