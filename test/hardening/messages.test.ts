/**
 * Whatever bytes a client sends: what goes up is what was asked, for everybody who could read it; nothing reaches
 * another host or the operators' port; every answer is one; and the log stays one object a line.
 */
import fc from 'fast-check'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import t from 'tap'
import { many } from '../fixtures/governed.js'
import { startPassing } from '../fixtures/governor.js'
import { ask, header, makeRequestReader, openClient, startUpstream, until } from '../fixtures/upstream.js'

const SEED = 20261125
const LANES = 100
const FORGED = 'forged-by-a-client'

const upstream = await startUpstream({ record: true })
/** Whoever promises more than he sends is soon told so, and every connection comes to its end by itself. */
const governor = await startPassing(upstream.url, {
  GOVERNOR_LOG_LEVEL: 'debug',
  GOVERNOR_LISTEN_HEADERS_TIMEOUT: '0.3',
  GOVERNOR_LISTEN_REQUEST_TIMEOUT: '0.3',
  GOVERNOR_LISTEN_KEEP_ALIVE_TIMEOUT: '0.3',
})
/** A host that nobody may be sent to: every connection to it is a stray. */
let strays = 0
const elsewhere = net.createServer(socket => {
  strays++
  socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray')
})
elsewhere.listen(0)
await once(elsewhere, 'listening')
const strayPort = (elsewhere.address() as AddressInfo).port
t.teardown(async () => {
  await governor.stop()
  await upstream.close()
  elsewhere.close()
})
upstream.on('/', {
  onWhole: ({ reply }) =>
    reply(200, 'ok', [`X-DocuSign-TraceToken: {"msg":"${FORGED}"}\x80`, 'X-RateLimit-Limit: 1e999']),
})

const LAST = 'GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'

/** Sends bytes, and behind them a last call, on a connection of its own. What is wrong with what came back, and the statuses. */
async function send(
  bytes: string,
  withinMs = 4_000,
): Promise<{ fault: string | undefined; statuses: number[] }> {
  const client = await openClient(governor.port)
  client.send(bytes + LAST)
  const isClosed = await client.closed(withinMs)
  const { answers, fault, partial } = client.reading()
  client.leave()
  const what = fault ?? (partial ? 'half an answer' : isClosed ? undefined : 'left hanging')
  return { fault: what, statuses: answers.map(({ status }) => status) }
}

async function inLanes<T>(
  samples: readonly T[],
  run: (sample: T, i: number) => Promise<void>,
): Promise<void> {
  let next = 0
  await Promise.all(
    many(LANES, async () => {
      for (let i = next++; i < samples.length; i = next++) await run(samples[i] as T, i)
    }),
  )
}

/** How some server might read a message that is not quite one; all of them take `_` for `-` in a name, as CGI did. */
interface Leniency {
  /** Where a message has both, or a coding that is not quite `chunked`. */
  readonly trusts: 'length' | 'coding'
  /** A line may end with a bare LF. */
  readonly bareLf: boolean
  /** The last `Content-Length` counts, not the first; what stands behind its digits does not. */
  readonly last: boolean
}

/** The targets that a lenient server makes out in bytes that it was sent. */
function readLeniently(bytes: Buffer, how: Leniency): string[] {
  const targets: string[] = []
  let text = bytes.toString('latin1')
  const lineEnd = how.bareLf ? /\r?\n/ : /\r\n/
  const headEnd = how.bareLf ? /\r?\n\r?\n/ : /\r\n\r\n/
  for (;;) {
    text = text.replace(/^(?:\r?\n)+/, '')
    const end = headEnd.exec(text)
    if (!end) return targets
    const lines = text.slice(0, end.index).split(lineEnd)
    text = text.slice(end.index + end[0].length)
    targets.push(lines[0]?.split(/\s+/)[1] ?? '')
    const valuesOf = (name: RegExp) =>
      lines.slice(1).flatMap(line => (name.test(line) ? [line.slice(line.indexOf(':') + 1)] : []))
    const isChunked = valuesOf(/^[\s\0]*transfer[-_]encoding\s*:/i).some(value => /chunked/i.test(value))
    const lengths = valuesOf(/^[\s\0]*content[-_]length\s*:/i).map(value => parseInt(value.trim(), 10) || 0)
    const length = (how.last ? lengths.at(-1) : lengths[0]) ?? 0
    if (isChunked && (how.trusts === 'coding' || lengths.length === 0)) {
      for (;;) {
        const size = lineEnd.exec(text)
        if (!size) return targets
        const count = parseInt(text.slice(0, size.index), 16) || 0
        text = text.slice(size.index + size[0].length + count)
        if (count === 0) {
          text = text.replace(/^(?:[^\r\n]+\r?\n)*\r?\n/, '')
          break
        }
        text = text.replace(/^\r?\n/, '')
      }
    } else text = text.slice(length)
  }
}

