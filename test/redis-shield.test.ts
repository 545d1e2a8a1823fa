/**
 * Several shields over one Redis, as shipped: what one node has asked, heard or dropped holds at all. Each promise is
 * measured at DocuSign's end, in the client's hands, or in Redis itself.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Governor } from './fixtures/governor.js'
import { redisSkip, startRedis, type RedisServer } from './fixtures/redis.js'
import { key, openStage, type Got, type Stage } from './fixtures/vaulted.js'

const skip = redisSkip()

interface Town extends Stage {
  readonly nodes: readonly Governor[]
  /** GET at the node of this number. */
  at(node: number, path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Got>
}

async function openTown(
  t: Test,
  redis: RedisServer,
  count: number,
  over: Readonly<Record<string, string>> = {},
): Promise<Town> {
  await redis.ask('FLUSHALL')
  const stage = await openStage(t, {
    GOVERNOR_STATE_KIND: 'redis',
    GOVERNOR_STATE_REDIS_URL: redis.url,
    GOVERNOR_CACHE_ENCRYPTION_KEY: key(),
    ...over,
  })
  const nodes = await Promise.all(Array.from({ length: count }, () => stage.live()))
  await pause(150)
  return {
    ...stage,
    nodes,
    at: (node, path, headers, method) => stage.get(nodes[node]?.url ?? '', path, headers, method),
  }
}

const outcome = ({ headers }: Got) => String(headers['x-governor-outcome'])
const errors = (nodes: readonly Governor[]) =>
  nodes.flatMap(({ lines }) => lines.filter(line => line.includes('"level":50')))

void t.test('what a node has read, all have', { skip }, async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())

  await t.test('a copy answers at another node, whether final or inside its interval', async t => {
    const town = await openTown(t, redis, 3)
    for (const status of ['completed', 'sent'] as const) {
      const [id = ''] = town.simulator.addEnvelopes({ status })
      const path = `${town.account}/envelopes/${id}`
      const first = await town.at(0, path)
      t.equal(outcome(first), 'forwarded')
      const before = town.arrivals()
      for (const node of [0, 1, 2, 1]) {
        const got = await town.at(node, path)
        t.equal(outcome(got), 'remembered', `${status} at ${node}`)
        t.ok(got.body.equals(first.body))
      }
      t.equal(town.arrivals(), before)
    }
    t.equal(town.simulator.report().oauth.byRoute['/oauth/userinfo'], 1, 'and one asked whose the token is')
    t.strictSame(errors(town.nodes), [])
  })
})
