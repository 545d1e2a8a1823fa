/** Promise 12: several governors share one budget through Redis, and what becomes of that when Redis does not play along. */
import fc from 'fast-check'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { makeSystemClock } from '../src/base/clock.js'
import { BUDGET_SCRIPT } from '../src/state/redis/budget-script.js'
import { makeConnection, makeScript, type RedisConnection } from '../src/state/redis/connection.js'
import { lateness, watchNoise } from './fixtures/hours.js'
import { at, flood, startNodes, type Flood, type Nodes } from './fixtures/nodes.js'
import { redisSkip, startRedis, startSentinel, type RedisServer } from './fixtures/redis.js'

/** Most of them wait most of the time: they run side by side. */
t.jobs = 3
const RUN = { skip: redisSkip(), buffered: true, timeout: 110_000 }
const COMMON = {
  cluster: [],
  sentinels: [],
  sentinelName: 'mymaster',
  sentinelPassword: undefined,
  db: 0,
  username: undefined,
  password: undefined,
  tls: false,
  tlsCa: undefined,
  prefix: 'test',
  commandTimeoutMs: 300,
}

function connect({ host, port }: RedisServer, more = {}): RedisConnection {
  return makeConnection({ ...COMMON, server: { host, port }, ...more }, makeSystemClock())
}

async function until(isSo: () => boolean, withinMs = 5_000): Promise<number> {
  const sinceMs = performance.now()
  while (!isSo()) {
    if (performance.now() - sinceMs > withinMs) throw new Error(`not within ${withinMs} ms`)
    await pause(5)
  }
  return performance.now() - sinceMs
}

void t.test('a connection says within its deadline that Redis is lost, and then at once', RUN, async t => {
  const server = await startRedis()
  const redis = connect(server)
  t.teardown(async () => {
    await redis.close()
    await server.stop()
  })
  const turns: boolean[] = []
  const heard: string[] = []
  redis.onChange(isUp => void turns.push(isUp))
  redis.subscribe(redis.key('bus'), message => void heard.push(message))
  await t.rejects(redis.call('get', 'x'), { name: 'RedisLost' }, 'nothing is queued before it is there')
  await until(() => redis.isUp)
  const count = makeScript(`return redis.call('INCR', KEYS[1])`)
  t.equal(await redis.eval(count, [redis.key('a', 'n')], []), 1, 'a script it does not know')
  t.equal(await redis.eval(count, [redis.key('a', 'n')], []), 2, 'and one it knows')
  t.equal(redis.key('a', 'n'), 'test:{a}:n')

  server.freeze()
  const sinceMs = performance.now()
  await t.rejects(redis.call('get', redis.key('a', 'n')), { name: 'RedisLost' }, 'frozen')
  t.ok(performance.now() - sinceMs < 1_000)
  const againMs = performance.now()
  await t.rejects(redis.call('get', redis.key('a', 'n')), { name: 'RedisLost' })
  t.ok(performance.now() - againMs < 50, 'nobody waits for it any more')
  server.thaw()
  await until(() => redis.isUp)

  await server.ask('REPLICAOF', '127.0.0.1', '1')
  await t.rejects(redis.eval(count, [redis.key('a', 'n')], []), { message: /^READONLY/ }, 'read-only')
  t.equal(redis.isUp, false)
  t.match(redis.why, /READONLY/)
  await server.ask('REPLICAOF', 'NO', 'ONE')
  await until(() => redis.isUp)

  await server.ask('CONFIG', 'SET', 'maxmemory', '1')
  await t.rejects(redis.call('set', redis.key('a', 'x'), '1'), { message: /^OOM/ }, 'out of memory')
  await server.ask('CONFIG', 'SET', 'maxmemory', '0')
  await until(() => redis.isUp)

  await server.kill()
  await until(() => !redis.isUp)
  await server.restart()
  await until(() => redis.isUp)
  t.equal(await redis.eval(count, [redis.key('a', 'n')], []), 1, 'empty, and it knows no script any more')
  await until(() => {
    void redis.call('publish', redis.key('bus'), 'hello').catch(() => undefined)
    return heard.includes('hello')
  })
  t.strictSame(turns, [true, false, true, false, true, false, true, false, true])
  t.equal(redis.epoch, 5)
})

