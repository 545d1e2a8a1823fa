/** What of HTTP makes one representation, which answers may be kept, and how a copy answers. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { Call } from '../src/base/types.js'
import { makeIdentify } from '../src/identify/identify.js'
import * as cacheStatus from '../src/shield/cache-status.js'
import { makeEtag, valueOf } from '../src/shield/etag.js'
import { keepOf, mayAnswer, mayKeep, mayLead } from '../src/shield/keepable.js'
import { replay, type Replayable } from '../src/shield/replay.js'
import { canonicalQuery, codingClass, representationOf } from '../src/shield/representation.js'

// A date that names no zone is GMT, wherever the governor runs: where it runs must be somewhere else to see it.
process.env['TZ'] = 'Pacific/Auckland'

const identify = makeIdentify({ apps: [], isOurs: () => true }, () => 'other')
const ENVELOPE = '/restapi/v2.1/accounts/1703061/envelopes/4b728be4-98ab-41ec-9b3a-d63e23f822b6'
const DOCUMENT = `${ENVELOPE}/documents/1`

type Headers = Readonly<Record<string, string>>

function call(target = DOCUMENT, method = 'GET'): Call {
  const read = identify(method, target)
  if (read.kind !== 'call') throw new Error(read.message)
  return read
}

function keyed(target: string, headers: Headers = {}): string {
  return representationOf(call(target), headers)
}

void t.test('what DocuSign could answer differently has a key of its own', t => {
  const distinct: readonly (readonly [string, Headers])[] = [
    [DOCUMENT, {}],
    [ENVELOPE, {}],
    [`${ENVELOPE}/documents/2`, {}],
    [`${DOCUMENT}?encrypt=true`, {}],
    [`${DOCUMENT}?encrypt=false`, {}],
    [`${DOCUMENT}?encrypt`, {}],
    [`${DOCUMENT}?encrypt=`, {}],
    [`${DOCUMENT}?a=1&a=2`, {}],
    [`${DOCUMENT}?a=2&a=1`, {}],
    [`${DOCUMENT}?a=1&A=2`, {}],
    [`${DOCUMENT}?A=2&a=1`, {}],
    [`${DOCUMENT}?from=1+1`, {}],
    [`${DOCUMENT}?from=1%2B1`, {}],
    [`${DOCUMENT}?from=1%201`, {}],
    [`${DOCUMENT}?a=1%26b=2`, {}],
    [`${DOCUMENT}?a=1&b=2`, {}],
    [`${DOCUMENT}?a%3D1`, {}],
    [`${DOCUMENT}?a=1`, {}],
    [`${DOCUMENT}?a=%2541`, {}],
    [`${DOCUMENT}?a=A`, {}],
    [DOCUMENT, { accept: 'application/pdf' }],
    [DOCUMENT, { accept: 'application/json' }],
    [DOCUMENT, { accept: 'application/pdf, application/json' }],
    [DOCUMENT, { accept: 'x/y; p="A"' }],
    [DOCUMENT, { accept: 'x/y; p="a"' }],
    [DOCUMENT, { 'accept-charset': 'utf-8' }],
    [DOCUMENT, { 'accept-encoding': '' }],
    [DOCUMENT, { 'accept-encoding': 'gzip' }],
    [DOCUMENT, { 'accept-encoding': 'gzip, br' }],
    [DOCUMENT, { 'accept-encoding': 'gzip;q=nonsense' }],
    [DOCUMENT, { 'accept-encoding': '*;q=0' }],
    [DOCUMENT, { 'accept-language': 'de' }],
    [DOCUMENT, { 'content-transfer-encoding': 'base64' }],
    [DOCUMENT, { 'content-transfer-encoding': 'binary' }],
  ]
  const keys = new Map<string, string>()
  for (const [target, headers] of distinct) {
    const key = keyed(target, headers)
    const spelled = JSON.stringify([target, headers])
    t.equal(keys.get(key), undefined, spelled)
    keys.set(key, spelled)
  }
  t.end()
})

void t.test('another spelling of one thing has the same key', t => {
  const same: readonly (readonly [string, Headers, string, Headers])[] = [
    [DOCUMENT, {}, `${DOCUMENT}?`, {}],
    [DOCUMENT, {}, `${DOCUMENT.toUpperCase()}/`, {}],
    [`${DOCUMENT}?a=1&b=2`, {}, `${DOCUMENT}?b=2&a=1&`, {}],
    [`${DOCUMENT}?ids=a,b`, {}, `${DOCUMENT}?ids=a%2cb`, {}],
    [`${DOCUMENT}?ids=%c3%a9`, {}, `${DOCUMENT}?ids=%C3%A9`, {}],
    [`${DOCUMENT}?include=tabs`, {}, `${DOCUMENT}?%69nclude=t%61bs`, {}],
    [
      DOCUMENT,
      { accept: 'application/json,text/xml;q=0.5' },
      DOCUMENT,
      { accept: ' Application/JSON , text/xml ; q=0.5' },
    ],
    [
      DOCUMENT,
      // The Node SDK's; no copy is ever in `compress`.
      { 'accept-encoding': 'gzip, compress, deflate, br' },
      DOCUMENT,
      { 'accept-encoding': 'BR;q=0.8,deflate;q=0.001, gzip' },
    ],
    [DOCUMENT, { 'accept-language': 'de-CH, de;q=0.5' }, DOCUMENT, { 'accept-language': 'de-ch,de;q=0.5' }],
    [
      DOCUMENT,
      { 'content-transfer-encoding': 'base64' },
      DOCUMENT,
      { 'content-transfer-encoding': 'Base64' },
    ],
    [
      DOCUMENT,
      {},
      DOCUMENT,
      {
        'content-type': 'application/json',
        'user-agent': 'Swagger-Codegen/v2.1/10.0.0/node/v20',
        'x-docusign-sdk': 'Node',
        'node-ver': 'v20.0.0',
        range: 'bytes=0-1',
        'if-none-match': '"a"',
        authorization: 'Bearer a',
      },
    ],
  ]
  for (const [target, headers, other, spelled] of same) {
    t.equal(keyed(target, headers), keyed(other, spelled), JSON.stringify([other, spelled]))
  }
  t.equal(
    representationOf(call(DOCUMENT, 'HEAD'), {}),
    representationOf(call(DOCUMENT, 'GET'), {}),
    'HEAD and GET ask for one representation',
  )
  t.end()
})

/** What servers make of a query: names folded or not, `+` a space or not. */
const SERVERS = [true, false].flatMap(folds => [true, false].map(spaces => ({ folds, spaces })))

