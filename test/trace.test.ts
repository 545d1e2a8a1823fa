import fc from 'fast-check'
import { spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { makeDisguise } from '../src/base/disguise.js'
import { readTraceKey, traceKeyIn } from '../src/base/trace-key.js'
import { TRACE_VERSION, traceHeaderLine, traceLine, type TraceRecord } from '../src/base/trace.js'
import type { Seen } from '../src/base/types.js'
import { makeMark } from '../src/entry/marking.js'
import { makeTrace, type TraceEvent, type TraceParts } from '../src/observe/trace.js'
import { inOrder, merged } from '../src/plan/order.js'
import { pack, unpack } from '../src/plan/packed.js'
import { readAhead } from '../src/plan/read-ahead.js'
import { findTrace, readTrace, type TraceFault } from '../src/plan/read-trace.js'
import { readTraceLine } from '../src/plan/record.js'
import { callOf } from './fixtures/calls.js'
import { AT_ONCE, open } from './fixtures/governed.js'
import { ROOT } from './fixtures/governor.js'
import { makeHandClock, type HandClock } from './fixtures/hand-clock.js'

const MAIN = fileURLToPath(new URL('build/src/main.js', ROOT))
const MEBIBYTE = 1024 * 1024

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-trace-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function readAll(...paths: string[]): Promise<{ records: TraceRecord[]; faults: TraceFault[] }> {
  const faults: TraceFault[] = []
  const records: TraceRecord[] = []
  const onFault = (fault: TraceFault) => void faults.push(fault)
  for await (const batch of readTrace(await findTrace(paths), { onFault })) records.push(...batch)
  return { records, faults }
}

const traceFiles = (folder: string) => readdirSync(folder).filter(name => name !== 'trace.key')
const bytesOf = (folder: string) =>
  traceFiles(folder).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
const textOf = (path: string) =>
  (path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path)).toString('latin1')

const NOTHING: TraceRecord = {
  atMs: 1_764_000_000_000,
  app: '',
  account: '',
  envelope: '',
  resource: '',
  representation: '',
  viewer: '',
  route: 'other',
  service: 'api',
  method: 'GET',
  methodClass: 'read',
  priority: undefined,
  patienceMs: undefined,
  sharing: 'all',
  neverFinal: false,
  outcome: 'forwarded',
  status: undefined,
  reason: undefined,
  waitMs: 0,
  heldBy: undefined,
  durationMs: 0,
  attempts: [],
  saved: undefined,
  poll: undefined,
  bytes: 0,
  cut: false,
  kept: false,
  ended: undefined,
  limits: undefined,
}

// --- what is written ---

