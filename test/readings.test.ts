/** What the governor reads in DocuSign's answers and in requests: never more than stands there, never a throw. */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { makeSystemClock } from '../src/base/clock.js'
import type { Call } from '../src/base/types.js'
import { aliasRoute, MAX_ALIAS_BYTES, readAliases } from '../src/governor/alias.js'
import { blockEndsMs, readBlock, type Block, type BlockedAnswer } from '../src/governor/blocks.js'
import { documentOf, makeDownloads } from '../src/governor/downloads.js'
import { makeEnvelopeHolds } from '../src/governor/envelope-holds.js'
import { MAX_ERROR_BYTES, mayBeBlock, readErrorCode } from '../src/governor/errorcode.js'
import { readLimits, type Limits } from '../src/governor/headers.js'
import { makeHolds } from '../src/governor/holds.js'
import { makeHostBlocks } from '../src/governor/host-blocks.js'
import { secondsOfDate } from '../src/governor/http-date.js'
import { readWaitMs } from '../src/governor/prefer.js'
import { priorityOf, readPriority, routePriority, type Priority } from '../src/governor/priority.js'
import { makeIdentify } from '../src/identify/identify.js'
import { makeRoutes } from '../src/identify/routes.js'
import type { SimulatorOptions } from '../src/simulator/options.js'
import { makeSimulator } from '../src/simulator/simulator.js'
import { ROOT } from './fixtures/governor.js'

const TABLE = readFileSync(new URL('config/docusign-routes.tsv', ROOT), 'utf8')
const identify = makeIdentify({ apps: [], isOurs: () => false }, makeRoutes(TABLE))

const A = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const HALF_PAST_SEVEN = Date.UTC(2021, 8, 9, 7, 30, 49)
const E = '93be49ab-afa0-4adf-933c-f752070d71ec'
const OTHER = '71799c95-8417-4b16-90d5-86ff24a91d09'

function callOf(method: string, path: string): Call {
  const read = identify(method, path)
  if (read.kind === 'refusal') throw new Error(`${path} was refused: ${read.message}`)
  return read
}

interface Seen {
  readonly status: number
  readonly raw: readonly string[]
  readonly type: string | undefined
  readonly encoding: string | undefined
  readonly body: Buffer
}

function ask(url: string, path: string, headers: Record<string, string>): Promise<Seen> {
  return new Promise((resolve, reject) => {
    http
      .get(url + path, { headers, agent: false }, answer => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => void chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            raw: answer.rawHeaders,
            type: answer.headers['content-type'],
            encoding: answer.headers['content-encoding'],
            body: Buffer.concat(chunks),
          }),
        )
      })
      .on('error', reject)
  })
}

async function open(test: Test, options: Partial<SimulatorOptions>) {
  // Always half past, because an hour that turns in the middle of a test would give the account a new one.
  const simulator = makeSimulator(options, { ...makeSystemClock(), wallMs: () => HALF_PAST_SEVEN })
  const { url } = await simulator.start()
  test.teardown(() => simulator.stop())
  const [user] = simulator.users()
  const [account] = simulator.accounts()
  if (!user || !account) throw new Error('people are missing')
  const authorization = `Bearer ${simulator.issueToken(user.userId, { expiresIn: 1e9 })}`
  const get = (path: string, headers: Record<string, string> = {}) =>
    ask(url, `/restapi${path}`, { authorization, ...headers })
  return { url, account, get, accounts: simulator.accounts() }
}

const GARBAGE = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('', ' ', '0x1F', '1e3'))

// ---- headers ----

/** As recorded on 2021-09-09 (facts 1.5). */
const RECORDED = [
  ['cache-control', 'no-cache'],
  ['content-length', '153'],
  ['content-type', 'application/json; charset=utf-8'],
  ['x-ratelimit-reset', '1631174400'],
  ['x-ratelimit-remaining', '0'],
  ['x-ratelimit-limit', '1000'],
  ['x-burstlimit-remaining', '499'],
  ['x-burstlimit-limit', '500'],
  ['x-docusign-tracetoken', '37c068f5-3768-4760-8284-df4611185918'],
  ['x-docusign-node', 'DA2DFE188'],
  ['date', 'Thu, 09 Sep 2021 07:30:49 GMT'],
  ['vary', 'Accept-Encoding'],
  ['connection', 'close'],
].flat()

const RECORDED_LIMITS: Limits = {
  hourLimit: 1000,
  hourRemaining: 0,
  resetAtSeconds: 1_631_174_400,
  burstLimit: 500,
  burstRemaining: 499,
  dateSeconds: 1_631_172_649,
}

void t.test('the headers DocuSign was recorded with are read, however their names are spelt', t => {
  t.strictSame(readLimits(RECORDED), RECORDED_LIMITS)
  const names = (change: (name: string) => string) =>
    RECORDED.map((text, at) => (at % 2 === 0 ? change(text) : text))
  t.strictSame(readLimits(names(name => name.toUpperCase())), RECORDED_LIMITS)
  const documented = (name: string) =>
    name.replace('x-ratelimit', 'X-RateLimit').replace('x-burst', 'X-Burst')
  t.strictSame(readLimits(names(documented)), RECORDED_LIMITS)
  t.equal(readLimits([]), undefined)
  t.equal(readLimits(['Content-Type', 'text/html', 'X-RateLimit-Limits', '5']), undefined)
  t.equal(readLimits(['X-RateLimit-Limit']), undefined, 'a name without a value')
  t.strictSame(readLimits([...RECORDED, ...RECORDED]), RECORDED_LIMITS, 'said twice and the same')
  t.end()
})

