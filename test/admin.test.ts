import { once } from 'node:events'
import { request, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { makeAdmin, type Admin, type AdminConfig, type AdminParts } from '../src/admin/admin.js'
import { PORT_LIMITS } from '../src/admin/port.js'
import { buildStatus } from '../src/admin/status.js'
import { makeSystemClock } from '../src/base/clock.js'
import { makeCaptures } from '../src/observe/captures.js'
import { makeMetrics } from '../src/observe/metrics.js'
import { IDLE } from './fixtures/idle.js'

const clock = makeSystemClock()
const CONFIG: AdminConfig = { host: '127.0.0.1', port: 0, token: undefined, hosts: [] }
const GUARD = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
}

interface Running {
  readonly admin: Admin
  readonly port: number
  readonly thrown: unknown[]
}

const STATUS = buildStatus({
  version: '1.2.3',
  startedMs: 1000,
  nowMs: 3500,
  accounts: [{ account: '42' }],
  cache: { hits: 0, misses: 3 },
  saved: { remembered: 0, coalesced: 0 },
})

async function start(
  t: Test,
  config: Partial<AdminConfig> = {},
  parts: Partial<AdminParts> = {},
  limits: Partial<typeof PORT_LIMITS> = {},
): Promise<Running> {
  const thrown: unknown[] = []
  const all: AdminParts = {
    metrics: makeMetrics({ maxAccounts: 1, version: '1.2.3' }, IDLE, clock),
    status: () => STATUS,
    quote: () => ({ startMs: 0, finishMs: 0, remaining: 0 }),
    purge: () => 0,
    captures: makeCaptures(name => name, clock),
    archive: () => Readable.from([]),
    golive: () => ({ wantedCalls: 20, integrations: [] }),
    page: status => ({ status, contentType: 'text/html', body: 'page' }),
    snapshot: () => ({}),
    ready: () => ({ ready: true }),
    ...parts,
  }
  const log = { unexpected: (error: unknown) => void thrown.push(error) }
  const admin = makeAdmin({ ...CONFIG, ...config }, all, log, clock, { ...PORT_LIMITS, ...limits })
  t.teardown(() => admin.stop())
  return { admin, port: (await admin.start()).port, thrown }
}

interface Got {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function ask(
  port: number,
  path: string,
  headers: OutgoingHttpHeaders = {},
  method = 'GET',
  sent: string | Buffer = '',
): Promise<Got> {
  const req = request({ host: '127.0.0.1', port, path, method, headers, agent: false })
  req.end(sent)
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of res) body += String(chunk)
  return { status: res.statusCode, headers: res.headers, body }
}

function askPurge(
  port: number,
  body: string | Buffer,
  headers: OutgoingHttpHeaders = { 'content-type': 'application/json' },
): Promise<Got> {
  return ask(port, '/cache/purge', headers, 'POST', body)
}

/** Sends bytes as they are and returns all that came back until the other side closed. */
async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return readToEnd(socket)
}

function readToEnd(socket: Socket): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    socket.on('data', chunk => (text += chunk.toString()))
    // A reset is an end too; what came before it is what counts.
    socket.on('error', () => {})
    socket.once('close', () => resolve(text))
  })
}

void t.test('health, readiness, metrics and status are there, for GET and HEAD', async t => {
  const { port } = await start(t)
  const health = await ask(port, '/healthz')
  t.match(health, { status: 200, body: '{"status":"ok"}\n' })
  t.match(health.headers['content-type'], 'application/json')
  t.match(await ask(port, '/readyz?verbose=1'), { status: 200, body: '{"status":"ready"}\n' })
  const metrics = await ask(port, '/metrics')
  t.match(metrics.headers['content-type'], 'text/plain; version=0.0.4')
  t.match(metrics.body, 'docusign_governor_build_info{version="1.2.3"} 1')
  t.strictSame(JSON.parse((await ask(port, '/status')).body), STATUS)
  const head = await ask(port, '/status', {}, 'HEAD')
  t.match(head, { status: 200, body: '' })
  t.equal(head.headers['content-length'], String(JSON.stringify(STATUS).length + 1))
})

