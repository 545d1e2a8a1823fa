import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { buildStatus } from '../src/admin/status.js'
import type { Clock, Timer } from '../src/base/clock.js'
import type { Call, Seen } from '../src/base/types.js'
import { makeAccounts } from '../src/observe/accounts.js'
import type { LogDestination } from '../src/observe/destination.js'
import { describeError } from '../src/observe/fault.js'
import { makeLog, type Log } from '../src/observe/log.js'
import { makeMetrics, type Metrics } from '../src/observe/metrics.js'

const ACCOUNT = '0b1d2c3e-1111-4222-8333-444455556666'
const TRACE = '37c068f5-3768-4760-8284-df4611185918'
const ROUTE = '/restapi/v2.1/accounts/{accountId}/envelopes/{envelopeId}'
const CANARY =
  'eyJ0eXAiOiJNVCIsImFsZyI6IlJTMjU2Iiwia2lkIjoiNjgxODVmZjEifQ.AQoAAAABAAUABwCAcanary-canary-canary.c2lnbmF0dXJl'
const WALL_MS = Date.UTC(2026, 10, 23, 12)

const clock: Clock = {
  nowMs: () => 0,
  wallMs: () => WALL_MS,
  after: (): Timer => ({ refresh() {}, cancel() {} }),
}

function makeCall(over: Partial<Call> = {}): Call {
  return {
    kind: 'call',
    method: 'GET',
    methodClass: 'read',
    target: `/restapi/v2.1/accounts/${ACCOUNT}/envelopes/1?secret=1`,
    path: `/restapi/v2.1/accounts/${ACCOUNT}/envelopes/1`,
    query: 'secret=1',
    resource: `/restapi/v2.1/accounts/${ACCOUNT}/envelopes/1`,
    route: ROUTE,
    service: 'api',
    account: ACCOUNT,
    envelope: undefined,
    app: { name: 'billing', label: 'billing', prefix: '/apps/billing' },
    ...over,
  }
}

function makeSeen(over: Partial<Seen> = {}): Seen {
  return {
    atMs: WALL_MS,
    call: makeCall(),
    method: 'GET',
    outcome: 'forwarded',
    status: 200,
    reason: undefined,
    durationMs: 123.45678,
    overheadMs: 0.32109,
    waitMs: 0,
    attempts: [{ status: 200, durationMs: 120.0004 }],
    bytesOut: 2048,
    cut: false,
    traceToken: TRACE,
    ...over,
  }
}

function makeMemoryLog(level = 'info'): {
  log: Log
  written: () => string
  lines: () => Record<string, unknown>[]
} {
  let text = ''
  const destination: LogDestination = {
    write(line) {
      text += line
    },
    flush() {},
  }
  return {
    log: makeLog({ level }, destination, clock),
    written: () => text,
    lines: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as Record<string, unknown>),
  }
}

const makeTestMetrics = (maxAccounts = 200): Metrics => makeMetrics({ maxAccounts, version: '1.2.3' }, clock)

/** The samples of one metric: its label part (or '') and its value as they stand in the exposition. */
async function samples(metrics: Metrics, name: string): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const line of (await metrics.text()).split('\n')) {
    const [, labels = '', value] = /^([^{ ]+(?:\{.*\})?) (\S+)$/.exec(line) ?? []
    if (labels === name) found.set('', Number(value))
    if (labels.startsWith(`${name}{`)) found.set(labels.slice(name.length), Number(value))
  }
  return found
}

void t.test('a call is one line: what is named here, and nothing else', async t => {
  const { log, lines } = makeMemoryLog()
  log.call(makeSeen())
  log.call(
    makeSeen({
      call: makeCall({
        app: { name: 'Someone-new'.toLowerCase(), label: 'other', prefix: '/apps/Someone-new' },
      }),
      waitMs: 1500.00049,
      attempts: [
        { status: 429, durationMs: 10 },
        { status: 200, durationMs: 20.5 },
      ],
      cut: true,
      traceToken: undefined,
    }),
  )
  const time = '2026-11-23T12:00:00.000Z'
  const common = {
    account: ACCOUNT,
    route: ROUTE,
    method: 'GET',
    outcome: 'forwarded',
    code: 200,
    msg: 'call',
  }
  const [plain, rich] = lines()
  t.strictSame(plain, {
    level: 'info',
    time,
    app: 'billing',
    ...common,
    durationMs: 123.457,
    overheadMs: 0.321,
    upstreamMs: 120,
    attempts: 1,
    bytesOut: 2048,
    traceToken: TRACE,
  })
  t.strictSame(rich, {
    level: 'info',
    time,
    app: 'other',
    appName: 'someone-new',
    ...common,
    durationMs: 123.457,
    overheadMs: 0.321,
    waitMs: 1500,
    upstreamMs: 30.5,
    attempts: 2,
    bytesOut: 2048,
    cut: true,
  })
})

