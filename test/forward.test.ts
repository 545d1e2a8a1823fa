import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { ROOT, startPassing, type Governor } from './fixtures/governor.js'
import {
  ask,
  header,
  openClient,
  startUpstream,
  until,
  type Exchange,
  type Told,
} from './fixtures/upstream.js'

const ACCOUNT = '0b1d2c3e-1111-4222-8333-444455556666'
const OTHER_ACCOUNT = '0b1d2c3e-1111-4222-8333-777777777777'

const upstream = await startUpstream()
/** Defaults; and two with little patience or few connections. */
const governor = await startPassing(upstream.url)
const hasty = await startPassing(upstream.url, {
  GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '0.3',
  GOVERNOR_UPSTREAM_CONNECT_TIMEOUT: '0.3',
})
const narrow = await startPassing(upstream.url, { GOVERNOR_UPSTREAM_MAX_SOCKETS: '4' })
const governors: Governor[] = [governor, hasty, narrow]
t.teardown(async () => {
  await Promise.all(governors.map(each => each.stop()))
  await upstream.close()
})

let paths = 0
/** A path nobody else in this file uses. */
function fresh(account = ACCOUNT): string {
  return `/restapi/v2.1/accounts/${account}/envelopes/probe-${String(++paths).padStart(4, '0')}`
}

function message(method: string, path: string, lines: readonly string[] = [], body = ''): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: governor', ...lines, '', body].join('\r\n')
}

function sized(method: string, path: string, body: string, lines: readonly string[] = []): string {
  return message(method, path, [...lines, `Content-Length: ${body.length}`], body)
}

function chunks(...parts: readonly string[]): string {
  return [...parts, ''].map(part => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
}

function refusalOf(told: Told): { errorCode: string; message: string } {
  return JSON.parse(told.body.toString()) as { errorCode: string; message: string }
}

/** Lines of the log that are about the house itself failing. */
function unexpected(): string[] {
  return governors.flatMap(({ lines }) => lines.filter(line => line.includes('unexpected-error')))
}

/** The upstream connection of the last request to `path`. */
function connectionOf(path: string) {
  const last = upstream.at(path).at(-1)
  const connection = last && upstream.connections[last.connection]
  if (!connection) throw new Error(`nothing has asked for ${path}`)
  return connection
}

const hang = { onHead: () => undefined }

void t.test('a side that leaves is missed by the other within a second', async t => {
  for (const how of ['reset', 'end'] as const) {
    void t.test(
      `R7: a client that leaves (${how}) while DocuSign thinks takes its request with it`,
      async t => {
        const path = fresh()
        upstream.on(path, hang)
        const client = await openClient(governor.port)
        client.send(message('GET', path))
        await until('the request upstream', () => upstream.at(path).length === 1)
        client.leave(how)
        await until('the upstream connection to end', () => connectionOf(path).isClosed, 1000)
        t.pass('the upstream connection has ended')
      },
    )
  }

  for (const how of ['reset', 'end'] as const) {
    for (const first of ['sent', 'waiting'] as const) {
      void t.test(
        `R7: forty callers who leave (${how}), the ${first} first, starve nobody, and who waited was never sent`,
        async t => {
          const path = fresh()
          upstream.on(path, hang)
          const clients = await Promise.all(Array.from({ length: 40 }, () => openClient(narrow.port)))
          for (const client of clients) client.send(message('GET', path))
          await until('two requests upstream', () => upstream.at(path).length === 2)
          // Connections are accepted one by one, in their order: when later ones are answered, all forty have come in.
          // And the two connections to the upstream that this leaves idle would carry whoever is handed a place.
          const idle = [fresh(OTHER_ACCOUNT), fresh(OTHER_ACCOUNT)]
          await Promise.all(idle.map(idlePath => ask(narrow.port, message('GET', idlePath))))
          for (const client of first === 'sent' ? clients : clients.reverse()) client.leave(how)
          const after = await Promise.all(
            Array.from({ length: 8 }, () => ask(narrow.port, message('GET', fresh()))),
          )
          t.same(
            after.map(({ status }) => status),
            Array<number>(8).fill(200),
          )
          t.equal(upstream.at(path).length, 2)
          // A call that is stopped in the turn in which it was handed a connection is not sent, but ends that connection.
          const spent = idle.filter(idlePath => connectionOf(idlePath).isClosed)
          t.equal(spent.length, 0, 'and no idle connection was spent on them')
        },
      )
    }
  }

  void t.test('R7: a client that leaves in the middle of the answer', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole: exchange => exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun'),
    })
    const client = await openClient(governor.port)
    client.send(message('GET', path))
    await until('the answer to begin', () => client.bytes().includes('begun'))
    client.leave()
    await until('the upstream connection to end', () => connectionOf(path).isClosed, 1000)
    t.pass('the upstream connection has ended')
  })

  void t.test('R7: a client that stopped reading, and then leaves', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole: exchange => {
        exchange.send(`HTTP/1.1 200 OK\r\nContent-Length: ${64 << 20}\r\n\r\n`)
        exchange.send(Buffer.alloc(64 << 20))
      },
    })
    const client = await openClient(governor.port)
    client.socket.pause()
    client.send(message('GET', path))
    await until('the request upstream', () => upstream.at(path).length === 1)
    const { socket } = connectionOf(path)
    let before = -1
    await until('the stream to stand still', () => {
      const still = socket.bytesWritten > 0 && socket.writableLength === before
      before = socket.writableLength
      return still
    })
    client.leave()
    await until('the upstream connection to end', () => connectionOf(path).isClosed, 1000)
    t.pass('the upstream connection has ended')
  })

  for (const framing of ['Content-Length: 1000000', 'Transfer-Encoding: chunked'] as const) {
    void t.test(`R7: a client that leaves in the middle of its upload (${framing})`, async t => {
      const path = fresh()
      upstream.on(path, hang)
      const client = await openClient(governor.port)
      const part = 'x'.repeat(200_000)
      const sent = framing.startsWith('C') ? part : `${part.length.toString(16)}\r\n${part}\r\n`
      client.send(message('POST', path, [framing], sent))
      await until('the request upstream', () => upstream.at(path).length === 1)
      client.leave()
      await until('the upstream connection to end', () => connectionOf(path).isClosed, 1000)
      t.equal(upstream.at(path)[0]?.isWhole, false, 'DocuSign has not read it as a whole request')
    })
  }

  void t.test('R7: a client that leaves takes its pipelined requests with it', async t => {
    const [first, second] = [fresh(), fresh(OTHER_ACCOUNT)]
    upstream.on(first, hang)
    const client = await openClient(governor.port)
    client.send(message('GET', first) + sized('POST', second, '{}') + message('GET', second))
    await until('the first upstream', () => upstream.at(first).length === 1)
    client.leave()
    await until('its connection to end', () => connectionOf(first).isClosed, 1000)
    t.equal((await ask(governor.port, message('GET', fresh()))).status, 200)
    t.same(upstream.at(second), [], 'what nobody waits for is not sent')
  })

  void t.test('R7: what is pipelined behind the last answer of a connection is never sent', async t => {
    const [first, second] = [fresh(), fresh()]
    const client = await openClient(governor.port)
    // An Expect that was never continued ends the connection: whether the body follows is not known.
    client.send(message('GET', first, ['Expect: 100-continue']) + sized('POST', second, '{}'))
    t.equal((await client.answer()).status, 200)
    t.equal(await client.closed(), true)
    t.equal((await ask(governor.port, message('GET', fresh()))).status, 200)
    t.same(upstream.at(second), [])
  })

  const cuts = {
    'a body of declared length': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
    'a chunked body': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    'a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf',
  }
  for (const [what, bytes] of Object.entries(cuts)) {
    for (const end of ['reset', 'close'] as const) {
      void t.test(`R6: DocuSign ${end}s inside ${what}: the client is cut, never ended cleanly`, async t => {
        const path = fresh()
        upstream.on(path, { onWhole: exchange => exchange.send(bytes) })
        const client = await openClient(governor.port)
        client.send(message('GET', path))
        await until('the half', () => client.bytes().includes('half'))
        const { socket } = connectionOf(path)
        if (end === 'reset') socket.resetAndDestroy()
        else socket.end()
        t.equal(await client.closed(1000), true, 'the connection is over within a second')
        const { answers, partial } = client.reading()
        t.same([answers.length, partial], [0, true], 'and what came is no whole answer')
      })
    }
  }

  void t.test('R6: a reset inside a body that the close would have ended', async t => {
    const path = fresh()
    upstream.on(path, { onWhole: exchange => exchange.send('HTTP/1.1 200 OK\r\n\r\nhalf') })
    const client = await openClient(governor.port)
    client.send(message('GET', path))
    await until('the half', () => client.bytes().includes('half'))
    connectionOf(path).socket.resetAndDestroy()
    t.equal(await client.closed(1000), true)
    t.same(client.reading().answers, [], 'what came is no whole answer')
  })

  void t.test('R6: half a userinfo answer is a 502, not half a list', async t => {
    upstream.on('/oauth/userinfo?cut', {
      onWhole({ send, socket }) {
        send(
          'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"accounts":[]}',
        )
        socket.end()
      },
    })
    const told = await ask(governor.port, message('GET', '/oauth/userinfo?cut'))
    t.equal(told.status, 502)
  })
})