void t.test('a value that cannot be meant is as good as absent, and takes nothing else with it', t => {
  const odd = [
    ...['', ' ', '-1', '+5', '5.0', '1e3', '0x10', '1,000', '1 000', ' 5', '5 ', '007', 'unlimited', 'NaN'],
    ...['٣', '5;', '10000001', '99999999999', '9'.repeat(400), 'Infinity', 'null'],
  ]
  for (const value of odd) {
    for (const [header, field] of [
      ['X-RateLimit-Limit', 'hourLimit'],
      ['X-RateLimit-Remaining', 'hourRemaining'],
      ['X-BurstLimit-Limit', 'burstLimit'],
      ['X-BurstLimit-Remaining', 'burstRemaining'],
    ] as const) {
      const raw = RECORDED.map((text, at) =>
        RECORDED[at - 1] === header.toLowerCase() && at % 2 === 1 ? value : text,
      )
      const { [field]: gone, ...rest } = RECORDED_LIMITS
      t.not(gone, undefined)
      t.strictSame(readLimits(raw), rest, `${header}: ${value.slice(0, 20)}`)
    }
  }
  const one = (...raw: string[]) => readLimits(raw)
  t.equal(one('X-RateLimit-Limit', '0'), undefined, 'nobody is granted nothing')
  t.strictSame(one('X-RateLimit-Limit', '10000000'), { hourLimit: 10_000_000 }, 'the bound itself')
  t.strictSame(one('X-RateLimit-Limit', '1', 'X-RateLimit-Remaining', '1'), {
    hourLimit: 1,
    hourRemaining: 1,
  })
  t.strictSame(
    one('X-RateLimit-Limit', '1000', 'X-RateLimit-Remaining', '1001'),
    { hourLimit: 1000 },
    'more left than granted',
  )
  t.strictSame(one('X-BurstLimit-Remaining', '7'), { burstRemaining: 7 }, 'what is left, without the limit')
  t.equal(one('X-RateLimit-Limit', '5', 'x-ratelimit-limit', '6'), undefined, 'two that contradict')
  t.equal(
    one('X-RateLimit-Limit', '5', 'x-ratelimit-limit', '6', 'X-RateLimit-Limit', '6'),
    undefined,
    'three',
  )
  t.equal(one('X-RateLimit-Limit', 'x', 'X-RateLimit-Limit', '6'), undefined, 'odd first')
  t.equal(one('X-RateLimit-Reset', '2026-11-23T22:00:00Z'), undefined, "CLM's reset is a date")
  t.equal(one('X-RateLimit-Reset', 'Mon, 23 Nov 2026 22:00:00 GMT'), undefined)
  t.equal(one('X-RateLimit-Reset', '1795471200000'), undefined, 'milliseconds')
  t.equal(one('X-RateLimit-Reset', '0'), undefined)
  t.end()
})

void t.test('Retry-After is read in both of its forms, and nobody is sent away for more than a day', t => {
  const away = (value: string, date?: string) =>
    readLimits(['Retry-After', value, ...(date === undefined ? [] : ['Date', date])])?.retryAfterSeconds
  const noon = 'Mon, 23 Nov 2026 12:00:00 GMT'
  t.equal(away('0'), 0)
  t.equal(away('86400'), 86_400)
  t.equal(away('86401'), undefined)
  t.equal(away('Mon, 23 Nov 2026 12:01:30 GMT', noon), 90)
  t.equal(away('Mon, 23 Nov 2026 11:00:00 GMT', noon), 0, 'past')
  t.equal(away('Wed, 25 Nov 2026 12:00:00 GMT', noon), undefined, 'in two days')
  t.equal(away('Mon, 23 Nov 2026 12:01:30 GMT'), undefined, 'a moment, and no clock to hold it against')
  t.equal(away('soon', noon), undefined)
  t.end()
})

void t.test('of any headers at all, only plain numbers within their bounds are believed', t => {
  const name = fc.constantFrom(
    ...['X-RateLimit-Limit', 'x-ratelimit-remaining', 'X-RATELIMIT-RESET', 'X-BurstLimit-Limit'],
    ...['X-BurstLimit-Remaining', 'Date', 'Retry-After', 'Vary', 'Content-Length', '', '__proto__'],
  )
  const value = fc.oneof(
    GARBAGE,
    fc.integer({ min: -5, max: 20_000_000 }).map(String),
    fc.double().map(String),
    fc.date({ noInvalidDate: true }).map(date => date.toUTCString()),
  )
  const lines = fc.array(fc.tuple(fc.oneof(name, fc.string()), value), { maxLength: 12 })
  let read = 0
  fc.assert(
    fc.property(lines, pairs => {
      const limits = readLimits(pairs.flat())
      if (!limits) return true
      read++
      const said = (header: string) => pairs.filter(([key]) => key.toLowerCase() === header).map(([, v]) => v)
      const isSaid = (number: number | undefined, header: string, min: number, max: number) =>
        number === undefined ||
        (number >= min && number <= max && said(header).every(text => text === String(number)))
      const { hourLimit, hourRemaining, burstLimit, burstRemaining, dateSeconds } = limits
      return (
        isSaid(hourLimit, 'x-ratelimit-limit', 1, 1e7) &&
        isSaid(hourRemaining, 'x-ratelimit-remaining', 0, hourLimit ?? 1e7) &&
        isSaid(limits.resetAtSeconds, 'x-ratelimit-reset', 1, 99_999_999_999) &&
        isSaid(burstLimit, 'x-burstlimit-limit', 1, 1e7) &&
        isSaid(burstRemaining, 'x-burstlimit-remaining', 0, burstLimit ?? 1e7) &&
        (dateSeconds === undefined ||
          said('date').every(text => text === new Date(dateSeconds * 1000).toUTCString())) &&
        (limits.retryAfterSeconds ?? 0) <= 86_400
      )
    }),
    { numRuns: 2000 },
  )
  t.ok(read > 200, `${read} of 2000 had something to read`)
  t.end()
})

