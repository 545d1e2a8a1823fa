import fc from 'fast-check'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text as textFrom } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { makeDisguise } from '../src/base/disguise.js'
import { readTraceKey } from '../src/base/trace-key.js'
import { traceHeaderLine, TRACE_VERSION, type TraceRecord } from '../src/base/trace.js'
import { importLog, newTally, type ImportTally } from '../src/plan/import.js'
import { readTime } from '../src/plan/logs/entry.js'
import { formatOf, FORMATS, type Format } from '../src/plan/logs/formats.js'
import { makeHarCutter } from '../src/plan/logs/har.js'
import { makeProgress, progressLine } from '../src/plan/progress.js'
import { findTrace, readTrace } from '../src/plan/read-trace.js'
import { readTraceLine } from '../src/plan/record.js'
import { makeIdentify } from '../src/identify/identify.js'
import { makeRoutes } from '../src/identify/routes.js'
import { runTrace } from '../src/trace-command.js'
import { open } from './fixtures/governed.js'
import { ROOT } from './fixtures/governor.js'
import { makeHandClock } from './fixtures/hand-clock.js'

const ACCOUNT = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const ENVELOPE = '93be49ab-afa0-4adf-933c-f752070d71ec'
const BELOW = `/restapi/v2.1/accounts/${ACCOUNT}`
const E = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}'
const NOON_MS = Date.UTC(2026, 10, 25, 12)

const routeTable = readFileSync(new URL('config/docusign-routes.tsv', ROOT), 'utf8')
const identify = makeIdentify({ apps: [], isOurs: () => true }, makeRoutes(routeTable))
const disguise = makeDisguise(Buffer.alloc(32, 7))

interface Imported {
  readonly records: readonly TraceRecord[]
  readonly faults: readonly string[]
  readonly tally: ImportTally
  readonly isUnknown: boolean
}

async function imported(log: string | Buffer, format?: Format, pieceBytes = 65_536): Promise<Imported> {
  const bytes = Buffer.from(log)
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes))
  const tally = newTally()
  const faults: string[] = []
  const onFault = (line: number, message: string) => void faults.push(`${line}: ${message}`)
  let text = ''
  let isUnknown = false
  for await (const lines of importLog(
    Readable.from(pieces),
    format,
    { identify, disguise, onFault },
    tally,
  )) {
    if (lines === undefined) isUnknown = true
    else text += lines
  }
  const records = text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const read = readTraceLine(line)
      if (read.kind !== 'record') throw new Error(`${line}: not a record`)
      return read.record
    })
  return { records, faults, tally, isUnknown }
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-import-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const CRM = disguise.of('app', 'crm')
const named = {
  account: disguise.of('account', ACCOUNT),
  envelope: disguise.of('envelope', ENVELOPE),
}

// --- the formats, as their documentation has them ---