void t.test('silence and slowness', async t => {
  void t.test('R10: DocuSign is silent inside a body: the client is cut', async t => {
    const path = fresh()
    upstream.on(path, { onWhole: ({ send }) => send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf') })
    const client = await openClient(hasty.port)
    client.send(message('GET', path))
    await until('the half', () => client.bytes().includes('half'))
    t.equal(await client.closed(1500), true)
    t.same(client.reading().answers, [])
    await until('the upstream connection to end', () => connectionOf(path).isClosed, 1000)
  })

  void t.test('R10: DocuSign is silent before the head: 504, and its connection ends', async t => {
    const path = fresh()
    upstream.on(path, hang)
    const told = await ask(hasty.port, sized('POST', path, '{}'))
    t.equal(told.status, 504)
    t.equal(header(told, 'x-governor-refusal'), 'upstream-timeout')
    t.equal(header(told, 'x-governor-outcome'), 'failed')
    t.match(refusalOf(told), { errorCode: 'GOVERNOR_UPSTREAM_TIMEOUT', message: /may have been received/ })
    await until('the upstream connection to end', () => connectionOf(path).isClosed, 1000)
    t.equal(upstream.at(path).length, 1)
  })

  void t.test('R10: a drip of head bytes is no answer', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole({ send, socket }) {
        send('HTTP/1.1 200 OK\r\n')
        const drip = setInterval(() => send('X-Drip: 1\r\n'), 50)
        socket.on('close', () => clearInterval(drip))
      },
    })
    const told = await ask(hasty.port, message('GET', path))
    t.equal(told.status, 504)
  })

  void t.test('R10: waiting for a connection counts, too', async t => {
    const cramped = await startPassing(upstream.url, {
      GOVERNOR_UPSTREAM_MAX_SOCKETS: '2',
      GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '0.3',
    })
    governors.push(cramped)
    const path = fresh()
    upstream.on(path, hang)
    const told = await Promise.all([0, 1, 2].map(() => ask(cramped.port, sized('POST', path, '{}'))))
    t.same(
      told.map(({ status }) => status),
      [504, 504, 504],
    )
    const unsent = told.filter(each => refusalOf(each).message.includes('was not sent'))
    t.equal(unsent.length, 3 - upstream.at(path).length, 'who was not sent is told so')
  })

  void t.test('R10: who is told 504 while it waits for a connection is never sent', async t => {
    const cramped = await startPassing(upstream.url, {
      GOVERNOR_UPSTREAM_MAX_SOCKETS: '2',
      GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '0.3',
    })
    governors.push(cramped)
    const [long, late] = [fresh(), fresh()]
    let finish: () => void = fail
    upstream.on(long, {
      onWhole({ send, socket }) {
        send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        const drip = setInterval(() => send('1\r\nx\r\n'), 50)
        socket.on('close', () => clearInterval(drip))
        finish = () => {
          clearInterval(drip)
          send('0\r\n\r\n')
        }
      },
    })
    const [client, waiting] = [await openClient(cramped.port), await openClient(cramped.port)]
    client.send(message('GET', long))
    await until('the long answer to begin', () => client.bytes().length > 0)
    waiting.send(sized('POST', late, '{}'))
    const told = await waiting.answer()
    t.equal(told.status, 504)
    t.match(refusalOf(told).message, /was not sent/)
    finish()
    t.equal((await client.answer()).status, 200)
    t.equal((await ask(cramped.port, message('GET', fresh()))).status, 200)
    t.equal(upstream.at(late).length, 0)
  })

  void t.test('a slow upload that makes progress is not timed out', async t => {
    for (const [framing, encode] of [
      [`Content-Length: 200000`, (part: string) => part],
      ['Transfer-Encoding: chunked', (part: string) => `${part.length.toString(16)}\r\n${part}\r\n`],
    ] as const) {
      const path = fresh()
      const client = await openClient(hasty.port)
      client.send(message('POST', path, [framing]))
      for (let i = 0; i < 8; i++) {
        client.send(encode('x'.repeat(25_000)))
        await pause(90) // the stimulus: 8 × 90 ms is more than twice the response timeout
      }
      if (framing.startsWith('T')) client.send('0\r\n\r\n')
      t.equal((await client.answer()).status, 200, framing)
      t.equal(upstream.at(path)[0]?.body.length, 200_000)
      client.leave()
    }
  })

  void t.test('a reader who stands still for longer is cut, and holds no connection of DocuSign', async t => {
    const path = fresh()
    const size = 48 << 20
    upstream.on(path, {
      onWhole: ({ send }) => {
        send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        send(Buffer.alloc(size))
      },
    })
    const client = await openClient(hasty.port)
    client.send(message('GET', path))
    await until('the answer to begin', () => client.bytes().length > 0)
    client.socket.pause()
    await until('the upstream connection to end', () => connectionOf(path).isClosed)
    client.socket.resume()
    t.equal(await client.closed(), true)
    t.same(client.reading().answers, [])
  })
})