void t.test('a status knows what is unknown: null, and never 0', t => {
  const nothing = { limit: null, used: null, remaining: null }
  t.strictSame(STATUS, {
    version: '1.2.3',
    uptimeSeconds: 2.5,
    mode: null,
    accounts: [
      {
        account: '42',
        hour: { ...nothing, resetAt: null },
        burst: nothing,
        queue: { length: null, oldestWaitSeconds: null },
        foreignCalls: null,
        source: null,
      },
    ],
    cache: { entries: null, bytes: null, hits: 0, misses: 3 },
    saved: { remembered: 0, coalesced: 0 },
    nodes: [],
  })
  const account = {
    account: '42',
    hour: { limit: 3000, used: NaN, remaining: 0, resetAtSeconds: Date.UTC(2026, 10, 23, 13) / 1000 },
    burst: { limit: 500, used: 1, remaining: 499 },
    queue: { length: 2, oldestWaitMs: 1500 },
    foreign: 0,
    source: 'learned' as const,
  }
  const known = buildStatus({
    version: '1',
    startedMs: 0,
    nowMs: 0,
    mode: 'enforce',
    accounts: [
      account,
      { account: '43', hour: { resetAtSeconds: 1e300 }, foreign: 0, source: 'configured' },
      { account: '' },
    ],
    cache: { entries: 1, bytes: 2, hits: 3, misses: 4 },
    saved: { remembered: 5, coalesced: 6 },
    nodes: [{ id: 'a', version: '1', inHand: 3, waiting: 4, atMs: 1000 }],
  })
  t.strictSame(known.nodes, [
    { id: 'a', version: '1', inHand: 3, waiting: 4, at: '1970-01-01T00:00:01.000Z' },
  ])
  t.strictSame(known.accounts[0], {
    account: '42',
    hour: { limit: 3000, used: null, remaining: 0, resetAt: '2026-11-23T13:00:00.000Z' },
    burst: { limit: 500, used: 1, remaining: 499 },
    queue: { length: 2, oldestWaitSeconds: 1.5 },
    foreignCalls: 0,
    source: 'learned',
  })
  t.equal(known.accounts[1]?.hour.resetAt, null)
  t.equal(known.accounts[1]?.foreignCalls, null, 'without headers nobody knows of others')
  t.equal(known.accounts[2]?.account, 'none', 'paths that name no account have one budget')
  let asked = 0
  function* many() {
    for (;;) yield { account: String(asked++) }
  }
  const cache = { hits: 0, misses: 0 }
  const saved = { remembered: 0, coalesced: 0 }
  const long = buildStatus({ version: '1', startedMs: 0, nowMs: 0, accounts: many(), cache, saved })
  t.strictSame([long.accounts.length, long.accounts[0]?.account], [1000, '0'], 'no more than can be read')
  t.match(known, { mode: 'enforce', cache: { entries: 1, bytes: 2 }, saved: { remembered: 5, coalesced: 6 } })
  t.end()
})

void t.test('a quote says when so many calls could be done, by the clock of the wall', async t => {
  const asked: unknown[] = []
  const quote: AdminParts['quote'] = question => {
    asked.push(question)
    return { startMs: 1500, finishMs: 90_000.4567, remaining: 7 }
  }
  const { port } = await start(t, {}, { quote })
  const guid = '0B1D2C3E-1111-4222-8333-444455556666'
  const json = { 'content-type': 'application/json; charset=utf-8' }
  const beforeMs = Date.now()
  const got = await ask(port, '/quote', json, 'POST', JSON.stringify({ account: guid, calls: 500 }))
  const afterMs = Date.now()
  t.match(got, { status: 200, headers: GUARD })
  const told = JSON.parse(got.body) as Record<string, unknown>
  t.match(told, { seconds: 90, remaining: 7 })
  t.strictSame(Object.keys(told), ['startAt', 'finishAt', 'seconds', 'remaining'])
  const startMs = Date.parse(String(told['startAt']))
  t.ok(startMs >= beforeMs + 1500 && startMs <= afterMs + 1500, 'ISO 8601, UTC')
  t.equal(Date.parse(String(told['finishAt'])) - startMs, 88_500)
  await ask(port, '/quote?x=1', json, 'POST', '{"account":"12345678","calls":1000000,"priority":"low"}')
  t.strictSame(asked, [
    { account: guid.toLowerCase(), calls: 500, priority: 'normal' },
    { account: '12345678', calls: 1_000_000, priority: 'low' },
  ])
})