void t.test('a request that could not be read as a call has its line all the same', async t => {
  const { log, lines } = makeMemoryLog()
  const unread = { call: undefined, attempts: [], traceToken: undefined, bytesOut: 0 }
  log.call(makeSeen({ ...unread, outcome: 'refused', status: 400, reason: 'bad-request', method: 'other' }))
  t.strictSame(lines(), [
    {
      level: 'info',
      time: '2026-11-23T12:00:00.000Z',
      method: 'other',
      outcome: 'refused',
      code: 400,
      reason: 'bad-request',
      durationMs: 123.457,
      overheadMs: 0.321,
      attempts: 0,
      bytesOut: 0,
      msg: 'call',
    },
  ])
})

void t.test(
  'a 5xx of ours is a warning, one of DocuSign is not, and the level can be moved while running',
  async t => {
    const { log, lines } = makeMemoryLog()
    log.call(makeSeen({ status: 503 }))
    log.call(makeSeen({ outcome: 'refused', status: 429, reason: 'hour-spent' }))
    log.call(makeSeen({ outcome: 'refused', status: 503, reason: 'shutting-down' }))
    log.call(makeSeen({ outcome: 'failed', status: 502, reason: 'upstream-unreachable' }))
    log.call(makeSeen({ outcome: 'failed', status: undefined }))
    t.strictSame(
      lines().map(line => line['level']),
      ['info', 'info', 'warn', 'warn', 'warn'],
    )
    log.setLevel('warn')
    log.call(makeSeen())
    log.event('info', 'config-reloaded')
    t.equal(lines().length, 5, 'what is below the level is not written')
    log.setLevel('debug')
    log.event('debug', 'stopping')
    t.match(lines().at(-1), { level: 'debug', msg: 'stopping' })
    t.throws(() => log.setLevel('loud'))
  },
)