void t.test('a trace tells what became of every call, and nothing of what was in it', async t => {
  const folder = folderOf(t)
  const canary = (what: string) => `Canary-${what}-${randomBytes(9).toString('hex')}`
  const house = await open(t, {
    docusign: { accounts: 1 },
    settings: { GOVERNOR_TRACE_PATH: folder, GOVERNOR_POLLING_INTERVAL: '60' },
  })
  const [open1 = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  const [done = ''] = house.simulator.addEnvelopes({ status: 'completed' })
  const app = canary('app')
  const crm = { app }
  const told: [string, number][] = []
  const ask = async (path: string, asking: Parameters<typeof house.ask>[1] = crm) => {
    const { status, body } = await house.ask(path, asking)
    told.push([path, status])
    return body.toString()
  }
  const shown = await ask(`/envelopes/${open1}`)
  await ask(`/envelopes/${open1}`)
  await ask(`/envelopes/${open1}/recipients`)
  await ask(`/envelopes/${open1}?include=folders`)
  await ask(`/envelopes/${done.toUpperCase()}`)
  await ask(`/envelopes/${done}`)
  await ask(`/envelopes/${done}/documents`)
  await Promise.all([1, 2, 3].map(() => ask(`/templates?search_text=${canary('query')}`)))
  const token = canary('token')
  const headers = { authorization: `Bearer ${token}`, cookie: canary('cookie') }
  await ask(`/envelopes/${open1}`, { headers })
  const sent = canary('body')
  const json = { 'content-type': 'application/json', prefer: 'wait=7' }
  await ask(`/envelopes`, { method: 'POST', body: `{"emailSubject":"${sent}"}`, headers: json })
  await ask(`/${canary('path')}`)
  await house.ask(`//oauth/token`, { method: 'POST', body: `assertion=${canary('jwt')}` })
  await house.control('/limits', { burst: 2 })
  for (let i = 0; i < 4; i++) await ask(`/folders?n=${i}`, AT_ONCE)
  const metrics = await (await fetch(`${house.governor.adminUrl}/metrics`)).text()
  t.match(metrics, /^docusign_governor_trace_dropped_total 0$/m)
  const lines = house.governor.lines.map(line => JSON.parse(line) as Record<string, unknown>)
  const calls = lines.filter(({ msg, route }) => msg === 'call' && route !== undefined)
  await house.governor.stop()

  const { records, faults } = await readAll(folder)
  t.strictSame(faults, [])
  const ofLog = calls.map(({ outcome, code, saved, poll, reason, route, attempts }) =>
    JSON.stringify({ outcome, code, saved, poll, reason, route, attempts }),
  )
  const ofTrace = records.map(({ outcome, status: code, saved, poll, reason, route, attempts }) =>
    JSON.stringify({ outcome, code, saved, poll, reason, route, attempts: attempts.length }),
  )
  t.strictSame(ofTrace.sort(), ofLog.sort(), `the log and the trace agree on ${calls.length} calls`)

  const [first, again, recipients, folders, ended, remembered, documents] = records
  t.match(first, { outcome: 'forwarded', poll: 'first', kept: true, ended: undefined, sharing: 'all' })
  t.match(first?.limits, { hourLimit: 1000, others: 0 })
  t.match(again, { outcome: 'remembered', saved: 'poll', representation: first?.representation })
  t.match(recipients, { envelope: first?.envelope, kept: true })
  t.not(recipients?.resource, first?.resource)
  t.match(folders, { resource: first?.resource, neverFinal: true, reason: 'poll-too-soon' })
  t.not(folders?.representation, first?.representation)
  t.match(ended, { ended: 'now', poll: 'first' })
  t.match(remembered, { ended: 'before', saved: 'terminal', resource: ended?.resource })
  t.match(documents, { ended: 'before', envelope: ended?.envelope })
  t.equal(new Set(records.slice(0, 10).map(({ viewer }) => viewer)).size, 1, 'one viewer')
  const stranger = records.find(({ status }) => status === 401)
  t.match(stranger, { sharing: 'none', attempts: [{ status: 401 }] })
  t.not(stranger?.viewer, first?.viewer)
  const write = records.find(({ methodClass, service }) => methodClass === 'write' && service === 'api')
  t.match(write, { patienceMs: 7000, priority: 'high', representation: '' })
  t.ok(records.some(({ reason }) => reason === 'burst-spent'))

  // Whoever has the key and knows the name finds the app.
  const disguise = makeDisguise(readTraceKey(folder) ?? Buffer.alloc(0))
  t.equal(first?.app, disguise.of('app', app.toLowerCase()))
  const { keyId } = disguise
  t.ok(
    textOf(join(folder, traceFiles(folder)[0] ?? '')).startsWith(
      `{"trace":"docusign-governor","version":1,"key":"${keyId}"}\n`,
    ),
  )

  const { email = '' } = (JSON.parse(shown) as { sender?: { email?: string } }).sender ?? {}
  t.match(email, /@/)
  const secrets = [
    ...[house.token, token, app, sent, open1, done, email],
    ...house.accounts.flatMap(({ id, number }) => [id, number]),
    ...house.simulator.users().map(({ userId }) => userId),
  ]
  const text = traceFiles(folder)
    .map(name => name + textOf(join(folder, name)))
    .join('')
    .toLowerCase()
  t.notMatch(text, 'canary')
  for (const secret of secrets) {
    t.ok(secret.length > 5)
    const forms = [secret, secret.replaceAll('-', ''), Buffer.from(secret).toString('hex'), base64(secret)]
    for (const form of forms) t.notOk(text.includes(form.toLowerCase()), `${form.slice(0, 40)} is not there`)
  }
  for (const name of readdirSync(folder)) t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
})

/** As it stands at the beginning of a text; the last characters have a share in what follows. */
function base64(text: string): string {
  return Buffer.from(text).toString('base64').slice(0, -4)
}

void t.test('without trace.path nothing is marked, and nothing written', t => {
  const untouched = new Proxy({}, { get: () => t.fail('it was asked') }) as never
  t.equal(makeMark({ isOn: false, maxWaitMs: 1 }, untouched, untouched), undefined)
  t.end()
})

void t.test('the hashes are HMAC-SHA256, under a key that all runs in a folder share', t => {
  const folder = folderOf(t)
  const key = traceKeyIn(join(folder, 'new'))
  t.equal(key.length, 32)
  t.equal(statSync(join(folder, 'new', 'trace.key')).mode & 0o777, 0o600)
  t.strictSame(traceKeyIn(join(folder, 'new')), key)
  const expected = createHmac('sha256', key).update('viewer\0someone').digest('base64url').slice(0, 12)
  for (let i = 0; i < 2; i++) t.equal(makeDisguise(key).of('viewer', 'someone'), expected)
  t.not(makeDisguise(key).of('app', 'someone'), expected)
  t.not(makeDisguise(randomBytes(32)).of('viewer', 'someone'), expected)
  writeFileSync(join(folder, 'trace.key'), 'not a key\n')
  t.throws(() => traceKeyIn(folder), { code: 'trace.key holds no key' })
  t.end()
})

// --- where it is written ---

function makeSeen(i: number, atMs = NOTHING.atMs + i): Seen {
  const path = `/restapi/v2.1/accounts/1/envelopes/${i}`
  return {
    atMs,
    call: {
      ...callOf('1'),
      target: path,
      path,
      resource: path,
      route: '/v2.1/accounts/{accountId}/envelopes/{envelopeId}',
      app: { name: 'crm', label: 'crm', prefix: '' },
    },
    method: 'GET',
    outcome: 'forwarded',
    status: 200,
    reason: undefined,
    durationMs: 1,
    overheadMs: 1,
    waitMs: 0,
    attempts: [],
    bytesOut: i,
    cut: false,
    traceToken: undefined,
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 5_000; !isSo() && performance.now() < end;) await pause(5)
}

interface Writing {
  readonly folder: string
  readonly clock: HandClock
  readonly events: TraceEvent[]
  readonly trace: ReturnType<typeof makeTrace>
  /** Lets half a second pass, and the disk do its work. */
  rest(): Promise<void>
}

function startTrace(
  t: Test,
  over: Partial<TraceParts> = {},
  folder = folderOf(t),
  maxBytes = MEBIBYTE,
): Writing {
  const clock = makeHandClock(Date.now())
  const events: TraceEvent[] = []
  const tell = (event: TraceEvent) => void events.push(event)
  const trace = makeTrace({ path: folder, maxBytes }, { clock, tell, nameOf: name => name, ...over })
  const rest = async () => {
    clock.pass(500)
    await trace.flush()
  }
  return { folder, clock, events, trace, rest }
}

void t.test('files are closed by size and packed, and never take more than they may', async t => {
  const { folder, trace, rest, events } = startTrace(t)
  const total = 20_000
  let most = 0
  let packed = 0
  for (let i = 0; i < total; i++) {
    trace.seen(makeSeen(i))
    if (i % 250 !== 0) continue
    await rest()
    most = Math.max(most, bytesOf(folder))
    packed = Math.max(packed, traceFiles(folder).filter(name => name.endsWith('.gz')).length)
  }
  await trace.close()
  t.ok(most <= MEBIBYTE, `${most} bytes at most`)
  t.ok(most > MEBIBYTE / 2, 'and most of what it may')
  t.ok(packed > 0, `${packed} packed files`)
  t.equal(trace.dropped, 0)
  t.strictSame(events, [])
  const { records, faults } = await readAll(folder)
  t.strictSame(faults, [])
  t.equal(records.at(-1)?.bytes, total - 1)
  const firstKept = records[0]?.bytes ?? 0
  t.ok(firstKept > 0, `the first ${firstKept} are gone`)
  t.strictSame(
    records.map(({ bytes }) => bytes),
    Array.from({ length: total - firstKept }, (_, i) => firstKept + i),
    'and of the rest every one is there, once and in order',
  )
})

void t.test('files are closed by age, and what a dead run left behind is packed', async t => {
  const folder = folderOf(t)
  const before = startTrace(t, {}, folder)
  before.trace.seen(makeSeen(1))
  await before.trace.close()
  const [left = ''] = traceFiles(folder)
  const longAgo = (Date.now() - 3 * 3_600_000) / 1000
  utimesSync(join(folder, left), longAgo, longAgo)

  const { trace, clock, rest } = startTrace(t, {}, folder)
  trace.seen(makeSeen(2))
  await rest()
  await until(() => !traceFiles(folder).includes(left))
  t.ok(traceFiles(folder).includes(`${left}.gz`), 'packed')
  t.equal(traceFiles(folder).length, 2)
  clock.pass(3_599_000)
  await trace.flush()
  trace.seen(makeSeen(3))
  await rest()
  await rest()
  t.equal(traceFiles(folder).length, 2)
  clock.pass(1_000)
  trace.seen(makeSeen(4))
  await rest()
  const packed = () => traceFiles(folder).filter(name => name.endsWith('.gz')).length
  await until(() => packed() === 2 && traceFiles(folder).length === 3)
  t.strictSame([packed(), traceFiles(folder).length], [2, 3])
  await trace.close()
  const { records, faults } = await readAll(folder)
  t.strictSame([records.map(({ bytes }) => bytes), faults], [[1, 2, 3, 4], []])
})

void t.test('a full disk is said once, counted, and leaves no half line', async t => {
  let isFull = false
  const stored: { text: string }[] = []
  const full = Object.assign(new Error('full'), { code: 'ENOSPC' })
  const openFile = () => {
    const file = { text: '' }
    stored.push(file)
    const write = (bytes: Buffer, at: number) => {
      // Even then there is room for a few bytes more.
      const length = isFull ? 30 : bytes.length - at
      if (isFull && file.text.endsWith('HALF')) return Promise.reject(full)
      file.text += bytes.toString('latin1', at, at + length) + (isFull ? 'HALF' : '')
      return Promise.resolve({ bytesWritten: length, buffer: bytes })
    }
    const truncate = (length = 0) => Promise.resolve(void (file.text = file.text.slice(0, length)))
    return Promise.resolve({ write, truncate, close: () => Promise.resolve() } as never)
  }
  const { trace, rest, events } = startTrace(t, { openFile })
  const write = async (from: number, count: number) => {
    for (let i = from; i < from + count; i++) trace.seen(makeSeen(i))
    await rest()
  }
  await write(0, 10)
  isFull = true
  await write(10, 5)
  await write(15, 5)
  t.strictSame(events, [{ kind: 'failed', code: 'ENOSPC' }])
  t.equal(trace.dropped, 10)
  isFull = false
  await write(20, 10)
  await trace.close()
  t.strictSame(events.slice(1), [{ kind: 'recovered', dropped: 10 }])
  const lines = stored[0]?.text.trimEnd().split('\n').slice(1) ?? []
  t.equal(lines.length, 20)
  t.ok(lines.every(line => readTraceLine(line).kind === 'record'))
})

void t.test('a disk that is full when a file begins is not filled with empty ones', async t => {
  let isFull = true
  const openFile = async (path: string) => {
    writeFileSync(path, '')
    const write = (bytes: Buffer) =>
      isFull
        ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
        : Promise.resolve({ bytesWritten: bytes.length, buffer: bytes })
    await turn()
    return { write, truncate: () => Promise.resolve(), close: () => Promise.resolve() } as never
  }
  const { folder, trace, rest, events } = startTrace(t, { openFile })
  for (let i = 0; i < 5; i++) {
    trace.seen(makeSeen(i))
    await rest()
  }
  t.strictSame(traceFiles(folder), [])
  isFull = false
  trace.seen(makeSeen(5))
  await rest()
  t.equal(traceFiles(folder).length, 1)
  t.strictSame(events, [
    { kind: 'failed', code: 'ENOSPC' },
    { kind: 'recovered', dropped: 5 },
  ])
})

void t.test('a disk that takes nothing costs memory up to a bound, then lines, never calls', async t => {
  const { trace } = startTrace(t, { openFile: () => new Promise<never>(() => undefined) })
  for (let i = 0; i < 3_000; i++) trace.seen(makeSeen(i))
  await turn()
  t.ok(trace.dropped > 1_000 && trace.dropped < 3_000, `${trace.dropped} dropped`)
})

void t.test('a folder that cannot be is said, and calls go on', async t => {
  const file = join(folderOf(t), 'a-file')
  writeFileSync(file, '')
  const { trace, events } = startTrace(t, {}, join(file, 'below'))
  trace.seen(makeSeen(1))
  await trace.close()
  t.strictSame(events, [{ kind: 'failed', code: 'ENOTDIR' }])
  t.equal(trace.dropped, 1)
})

for (const [signal, missing] of [
  ['SIGKILL', 'kill -9 loses at most the last second'],
  ['SIGTERM', 'SIGTERM loses nothing'],
] as const) {
  void t.test(missing, async t => {
    const folder = folderOf(t)
    const env = {
      ...process.env,
      GOVERNOR_LISTEN_PORT: '0',
      GOVERNOR_ADMIN_PORT: '0',
      GOVERNOR_UPSTREAM_API: 'http://127.0.0.1:9',
      GOVERNOR_STATE_KIND: 'memory',
      GOVERNOR_TRACE_PATH: folder,
      GOVERNOR_LIMITS_MODE: 'observe',
    }
    const child = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    let url = ''
    const lines = createInterface(child.stdout)
    for await (const line of lines) {
      const { msg, url: told = '' } = JSON.parse(line) as { msg: string; url?: string }
      if (msg !== 'started') continue
      url = told
      break
    }
    child.stdout.resume()
    const ask = async (n: number) => (await fetch(`${url}/restapi/v2.1/accounts/1/users/${n}`)).arrayBuffer()
    for (let i = 0; i < 20; i++) await ask(i)
    if (signal === 'SIGKILL') await pause(1000)
    for (let i = 0; i < 5; i++) await ask(i)
    child.kill(signal)
    await once(child, 'exit')
    const { records, faults } = await readAll(folder)
    t.strictSame(faults, [])
    t.ok(records.length >= (signal === 'SIGKILL' ? 20 : 25), `${records.length} of 25`)
  })
}

// --- what is read ---

const hash = fc.stringMatching(/^[A-Za-z0-9_-]{12}$/)
const hashOrNone = fc.option(hash, { nil: '' })
const tenths = fc.integer({ min: 0, max: 1e9 }).map(n => n / 10)
const whole = fc.nat(2 ** 31 - 1)
const status = fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined })
function word<const W extends string>(...words: W[]): fc.Arbitrary<W | undefined> {
  return fc.option(fc.constantFrom(...words), { nil: undefined })
}

