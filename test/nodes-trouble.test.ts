/** Promise 12 in the places where Redis and governors really run, and end: a Cluster, kill -9. */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startProcess } from './fixtures/kills.js'
import {
  areSharing,
  at,
  CROWDED,
  flood,
  PATIENT,
  PER_SECOND,
  startNodes,
  startNodesOf,
  usedBetween,
  type Node,
  type Nodes,
} from './fixtures/nodes.js'
import { startCluster } from './fixtures/redis-cluster.js'
import { redisSkip, startRedis } from './fixtures/redis.js'

/** Of its own for each, because tap writes into it. */
const run = () => ({ skip: redisSkip(), timeout: 100_000 })

/** By then it is known to some milliseconds what time it is at DocuSign. */
const ACQUAINTED_MS = 3_000

function sharesAgain(t: Test, nodes: { readonly governors: readonly Node[] }, what: string) {
  const sinceMs = performance.now()
  return (async () => {
    while (!(await areSharing(nodes)) && performance.now() - sinceMs < 10_000) await pause(20)
    const tookMs = Math.round(performance.now() - sinceMs)
    t.ok(tookMs < 5_000, `${what}: shared again after ${tookMs} ms`)
  })()
}

function isWithin(t: Test, nodes: Pick<Nodes, 'violations' | 'simulator'>, what: string): void {
  t.equal(nodes.violations('hour', 'fixed'), 0, `${what}: no hour had more than its limit`)
  t.equal(nodes.violations('burst', 'sliding'), 0, `${what}: nor any burst window`)
}

void t.test(
  'five governors and a Cluster: a slot moves, a master dies, and no call is one too many',
  run(),
  async t => {
    const cluster = await startCluster()
    const settings = { ...PATIENT, GOVERNOR_STATE_REDIS_CLUSTER: cluster.addresses }
    const nodes = await startNodes({ nodes: 5, docusign: CROWDED, settings })
    t.teardown(async () => {
      await nodes.stop()
      await cluster.stop()
    })
    const asked = flood(nodes, PER_SECOND / 2, [0.6, 0.1, 0.1, 0.1, 0.1])
    await pause(ACQUAINTED_MS)
    t.ok(await areSharing(nodes))
    const slot = await cluster.slotOf(':budget:')
    const from = await cluster.ownerOf(slot)
    const to = cluster.masters.find(master => master !== from) ?? from
    await cluster.move(slot, to, 300)
    t.equal(await cluster.ownerOf(slot), to)
    await sharesAgain(t, nodes, 'moved')
    const movedMs = nodes.docusignMs()
    const replica = await cluster.replicate(to)
    await pause(6_000)
    isWithin(t, nodes, 'moved')
    const used = usedBetween(asked, movedMs, nodes.docusignMs())
    // While a replica copies all of a master, its answers may be late, and each node goes on with its part.
    t.ok(Math.max(...used) > 0.25, `moved: ${used.join()} of the hours was used`)
    await to.kill()
    // The masters that are left agree on it, and tell each other.
    const hasIt = async () => (await cluster.ownerOf(slot).catch(() => undefined)) === replica
    for (let n = 0; !(await hasIt()) && n < 1_000; n++) await pause(20)
    t.equal(await cluster.ownerOf(slot), replica, 'the replica has the slot')
    await sharesAgain(t, nodes, 'failed over')
    await pause(3_000)
    await asked.stop()
    isWithin(t, nodes, 'failed over')
  },
)

void t.test('a process that is killed gives back in time what it held', run(), async t => {
  const redis = await startRedis()
  const docusign = { ...CROWDED, latencyMs: 100 }
  const settings = { ...PATIENT, ...at(redis) }
  const nodes = await startNodesOf({ nodes: 3, docusign, settings }, startProcess)
  t.teardown(async () => {
    await nodes.stop()
    await redis.stop()
  })
  await sharesAgain(t, nodes, 'begun')
  const asked = flood(nodes, PER_SECOND / 2, [0.8, 0.1, 0.1])
  await pause(ACQUAINTED_MS)
  const [first] = nodes.governors
  await first?.kill()
  // The lease of what it held, and the hour in which that ends.
  await pause(3_500)
  const fromMs = nodes.docusignMs()
  await pause(6_500)
  await asked.stop()
  isWithin(t, nodes, 'killed')
  const used = usedBetween(asked, fromMs, nodes.docusignMs() - 500)
  // What is not given back is missing in every hour.
  t.ok(Math.max(...used) >= 0.98, `of the hours ${used.join(', ')} was used`)
})