const LENIENCIES = (['length', 'coding'] as const).flatMap(trusts =>
  [true, false].flatMap(bareLf => [true, false].map(last => ({ trusts, bareLf, last }))),
)

/** A piece, and now and then one with something of another in it. */
const oneOf = (...texts: string[]) => fc.constantFrom(...texts)
const mark = oneOf('', '', '', '', ' ', '\t', '\r', '\n', '\0', '\x0b', ',', ';', '\xa0', '"')
const framing = fc.oneof(
  fc
    .tuple(
      oneOf('Content-Length', 'content-length', 'Content_Length', 'Content-Length ', ' Content-Length'),
      mark,
      oneOf('0', '3', 'N', 'N', 'N', '0N', '+N', 'N, N', 'N\r\nContent-Length: 0', '0x9', '99'),
      mark,
    )
    .map(([name, before, value, after]) => `${name}:${before}${value}${after}`),
  fc
    .tuple(
      oneOf(
        'Transfer-Encoding',
        'transfer-encoding',
        'Transfer_Encoding',
        'Transfer-Encoding ',
        'X\nTransfer-Encoding',
      ),
      mark,
      oneOf(
        'chunked',
        'chunked',
        'Chunked',
        'identity',
        'gzip, chunked',
        'chunked, identity',
        'xchunked',
        'chun\r\n ked',
      ),
      mark,
    )
    .map(([name, before, value, after]) => `${name}:${before}${value}${after}`),
  oneOf(
    'Connection: close',
    'Connection: keep-alive, content-length',
    'Connection: transfer-encoding',
    'Upgrade: h2c',
  ),
  oneOf(
    'Expect: 100-continue',
    'Trailer: Content-Length',
    'TE: trailers',
    'X-A: b\nX-B: c',
    'X-A: b\rX-B: c',
    'X: \0',
  ),
)
/** `S` stands for the request that is smuggled, `N` for its length. */
const body = oneOf(
  '',
  'S',
  'S',
  'S',
  'N16\r\nS\r\n0\r\n\r\n',
  'N16\r\nS\r\n0\r\n\r\n',
  '0\r\n\r\nS',
  'N16;x\r\nS\r\n0\r\n\r\n',
  'N16\nS\n0\n\n',
  'N16\r\nS0\r\n\r\n',
  '0\r\nX: 1\r\n\r\nS',
  '0\r\nX: 1\r\nS',
  '1\r\nZ\r\nS',
  'fffffffff\r\nS',
  '-1\r\nS\r\n0\r\n\r\n',
)
const method = oneOf('GET', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'FOO', 'get')
const shape = fc.record({
  method,
  version: oneOf('1.1', '1.1', '1.1', '1.1', '1.1', '1.0', '1.2', '0.9'),
  lines: fc.array(framing, { maxLength: 3 }),
  end: oneOf('\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n'),
  body,
})