function plain<T>(of: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(of, { noNullPrototype: true })
}

const anyRecord: fc.Arbitrary<TraceRecord> = plain({
  atMs: fc.integer({ min: 0, max: 4e12 }),
  app: hashOrNone,
  account: hashOrNone,
  envelope: hashOrNone,
  resource: hashOrNone,
  representation: hashOrNone,
  viewer: hashOrNone,
  route: fc.constantFrom('other', '/v2.1/accounts/{accountId}', '/oauth/token'),
  service: fc.constantFrom('api', 'oauth'),
  method: fc.constantFrom('GET', 'PUT', 'other'),
  methodClass: fc.constantFrom('read', 'write', 'query'),
  priority: word('high', 'normal', 'low'),
  patienceMs: fc.option(whole, { nil: undefined }),
  sharing: fc.constantFrom('all', 'unkept', 'answer', 'none'),
  neverFinal: fc.boolean(),
  outcome: fc.constantFrom('forwarded', 'remembered', 'coalesced', 'refused', 'failed'),
  status,
  reason: word('hour-spent', 'poll-too-soon', 'state-unavailable'),
  waitMs: tenths,
  heldBy: word('hour', 'burst'),
  durationMs: tenths,
  attempts: fc.array(plain({ status, ms: tenths, refusedFor: word('hour', 'burst', 'other') }), {
    maxLength: 3,
  }),
  saved: word('terminal', 'poll', 'coalesce'),
  poll: word('first', 'remembered', 'refused', 'observed', 'read_after_write'),
  bytes: whole,
  cut: fc.boolean(),
  kept: fc.boolean(),
  ended: word('before', 'now'),
  limits: fc.option(
    plain({
      hourLimit: whole,
      burstLimit: whole,
      resetAtSeconds: fc.option(whole, { nil: undefined }),
      others: whole,
    }),
    { nil: undefined },
  ),
})