void t.test('a quote that is asked wrongly is told what is wrong, and nothing is computed', async t => {
  const { port, thrown } = await start(t, {}, { quote: () => t.fail('asked') as never })
  const post = (
    body: string | Buffer,
    headers: OutgoingHttpHeaders = { 'content-type': 'application/json' },
  ) => ask(port, '/quote', headers, 'POST', body)
  const wrong: readonly (string | Buffer)[] = [
    '',
    '[]',
    'null',
    '"secret"',
    '{"account":"1","calls":1',
    Buffer.from('{"account":"1\xff","calls":1}', 'latin1'),
    '{"calls":1}',
    '{"account":1,"calls":1}',
    '{"account":"","calls":1}',
    '{"account":"secret","calls":1}',
    `{"account":"${'1'.repeat(101)}","calls":1}`,
    '{"account":"1"}',
    '{"account":"1","calls":0}',
    '{"account":"1","calls":-1}',
    '{"account":"1","calls":1.5}',
    '{"account":"1","calls":1000001}',
    '{"account":"1","calls":1e400}',
    '{"account":"1","calls":"1"}',
    '{"account":"1","calls":1,"priority":"secret"}',
    '{"account":"1","calls":1,"priority":null}',
    '{"account":"1","calls":1,"prioriti":"low"}',
    '{"account":"1","calls":1,"__proto__":{}}',
  ]
  for (const body of wrong) {
    const got = await post(body)
    t.equal(got.status, 400, String(body))
    t.match(JSON.parse(got.body), { errorCode: 'GOVERNOR_BAD_REQUEST', message: /.{20}/ })
    t.notMatch(got.body, 'secret', 'what was sent is not echoed')
  }
  const good = '{"account":"1","calls":1}'
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', undefined]) {
    const got = await post(good, type === undefined ? {} : { 'content-type': type })
    t.equal(got.status, 415, type ?? 'none')
  }
  const padded = (bytes: number) => good + ' '.repeat(bytes - good.length)
  t.equal((await post(padded(4097))).status, 413)
  const chunked = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
  t.equal((await post(padded(4097), chunked)).status, 413)
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
    t.match(await ask(port, '/quote', {}, method), { status: 405, headers: { allow: 'POST' } }, method)
  }
  t.strictSame(thrown, [])
})

void t.test('a purge says whose copies shall go, and how many went', async t => {
  const asked: unknown[] = []
  const purge: AdminParts['purge'] = question => asked.push(question)
  const { port } = await start(t, {}, { purge })
  const guid = '0B1D2C3E-1111-4222-8333-444455556666'
  const removed: string[] = []
  for (const one of [{}, { account: '12345678' }, { envelope: guid }, { account: guid, envelope: guid }]) {
    const got = await askPurge(port, JSON.stringify(one))
    t.match(got, { status: 200, headers: GUARD })
    removed.push(got.body)
  }
  t.strictSame(removed, ['{"removed":1}\n', '{"removed":2}\n', '{"removed":3}\n', '{"removed":4}\n'])
  const key = guid.toLowerCase()
  t.strictSame(asked, [{}, { account: '12345678' }, { envelope: key }, { account: key, envelope: key }])
})

void t.test('a purge that is asked wrongly is told what is wrong, and removes nothing', async t => {
  const { port, thrown } = await start(t, {}, { purge: () => t.fail('purged') as never })
  const wrong: readonly (string | Buffer)[] = [
    '',
    '[]',
    'null',
    '"secret"',
    '{',
    Buffer.from('{"account":"1\xff"}', 'latin1'),
    '{"account":1}',
    '{"account":null}',
    '{"account":""}',
    '{"account":"secret"}',
    '{"envelope":null}',
    '{"envelope":"12345678"}',
    '{"envelope":"*"}',
    '{"account":"1","envelope":"secret"}',
    '{"acount":"1"}',
    '{"__proto__":{}}',
  ]
  for (const body of wrong) {
    const got = await askPurge(port, body)
    t.equal(got.status, 400, String(body))
    t.match(JSON.parse(got.body), { errorCode: 'GOVERNOR_BAD_REQUEST', message: /.{20}/ })
    t.notMatch(got.body, 'secret', 'what was sent is not echoed')
  }
  for (const type of ['text/plain', 'application/jsonp', undefined]) {
    t.equal(
      (await askPurge(port, '{}', type === undefined ? {} : { 'content-type': type })).status,
      415,
      type ?? 'none',
    )
  }
  t.equal((await askPurge(port, '{}'.padEnd(4097))).status, 413)
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
    const got = await ask(port, '/cache/purge', {}, method)
    t.match(got, { status: 405, headers: { allow: 'POST' } }, method)
  }
  const closed = await start(t, { token: 'a-long-token-of-ours' }, { purge: () => t.fail('purged') as never })
  t.equal((await askPurge(closed.port, '{}')).status, 401, 'and it stands behind the gate')
  t.strictSame(thrown, [])
})