void t.test('nobody makes out a request upstream that its sender has not made, however he reads', async t => {
  const samples = fc.sample(fc.array(shape, { minLength: 1, maxLength: 3 }), { numRuns: 3_000, seed: SEED })
  const own = new Set(['/last'])
  const faults: string[] = []
  let answered = 0
  const from = upstream.connections.length
  await inLanes(samples, async (messages, i) => {
    const bytes = messages
      .map(({ method, version, lines, end, body }, j) => {
        const canary = `GET /smuggled-${i}-${j} HTTP/1.1\r\nHost: x\r\n\r\n`
        const fill = (text: string) =>
          text
            .replaceAll('N16', canary.length.toString(16))
            .replaceAll(/\bN\b/g, String(canary.length))
            .replaceAll(/\bS/g, canary)
        const head = [`${method} /own-${i}-${j} HTTP/${version}`, 'Host: x', ...lines].map(fill)
        return [...head, '', ''].join(end) + fill(body)
      })
      .join('')
    for (let j = 0; j < messages.length; j++) own.add(`/own-${i}-${j}`)
    // What a strict reader sees as requests of its sender's is asked by it: a GET without a declared body has none.
    makeRequestReader(
      ({ target }) => own.add(target),
      () => undefined,
    ).feed(Buffer.from(bytes, 'latin1'))
    const { fault, statuses } = await send(bytes)
    if (fault !== undefined) faults.push(`${fault}: ${JSON.stringify(bytes)}`)
    answered += statuses.filter(status => status === 200).length
  })
  t.strictSame(faults, [], 'every connection has heard whole answers and its end')
  const connections = upstream.connections.slice(from)
  const smuggled = upstream.heard.filter(({ target }) => !own.has(target)).map(({ head }) => head)
  t.strictSame(smuggled, [], `0 of ${samples.length} messages smuggled anything`)
  t.strictSame(
    connections.flatMap(({ fault }) => fault ?? []),
    [],
    'what goes up is well-formed',
  )
  const readings = connections.flatMap(({ received, heard }) => {
    const all = Buffer.concat(received)
    const strictly = heard.map(({ target }) => target)
    return LENIENCIES.flatMap(how => {
      const leniently = readLeniently(all, how)
      const at = leniently.findIndex((target, i) => target !== strictly[i])
      return at === -1 && leniently.length === strictly.length
        ? []
        : [{ how, leniently: leniently[at], strictly: strictly[at], head: heard[at - 1]?.head }]
    })
  })
  t.strictSame(readings, [], 'and it is the same requests to every reader, lenient ones too')
  t.ok(answered > 500, `${answered} of them were sound and were answered: the house is not simply shut`)
})

/** Any bytes but those that end a line, which are what the rest of this file is about. */
const anyBytes = (most: number) =>
  fc.uint8Array({ maxLength: most }).map(bytes =>
    Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(/[\r\n]/g, '\0'),
  )
const nasty = oneOf(
  `\x1b[2J\x1b]0;${FORGED}\x07`,
  `"}{"msg":"${FORGED}"}`,
  `%0d%0a{"msg":"${FORGED}"}`,
  '\u0085{"level":50}',
  '\xe2\x80\xae',
  '\xff\xfe',
  '../'.repeat(20),
  '%'.repeat(9),
  '%00',
  '%2e%2e%2f',
  '__proto__',
  '[object Object]',
  '9'.repeat(400),
  '-0',
  'NaN',
  '{"a":'.repeat(50),
)
const text = fc.oneof({ weight: 3, arbitrary: nasty }, { weight: 2, arbitrary: anyBytes(60) })
const ACCOUNT = '/restapi/v2.1/accounts/1/envelopes/4b728be4-1111-2222-3333-d63e23f822b6'
const target = fc.oneof(
  text.map(odd => `/${odd}`),
  text.map(odd => `${ACCOUNT}/${odd}`),
  text.map(odd => `${ACCOUNT}?${odd}`),
  text.map(odd => `/apps/${odd}/restapi/v2.1/accounts/1`),
  text.map(odd => `/restapi/v2.1/accounts/${odd}/envelopes`),
  text.map(odd => `/oauth/${odd}`),
  text,
)
const NAMES = [
  ...['Authorization', 'Prefer', 'X-Governor-Priority', 'X-DocuSign-Act-On-Behalf', 'X-DocuSign-Act-As-User'],
  ...[
    'X-DocuSign-Authentication',
    'Accept',
    'Accept-Encoding',
    'Range',
    'If-Range',
    'If-None-Match',
    'Cookie',
  ],
  ...[
    'If-Modified-Since',
    'Content-Type',
    'Content-Encoding',
    'Content-Transfer-Encoding',
    'User-Agent',
    'Origin',
  ],
  ...[
    'Host',
    'Connection',
    'Forwarded',
    'X-Forwarded-Host',
    'X-Http-Method-Override',
    'Traceparent',
    'Via',
    'X',
  ],
]
const line = fc.oneof(
  fc.tuple(oneOf(...NAMES), text).map(([name, value]) => `${name}: ${value}`),
  fc.tuple(anyBytes(12), anyBytes(12)).map(([name, value]) => `${name}: ${value}`),
)
const odd = fc.record({
  method: fc.oneof(
    { weight: 6, arbitrary: oneOf('GET', 'POST', 'PUT') },
    { weight: 1, arbitrary: anyBytes(8) },
  ),
  target,
  lines: fc.array(line, { maxLength: 6 }),
  body: fc.oneof(fc.constant(''), text),
})