void t.test('what is written is read back, whatever it is', t => {
  fc.assert(
    fc.property(anyRecord, record => {
      const line = traceLine(record)
      t.ok(line.endsWith('}\n') && line.indexOf('\n') === line.length - 1)
      const read = readTraceLine(line.slice(0, -1))
      return t.strictSame(read, { kind: 'record', record })
    }),
  )
  t.end()
})

void t.test('a line that is damaged anywhere is never taken for another', t => {
  const line = traceLine({
    ...NOTHING,
    viewer: 'abcdefghijkl',
    attempts: [{ status: 200, ms: 1, refusedFor: 'hour' }],
  })
  for (let end = 0; end < line.length - 2; end++) {
    if (readTraceLine(line.slice(0, end)).kind !== 'fault') t.fail(line.slice(0, end))
  }
  const wrong: [string, string, RegExp][] = [
    ['"GET"', '"G T"', /^method is/],
    ['"class":"read"', '"class":"reed"', /^class has a word/],
    ['"class":"read",', '', /^class is missing/],
    ['abcdefghijkl', 'someone@x.yz', /^viewer is no hash/],
    ['"at":1', '"at":-1', /^at is no number/],
    ['[200,1,', '[2000,1,', /^status is/],
    ['[200,1,', '[200,-1,', /^an attempt has no time/],
    ['"hour"]', '"week"]', /^an attempt has a word/],
    ['"other"', '"/a?b"', /^route is/],
    ['"class":"read"', '"class":"toString"', /^class has a word/],
  ]
  for (const [sound, damaged, message] of wrong) {
    t.ok(line.includes(sound), sound)
    t.match(readTraceLine(line.trimEnd().replace(sound, damaged)), { kind: 'fault', message })
  }
  t.match(readTraceLine('[]'), { kind: 'fault' })
  t.match(readTraceLine('{"trace":"x"}'), { kind: 'fault', message: /header/ })
  t.end()
})