void t.test('nginx, combined, and with the times that many add', async t => {
  const line = (request: string, rest = '') =>
    `203.0.113.7 - - [25/Nov/2026:13:00:01 +0100] "${request}" 200 5316 "https://x.example/\\"a" "axios/1.7.2"${rest}\n`
  const get = `GET /apps/CRM${BELOW}/envelopes/${ENVELOPE.toUpperCase()}?include=tabs HTTP/1.1`
  const log =
    line(get) +
    line(get, ' 0.250') +
    line(get, ' rt=0.250 uct="0.001" uht="0.120" urt="0.100, 0.200"') +
    line(get, ' "203.0.113.9, 10.0.0.1" "0.250"') +
    line(`PUT ${BELOW}/envelopes/${ENVELOPE} HTTP/2.0`)
      .replace(' - - [', ' - ann [')
      .replace(' 200 ', ' 499 ') +
    line('\\x16\\x03\\x01\\x02') +
    line('GET /favicon.ico HTTP/1.1') +
    `::1 - - [25/Nov/2026:12:00:09 +0000] "GET /oauth/userinfo HTTP/1.1" 401 -\n`
  const { records, faults, tally } = await imported(log)
  t.strictSame(faults, [])
  t.match(tally, { lines: 8, calls: 6, others: 2, filled: { viewer: 5, time: 3, wholeTime: 2, bytes: 1 } })
  const [plain, timed, both, quoted, put, oauth] = records
  t.match(plain, {
    ...named,
    app: CRM,
    atMs: NOON_MS + 1000,
    route: E,
    method: 'GET',
    methodClass: 'read',
  })
  t.match(plain, {
    status: 200,
    bytes: 5316,
    durationMs: 400,
    attempts: [{ status: 200, ms: 400 }],
    sharing: 'all',
  })
  t.match(timed, { atMs: NOON_MS + 750, durationMs: 250, attempts: [{ ms: 250 }] })
  t.match(both, { atMs: NOON_MS + 750, durationMs: 250, attempts: [{ ms: 120 }] })
  t.match(quoted, { atMs: NOON_MS + 750, durationMs: 250 })
  t.equal(timed?.representation, plain?.representation)
  t.match(put, { app: '', methodClass: 'write', status: undefined, attempts: [{ status: undefined }] })
  t.equal(put?.viewer, disguise.of('viewer', 'ann'))
  t.equal(put?.resource, plain?.resource, 'one resource, however it is spelled')
  t.match(oauth, { service: 'oauth', route: '/oauth/userinfo', account: '', status: 401 })
})

void t.test('Envoy, its default format and Istio’s', async t => {
  const tail = '"10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "docusign" "10.0.2.1:80"'
  const log = [
    `[2026-11-25T12:00:00.310Z] "GET ${BELOW}/envelopes/${ENVELOPE}/recipients HTTP/2" 200 - 0 154 226 100 ${tail}`,
    `[2026-11-25T12:00:01.000Z] "POST ${BELOW}/envelopes HTTP/1.1" 0 DC 42 0 60000 - ${tail}`,
    `[2026-11-25T12:00:02.000Z] "GET ${BELOW}/users HTTP/1.1" 200 - via_upstream - "-" 0 33 12 11 ${tail} outbound|443||x - 10.0.0.2:443 - -`,
    `[2026-11-25T12:00:03.000Z] "- - -" 400 DPE 0 11 0 - "-" "-" "-" "-" "-"`,
  ].join('\n')
  const { records, faults, tally } = await imported(log)
  t.strictSame([faults, tally.others], [[], 1])
  t.match(records[0], {
    ...named,
    app: '',
    atMs: NOON_MS + 310,
    bytes: 154,
    durationMs: 226,
    attempts: [{ ms: 100 }],
  })
  t.match(records[1], { status: undefined, durationMs: 60_000, methodClass: 'write' })
  t.match(records[2], { bytes: 33, durationMs: 12, attempts: [{ status: 200, ms: 11 }] })
})

void t.test('AWS ALB, with whatever a newer one adds', async t => {
  const line = (times: string, status: string, url: string) =>
    `https 2026-11-25T12:00:01.000000Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 ${times} ${status} 0 57 "GET ${url} HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678" 1 2026-11-25T12:00:00.800000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_123456\n`
  const url = `https://www.example.com:443/docusign${BELOW}/envelopes/${ENVELOPE}`
  const log =
    line('0.001 0.150 0.000', '200 200', url) +
    line('-1 -1 -1', '460 -', url) +
    line('0 0 0', '200 200', 'https://x:443/')
  const { records, faults, tally } = await imported(log)
  t.strictSame([faults, tally.others], [[], 1])
  t.match(records[0], {
    ...named,
    app: '',
    atMs: NOON_MS + 849,
    bytes: 57,
    durationMs: 151,
    attempts: [{ ms: 150 }],
  })
  t.match(records[1], { status: undefined, durationMs: 400 })
})