void t.test('hosts that cannot be reached', async t => {
  async function through(url: string): Promise<{ told: Told; attempts: number | undefined }> {
    const ours = await startPassing(url, { GOVERNOR_UPSTREAM_CONNECT_TIMEOUT: '0.3' })
    governors.push(ours)
    const told = await ask(ours.port, sized('POST', fresh(), '{"secret":1}'))
    await until('the log line', () => ours.lines.some(line => line.includes('"call"')))
    const line = ours.lines.find(each => each.includes('"call"')) ?? '{}'
    return { told, attempts: (JSON.parse(line) as { attempts?: number }).attempts }
  }

  const closed = net.createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const closedPort = (closed.address() as AddressInfo).port
  await new Promise(resolve => closed.close(resolve))

  const received: Buffer[] = []
  const mute = net.createServer(socket => {
    socket.on('data', bytes => void received.push(bytes)).on('error', () => undefined)
  })
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const mutePort = (mute.address() as AddressInfo).port
  t.teardown(() => void mute.close())

  const cases = {
    'R8: connection refused': [`http://127.0.0.1:${closedPort}`, /ECONNREFUSED/],
    'R8: a name that does not resolve': ['http://docusign.invalid', /ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT/],
    'R8: a host that never shakes hands': [`https://127.0.0.1:${mutePort}`, /CONNECT_TIMEOUT/],
    'R8: a host that speaks no TLS': [upstream.url.replace('http:', 'https:'), /E[A-Z_]+/],
  } as const
  for (const [what, [url, code]] of Object.entries(cases)) {
    void t.test(`${what}: 502, the request was not sent, and that is said`, async t => {
      const { told, attempts } = await through(url)
      t.equal(told.status, 502)
      t.equal(header(told, 'x-governor-refusal'), 'upstream-unreachable')
      const { errorCode, message } = refusalOf(told)
      t.equal(errorCode, 'GOVERNOR_UPSTREAM_UNREACHABLE')
      t.match(message, code)
      t.match(message, /The request was not sent\.$/)
      t.equal(attempts, 2, 'R12: what never left is tried once more, whatever its method')
    })
  }
  t.notMatch(Buffer.concat(received).toString('latin1'), /POST|secret/)
})

void t.test('messages that end http-proxy', async t => {
  void t.test('R4: a client that sends Trailer', async t => {
    const path = fresh()
    const plain = await ask(governor.port, message('GET', path, ['Trailer: x']))
    t.equal(plain.status, 200)
    const body = `${chunks('hello').slice(0, -2)}X: 1\r\n\r\n`
    const told = await ask(
      governor.port,
      message('POST', path, ['Trailer: x', 'Transfer-Encoding: chunked'], body),
    )
    t.equal(told.status, 200)
    t.same(
      upstream.at(path).map(each => [header(each, 'trailer'), each.body.toString()]),
      [
        [undefined, ''],
        [undefined, 'hello'],
      ],
    )
  })

  const heads: [string, string, RegExp | number][] = [
    ['Trailer beside Content-Length', 'HTTP/1.1 200 OK\r\nTrailer: x\r\nContent-Length: 2\r\n\r\nok', 200],
    ['a control character in the reason', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok', /200|502/],
    ['a reason of the upper half', 'HTTP/1.1 200 O\xffK\r\nContent-Length: 2\r\n\r\nok', 200],
    ['a control character in a value', 'HTTP/1.1 204 X\r\nX-Odd: a\x01b\r\n\r\n', /204|502/],
    ['a status below 100', 'HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok', 502],
    ['a status of 000', 'HTTP/1.1 000 Odd\r\n\r\n', 502],
    ['a status of 999', 'HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok', 999],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 502],
    ['a head of 100 KB', `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`, 502],
    ['a head that ends in a close', 'HTTP/1.1 200 OK\r\nX-Half', 502],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!', 502],
    [
      'a length and chunks',
      `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n${chunks('hello')}`,
      /200|502/,
    ],
    [
      'a coding that is not only chunked',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${chunks('hello')}`,
      502,
    ],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: br\r\n\r\nhello', 502],
  ]
  for (const [what, bytes, expected] of heads) {
    void t.test(`R6: DocuSign's answer has ${what}`, async t => {
      const path = fresh()
      upstream.on(path, {
        onWhole({ send, socket }) {
          send(bytes)
          if (bytes.endsWith('X-Half') || bytes.endsWith('\r\n\r\nhello')) socket.end()
        },
      })
      const told = await ask(governor.port, sized('POST', path, '{}'))
      if (typeof expected === 'number') t.equal(told.status, expected)
      else t.match(String(told.status), expected)
      if (told.status === 200 && what === 'a length and chunks') t.equal(told.body.toString(), 'hello')
      else if (told.status === 200) t.equal(told.body.toString(), 'ok')
      t.match(told.reason, /^[\x20-\x7e]*$/)
      t.equal(upstream.at(path).length, 1, 'and it was asked once')
    })
  }

  void t.test('R10: an unasked 101 is a 502 at once, and not asked for again', async t => {
    for (const lines of ['', 'Connection: upgrade\r\nUpgrade: websocket\r\n']) {
      const path = fresh()
      upstream.on(path, { onWhole: ({ send }) => send(`HTTP/1.1 101 Switching\r\n${lines}\r\n`) })
      t.equal((await ask(governor.port, message('GET', path))).status, 502)
      await until('the upstream connection to end', () => connectionOf(path).isClosed, 1000)
      t.equal(upstream.at(path).length, 1)
    }
  })

  void t.test('a 200 that speaks of an upgrade is a 200', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole: ({ reply }) => reply(200, 'ok', ['Connection: upgrade', 'Upgrade: h2c']),
    })
    const told = await ask(governor.port, message('GET', path))
    t.equal(told.status, 200)
    t.equal(told.body.toString(), 'ok')
    t.equal(header(told, 'upgrade'), undefined)
  })

  void t.test('an unasked 100, 102 and 103 are not the answer', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole: ({ send, reply }) => {
        send('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n')
        send('HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n')
        reply(201, 'made')
      },
    })
    const told = await ask(governor.port, sized('POST', path, '{}'))
    t.same([told.status, told.body.toString()], [201, 'made'])
  })

  void t.test('an answer nobody asked for is never given to the next who asks', async t => {
    const path = fresh()
    for (let round = 0; round < 10; round++) {
      let answered = false
      upstream.on(path, {
        onWhole({ reply, socket, target }) {
          reply(200, target)
          if (answered) return
          answered = true
          setTimeout(() => {
            if (!socket.destroyed) reply(200, 'poison')
          }, 5)
        },
      })
      const targets = [`${path}?${round}a`, `${path}?${round}b`]
      const first = await ask(narrow.port, message('GET', targets[0] ?? ''))
      await pause(15) // the stimulus arrives on the idle connection
      t.equal(connectionOf(targets[0] ?? '').isClosed, true, 'and ends it')
      const second = await ask(narrow.port, message('GET', targets[1] ?? ''))
      t.same(
        [first, second].map(told => told.body.toString()),
        targets,
      )
    }
  })

  void t.test('more than was declared is not the next answer', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole: ({ send }) =>
        send(
          'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison',
        ),
    })
    for (let round = 0; round < 5; round++) {
      const told = await ask(narrow.port, message('GET', path))
      t.equal(told.body.toString(), 'ok')
    }
  })
})