void t.test('damaged, truncated and mixed files are told by file and line, and the rest is used', async t => {
  const folder = folderOf(t)
  const file = (name: string, text: string | Buffer) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const header = traceHeaderLine({ version: TRACE_VERSION, key: 'kkkkkkkkkkkk' })
  const [one, two, three] = [1, 2, 3].map(n =>
    traceLine({ ...NOTHING, atMs: NOTHING.atMs + n, bytes: n }),
  ) as [string, string, string]
  const later = traceHeaderLine({ version: 2, key: 'kkkkkkkkkkkk' })
  const other = traceHeaderLine({ version: TRACE_VERSION, key: 'llllllllllll' })
  const noise = randomBytes(200_000).toString('hex')
  const packed = gzipSync(header + one + two + noise)
  const long = `${'x'.repeat(3 * MEBIBYTE)}\n`
  const cases: [
    name: string,
    text: string | Buffer,
    bytes: number[],
    faults: [line: number, what: RegExp][],
  ][] = [
    ['sound', header + one + two, [1, 2], []],
    ['packed', gzipSync(header + one), [1], []],
    ['two packed', Buffer.concat([gzipSync(header + one), gzipSync(header + two)]), [1, 2], []],
    ['windows', (header + one + two).replaceAll('\n', '\r\n'), [1, 2], []],
    ['noise inside', `${header}${one}%&/\n${two}`, [1, 2], [[3, /no JSON/]]],
    ['half a line inside', header + one.slice(0, 50) + two + three, [3], [[2, /no JSON/]]],
    ['cut off', header + one + two.slice(0, -20), [1], [[3, /cut off/]]],
    ['no header', one + header + two, [2], [[1, /no header/]]],
    ['mixed', header + one + later + two + two + header + three, [1, 3], [[3, /version 2/]]],
    ['two keys', header + one + other + two, [1, 2], [[3, /another key/]]],
    ['empty', '', [], [[0, /empty/]]],
    ['too long a line', header + long + one, [1], [[2, /longer/]]],
    [
      'packed, cut off',
      packed.subarray(0, packed.length / 2),
      [1, 2],
      [
        [4, /no JSON/],
        [4, /ends here/],
      ],
    ],
    [
      'packed, damaged',
      Buffer.concat([packed.subarray(0, 100_000), randomBytes(20_000)]),
      [1, 2],
      [
        [4, /no JSON/],
        [4, /damaged here/],
      ],
    ],
    ['only one byte', Buffer.from([0x1f]), [], [[1, /no JSON/]]],
  ]
  for (const [name, text, bytes, faults] of cases) {
    const path = file('case', text)
    const read = await readAll(path)
    t.strictSame(
      read.records.map(record => record.bytes),
      bytes,
      name,
    )
    t.equal(read.faults.length, faults.length, `${name}: ${JSON.stringify(read.faults)}`)
    for (const [i, [line, message]] of faults.entries()) {
      t.match(read.faults[i], { file: path, line, message }, name)
    }
  }
  await t.rejects(readAll(join(folder, 'gone')), { code: 'ENOENT' })
})