void t.test('a date is read exactly where it is an IMF-fixdate', t => {
  const moments = fc.integer({ min: 0, max: 253_402_300_799 })
  fc.assert(fc.property(moments, s => secondsOfDate(new Date(s * 1000).toUTCString()) === s))
  const nearly = fc
    .tuple(moments, fc.nat(28), fc.string({ minLength: 0, maxLength: 2 }))
    .map(([s, at, put]) => {
      const text = new Date(s * 1000).toUTCString()
      return text.slice(0, at) + put + text.slice(at + 1)
    })
  fc.assert(
    fc.property(fc.oneof(nearly, GARBAGE), text => {
      const seconds = secondsOfDate(text)
      return seconds === undefined || new Date(seconds * 1000).toUTCString() === text
    }),
    { numRuns: 2000 },
  )
  for (const text of [
    ...['Fri, 09 Sep 2021 07:30:49 GMT', 'Tue, 31 Feb 2026 00:00:00 GMT', 'Thu, 09 Sep 2021 07:30:60 GMT'],
    ...['Thu, 09 sep 2021 07:30:49 GMT', 'Thu, 09 epO 2021 07:30:49 GMT', 'Thu, 09 Sep 2021 24:00:00 GMT'],
    ...['Thursday, 09-Sep-21 07:30:49 GMT', 'Thu Sep  9 07:30:49 2021', '2021-09-09T07:30:49Z', '1631172649'],
  ]) {
    t.equal(secondsOfDate(text), undefined, text)
  }
  t.end()
})

// ---- error codes and blocks ----

const HOURLY = 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED'
const RECORDED_BODY = Buffer.from(
  `{"errorCode":"${HOURLY}","message":"The maximum number of hourly API invocations has been exceeded. The hourly limit is 1000."}`,
)
const JSON_UTF8 = 'application/json; charset=utf-8'
const ACCOUNT_HOUR: Block = { kind: 'account', window: 'hour' }

void t.test('the error code is found in JSON and XML, plain and compressed', t => {
  t.equal(RECORDED_BODY.length, 153, 'the body as it was recorded')
  t.equal(readErrorCode(RECORDED_BODY, JSON_UTF8, undefined), HOURLY)
  t.equal(readErrorCode(RECORDED_BODY, undefined, ''), HOURLY, 'a body that says not what it is')
  t.equal(readErrorCode(RECORDED_BODY, 'text/plain', ''), HOURLY)
  t.equal(
    readErrorCode(Buffer.from(`\uFEFF${RECORDED_BODY.toString()}`), 'application/problem+json', ''),
    HOURLY,
  )
  t.equal(readErrorCode(gzipSync(RECORDED_BODY), JSON_UTF8, 'gzip'), HOURLY)
  t.equal(readErrorCode(gzipSync(RECORDED_BODY), JSON_UTF8, ' X-GZIP '), HOURLY)
  t.equal(readErrorCode(deflateSync(RECORDED_BODY), JSON_UTF8, 'deflate'), HOURLY)
  t.equal(readErrorCode(brotliCompressSync(RECORDED_BODY), JSON_UTF8, 'br'), HOURLY)
  const xml = (inside: string) =>
    readErrorCode(
      Buffer.from(
        `<?xml version="1.0" encoding="utf-8"?>\r\n<errorDetails xmlns="http://x">${inside}</errorDetails>`,
      ),
      'application/xml; charset=utf-8',
      '',
    )
  t.equal(xml(`<errorCode>${HOURLY}</errorCode><message>m</message>`), HOURLY)
  t.equal(xml(`\n  <message i:nil="true">m</message>\n  <errorCode>\n${HOURLY}\n</errorCode>\n`), HOURLY)
  t.equal(xml(`<message><errorCode>${HOURLY}</errorCode></message>`), undefined, 'nested')
  t.equal(xml(`<message>&lt;errorCode&gt;${HOURLY}&lt;/errorCode&gt;</message>`), undefined, 'in a message')
  t.equal(xml(`<!-- <errorCode>${HOURLY}</errorCode> -->`), undefined, 'in a comment')
  t.equal(xml('<errorCode></errorCode>'), undefined)
  t.end()
})

void t.test('what is no error body, or too much of one, has no code', t => {
  const none = (body: string | Buffer, type: string | undefined = JSON_UTF8, encoding = '') =>
    t.equal(readErrorCode(Buffer.from(body as string), type, encoding), undefined, String(body).slice(0, 40))
  none('')
  none(RECORDED_BODY, 'text/html')
  none(RECORDED_BODY, 'application/pdf')
  none(RECORDED_BODY, 'application/xml')
  none(RECORDED_BODY.subarray(0, 100))
  none(RECORDED_BODY, JSON_UTF8, 'gzip')
  none(RECORDED_BODY, JSON_UTF8, 'gzip, br')
  none(gzipSync(RECORDED_BODY), JSON_UTF8, '')
  none(gzipSync(RECORDED_BODY).subarray(0, 60), JSON_UTF8, 'gzip')
  none(`[{"errorCode":"${HOURLY}"}]`)
  none(`{"error":{"errorCode":"${HOURLY}"}}`)
  none(`{"envelopes":[{"errorDetails":{"errorCode":"${HOURLY}"}}]}`)
  none('{"__proto__":{"errorCode":"A"}}')
  none(`{"message":"\\"errorCode\\":\\"${HOURLY}\\""}`)
  for (const code of ['null', '7', '["A"]', '{}', '""', '"A B"', '"A-B"', '"É"', `"${'A'.repeat(101)}"`]) {
    none(`{"errorCode":${code}}`)
  }
  t.equal(readErrorCode(Buffer.from(`{"errorCode":"${'A'.repeat(100)}"}`), JSON_UTF8, ''), 'A'.repeat(100))
  none(`<html><errorDetails><errorCode>${HOURLY}</errorCode></errorDetails></html>`, 'application/xml')
  none(`<errorDetails><errorCode>${HOURLY}</errorCode></errorDetails>`, 'application/xhtml+xml')
  const padded = (bytes: number) => `{"errorCode":"A","message":"${'x'.repeat(bytes - 30)}"}`
  t.equal(padded(MAX_ERROR_BYTES).length, MAX_ERROR_BYTES)
  t.equal(readErrorCode(Buffer.from(padded(MAX_ERROR_BYTES)), JSON_UTF8, ''), 'A', 'the bound itself')
  none(padded(MAX_ERROR_BYTES + 1))
  none(gzipSync(padded(MAX_ERROR_BYTES + 1)), JSON_UTF8, 'gzip')
  const bomb = gzipSync(Buffer.alloc(10_000_000, ' '))
  t.ok(bomb.length < MAX_ERROR_BYTES)
  none(bomb, JSON_UTF8, 'gzip')
  none('['.repeat(16_000))
  none(`<errorDetails>${'<a>'.repeat(5000)}`, 'application/xml')
  none(`<errorDetails ${' '.repeat(16_000)}`, 'application/xml')
  t.end()
})