void t.test('a user, a password and TLS are what they are said to be', RUN, async t => {
  const acl = '--user governor on >secret ~test:* &test:* +@all --user default off'
  const server = await startRedis(...acl.split(' '))
  t.teardown(() => server.stop())
  const known = connect(server, { username: 'governor', password: 'secret' })
  await until(() => known.isUp)
  await t.rejects(known.call('set', 'other:{a}:x', '1'), /NOPERM/, 'all its keys have the prefix')
  await known.close()
  const unknown = connect(server, { username: 'governor', password: 'wrong' })
  await until(() => /WRONGPASS/.test(unknown.why ?? ''))
  t.equal(unknown.isUp, false)
  await unknown.close()
})

/** The script and a model of it that keeps every call, at one time that both are told. */
const HOUR_MS = 60_000
const BURST_MS = 6_000
const SLOT_MS = BURST_MS / 120
interface Naive {
  held: number
  hand: number
  total: number
  number: number
  lastMs: number
  hasLeft: boolean
  /** When its calls were answered, and whether the pool has been told. */
  answered: { atMs: number; isTold: boolean }[]
}

void t.test(
  'no node is ever granted what another holds or has spent, and nothing is kept back for ever',
  RUN,
  async t => {
    const server = await startRedis()
    const redis = connect(server)
    t.teardown(async () => {
      await redis.close()
      await server.stop()
    })
    await until(() => redis.isUp)
    let runs = 0
    const step = fc.record({
      node: fc.nat({ max: 2 }),
      afterMs: fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 8_000 })),
      answers: fc.nat({ max: 12 }),
      want: fc.nat({ max: 30 }),
      wait: fc.nat({ max: 30 }),
      givesBack: fc.boolean(),
      isLost: fc.nat({ max: 9 }).map(n => n === 0),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.nat({ max: 20 }),
        async (steps, limit) => {
          const burstLimit = 10 + limit
          const hourLimit = 3 * burstLimit
          const keys = [redis.key(`p${++runs}`, 'b'), redis.key(`p${runs}`, 's')]
          const nodes: Naive[] = [0, 1, 2].map(() => ({
            held: 0,
            hand: 0,
            total: 0,
            number: 0,
            lastMs: 0,
            hasLeft: true,
            answered: [],
          }))
          const leaseMs = 3_000
          let now = 1_000_000_000
          // What a lease's end or an answer that was not heard writes off is held for longer than the model knows.
          let isExact = true
          const beganMs = now
          for (const { node, afterMs, answers, want, wait, givesBack, isLost } of steps) {
            now += afterMs
            isExact &&= !isLost && nodes.every(({ held, lastMs }) => held === 0 || now - lastMs < leaseMs)
            const one = nodes[node] as Naive
            // Who was silent for longer than its lease must not send what it has in hand, and what it had sent came before.
            for (const silent of nodes.filter(({ lastMs }) => now - lastMs >= leaseMs)) {
              const sent = silent.held - silent.hand
              for (let k = 0; k < sent; k++)
                silent.answered.push({ atMs: silent.lastMs + leaseMs, isTold: false })
              silent.total += sent
              silent.held = silent.hand = 0
            }
            const answered = Math.min(answers, one.held)
            for (let i = 0; i < answered; i++)
              one.answered.push({ atMs: now - Math.min(afterMs, 50), isTold: false })
            one.held -= answered
            one.total += answered
            one.hand = Math.min(one.hand, one.held)
            if (givesBack) {
              one.held -= one.hand
              one.hand = 0
            }
            const untold = one.answered.filter(({ isTold }) => !isTold)
            const hourEndMs = beganMs + HOUR_MS * (1 + Math.floor((now - beganMs) / HOUR_MS))
            const ask = {
              now,
              n: `n${node}`,
              tag: 't',
              id: `g${runs}`,
              q: ++one.number,
              g: '',
              held: one.held,
              hand: one.hand,
              wait,
              want: wait + want,
              total: one.total,
              base: one.total - untold.length,
              c: untold.flatMap(({ atMs }) => [now - atMs, 1]),
              hr: hourEndMs / 1000,
              hl: hourEndMs - now,
              sure: true,
              h: one.answered.filter(({ atMs }) => atMs > hourEndMs - HOUR_MS).length,
              unh: 0,
              cl: hourLimit,
              cb: burstLimit,
              hw: HOUR_MS,
              bw: BURST_MS,
              mg: 0,
              k: true,
              lease: leaseMs,
              pulse: 250,
              settle: 1_000,
              keep: 60_000,
            }
            const reply = JSON.parse(
              String(await redis.eval(BUDGET_SCRIPT, keys, [JSON.stringify(ask)])),
            ) as {
              grant: number
              g: string
              retry?: number
            }
            one.lastMs = now
            one.hasLeft = one.held + reply.grant + wait + want === 0
            for (const call of untold) call.isTold = true
            // What was granted by an answer that was not heard is mended by the next report.
            if (!isLost) {
              one.held += reply.grant
              one.hand += reply.grant
            }
            const held = nodes.reduce((sum, other) => sum + other.held, 0)
            const all = nodes.flatMap(other => other.answered.map(({ atMs }) => atMs))
            const inBurst = all.filter(atMs => atMs > now - BURST_MS).length + held
            const inHour = all.filter(atMs => atMs > hourEndMs - HOUR_MS).length + held
            if (inBurst > burstLimit) throw new Error(`${inBurst} of ${burstLimit} in the burst window`)
            if (inHour > hourLimit) throw new Error(`${inHour} of ${hourLimit} in the hour`)
            // With nobody else there and nothing held, what is free is granted: to a slot.
            const isAlone = nodes.every((other, i) => i === node || other.hasLeft)
            const inSlots =
              all.filter(atMs => atMs > now - BURST_MS - 2 * SLOT_MS).length + one.held - reply.grant
            const room = Math.min(burstLimit - inSlots, hourLimit - inHour + reply.grant)
            if (isAlone && isExact && reply.grant < Math.min(wait, room)) {
              throw new Error(`${reply.grant} were granted of ${Math.min(wait, room)}`)
            }
          }
        },
      ),
      { numRuns: 150 },
    )
    t.pass(`${runs} histories`)
  },
)