void t.test('a folder of several runs comes as one, by time', async t => {
  const folder = folderOf(t)
  const header = traceHeaderLine({ version: TRACE_VERSION, key: 'kkkkkkkkkkkk' })
  const at = (...seconds: number[]) =>
    header +
    seconds
      .map(n => traceLine({ ...NOTHING, atMs: Date.UTC(2026, 10, 25, 12) + n * 1000, bytes: n }))
      .join('')
  const put = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text)
  put('trace-20261125T120000000Z-aaaaaaaa-000001.ndjson.gz', gzipSync(at(1, 4)))
  // Its packing was done, and its end came before the plain file was gone.
  put('trace-20261125T120000000Z-aaaaaaaa-000001.ndjson', at(1, 4))
  put('trace-20261125T120010000Z-aaaaaaaa-000002.ndjson', at(12, 15))
  put('trace-20261125T120000000Z-bbbbbbbb-000001.ndjson', at(2, 3, 13))
  put('trace-20261125T120001000Z-bbbbbbbb-000002.ndjson.gz.part', 'half')
  put('imported.ndjson', at(5, 14))
  const { records, faults } = await readAll(folder)
  t.strictSame([records.map(({ bytes }) => bytes), faults], [[1, 2, 3, 4, 5, 12, 13, 14, 15], []])
})