void t.test('no bytes make the reading of a code throw, and none but a code comes of them', t => {
  const piece = fc.constantFrom(
    ...['{', '}', '"errorCode"', ':', '"', 'A', ',', '[', '<errorDetails>', '<errorCode>', '</errorCode>'],
    ...['</errorDetails>', '<?xml ?>', '<a>', '</a>', ' ', '\n', '\\', '\u0000', 'null', '1'],
  )
  const body = fc.oneof(
    fc.array(piece, { maxLength: 30 }).map(parts => Buffer.from(parts.join(''))),
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
    fc.json().map(text => Buffer.from(text)),
    fc.json().map(text => gzipSync(text)),
    GARBAGE.map(code => Buffer.from(JSON.stringify({ errorCode: code }))),
  )
  const type = fc.oneof(
    fc.constantFrom(undefined, JSON_UTF8, 'application/xml', 'text/html', 'text/plain'),
    fc.string(),
  )
  const encoding = fc.oneof(fc.constantFrom(undefined, '', 'gzip', 'br', 'deflate'), fc.string())
  fc.assert(
    fc.property(body, type, encoding, (bytes, contentType, contentEncoding) => {
      const code = readErrorCode(bytes, contentType, contentEncoding)
      return code === undefined || /^[A-Za-z0-9_]{1,100}$/.test(code)
    }),
    { numRuns: 2000 },
  )
  t.pass('2000 runs')
  t.end()
})

void t.test('a block is known by its code, whatever its status and spelling', t => {
  const CODES: [code: string, block: Block][] = [
    [HOURLY, ACCOUNT_HOUR],
    ['BURST_APIINVOCATION_LIMIT_EXCEEDED', { kind: 'account', window: 'burst' }],
    ['Hourly_Envelope_Polling_Limit_Exceeded', { kind: 'envelope', window: 'hour', of: 'read' }],
    ['Burst_Envelope_Polling_Limit_Exceeded', { kind: 'envelope', window: 'burst', of: 'read' }],
    ['Hourly_APIInvocation_Envelope_Limit_Exceeded', { kind: 'envelope', window: 'hour', of: 'write' }],
    ['Burst_APIInvocation_Envelope_Limit_Exceeded', { kind: 'envelope', window: 'burst', of: 'write' }],
    ['API_REQUEST_IS_THROTTLED', { kind: 'download' }],
    ['RECIPIENT_LIMIT_EXCEEDED', { kind: 'none' }],
    ['ENVELOPE_SEND_LIMIT_EXCEEDED', { kind: 'none' }],
  ]
  for (const [code, block] of CODES) {
    for (const spelling of [code, code.toUpperCase(), code.toLowerCase()]) {
      t.strictSame(readBlock(400, spelling), block, `400 ${spelling}`)
      t.strictSame(readBlock(429, spelling), block, `429 ${spelling}`)
    }
    t.strictSame(readBlock(444, code), { kind: 'host' }, '444, whatever the body')
    for (const status of [200, 401, 403, 404, 500, 503]) {
      t.strictSame(readBlock(status, code), { kind: 'none' }, `${status} ${code}`)
    }
  }
  t.strictSame(readBlock(444, undefined), { kind: 'host' })
  for (const code of [undefined, 'SOMETHING_NEW', 'UNSPECIFIED_ERROR', 'constructor', '']) {
    t.strictSame(readBlock(429, code), { kind: 'unknown' }, `429 ${code}`)
    t.strictSame(readBlock(400, code), { kind: 'none' }, `400 ${code}`)
  }
  t.strictSame([200, 400, 401, 404, 429, 444, 500, 503].filter(mayBeBlock), [400, 429, 444])
  t.end()
})

void t.test('a block ends when DocuSign says, else with its window', t => {
  const HALF_PAST = Date.UTC(2021, 8, 9, 7, 30, 49, 500)
  const answer = (limits?: Limits, docusignMs = HALF_PAST): BlockedAnswer => ({
    nowMs: 1_000_000,
    docusignMs,
    limits,
    hourMs: 3_600_000,
    burstMs: 30_000,
  })
  const lasts = (block: Block, limits?: Limits, docusignMs?: number) =>
    blockEndsMs(block, answer(limits, docusignMs)) - 1_000_000
  const toEight = Date.UTC(2021, 8, 9, 8) - HALF_PAST
  const burst: Block = { kind: 'account', window: 'burst' }
  t.equal(lasts({ kind: 'none' }), 0)
  t.equal(lasts(ACCOUNT_HOUR, RECORDED_LIMITS), toEight, 'the reset that was recorded')
  t.equal(lasts(ACCOUNT_HOUR), toEight, 'without a reset: to the next hour by the clock')
  t.equal(lasts({ kind: 'envelope', window: 'hour', of: 'read' }, RECORDED_LIMITS), toEight)
  const { resetAtSeconds = 0, dateSeconds = 0 } = RECORDED_LIMITS
  t.equal(lasts(ACCOUNT_HOUR, { resetAtSeconds: resetAtSeconds - 3600, dateSeconds }), toEight, 'past')
  t.equal(lasts(ACCOUNT_HOUR, { resetAtSeconds: resetAtSeconds + 7200, dateSeconds }), toEight, 'absurd')
  t.equal(lasts(ACCOUNT_HOUR, { resetAtSeconds: 1_320_855_230 }), toEight, "the documentation's own sample")
  t.equal(
    lasts(ACCOUNT_HOUR, { resetAtSeconds: resetAtSeconds + 900 }),
    toEight + 900_000,
    'an hour that began at a call (Rooms)',
  )
  t.equal(lasts(ACCOUNT_HOUR, { ...RECORDED_LIMITS, retryAfterSeconds: 5 }), toEight, 'the later of two')
  t.equal(lasts(ACCOUNT_HOUR, { ...RECORDED_LIMITS, retryAfterSeconds: 3000 }), 3_000_000)
  t.equal(lasts(ACCOUNT_HOUR, { retryAfterSeconds: 5 }), 5000)
  t.equal(lasts(burst, RECORDED_LIMITS), 30_000, "the reset is the hour's, not the burst's")
  t.equal(lasts(burst, { retryAfterSeconds: 7 }), 7000)
  t.equal(lasts({ kind: 'envelope', window: 'burst', of: 'write' }), 30_000)
  for (const kind of ['host', 'unknown', 'download'] as const) {
    t.equal(lasts({ kind }, RECORDED_LIMITS), 60_000, kind)
    t.equal(lasts({ kind }, { retryAfterSeconds: 120 }), 120_000, kind)
  }
  // Refused in the last second of the hour, and our idea of DocuSign's clock is 700 ms ahead.
  const lastSecond = { resetAtSeconds, dateSeconds: resetAtSeconds - 1 }
  t.equal(lasts(ACCOUNT_HOUR, lastSecond, resetAtSeconds * 1000 + 700), 1000, 'a second, and not an hour')
  t.equal(lasts(ACCOUNT_HOUR, RECORDED_LIMITS, 0), 1_751_000, 'no longer than its own Date allows')
  const scaled = {
    ...answer({ resetAtSeconds: 1_631_174_413, dateSeconds: 1_631_174_375 }, 1_631_174_376_000),
    hourMs: 36_000,
  }
  t.equal(blockEndsMs(ACCOUNT_HOUR, scaled) - 1_000_000, 37_000, 'with an hour of 36 s, and both rounded')
  t.end()
})