const HAR = {
  log: {
    version: '1.2',
    creator: { name: 'a browser', version: '1' },
    pages: [{ id: 'page_1', title: '"entries":[{"a":1}]' }],
    entries: [
      {
        startedDateTime: '2026-11-25T13:00:00.000+01:00',
        time: 51.5,
        request: {
          method: 'GET',
          url: `https://demo.docusign.net${BELOW}/envelopes/${ENVELOPE}#x`,
          headers: [{ name: 'a', value: '}]{"[' }],
        },
        response: { status: 200, content: { size: 1234, text: '{"entries":[{}]}' }, bodySize: -1 },
        timings: { send: 0, wait: 40.25, receive: 1 },
      },
      {
        startedDateTime: '2026-11-25T12:00:01Z',
        request: { method: 'GET', url: 'https://x.example/y.png' },
        response: {},
      },
      {
        startedDateTime: '2026-11-25T12:00:02Z',
        time: 3,
        request: { method: 'POST', url: `https://demo.docusign.net${BELOW}/envelopes` },
        response: { status: 0, bodySize: 7 },
      },
      { startedDateTime: 'yesterday', request: {}, response: {} },
    ],
  },
}

void t.test('HAR 1.2, of a browser and of our own captures, in pieces, and what was cut off', async t => {
  for (const indent of [undefined, 2]) {
    for (const pieceBytes of [1, 7, 65_536]) {
      const { records, faults, tally } = await imported(
        JSON.stringify(HAR, undefined, indent),
        undefined,
        pieceBytes,
      )
      t.match(faults, [/^\d+: begins an entry without/])
      t.equal(faults.length, 1)
      t.match(tally, { calls: 2, others: 1, faults: 1 })
      t.match(records[0], {
        ...named,
        app: '',
        atMs: NOON_MS,
        bytes: 1234,
        durationMs: 51.5,
        attempts: [{ ms: 40.3 }],
      })
      t.match(records[1], { status: undefined, bytes: 7, methodClass: 'write' })
    }
  }
  const whole = JSON.stringify(HAR, undefined, 1)
  const cut = await imported(whole.slice(0, whole.indexOf('"POST"')))
  t.match(cut.records, [{ bytes: 1234 }])
  t.match(cut.faults, [/^\d+: begins an entry that is cut off/])
  t.end()
})

void t.test(
  'entries are cut out of a HAR whatever stands in them, and wherever it is broken into pieces',
  t => {
    const anyEntries = fc.array(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(anyEntries, fc.integer({ min: 1, max: 50 }), fc.nat(2), (entries, size, indent) => {
        const text = JSON.stringify(
          { log: { x: [{ a: [] }], entries, entriesAfter: [{}] } },
          undefined,
          indent,
        )
        const cutter = makeHarCutter()
        const found = []
        for (let at = 0; at < text.length; at += size) found.push(...cutter.take(text.slice(at, at + size)))
        t.equal(cutter.end(), undefined)
        return t.strictSame(
          found.map(entry => JSON.parse(entry.text ?? '') as unknown),
          JSON.parse(JSON.stringify(entries)),
        )
      }),
    )
    t.end()
  },
)

void t.test('our own log gives what the trace of the same run gives, as far as it knows', async t => {
  const folder = folderOf(t)
  const settings = { GOVERNOR_TRACE_PATH: folder, GOVERNOR_POLLING_INTERVAL: '60' }
  const house = await open(t, { docusign: { accounts: 1, burstLimit: 20 }, settings })
  const ids = [
    ...house.simulator.addEnvelopes({ status: 'sent', count: 3 }),
    ...house.simulator.addEnvelopes({ status: 'completed', count: 2 }),
  ]
  for (let round = 0; round < 3; round++) {
    for (const id of ids) await house.ask(`/envelopes/${id}`, { app: 'crm' })
  }
  await Promise.all([1, 2, 3, 4].map(() => house.ask('/templates', { app: 'Shop' })))
  for (let i = 0; i < 15; i++) await house.ask(`/users/${i}`, { headers: { prefer: 'wait=0' } })
  const log = house.governor.lines.join('')
  await house.governor.stop()
  const traced: TraceRecord[] = []
  for await (const batch of readTrace(await findTrace([folder]), { onFault: t.fail })) traced.push(...batch)

  const { records, faults, tally } = await imported(log)
  t.strictSame(faults, [])
  t.equal(tally.filled.envelope, 15)
  const wordsOf = ({ route, outcome, status, reason, saved, poll, bytes, methodClass }: TraceRecord) =>
    JSON.stringify({ route, outcome, status, reason, saved, poll, bytes, methodClass })
  t.strictSame(records.map(wordsOf).sort(), traced.map(wordsOf).sort())
  for (const record of records) {
    const twin = traced.find(
      one => Math.abs(one.atMs - record.atMs) <= 50 && wordsOf(one) === wordsOf(record),
    )
    t.ok(twin, `${record.route} came when it came`)
  }
  t.ok(records.some(({ ended }) => ended === 'before'))
  const envelopes = new Set(records.filter(({ poll }) => poll === 'first').map(({ envelope }) => envelope))
  t.equal(envelopes.size, 5, 'each that was asked for is one of its own')
  t.ok(
    records.every(({ saved, envelope, route }) => !saved || !route.startsWith(E) || envelopes.has(envelope)),
  )
})