void t.test('framing is kept as it was', async t => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
  for (const method of ['DELETE', 'OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH']) {
    void t.test(`R2 R4: a chunked body of ${method} stays its body`, async t => {
      const path = fresh()
      const request = message(method, path, ['Transfer-Encoding: chunked'], chunks(smuggled))
      const client = await openClient(governor.port)
      client.send(request + message('GET', `${path}/next`))
      t.equal((await client.answer(2, [method])).status, 200)
      client.leave()
      const heard = upstream.at(path).find(({ target }) => target === path) ?? fail()
      t.equal(heard.body.toString(), smuggled)
      t.equal(header(heard, 'transfer-encoding'), 'chunked')
      t.same(upstream.at('/smuggled'), [])
    })

    void t.test(`a ${method} with Content-Length stays so`, async t => {
      const path = fresh()
      t.equal((await ask(governor.port, sized(method, path, '{}'), method)).status, 200)
      const heard = upstream.at(path)[0] ?? fail()
      t.same([heard.body.toString(), header(heard, 'content-length')], ['{}', '2'])
      t.equal(header(heard, 'transfer-encoding'), undefined)
    })
  }

  void t.test('R4: Connection cannot name the framing lines, the host or the credentials away', async t => {
    const path = fresh()
    const lines = [
      'Connection: content-length, transfer-encoding, host, authorization, x-docusign-act-on-behalf, x-mine',
      'Authorization: Bearer x',
      'X-DocuSign-Act-On-Behalf: someone',
      'X-Mine: 1',
    ]
    await ask(governor.port, sized('DELETE', path, smuggled, lines))
    await ask(
      governor.port,
      message('DELETE', path, [...lines, 'Transfer-Encoding: chunked'], chunks(smuggled)),
    )
    for (const heard of upstream.at(path)) {
      t.equal(heard.body.toString(), smuggled)
      t.equal(header(heard, 'host'), `127.0.0.1:${upstream.port}`)
      t.equal(header(heard, 'authorization'), 'Bearer x')
      t.equal(header(heard, 'x-docusign-act-on-behalf'), 'someone')
      t.equal(header(heard, 'x-mine'), undefined)
    }
    t.equal(upstream.at(path).length, 2)
  })

  void t.test('an empty chunked body and a length of 0', async t => {
    const path = fresh()
    await ask(governor.port, message('POST', path, ['Transfer-Encoding: chunked'], chunks()))
    await ask(governor.port, sized('POST', path, ''))
    t.same(
      upstream
        .at(path)
        .map(each => [header(each, 'transfer-encoding'), header(each, 'content-length'), each.isWhole]),
      [
        ['chunked', undefined, true],
        [undefined, '0', true],
      ],
    )
  })

  void t.test('R4: any other transfer coding is a 501', async t => {
    const path = fresh()
    for (const coding of ['gzip, chunked', 'chunked, chunked', 'identity, chunked']) {
      const told = await ask(
        governor.port,
        message('POST', path, [`Transfer-Encoding: ${coding}`], chunks('x')),
      )
      t.match(String(told.status), /501|400/)
    }
    t.same(upstream.at(path), [])
  })
})

function fail(): never {
  throw new Error('nothing was heard')
}

void t.test('R3: the target goes up byte for byte', async t => {
  const plain = "ABCXYZabcxyz0189-._~!$&'()*+,=:@"
  const piece = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...plain) },
    { weight: 1, arbitrary: fc.constantFrom('%20', '%C3%A9', '%3B', '%3b', '%22', '%25') },
  )
  const segment = fc
    .array(piece, { minLength: 1, maxLength: 12 })
    .map(parts => parts.join(''))
    .filter(text => !/^\.{1,2}$|%25|https?:$/i.test(text))
  const querying = fc.oneof({
    weight: 6,
    arbitrary: fc.constantFrom(
      ...plain,
      '/',
      '//',
      '?',
      '%2F',
      '%',
      '\\',
      '"',
      '<',
      '|',
      '`',
      '..',
      'http:/',
      '&',
      ';',
    ),
  })
  const target = fc
    .tuple(
      fc.array(segment, { minLength: 1, maxLength: 5 }),
      fc.option(fc.array(querying, { maxLength: 20 })),
    )
    .map(([segments, query]) => `/restapi/${segments.join('/')}${query ? `?${query.join('')}` : ''}`)
  const sent: string[] = []
  await fc.assert(
    fc.asyncProperty(target, async each => {
      sent.push(each)
      const told = await ask(governor.port, message('GET', each))
      const heard = upstream.heard.at(-1)
      return told.status === 200 && heard?.head.split('\r\n')[0] === `GET ${each} HTTP/1.1`
    }),
    { numRuns: 300, seed: 20261123 },
  )
  t.equal(sent.length, 300)

  for (const odd of [
    '//x',
    '/a//b',
    '/a/../b',
    '/a/%2e%2e/b',
    '/a\\b',
    '/a%2fb',
    '/a#b',
    '/a/http:/b',
    '*',
    '/a;b=1/c',
    'a/b',
    '/a?\xe9',
    '/\xe9',
  ]) {
    const told = await ask(governor.port, message('GET', odd))
    t.equal(told.status, 400, odd)
  }
  t.notOk(upstream.heard.some(({ target }) => /^\/\/?(?:x|a)|^\*/.test(target)))
})