void t.test('calls come in the order in which they came, not in which they ended', async t => {
  const anyCall = fc.record({ start: fc.nat(5_000), took: fc.nat(1_000) })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(anyCall, { maxLength: 40 }), { maxLength: 4 }), async lists => {
      const sources = lists.map(calls => ({
        fromMs: Math.min(Infinity, ...calls.map(({ start }) => start)),
        open: () => {
          const ended = calls.toSorted((a, b) => a.start + a.took - (b.start + b.took))
          return inOrder(
            batches(ended.map(({ start, took }) => ({ ...NOTHING, atMs: start, durationMs: took }))),
            1_000,
          )
        },
      }))
      const starts: number[] = []
      for await (const batch of merged(sources)) starts.push(...batch.map(({ atMs }) => atMs))
      const expected = lists.flatMap(calls => calls.map(({ start }) => start)).sort((a, b) => a - b)
      return t.strictSame(starts, expected)
    }),
    { numRuns: 50 },
  )
})

void t.test('calls that go from one thread to another in a few arrays come as they were', async t => {
  const word = fc.stringMatching(/^[\w-]{1,16}$/)
  const amount = fc.double({ min: 0, max: 1e13, noNaN: true })
  const perhaps = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined })
  const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
    fc.record(model, { noNullPrototype: true })
  const status = perhaps(fc.integer({ min: 100, max: 599 }))
  const refusedFor = fc.constantFrom('hour', 'burst', 'other', undefined)
  const attempts = fc.array(record({ status, ms: amount, refusedFor }), { maxLength: 3 })
  const limits = record({
    hourLimit: amount,
    burstLimit: amount,
    resetAtSeconds: perhaps(amount),
    others: amount,
  })
  const anyCall = record({
    atMs: amount,
    app: fc.oneof(word, fc.constant('')),
    account: word,
    envelope: word,
    resource: word,
    representation: word,
    viewer: word,
    route: word,
    service: fc.constantFrom('api', 'oauth'),
    method: word,
    methodClass: fc.constantFrom('read', 'write', 'query'),
    priority: perhaps(fc.constantFrom('high', 'normal', 'low')),
    patienceMs: perhaps(amount),
    sharing: fc.constantFrom('all', 'unkept', 'answer', 'none'),
    neverFinal: fc.boolean(),
    outcome: fc.constantFrom('forwarded', 'remembered', 'refused'),
    status,
    reason: perhaps(fc.constantFrom('hour-spent', 'bad-request')),
    waitMs: amount,
    heldBy: perhaps(fc.constantFrom('hour', 'burst')),
    durationMs: amount,
    attempts,
    saved: perhaps(fc.constantFrom('terminal', 'poll', 'coalesce')),
    poll: perhaps(fc.constantFrom('first', 'remembered')),
    bytes: amount,
    cut: fc.boolean(),
    kept: fc.boolean(),
    ended: perhaps(fc.constantFrom('before', 'now')),
    limits: perhaps(limits),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(anyCall, { maxLength: 20 }), async records => {
      const all = records as TraceRecord[]
      return t.strictSame(unpack(structuredClone(pack(all))), all)
    }),
    { numRuns: 100 },
  )
})

