import fc from 'fast-check'
import t from 'tap'
import { startPassing } from './fixtures/governor.js'
import {
  ask,
  header,
  makeRequestReader,
  openClient,
  startUpstream,
  until,
  type Upstream,
} from './fixtures/upstream.js'

/** One thing to send, and the requests that its sender has made in it, by the strictest reading. */
interface Vector {
  readonly name: string
  readonly bytes: string
  /** Request targets that may be heard upstream; each at most once. */
  readonly own: readonly string[]
}

const LANES = 32
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\nX-Smuggled: 1\r\n\r\n'
/** As it is sent: the canary is numbered. */
const n = SMUGGLED.length + '-0000'.length
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']

const vectors: Vector[] = []
/** `make` is given a path of its own; behind every vector comes a plain request on the same connection. */
function add(name: string, make: (path: string) => string): void {
  const path = `/restapi/v${vectors.length}`
  const after = `${path}-after`
  const canary = `/smuggled-${String(vectors.length).padStart(4, '0')}`
  const bytes = `${make(path).replaceAll('/smuggled', canary)}GET ${after} HTTP/1.1\r\nHost: x\r\n\r\n`
  const own = new Set([path, after])
  // What a strict reader sees as a request of its sender's is one: a GET without a declared body has none.
  const sender = makeRequestReader(
    ({ target }) => own.add(target),
    () => undefined,
  )
  sender.feed(Buffer.from(bytes, 'latin1'))
  vectors.push({ name, bytes, own: [...own] })
}

function request(method: string, lines: readonly string[], body = '') {
  return (path: string) => [`${method} ${path} HTTP/1.1`, 'Host: x', ...lines, '', body].join('\r\n')
}

const chunked = (body: string) => `${n.toString(16)}\r\n${body}\r\n0\r\n\r\n`