void t.test('header lines', async t => {
  void t.test('R4: hop-by-hop and Connection-named lines stay on their connection, both ways', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole: ({ reply }) =>
        reply(200, 'ok', [
          'Connection: x-hop, keep-alive',
          'X-Hop: 1',
          'Keep-Alive: timeout=9',
          'Proxy-Authenticate: Basic',
          'Trailer: x',
          'TE: x',
          'Upgrade: h2c',
          'X-Governor-Outcome: remembered',
          'X-Kept: 1',
        ]),
    })
    const told = await ask(
      governor.port,
      message('GET', path, [
        'Connection: X-Hop, keep-alive, Upgrade, HTTP2-Settings',
        'X-Hop: 1',
        'Keep-Alive: timeout=9',
        'Proxy-Authorization: Basic x',
        'Proxy-Connection: keep-alive',
        'TE: trailers',
        'Upgrade: h2c',
        'HTTP2-Settings: x',
        'X-Kept: 1',
      ]),
    )
    const names = (lines: readonly (readonly [string, string])[]) => lines.map(([name]) => name).sort()
    t.same(names(upstream.at(path)[0]?.headers ?? []), ['connection', 'host', 'x-kept'])
    t.match(header(upstream.at(path)[0] ?? fail(), 'connection'), 'keep-alive')
    const got = names(told.headers).filter(name => !['connection', 'date', 'keep-alive'].includes(name))
    t.same(got, ['cache-status', 'content-length', 'x-governor-outcome', 'x-kept'])
    t.equal(header(told, 'x-governor-outcome'), 'forwarded')
    t.notMatch(header(told, 'connection'), /x-hop/i)
  })

  void t.test('what a client may not tell DocuSign is removed', async t => {
    const path = fresh()
    const told = [
      'Forwarded: for=1.2.3.4',
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Anything: 1',
      'X-Original-URL: /admin',
      'X-Rewrite-URL: /admin',
      'X-HTTP-Method-Override: DELETE',
      'X-HTTP-Method: DELETE',
      'X-Method-Override: DELETE',
      'Prefer: wait=1',
      'X-Governor-Priority: high',
      'X-Governor-Whatever: 1',
      'Content_Length: 40',
      'Transfer_Encoding: chunked',
    ]
    await ask(governor.port, message('GET', path, told))
    t.same(
      upstream
        .at(path)[0]
        ?.headers.map(([name]) => name)
        .sort(),
      ['connection', 'host'],
    )
  })

  void t.test('R6: lines of the answer keep their order, spelling, number and bytes', async t => {
    const path = fresh()
    const lines = [
      'Set-Cookie: a=1',
      'X-Twice: 1',
      'SET-COOKIE: b=2',
      'x-tWICE: 2',
      'X-Latin: caf\xe9 \xff',
      'Content-Disposition: attachment; filename="caf\xe9.pdf"',
      'Date: Mon, 23 Nov 2026 12:00:00 GMT',
      'X-Empty: ',
    ]
    upstream.on(path, { onWhole: ({ reply }) => reply(200, 'ok', lines) })
    const told = await ask(governor.port, message('GET', path))
    t.same(
      told.lines.slice(0, lines.length).map(line => line.trimEnd()),
      lines.map(line => line.trimEnd()),
    )
  })

  void t.test('lines of the request keep their bytes', async t => {
    const path = fresh()
    await ask(governor.port, message('GET', path, ['X-Latin: caf\xe9 \xff', 'X-Twice: 1', 'X-Twice: 2']))
    const heard = upstream.at(path)[0] ?? fail()
    t.same([header(heard, 'x-latin'), header(heard, 'x-twice')], ['caf\xe9 \xff', '1, 2'])
  })

  void t.test('R4: Expect: 100-continue is answered here and goes no further', async t => {
    const path = fresh()
    const client = await openClient(governor.port)
    client.send(message('POST', path, ['Expect: 100-continue', 'Content-Length: 5']))
    await until('the 100', () => client.reading().interim.length === 1)
    t.same(upstream.at(path), [])
    client.send('hello')
    t.equal((await client.answer()).status, 200)
    t.same(client.reading().interim, [100])
    const heard = upstream.at(path)[0] ?? fail()
    t.same([header(heard, 'expect'), heard.body.toString()], [undefined, 'hello'])
    client.leave()
  })

  void t.test('a refusal spares who expects 100-continue the upload', async t => {
    for (const [path, length] of [
      ['/a//b', 5],
      [fresh(), 35_651_585],
    ] as const) {
      const client = await openClient(governor.port)
      client.send(message('POST', path, ['Expect: 100-continue', `Content-Length: ${length}`]))
      t.equal((await client.answer()).status, length === 5 ? 400 : 413)
      t.same(client.reading().interim, [])
      client.leave()
    }
  })

  void t.test('an HTTP/1.0 client is never told to continue', async t => {
    const path = fresh()
    const client = await openClient(governor.port)
    client.send(`POST ${path} HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`)
    t.equal((await client.answer()).status, 200)
    t.same(client.reading().interim, [])
    client.leave()
  })
})