void t.test('what the simulator says of a spent hour is read for what it is, in every form', async t => {
  for (const limitStatus of [400, 429] as const) {
    const { account, get } = await open(t, { hourLimit: 2, limitStatus })
    const first = await get(`/v2.1/accounts/${account.accountId}`)
    t.match(readLimits(first.raw), { hourLimit: 2, hourRemaining: 1 })
    await get(`/v2.1/accounts/${account.accountId}`)
    const forms = [{}, { accept: 'application/xml' }, { 'accept-encoding': 'gzip' }]
    for (const headers of forms) {
      const { status, raw, type, encoding, body } = await get(`/v2.1/accounts/${account.accountId}`, headers)
      t.equal(status, limitStatus)
      const code = readErrorCode(body, type, encoding)
      t.strictSame(readBlock(status, code), ACCOUNT_HOUR, `${limitStatus} ${type}`)
      const limits = readLimits(raw)
      t.match(limits, { hourLimit: 2, hourRemaining: 0 })
      const docusignMs = (limits?.dateSeconds ?? 0) * 1000
      const lasts = blockEndsMs(ACCOUNT_HOUR, {
        nowMs: 0,
        docusignMs,
        limits,
        hourMs: 3_600_000,
        burstMs: 30_000,
      })
      t.equal((docusignMs + lasts) % 3_600_000, 0, 'to the top of the hour')
    }
  }
})

// ---- holds ----

void t.test('an envelope is held for what drew the limit, until its window has ended', t => {
  const holds = makeEnvelopeHolds()
  holds.holdUntil('1', E, 'read', 5000)
  t.equal(holds.waitMs('1', E, 'read', 1000), 4000)
  t.equal(holds.waitMs('1', E, 'query', 1000), 4000)
  t.equal(holds.waitMs('1', E, 'write', 1000), 0, 'its writes are free')
  t.equal(holds.waitMs('1', OTHER, 'read', 1000), 0, 'and so are other envelopes')
  t.equal(holds.waitMs('2', E, 'read', 1000), 0, 'and other accounts')
  holds.holdUntil('1', E, 'read', 3000)
  t.equal(holds.waitMs('1', E, 'read', 1000), 4000, 'a later, shorter word shortens nothing')
  holds.holdUntil('1', E, 'write', 9000)
  t.equal(holds.waitMs('1', E, 'read', 4999), 1)
  t.equal(holds.waitMs('1', E, 'read', 5000), 0)
  t.equal(holds.waitMs('1', E, 'write', 5000), 4000)
  t.equal(holds.size, 1, 'what is over is forgotten')
  t.end()
})

void t.test('444 stops one host, for all', t => {
  const blocks = makeHostBlocks()
  blocks.blockUntil('https://na3.docusign.net', 60_000)
  t.equal(blocks.waitMs('https://na3.docusign.net', 1000), 59_000)
  t.equal(blocks.waitMs('https://eu.docusign.net', 1000), 0)
  t.equal(blocks.waitMs('https://na3.docusign.net', 60_000), 0)
  t.end()
})

void t.test('what is held is bounded, and the newest stay', t => {
  const holds = makeHolds(3)
  for (const key of ['a', 'b', 'c', 'd']) holds.holdUntil(key, 10)
  t.equal(holds.size, 3)
  t.equal(holds.waitMs('a', 0), 0)
  t.equal(holds.waitMs('d', 0), 10)
  t.end()
})

// ---- priorities ----

const ACCOUNT_PATH = `/restapi/v2.1/accounts/${A}`
const ENVELOPE_PATH = `${ACCOUNT_PATH}/envelopes/${E}`