function seenBy({ folds, spaces }: (typeof SERVERS)[number], query: string): string {
  const seen: Record<string, (string | null)[]> = {}
  const decode = (text: string) => decodeURIComponent(spaces ? text.replaceAll('+', '%20') : text)
  for (const parameter of query.split('&')) {
    if (parameter === '') continue
    const [name = '', ...rest] = parameter.split('=')
    const key = folds ? decode(name).toLowerCase() : decode(name)
    const value = rest.length === 0 ? null : decode(rest.join('='))
    ;(seen[`_${key}`] ??= []).push(value)
  }
  return JSON.stringify(Object.entries(seen).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const piece = fc.constantFrom('a', 'A', '%61', 'b', '+', '%20', '%2B', '%2b', ',', '%2c', '%26', '%3D', '%25')
const parameter = fc
  .tuple(fc.array(piece, { minLength: 1, maxLength: 2 }), fc.array(piece, { maxLength: 2 }), fc.boolean())
  .map(([name, value, bare]) => (bare ? name.join('') : `${name.join('')}=${value.join('')}`))
const parameters = fc.array(parameter, { maxLength: 4 })

void t.test('two queries that any server could tell apart have two forms', t => {
  const pair = fc.tuple(parameters, parameters)
  fc.assert(
    fc.property(pair, ([one, other]) => {
      const [a, b] = [one.join('&'), other.join('&')]
      if (canonicalQuery(a) !== canonicalQuery(b)) return true
      return SERVERS.every(server => seenBy(server, a) === seenBy(server, b))
    }),
    { numRuns: 20_000 },
  )
  t.pass()
  t.end()
})

void t.test('parameters of different names may come in any order', t => {
  const folded = (text: string) =>
    decodeURIComponent((text.split('=')[0] ?? '').replaceAll('+', '%20')).toLowerCase()
  const shuffled = parameters.chain(list =>
    fc.shuffledSubarray(list, { minLength: list.length }).map(order => {
      // Any order, but those of one name in theirs.
      const queues = new Map<string, string[]>()
      for (const text of list) queues.set(folded(text), [...(queues.get(folded(text)) ?? []), text])
      return [list, order.map(text => queues.get(folded(text))?.shift() ?? '')] as const
    }),
  )
  fc.assert(
    fc.property(shuffled, ([list, order]) => {
      return canonicalQuery(list.join('&')) === canonicalQuery(order.join('&'))
    }),
    { numRuns: 5_000 },
  )
  fc.assert(
    fc.property(parameters, list => {
      const once = canonicalQuery(list.join('&'))
      return canonicalQuery(once) === once
    }),
  )
  t.pass()
  t.end()
})

const CODINGS = ['gzip', 'br', 'deflate', 'zstd', 'identity'] as const

/** RFC 9110, 12.5.3, read naively. */
function accepted(elements: readonly (readonly [coding: string, q: number])[]): string {
  const said = new Map(elements)
  return CODINGS.filter(
    coding => (said.get(coding) ?? said.get('*') ?? (coding === 'identity' ? 1 : 0)) > 0,
  ).join()
}

const element = fc.tuple(fc.constantFrom(...CODINGS, '*', 'compress'), fc.constantFrom(0, 0.001, 0.5, 1))
const elements = fc.uniqueArray(element, { selector: ([coding]) => coding, maxLength: 6 })
const spelledElements = fc.tuple(elements, fc.constantFrom(',', ', ', ' ,\t'), fc.boolean(), fc.boolean())

void t.test('a class of codings is what the client takes, not how it says so', t => {
  const spell = ([list, comma, shouts, weighs]: typeof spelledElements extends fc.Arbitrary<infer T>
    ? T
    : never) =>
    list
      .map(([coding, q]) => {
        const name = shouts ? coding.toUpperCase() : coding
        return q === 1 && !weighs ? name : `${name}${shouts ? ' ; ' : ';'}q=${q}`
      })
      .join(comma)
  fc.assert(
    fc.property(spelledElements, spelledElements, (one, other) => {
      const isSame = codingClass(spell(one)) === codingClass(spell(other))
      return isSame === (accepted(one[0]) === accepted(other[0]))
    }),
    { numRuns: 5_000 },
  )
  t.equal(codingClass('x-gzip'), codingClass('gzip'))
  for (const odd of ['gzip;q=2', 'gzip;level=1', 'gzip, gzip;q=0', '*, *;q=0', 'gzip br']) {
    t.equal(codingClass(odd), odd, `${odd}: what is not certain stands for itself`)
  }
  t.end()
})

void t.test('what may be answered from a copy', t => {
  const may = (headers: Headers, method = 'GET', target = DOCUMENT) =>
    mayAnswer(call(target, method), headers)
  const SDK = {
    accept: 'application/json',
    'accept-encoding': 'gzip, compress, deflate, br',
    authorization: 'Bearer a',
    connection: 'keep-alive',
    'content-type': 'application/json',
    host: 'localhost',
    'node-ver': 'v20.0.0',
    'user-agent': 'x',
    'x-docusign-sdk': 'Node',
  }
  t.ok(may(SDK), "an SDK's GET")
  t.ok(may(SDK, 'HEAD'))
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) t.notOk(may(SDK, method), method)
  t.notOk(may(SDK, 'GET', '/oauth/userinfo'))
  const answered = {
    'accept-language': 'de',
    'cache-control': 'no-cache',
    'content-length': '0',
    'content-transfer-encoding': 'base64',
    'if-modified-since': 'Thu, 09 Sep 2021 07:30:49 GMT',
    'if-none-match': '"a"',
    'if-range': '"a"',
    range: 'bytes=0-1',
    traceparent: '00-1-1-00',
    'x-docusign-act-as-user': 'a',
    'x-docusign-act-on-behalf': 'a',
    'x-docusign-authentication': '{}',
    'x-docusign-correlationtoken': 'a',
    'x-request-id': 'a',
  }
  for (const [name, value] of Object.entries(answered)) t.ok(may({ ...SDK, [name]: value }), name)
  const bypasses = {
    'a-im': 'diff',
    'accept-datetime': 'Thu, 09 Sep 2021 07:30:49 GMT',
    'content-length': '2',
    cookie: 'a=b',
    'if-match': '"a"',
    'if-unmodified-since': 'Thu, 09 Sep 2021 07:30:49 GMT',
    origin: 'https://example.com',
    'transfer-encoding': 'chunked',
    'x-docusign-allow-organization': 'true',
    'x-docusign-edit': '{}',
    'x-docusign-something-new': 'a',
    'x-docusign-timetrack': 'a',
    'x-docusign-user-settings-key': 'a',
  }
  for (const [name, value] of Object.entries(bypasses)) t.notOk(may({ ...SDK, [name]: value }), name)

  t.ok(mayLead(call(), SDK))
  t.notOk(mayLead(call(DOCUMENT, 'HEAD'), SDK), 'a HEAD has no body for its twins')
  for (const name of ['range', 'if-none-match', 'if-modified-since'] as const) {
    t.notOk(mayLead(call(), { [name]: answered[name] }), `${name}: its answer may be no one else's`)
  }
  t.ok(mayKeep(call(), SDK))
  t.notOk(mayKeep(call(DOCUMENT, 'HEAD'), SDK), 'the answer to a HEAD is not empty')
  t.ok(mayKeep(call(), { 'cache-control': 'no-cache, max-age=0' }))
  for (const value of ['no-store', 'max-age=0, No-Store', 'no-store,x']) {
    t.notOk(mayKeep(call(), { 'cache-control': value }), value)
  }
  t.end()
})

/** As recorded (facts 1.4, 6.5). */
const ANSWER = [
  ['Cache-Control', 'no-cache'],
  ['Content-Length', '5'],
  ['Content-Type', 'application/pdf'],
  ['X-RateLimit-Reset', '1631174400'],
  ['x-ratelimit-limit', '3000'],
  ['X-RateLimit-Remaining', '2999'],
  ['X-BurstLimit-Limit', '500'],
  ['X-BurstLimit-Remaining', '499'],
  ['X-DocuSign-TraceToken', '37c068f5-3768-4760-8284-df4611185918'],
  ['X-DocuSign-Node', 'DA2DFE188'],
  ['Content-Disposition', 'file; filename="NDA.pdf"; documentid="1"'],
  ['Vary', 'Accept-Encoding'],
  ['Date', 'Thu, 09 Sep 2021 07:30:49 GMT'],
] as const
const KEPT = [
  ['Cache-Control', 'no-cache'],
  ['Content-Type', 'application/pdf'],
  ['Content-Disposition', 'file; filename="NDA.pdf"; documentid="1"'],
  ['Vary', 'Accept-Encoding'],
  ['Date', 'Thu, 09 Sep 2021 07:30:49 GMT'],
].flat()

function keep(...lines: readonly (readonly [string, string])[]) {
  return keepOf(200, [...ANSWER, ...lines].flat())
}

void t.test('what is kept of an answer', t => {
  t.strictSame(keep(), { isPrivate: false, declaredBytes: 5, ageMs: 0, etag: undefined, lines: KEPT })
  const notRepeated = [
    ['Age', '7'],
    ['Accept-Ranges', 'none'],
    ['ETag', 'W/"a"'],
    ['Cache-Status', 'edge; hit'],
    ['Retry-After', '9'],
    ['X-DocuSign-TimeTrack', 'a'],
    ['X-Governor-Wait', '1.000'],
  ] as const
  t.strictSame(keep(...notRepeated)?.lines, KEPT)
  t.equal(keepOf(200, ['Date', 'x'])?.declaredBytes, undefined)
  t.equal(keep(['age', '30'])?.ageMs, 30_000)
  t.equal(keep(['etag', '"a"'])?.etag, '"a"')
  for (const etag of ['W/"a"', '"a,b"', 'a', '"a"b"']) t.equal(keep(['ETag', etag])?.etag, undefined, etag)
  for (const status of [201, 203, 204, 206, 301, 304, 400, 404, 429, 500]) {
    t.equal(keepOf(status, ANSWER.flat()), undefined, String(status))
  }
  const unkept = [
    ['set-cookie', 'a=b'],
    ['Age', 'old'],
    ['Age', '-1'],
    ['Age', '0, 0'],
    ['Set-Cookie2', 'a=b'],
    ['Cache-Control', 'no-store'],
    ['Cache-Control', 'private, No-Store'],
    ['Cache-Control', 'no-store, must-understand'],
    ['Content-Encoding', 'compress'],
    ['Content-Encoding', 'gzip, br'],
    ['Content-Range', 'bytes 0-4/5'],
    ['Content-Length', '99999999999999999'],
    ['Vary', '*'],
    ['Vary', ', *'],
    ['Vary', 'Accept, *'],
    ['Vary', 'User-Agent'],
    ['Vary', 'Accept-Encoding, X-DocuSign-Edit'],
  ] as const
  t.equal(keep(['Age', '0'], ['age', '0']), undefined, 'two ages are none')
  for (const line of unkept) t.equal(keep(line), undefined, line.join(': '))
  const shared = [
    ['Cache-Control', 'max-age=0, must-revalidate'],
    ['Cache-Control', 'not-private, x=privately'],
    ['Content-Encoding', 'gzip'],
    ['Vary', 'Accept,ACCEPT-language, Origin,Cookie'],
    ['Vary', ''],
  ] as const
  for (const line of shared) t.match(keep(line), { isPrivate: false }, line.join(': '))
  const own = [
    ['Cache-Control', 'Private'],
    ['Cache-Control', 'max-age=3,private="x-a"'],
    ['Vary', 'Accept, Authorization'],
    ['Vary', 'x-docusign-act-on-behalf'],
  ] as const
  for (const line of own) t.match(keep(line), { isPrivate: true }, line.join(': '))
  t.end()
})

void t.test('an ETag is strong, and of what is sent', t => {
  const of = (chunks: readonly string[], lines: readonly string[] = []) => {
    const maker = makeEtag(lines)
    for (const chunk of chunks) maker.update(Buffer.from(chunk))
    return maker.etag()
  }
  t.match(of(['a']), /^"[\w-]{16}"$/)
  t.equal(of(['ab', 'c']), of(['a', '', 'bc']), 'whatever pieces it came in')
  t.equal(of(['a'], ['Date', 'x']), of(['a'], ['Date', 'y']), 'whenever it came')
  const [one, ...others] = [
    of(['a']),
    of(['b']),
    of(['a'], ['content-encoding', 'gzip']),
    of(['a'], ['Content-Type', 'gzip']),
    of(['a'], ['Content-Type', 'application/pdf']),
  ]
  t.equal(new Set([one, ...others]).size, 5)
  t.equal(one, `"${createHash('sha256').update('\0\0a').digest('base64url').slice(0, 16)}"`, 'in every run')
  t.end()
})

const BODY = Buffer.from('%PDF-1.7 a contract')
const ETAG = '"copy"'
const MODIFIED = 'Thu, 09 Sep 2021 07:00:00 GMT'

function copyOf(over: Partial<Replayable> = {}): Replayable {
  return { lines: KEPT, bytes: BODY.length, etag: ETAG, ageMs: 61_999, ...over }
}

const OWN = ['ETag', ETAG, 'Age', '61', 'Accept-Ranges', 'bytes']

void t.test('a copy is told in DocuSign’s words and ours', t => {
  const whole = {
    status: 200,
    lines: [...KEPT, ...OWN, 'Content-Length', '19'],
    range: undefined,
    hasBody: true,
  }
  t.strictSame(replay(copyOf(), 'GET', {}), whole)
  t.strictSame(replay(copyOf(), 'HEAD', {}), { ...whole, hasBody: false })
  t.strictSame(replay(copyOf(), 'HEAD', { range: 'bytes=0-1' }), { ...whole, hasBody: false })
  const located = [...KEPT, 'Content-Location', '/x', 'Expires', '-1', 'Content-MD5', 'x', 'Strict', 'y']
  t.strictSame(replay(copyOf({ lines: located }), 'GET', { 'if-none-match': ETAG, range: 'bytes=0-1' }), {
    status: 304,
    lines: [
      ...['Cache-Control', 'no-cache', 'Vary', 'Accept-Encoding', 'Date', 'Thu, 09 Sep 2021 07:30:49 GMT'],
      ...['Content-Location', '/x', 'Expires', '-1', 'ETag', ETAG, 'Age', '61'],
    ],
    range: undefined,
    hasBody: false,
  })
  t.strictSame(replay(copyOf({ lines: located }), 'GET', { range: 'bytes=1-3' }), {
    status: 206,
    lines: [
      ...[...KEPT, 'Content-Location', '/x', 'Expires', '-1', 'Strict', 'y', ...OWN],
      ...['Content-Range', 'bytes 1-3/19', 'Content-Length', '3'],
    ],
    range: { start: 1, end: 3 },
    hasBody: true,
  })
  t.strictSame(replay(copyOf({ lines: located }), 'GET', { range: 'bytes=19-' }), {
    status: 416,
    lines: [
      ...['Cache-Control', 'no-cache', 'Vary', 'Accept-Encoding', 'Date', 'Thu, 09 Sep 2021 07:30:49 GMT'],
      ...['Expires', '-1', ...OWN, 'Content-Range', 'bytes */19', 'Content-Length', '0'],
    ],
    range: undefined,
    hasBody: false,
  })
  t.end()
})

/** RFC 9110, 14.1.2 and 14.2 for one range of bytes: what is sent of the body, or 416. */
function sentOf(body: Buffer, range: string): Buffer | 416 {
  const spec = /^bytes=(.*)$/.exec(range)?.[1]?.trim() ?? ''
  const int = /^(\d+)-(\d*)$/.exec(spec)
  const suffix = /^-(\d+)$/.exec(spec)
  if (body.length === 0) return body
  if (suffix) return suffix[1] === '0' ? 416 : body.subarray(-Number(suffix[1]))
  if (!int) return body
  const [first, last] = [Number(int[1]), int[2] === '' ? Infinity : Number(int[2])]
  if (last < first) return body
  return first >= body.length ? 416 : body.subarray(first, last + 1)
}

void t.test('a Range is served as it is meant', t => {
  const number = fc.oneof(fc.nat(12), fc.constantFrom(1e9, 999_999_999_999_999)).map(String)
  const spec = fc.oneof(
    fc.tuple(number, number).map(([a, b]) => `${a}-${b}`),
    number.map(a => `${a}-`),
    number.map(a => `-${a}`),
    fc.constantFrom(
      '-',
      '',
      'a-b',
      '0x1-2',
      '1-2x',
      '1.5-2',
      '--1',
      '1--2',
      '0-1,3-4',
      '0-1,',
      '1 - 2',
      ' 1-2 ',
    ),
  )
  const range = fc
    .tuple(fc.constantFrom('bytes=', 'bytes=', 'pages=', 'bytes:'), spec)
    .map(parts => parts.join(''))
  fc.assert(
    fc.property(fc.nat(9), range, (length, range) => {
      const body = Buffer.from('0123456789').subarray(0, length)
      const told = replay(copyOf({ bytes: length }), 'GET', { range })
      const expected = sentOf(body, range)
      if (expected === 416) return told.status === 416 && !told.hasBody
      const { start, end } = told.range ?? { start: 0, end: length - 1 }
      const sent = body.subarray(start, end + 1)
      const declared = valueOf(told.lines, 'content-length')
      const place = valueOf(told.lines, 'content-range')
      const isPart = told.status === 206
      return (
        sent.equals(expected) &&
        isPart === (told.range !== undefined) &&
        isPart === (place === `bytes ${start}-${end}/${length}`) &&
        declared === String(expected.length)
      )
    }),
    { numRuns: 10_000 },
  )
  t.equal(replay(copyOf(), 'GET', { range: 'BYTES=0-1' }).status, 206)
  t.end()
})

const DATES: Readonly<Record<string, number>> = {
  'Thu, 09 Sep 2021 06:59:59 GMT': -1,
  'Thursday, 09-Sep-21 06:59:59 GMT': -1,
  'Thu Sep  9 06:59:59 2021': -1,
  [MODIFIED]: 0,
  'Thursday, 09-Sep-21 07:00:00 GMT': 0,
  'Thu Sep  9 07:00:00 2021': 0,
  'Thu, 09 Sep 2021 07:00:01 GMT': 1,
  'Thu Sep  9 07:00:01 2021': 1,
  '2021-09-09T08:00:00Z': NaN,
  '0': NaN,
  'Thu, 99 Sep 2021 07:00:00 GMT': NaN,
  '': NaN,
}

void t.test('conditions are judged as RFC 9110 judges them, in its order', t => {
  const tag = fc.constantFrom(ETAG, `W/${ETAG}`, '"other"', 'W/"other"', 'copy', '"Copy"', '""')
  const list = fc
    .tuple(fc.array(tag, { minLength: 1, maxLength: 3 }), fc.constantFrom(',', ', ', ' ,\t'))
    .map(([tags, comma]) => ({
      line: tags.join(comma),
      matches: tags.some(it => it.replace(/^W\//, '') === ETAG),
    }))
  const noneMatch = fc.oneof(list, fc.constant({ line: '*', matches: true }))
  const date = fc.constantFrom(...Object.keys(DATES))
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
  const request = fc.record({
    method: fc.constantFrom('GET', 'HEAD'),
    noneMatch: maybe(noneMatch),
    since: maybe(date),
    ifRange: maybe(fc.oneof(tag, date)),
    range: maybe(fc.constant('bytes=0-0')),
    cacheControl: maybe(fc.constant('no-cache')),
    lastModified: maybe(fc.constantFrom(MODIFIED, 'yesterday')),
    // Since the copy was last modified.
    answeredSeconds: fc.constantFrom(0, 1, 1800),
  })
  fc.assert(
    fc.property(request, asked => {
      const { method, noneMatch, since, ifRange, range, cacheControl, lastModified } = asked
      const isDated = lastModified === MODIFIED
      const expected = (): number => {
        // 13.2.2: If-None-Match, or else If-Modified-Since, then Range with its If-Range.
        if (noneMatch ? noneMatch.matches : since !== undefined && isDated && (DATES[since] ?? NaN) >= 0)
          return 304
        if (method !== 'GET' || range === undefined) return 200
        if (ifRange === undefined || ifRange === ETAG) return 206
        return isDated && DATES[ifRange] === 0 && asked.answeredSeconds >= 1 ? 206 : 200
      }
      const date = new Date(Date.parse(MODIFIED) + asked.answeredSeconds * 1000).toUTCString()
      const lines = ['Date', date, ...(lastModified === undefined ? [] : ['Last-Modified', lastModified])]
      const sent = {
        'if-none-match': noneMatch?.line,
        'if-modified-since': since,
        'if-range': ifRange,
        range,
        'cache-control': cacheControl,
      }
      const headers = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
      const told = replay(copyOf({ lines }), method, headers)
      const hasLength = valueOf(told.lines, 'content-length') !== undefined
      return (
        told.status === expected() &&
        told.hasBody === (method === 'GET' && told.status !== 304) &&
        hasLength === (told.status !== 304) &&
        valueOf(told.lines, 'etag') === ETAG
      )
    }),
    { numRuns: 20_000 },
  )
  t.pass()
  t.end()
})

void t.test('Cache-Status says what happened in whole seconds', t => {
  t.equal(cacheStatus.hit(899_999), 'hit; ttl=899')
  t.equal(cacheStatus.hit(-1), 'hit; ttl=0')
  t.equal(cacheStatus.staleHit(1), 'hit; ttl=-1; detail=stale-if-error', 'stale is never ttl=0')
  t.equal(cacheStatus.staleHit(2_001), 'hit; ttl=-3; detail=stale-if-error')
  t.strictSame(
    [cacheStatus.BYPASS, cacheStatus.MISS, cacheStatus.STORED, cacheStatus.COLLAPSED],
    ['fwd=bypass', 'fwd=miss', 'fwd=miss; stored', 'fwd=miss; collapsed'],
  )
  t.end()
})