void t.test('a quote stands behind the same gate as all else', async t => {
  const token = 'a-long-token-of-ours'
  const { port } = await start(t, { token })
  const json = { 'content-type': 'application/json' }
  const bearer = { ...json, authorization: `Bearer ${token}` }
  const post = async (headers: OutgoingHttpHeaders) =>
    (await ask(port, '/quote', headers, 'POST', '{"account":"1","calls":1}')).status
  t.equal(await post(bearer), 200)
  t.equal(await post(json), 401)
  t.equal(await post({ ...bearer, host: 'evil.example' }), 403)
  t.equal(await post({ ...bearer, origin: 'https://evil.example' }), 403)
  t.equal(await post({ ...bearer, 'sec-fetch-site': 'cross-site' }), 403)
  t.equal(await post({ ...bearer, host: `localhost:${port}`, origin: `http://localhost:${port}` }), 200)
  const text = await sendRaw(
    port,
    `POST /quote HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 4096\r\nConnection: close\r\n\r\n${'{"account":"1","calls":1}'.padEnd(4096)}`,
  )
  t.match(text, /^HTTP\/1\.1 200 /, '4 KiB are taken')
})

void t.test('while draining, readiness says 503 and why; health stays', async t => {
  const { port } = await start(t, {}, { ready: () => ({ ready: false, reason: 'shutting-down' }) })
  const got = await ask(port, '/readyz')
  t.equal(got.status, 503)
  t.strictSame(JSON.parse(got.body), { errorCode: 'GOVERNOR_NOT_READY', message: 'shutting-down' })
  t.equal((await ask(port, '/healthz')).status, 200)
})

void t.test('a foreign Host gets 403 everywhere, an address or our own name is answered', async t => {
  const { port, admin } = await start(t, { host: 'localhost', hosts: ['Governor.internal'] })
  const ours = [
    'localhost',
    'LOCALHOST:9464',
    'live.localhost:1',
    'localhost.',
    '127.0.0.1',
    '10.1.2.3:80',
    '[::1]:9464',
    'governor.INTERNAL:9464',
  ]
  for (const host of ours) t.equal((await ask(port, '/status', { host })).status, 200, host)
  const foreign = [
    'evil.example',
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.1.evil.example',
    '127.1',
    '2130706433',
    '[::1].evil.example',
    '[::zz]',
    'localhost:9464:1',
    'localhost@evil.example',
    'localhost,evil.example',
    'governor.internal.evil.example',
  ]
  for (const host of foreign) {
    for (const path of ['/status', '/healthz', '/nowhere']) {
      const got = await ask(port, path, { host })
      t.equal(got.status, 403, `${host} ${path}`)
      t.match(JSON.parse(got.body), { errorCode: 'GOVERNOR_FOREIGN_HOST', message: String })
      t.notMatch(got.body, host, 'what was sent is not echoed')
    }
  }
  const none = ['1.0\r\n', '1.1\r\nConnection: close\r\n', '1.1\r\nHost:\r\nConnection: close\r\n']
  for (const rest of none) t.match(await sendRaw(port, `GET /healthz HTTP/${rest}\r\n`), /^HTTP\/1\.1 403 /)
  const twice = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n'
  t.match(await sendRaw(port, twice), /^HTTP\/1\.1 403 /, 'two of them')
  admin.configure({ ...CONFIG, hosts: ['evil.example'] })
  t.equal(
    (await ask(port, '/status', { host: 'evil.example' })).status,
    200,
    'a name can be added while running',
  )
  t.equal((await ask(port, '/status', { host: 'governor.internal' })).status, 403, 'and taken away')
})