void t.test('without a word from anyone, who waits decides: views and writes, then reads, then masses', t => {
  const expected: Record<Priority, string[]> = {
    high: [
      `POST ${ENVELOPE_PATH}/views/recipient`,
      `POST ${ENVELOPE_PATH}/views/sender`,
      `POST ${ACCOUNT_PATH}/views/console`,
      `POST ${ACCOUNT_PATH}/envelopes`,
      `PUT ${ENVELOPE_PATH}`,
      `PUT ${ENVELOPE_PATH}/recipients`,
      `DELETE ${ENVELOPE_PATH}/views/correct`,
      `PUT ${ENVELOPE_PATH}/documents/1`,
      `POST ${ACCOUNT_PATH}/something/new`,
    ],
    normal: [
      `GET ${ENVELOPE_PATH}`,
      `GET ${ENVELOPE_PATH}/recipients`,
      `GET ${ENVELOPE_PATH}/documents`,
      `GET ${ENVELOPE_PATH}/documents/1/tabs`,
      `HEAD ${ENVELOPE_PATH}`,
      `GET ${ACCOUNT_PATH}`,
      `GET ${ACCOUNT_PATH}/templates/${E}`,
      `GET ${ACCOUNT_PATH}/users/${E}`,
      `GET /restapi/v2.1/login_information`,
      `GET /oauth/userinfo`,
      `GET ${ACCOUNT_PATH}/something/new`,
    ],
    low: [
      `GET ${ACCOUNT_PATH}/envelopes?from_date=2026-01-01`,
      `GET ${ACCOUNT_PATH}/envelopes/status`,
      `PUT ${ACCOUNT_PATH}/envelopes/status?envelope_ids=request_body`,
      `GET ${ACCOUNT_PATH}/templates`,
      `GET ${ACCOUNT_PATH}/users`,
      `GET ${ACCOUNT_PATH}/folders/sentitems`,
      `GET ${ACCOUNT_PATH}/search_folders/completed`,
      `GET ${ENVELOPE_PATH}/documents/1`,
      `GET ${ENVELOPE_PATH}/documents/COMBINED/`,
      `GET ${ENVELOPE_PATH}/documents/1/pages/1/page_image`,
      `GET ${ACCOUNT_PATH}/templates/${E}/documents/1`,
      `POST ${ACCOUNT_PATH}/bulk_send_lists/${E}/send`,
      `GET ${ACCOUNT_PATH}/bulk_send_batch/${E}`,
    ],
  }
  for (const [priority, calls] of Object.entries(expected)) {
    for (const call of calls) {
      const [method = '', path = ''] = call.split(' ')
      t.equal(routePriority(callOf(method, path)), priority, call)
    }
  }
  const rows = TABLE.trimEnd().split('\n')
  for (const row of rows) {
    const [method = '', template = ''] = row.split('\t')
    const call = callOf(method, `/restapi${template.replace(/\{[^}]+\}/g, E)}`)
    if (template.includes('/views/')) t.equal(routePriority(call), 'high', row)
    if (template.includes('/bulk_')) t.equal(routePriority(call), 'low', row)
  }
  t.end()
})

void t.test("an app's own priority holds, and a call moves only within what its app may", t => {
  const view = callOf('POST', `${ENVELOPE_PATH}/views/recipient`)
  const list = callOf('GET', `${ACCOUNT_PATH}/envelopes`)
  const read = callOf('GET', ENVELOPE_PATH)
  const unset = { priority: undefined, maxPriority: undefined }
  const calls: [Priority, Call, Parameters<typeof priorityOf>[1], string | undefined][] = [
    ['high', view, undefined, undefined],
    ['low', list, unset, undefined],
    ['normal', view, { priority: 'normal', maxPriority: undefined }, undefined],
    ['normal', list, { priority: 'normal', maxPriority: undefined }, undefined],
    ['low', view, { priority: 'low', maxPriority: 'high' }, undefined],
    ['low', view, undefined, 'low'],
    ['normal', view, unset, 'Normal'],
    ['low', list, unset, 'high'],
    ['normal', read, undefined, 'high'],
    ['high', read, { priority: undefined, maxPriority: 'high' }, ' HIGH '],
    ['normal', list, { priority: undefined, maxPriority: 'normal' }, 'high'],
    ['high', view, { priority: undefined, maxPriority: 'normal' }, 'high'],
    ['high', view, { priority: undefined, maxPriority: 'low' }, undefined],
    ['high', list, { priority: 'low', maxPriority: 'high' }, 'high'],
    ['normal', list, { priority: 'low', maxPriority: 'normal' }, 'high'],
    ['low', view, { priority: 'high', maxPriority: undefined }, 'low'],
    ['normal', read, undefined, 'urgent'],
    ['normal', read, undefined, 'low, low'],
    ['normal', read, undefined, ''],
    ['normal', read, undefined, '__proto__'],
  ]
  for (const [expected, call, app, asked] of calls) {
    t.equal(
      priorityOf(call, app, asked),
      expected,
      `${call.method} ${call.route} ${JSON.stringify(app)} ${asked}`,
    )
  }
  fc.assert(fc.property(GARBAGE, text => [undefined, 'high', 'normal', 'low'].includes(readPriority(text))))
  t.end()
})

// ---- Prefer ----

void t.test('Prefer: wait is found among other preferences, and the first one counts', t => {
  const waits: [string | string[], number | undefined][] = [
    ['wait=10', 10_000],
    ['wait=0', 0],
    ['WAIT=10', 10_000],
    [' wait = 10 ', 10_000],
    ['wait="10"', 10_000],
    ['wait="1\\0"', 10_000],
    ['wait=010', 10_000],
    ['respond-async, wait=10', 10_000],
    ['respond-async;x="a,wait=1", wait=10;y=2', 10_000],
    ['handling=lenient; wait=3, wait=10', 10_000],
    ['return="minimal, wait=1\\", wait=2", , wait=10', 10_000],
    ['wait=10, wait=20', 10_000],
    [['respond-async', 'wait=10', 'wait=20'], 10_000],
    ['wait=99999', 45_000],
    [`wait=${'9'.repeat(5000)}`, 45_000],
    ['wait=x, wait=10', undefined],
    ['wait', undefined],
    ['wait=', undefined],
    ['wait=""', undefined],
    ['wait="', undefined],
    ['wait=-1', undefined],
    ['wait=0.6', 600],
    ['wait=1.5', 1_500],
    ['wait=0.0001', 0],
    ['wait=1.', undefined],
    ['wait=.5', undefined],
    ['wait=1.5.1', undefined],
    ['wait=1,5', 1_000],
    ['wait=1e1', undefined],
    ['wait=10 s', undefined],
    ['wait=٣', undefined],
    ['waiting=10', undefined],
    ['respond-async', undefined],
    ['x="wait=10', undefined],
    ['', undefined],
    [[], undefined],
  ]
  for (const [prefer, expected] of waits)
    t.equal(readWaitMs(prefer, 45_000), expected, String(prefer).slice(0, 60))
  t.equal(readWaitMs(undefined, 45_000), undefined)
  t.equal(readWaitMs('wait=10', 0), 0, 'where nobody may wait')
  t.end()
})