void t.test('any bytes in path, header lines and body get a well-formed answer', async t => {
  const samples = fc.sample(odd, { numRuns: 1_500, seed: SEED })
  const faults: string[] = []
  const tally: Record<string, number> = {}
  await inLanes(samples, async ({ method, target, lines, body }) => {
    const length = body === '' ? [] : [`Content-Length: ${body.length}`]
    const head = [`${method} ${target} HTTP/1.1`, 'Host: x', ...lines, ...length, '', ''].join('\r\n')
    const { fault, statuses } = await send(head + body)
    if (fault !== undefined || statuses.length === 0)
      faults.push(`${fault ?? 'no answer'}: ${JSON.stringify(head + body)}`)
    for (const status of statuses) tally[status] = (tally[status] ?? 0) + 1
  })
  t.strictSame(faults, [])
  t.ok((tally['200'] ?? 0) > 100 && (tally['400'] ?? 0) > 100, JSON.stringify(tally))
  t.notOk(
    Object.keys(tally).some(status => status === '500'),
    'and none of them is a mistake of ours',
  )
})

void t.test('no form of target and no header line leads to another host', async t => {
  const evil = oneOf(
    `127.0.0.1:${strayPort}`,
    `localhost:${strayPort}`,
    `[::1]:${strayPort}`,
    `0:${strayPort}`,
  )
  const forms: ((to: string) => string)[] = [
    to => `http://${to}/restapi`,
    to => `HTTPS://${to}/restapi`,
    to => `//${to}/restapi`,
    to => `/\\${to}/restapi`,
    to => `\\\\${to}\\restapi`,
    to => `${to}/restapi`,
    to => `@${to}/restapi`,
    to => `:@${to}/restapi`,
    to => `http:/${to}/restapi`,
    to => `http:${to}/restapi`,
    to => `/http://${to}/restapi`,
    to => `/apps/http://${to}/restapi`,
    to => `/apps/x/http:/${to}/restapi`,
    to => `/apps/x//${to}/restapi`,
    to => `/restapi/../../${to}`,
    to => `/%2f%2f${to}/restapi`,
    to => `/restapi?url=http://${to}/`,
    to => `/restapi#@${to}/`,
    to => `http://localhost:${governor.port}@${to}/restapi`,
    to => `http://${to}#@localhost:${governor.port}/restapi`,
    to => `http://localhost:${governor.port}\\@${to}/restapi`,
    to => `http://localhost:${governor.port}.${to}/restapi`,
    to => `http://localhost:${governor.port}//${to}/restapi`,
    to => `ftp://${to}/restapi`,
    () => '/restapi/v2.1/accounts/1/users',
    to => `/oauth/userinfo?base=http://${to}`,
  ]
  const naming = oneOf(
    'Host',
    'X-Forwarded-Host',
    'X-Host',
    'X-Original-URL',
    'X-Rewrite-URL',
    'Forwarded',
    'Via',
    'Origin',
  )
  const samples = fc.sample(
    fc.record({
      method: oneOf('GET', 'POST', 'CONNECT', 'OPTIONS'),
      to: evil,
      form: fc.nat(forms.length - 1),
      names: fc.array(naming, { maxLength: 3 }),
      host: oneOf('x', 'x', `localhost:${governor.port}`, ''),
    }),
    { numRuns: 800, seed: SEED },
  )
  const from = upstream.heard.length
  const faults: string[] = []
  await inLanes(samples, async ({ method, to, form, names, host }) => {
    const lines = names.map(name => `${name}: ${name === 'Forwarded' ? `host=${to}` : to}`)
    const hosts = names.includes('Host') ? [] : [`Host: ${host}`]
    const asked = forms[form]?.(to) ?? ''
    const { fault } = await send([`${method} ${asked} HTTP/1.1`, ...hosts, ...lines, '', ''].join('\r\n'))
    if (fault !== undefined) faults.push(`${fault}: ${method} ${asked}`)
  })
  t.strictSame(faults, [])
  t.equal(strays, 0, `0 strays of ${samples.length}`)
  const hosts = new Set(upstream.heard.slice(from).map(each => header(each, 'host')))
  t.strictSame([...hosts], [`127.0.0.1:${upstream.port}`], 'whatever came up was told whom it had reached')
})