void t.test('a word in our own log that is none makes no line of a trace', async t => {
  const line = (over: object) =>
    JSON.stringify({
      level: 'info',
      time: '2026-11-25T12:00:00.000Z',
      route: E,
      method: 'GET',
      outcome: 'forwarded',
      durationMs: 1,
      attempts: 1,
      msg: 'call',
      ...over,
    })
  const log = [
    line({}),
    line({ outcome: 'forwarded","viewer":"bob' }),
    line({ route: '/x","viewer":"bob' }),
    line({ msg: 'started' }),
    line({ route: undefined }),
    line({ durationMs: 'long' }),
    line({}).slice(0, -9),
    line({ attempts: 1e9 }),
  ].join('\n')
  const { faults, tally } = await imported(log)
  t.match(faults, [/^2: outcome has a word/, /^3: route is/, /^6: is no line of a call/, /^7: is no JSON/])
  t.match(tally, { lines: 8, calls: 2, others: 2, faults: 4 })
})

// --- a pattern of the user's own ---

void t.test('a pattern names its fields as nginx does, or in braces', async t => {
  const format = (pattern: string): Format => {
    const made = formatOf(pattern)
    if (typeof made === 'string') throw new Error(made)
    return made
  }
  const path = `${BELOW}/envelopes/${ENVELOPE}`
  const cases: [pattern: string, line: string, expected: object][] = [
    [
      '$msec $request_method $uri?$args $status',
      `1795608000.500 GET ${path}?a=1 429`,
      { atMs: NOON_MS + 500, status: 429, bytes: 2000, durationMs: 400 },
    ],
    [
      '{time}|{method}|{path}|{query}|{status}|{bytes}|{ms}|{app}|{user}',
      `2026-11-25 12:00:00+0000|get|${path}|a=1|200|9|70|CRM|ann`,
      {
        atMs: NOON_MS - 70,
        app: CRM,
        method: 'GET',
        bytes: 9,
        durationMs: 70,
        viewer: disguise.of('viewer', 'ann'),
      },
    ],
    [
      '${started} "$request" $ignored {upstream_ms} {seconds}s',
      `1795608000123 "GET ${path}?a=1 HTTP/1.1" whatever 20 0.030s`,
      { atMs: NOON_MS + 123, durationMs: 30, status: 200, attempts: [{ ms: 20 }] },
    ],
    [
      '[$time_local] $request_uri {method}',
      `[25/Nov/2026:12:00:00 +0000] ${path}?a=1 GET`,
      { atMs: NOON_MS },
    ],
  ]
  const representations = new Set<string>()
  for (const [pattern, line, expected] of cases) {
    const { records, faults } = await imported(`${line}\n\nnonsense\n`, format(pattern))
    t.match(records, [{ ...named, app: '', ...expected }], pattern)
    t.match(faults, [/^3: does not fit the pattern/], pattern)
    representations.add(records[0]?.representation ?? '')
  }
  t.equal(representations.size, 1, 'one question, however it is logged')
  t.match(await imported('soon GET /', format('{time} {method} {path}')), { faults: [/^1: has a time/] })

  t.match(formatOf('{method} {path}'), /no time/)
  t.match(formatOf('{time} {path}'), /no request/)
  t.match(formatOf('{time}{method} {path}'), /touch/)
  t.match(formatOf('apache'), /no format "apache": nginx, envoy/)
  t.equal(formatOf('envoy'), FORMATS.envoy)
  t.match(formatOf('toString'), /no format/)
})