void t.test('any Prefer gives a wait within the setting or none, and soon', t => {
  const piece = fc.constantFrom('wait=5', 'wait', '=', '5', ',', ';', '"', '\\', ' ', 'x', '9'.repeat(40))
  const preference = fc.constantFrom('wait=5', 'wait="70"', 'wait=x', 'a', 'b="c,wait=1"', 'd;e=2', '')
  const text = fc.oneof(
    GARBAGE,
    fc.array(piece, { maxLength: 30 }).map(parts => parts.join('')),
    fc.array(preference, { maxLength: 5 }).map(parts => parts.join(', ')),
  )
  let waits = 0
  fc.assert(
    fc.property(text, prefer => {
      const waitMs = readWaitMs(prefer, 45_000)
      if (waitMs !== undefined) waits++
      return waitMs === undefined || (Number.isInteger(waitMs) && waitMs >= 0 && waitMs <= 45_000)
    }),
    { numRuns: 1000 },
  )
  t.ok(waits > 50, `${waits} of 1000 asked for a wait`)
  const seconds = fc.nat(45)
  const others = fc.array(fc.stringMatching(/^[a-v][a-z-]{0,8}(=("[a-z,; ]*"|[0-9a-z]+))?$/), {
    maxLength: 4,
  })
  fc.assert(
    fc.property(others, seconds, others, (before, n, after) => {
      return readWaitMs([...before, `wait=${n}`, ...after].join(', '), 45_000) === n * 1000
    }),
  )
  const before = performance.now()
  for (const long of [',', 'a,', 'a;', '"', '";,', '\\"', 'wait,'.slice(1)]) {
    readWaitMs(long.repeat(Math.floor(65_536 / long.length)), 45_000)
  }
  t.ok(performance.now() - before < 1000, 'a header of 64 KiB costs no more than its length')
  t.end()
})

// ---- downloads ----

const HERE = { writable: true }

void t.test('the same document has one key, for every account name and spelling', t => {
  const key = (method: string, path: string) => documentOf(callOf(method, path))
  t.equal(key('GET', `${ENVELOPE_PATH}/documents/1`), `${E}/1`)
  t.equal(
    key('GET', `/restapi/v2.1/accounts/14072015/envelopes/${E.toUpperCase()}/documents/1/?a=b`),
    `${E}/1`,
  )
  t.equal(key('GET', `/apps/a/restapi/v2/accounts/7/envelopes/${E}/documents/Combined`), `${E}/combined`)
  for (const keyword of ['combined', 'archive', 'certificate', 'portfolio']) {
    t.equal(key('GET', `${ENVELOPE_PATH}/documents/${keyword}`), `${E}/${keyword}`)
  }
  t.equal(key('PUT', `${ENVELOPE_PATH}/documents/1`), undefined)
  t.equal(key('HEAD', `${ENVELOPE_PATH}/documents/1`), undefined)
  t.equal(key('GET', `${ENVELOPE_PATH}/documents`), undefined)
  t.equal(key('GET', `${ENVELOPE_PATH}/documents/`), undefined)
  t.equal(key('GET', `${ENVELOPE_PATH}/documents/1/tabs`), undefined)
  t.equal(key('GET', `${ENVELOPE_PATH}/attachments/1`), undefined)
  t.equal(key('GET', `${ACCOUNT_PATH}/templates/${E}/documents/1`), undefined)
  t.end()
})

void t.test('three downloads of a combined document, ten of another; the rest follow in order', t => {
  for (const [document, most] of [
    [`${E}/combined`, 3],
    [`${E}/archive`, 10],
    [`${E}/1`, 10],
  ] as const) {
    const downloads = makeDownloads()
    const started: number[] = []
    const gone = { writable: true }
    const ends = Array.from({ length: most + 5 }, (_, n) =>
      downloads.take(document, n === most + 2 ? gone : HERE, () => started.push(n)),
    )
    const upTo = (n: number) => Array.from({ length: n }, (_, at) => at)
    t.strictSame(started, upTo(most), document)
    ends[most]?.()
    ends[0]?.()
    ends[0]?.()
    t.strictSame(started, [...upTo(most), most + 1], 'one that left is passed over, and an end counts once')
    gone.writable = false
    ends[1]?.()
    t.strictSame(started, [...upTo(most), most + 1, most + 3], 'as is one whose connection ended just now')
    let others = 0
    downloads.take(`${OTHER}/combined`, HERE, () => others++)()
    t.equal(others, 1, 'another document does not wait')
    for (const end of ends) end()
    t.strictSame(started, [...upTo(most), most + 1, most + 3, most + 4])
    t.equal(downloads.size, 0, 'and nothing is kept of it')
  }
  t.end()
})

void t.test('whatever comes and goes, never too many are in progress, and nobody is forgotten', t => {
  const step = fc.tuple(
    fc.constantFrom(`${E}/combined`, `${E}/1`, `${OTHER}/combined`),
    fc.nat(30),
    fc.boolean(),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), steps => {
      const downloads = makeDownloads()
      const running = new Map<string, number>()
      const calls: { end: () => void; document: string; started: boolean; over: boolean }[] = []
      let sound = true
      for (const [document, pick, comes] of steps) {
        if (comes) {
          const call = { document, started: false, over: false, end: () => undefined as void }
          const leave = downloads.take(document, HERE, () => {
            call.started = true
            const now = (running.get(document) ?? 0) + 1
            running.set(document, now)
            sound &&= now <= (document.endsWith('combined') ? 3 : 10)
          })
          call.end = () => {
            if (call.started && !call.over) running.set(document, (running.get(document) ?? 0) - 1)
            call.over = true
            leave()
          }
          calls.push(call)
        } else calls[pick]?.end()
        for (const name of new Set(calls.map(call => call.document))) {
          const most = name.endsWith('combined') ? 3 : 10
          const waits = calls.some(call => call.document === name && !call.started && !call.over)
          sound &&= !waits || running.get(name) === most
        }
      }
      for (const call of calls) call.end()
      return sound && downloads.size === 0
    }),
    { numRuns: 300 },
  )
  t.pass('300 runs')
  t.end()
})

// ---- two names of one account ----

