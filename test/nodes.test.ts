/** Promise 12: several governors share one budget through Redis, and what becomes of that when Redis does not play along. */
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { lateness, watchNoise } from './fixtures/hours.js'
import {
  areSharing,
  at,
  CROWDED,
  flood,
  PATIENT,
  PER_SECOND,
  startNodes,
  usedBetween,
  type Nodes,
} from './fixtures/nodes.js'
import { redisSkip, startRedis, startSentinel } from './fixtures/redis.js'

/** Of its own for each, because tap writes into it. */
const run = () => ({ skip: redisSkip(), timeout: 100_000 })

/** Four fifths are asked of one node. */
const SHARES = [0.8, 0.1, 0.1]

async function until(isSo: () => boolean, withinMs = 5_000): Promise<number> {
  const sinceMs = performance.now()
  while (!isSo()) {
    if (performance.now() - sinceMs > withinMs) throw new Error(`not within ${withinMs} ms`)
    await pause(5)
  }
  return performance.now() - sinceMs
}

/** Asks without waiting, at each node in turn: how long the slowest took to be told, the machine's own lateness taken off. */
function impatient(nodes: Nodes): { stop(): Promise<number> } {
  let isOn = true
  const spans: { fromMs: number; toMs: number }[] = []
  const noise = watchNoise(() => performance.now())
  const running = (async () => {
    for (let n = 0; isOn; n++) {
      const { askedMs, endedMs } = await nodes.ask(n % 3, `/envelopes?from_date=2020-01-01&n=i${n}`, {
        prefer: 'wait=0',
      })
      spans.push({ fromMs: askedMs, toMs: endedMs })
      await pause(20)
    }
  })()
  return {
    async stop() {
      isOn = false
      await running
      const late = noise.stop()
      return Math.max(
        ...spans
          .filter(({ fromMs, toMs }) => toMs - fromMs > 500)
          .map(({ fromMs, toMs }) => toMs - fromMs - lateness(late, fromMs, toMs)),
        0,
      )
    },
  }
}

void t.test('three nodes, ten times too many calls, and Redis does what it likes', run(), async t => {
  const redis = await startRedis()
  const nodes = await startNodes({ nodes: 3, docusign: CROWDED, settings: { ...PATIENT, ...at(redis) } })
  t.teardown(async () => {
    await nodes.stop()
    await redis.stop()
  })
  const asked = flood(nodes, PER_SECOND, SHARES)
  const probe = impatient(nodes)

  async function steady(what: string, forMs: number): Promise<void> {
    const fromMs = nodes.docusignMs()
    await pause(forMs)
    const used = usedBetween(asked, fromMs, nodes.docusignMs())
    // What an hour that began while not all was well has left over is not given away, but may be spent late in it.
    t.ok(used.length > 0, `${what}: ${used.length} whole hours`)
    const poorest = Math.min(...used)
    t.ok(poorest >= 0.98 && Math.max(...used) <= 1.02, `${what}: of the poorest hour ${poorest} was used`)
  }
  async function back(what: string): Promise<void> {
    const sinceMs = performance.now()
    while (!(await areSharing(nodes))) await pause(20)
    const tookMs = performance.now() - sinceMs
    t.ok(tookMs < 5_000, `${what}: shared again after ${Math.round(tookMs)} ms`)
  }

  // By then it is known to some milliseconds what time it is at DocuSign.
  await pause(4_500)
  await steady('all is well', 6_500)
  t.equal(nodes.violations('hour', 'fixed') + nodes.violations('burst', 'sliding'), 0, 'all is well')

  await redis.ask('FLUSHALL')
  await pause(3_000)
  await steady('flushed', 6_500)
  t.equal(nodes.violations('hour', 'fixed') + nodes.violations('burst', 'sliding'), 0, 'flushed')

  await redis.ask('REPLICAOF', '127.0.0.1', '1')
  await pause(1_500)
  await redis.ask('REPLICAOF', 'NO', 'ONE')
  await back('read-only')
  await pause(3_000)
  t.equal(nodes.violations('hour', 'fixed') + nodes.violations('burst', 'sliding'), 0, 'read-only')

  redis.freeze()
  await pause(10_000)
  redis.thaw()
  await back('frozen for 10 s')
  await pause(3_000)
  t.equal(nodes.violations('hour', 'fixed') + nodes.violations('burst', 'sliding'), 0, 'frozen')

  await redis.kill()
  await pause(1_500)
  await redis.restart()
  await back('killed and restarted empty')
  await pause(3_000)
  await steady('in the end', 6_500)
  const slowestMs = await probe.stop()
  t.ok(slowestMs < 1_000, `nobody who would not wait was kept waiting (${Math.round(slowestMs)} ms)`)
  await asked.stop()
  t.equal(nodes.violations('hour', 'fixed'), 0, 'no hour had more than its limit')
  t.equal(nodes.violations('burst', 'sliding'), 0, 'nor any burst window, wherever it begins')
  t.equal(nodes.simulator.report().blocked, 0, 'and DocuSign refused nothing')
})

