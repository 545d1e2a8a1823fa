/**
 * Several shields over one Redis, as shipped: what one node has asked, heard or dropped holds at all. Each promise is
 * measured at DocuSign's end, in the client's hands, or in Redis itself.
 */
import { createSign, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { makeSystemClock, makeTurns } from '../src/base/clock.js'
import type { Commons, Inquiry } from '../src/base/commons.js'
import { keyOf } from '../src/base/key.js'
import type { CopyFacts } from '../src/base/vault.js'
import { redisSlice } from '../src/config/redis-slice.js'
import { makeCommons } from '../src/state/redis/commons.js'
import { makeConnection } from '../src/state/redis/connection.js'
import { factsOf, vaultContract, type VaultRun } from './contracts/vault.js'
import { settingsOf, type Governor } from './fixtures/governor.js'
import { redisSkip, startRedis, type RedisServer } from './fixtures/redis.js'
import { until } from './fixtures/upstream.js'
import { key, openStage, startChild, type Got, type Stage } from './fixtures/vaulted.js'

const skip = redisSkip()
const MB = 1024 * 1024

interface Town extends Stage {
  readonly nodes: readonly Governor[]
  /** GET at the node of this number. */
  at(node: number, path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Got>
  /** A write to the envelope of this path, whatever its status. */
  write(node: number, path: string): Promise<void>
  /** A new envelope's path. */
  envelope(status?: 'completed' | 'sent'): string
  /** Slows the next answer for this path down. */
  slow(path: string, latencyMs: number): void
  /** POST to the simulator's own questions. */
  control(path: string, body: unknown): Promise<void>
}

async function openTown(
  t: Test,
  redis: RedisServer,
  count: number,
  over: Readonly<Record<string, string>> = {},
): Promise<Town> {
  const prefix = randomBytes(4).toString('hex')
  const stage = await openStage(t, {
    GOVERNOR_STATE_KIND: 'redis',
    GOVERNOR_STATE_REDIS_PREFIX: prefix,
    GOVERNOR_STATE_REDIS_URL: redis.url,
    GOVERNOR_SHUTDOWN_TIMEOUT: '0.2',
    GOVERNOR_CACHE_ENCRYPTION_KEY: key(),
    ...over,
  })
  const nodes = await Promise.all(Array.from({ length: count }, () => stage.live()))
  t.teardown(() => {
    const logged = errors(nodes)
    if (logged.length > 0) throw new Error(logged.join(''))
  })
  await untilSo('all to listen', async () => {
    const channel = `${over['GOVERNOR_STATE_REDIS_PREFIX'] ?? prefix}:{shield}:news`
    return Number(await redis.ask('PUBLISH', channel, 'no message')) === count
  })
  await pause(100)
  return {
    ...stage,
    nodes,
    at: (node, path, headers, method) => stage.get(nodes[node]?.url ?? '', path, headers, method),
    async write(node, path) {
      const body = JSON.stringify({ envelopeIds: [path.slice(path.lastIndexOf('/') + 1)] })
      const headers = { authorization: `Bearer ${stage.token}`, 'content-type': 'application/json' }
      const url = `${nodes[node]?.url}${stage.account}/folders/recyclebin`
      const told = await fetch(url, { method: 'PUT', headers, body })
      if (!told.ok) throw new Error(`the write was answered ${told.status}`)
    },
    envelope(status = 'completed') {
      const [id] = stage.simulator.addEnvelopes({ status })
      return `${stage.account}/envelopes/${id}`
    },
    async control(path, body) {
      const headers = { 'content-type': 'application/json' }
      const told = await fetch(`${stage.url}/_sim${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      if (!told.ok) throw new Error(`POST /_sim${path} answered ${told.status}`)
    },
    slow: (path, latencyMs) =>
      stage.simulator.faults.set([
        { match: { pathIncludes: path.slice(path.lastIndexOf('/')) }, kind: 'none', latencyMs, times: 1 },
      ]),
  }
}

const outcome = ({ headers }: Got) => String(headers['x-governor-outcome'])
const refusal = ({ headers }: Got) => String(headers['x-governor-refusal'])
const errors = (nodes: readonly Governor[]) =>
  nodes.flatMap(({ lines }) => lines.filter(line => line.includes('unexpected-error')))
const AT_ONCE = { prefer: 'wait=0' }

/** An assertion of the JWT grant, signed as an app signs it. */
function makeAssertion(claims: object, privateKeyPem: string): string {
  const text = [{ typ: 'JWT', alg: 'RS256' }, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKeyPem, 'base64url')}`
}

/** Within the five seconds that it may take. */
async function untilSo(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 5_000
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`waited 5 s for ${what}`)
    await pause(100)
  }
}

async function untilShared(town: Town): Promise<void> {
  await untilSo('it to be shared', async () => {
    const fresh = town.envelope('sent')
    const [first, second] = [await town.at(0, fresh), await town.at(1, fresh)]
    return outcome(first) === 'forwarded' && outcome(second) === 'remembered'
  })
}

async function timed(work: Promise<Got>): Promise<{ got: Got; ms: number }> {
  const startMs = performance.now()
  return { got: await work, ms: performance.now() - startMs }
}

void t.test('one shield of many nodes', { skip }, async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())

  await t.test('a copy answers at another node, whether final or inside its interval', async t => {
    const town = await openTown(t, redis, 3)
    for (const status of ['completed', 'sent'] as const) {
      const path = town.envelope(status)
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
  })

  await t.test('a large document comes from Redis in pieces, whole or in part', async t => {
    const town = await openTown(t, redis, 2)
    const [id = ''] = town.simulator.addEnvelopes({ status: 'completed', documentBytes: 5 * MB })
    await town.at(0, `${town.account}/envelopes/${id}`)
    const path = `${town.account}/envelopes/${id}/documents/1`
    const first = await town.at(0, path)
    t.equal(first.body.length, 5 * MB)
    const got = await town.at(1, path)
    t.equal(outcome(got), 'remembered')
    t.ok(got.body.equals(first.body))
    const part = await town.at(1, path, { range: 'bytes=3000000-3099999' })
    t.equal(part.status, 206)
    t.ok(part.body.equals(first.body.subarray(3_000_000, 3_100_000)))
  })

  await t.test(
    'whoever asks at the same moment, wherever: one GET goes up, and all have its answer',
    async t => {
      const town = await openTown(t, redis, 3)
      await town.at(0, town.envelope())
      const path = town.envelope('sent')
      town.slow(path, 400)
      const before = town.arrivals()
      const all = await Promise.all(Array.from({ length: 12 }, (_, i) => town.at(i % 3, path)))
      t.equal(town.arrivals(), before + 1)
      t.strictSame(new Set(all.map(({ status }) => status)), new Set([200]))
      t.equal(all.filter(got => outcome(got) === 'forwarded').length, 1)
      town.slow(path, 0)
    },
  )

  await t.test('who may not wait is not held for another node’s answer', async t => {
    const town = await openTown(t, redis, 2)
    await town.at(0, town.envelope())
    const path = town.envelope('sent')
    town.slow(path, 600)
    const before = town.arrivals()
    const first = town.at(0, path)
    await pause(100)
    const { got, ms } = await timed(town.at(1, path, AT_ONCE))
    t.equal(got.status, 429)
    t.ok(ms < 300, `${Math.round(ms)} ms`)
    const patient = await timed(town.at(1, path, { prefer: 'wait=5' }))
    t.equal(outcome(patient.got), 'remembered')
    t.equal(outcome(await first), 'forwarded')
    t.equal(town.arrivals(), before + 1)
  })

  await t.test('without a key no body leaves the memory, and the interval holds at all nodes', async t => {
    const town = await openTown(t, redis, 2, { GOVERNOR_CACHE_ENCRYPTION_KEY: '' })
    const path = town.envelope('sent')
    t.equal(outcome(await town.at(0, path)), 'forwarded')
    const before = town.arrivals()
    const got = await town.at(1, path)
    t.equal(refusal(got), 'poll-too-soon')
    const left = Number(got.headers['retry-after'])
    t.ok(left > 890 && left <= 901, `${left} s are left of it`)
    t.equal(outcome(await town.at(0, path)), 'remembered')
    t.equal(outcome(await town.at(1, `${path}/recipients`)), 'forwarded', 'another resource is another poll')
    t.equal(town.arrivals(), before + 1)
    t.equal(outcome(await town.at(1, path, {}, 'HEAD')), 'forwarded', 'and a HEAD none')
  })

  await t.test('a write at one node drops what the others hold, and lets one read pass', async t => {
    const town = await openTown(t, redis, 3)
    for (const isDeaf of [false, true]) {
      const path = town.envelope('sent')
      for (const node of [0, 1, 2, 1, 1]) await town.at(node, path)
      // Those who listen lose their connection, and with it the message.
      if (isDeaf) await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await town.write(0, path)
      const before = town.arrivals()
      const read = await town.at(1, path)
      t.equal(outcome(read), 'forwarded', isDeaf ? 'though the message was lost' : 'told at once')
      for (const node of [2, 0, 1]) {
        const got = await town.at(node, path)
        t.equal(outcome(got), 'remembered')
        t.ok(got.body.equals(read.body))
      }
      t.equal(town.arrivals(), before + 1)
      if (isDeaf) await pause(300)
    }
  })

  await t.test('what was on its way while another node wrote is shown to nobody else', async t => {
    const town = await openTown(t, redis, 3)
    for (const node of [0, 1, 2]) await town.at(node, town.envelope())
    for (const [isDeaf, status] of [
      [false, 'sent'],
      [true, 'sent'],
      [true, 'completed'],
    ] as const) {
      const path = town.envelope(status)
      town.slow(path, 500)
      const reading = town.at(1, path)
      await pause(150)
      if (isDeaf) await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await town.write(0, path)
      t.equal(outcome(await reading), 'forwarded')
      await pause(30)
      const before = town.arrivals()
      for (const node of [2, 1, 0]) {
        const is = node === 2 ? 'forwarded' : 'remembered'
        t.equal(outcome(await town.at(node, path)), is, isDeaf ? 'the message was lost' : 'told at once')
      }
      t.equal(town.arrivals(), before + 1)
      if (isDeaf) await pause(300)
    }
  })

  await t.test(
    'a token that DocuSign refuses at one node is refused at all, though the message is lost',
    async t => {
      for (const isDeaf of [false, true]) {
        const town = await openTown(t, redis, 2)
        const path = town.envelope()
        const token = town.simulator.issueToken(town.userId, { expiresIn: 1e6 })
        const own = { authorization: `Bearer ${token}` }
        for (const node of [0, 1]) await town.at(node, path, own)
        t.equal(outcome(await town.at(1, path, own)), 'remembered')
        await town.control('/tokens/revoke', { token })
        if (isDeaf) await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
        t.equal((await town.at(0, `${path}/audit_events`, own)).status, 401)
        // A message that is missed is noticed when the next one comes, or none has for some seconds.
        await pause(isDeaf ? 2_600 : 50)
        const got = await town.at(1, path, own)
        t.equal(got.status, 401, isDeaf ? 'the message was lost' : 'told at once')
        const other = await town.at(1, path)
        t.equal(outcome(other), 'remembered', 'another token of the same user is as good as before')
      }
    },
  )

  await t.test('who is refused an envelope at one node loses its copies at all', async t => {
    for (const withKey of [true, false]) {
      const town = await openTown(t, redis, 2, withKey ? {} : { GOVERNOR_CACHE_ENCRYPTION_KEY: '' })
      const path = town.envelope('sent')
      const other = withKey ? path : `${path}/recipients`
      await town.at(0, path)
      await town.at(1, other)
      town.simulator.faults.set([{ match: { pathIncludes: '/lock' }, kind: 'status', status: 404, times: 1 }])
      t.equal((await town.at(0, `${path}/lock`)).status, 404)
      await pause(50)
      const before = town.arrivals()
      t.equal(outcome(await town.at(1, other)), 'forwarded', 'he reads it once more')
      t.equal(outcome(await town.at(1, other)), 'remembered')
      if (withKey) t.equal(outcome(await town.at(0, other)), 'remembered')
      t.equal(town.arrivals(), before + 1)
    }
  })

  await t.test('a copy for all of an account is for none whom another node saw refused', async t => {
    for (const isDeaf of [false, true]) {
      const town = await openTown(t, redis, 2, { GOVERNOR_CACHE_SHARE: 'account' })
      const path = town.envelope()
      const [, other] = town.simulator.users()
      const token = town.simulator.issueToken(other?.userId ?? '', { expiresIn: 1e6 })
      const own = { authorization: `Bearer ${token}` }
      await town.at(0, path)
      t.equal(outcome(await town.at(1, path, own)), 'remembered', 'it is everybody’s')
      if (isDeaf) await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
      town.simulator.faults.set([{ match: { pathIncludes: '/lock' }, kind: 'status', status: 403, times: 1 }])
      t.equal((await town.at(0, `${path}/lock`, own)).status, 403)
      if (!isDeaf) await pause(50)
      t.not(
        outcome(await town.at(1, path, own)),
        'remembered',
        isDeaf ? 'the message was lost' : 'told at once',
      )
      t.equal(outcome(await town.at(1, path)), 'remembered', 'and still everybody else’s')
    }
  })

  await t.test('a purge at one node is one at all', async t => {
    const town = await openTown(t, redis, 2, { GOVERNOR_POLLING_WITHOUT_COPY: 'pass' })
    for (const which of [
      (id: string) => ({ envelope: id }),
      () => ({ account: town.account.split('/').at(-1) }),
      () => ({}),
    ]) {
      const path = town.envelope()
      for (const node of [0, 1, 1]) await town.at(node, path)
      const told = await fetch(`${town.nodes[0]?.adminUrl}/cache/purge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(which(path.slice(path.lastIndexOf('/') + 1))),
      })
      t.equal(told.status, 200)
      await pause(50)
      t.equal(outcome(await town.at(1, path)), 'forwarded', JSON.stringify(which('ID')))
    }
  })

  await t.test('that an envelope has reached its end is known at all nodes', async t => {
    const town = await openTown(t, redis, 2)
    const path = town.envelope('completed')
    await town.at(0, path)
    await pause(20)
    const documents = await town.at(1, `${path}/documents`)
    t.equal(outcome(documents), 'forwarded')
    const got = await town.at(0, `${path}/documents`)
    t.match(String(got.headers['cache-status']), /hit; ttl=8\d{4}/, 'its parts are final from the first read')
  })

  await t.test('an app is known by the integration key that another node was told', async t => {
    const town = await openTown(t, redis, 2, { GOVERNOR_CACHE_ENCRYPTION_KEY: '' })
    const path = town.envelope('sent')
    const [{ integrationKey, privateKeyPem } = { integrationKey: '', privateKeyPem: '' }] =
      town.simulator.credentials().integrationKeys
    const iat = Math.floor(Date.now() / 1000)
    const claims = {
      iss: integrationKey,
      aud: town.simulator.credentials().audience,
      iat,
      exp: iat + 3_600,
      scope: 'signature impersonation',
    }
    const tokens: string[] = []
    for (const { userId } of town.simulator.users().slice(0, 2)) {
      const body = new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: makeAssertion({ ...claims, sub: userId }, privateKeyPem),
      })
      const told = await fetch(`${town.nodes[0]?.url}/oauth/token`, { method: 'POST', body })
      const { access_token: token = '' } = (await told.json()) as { access_token?: string }
      t.ok(token.length > 10, 'a token was issued')
      tokens.push(token)
    }
    await pause(50)
    const [one, other] = tokens.map(token => ({ authorization: `Bearer ${token}` }))
    t.equal(outcome(await town.at(0, path, one)), 'forwarded')
    t.equal(refusal(await town.at(1, path, other)), 'poll-too-soon', 'two users of one app')
    t.equal(outcome(await town.at(1, path)), 'forwarded', 'and of none')
  })

  await t.test('where an account lives is known at all nodes', async t => {
    const town = await openTown(t, redis, 1)
    const path = town.envelope()
    await town.at(0, '/oauth/userinfo')
    await pause(50)
    const astray = await town.live({ GOVERNOR_UPSTREAM_API: 'http://127.0.0.1:9' })
    await pause(150)
    const got = await town.get(astray.url, path)
    t.equal(got.status, 200)
  })

  await t.test('a node that is killed while it asks leaves an interval behind', async t => {
    const town = await openTown(t, redis, 1)
    await town.at(0, town.envelope())
    const path = town.envelope('sent')
    const child = await startChild(town)
    town.slow(path, 5_000)
    const before = town.arrivals()
    const asked = town.get(child.base, path).catch(() => undefined)
    await until('it to be on its way', () => town.arrivals() === before + 1)
    await child.kill()
    await asked
    const got = await town.at(0, path, AT_ONCE)
    t.equal(got.status, 429)
    t.equal(town.arrivals(), before + 1, 'and nobody asks again')
  })

  await t.test(
    'while Redis is frozen each node goes on with what it knows, and comes back by itself',
    async t => {
      const town = await openTown(t, redis, 2)
      const [final, polled] = [town.envelope(), town.envelope('sent')]
      for (const path of [final, polled]) await town.at(0, path)
      redis.freeze()
      const before = town.arrivals()
      let worstMs = 0
      const see = async (work: Promise<Got>, is: string) => {
        const { got, ms } = await timed(work)
        worstMs = Math.max(worstMs, ms)
        t.equal(outcome(got), is)
      }
      try {
        await see(town.at(0, final), 'remembered')
        await see(town.at(0, polled), 'remembered')
        t.equal(town.arrivals(), before)
        await see(town.at(1, final), 'forwarded')
        await see(town.at(1, final), 'remembered')
        await see(town.at(0, town.envelope('sent')), 'forwarded')
      } finally {
        redis.thaw()
      }
      t.ok(worstMs < 1_000, `the longest took ${Math.round(worstMs)} ms`)
      const path = town.envelope('sent')
      await untilShared(town)
      t.equal(outcome(await town.at(1, path)), 'forwarded')
      t.equal(outcome(await town.at(0, path)), 'remembered')
    },
  )

  await t.test('a Redis that lost all it knew is told again', async t => {
    for (const how of ['flushed', 'restarted'] as const) {
      const town = await openTown(t, redis, 2)
      const [polled, written] = [town.envelope('sent'), town.envelope('sent')]
      for (const path of [polled, written]) await town.at(0, path)
      if (how === 'flushed') await redis.ask('FLUSHALL')
      else await redis.restart()
      await untilShared(town)
      // That it was flushed is noticed within a second.
      await pause(1_200)
      const before = town.arrivals()
      const got = await town.at(1, polled)
      t.equal(refusal(got), 'poll-too-soon', `${how}: what was read is known, though not its copy`)
      t.equal(town.arrivals(), before)
      t.equal((await town.at(0, polled)).status, 200)
      t.ok(town.arrivals() <= before + 1, `${how}: a copy that nobody can vouch for is read once more`)
    }
  })

  await t.test('nothing in Redis can be read: no token, no id, no name, no body', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-dump-'))
    const open = await startRedis('--dir', folder, '--rdbcompression', 'no')
    t.teardown(async () => {
      await open.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    const town = await openTown(t, open, 2, {
      GOVERNOR_CACHE_SHARE: 'account',
      GOVERNOR_STATE_REDIS_PREFIX: 'canary',
    })
    const paths = [town.envelope(), town.envelope('sent')]
    await town.at(0, '/oauth/userinfo')
    for (const path of paths)
      for (const node of [0, 1]) await town.at(node, path, { 'x-docusign-sdk': 'canary-5501' })
    const first = await town.at(0, paths[0] ?? '')
    await town.at(0, `${paths[1]}/lock`)
    await town.write(0, paths[1] ?? '')
    for (const path of paths) await town.at(1, path)
    await pause(100)
    t.match(await open.ask('SAVE'), /OK/)
    const dump = readFileSync(join(folder, 'dump.rdb'))
    t.ok(dump.includes('canary:{'), 'the keys can be read')
    const subject = /"emailSubject":"([^"]+)"/.exec(String(first.body))?.[1] ?? ''
    t.ok(subject.length > 3)
    const account = town.account.split('/').at(-1) ?? ''
    const ids = paths.map(path => path.slice(path.lastIndexOf('/') + 1))
    const names = town.simulator.users().flatMap(({ userId, name, email }) => [userId, name, email])
    const secrets = [
      town.token,
      town.userId,
      account,
      subject,
      'emailSubject',
      'canary-5501',
      'restapi',
      ...ids,
      ...names,
    ]
    const found = secrets.filter(word => dump.includes(word) || dump.includes(word.replaceAll('-', '')))
    t.strictSame(found, [])
    const hashed = [town.token && `Bearer ${town.token}`]
      .map(word => keyOf(word))
      .concat(ids.map(id => keyOf('envelope', id)))
    t.strictSame(
      hashed.filter(word => dump.includes(word)),
      [],
      'nor a hash that one could try guesses on',
    )
  })

  await t.test('the vault keeps the contract of every vault', async t => {
    await redis.ask('FLUSHALL')
    const vaultKey = randomBytes(32)
    await vaultContract(t, () => {
      const facts = new Map<string, CopyFacts>()
      const prefix = randomBytes(6).toString('hex')
      return { isOpen: true, isShared: true, start: () => startShared(redis, prefix, vaultKey, facts) }
    })
  })

  await t.test('a question whose asker is gone counts as answered when its lease runs out', async t => {
    await redis.ask('FLUSHALL')
    const [one, other] = [
      openShared(redis, 'lease', { leaseMs: 1_000 }),
      openShared(redis, 'lease', { leaseMs: 1_000 }),
    ]
    t.teardown(() => Promise.all([one.close(), other.close()]))
    await until('both to be up', () => one.commons.isUp && other.commons.isUp)
    const kinds = async (commons: Commons, lease: string) => (await commons.ask(inquiry(lease)))?.kind
    t.equal(await kinds(one.commons, 'a'), 'go')
    t.equal(await kinds(one.commons, 'a'), 'go', 'who asks again is the same')
    t.equal(await kinds(other.commons, 'b'), 'pending')
    await pause(600)
    one.commons.renew([{ ...inquiry('a'), id: '' }])
    await pause(600)
    t.equal(await kinds(other.commons, 'b'), 'pending', 'it was renewed')
    await pause(600)
    const word = await other.commons.ask(inquiry('b'))
    t.match(word, { kind: 'inside' })
    t.ok(word?.kind === 'inside' && word.restMs > 59_000, 'from the end of the lease')
    one.commons.over({ ...inquiry('a'), id: '', answeredAgoMs: undefined })
    t.equal(await kinds(other.commons, 'b'), 'inside', 'and who comes back too late changes nothing')
    t.equal(await kinds(other.commons, 'c'), 'inside')
  })

  await t.test('what failed begins no interval, and the next may go', async t => {
    await redis.ask('FLUSHALL')
    const [one, other] = [openShared(redis, 'failed', {}), openShared(redis, 'failed', {})]
    t.teardown(() => Promise.all([one.close(), other.close()]))
    await until('both to be up', () => one.commons.isUp && other.commons.isUp)
    t.match(await one.commons.ask(inquiry('a')), { kind: 'go', isAfterWrite: false })
    one.commons.over({ ...inquiry('a'), id: '', answeredAgoMs: undefined })
    await pause(20)
    t.match(await other.commons.ask(inquiry('b')), { kind: 'go' })
    other.commons.over({ ...inquiry('b'), id: '', answeredAgoMs: 5 })
    await pause(20)
    t.match(await one.commons.ask(inquiry('c')), { kind: 'inside' })
    other.commons.written('envelope')
    await pause(50)
    t.match(await one.commons.ask(inquiry('d')), { kind: 'go', isAfterWrite: true })
    one.commons.over({ ...inquiry('d'), id: '', answeredAgoMs: 5 })
    await pause(20)
    t.match(await other.commons.ask(inquiry('e')), { kind: 'inside' }, 'once')
  })

  await t.test('in a Cluster all holds as it does without one', async t => {
    const cluster = await startRedis('--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1')
    t.teardown(() => cluster.stop())
    await cluster.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await untilSo('the Cluster to be one', async () =>
      (await cluster.ask('CLUSTER', 'INFO')).includes('state:ok'),
    )
    const town = await openTown(t, cluster, 2, {
      GOVERNOR_STATE_REDIS_URL: '',
      GOVERNOR_STATE_REDIS_CLUSTER: `127.0.0.1:${cluster.port}`,
    })
    await untilShared(town)
    const path = town.envelope('sent')
    t.equal(outcome(await town.at(0, path)), 'forwarded')
    t.equal(outcome(await town.at(1, path)), 'remembered')
    t.equal(outcome(await town.at(1, path)), 'remembered')
    await town.write(0, path)
    await pause(50)
    const before = town.arrivals()
    t.equal(outcome(await town.at(1, path)), 'forwarded')
    t.equal(outcome(await town.at(0, path)), 'remembered')
    t.equal(town.arrivals(), before + 1)
  })
})

const inquiry = (lease: string): Inquiry => ({
  account: 'account',
  envelope: 'envelope',
  how: 'claim',
  lease,
  pollKey: 'poll',
  candidates: [],
  askers: ['asker'],
  isShared: false,
  answeredAgoMs: undefined,
  intervalMs: 60_000,
  finalMs: 60_000,
  freshMs: 60_000,
})

/** As `state/open.ts` builds it. */
function openShared(
  redis: RedisServer,
  prefix: string,
  over: { leaseMs?: number; patienceMs?: number; vaultKey?: Buffer },
) {
  const clock = makeSystemClock()
  const config = redisSlice(
    settingsOf({
      GOVERNOR_STATE_KIND: 'redis',
      GOVERNOR_STATE_REDIS_URL: redis.url,
      GOVERNOR_STATE_REDIS_PREFIX: prefix,
      GOVERNOR_STATE_REDIS_COMMAND_TIMEOUT: '0.9',
    }),
    String,
  )
  if (!config) throw new Error('no Redis in the settings')
  const connection = makeConnection(config, clock)
  const { commons, vault } = makeCommons(
    { vaultKey: undefined, isCluster: false, keepMs: 1e11, intervalMs: 1e11, patienceMs: 450, ...over },
    {
      connection,
      clock,
      turns: makeTurns(),
      unexpected: error => {
        throw error
      },
    },
  )
  return {
    commons,
    vault,
    async close() {
      await commons.close()
      await connection.close()
    },
  }
}

/** Asks as a shield does: for leave before a copy is kept, and for one that another run has kept. */
function startShared(
  redis: RedisServer,
  prefix: string,
  vaultKey: Buffer,
  known: Map<string, CopyFacts>,
): VaultRun {
  const { commons, vault, close } = openShared(redis, prefix, { vaultKey, patienceMs: 5_000 })
  const found = new Set<string>()
  const ask = async (facts: CopyFacts, candidates: Inquiry['candidates']) => {
    await until('Redis to be there', () => commons.isUp)
    const { account, envelope, id } = facts
    const lease = randomBytes(6).toString('hex')
    const base = {
      ...inquiry(lease),
      account,
      envelope,
      pollKey: `poll of ${id}`,
      finalMs: 1e13,
      freshMs: 1e13,
    }
    return commons.ask({ ...base, how: candidates.length > 0 ? 'claim' : 'force', candidates })
  }
  return {
    vault: {
      ...vault,
      deposit(id, head) {
        const opening = ask(factsOf(id, 0), []).then(word => ({
          stamp: word?.stamp,
          deposit: vault.deposit(id, head),
        }))
        return {
          write: async chunk => (await opening).deposit.write(chunk),
          async keep(facts) {
            known.set(id, facts)
            const { stamp, deposit } = await opening
            // One that is not final is asked for inside its interval alone.
            const isKept = await deposit.keep({ ...facts, isFinal: true, stamp })
            if (isKept) found.add(id)
            return isKept
          },
          discard: () => void opening.then(({ deposit }) => deposit.discard()),
        }
      },
      async withdraw(id) {
        const facts = known.get(id)
        if (facts && !found.has(id)) {
          found.add(id)
          await ask(facts, [{ id, viewer: facts.viewer }])
        }
        return vault.withdraw(id)
      },
    },
    skewed: () => undefined,
    close,
  }
}