void t.test('answers of every shape', async t => {
  const shapes: [string, string, string, { body: string; lines: Record<string, string | undefined> }][] = [
    [
      'HEAD',
      'HEAD',
      'HTTP/1.1 200 X\r\nContent-Length: 77\r\n\r\n',
      { body: '', lines: { 'content-length': '77' } },
    ],
    [
      '304',
      'GET',
      'HTTP/1.1 304 X\r\nContent-Length: 77\r\nETag: "x"\r\n\r\n',
      { body: '', lines: { 'content-length': '77', etag: '"x"' } },
    ],
    [
      '204',
      'GET',
      'HTTP/1.1 204 X\r\n\r\n',
      { body: '', lines: { 'content-length': undefined, 'transfer-encoding': undefined } },
    ],
    [
      '200 of length 0',
      'GET',
      'HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n',
      { body: '', lines: { 'content-length': '0' } },
    ],
    [
      'no chunk at all',
      'GET',
      'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      { body: '', lines: { 'content-length': undefined } },
    ],
    [
      'chunks and trailers',
      'GET',
      'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n',
      { body: 'ok', lines: { 'x-t': undefined } },
    ],
    [
      '204 of a length',
      'GET',
      'HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n',
      { body: '', lines: { 'content-length': undefined } },
    ],
    [
      'ended by the close',
      'GET',
      'HTTP/1.1 200 X\r\nConnection: close\r\n\r\nall of it',
      { body: 'all of it', lines: {} },
    ],
    ['HTTP/1.0', 'GET', 'HTTP/1.0 200 X\r\n\r\nall of it', { body: 'all of it', lines: {} }],
  ]
  for (const [what, method, bytes, { body, lines }] of shapes) {
    void t.test(`DocuSign answers: ${what}`, async t => {
      const path = fresh()
      upstream.on(path, {
        onWhole({ send, socket }) {
          send(bytes)
          if (bytes.endsWith('all of it')) socket.end()
        },
      })
      const client = await openClient(governor.port)
      client.send(message(method, path) + message('GET', `${path.replace('probe', 'after')}`))
      const told = await client.answer(1, [method])
      t.equal(told.body.toString(), body)
      for (const [name, value] of Object.entries(lines)) t.equal(header(told, name), value, name)
      const next = await client.answer(2, [method])
      t.equal(next.body.toString(), 'ok', 'and the next answer begins where it should')
      client.leave()
    })
  }

  void t.test('an HTTP/1.0 client reads until the close', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole: ({ send }) =>
        send(`HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n${chunks('hello', ' you')}`),
    })
    const client = await openClient(governor.port)
    client.send(`GET ${path} HTTP/1.0\r\n\r\n`)
    t.equal(await client.closed(), true)
    t.equal(client.bytes().toString().split('\r\n\r\n')[1], 'hello you')
    t.equal(upstream.at(path)[0]?.version, 'HTTP/1.1')
  })

  void t.test(
    'an early answer is seen while the upload is still coming, and the upload goes no further',
    async t => {
      for (const end of ['stays', 'closes'] as const) {
        const path = fresh()
        upstream.on(path, {
          onHead({ reply, socket }) {
            reply(401, '{"errorCode":"AUTHORIZATION_INVALID_TOKEN"}')
            if (end === 'closes') socket.end()
          },
        })
        const client = await openClient(governor.port)
        client.send(message('POST', path, ['Content-Length: 10000000'], 'x'.repeat(100_000)))
        const told = await client.answer()
        t.equal(told.status, 401, `DocuSign ${end}`)
        t.match(told.body.toString(), /AUTHORIZATION_INVALID_TOKEN/)
        client.send('x'.repeat(100_000))
        await until('the upstream connection to end', () => connectionOf(path).isClosed, 1500)
        t.equal(upstream.at(path)[0]?.isWhole, false)
        client.leave()
      }
    },
  )

  void t.test(
    'a client that pipelines without end is cut off, and costs no more than its first call',
    async t => {
      const path = fresh()
      upstream.on(path, hang)
      const client = await openClient(governor.port)
      client.send(message('GET', path).repeat(500))
      t.equal(await client.closed(), true)
      t.ok(upstream.at(path).length <= 1)
      t.equal((await ask(governor.port, message('GET', fresh()))).status, 200)
    },
  )

  void t.test('one record a request, also where its body is broken', async t => {
    const before = governor.lines.length
    const client = await openClient(governor.port)
    client.send(message('POST', fresh(), ['Transfer-Encoding: chunked'], 'zz\r\n'))
    t.equal((await client.answer()).status, 400)
    t.equal(await client.closed(), true)
    await until('the record', () => governor.lines.length > before)
    t.equal((await ask(governor.port, message('GET', fresh()))).status, 200)
    await until('the next record', () => governor.lines.length > before + 1)
    t.equal(governor.lines.length, before + 2)
  })

  void t.test('pipelined requests are answered in order', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole({ target, reply }) {
        const n = Number(target.split('?')[1])
        setTimeout(() => reply(200, String(n)), (8 - n) * 15)
      },
    })
    const client = await openClient(governor.port)
    client.send(Array.from({ length: 8 }, (_, n) => message('GET', `${path}?${n}`)).join(''))
    await client.answer(8)
    t.same(
      client.reading().answers.map(({ body }) => body.toString()),
      ['0', '1', '2', '3', '4', '5', '6', '7'],
    )
    client.leave()
  })

  for (const [what, bad] of [
    ['a malformed request', 'NOT HTTP\r\n\r\n'],
    [
      'a chunked request with a bad chunk',
      message('POST', '/restapi/bad-chunk', ['Transfer-Encoding: chunked'], 'zz\r\n'),
    ],
    [
      'a long chunked request with a bad chunk',
      message(
        'POST',
        '/restapi/bad-chunk',
        ['Transfer-Encoding: chunked'],
        `${chunks('x'.repeat(80_000)).slice(0, -5)}zz\r\n`,
      ),
    ],
    ['a refused request', message('GET', '/a//b')],
  ] as const) {
    void t.test(`${what} behind another does not cost the first its answer`, async t => {
      const path = fresh()
      let answer = () => undefined as void
      upstream.on(path, { onWhole: ({ reply }) => (answer = () => reply(200, 'the first')) })
      const client = await openClient(governor.port)
      client.send(message('GET', path))
      await until('the first request upstream', () => upstream.at(path).length === 1)
      client.send(bad)
      await pause(50) // the stimulus: the fault is read before the first answer comes
      answer()
      const first = await client.answer(1)
      t.equal(first.body.toString(), 'the first')
      t.equal((await client.answer(2)).status, 400)
      client.leave()
      const sent = () => upstream.at('/restapi/bad-chunk')
      await until('no half request is left upstream', () =>
        sent().every(({ connection }) => upstream.connections[connection]?.isClosed),
      )
      t.ok(sent().every(({ isWhole }) => !isWhole))
    })
  }

  void t.test('R9: what happens to pipelined calls leaves nothing in flight', async t => {
    const ours = await startPassing(upstream.url, { GOVERNOR_SHUTDOWN_TIMEOUT: '20' })
    governors.push(ours)
    const path = fresh()
    upstream.on(path, hang)
    const client = await openClient(ours.port)
    client.send(
      message('GET', '/a//b') + message('GET', path) + message('GET', '/a//b') + message('GET', path),
    )
    await until('the request upstream', () => upstream.at(path).length === 1)
    client.leave()
    const logged = () => ours.lines.filter(line => line.includes('"call"')).length
    await until('a log line for each that was walked', () => logged() === 2, 1500)
    const began = performance.now()
    await ours.stop()
    t.ok(performance.now() - began < 2000, 'stopping has nobody to wait for')
  })
})