void t.test('a Sentinel fails over, and the nodes follow', run(), async t => {
  const master = await startRedis('--repl-diskless-sync-delay', '0')
  const replica = await startRedis('--replicaof', master.host, String(master.port))
  // A Sentinel hears of replicas at its first look, and then every ten seconds; one that is not in step is not promoted.
  for (let n = 0; !/master_link_status:up/.test(await replica.ask('INFO', 'replication')) && n < 500; n++)
    await pause(20)
  const sentinel = await startSentinel(master)
  const nodes = await startNodes({
    nodes: 3,
    docusign: CROWDED,
    settings: { ...PATIENT, GOVERNOR_STATE_REDIS_SENTINELS: `127.0.0.1:${sentinel.port}` },
  })
  t.teardown(async () => {
    await nodes.stop()
    await Promise.all([sentinel.stop(), master.stop(), replica.stop()])
  })
  const asked = flood(nodes, PER_SECOND / 2, SHARES)
  await pause(3_000)
  t.ok(await areSharing(nodes))
  await master.kill()
  await until(() => nodes.governors.every(({ lines }) => /state-degraded/.test(lines.join(''))))
  // The Sentinel takes its time; from then on it is ours. Whoever asks just then is cut off: it ends all connections.
  const isPromoted = async () => (await replica.ask('ROLE').catch(() => '')) === '3'
  for (let n = 0; !(await isPromoted()) && n < 1_000; n++) await pause(20)
  t.equal(await replica.ask('ROLE'), '3', 'the replica has been promoted')
  const sinceMs = performance.now()
  while (!(await areSharing(nodes)) && performance.now() - sinceMs < 20_000) await pause(20)
  t.ok(
    performance.now() - sinceMs < 5_000,
    `shared again after ${Math.round(performance.now() - sinceMs)} ms`,
  )
  await pause(3_000)
  await asked.stop()
  t.equal(nodes.violations('hour', 'fixed') + nodes.violations('burst', 'sliding'), 0)
})

void t.test('those who wait are served in proportion, wherever they wait', run(), async t => {
  const redis = await startRedis()
  const limits = { hourLimit: 100, hourWindow: 6, burstLimit: 1000, burstWindow: 1, latencyMs: 5 }
  const settings = { ...PATIENT, GOVERNOR_QUEUE_MAX_WAIT: '20', ...at(redis) }
  const nodes = await startNodes({ nodes: 3, docusign: limits, settings })
  t.teardown(async () => {
    await nodes.stop()
    await redis.stop()
  })
  const list = '/envelopes?from_date=2020-01-01'
  // An hour of which the last second is not needed: it takes some answers to know when it turns.
  await pause(6_200 - (nodes.docusignMs() % 6_000))
  const spend = Array.from({ length: 100 }, (_, n) => nodes.ask(n % 3, `${list}&n=s${n}`))
  await Promise.all(spend)
  const wait = [160, 20, 20].flatMap((count, node) =>
    Array.from({ length: count }, (_, n) => nodes.ask(node, `${list}&n=${node}-${n}`)),
  )
  const told = await Promise.all(wait)
  const hourOf = (atMs: number) => Math.floor(atMs / 6_000)
  const first = Math.min(
    ...told.filter(({ status }) => status === 200).map(({ endedAtMs }) => hourOf(endedAtMs)),
  )
  const served = [0, 1, 2].map(
    node =>
      told.filter(one => one.node === node && hourOf(one.endedAtMs) === first && one.status === 200).length,
  )
  t.equal(
    served.reduce((sum, count) => sum + count, 0),
    100,
    `all of the hour was used: ${served.join()}`,
  )
  t.ok(Math.abs((served[0] ?? 0) - 80) <= 6, 'four fifths where four fifths wait')
  t.ok(
    Math.abs((served[1] ?? 0) - 10) <= 4 && Math.abs((served[2] ?? 0) - 10) <= 4,
    'and a tenth at each other',
  )
  t.equal(nodes.violations('hour', 'fixed'), 0)
})