/** An hour of three seconds; ten times as much is asked for, four fifths of it of one node. */
const HOUR = { hourLimit: 150, hourWindow: 3 }
const CROWDED = { ...HOUR, burstLimit: 75, burstWindow: 0.6, latencyMs: 5 }
const PATIENT = {
  GOVERNOR_QUEUE_MAX_WAIT: '2.5',
  GOVERNOR_UPSTREAM_MAX_SOCKETS: '512',
  GOVERNOR_STATE_REDIS_COMMAND_TIMEOUT: '0.4',
  GOVERNOR_LOG_LEVEL: 'warn',
}
const SHARES = [0.8, 0.1, 0.1]
const PER_SECOND = (10 * HOUR.hourLimit) / HOUR.hourWindow

/** What came to DocuSign in each whole hour from one moment to another, as shares of the limit. */
function usedBetween(asked: Flood, fromMs: number, toMs: number): number[] {
  const hourMs = HOUR.hourWindow * 1000
  const first = Math.ceil(fromMs / hourMs)
  const count = Math.floor(toMs / hourMs) - first
  const sent = asked.told.filter(({ outcome }) => outcome === 'forwarded')
  return Array.from({ length: Math.max(0, count) }, (_, n) => {
    const began = (first + n) * hourMs
    // An answer comes a little later than its call.
    return (
      sent.filter(({ endedAtMs }) => endedAtMs >= began && endedAtMs < began + hourMs).length / HOUR.hourLimit
    )
  })
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

function areSharing(nodes: Nodes): Promise<boolean> {
  return Promise.all(
    nodes.governors.map(async ({ adminUrl }) => {
      const text = await (await fetch(`${adminUrl}/metrics`)).text()
      return /^docusign_governor_state_up 1$/m.test(text)
    }),
  ).then(all => all.every(isUp => isUp))
}

void t.test('three nodes, ten times too many calls, and Redis does what it likes', RUN, async t => {
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
  await steady('flushed', 4_500)
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
  await steady('in the end', 6_000)
  const slowestMs = await probe.stop()
  t.ok(slowestMs < 1_000, `nobody who would not wait was kept waiting (${Math.round(slowestMs)} ms)`)
  await asked.stop()
  t.equal(nodes.violations('hour', 'fixed'), 0, 'no hour had more than its limit')
  t.equal(nodes.violations('burst', 'sliding'), 0, 'nor any burst window, wherever it begins')
  t.equal(nodes.simulator.report().blocked, 0, 'and DocuSign refused nothing')
})

void t.test('a Sentinel fails over, and the nodes follow', RUN, async t => {
  const master = await startRedis()
  const replica = await startRedis('--replicaof', master.host, String(master.port))
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
  // The Sentinel takes its time; from then on it is ours.
  while ((await replica.ask('ROLE')) === '5') await pause(20)
  const sinceMs = performance.now()
  while (!(await areSharing(nodes))) await pause(20)
  t.ok(
    performance.now() - sinceMs < 5_000,
    `shared again after ${Math.round(performance.now() - sinceMs)} ms`,
  )
  await pause(3_000)
  await asked.stop()
  t.equal(nodes.violations('hour', 'fixed') + nodes.violations('burst', 'sliding'), 0)
})

void t.test('those who wait are served in proportion, wherever they wait', RUN, async t => {
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

void t.test(
  'what a node held that died is spent when its lease ends, and its places come free a window later',
  RUN,
  async t => {
    const server = await startRedis()
    const redis = connect(server)
    t.teardown(async () => {
      await redis.close()
      await server.stop()
    })
    await until(() => redis.isUp)
    const keys = [redis.key('dead', 'b'), redis.key('dead', 's')]
    const numbers = { a: 0, b: 0 }
    async function ask(
      n: 'a' | 'b',
      now: number,
      wait: number,
    ): Promise<{ grant: number; retry?: number; done: number }> {
      const windows = { cl: 100, cb: 10, hw: HOUR_MS, bw: BURST_MS, mg: 0 }
      const stands = { held: 0, hand: 0, wait, want: wait, total: 0, base: 0, c: [], unh: 0, k: true, h: 0 }
      const rhythm = { lease: 3_000, pulse: 250, settle: 1_000, keep: 60_000 }
      const report = { n, now, tag: 't', id: 'g', g: '', q: ++numbers[n], ...windows, ...stands, ...rhythm }
      const text = String(await redis.eval(BUDGET_SCRIPT, keys, [JSON.stringify(report)]))
      return JSON.parse(text) as { grant: number; retry?: number; done: number }
    }
    const at0 = 1_000_000_000
    t.equal((await ask('a', at0, 10)).grant, 10)
    for (const ms of [1_000, 2_000, 2_999]) t.equal((await ask('b', at0 + ms, 1)).grant, 0, 'they are held')
    t.match(await ask('b', at0 + 3_000, 1), { grant: 0, done: 10 }, 'its lease is over: they are spent now')
    const freeAt = at0 + 3_000 + BURST_MS
    for (let now = at0 + 4_000; now < freeAt; now += 1_000) t.equal((await ask('b', now, 1)).grant, 0)
    t.equal((await ask('b', freeAt + SLOT_MS, 10)).grant, 10, 'and a window later they are free')
  },
)

void t.test('lost, with state.onLoss: closed: nothing is sent, and the node is not ready', RUN, async t => {
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
  // What is in hand is sent first.
  let told = await nodes.ask(0, `${list}&n=2`)
  for (let n = 3; n < 20 && told.status === 200; n++) told = await nodes.ask(0, `${list}&n=${n}`)
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
  RUN,
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