void t.test('a time is read where it can mean one moment only', t => {
  const same = [
    '2026-11-25T12:00:00Z',
    '2026-11-25 13:00:00.000+01:00',
    '1795608000',
    '1795608000.000',
    '1795608000000',
    '25/Nov/2026:06:30:00 -0530',
  ]
  for (const text of same) t.equal(readTime(text), NOON_MS, text)
  for (const text of ['2026-11-25T12:00:00', '25/Foo/2026:06:30:00 -0530', 'now', '', '-', '12:00'])
    t.equal(readTime(text), undefined, text)
  t.end()
})

// --- the command ---

async function command(args: string[], stdin: Readable = Readable.from([])) {
  const clock = makeHandClock()
  const stdout = new PassThrough()
  let err = ''
  let said = ''
  const out = textFrom(stdout)
  const outcome = await runTrace(args, {
    clock,
    say: text => void (said += text),
    complain: text => void (err += `${text}\n`),
    show: text => void (err += text),
    stdin,
    stdout,
    columns: 0,
    routeTable,
  })
  stdout.end()
  return { outcome, err, said, out: await out }
}

/** That do not pack well. */
const randomLines = () =>
  Array.from({ length: 1_000 }, () => LINE(1).replace('10.0.0.1', randomBytes(8).toString('hex'))).join('')
const LINE = (n: number) =>
  `10.0.0.1 - - [25/Nov/2026:12:00:0${n} +0000] "GET /apps/crm${BELOW}/users/${n} HTTP/1.1" 200 10 "-" "x" 0.100\n`

void t.test(
  'trace import: files, gzip, standard input; what is damaged is told and the rest used',
  async t => {
    const folder = folderOf(t)
    const file = (name: string, text: string | Buffer) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const plain = file('a.log', `${LINE(1)}nonsense\n${LINE(2)}`)
    const packed = file('b.log', gzipSync(LINE(3)))
    const out = join(folder, 'out', 'trace.ndjson.gz')
    const { outcome, err } = await command(
      ['import', plain, packed, '-', '--out', out],
      Readable.from([Buffer.from(LINE(4))]),
    )
    t.equal(outcome, 'done', err)
    t.match(err, `${plain}:2: is not in this format`)
    t.match(err, /^5 lines read: 4 calls to DocuSign, 0 other lines, 1 damaged one\.$/m)
    t.match(err, /^From 2026-11-25 12:00:00 UTC to 2026-11-25 12:00:03 UTC\.$/m)
    t.match(err, /^ {2}who asks +one viewer for each app and account$/m)
    t.strictSame(readdirSync(join(folder, 'out')).sort(), ['trace.key', 'trace.ndjson.gz'])
    t.equal(statSync(out).mode & 0o777, 0o600)
    const faults: unknown[] = []
    const records: TraceRecord[] = []
    for await (const batch of readTrace(await findTrace([out]), {
      onFault: fault => void faults.push(fault),
    }))
      records.push(...batch)
    t.strictSame(faults, [])
    t.equal(records.length, 4)
    const own = makeDisguise(readTraceKey(join(folder, 'out')) ?? Buffer.alloc(0))
    t.equal(records[0]?.app, own.of('app', 'crm'))

    const piped = await command(['import', packed, '--key', join(folder, 'out')])
    t.equal(piped.out.split('\n')[0], traceHeaderLine({ version: TRACE_VERSION, key: own.keyId }).trim())
    t.equal(piped.out.trim().split('\n').length, 2)
    const many = await command(['import', file('many.log', LINE(1) + 'x\n'.repeat(50))])
    t.equal(many.err.match(/is not in this format/g)?.length, 20)
    t.match(many.err, '… and 30 more')
    const ended = await command(['import', file('cut.gz', gzipSync(randomLines()).subarray(0, -2_000))])
    t.equal(ended.outcome, 'done')
    t.match(ended.err, /cut\.gz:\d+: the gzip ends here before its end/)
    const none = await command(['import', file('none.gz', gzipSync(LINE(1)).subarray(0, 15))])
    t.match(none, { outcome: 'failed', err: /none\.gz:1: the gzip ends here/ })
  },
)