void t.test('lost, with state.onLoss: closed: nothing is sent, and the node is not ready', run(), async t => {
  const redis = await startRedis()
  const settings = { ...PATIENT, GOVERNOR_STATE_ON_LOSS: 'closed', ...at(redis) }
  const nodes = await startNodes({ nodes: 1, docusign: CROWDED, settings })
  t.teardown(async () => {
    await nodes.stop()
    await redis.stop()
  })
  const [node] = nodes.governors
  const list = '/envelopes?from_date=2020-01-01'
  const ready = async () => (await fetch(`${node?.adminUrl}/readyz`)).status
  t.equal((await nodes.ask(0, `${list}&n=1`)).status, 200)
  t.equal(await ready(), 200)
  await redis.kill()
  await until(() => /state-degraded/.test(node?.lines.join('') ?? ''))
  const told = await nodes.ask(0, `${list}&n=2`)
  t.match(told, { status: 503, outcome: 'state-unavailable' })
  t.equal(await ready(), 503)
  const sent = nodes.simulator.report().calls.total
  await nodes.ask(0, `${list}&n=20`)
  t.equal(nodes.simulator.report().calls.total, sent)
  await redis.restart()
  while ((await ready()) !== 200) await pause(20)
  // A Redis that knows nothing is told all; for two seconds nothing is granted.
  while ((await nodes.ask(0, `${list}&n=21`, { prefer: 'wait=3' })).status !== 200) await pause(100)
  const status = (await (await fetch(`${node?.adminUrl}/status`)).json()) as { nodes: { id: string }[] }
  t.equal(status.nodes.length, 1, 'and the status names the one node')
})

void t.test(
  'two names of an account are one budget at all nodes, once one of them has seen both',
  run(),
  async t => {
    const redis = await startRedis()
    const limits = { hourLimit: 40, hourWindow: 3_600, burstLimit: 1_000, burstWindow: 1, latencyMs: 1 }
    const nodes = await startNodes({ nodes: 2, docusign: limits, settings: { ...PATIENT, ...at(redis) } })
    t.teardown(async () => {
      await nodes.stop()
      await redis.stop()
    })
    const number = nodes.simulator.accounts()[0]?.number ?? ''
    const byNumber = (n: number) => nodes.ask(1, `/envelopes?from_date=2020-01-01&n=${n}`, {}, number)
    // One node knows it by its number only, the other by its GUID, until it is told both.
    for (let n = 0; n < 5; n++) t.equal((await byNumber(n)).status, 200)
    for (let n = 0; n < 5; n++)
      t.equal((await nodes.ask(0, `/envelopes?from_date=2020-01-01&m=${n}`)).status, 200)
    t.equal((await nodes.ask(0, '')).status, 200, 'GET /accounts/{accountId} tells both')
    await pause(500)
    await byNumber(90)
    await pause(500)
    const last: number[] = []
    for (let n = 100; n < 160; n++)
      last.push(
        (await byNumber(n)).status,
        (await nodes.ask(0, `/envelopes?from_date=2020-01-01&k=${n}`)).status,
      )
    t.equal(nodes.violations('hour', 'fixed'), 0)
    t.equal(nodes.simulator.report().blocked, 0, 'DocuSign had nothing to refuse')
    const used = nodes.simulator.report().calls.total
    t.ok(used >= 38 && used <= 40, `${used} of 40 were used`)
  },
)