// Every method with every body that smuggling was ever seen in.
for (const method of METHODS) {
  const length = n
  const bodies: Record<string, [string[], string]> = {
    none: [[], ''],
    undeclared: [[], SMUGGLED],
    'of length 0': [['Content-Length: 0'], SMUGGLED],
    sized: [[`Content-Length: ${length}`], SMUGGLED],
    chunked: [['Transfer-Encoding: chunked'], chunked(SMUGGLED)],
    'empty chunked': [['Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
    'CL.TE': [['Content-Length: 6', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
    'TE.CL': [['Transfer-Encoding: chunked', 'Content-Length: 4'], chunked(SMUGGLED)],
    'CL in Connection': [['Connection: content-length', `Content-Length: ${length}`], SMUGGLED],
    'TE in Connection': [['Connection: transfer-encoding', 'Transfer-Encoding: chunked'], chunked(SMUGGLED)],
    'expecting 100': [['Expect: 100-continue', `Content-Length: ${length}`], SMUGGLED],
    'expecting 100, chunked': [['Expect: 100-continue', 'Transfer-Encoding: chunked'], chunked(SMUGGLED)],
    upgrading: [['Connection: upgrade', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'], SMUGGLED],
    'upgrading, sized': [
      ['Connection: upgrade', 'Upgrade: websocket', `Content-Length: ${length}`],
      SMUGGLED,
    ],
  }
  for (const [name, [lines, body]] of Object.entries(bodies))
    add(`${method} ${name}`, request(method, lines, body))
}

const CODINGS = [
  ' chunked',
  '  chunked',
  '\tchunked',
  ' chunked ',
  ' chunked\t',
  ' Chunked',
  ' CHUNKED',
  'chunked',
  ' chunked,',
  ' ,chunked',
  ' chunked, identity',
  ' identity, chunked',
  ' identity',
  ' gzip, chunked',
  ' chunked, gzip',
  ' gzip',
  ' deflate, chunked',
  ' chunked, chunked',
  ' \x0bchunked',
  ' \x0cchunked',
  ' chunked\x0b',
  ' "chunked"',
  " 'chunked'",
  ' chunked;q=1',
  ' chunked; ext',
  ' xchunked',
  ' chunkedx',
  ' chunk',
  ' cow',
  ' chunked\r\n ',
  '\r\n chunked',
  ' \r\n\tchunked',
  ' chunked\r\n , identity',
  ' chun\r\n ked',
  ' chunked\x00',
  ' \x00chunked',
  ' chunked\r',
  ' \rchunked',
  ' chunked\n',
  '\nchunked',
  ' \xa0chunked',
  ' chunked\xa0',
  ' \xffchunked',
  '',
  ' ',
  ' chunked\x7f',
  ' ch\xfcnked',
  ' x\r\nTransfer-Encoding: chunked',
  ' chunked\r\nTransfer-Encoding: x',
  ' chunked\r\nTransfer-Encoding: chunked',
  ' identity\r\nTransfer-Encoding: chunked',
  ' chunked\r\nTransfer-Encoding: identity',
  ' chunked\r\ntransfer-encoding:',
] as const
for (const coding of CODINGS) {
  const shown = JSON.stringify(coding)
  const line = `Transfer-Encoding:${coding}`
  add(`coding ${shown}`, request('POST', [line], chunked(SMUGGLED)))
  add(`coding ${shown}, then a length`, request('POST', [line, 'Content-Length: 4'], chunked(SMUGGLED)))
  add(`a length, then coding ${shown}`, request('POST', ['Content-Length: 6', line], `0\r\n\r\n${SMUGGLED}`))
  add(`DELETE of coding ${shown}`, request('DELETE', [line], chunked(SMUGGLED)))
}

const NAMES = [
  'Transfer-Encoding ',
  ' Transfer-Encoding',
  '\tTransfer-Encoding',
  'Transfer-Encoding\t',
  'Transfer\x00-Encoding',
  'Transfer_Encoding',
  'Transfer Encoding',
  'Transfer-Encoding\x0b',
  '\x0bTransfer-Encoding',
  'Transfer-Encoding\r',
  '\rTransfer-Encoding',
  'X: 1\nTransfer-Encoding',
  'X: 1\rTransfer-Encoding',
  'X:\r\n Transfer-Encoding',
  'Transfer-Encodin\xc4\xa7',
  'Transfer-Encoding:',
  '"Transfer-Encoding"',
  'X-Transfer-Encoding',
  'tRANSFER-eNCODING',
  'Transfer-Encoding\x00',
  'Foo\r\n\r\nTransfer-Encoding',
  '\x85Transfer-Encoding',
  'Transfer\u00adEncoding',
]
for (const name of NAMES) {
  const shown = JSON.stringify(name)
  add(`name ${shown}`, request('POST', [`${name}: chunked`], chunked(SMUGGLED)))
  add(
    `name ${shown} beside a length`,
    request('POST', ['Content-Length: 6', `${name}: chunked`], `0\r\n\r\n${SMUGGLED}`),
  )
  const length = name.replace(/Transfer.*Encodin[g]?/i, 'Content-Length')
  add(`name ${JSON.stringify(length)}`, request('POST', [`${length}: ${n}`], SMUGGLED))
}

const LENGTHS = [
  `+${n}`,
  `-${n}`,
  `0${n}`,
  `000000000000000000000${n}`,
  ` ${n}`,
  `${n} `,
  `\t${n}`,
  `${n}\t`,
  `${n},${n}`,
  `${n}, ${n}`,
  `${n},0`,
  `0,${n}`,
  `0x${n.toString(16)}`,
  n.toString(16),
  `${n}.0`,
  `${n}e0`,
  `${n};`,
  `"${n}"`,
  `${n}\x00`,
  `\x0b${n}`,
  `${n}\x0b`,
  `${n}\r\n `,
  `\r\n ${n}`,
  `${n}\r\n 0`,
  '',
  ' ',
  '-1',
  '+0',
  '-0',
  '00',
  '0 0',
  `${n} 0`,
  `1 ${n}`,
  '1_0',
  'a',
  '\xb2',
  '٣',
  '4294967296',
  '4294967297',
  '18446744073709551615',
  '18446744073709551616',
  `${2n ** 64n + BigInt(n)}`,
  '9007199254740993',
  '1e400',
  'Infinity',
  'NaN',
  '0b1',
  '0o7',
  `${n}\r`,
  `${n}\n`,
  `\r${n}`,
  `${n}\r\nContent-Length: ${n}`,
  `${n}\r\nContent-Length: 0`,
  `0\r\nContent-Length: ${n}`,
  `${n}\r\nContent-Length:`,
  `${n}\r\ncontent-length: ${n + 1}`,
]
for (const length of LENGTHS) {
  for (const method of ['POST', 'GET', 'DELETE'])
    add(
      `${method} of length ${JSON.stringify(length)}`,
      request(method, [`Content-Length:${length}`], SMUGGLED),
    )
}

const CHUNKS = [
  `${n.toString(16)};ext`,
  `${n.toString(16)};ext=1`,
  `${n.toString(16)};ext="a;b"`,
  `${n.toString(16)};ext="\r\n"`,
  `${n.toString(16)};\n`,
  `${n.toString(16)} ;x`,
  `${n.toString(16)}; x`,
  `${n.toString(16)};${'x'.repeat(20_000)}`,
  `0${n.toString(16)}`,
  `${'0'.repeat(40)}${n.toString(16)}`,
  `0x${n.toString(16)}`,
  `-${n.toString(16)}`,
  `+${n.toString(16)}`,
  ` ${n.toString(16)}`,
  `${n.toString(16)} `,
  `\t${n.toString(16)}`,
  `${n.toString(16)}\t`,
  `${n.toString(16)}\x00`,
  `${n.toString(16)}\x0b`,
  `${n.toString(16)}\r`,
  `${n.toString(16)}\n`,
  '',
  'g',
  '-1',
  '0;',
  '1 0',
  'FFFFFFFFFFFFFFFF',
  '10000000000000000',
  `1000000000000000${n.toString(16)}`,
  'ffffffff',
  '7fffffffffffffff',
  `${n.toString(16)},0`,
  `"${n.toString(16)}"`,
  `${n.toString(16)}h`,
  `${n.toString(16)}.`,
  `_${n.toString(16)}`,
  `${n.toString(16)};a\rb`,
  `${n.toString(16)};a\nb`,
  `${n.toString(16).toUpperCase()}`,
]
for (const size of CHUNKS) {
  const shown = JSON.stringify(size.slice(0, 40))
  const line = ['Transfer-Encoding: chunked']
  add(`chunk size ${shown}`, request('POST', line, `${size}\r\n${SMUGGLED}\r\n0\r\n\r\n`))
  add(`chunk size ${shown}, bare LF`, request('POST', line, `${size}\n${SMUGGLED}\r\n0\r\n\r\n`))
  add(`second chunk size ${shown}`, request('PUT', line, `1\r\nx\r\n${size}\r\n${SMUGGLED}\r\n0\r\n\r\n`))
}
const ENDS = [
  `${SMUGGLED}0\r\n\r\n`,
  `${SMUGGLED}\n0\r\n\r\n`,
  `${SMUGGLED}\r0\r\n\r\n`,
  `${SMUGGLED}\r\n0\n\n`,
  `${SMUGGLED}\r\n0\r\n\n`,
  `${SMUGGLED}\r\n0\n\r\n`,
  `${SMUGGLED}\r\n0\r\r`,
  `${SMUGGLED}\r\n0\r\n\r`,
  `${SMUGGLED}xx0\r\n\r\n`,
  `${SMUGGLED}\r\n\r\n0\r\n\r\n`,
  `${SMUGGLED}\r\n00\r\n\r\n`,
  `${SMUGGLED}\r\n0;x\r\n\r\n`,
  `${SMUGGLED}\r\n0 \r\n\r\n`,
  `${SMUGGLED}\r\n0\r\nX-Smuggled: 1\r\n\r\n`,
  `${SMUGGLED}\r\n0\r\nContent-Length: 5\r\n\r\n`,
  `${SMUGGLED}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n`,
  `${SMUGGLED}\r\n0\r\nHost: y\r\n\r\n`,
  `${SMUGGLED}\r\n0\r\nbad trailer\r\n\r\n`,
  `${SMUGGLED}\r\n0\r\nX : 1\r\n\r\n`,
  `${SMUGGLED}\r\n0\r\nX:\x001\r\n\r\n`,
  `${SMUGGLED}\r\n0\r\n X: 1\r\n\r\n`,
  `${SMUGGLED}\r\n0\r\n${SMUGGLED}`,
  `${SMUGGLED}\r\n0\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
]
for (const end of ENDS) {
  add(
    `chunked end ${JSON.stringify(end.slice(SMUGGLED.length, n + 40))}`,
    request('POST', ['Transfer-Encoding: chunked'], `${n.toString(16)}\r\n${end}`),
  )
}

const LINES = [
  'X-A: b\x00c',
  'X-A: b\rc',
  'X-A: b\nX-Smuggled: 1',
  'X-A: b\r\n X-Smuggled: 1',
  'X-A : b',
  ' X-A: b',
  'X-A\x00: b',
  'X A: b',
  ': b',
  'X-A',
  '',
  'X-A: b\r',
  'X-A: b\r\r\nX-Smuggled: 1',
  'X-A: \x01',
  'X-A: \x7f',
  'X-A:b',
  'X-A:',
  'X(A): b',
  'X-A: é',
  'Host: y',
  'Host:',
  'host: evil',
  'Connection: close',
  'Connection: x-a, host',
  'Connection: close\r\nX-B: 1',
  'X-A: b\r\nConnection: x-a',
  'Keep-Alive: 1',
  'Trailer: Content-Length',
  'TE: trailers',
  'Proxy-Connection: close',
  'Upgrade: HTTP/2.0',
  'Expect: 200-ok',
  'Expect: 100-continue, x',
  'X-HTTP-Method-Override: DELETE',
  '__proto__: 1',
  'constructor: 1',
  'toString: 1',
  'Content-Length : 5',
  'Content-Type: a\r\nContent-Type: b',
  `X-Long: ${'x'.repeat(15_000)}`,
  `X-Long: ${'x'.repeat(80_000)}`,
  Array.from({ length: 99 }, (_, i) => `X-${i}: 1`).join('\r\n'),
]
for (const line of LINES) {
  add(`line ${JSON.stringify(line.slice(0, 40))}`, request('GET', [line]))
  add(
    `line ${JSON.stringify(line.slice(0, 40))}, sized`,
    request('POST', [line, `Content-Length: ${n}`], SMUGGLED),
  )
}

const FIRST: ((path: string) => string)[] = [
  path => `GET ${path}\r\n\r\n`,
  path => `GET ${path} HTTP/0.9\r\nHost: x\r\n\r\n`,
  path => `GET ${path} HTTP/1.0\r\nHost: x\r\n\r\n`,
  path => `GET ${path} HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`,
  path => `GET ${path} HTTP/1.2\r\nHost: x\r\n\r\n`,
  path => `GET ${path} HTTP/2.0\r\nHost: x\r\n\r\n`,
  path => `GET ${path} HTTP/11\r\nHost: x\r\n\r\n`,
  path => `GET ${path} http/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path} HTTP/1.1 \r\nHost: x\r\n\r\n`,
  path => `GET  ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET\t${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}\tHTTP/1.1\r\nHost: x\r\n\r\n`,
  path => ` GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `\r\nGET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `\nGET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `get ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GeT ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `FOO ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `G\x00T ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}\x00 HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path} x HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}\rHTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path} HTTP/1.1\nHost: x\n\n`,
  path => `GET ${path} HTTP/1.1\rHost: x\r\r`,
  path => `GET ${path} HTTP/1.1\r\n\r\n`,
  path => `GET http://evil${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET https://x:y@evil${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET evil:80${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET //evil${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}#x HTTP/1.1\r\nHost: x\r\n\r\n`,
  () => 'CONNECT evil:80 HTTP/1.1\r\nHost: x\r\n\r\n',
  () => 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
  path => `CONNECT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${n}\r\n\r\n${SMUGGLED}`,
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
  path => `POST ${path} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(SMUGGLED)}`,
  path =>
    `POST ${path} HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n${chunked(SMUGGLED)}`,
  path => `POST ${path} HTTP/1.0\r\nContent-Length: ${n}\r\n\r\n${SMUGGLED}`,
  path => `POST ${path} HTTP/1.0\r\nContent-Length: ${n}\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED}`,
  path => `GET ${path}\r\nX-Smuggled: 1 HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}%0d%0aX-Smuggled:%201 HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}?%0d%0aX-Smuggled:%201 HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}/../../smuggled HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}/%2e%2e/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`,
  path => `GET ${path}\\..\\smuggled HTTP/1.1\r\nHost: x\r\n\r\n`,
  () => SMUGGLED.replace('GET', 'QQQ'),
  () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  () => '\x00'.repeat(200),
  () => 'PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n',
]
for (const first of FIRST) add(`first line ${JSON.stringify(first('/P').slice(0, 60))}`, first)

/**
 * The most obliging upstream there is: it answers whatever it can make out, at once, and keeps the connection. What
 * it could make out is then judged by the strict reader.
 */
const upstream = await startUpstream({ record: true })
const governor = await startPassing(upstream.url)
t.teardown(async () => {
  await governor.stop()
  await upstream.close()
})

/** What of an upstream's bytes is not exactly well-formed requests. */
function malformedAt({ connections }: Upstream): string[] {
  return connections.flatMap(({ fault, isPartial, isClosed, received }, i) => {
    const shown = () => JSON.stringify(Buffer.concat(received).toString('latin1').slice(-300))
    if (fault !== undefined) return [`connection ${i}: ${fault}: ${shown()}`]
    // Half a request on a connection that was then ended is a broken request, and nobody acts on it.
    return isPartial && !isClosed ? [`connection ${i} stands in the middle of a request: ${shown()}`] : []
  })
}

/** A vector through the house on a connection of its own; what was wrong with what came of it. */
async function anomalies({ name, bytes, own }: Vector): Promise<string[]> {
  const wrong: string[] = []
  const client = await openClient(governor.port)
  client.send(bytes)
  // The client has said all it has to say: with its end, no message is waiting for more.
  const methods = [bytes.split(' ')[0] ?? '', 'GET', 'GET']
  const isDone = () => client.isClosed() || client.reading(methods).answers.length >= own.length
  const stalls = await until('an answer or an end', isDone, 2000).then(
    () => false,
    () => true,
  )
  const before = client.reading(methods)
  // A message that is not whole may wait for its rest; one that is may not be left hanging.
  if (stalls && before.answers.length === 0 && !isUnfinished(bytes)) wrong.push('left hanging')
  client.socket.end()
  await client.closed(1000)
  const { answers, fault } = client.reading(methods)
  if (fault !== undefined) wrong.push(`the client was sent something else than answers: ${fault}`)
  const forwarded = answers.filter(each => header(each, 'x-governor-outcome') === 'forwarded').length
  const heard = upstream.heard.filter(({ target }) => own.some(path => target === path))
  if (heard.length > forwarded) wrong.push(`${heard.length} requests upstream, ${forwarded} answers`)
  for (const path of own) {
    if (heard.filter(({ target }) => target === path).length > 1) wrong.push(`${path} was heard twice`)
  }
  for (const each of heard) {
    if (!METHODS.includes(each.method) || !bytes.includes(`${each.method} `))
      wrong.push(`method ${each.method}`)
    if (header(each, 'x-smuggled') !== undefined && !each.target.startsWith('/smuggled'))
      wrong.push('a header line was smuggled')
  }
  return wrong.map(what => `${name}: ${what}`)
}

/** Its sender declared more than was sent, so a reader is right to wait. */
function isUnfinished(bytes: string): boolean {
  const lengths = [...bytes.matchAll(/content-length:[ \t]*(\d+)/gi)].map(([, length]) => Number(length))
  return lengths.some(length => length > n) || /\r\n[1-9a-f][0-9a-f]{4,15}\r\n/i.test(bytes)
}

void t.test(
  `what DocuSign reads is one request per answered request, over ${vectors.length} framings`,
  async t => {
    t.ok(vectors.length >= 600, `${vectors.length} vectors`)
    const queue = [...vectors]
    const found: string[] = []
    await Promise.all(
      Array.from({ length: LANES }, async () => {
        for (let vector = queue.shift(); vector; vector = queue.shift())
          found.push(...(await anomalies(vector)))
      }),
    )
    t.same(found, [], 'no anomaly')
    t.same(malformedAt(upstream), [], 'every byte upstream belongs to a well-formed request')
    const asked = new Set(vectors.flatMap(({ own }) => own))
    const foreign = upstream.heard.filter(({ target }) => !asked.has(target.split('?')[0] ?? ''))
    t.same(
      foreign.map(
        ({ method, target }) => `${method} ${target}: ${vectors[Number(target.split('-')[1])]?.name}`,
      ),
      [],
      'nobody has asked for anything else',
    )
    const outcomes = vectors.filter(({ own }) => upstream.at(own[0] ?? '').length > 0).length
    t.ok(outcomes > 100, `${outcomes} vectors were sound and went up: the house is not simply shut`)
  },
)

const lone = (port: number) => ask(port, 'GET /restapi/probe HTTP/1.1\r\nHost: x\r\n\r\n')
const unexpected = () => governor.lines.filter(line => line.includes('unexpected-error'))
/** Positions (as a share of the whole) and what to put there. */
const damage = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    drop: fc.integer({ min: 0, max: 4 }),
    put: fc.oneof(
      fc.uint8Array({ maxLength: 3 }).map(bytes => Buffer.from(bytes).toString('latin1')),
      fc.constantFrom(
        '\r\n',
        '\r',
        '\n',
        ':',
        ' ',
        '\0',
        '0',
        ';',
        ',',
        '\r\n\r\n',
        'Transfer-Encoding: chunked\r\n',
        'HTTP/1.1',
      ),
    ),
  }),
  { minLength: 1, maxLength: 4 },
)
function damaged(text: string, blows: readonly { at: number; drop: number; put: string }[]): string {
  return blows.reduce((sound, { at, drop, put }) => {
    const i = Math.floor(at * sound.length)
    return sound.slice(0, i) + put + sound.slice(i + drop)
  }, text)
}

void t.test('whatever a client sends, the house stands', async t => {
  const sound = fc.constantFrom(
    request('GET', ['Accept: application/json', 'Connection: keep-alive'])('/restapi/fuzz'),
    request('POST', [`Content-Length: ${n}`, 'Expect: 100-continue'], SMUGGLED)('/restapi/fuzz'),
    request(
      'PUT',
      ['Transfer-Encoding: chunked', 'Trailer: x'],
      `5;x=1\r\nhello\r\n0\r\nx: 1\r\n\r\n`,
    )('/restapi/fuzz'),
  )
  const samples = fc.sample(fc.tuple(sound, damage), { numRuns: 320, seed: 20261123 })
  const from = upstream.connections.length
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let sample = samples.shift(); sample; sample = samples.shift()) {
        const client = await openClient(governor.port)
        client.send(damaged(...sample))
        const isDone = () => client.isClosed() || client.reading().answers.length > 0
        await until('something', isDone, 250).catch(() => undefined)
        client.leave('end')
      }
    }),
  )
  t.equal((await lone(governor.port)).status, 200)
  t.same(
    upstream.connections
      .slice(from)
      .filter(({ fault }) => fault !== undefined)
      .map(({ fault }) => fault),
    [],
    'what went up was well-formed',
  )
  t.same(unexpected(), [])
})