void t.test('a page of another origin gets 403, one of ours is answered', async t => {
  const { port } = await start(t)
  const host = `localhost:${port}`
  const from = async (headers: OutgoingHttpHeaders) =>
    (await ask(port, '/healthz', { host, ...headers })).status
  t.equal(await from({ origin: `http://${host}` }), 200)
  t.equal(await from({ origin: `http://LOCALHOST:${port}` }), 200)
  t.equal(await from({ 'sec-fetch-site': 'same-origin' }), 200)
  t.equal(await from({ host: 'localhost', origin: 'https://localhost' }), 200, 'behind a TLS proxy')
  t.equal(await from({ 'sec-fetch-site': 'cross-site' }), 403)
  for (const origin of [
    'https://evil.example',
    'null',
    '',
    `http://localhost:${port + 1}`,
    `http://127.0.0.1:${port}`,
    `http://localhost.evil.example:${port}`,
    'not an origin',
  ]) {
    t.equal(await from({ origin }), 403, origin)
  }
})

void t.test('with a token set, only health and readiness are open', async t => {
  const token = 'a-long-token-ü'
  const { port, admin, thrown } = await start(t, { token })
  const bearer = (value: string) => ({ authorization: Buffer.from(value, 'utf8').toString('latin1') })
  t.equal((await ask(port, '/healthz')).status, 200)
  t.equal((await ask(port, '/readyz')).status, 200)
  for (const path of ['/metrics', '/status', '/nowhere', '//healthz', '/healthz/']) {
    const got = await ask(port, path)
    t.equal(got.status, 401, path)
    t.match(got.headers['www-authenticate'], /^Bearer/)
    t.equal((JSON.parse(got.body) as { errorCode: string }).errorCode, 'GOVERNOR_UNAUTHORIZED')
  }
  const wrong = [
    'Bearer',
    'Bearer ',
    'Bearer x',
    token,
    `Basic ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
  ]
  for (const value of wrong) t.equal((await ask(port, '/status', bearer(value))).status, 401, value)
  t.equal((await ask(port, '/status', bearer(`Bearer ${token}`))).status, 200)
  t.equal((await ask(port, '/metrics', bearer(`bearer ${token}`))).status, 200)
  t.equal((await ask(port, '/nowhere', bearer(`Bearer ${token}`))).status, 404)
  t.equal((await ask(port, '/status', { ...bearer(`Bearer ${token}`), host: 'evil.example' })).status, 403)
  admin.configure({ ...CONFIG, token: 'another' })
  t.equal(
    (await ask(port, '/status', bearer(`Bearer ${token}`))).status,
    401,
    'a token can be changed while running',
  )
  t.equal((await ask(port, '/status', bearer('Bearer another'))).status, 200)
  t.strictSame(thrown, [])
})

void t.test('every answer carries the guard headers, and every error the body of an error', async t => {
  const { port, thrown } = await start(
    t,
    {},
    {
      status: () => {
        throw new Error('secret')
      },
    },
  )
  const answers: readonly [number, Got][] = [
    [200, await ask(port, '/healthz')],
    [200, await ask(port, '/metrics')],
    [403, await ask(port, '/healthz', { host: 'evil.example' })],
    [404, await ask(port, '/nowhere')],
    [404, await ask(port, '/__proto__')],
    [404, await ask(port, 'http://evil.example/healthz')],
    [405, await ask(port, '/healthz', {}, 'DELETE')],
    [405, await ask(port, '/status', { expect: 'a miracle' }, 'POST')],
    [500, await ask(port, '/status')],
  ]
  for (const [status, got] of answers) {
    t.equal(got.status, status)
    t.match(got.headers, GUARD, String(status))
    if (status >= 400) t.match(JSON.parse(got.body), { errorCode: /^GOVERNOR_[A-Z_]+$/, message: /.{10}/ })
    t.notMatch(got.body, 'secret')
  }
  t.equal((await ask(port, '/healthz', {}, 'PUT')).headers.allow, 'GET, HEAD')
  t.match(thrown, [{ message: 'secret' }], 'what was thrown goes to the log')
  const noise = await sendRaw(port, 'this is no request\r\n\r\n')
  t.match(noise, /^HTTP\/1\.1 400 Bad Request\r\n/)
  for (const [name, value] of Object.entries(GUARD))
    t.match(noise.toLowerCase(), `${name}: ${value}`.toLowerCase())
  const large = await sendRaw(
    port,
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  )
  t.match(large, /^HTTP\/1\.1 431 /)
})

void t.test('whatever a client sends, the port answers the next one', async t => {
  let scrapes = 0
  const metrics = {
    contentType: 'text/plain',
    text: async () => {
      scrapes++
      await new Promise(resolve => setImmediate(resolve))
      return 'x'.repeat(1000)
    },
  }
  const { port, thrown } = await start(t, {}, { metrics })
  const line = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const last = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

  const pipelined = await sendRaw(port, line.repeat(500) + last)
  t.equal(pipelined.split('HTTP/1.1 200 OK').length - 1, 501, 'requests sent together are all answered')
  t.ok(scrapes < 500, `and share their scrapes: ${scrapes}`)

  const broken = await sendRaw(port, `${line}nonsense\r\n\r\n`)
  t.notMatch(broken, /400/, 'an error is not written into an answer under way')

  const hostile = [
    'GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET \0 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  ]
  for (const bytes of hostile) await sendRaw(port, bytes)

  const leavers = Array.from({ length: 50 }, () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(line.repeat(20), () => socket.resetAndDestroy())
    return once(socket, 'close')
  })
  await Promise.all(leavers)
  t.equal((await ask(port, '/healthz')).status, 200)
  t.strictSame(thrown, [])
})

void t.test('a body is read past up to 64 KiB, and no further', async t => {
  const { port } = await start(t)
  const get = (length: number) =>
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`
  const last = 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  const small = await sendRaw(port, get(65_536) + 'x'.repeat(65_536) + last)
  t.match(small, /200 OK.*ok.*200 OK.*ready/s, 'the connection goes on behind a small one')
  t.match(await sendRaw(port, get(65_537)), /^HTTP\/1\.1 413 .*Connection: close/s)
  t.match(await sendRaw(port, `${get(1e9).replace('GET', 'POST')}`), /^HTTP\/1\.1 405 .*Connection: close/s)

  const socket = connect(port, '127.0.0.1')
  const answer = readToEnd(socket)
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  let sent = 0
  while (!socket.destroyed && sent < 2000) {
    if (!socket.write(chunk))
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
    sent++
  }
  await answer
  t.ok(sent < 2000, `an endless one is cut off: after ${sent} chunks of 16 KiB`)
  const expecting = `${get(1e9).replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n')}`
  t.match(await sendRaw(port, expecting), /^HTTP\/1\.1 413 /, 'nobody is asked to go on')
})

void t.test('a request that does not come to its end is ended, and so is a connection too many', async t => {
  const limits = { connections: 3, headersMs: 50, requestMs: 100, checkMs: 20 }
  const { port } = await start(t, {}, {}, limits)
  t.match(await sendRaw(port, 'GET /healthz HTTP/1.1\r\nHost: loc'), /^HTTP\/1\.1 408 /, 'half a head')
  const half = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf'
  t.match(await sendRaw(port, half), /^(HTTP\/1\.1 408 .*)?$/s, 'half a body')

  const patient = await start(t, {}, {}, { connections: 3 })
  const sockets = Array.from({ length: 3 }, () => connect(patient.port, '127.0.0.1'))
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  t.equal(await sendRaw(patient.port, 'GET /healthz HTTP/1.0\r\n\r\n'), '', 'the fourth is closed unread')
  for (const socket of sockets) socket.destroy()
})

void t.test('a port that is taken is said so, by address and reason', async t => {
  const { port } = await start(t)
  const second = makeAdmin({ ...CONFIG, port }, {} as AdminParts, { unexpected: () => {} }, clock)
  await t.rejects(second.start(), { message: new RegExp(`127\\.0\\.0\\.1 port ${port}: .*\\(EADDRINUSE\\)`) })
})

void t.test(
  'stop closes what is idle, lets an answer finish, and does not wait for a deaf client',
  async t => {
    const scrapes: ((text: string) => void)[] = []
    const metrics = {
      contentType: 'text/plain',
      text: () =>
        new Promise<string>(resolve => {
          scrapes.push(resolve)
        }),
    }
    const { admin, port } = await start(t, {}, { metrics }, { closeMs: 200 })
    const idle = connect(port, '127.0.0.1')
    idle.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(idle, 'data')
    const deaf = connect(port, '127.0.0.1')
    deaf.write('GET /metr')
    const scrape = sendRaw(port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    while (scrapes.length === 0) await ask(port, '/healthz')
    const idleClosed = once(idle, 'close')
    const stopped = admin.stop()
    await idleClosed
    scrapes[0]?.('the last scrape')
    t.match(await scrape, /^HTTP\/1\.1 200 .*Connection: close.*the last scrape$/s)
    await stopped
    const refused = connect(port, '127.0.0.1')
    t.match(await once(refused, 'error'), [{ code: 'ECONNREFUSED' }])
  },
)