void t.test(
  'trace import: what is asked wrongly starts nothing, and what cannot be read is said',
  async t => {
    const folder = folderOf(t)
    const file = join(folder, 'a.log')
    writeFileSync(file, LINE(1))
    const wrong: [string[], RegExp][] = [
      [[], /^trace what\? import/],
      [['export', file], /no "trace export"/],
      [['import'], /^which log\?/],
      [['import', file, '--format', 'apache'], /^--format: there is no format/],
      [['import', file, '--formt', 'nginx'], /--formt/],
      [['import', join(folder, 'gone')], /cannot be read \(ENOENT\)/],
      [['import', folder], /is a folder/],
    ]
    for (const [args, says] of wrong)
      t.match(await command(args), { outcome: 'bad-usage', err: says, out: '' })
    t.match(await command(['--help']), { outcome: 'done', said: /^Usage:/, err: '' })
    const failing: [string[], RegExp][] = [
      [['import', file, '--format', 'envoy'], /a\.log:1: is not in this format\n1 line read: 0 calls/],
      [['import', file, '--out', join(file, 'x')], /could not be written \(ENOTDIR|EEXIST\)/],
    ]
    for (const [args, says] of failing) t.match(await command(args), { outcome: 'failed', err: says })
    writeFileSync(file, 'nothing\nthat is known\n')
    t.match(await command(['import', file]), { outcome: 'failed', err: /no format that is known/ })
  },
)

void t.test('the program itself: what goes in at one end comes out at the other, and its exit codes', t => {
  const main = fileURLToPath(new URL('build/src/main.js', ROOT))
  const run = (args: string[], input = '') =>
    spawnSync(process.execPath, [main, 'trace', ...args], { input, encoding: 'utf8' })
  const done = run(['import', '-'], LINE(1) + LINE(2))
  t.equal(done.status, 0, done.stderr)
  t.equal(done.stdout.split('\n').length, 4)
  t.match(done.stderr, /^2 lines read: 2 calls/)
  t.equal(run(['import', '-'], 'nothing\n').status, 1)
  t.equal(run(['import']).status, 2)
  t.end()
})

void t.test('progress is one line, no wider than the terminal, and says the time that is left', t => {
  t.equal(progressLine('reading', 0, 100, 0, 80), 'reading  [..............................]   0 %')
  t.equal(
    progressLine('reading', 25, 100, 1000, 80),
    'reading  [########......................]  25 %  3 s left',
  )
  t.match(progressLine('reading', 1, 1000, 1000, 80), /17 min left$/)
  t.equal(progressLine('reading', 12_345, undefined, 1000, 80), 'reading  12,345')
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.nat(1000),
      fc.nat(1e9),
      fc.integer({ min: 2, max: 100 }),
      (done, total, ms, columns) => progressLine('reading', done, total, ms, columns).length < columns,
    ),
  )
  let shown = ''
  const write = (text: string) => void (shown += text)
  const clock = makeHandClock()
  const parts = { title: 'reading', total: 10, nowMs: () => clock.nowMs(), write }
  const progress = makeProgress({ ...parts, columns: 60 })
  progress.end()
  t.equal(shown, '')
  for (let i = 0; i < 10; i++) {
    progress.at(i)
    clock.pass(50)
  }
  progress.end()
  t.equal(shown.match(/ %/g)?.length, 5, 'ten times a second')
  t.ok(shown.endsWith('\r\x1b[K'))
  shown = ''
  makeProgress({ ...parts, columns: 0 }).at(1)
  t.equal(shown, '', 'a file is no terminal')
  t.end()
})