void t.test('both names of an account are learned from the answers that show them', async t => {
  const { get, accounts } = await open(t, {})
  const [account] = accounts
  if (!account) throw new Error('people are missing')
  const pair = { number: account.number, guid: account.accountId }
  for (const name of [account.accountId, account.number, account.accountId.toUpperCase()]) {
    for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
      const path = `/v2.1/accounts/${name}?include_account_settings=true`
      const { status, type, encoding, body } = await get(path, headers)
      t.equal(status, 200)
      t.strictSame(readAliases(callOf('GET', `/restapi${path}`), body, type, encoding), [pair], name)
    }
  }
  const login = await get('/v2.1/login_information')
  const call = callOf('GET', '/restapi/v2.1/login_information')
  const learned = readAliases(call, login.body, login.type, login.encoding)
  t.ok(learned.length > 0)
  for (const alias of learned) {
    t.ok(accounts.some(one => one.accountId === alias.guid && one.number === alias.number))
  }
})

void t.test('only the two answers that show both names are read', t => {
  const route = (method: string, path: string) => aliasRoute(callOf(method, path))
  t.equal(route('GET', ACCOUNT_PATH), 'account')
  t.equal(route('GET', '/restapi/v2/accounts/14072015'), 'account')
  t.equal(route('GET', '/restapi/v2.1/login_information?api_password=false'), 'login')
  t.equal(route('GET', '/restapi/v2.1/accounts/provisioning'), undefined)
  for (const path of [
    ENVELOPE_PATH,
    `${ACCOUNT_PATH}/users`,
    '/restapi/v2.1/billing_plans',
    '/oauth/userinfo',
  ]) {
    t.equal(route('GET', path), undefined, path)
  }
  for (const method of ['PUT', 'DELETE', 'HEAD']) t.equal(route(method, ACCOUNT_PATH), undefined, method)
  t.end()
})

void t.test('an account is believed to be another only where its own answer says so', t => {
  const read = (account: string, value: unknown, type = JSON_UTF8) => {
    const call = callOf('GET', `/restapi/v2.1/accounts/${account}`)
    return readAliases(call, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), type, '')
  }
  const pair = { number: '14072015', guid: A }
  const whole = { accountIdGuid: A.toUpperCase(), externalAccountId: '14072015' }
  t.strictSame(read(A, whole), [pair])
  t.strictSame(read('14072015', whole), [pair])
  t.strictSame(read('14072015', { accountIdGuid: A }), [pair], 'the number in the path is enough')
  t.strictSame(read('14072015', { accountIdGuid: A, externalAccountId: null }), [pair])
  const none: [string, unknown][] = [
    [OTHER, whole],
    ['14072016', whole],
    ['me', whole],
    [A, { accountIdGuid: A }],
    [A, { ...whole, externalAccountId: 14072015 }],
    [A, { ...whole, externalAccountId: '' }],
    [A, { ...whole, externalAccountId: '014072015' }],
    [A, { ...whole, externalAccountId: OTHER }],
    ['14072015', { ...whole, externalAccountId: 'x' }],
    ['14072015', { ...whole, accountIdGuid: '14072015' }],
    ['14072015', { ...whole, accountIdGuid: `${A} ` }],
    ['14072015', { externalAccountId: '14072015' }],
    ['14072015', { account: whole }],
    ['14072015', { accountSettings: [whole], message: JSON.stringify(whole) }],
    ['14072015', [whole]],
    ['14072015', 'null'],
    ['14072015', '{"accountIdGuid":'],
    ['14072015', { ...whole, filler: 'x'.repeat(MAX_ALIAS_BYTES) }],
  ]
  for (const [account, value] of none) {
    t.strictSame(read(account, value), [], `${account} ${JSON.stringify(value).slice(0, 80)}`)
  }
  t.strictSame(read(A, whole, 'application/xml'), [])
  t.strictSame(read(A, whole, ''), [])
  t.end()
})

void t.test('a list of accounts is believed where it pairs them one to one', t => {
  const call = callOf('GET', '/restapi/v2.1/login_information')
  const read = (...loginAccounts: unknown[]) =>
    readAliases(call, Buffer.from(JSON.stringify({ loginAccounts })), JSON_UTF8, '')
  const one = { accountId: '1', accountIdGuid: A, name: 'x' }
  const two = { accountId: '2', accountIdGuid: OTHER }
  const pairs = [
    { number: '1', guid: A },
    { number: '2', guid: OTHER },
  ]
  t.strictSame(read(one, two), pairs)
  t.strictSame(read(one, one, two), pairs, 'the same said twice')
  t.strictSame(
    read(one, { accountId: '2' }, null, 7, [two], { ...two, accountIdGuid: 'x' }),
    pairs.slice(0, 1),
  )
  t.strictSame(read(one, { ...two, accountIdGuid: A }), [], 'one GUID for two numbers')
  t.strictSame(read(one, { ...two, accountId: '1' }), [], 'one number for two GUIDs')
  t.strictSame(readAliases(call, Buffer.from('{"loginAccounts":{}}'), JSON_UTF8, ''), [])
  t.end()
})

void t.test('no body makes the reading of names throw, and only names come of it', t => {
  const calls = [callOf('GET', ACCOUNT_PATH), callOf('GET', '/restapi/v2.1/login_information')]
  const key = fc.constantFrom('accountIdGuid', 'externalAccountId', 'loginAccounts', 'accountId', 'x')
  const value = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(A, OTHER, '7', '14072015') }, fc.jsonValue())
  const entry = fc.dictionary(key, value, { minKeys: 1 })
  const body = fc.oneof(
    entry.map(fields => Buffer.from(JSON.stringify(fields))),
    fc.array(entry).map(entries => Buffer.from(JSON.stringify({ loginAccounts: entries }))),
    fc.uint8Array({ maxLength: 100 }).map(bytes => Buffer.from(bytes)),
  )
  let found = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...calls),
      body,
      fc.constantFrom('', '', '', 'gzip', 'br', 'x'),
      (call, bytes, coding) => {
        const aliases = readAliases(call, bytes, JSON_UTF8, coding)
        found += aliases.length
        return aliases.every(({ number, guid }) => /^\d+$/.test(number) && (guid === A || guid === OTHER))
      },
    ),
    { numRuns: 2000 },
  )
  t.ok(found > 20, `${found} names were found`)
  t.end()
})
