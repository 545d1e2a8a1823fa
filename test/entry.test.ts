import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import https from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import tls from 'node:tls'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { startPassing, type Governor } from './fixtures/governor.js'

const MAX_BYTES = 35_651_584
const ACCOUNT = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'

/** Polls for a condition. @throws after `withinMs` */
async function until(what: string, isSo: () => boolean, withinMs = 5000): Promise<void> {
  for (const end = performance.now() + withinMs; !isSo(); await pause(5)) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}`)
  }
}

interface Heard {
  readonly method: string
  readonly url: string
  bytes: number
  state: 'arriving' | 'whole' | 'cut'
}

interface Upstream {
  readonly url: string
  readonly heard: Heard[]
  connections: number
  /** Lets the calls under `/hold/NAME` have their answer. */
  release(name: string): void
}

/** What stands in for DocuSign: says `pong`, holds `/hold/NAME` back until it is released, else does as told. */
async function startUpstream(
  t: Test,
  answer: (req: IncomingMessage, res: ServerResponse) => void = (_req, res) => void res.end('pong'),
): Promise<Upstream> {
  const released = new Set<string>()
  const held = new Map<string, ServerResponse>()
  const server = http.createServer((req, res) => {
    const { method = '', url = '' } = req
    const heard: Heard = { method, url, bytes: 0, state: 'arriving' }
    upstream.heard.push(heard)
    req.on('data', (chunk: Buffer) => (heard.bytes += chunk.length))
    req.on('error', () => undefined)
    req.on('close', () => (heard.state = req.complete ? 'whole' : 'cut'))
    req.on('end', () => {
      const name = /^\/hold\/(\w+)/.exec(url)?.[1]
      if (name === undefined) answer(req, res)
      else if (released.has(name)) res.end('held')
      else held.set(name, res)
    })
  })
  const upstream: Upstream = {
    url: '',
    heard: [],
    connections: 0,
    release(name) {
      released.add(name)
      held.get(name)?.end('held')
    },
  }
  server.on('connection', () => upstream.connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(upstream, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

async function startHouse(
  t: Test,
  upstream: string,
  settings: Record<string, string> = {},
): Promise<Governor> {
  const governor = await startPassing(upstream, { GOVERNOR_SHUTDOWN_TIMEOUT: '0', ...settings })
  t.teardown(() => governor.stop())
  return governor
}

interface Got {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly raw: readonly string[]
  readonly body: Buffer
}

async function ask(
  url: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<Got> {
  const req = http.request(url, { method, headers, agent: false })
  req.end(body)
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return gather(res)
}

async function gather(res: IncomingMessage): Promise<Got> {
  const chunks: Buffer[] = []
  for await (const chunk of res) chunks.push(chunk as Buffer)
  const { statusCode: status = 0, headers, rawHeaders: raw } = res
  return { status, headers, raw, body: Buffer.concat(chunks) }
}

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

/** A connection that says exactly what it is told to, and keeps all it hears. */
class Line {
  readonly socket: Socket
  heard = ''
  /** How it ended: `undefined` while it has not; an error's code when the other side reset it. */
  end: string | undefined
  #wake: (value?: unknown) => void = () => undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', text => (this.heard += String(text)))
    socket.on('end', () => (this.end ??= 'closed'))
    socket.on('error', (error: NodeJS.ErrnoException) => (this.end = error.code ?? 'error'))
    socket.on('close', () => {
      this.end ??= 'closed'
      this.#wake()
    })
    socket.on('drain', () => this.#wake())
  }

  say(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Writes `bytes` bytes, as fast as they are taken, until all are written or the connection is over. */
  async pour(bytes: number, isChunked = false): Promise<number> {
    const size = 65_536
    const block = Buffer.alloc(size, 'x')
    let poured = 0
    for (; poured < bytes && !this.socket.destroyed; poured += Math.min(size, bytes - poured)) {
      const part = block.subarray(0, Math.min(size, bytes - poured))
      const framed = isChunked
        ? Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
        : part
      if (!this.socket.write(framed)) {
        await new Promise(resolve => {
          this.#wake = resolve
        })
      }
    }
    return poured
  }

  /** The `count`th answer on this line; all of ours and the upstream's here declare their length or are chunked. */
  async answer(count = 1): Promise<Got> {
    await until(`answer ${count}`, () => this.#answers().length >= count || this.end !== undefined)
    const got = this.#answers()[count - 1]
    if (!got) throw new Error(`no answer ${count}; heard ${JSON.stringify(this.heard)}, then ${this.end}`)
    return got
  }

  #answers(): Got[] {
    const answers: Got[] = []
    for (let rest = this.heard.replace(CONTINUE, ''); ;) {
      const [, status, lines = '', after = ''] =
        /^HTTP\/1\.1 (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n(.*)$/s.exec(rest) ?? []
      if (status === undefined) return answers
      const raw = lines
        .split('\r\n')
        .flatMap(line => [line.replace(/:.*/, ''), line.replace(/^[^:]*: ?/, '')])
      const headers: Record<string, string> = {}
      for (let i = 0; i < raw.length; i += 2) headers[(raw[i] as string).toLowerCase()] = raw[i + 1] as string
      const length = Number(headers['content-length'] ?? 0)
      if (after.length < length) return answers
      const body = Buffer.from(after.slice(0, length), 'latin1')
      answers.push({ status: Number(status), headers, raw, body })
      rest = after.slice(length)
    }
  }
}

async function dial(t: Test, port: number): Promise<Line> {
  const line = new Line(connect(port, '127.0.0.1'))
  t.teardown(() => line.socket.destroy())
  await once(line.socket, 'connect')
  return line
}

const CODES: Record<string, string> = {
  'bad-request': 'GOVERNOR_BAD_REQUEST',
  'upstream-unreachable': 'GOVERNOR_UPSTREAM_UNREACHABLE',
  'upstream-timeout': 'GOVERNOR_UPSTREAM_TIMEOUT',
  'shutting-down': 'GOVERNOR_SHUTTING_DOWN',
}

/** A refusal is all that contract.md says of one. */
function isRefusal(t: Test, got: Got, status: number, reason: string, what: string): void {
  const { headers, body } = got
  const retryable = status === 502 || status === 503 || status === 504
  t.match(
    { status: got.status, headers },
    {
      status,
      headers: {
        'content-type': 'application/json',
        'content-length': String(body.length),
        'cache-status': `docusign-governor; detail=${reason}`,
        'x-governor-outcome': status === 502 || status === 504 ? 'failed' : 'refused',
        'x-governor-refusal': reason,
        'retry-after': retryable ? /^[1-9]\d*$/ : undefined,
      },
    },
    what,
  )
  const told = JSON.parse(body.toString()) as Record<string, unknown>
  t.strictSame(Object.keys(told), ['errorCode', 'message'], `${what}: the body has DocuSign's shape`)
  t.equal(told['errorCode'], CODES[reason])
  t.match(told['message'], /^[A-Z].{20,}\.$/, `${what}: and says something to a person`)
}