void t.test('nothing a caller writes forges a line or steers a terminal', async t => {
  const { log, lines, written } = makeMemoryLog()
  const hostile = [
    'x\n{"level":"error","msg":"forged"}',
    '\u001b[2J\u001b]0;owned\u0007',
    '\u009b31m',
    '\u202egnp.exe',
    'a\u2028b',
    '\ud800',
    '"}\r\n{"msg":"forged"}',
  ]
  for (const text of hostile) {
    const app = { name: text, label: 'other', prefix: `/apps/${text}` }
    log.call(makeSeen({ call: makeCall({ app, account: text }), method: text, traceToken: text }))
    log.event('warn', 'config-refused', { fault: text })
  }
  t.equal(lines().length, 2 * hostile.length, 'one line each')
  t.notOk(lines().some(line => line['msg'] === 'forged'))
  t.notMatch(written().replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
  for (const line of lines()) t.notMatch(Object.values(line).join(''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
})

void t.test('a token in any free place of a call is in no log line, no metric and no status', async t => {
  const { log, written } = makeMemoryLog('trace')
  const metrics = makeTestMetrics()
  const accounts = makeAccounts(10)
  const app = { name: CANARY, label: 'other', prefix: `/apps/${CANARY}` }
  const places: Partial<Call>[] = [
    { target: CANARY, path: CANARY, query: CANARY, resource: CANARY },
    { account: CANARY },
    { account: CANARY.toLowerCase() },
    { envelope: CANARY },
    { method: CANARY },
    { app },
    { app: { ...app, name: CANARY.toLowerCase() } },
  ]
  const seen = places.map(place => makeSeen({ call: makeCall(place), method: CANARY, traceToken: CANARY }))
  for (const one of seen) {
    log.call(one)
    metrics.seen(one)
    accounts.seen(one)
  }
  class CanaryError extends Error {
    readonly config = { headers: { Authorization: `Bearer ${CANARY}` } }
    override readonly name = CANARY
    readonly code = CANARY
  }
  log.unexpected(new CanaryError(`GET /x?access_token=${CANARY} failed`))
  log.unexpected(CANARY)
  log.unexpected({ headers: { Authorization: CANARY } })
  const status = buildStatus({
    version: '1.2.3',
    startedMs: 0,
    nowMs: 1,
    accounts: accounts.list().map(account => ({ account })),
    cache: metrics.tally(),
    saved: metrics.tally(),
  })
  t.equal(written().split('\n').length - 1, seen.length + 3, 'all of it was logged')
  t.equal(accounts.list().length, 1)
  const said = written() + (await metrics.text()) + JSON.stringify(status)
  for (const part of CANARY.split('.')) t.notMatch(said.toLowerCase(), part.toLowerCase())
})

void t.test('an error is described by name, code and place, never by its message', async t => {
  const secret = `token=${CANARY}\n    at secret (file:///${CANARY}.js:1:1)\n    at ${CANARY}`
  const error = Object.assign(new TypeError(secret), { code: 'ECONNRESET' })
  const fault = describeError(error)
  t.match(fault, { error: 'TypeError', code: 'ECONNRESET' })
  t.match(fault.stack, /observe\.test/, 'it says where')
  t.notMatch(JSON.stringify(fault), /eyJ|secret|token/)
  t.strictSame(describeError(null), { error: 'a thrown null' })
  t.strictSame(describeError(CANARY), { error: 'a thrown string' })
})

const HOUSE = `
  import { makeSystemClock } from '${new URL('../src/base/clock.js', import.meta.url).href}'
  import { makeFileDestination } from '${new URL('../src/observe/destination.js', import.meta.url).href}'
  import { makeLog } from '${new URL('../src/observe/log.js', import.meta.url).href}'
  const log = makeLog({ level: 'info' }, makeFileDestination(1, makeSystemClock()), makeSystemClock())
`

function runProgram(program: string): ChildProcess {
  const args = ['--input-type=module', '-e', HOUSE + program]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
}

async function readAll(child: ChildProcess): Promise<string[]> {
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(child, 'close')
  return text.split('\n').slice(0, -1)
}

void t.test('every line survives SIGTERM', async t => {
  const child = runProgram(`
    process.on('SIGTERM', () => { log.flush(); process.exit(0) })
    for (let i = 0; i < 50; i++) log.event('info', 'started', { i })
    process.send('written')
    setInterval(() => {}, 1000)
  `)
  const lines = readAll(child)
  await once(child, 'message')
  child.kill('SIGTERM')
  t.equal((await lines).length, 50)
  t.equal(child.exitCode, 0)
})

void t.test('an error, and all that was said before it, survives even SIGKILL', async t => {
  const child = runProgram(`
    for (let i = 0; i < 5; i++) log.event('info', 'started', { i })
    log.event('error', 'listener-failed')
    process.kill(process.pid, 'SIGKILL')
  `)
  const lines = await readAll(child)
  t.equal(child.signalCode, 'SIGKILL')
  t.equal(lines.length, 6)
  t.match(lines.at(-1), '"msg":"listener-failed"')
})

void t.test('a reader that has gone neither ends nor holds up the program', async t => {
  const child = runProgram(`
    process.once('message', () => {
      for (let i = 0; i < 1000; i++) log.event(i % 100 ? 'info' : 'error', 'started', { i })
      log.flush()
      process.exit(7)
    })
    process.send('ready')
  `)
  await once(child, 'message')
  child.stdout?.destroy()
  child.send('go')
  const [code] = (await once(child, 'exit')) as [number | null]
  t.equal(code, 7)
})

void t.test('a slow reader costs lines, not time, and the log says how many', async t => {
  const child = runProgram(`
    process.stdout // made non-blocking, as it is once anything was printed
    const pad = 'x'.repeat(900)
    for (let i = 0; i < 4000; i++) log.event('info', 'started', { i, pad })
    process.once('message', () => { log.flush(); process.disconnect() })
    process.send('written')
    const held = setInterval(() => {}, 1000)
    process.once('disconnect', () => { log.flush(); clearInterval(held) })
  `)
  await once(child, 'message')
  const all = readAll(child)
  child.send('the reader is back')
  const lines = (await all).map(line => JSON.parse(line) as { msg: string; lines?: number })
  const kept = lines.filter(line => line.msg === 'started').length
  const lost = lines
    .filter(line => line.msg === 'lines-lost')
    .reduce((sum, line) => sum + (line.lines ?? 0), 0)
  t.ok(lost > 0, 'the reader was too slow')
  t.ok(kept > 1000, 'a megabyte waited for it')
  t.equal(kept + lost, 4000)
})

void t.test('each number agrees with the calls it was read off', async t => {
  const metrics = makeTestMetrics()
  const write = makeCall({ method: 'POST', methodClass: 'write', account: undefined, route: 'other' })
  metrics.seen(makeSeen())
  metrics.seen(makeSeen())
  metrics.seen(makeSeen({ outcome: 'remembered', attempts: [], durationMs: 0.2 }))
  metrics.seen(makeSeen({ outcome: 'coalesced', attempts: [] }))
  metrics.seen(
    makeSeen({
      call: write,
      method: 'POST',
      outcome: 'failed',
      status: 502,
      reason: 'upstream-unreachable',
      attempts: [
        { status: undefined, durationMs: 5 },
        { status: 429, durationMs: 7 },
      ],
    }),
  )
  metrics.seen(
    makeSeen({
      call: undefined,
      method: 'BREW',
      outcome: 'refused',
      status: undefined,
      reason: 'bad-request',
      attempts: [],
    }),
  )
  const of = (name: string) => samples(metrics, `docusign_governor_${name}`)
  const get = `route="${ROUTE}",method="GET"`
  t.strictSame(
    await of('requests_total'),
    new Map([
      [`{app="billing",${get},outcome="forwarded",code="200"}`, 2],
      [`{app="billing",${get},outcome="remembered",code="200"}`, 1],
      [`{app="billing",${get},outcome="coalesced",code="200"}`, 1],
      ['{app="billing",route="other",method="POST",outcome="failed",code="502"}', 1],
      ['{app="other",route="other",method="other",outcome="refused",code="none"}', 1],
    ]),
  )
  t.strictSame(
    await of('upstream_requests_total'),
    new Map([
      [`{account="${ACCOUNT}",app="billing",${get},code="200"}`, 2],
      ['{account="none",app="billing",route="other",method="POST",code="none"}', 1],
      ['{account="none",app="billing",route="other",method="POST",code="429"}', 1],
    ]),
  )
  t.strictSame(
    await of('refusals_total'),
    new Map([
      ['{app="billing",reason="upstream-unreachable",mode="enforce"}', 1],
      ['{app="other",reason="bad-request",mode="enforce"}', 1],
    ]),
  )
  t.strictSame(await of('upstream_duration_seconds_count'), new Map([['', 4]]))
  t.strictSame(await of('overhead_seconds_count'), new Map([['', 6]]))
  const durations = await of('request_duration_seconds_count')
  t.equal(durations.get('{outcome="forwarded"}'), 2)
  t.equal(durations.size, 5, 'every outcome is there from the start')
  const buckets = await of('request_duration_seconds_bucket')
  t.equal(buckets.get('{le="0.1",outcome="forwarded"}'), 0)
  t.equal(buckets.get('{le="0.25",outcome="forwarded"}'), 2)
  t.equal(buckets.get('{le="60",outcome="forwarded"}'), 2)
  t.ok((await of('overhead_seconds_bucket')).has('{le="0.00005"}'))
  t.strictSame(metrics.tally(), { remembered: 1, coalesced: 1, hits: 1, misses: 2 })
  t.strictSame(await of('build_info'), new Map([['{version="1.2.3"}', 1]]))
  t.ok((await samples(metrics, 'process_cpu_seconds_total')).size === 1, 'the process tells of itself')
})

void t.test('the moment of the settings is that of the start, then of the last reload', async t => {
  let wallMs = WALL_MS
  const metrics = makeMetrics({ maxAccounts: 1, version: '1' }, { ...clock, wallMs: () => wallMs })
  const moment = () => samples(metrics, 'docusign_governor_config_reload_success_timestamp_seconds')
  t.strictSame(await moment(), new Map([['', WALL_MS / 1000]]))
  wallMs += 60_000
  metrics.configReloaded()
  t.strictSame(await moment(), new Map([['', WALL_MS / 1000 + 60]]))
})

void t.test(
  '10,000 invented accounts, apps, methods and codes make no more series than there is room for',
  async t => {
    const metrics = makeTestMetrics(50)
    for (let i = 0; i < 10_000; i++) {
      const app = { name: `app-${i}`, label: i % 2 ? 'other' : `label-${i}`, prefix: '' }
      const call = makeCall({
        account: i % 3 ? randomUUID() : `junk ${i}`,
        app,
        route: i % 5 ? ROUTE : `/r/${i}`,
      })
      metrics.seen(makeSeen({ call, method: `M${i}`, status: i, attempts: [{ status: 200, durationMs: 1 }] }))
    }
    const upstream = await samples(metrics, 'docusign_governor_upstream_requests_total')
    const accounts = new Set([...upstream.keys()].map(labels => /account="([^"]*)"/.exec(labels)?.[1]))
    t.ok(accounts.size <= 51, `${accounts.size} accounts`)
    t.ok(accounts.has('other'))
    const sum = (counts: Map<string, number>) => [...counts.values()].reduce((a, b) => a + b, 0)
    t.equal(sum(upstream), 10_000, 'every attempt is counted, under other if need be')
    const requests = await samples(metrics, 'docusign_governor_requests_total')
    t.equal(sum(requests), 10_000)
    t.ok(upstream.size <= 2001 && requests.size <= 2600, `${upstream.size} and ${requests.size} series`)
    const methods = new Set([...requests.keys()].map(labels => /method="([^"]*)"/.exec(labels)?.[1]))
    t.strictSame(methods, new Set(['other']))
  },
)

void t.test('a larger maxAccounts makes room at once, a smaller one takes no label away', async t => {
  const metrics = makeTestMetrics(1)
  const [one, two, three] = ['1', '2', '3'].map(account => makeSeen({ call: makeCall({ account }) }))
  const accounts = async () =>
    [...(await samples(metrics, 'docusign_governor_upstream_requests_total')).keys()].map(
      labels => /account="([^"]*)"/.exec(labels)?.[1],
    )
  metrics.seen(one!)
  metrics.seen(two!)
  t.strictSame(await accounts(), ['1', 'other'])
  metrics.setMaxAccounts(2)
  metrics.seen(two!)
  t.strictSame(await accounts(), ['1', 'other', '2'])
  metrics.setMaxAccounts(0)
  metrics.seen(one!)
  metrics.seen(three!)
  t.strictSame(await accounts(), ['1', 'other', '2'])
})

void t.test('a number that is none poisons neither a series nor a line', async t => {
  const metrics = makeTestMetrics()
  const { log, lines } = makeMemoryLog()
  for (const wrong of [NaN, -1, Infinity, -Infinity]) {
    const seen = makeSeen({
      durationMs: wrong,
      overheadMs: wrong,
      waitMs: wrong,
      bytesOut: wrong,
      status: wrong,
      attempts: [{ status: wrong, durationMs: wrong }],
    })
    metrics.seen(seen)
    log.call(seen)
  }
  metrics.seen(makeSeen())
  const text = await metrics.text()
  t.notMatch(text, /^docusign_governor_.* (?:Nan|NaN|[+-]Inf|-\d)/m)
  const sum = await samples(metrics, 'docusign_governor_request_duration_seconds_sum')
  t.equal(sum.get('{outcome="forwarded"}')?.toFixed(6), '0.123457')
  t.equal(lines().length, 4)
  t.notOk(lines().some(line => Object.values(line).includes(null)))
})

void t.test('the account that was called last comes first, and only so many are remembered', async t => {
  const accounts = makeAccounts(3)
  for (const account of ['1', '2', '3', '1', '4', undefined, 'junk']) {
    accounts.seen(makeSeen({ call: makeCall({ account }) }))
  }
  accounts.seen(makeSeen({ call: undefined }))
  t.strictSame(accounts.list(), ['4', '1', '3'])
})

const missing = spawnSync('promtool', ['--version']).error !== undefined
// In CI a check that was not made is a failure: there the tool is installed by the run itself.
const skip = missing && process.env['CI'] !== 'true' && 'promtool (Debian: prometheus) is not on the PATH'

void t.test('promtool finds nothing to say about the metrics', { skip }, async t => {
  const metrics = makeTestMetrics()
  metrics.seen(makeSeen({ reason: 'hour-spent', outcome: 'refused', status: 429 }))
  const check = spawnSync('promtool', ['check', 'metrics'], { input: await metrics.text(), encoding: 'utf8' })
  t.equal(check.error, undefined)
  t.strictSame({ status: check.status, said: check.stdout + check.stderr }, { status: 0, said: '' })
})
