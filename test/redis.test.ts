/** Redis by itself: the connection, and the script that judges and charges, against a naive list of all that happened. */
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { BUDGET_SCRIPT } from '../src/state/redis/budget-script.js'
import { makeSystemClock } from '../src/base/clock.js'
import { redisSlice } from '../src/config/redis-slice.js'
import { makeConnection, makeScript } from '../src/state/redis/connection.js'
import { makeAuthority } from './fixtures/authority.js'
import { settingsOf } from './fixtures/governor.js'
import { connect, freePort, isInstalled, redisSkip, startRedis } from './fixtures/redis.js'

/** Most of them wait most of the time: they run side by side. */
t.jobs = 3
const RUN = { skip: redisSkip(), buffered: true, timeout: 110_000 }
const hasOpenssl = process.env['CI'] === 'true' || isInstalled('openssl', 'version')
const TLS_RUN = { ...RUN, skip: RUN.skip || (!hasOpenssl && 'openssl is not installed') }

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

void t.test('TLS: a certificate of the named authority is believed, and no other', TLS_RUN, async t => {
  const folder = t.testdir()
  const [ca, other] = [makeAuthority(folder, 'ca'), makeAuthority(folder, 'other')]
  const { cert, key } = ca.issue('redis', 'localhost')
  const tls = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca.file]
  const tlsPort = await freePort()
  const server = await startRedis('--tls-port', String(tlsPort), '--tls-auth-clients', 'no', ...tls)
  t.teardown(() => server.stop())
  const at = (authority: string, more = {}) => {
    const known = settingsOf({
      GOVERNOR_STATE_KIND: 'redis',
      GOVERNOR_STATE_REDIS_URL: `rediss://localhost:${tlsPort}`,
      GOVERNOR_STATE_REDIS_TLS_CA: authority,
      ...more,
    })
    const config = redisSlice(known, path => readFileSync(path, 'utf8'))
    if (!config) throw new Error('no Redis in the settings')
    return makeConnection({ ...config, commandTimeoutMs: 600 }, makeSystemClock())
  }
  const sure = at(ca.file)
  t.teardown(() => sure.close())
  await until(() => sure.isUp)
  t.equal(await sure.call('set', sure.key('a', 'tls'), '1'), 'OK')

  const betrayed = at(other.file)
  t.teardown(() => betrayed.close())
  await until(() => /certificate/.test(betrayed.why ?? ''))
  t.match(betrayed.why, /unable to verify|self.signed|issuer/, 'the operator is told which fault it is')
  await pause(300)
  t.equal(betrayed.isUp, false)
  await t.rejects(betrayed.call('get', betrayed.key('a', 'tls')), { name: 'RedisLost' })

  const misnamed = at(ca.file, { GOVERNOR_STATE_REDIS_URL: `rediss://127.0.0.1:${tlsPort}` })
  t.teardown(() => misnamed.close())
  await until(() => /altnames|does not match/.test(misnamed.why ?? ''))
  t.equal(misnamed.isUp, false)
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