void t.test('whatever DocuSign answers, the house stands, and a cut body is a cut client', async t => {
  const heads = [
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ok"\r\n6\r\n:true}\r\n0\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 11\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
  ]
  const samples = fc.sample(fc.tuple(fc.constantFrom(...heads), damage, fc.boolean()), {
    numRuns: 320,
    seed: 20261123,
  })
  samples.push(
    ...fc.sample(
      fc.tuple(
        fc.uint8Array({ minLength: 1, maxLength: 60 }).map(bytes => Buffer.from(bytes).toString('latin1')),
        fc.constant<{ at: number; drop: number; put: string }[]>([]),
        fc.boolean(),
      ),
      { numRuns: 60, seed: 20261123 },
    ),
  )
  const answers = new Map<string, { bytes: string; ends: boolean }>()
  upstream.on('/restapi/odd', {
    onWhole({ target, send, socket }) {
      const answer = answers.get(target)
      if (answer === undefined) return
      send(answer.bytes)
      // A quiet upstream would only cost the test its patience: what it says is said, and then it goes.
      if (answer.ends) socket.end()
      else setTimeout(() => socket.resetAndDestroy(), 30)
    },
  })
  const wrong: string[] = []
  let count = 0
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let sample = samples.shift(); sample; sample = samples.shift()) {
        const [text, blows, ends] = sample
        const target = `/restapi/odd-${count++}`
        const bytes = damaged(text, blows)
        answers.set(target, { bytes, ends })
        const client = await openClient(governor.port)
        client.send(request('POST', ['Content-Length: 0'])(target))
        const isDone = () => client.isClosed() || client.reading().answers.length > 0
        await until('an answer or an end', isDone, 2000).catch(() =>
          wrong.push(`hangs: ${JSON.stringify(bytes)}`),
        )
        const { fault, answers: told } = client.reading()
        if (fault !== undefined) wrong.push(`${fault}: ${JSON.stringify(bytes)}`)
        const [only] = told
        const declared = /\r\ncontent-length: *(\d+)\r\n/i.exec(bytes)?.[1]
        const isForwarded = only && header(only, 'x-governor-outcome') === 'forwarded'
        if (isForwarded && only.status < 204 && declared !== undefined && !/chunked/i.test(bytes)) {
          if (only.body.length !== Number(declared)) wrong.push(`not whole: ${JSON.stringify(bytes)}`)
        }
        client.leave()
      }
    }),
  )
  t.same(wrong, [])
  t.equal((await lone(governor.port)).status, 200)
  t.same(unexpected(), [])
})