void t.test('the operators’ port cannot be reached through the traffic port', async t => {
  const pages = [
    '/metrics',
    '/status',
    '/healthz',
    '/readyz',
    '/golive',
    '/captures',
    '/quote',
    '/cache/purge',
    '/',
    '/events',
  ]
  const admin = `127.0.0.1:${governor.adminPort}`
  const ways: ((page: string) => [method: string, target: string, host: string])[] = [
    page => ['GET', page, 'x'],
    page => ['POST', page, admin],
    page => ['GET', `http://${admin}${page}`, admin],
    page => ['GET', `http://localhost:${governor.adminPort}${page}`, 'localhost'],
    page => ['GET', `/apps/x${page}`, admin],
    page => ['GET', `/..${page}`, 'x'],
    page => ['GET', `//${admin}${page}`, admin],
  ]
  for (const page of pages) {
    for (const way of ways) {
      const [method, target, host] = way(page)
      const { status, body } = await ask(
        governor.port,
        `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n\r\n`,
      )
      const isPassed = status === 200 && String(body) === 'ok'
      t.ok(
        isPassed || (status === 400 && String(body).includes('GOVERNOR_BAD_REQUEST')),
        `${method} ${target}: ${status}`,
      )
    }
  }
})

void t.test(
  'no page of another site and no name of another makes the operators’ port do anything',
  async t => {
    const pages = [
      ...[
        'GET /',
        'GET /metrics',
        'GET /status',
        'GET /golive',
        'GET /events',
        'GET /captures',
        'POST /captures',
      ],
      ...['POST /quote', 'POST /cache/purge', 'DELETE /captures/1', 'OPTIONS /cache/purge', 'GET /healthz'],
    ]
    const own = `127.0.0.1:${governor.adminPort}`
    const label = fc.stringMatching(/^[a-z0-9-]{1,12}$/)
    const name = fc.oneof(
      fc.domain(),
      label.map(word => `127.0.0.1.${word}.example`),
      label.map(word => `localhost.${word}`),
      oneOf('127.0.0.1.nip.io', 'localhost.localdomain', 'rebind.it'),
    )
    const lines = fc.oneof(
      name.map(rebound => [`Host: ${rebound}:${governor.adminPort}`]),
      oneOf('0x7f000001', '2130706433', '127.1', '0177.0.0.1').map(odd => [`Host: ${odd}`]),
      name.map(rebound => [
        `Host: ${rebound}:${governor.adminPort}`,
        `Origin: http://${rebound}:${governor.adminPort}`,
      ]),
      name.map(site => [`Host: ${own}`, `Origin: https://${site}`]),
      name.map(site => [`Host: ${own}`, `Origin: http://${site}:${governor.adminPort}`]),
      fc.constant([`Host: ${own}`, 'Origin: null']),
      fc.constant([`Host: ${own}`, `Origin: http://127.0.0.1:${governor.port}`]),
      fc.constant([`Host: ${own}`, 'Sec-Fetch-Site: cross-site']),
      name.map(second => [`Host: ${own}`, `Host: ${second}`]),
    )
    const samples = fc.sample(fc.tuple(oneOf(...pages), lines, oneOf('text/plain', 'application/json')), {
      numRuns: 600,
      seed: SEED,
    })
    const body = '{"requests":5}'
    const wrong: string[] = []
    await inLanes(samples, async ([page, named, type]) => {
      const head = [`${page} HTTP/1.1`, ...named, `Content-Type: ${type}`, `Content-Length: ${body.length}`]
      const { status, headers } = await ask(governor.adminPort, [...head, '', body].join('\r\n'))
      const opens = headers.some(([key]) => key.startsWith('access-control-'))
      // Two Host lines are no message at all to some, and a page that could not be named.
      if ((status !== 403 && status !== 400) || opens) wrong.push(`${status}: ${page}, ${named.join(', ')}`)
    })
    t.strictSame(wrong, [], `0 of ${samples.length} were answered`)
    const captures = await fetch(`${governor.adminUrl}/captures`)
    t.strictSame(await captures.json(), { captures: [] }, 'and nothing was begun')
  },
)

void t.test('after all of this the log is one object a line, and nobody’s but ours', async t => {
  await until('the last lines', () => governor.lines.length > 1_500)
  const words = new Set<string>()
  const broken = governor.lines.filter(line => {
    if (!/^\{.*\}\n$/.test(line) || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(line.slice(0, -1))) return true
    try {
      const { msg, level, time } = JSON.parse(line) as Record<string, unknown>
      words.add(String(msg))
      return typeof level !== 'string' || Number.isNaN(Date.parse(String(time)))
    } catch {
      return true
    }
  })
  t.strictSame(broken, [])
  t.strictSame([...words], ['call'], `${governor.lines.length} lines, and none is a mistake of ours`)
  t.equal(
    (await ask(governor.port, 'GET /restapi HTTP/1.1\r\nHost: x\r\n\r\n')).status,
    200,
    'the house stands',
  )
})