void t.test('a thread that reads ahead reads as one that does not, faults and all', async t => {
  const folder = folderOf(t)
  const lines = Array.from({ length: 3_000 }, (_, i) =>
    i % 700 === 699 ? '{"at":1\n' : traceLine({ ...NOTHING, atMs: (i * 7_919) % 100_000, bytes: i }),
  )
  writeFileSync(
    join(folder, 'one.ndjson'),
    traceHeaderLine({ version: TRACE_VERSION, key: 'keykeykeykey' }) + lines.join(''),
  )
  writeFileSync(
    join(folder, 'two.ndjson.gz'),
    gzipSync(traceHeaderLine({ version: TRACE_VERSION, key: 'keykeykeykey' }) + lines.join('')).subarray(
      0,
      -20,
    ),
  )
  const files = await findTrace([folder])
  const read = async (open: typeof readTrace) => {
    const records: TraceRecord[] = []
    const faults: TraceFault[] = []
    let bytes = 0
    const onFault = (fault: TraceFault) => void faults.push(fault)
    for await (const batch of open(files, { onFault, onBytes: more => void (bytes += more) }))
      records.push(...batch)
    return { records, faults, bytes }
  }
  const ahead = await read(readAhead)
  t.strictSame(ahead, await read(readTrace))
  t.equal(ahead.bytes, files.bytes)
  t.ok(ahead.faults.length > 8)
  // Whoever wants no more of it leaves no thread behind.
  for await (const batch of readAhead(files, { onFault: () => undefined })) {
    t.ok(batch.length > 0)
    break
  }
})

async function* batches(records: TraceRecord[]): AsyncGenerator<TraceRecord[]> {
  for (let i = 0; i < records.length; i += 7) {
    await turn()
    yield records.slice(i, i + 7)
  }
}