void t.test('every refusal has the status, headers and body that are promised', async t => {
  const upstream = await startUpstream(t)
  const governor = await startHouse(t, upstream.url, { GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '0.3' })
  const { port } = governor

  const GET = 'GET /restapi HTTP/1.1\r\n'
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: ${i}\r\n`).join('')
  const cases: Record<string, [message: string, status: number]> = {
    'a target not in canonical form': ['GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    'a target that names another host': ['GET http://example.com/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    '101 header lines': [`${GET}Host: x\r\n${lines(100)}\r\n`, 431],
    'header lines beyond 16 KiB': [`${GET}Host: x\r\nX-Long: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
    'a declared size over the limit': [
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${MAX_BYTES + 1}\r\n\r\n`,
      413,
    ],
    'a size beyond all numbers': [
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999\r\n\r\n`,
      413,
    ],
    'a coding besides chunked': [
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      501,
    ],
    'another coding': [
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked, chunked\r\n\r\n0\r\n\r\n',
      501,
    ],
    'a coding in HTTP/1.0': [
      'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    'a coding that does not end in chunked': [
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n',
      501,
    ],
    'two lengths': ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    'a length and a coding': [
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    'no Host': [`${GET}\r\n`, 400],
    'two Hosts': [`${GET}Host: x\r\nHost: y\r\n\r\n`, 400],
    'an expectation nobody can meet': [`${GET}Host: x\r\nExpect: the-unexpected\r\n\r\n`, 417],
    'what is no HTTP': ['HELO example.com\r\n\r\n', 400],
    'a TLS hello': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    'a method that HTTP does not know': ['FETCH / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    'a tunnel': ['CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n', 400],
  }
  for (const [what, [message, status]] of Object.entries(cases)) {
    const line = (await dial(t, port)).say(message)
    isRefusal(t, await line.answer(), status, 'bad-request', what)
  }
  t.equal(upstream.connections, 0, 'and none of it reached DocuSign')

  const late = await ask(`${governor.url}/hold/forever`)
  isRefusal(t, late, 504, 'upstream-timeout', 'DocuSign silent')
  governor.reload({ GOVERNOR_UPSTREAM_API: 'http://127.0.0.1:1' })
  isRefusal(t, await ask(`${governor.url}/restapi`), 502, 'upstream-unreachable', 'DocuSign unreachable')

  const hundred = (await dial(t, port)).say(`${GET}Host: x\r\n${lines(99)}\r\n`)
  t.equal((await hundred.answer()).status, 502, '100 header lines are forwarded')
  const seen = governor.lines.map(line => JSON.parse(line) as { code?: number; msg: string })
  t.equal(
    seen.filter(({ msg }) => msg === 'call').length,
    Object.keys(cases).length + 3,
    'and each request has its line in the log',
  )
})

void t.test("DocuSign's answers are passed on as they are, with two lines added", async t => {
  const packed = gzipSync('{"envelopes":[]}')
  const lines = [
    ['Content-Type', 'application/json; charset=utf-8'],
    ['content-encoding', 'gzip'],
    ['Set-Cookie', 'a=1; Secure'],
    ['X-RateLimit-Limit', '3000'],
    ['x-ratelimit-remaining', '2999'],
    ['X-RateLimit-Reset', '1631174400'],
    ['X-BurstLimit-Remaining', '499'],
    ['Retry-After', '17'],
    ['Set-Cookie', 'b=2'],
    ['Vary', 'Accept-Encoding'],
    ['X-DocuSign-TraceToken', '37c068f5-3768-4760-8284-df4611185918'],
    ['X-Latin', 'caf\xe9'],
    ['Date', 'Thu, 09 Sep 2021 07:30:49 GMT'],
    ['Cache-Status', 'edge; hit'],
    ['Empty', ''],
    ['Location', 'https://demo.docusign.net/restapi/x'],
    ['Content-Length', String(packed.length)],
  ] as const
  const upstream = await startUpstream(t, (req, res) => {
    const status = Number(req.url?.slice(1))
    res.sendDate = false
    const bodiless = status === 204 || status === 304
    const sent = bodiless ? lines.filter(([name]) => name !== 'Content-Length') : lines
    res.writeHead(status, sent.flat())
    res.end(bodiless ? undefined : packed)
  })
  const governor = await startHouse(t, upstream.url)
  for (const status of [200, 201, 204, 304, 302, 400, 401, 404, 429, 444, 500, 503]) {
    const got = await ask(`${governor.url}/${status}`)
    const bodiless = status === 204 || status === 304
    const sent = bodiless ? lines.filter(([name]) => name !== 'Content-Length') : lines
    const added = ['Cache-Status', 'docusign-governor; fwd=bypass', 'X-Governor-Outcome', 'forwarded']
    t.equal(got.status, status)
    t.strictSame(got.raw.slice(0, sent.length * 2 + 4), [...sent.flat(), ...added], `${status}: line by line`)
    t.notMatch(got.headers, { 'x-governor-refusal': /./ })
    t.strictSame(got.body, bodiless ? Buffer.alloc(0) : packed, `${status}: byte by byte`)
  }
  const head = await ask(`${governor.url}/200`, { method: 'HEAD' })
  t.match(head, { status: 200, headers: { 'content-length': String(packed.length) }, body: { length: 0 } })
})

void t.test('a client may take only so long', async t => {
  const upstream = await startUpstream(t)
  const governor = await startHouse(t, upstream.url, {
    GOVERNOR_LISTEN_HEADERS_TIMEOUT: '0.3',
    GOVERNOR_LISTEN_REQUEST_TIMEOUT: '1.5',
    GOVERNOR_LISTEN_KEEP_ALIVE_TIMEOUT: '0.3',
  })
  const POST = 'POST /restapi HTTP/1.1\r\nHost: x\r\n'
  const silent = await dial(t, governor.port)
  const slowHead = (await dial(t, governor.port)).say('GET /restapi HTTP/1.1\r\nHo')
  const slowBody = (await dial(t, governor.port)).say(`${POST}Content-Length: 10\r\n\r\nhalf`)
  const slowChunk = (await dial(t, governor.port)).say(`${POST}Transfer-Encoding: chunked\r\n\r\n5\r\nhalf`)
  const slowStream = (await dial(t, governor.port)).say(`${POST}Content-Length: 100000\r\n\r\n`)
  await slowStream.pour(70_000)
  const idle = (await dial(t, governor.port)).say('GET /restapi HTTP/1.1\r\nHost: x\r\n\r\n')
  t.match(await idle.answer(), { status: 200 })

  await until('the idle connection to close', () => idle.end !== undefined)
  t.equal(idle.end, 'closed', 'an idle connection ends without a reset')
  isRefusal(t, await slowHead.answer(), 408, 'bad-request', 'half a head')
  t.equal(slowBody.heard, '', 'a body has longer than a head')
  isRefusal(t, await slowBody.answer(), 408, 'bad-request', 'half a body')
  isRefusal(t, await slowChunk.answer(), 408, 'bad-request', 'half a chunk')
  isRefusal(t, await slowStream.answer(), 408, 'bad-request', 'half of a large body')
  await until('the silent connection to close', () => silent.end !== undefined)
  for (const line of [slowHead, slowBody, slowChunk, slowStream]) {
    await until('the connection to close', () => line.end !== undefined)
  }
  await until(
    'the upstream to see its end',
    () => upstream.heard.at(-1)?.state === 'cut' || upstream.heard[0]?.state === 'cut',
  )
  t.strictSame(
    upstream.heard.map(({ method, state }) => `${method} ${state}`).sort(),
    ['GET whole', 'POST cut'],
    'of the bodies only the large one was under way, and its end was no clean one',
  )
})

void t.test(
  'a request of up to 35,651,584 bytes passes, and one byte more is a 413 that can be read',
  async t => {
    const upstream = await startUpstream(t)
    const governor = await startHouse(t, upstream.url)
    const POST = 'POST /restapi/upload HTTP/1.1\r\nHost: x\r\n'

    const exact = (await dial(t, governor.port)).say(`${POST}Content-Length: ${MAX_BYTES}\r\n\r\n`)
    await exact.pour(MAX_BYTES)
    t.match(await exact.answer(), { status: 200 })
    t.match(upstream.heard.at(-1), { bytes: MAX_BYTES, state: 'whole' }, 'declared')

    const chunks = (await dial(t, governor.port)).say(`${POST}Transfer-Encoding: chunked\r\n\r\n`)
    await chunks.pour(MAX_BYTES, true)
    t.match(await chunks.say('0\r\n\r\n').answer(), { status: 200 })
    t.match(upstream.heard.at(-1), { bytes: MAX_BYTES, state: 'whole' }, 'chunked')

    const forty = 40_000_000
    const before = upstream.heard.length
    const declared = (await dial(t, governor.port)).say(`${POST}Content-Length: ${forty}\r\n\r\n`)
    await declared.pour(forty)
    isRefusal(t, await declared.answer(), 413, 'bad-request', 'declared, and sent all the same')
    declared.say('GET /restapi HTTP/1.1\r\nHost: x\r\n\r\n')
    t.equal((await declared.answer(2)).status, 200, 'the connection is good for the next call')

    const last = (await dial(t, governor.port)).say(
      `${POST}Connection: close\r\nContent-Length: ${forty}\r\n\r\n`,
    )
    t.equal(await last.pour(forty), forty, 'all of it is taken')
    isRefusal(t, await last.answer(), 413, 'bad-request', 'declared, with a wish to close')
    await until('its end', () => last.end !== undefined)
    t.equal(last.end, 'closed', 'not a reset')
    const broken = (await dial(t, governor.port)).say(`${POST}Content-Length: ${forty}\r\n\r\nabc`)
    isRefusal(t, await broken.answer(), 413, 'bad-request', 'declared, and never sent whole')
    broken.socket.end()
    await until('its end', () => broken.end !== undefined)
    t.equal(broken.heard.match(/HTTP\/1\.1 /g)?.length, 1, 'it is not answered twice')
    t.equal(upstream.heard.length, before + 1, 'nothing of these reached DocuSign')

    const grown = (await dial(t, governor.port)).say(`${POST}Transfer-Encoding: chunked\r\n\r\n`)
    await grown.pour(forty, true)
    isRefusal(t, await grown.say('0\r\n\r\n').answer(), 413, 'bad-request', 'it grew too large on the way')
    await until('the upstream to see its end', () => upstream.heard.at(-1)?.state !== 'arriving')
    t.match(upstream.heard.at(-1), { state: 'cut' }, 'DocuSign saw a broken request, not a shorter one')
    t.ok((upstream.heard.at(-1)?.bytes ?? 0) <= MAX_BYTES)
  },
)

void t.test('a small body is whole before anything is spent on it; a larger one flows', async t => {
  const upstream = await startUpstream(t)
  const governor = await startHouse(t, upstream.url)
  const small = 65_536
  const sized = (await dial(t, governor.port)).say(
    `POST /restapi/a HTTP/1.1\r\nHost: x\r\nContent-Length: ${small}\r\n\r\n`,
  )
  const chunked = (await dial(t, governor.port)).say(
    'POST /restapi/b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  await Promise.all([sized.pour(small - 1), chunked.pour(small, true)])
  // Another call passes all the way meanwhile: what has not reached the upstream by then is not on its way.
  t.equal((await ask(`${governor.url}/restapi`)).status, 200)
  t.equal(upstream.connections, 1, 'no connection was taken for half a body')
  sized.say('x')
  chunked.say('0\r\n\r\n')
  t.equal((await sized.answer()).status, 200)
  t.equal((await chunked.answer()).status, 200)
  t.strictSame(
    upstream.heard.slice(1).map(({ bytes, state }) => [bytes, state]),
    [
      [small, 'whole'],
      [small, 'whole'],
    ],
  )

  const leaver = (await dial(t, governor.port)).say(
    'POST /restapi/c HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf',
  )
  leaver.socket.destroy()
  const large = (await dial(t, governor.port)).say(
    `POST /restapi/d HTTP/1.1\r\nHost: x\r\nContent-Length: ${small + 1000}\r\n\r\n`,
  )
  await large.pour(small + 1)
  await until('the larger body to flow', () => (upstream.heard.at(-1)?.bytes ?? 0) === small + 1)
  t.match(upstream.heard.at(-1), { url: '/restapi/d', state: 'arriving' })
  await large.pour(999)
  t.equal((await large.answer()).status, 200)
  t.notOk(
    upstream.heard.some(({ url }) => url === '/restapi/c'),
    'a client that left half-way sent nothing up',
  )
})

void t.test('while it drains, what is in flight finishes and the rest is told', async t => {
  const upstream = await startUpstream(t)
  const governor = await startHouse(t, upstream.url, { GOVERNOR_SHUTDOWN_TIMEOUT: '20' })
  const admin = governor.adminUrl
  t.equal((await ask(`${admin}/readyz`)).status, 200)
  const hold = (name: string) => `GET /hold/${name} HTTP/1.1\r\nHost: x\r\n\r\n`
  const [first, second, unused] = [
    (await dial(t, governor.port)).say(hold('first')),
    (await dial(t, governor.port)).say(hold('second')),
    await dial(t, governor.port),
  ]
  const idle = (await dial(t, governor.port)).say('GET /restapi/idle HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await idle.answer()).status, 200)
  const upload = (await dial(t, governor.port)).say(
    'POST /restapi/u HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
  )
  await until('the upload to be asked for', () => upload.heard === CONTINUE)
  upload.say('ab')
  await until('both to be in flight', () => upstream.heard.length === 3)

  let isStopped = false
  const stopped = governor.stop().then(() => (isStopped = true))
  const readiness = await ask(`${admin}/readyz`)
  t.match(readiness, { status: 503 }, 'readiness first')
  t.match(readiness.body.toString(), /shutting down/)
  t.equal((await ask(`${admin}/healthz`)).status, 200, 'healthy all the while')

  await until('the idle connection to close', () => idle.end !== undefined)
  t.equal(idle.heard.split('HTTP/1.1').length, 2, 'it hears nothing more')

  const fresh = (await dial(t, governor.port)).say('GET /restapi HTTP/1.1\r\nHost: x\r\n\r\n')
  const told = await fresh.answer()
  isRefusal(t, told, 503, 'shutting-down', 'a new connection')
  t.equal(told.headers['connection'], 'close')
  await until('that connection to close', () => fresh.end !== undefined)
  const early = await unused.say('GET /restapi HTTP/1.1\r\nHost: x\r\n\r\n').answer()
  isRefusal(t, early, 503, 'shutting-down', 'a connection from before that had asked nothing yet')

  upstream.release('first')
  t.match(
    await first.answer(),
    { status: 200, body: Buffer.from('held') },
    'what was in flight has its answer',
  )
  first.say('GET /restapi HTTP/1.1\r\nHost: x\r\n\r\n')
  const again = await first.answer(2)
  isRefusal(t, again, 503, 'shutting-down', 'a kept connection')
  t.equal(again.headers['connection'], 'close')

  const pouring = (await dial(t, governor.port)).say(
    'POST /restapi HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n',
  )
  t.equal(await pouring.pour(8_000_000), 8_000_000, 'all of it is taken')
  isRefusal(t, await pouring.answer(), 503, 'shutting-down', 'an upload')
  await until('its end', () => pouring.end !== undefined)
  t.equal(pouring.end, 'closed', 'not a reset')
  t.equal(
    (await upload.say('cd').answer()).status,
    200,
    'a body that was on its way when it began is in flight',
  )

  t.equal(isStopped, false, 'it waits for the second')
  upstream.release('second')
  t.match(await second.answer(), { status: 200, body: Buffer.from('held') })
  const atMs = performance.now()
  await stopped
  t.ok(performance.now() - atMs < 1500, 'and ends soon after')
  t.strictSame(upstream.heard.map(({ url }) => url).sort(), [
    '/hold/first',
    '/hold/second',
    '/restapi/idle',
    '/restapi/u',
  ])
  for (const port of [governor.port, governor.adminPort]) {
    const line = new Line(connect(port, '127.0.0.1'))
    await until('the port to be closed', () => line.end !== undefined)
    t.equal(line.end, 'ECONNREFUSED')
  }
})

void t.test('a DocuSign that hangs does not hold the shutdown beyond its time', async t => {
  const upstream = await startUpstream(t)
  const governor = await startHouse(t, upstream.url, { GOVERNOR_SHUTDOWN_TIMEOUT: '0.4' })
  const held = (await dial(t, governor.port)).say('GET /hold/never HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('the call to be in flight', () => upstream.heard.length === 1)
  const atMs = performance.now()
  await governor.stop()
  const tookMs = performance.now() - atMs
  t.ok(tookMs >= 390 && tookMs < 2000, `${tookMs} ms`)
  await until('the call to end', () => held.end !== undefined)

  const idle = await startHouse(t, upstream.url, { GOVERNOR_SHUTDOWN_TIMEOUT: '20' })
  const kept = (await dial(t, idle.port)).say('GET /restapi HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await kept.answer()).status, 200)
  const thenMs = performance.now()
  await idle.stop()
  t.ok(performance.now() - thenMs < 1500, 'and without calls there is nothing to wait for')
})

void t.test('a reload changes where new calls go; one in flight stays where it went', async t => {
  const [before, after] = [await startUpstream(t), await startUpstream(t)]
  const governor = await startHouse(t, before.url)
  const agent = new http.Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const get = async (path: string) => {
    const req = http.get(`${governor.url}${path}`, { agent })
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    return (await gather(res)).status
  }
  t.equal(await get('/restapi/1'), 200)
  const held = (await dial(t, governor.port)).say('GET /hold/x HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('the call to be in flight', () => before.heard.length === 2)
  governor.reload({ GOVERNOR_UPSTREAM_API: after.url })
  t.equal(await get('/restapi/2'), 200)
  t.equal(await get('/oauth/token'), 200)
  before.release('x')
  t.match(await held.answer(), { status: 200, body: Buffer.from('held') })
  t.strictSame(
    [before, after].map(({ heard }) => heard.map(({ url }) => url)),
    [['/restapi/1', '/hold/x', '/oauth/token'], ['/restapi/2']],
  )
})

void t.test(
  'userinfo names us as the settings do, and its accounts are looked for where they live',
  async t => {
    const home = await startUpstream(t)
    const docusign = await startUpstream(t, (req, res) => {
      if (req.url !== '/oauth/userinfo') return void res.end('pong')
      const accounts = [{ account_id: ACCOUNT.toUpperCase(), is_default: true, base_uri: home.url }]
      res.end(JSON.stringify({ sub: 'x', accounts }))
    })
    const baseUri = async (url: string, headers: OutgoingHttpHeaders = {}) => {
      const { body } = await ask(`${url}/oauth/userinfo`, { headers })
      return (JSON.parse(body.toString()) as { accounts: { base_uri: string; is_default: boolean }[] })
        .accounts
    }
    const foreign = { Host: 'governor.internal:8443' }

    const plain = await startHouse(t, docusign.url)
    const own = `http://127.0.0.1:${plain.port}`
    t.equal((await ask(`${plain.url}/restapi/v2.1/accounts/${ACCOUNT}/users`)).status, 200)
    t.equal(
      docusign.heard.at(-1)?.url,
      `/restapi/v2.1/accounts/${ACCOUNT}/users`,
      'an unknown account goes to upstream.api',
    )
    t.match(await baseUri(plain.url), [{ base_uri: own, is_default: true }])
    t.match(await baseUri(`${plain.url}/apps/Web-Shop`), [{ base_uri: `${own}/apps/Web-Shop` }])
    t.match(await baseUri(plain.url, foreign), [{ base_uri: own }], 'the Host of a caller does not matter')
    for (const path of [
      `/restapi/v2.1/accounts/${ACCOUNT}/users`,
      `/apps/x/clickapi/v1/accounts/${ACCOUNT}/clickwraps`,
    ])
      t.equal((await ask(`${plain.url}${path}`)).status, 200)
    t.equal(home.heard.length, 2, 'a known one goes home')
    plain.reload({ GOVERNOR_LISTEN_HOST: '0.0.0.0', GOVERNOR_LISTEN_PORT: '4711' })
    t.match(
      await baseUri(plain.url, foreign),
      [{ base_uri: own }],
      'where it listens is read at the start only',
    )
    plain.reload({ GOVERNOR_LISTEN_PUBLIC_URL: 'https://new.example' })
    t.match(await baseUri(plain.url), [{ base_uri: 'https://new.example' }])

    const named = await startHouse(t, docusign.url, {
      GOVERNOR_LISTEN_PUBLIC_URL: 'https://Governor.example:443/',
    })
    t.match(await baseUri(named.url), [{ base_uri: 'https://governor.example' }])
    t.match(await baseUri(`${named.url}/apps/a`, foreign), [{ base_uri: 'https://governor.example/apps/a' }])

    const wide = await startHouse(t, docusign.url, { GOVERNOR_LISTEN_HOST: '0.0.0.0' })
    t.match(await baseUri(wide.url, foreign), [{ base_uri: 'http://governor.internal:8443' }])
    for (const host of ['a"b', 'user@evil.test', 'evil.test/x', 'a b', '[::1', 'x:123456']) {
      t.match(await baseUri(wide.url, { Host: host }), [{ base_uri: `http://localhost:${wide.port}` }], host)
    }
  },
)

const openssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
if (!openssl && process.env['CI'] === 'true')
  t.fail('openssl is needed here, to make certificates for the TLS tests')

const TLS_SKIP = openssl ? false : 'no openssl on PATH to make certificates with'
void t.test(
  'with a certificate the listener speaks TLS only, and a reload changes it',
  { skip: TLS_SKIP },
  async t => {
    const folder = mkdtempSync(join(tmpdir(), 'governor-tls-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const file = (name: string) => join(folder, name)
    for (const name of ['one', 'two']) {
      const made = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
      const kind = ['-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
      const files = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)]
      execFileSync('openssl', ['req', ...kind, ...made, ...files], { stdio: 'ignore' })
    }
    const install = (cert: string, key: string) => {
      copyFileSync(file(cert), file('tls.crt'))
      copyFileSync(file(key), file('tls.key'))
    }
    install('one.crt', 'one.key')
    const [upstream, other] = [await startUpstream(t), await startUpstream(t)]
    const governor = await startHouse(t, upstream.url, {
      GOVERNOR_LISTEN_TLS_CERT: file('tls.crt'),
      GOVERNOR_LISTEN_TLS_KEY: file('tls.key'),
      GOVERNOR_LISTEN_HEADERS_TIMEOUT: '1',
    })
    const mute = await dial(t, governor.port)
    const { port } = governor
    const dialTls = async () => {
      const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      t.teardown(() => socket.destroy())
      await once(socket, 'secureConnect')
      return Object.assign(new Line(socket), { name: socket.getPeerCertificate().subject.CN })
    }
    const GET = 'GET /restapi HTTP/1.1\r\nHost: x\r\n\r\n'

    const old = await dialTls()
    t.match([old.name, await old.say(GET).answer()], ['one', { status: 200 }])
    t.match(governor.publicUrl, /^https:/)
    const clear = (await dial(t, port)).say(GET)
    await until('the plain connection to end', () => clear.end !== undefined)
    t.equal(clear.heard.includes('HTTP/1.1 200'), false, 'no answer in the clear')
    const verified = https.get(`https://127.0.0.1:${port}/restapi`, {
      ca: readFileSync(file('one.crt')),
    })
    const [res] = (await once(verified, 'response')) as [IncomingMessage]
    t.equal((await gather(res)).status, 200, 'a client that verifies is content')

    install('two.crt', 'two.key')
    governor.reload({})
    const fresh = await dialTls()
    t.match([fresh.name, await fresh.say(GET).answer()], ['two', { status: 200 }])
    t.equal((await old.say(GET).answer(2)).status, 200, 'the old connection goes on')

    const faults: Record<string, () => void> = {
      'a key of another certificate': () => install('one.crt', 'two.key'),
      'no certificate at all': () => writeFileSync(file('tls.crt'), 'not PEM'),
      'a file that is gone': () => rmSync(file('tls.crt')),
    }
    for (const [what, spoil] of Object.entries(faults)) {
      spoil()
      t.throws(() => governor.reload({ GOVERNOR_UPSTREAM_API: other.url }), what)
      const line = await dialTls()
      t.match(
        [line.name, await line.say(GET).answer()],
        ['two', { status: 200 }],
        `${what}: the old one stays`,
      )
    }
    t.equal(other.heard.length, 0, 'and so do all the other settings')
    install('one.crt', 'one.key')
    governor.reload({ GOVERNOR_UPSTREAM_API: other.url })
    t.equal((await dialTls()).name, 'one')
    t.equal((await old.say(GET).answer(3)).status, 200)
    t.equal(other.heard.length, 1)

    await until('a connection that never shook hands to end', () => mute.end !== undefined)
  },
)