void t.test('R12: no write is sent twice', async t => {
  void t.test('a kept connection that is reset at reuse: a GET is sent once more, a POST never', async t => {
    const path = fresh()
    const used = new Map<number, number>()
    upstream.on(path, {
      onWhole({ connection, socket, reply }) {
        const before = used.get(connection) ?? 0
        used.set(connection, before + 1)
        if (before === 0) reply(200, 'ok')
        else socket.resetAndDestroy()
      },
    })
    const heard = (probe: string) => upstream.at(path).filter(each => header(each, 'x-probe') === probe)
    for (let round = 0; round < 12; round++) {
      await ask(narrow.port, message('GET', path))
      const get = await ask(narrow.port, message('GET', path, [`X-Probe: get-${round}`]))
      t.equal(get.status, 200)
      const [first, second] = heard(`get-${round}`)
      t.not(first?.connection, second?.connection, 'the GET was repeated on a fresh connection')
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        const probe = `${method}-${round}`
        await ask(narrow.port, message('GET', path))
        const write = await ask(narrow.port, sized(method, path, '{}', [`X-Probe: ${probe}`]))
        t.equal(heard(probe).length, 1, `${method} reached DocuSign once`)
        t.equal(write.status, 502)
        t.match(refusalOf(write).message, /may have been received: before repeating a write/)
      }
    }
  })

  void t.test('connections that close at the moment of reuse', async t => {
    const path = fresh()
    upstream.on(path, {
      onWhole({ reply, socket }) {
        reply(200, 'ok')
        setImmediate(() => socket.end())
      },
    })
    const results = new Map<string, number>()
    await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        for (let round = 0; round < 25; round++) {
          const probe = `${lane}-${round}`
          results.set(
            probe,
            (await ask(governor.port, sized('POST', path, '{}', [`X-Probe: ${probe}`]))).status,
          )
        }
      }),
    )
    const counts = new Map<string, number>()
    for (const each of upstream.at(path)) {
      const probe = header(each, 'x-probe') ?? ''
      counts.set(probe, (counts.get(probe) ?? 0) + 1)
    }
    t.equal(results.size, 200)
    t.ok(
      [...counts.values()].every(count => count === 1),
      'no POST was heard twice',
    )
    t.ok(
      [...results].every(([probe, status]) => status === 502 || (status === 200 && counts.get(probe) === 1)),
    )
  })

  void t.test('a GET is sent twice at most, and not at all after its answer began', async t => {
    const [always, begun] = [fresh(), fresh()]
    upstream.on(always, { onWhole: ({ socket }) => void socket.resetAndDestroy() })
    upstream.on(begun, {
      onWhole({ send, socket }) {
        send('HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nx')
        setTimeout(() => socket.resetAndDestroy(), 20)
      },
    })
    t.equal((await ask(governor.port, message('GET', always))).status, 502)
    t.equal(upstream.at(always).length, 2)
    const client = await openClient(governor.port)
    client.send(message('GET', begun))
    t.equal(await client.closed(), true)
    t.equal(upstream.at(begun).length, 1)
  })

  void t.test('a streamed upload is never repeated', async t => {
    const path = fresh()
    upstream.on(path, { onHead: ({ socket }) => void socket.resetAndDestroy() })
    const told = await ask(governor.port, sized('PUT', path, 'x'.repeat(100_000)))
    t.equal(told.status, 502)
    t.equal(upstream.at(path).length, 1)
  })
})

void t.test('connections are shared', async t => {
  void t.test('R11: they are kept alive', async t => {
    const path = fresh()
    for (let i = 0; i < 10; i++) await ask(governor.port, message('GET', path))
    t.equal(new Set(upstream.at(path).map(({ connection }) => connection)).size, 1)
  })

  void t.test(
    'one account may use at most half of them: beside one that hangs, another is served',
    async t => {
      const hanging = fresh()
      upstream.on(hanging, hang)
      const clients = await Promise.all(Array.from({ length: 10 }, () => openClient(narrow.port)))
      for (const client of clients) client.send(message('GET', hanging))
      await until('its half', () => upstream.at(hanging).length === 2)
      const told = await Promise.all(
        Array.from({ length: 10 }, () => ask(narrow.port, message('GET', fresh(OTHER_ACCOUNT)))),
      )
      t.ok(told.every(({ status }) => status === 200))
      t.equal(upstream.at(hanging).length, 2)
      for (const client of clients) client.leave()
    },
  )

  void t.test('R5: a queue for connections: all are answered, once, with their own headers', async t => {
    // Three accounts, because two alone have as many places as there are connections; and every other body streams,
    // because such a request has its head written while it waits.
    const accounts = [ACCOUNT, OTHER_ACCOUNT, ACCOUNT.replace('444455556666', '999999999999')]
    const paths = Array.from({ length: 60 }, (_, n) => fresh(accounts[n % 3]))
    const held: Exchange[] = []
    let isOpen = false
    for (const path of paths)
      upstream.on(path, { onWhole: exchange => void (isOpen ? exchange.reply(200) : held.push(exchange)) })
    const telling = paths.map((path, n) => {
      const body = n % 2 ? String(n) : String(n).padEnd(70_000)
      return ask(narrow.port, sized('POST', path, body, [`X-N: ${n}`]))
    })
    await until('all connections to be taken', () => held.length === 4)
    // Connections are accepted in their order: when a later one is answered, all sixty have come in.
    await ask(narrow.port, message('GET', '//'))
    isOpen = true
    for (const exchange of held) exchange.reply(200)
    const told = await Promise.all(telling)
    t.ok(told.every(({ status }) => status === 200))
    const heard = paths.map(path => upstream.at(path))
    t.ok(heard.every(each => each.length === 1))
    t.ok(heard.flat().every(each => header(each, 'x-n') === each.body.toString().trim()))
  })
})

void t.test(
  'bodies stream: a reader who stands still holds DocuSign back, and memory stays flat',
  async t => {
    const path = fresh()
    const size = 50 << 20
    let handed = 0
    upstream.on(path, {
      onWhole({ send, socket }) {
        send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        const piece = Buffer.alloc(65_536)
        const push = () => {
          while (handed < size) {
            handed += piece.length
            if (!socket.write(piece)) return void socket.once('drain', push)
          }
        }
        push()
      },
    })
    const client = await openClient(governor.port)
    client.socket.pause()
    const before = process.memoryUsage()
    client.send(message('GET', path))
    let [seen, rounds] = [-1, 0]
    await until(
      'the stream to stand still',
      () => {
        rounds = handed > 0 && handed === seen ? rounds + 1 : 0
        seen = handed
        return rounds > 50
      },
      10_000,
    )
    const { rss, external } = process.memoryUsage()
    t.ok(handed < 24 << 20, `${handed >> 20} MB have left DocuSign, into the buffers of two connections`)
    t.ok(
      external - before.external < 16 << 20,
      `${(external - before.external) >> 20} MB more outside the heap`,
    )
    t.ok(rss - before.rss < 40 << 20, `${(rss - before.rss) >> 20} MB more in all`)
    client.socket.on('data', () => undefined).resume()
    await until('the rest', () => client.socket.bytesRead > size, 15_000)
    client.leave()
  },
)

const openssl = (() => {
  try {
    execFileSync('openssl', ['version'])
    return true
  } catch {
    return false
  }
})()