void t.test('a body that is cut at any byte is a cut client', async t => {
  const wholes = [
    'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ok"\r\n6\r\n:true}\r\n0\r\n\r\n',
  ]
  const wrong: string[] = []
  const cuts = wholes.flatMap(whole =>
    Array.from({ length: whole.length - 1 }, (_, i) => ({ bytes: whole.slice(0, i + 1), ends: i % 2 === 0 })),
  )
  upstream.on('/restapi/cut-', {
    onWhole({ target, send, socket }) {
      const cut = cuts[Number(target.split('-')[1])]
      send(cut?.bytes ?? '')
      if (cut?.ends) socket.end()
      else setTimeout(() => socket.resetAndDestroy(), 10)
    },
  })
  await Promise.all(
    cuts.map(async ({ bytes }, i) => {
      const client = await openClient(governor.port)
      client.send(request('POST', ['Content-Length: 0'])(`/restapi/cut-${i}`))
      const isDone = () => client.isClosed() || client.reading().answers.length > 0
      await until('an end', isDone).catch(() => wrong.push(`hangs: ${JSON.stringify(bytes)}`))
      const [told] = client.reading().answers
      const isHeadWhole = bytes.includes('\r\n\r\n')
      if (isHeadWhole ? told !== undefined : told?.status !== 502)
        wrong.push(`${told?.status}: ${JSON.stringify(bytes)}`)
      client.leave()
    }),
  )
  t.same(wrong, [])
  t.same(unexpected(), [])
})