if (!openssl && process.env['CI'] === 'true') t.fail('openssl is needed to test TLS towards DocuSign')
void t.test(
  'R11: TLS towards DocuSign',
  { skip: openssl ? false : 'no openssl on PATH to make certificates' },
  async t => {
    const folder = mkdtempSync(join(tmpdir(), 'governor-tls-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const file = (name: string) => join(folder, name)
    const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    run(
      'req',
      '-x509',
      ...curve,
      '-keyout',
      file('ca.key'),
      '-out',
      file('ca.pem'),
      '-days',
      '2',
      '-subj',
      '/CN=Test CA',
    )
    run('req', ...curve, '-keyout', file('key.pem'), '-out', file('csr.pem'), '-subj', '/CN=localhost')
    writeFileSync(file('san'), 'subjectAltName=DNS:localhost')
    run(
      ...[
        'x509',
        '-req',
        '-in',
        file('csr.pem'),
        '-CA',
        file('ca.pem'),
        '-CAkey',
        file('ca.key'),
        '-days',
        '2',
      ],
      ...['-CAcreateserial', '-extfile', file('san'), '-out', file('cert.pem')],
    )
    const secure = await startUpstream({
      tls: { cert: readFileSync(file('cert.pem')), key: readFileSync(file('key.pem')) },
    })
    t.teardown(() => secure.close())

    void t.test('an untrusted certificate is a 502, and the request is never sent', async t => {
      const ours = await startPassing(secure.url)
      governors.push(ours)
      const told = await ask(ours.port, sized('POST', fresh(), '{"secret":1}', ['Authorization: Bearer x']))
      t.equal(told.status, 502)
      t.match(refusalOf(told).message, /The request was not sent\.$/)
      t.same(secure.heard, [])
    })

    async function serve(url: string): Promise<{ port: number; lines: string[]; end(): Promise<void> }> {
      const child = spawn(process.execPath, [new URL('../src/main.js', import.meta.url).pathname, 'serve'], {
        env: {
          PATH: process.env['PATH'],
          NODE_EXTRA_CA_CERTS: file('ca.pem'),
          GOVERNOR_LISTEN_PORT: '0',
          GOVERNOR_ADMIN_PORT: '0',
          GOVERNOR_UPSTREAM_API: url,
          GOVERNOR_UPSTREAM_OAUTH: url,
          GOVERNOR_SHUTDOWN_TIMEOUT: '1',
          GOVERNOR_STATE_KIND: 'memory',
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let out = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
      await until('it to start', () => out.includes('"started"'), 8000)
      const started = JSON.parse(out.split('\n').find(line => line.includes('"started"')) ?? '{}') as {
        url: string
      }
      return {
        port: Number(new URL(started.url).port),
        lines: out.split('\n'),
        async end() {
          child.kill('SIGTERM')
          if (child.exitCode === null) await once(child, 'exit')
        },
      }
    }

    void t.test("a trusted one: SNI and Host are DocuSign's, whatever the client's Host", async t => {
      const ours = await serve(secure.url)
      t.teardown(() => ours.end())
      const path = fresh()
      const told = await ask(ours.port, message('GET', path))
      t.equal(told.status, 200)
      await ask(ours.port, message('GET', path))
      t.same(
        secure.at(path).map(each => [header(each, 'host'), secure.connections[each.connection]?.servername]),
        [
          [`localhost:${secure.port}`, 'localhost'],
          [`localhost:${secure.port}`, 'localhost'],
        ],
      )
      t.equal(new Set(secure.at(path).map(({ connection }) => connection)).size, 1, 'one connection for both')
    })

    void t.test('a certificate of another name is a 502', async t => {
      const ours = await serve(secure.url.replace('localhost', '127.0.0.1'))
      t.teardown(() => ours.end())
      const before = secure.heard.length
      const told = await ask(ours.port, sized('POST', fresh(), '{}'))
      t.equal(told.status, 502)
      t.match(refusalOf(told).message, /ALTNAME.*was not sent/)
      t.equal(secure.heard.length, before)
    })
  },
)

void t.test('R1: http-proxy is loaded without a deprecation, and by one file alone', async t => {
  const forward = new URL('../src/forward/forward.js', import.meta.url).href
  const path = fresh()
  const program = `
    import util from 'node:util'
    // As later releases of Node have it, so that the release at hand does not decide.
    util._extend = util.deprecate(util._extend, 'util._extend', 'DEP0060')
    const { makeForward } = await import(${JSON.stringify(forward)})
    const { readOrigin } = await import(${JSON.stringify(new URL('exchange.js', forward).href)})
    const { makeSystemClock, makeTurns } = await import(${JSON.stringify(new URL('../base/clock.js', forward).href)})
    const config = { connectTimeoutMs: 2000, responseTimeoutMs: 2000, maxSockets: 2 }
    const house = makeForward(config, makeSystemClock(), makeTurns())
    const origin = readOrigin(${JSON.stringify(upstream.url)})
    const call = { method: 'GET', target: ${JSON.stringify(path)}, headers: {}, body: { kind: 'none' } }
    const shipment = { ...call, origin, account: '', caller: { writable: true }, fresh: true }
    const result = await house.send(shipment, { holds: () => true, goes: () => undefined }).result
    result.body.resume().on('end', () => console.log(result.status))
  `
  const args = ['--throw-deprecation', '--input-type=module', '-e', program]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, errors] = ['', '']
  child.stdout.on('data', bytes => (out += String(bytes)))
  child.stderr.on('data', bytes => (errors += String(bytes)))
  const [code] = (await once(child, 'close')) as [number]
  t.same([code, out.trim(), errors], [0, '200', ''])

  const pinned = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
    dependencies: Record<string, string>
  }
  t.equal(pinned.dependencies['http-proxy'], '1.18.1')
  t.ok(existsSync(new URL('package-lock.json', ROOT)))
})

void t.test('R13: an Upgrade is a plain request, and CONNECT a refusal', async t => {
  const path = fresh()
  const told = await ask(
    governor.port,
    message('GET', path, ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']),
  )
  t.equal(told.status, 200)
  t.equal(header(upstream.at(path)[0] ?? fail(), 'upgrade'), undefined)
  t.equal((await ask(governor.port, 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).status, 400)
})

void t.test('R13: a head or a body that never ends is told so', async t => {
  const impatient = await startPassing(upstream.url, {
    GOVERNOR_LISTEN_HEADERS_TIMEOUT: '0.3',
    GOVERNOR_LISTEN_REQUEST_TIMEOUT: '0.5',
    GOVERNOR_LISTEN_KEEP_ALIVE_TIMEOUT: '0.3',
  })
  governors.push(impatient)
  const path = fresh()
  for (const begun of ['GET /x HTTP/1.1\r\nX-Slow', message('POST', path, ['Content-Length: 5'], 'x')]) {
    const client = await openClient(impatient.port)
    client.send(begun)
    t.equal((await client.answer()).status, 408)
    t.equal(await client.closed(), true)
  }
  const idle = await openClient(impatient.port)
  idle.send(message('GET', path))
  await idle.answer()
  t.equal(await idle.closed(2500), true, 'an idle connection ends')
  t.equal(upstream.at(path).filter(({ method }) => method === 'POST').length, 0)
})

void t.test('through all of this the house stands', async t => {
  for (const each of [governor, hasty, narrow]) {
    t.equal((await ask(each.port, message('GET', fresh()))).status, 200)
  }
  t.same(unexpected(), [])
})
