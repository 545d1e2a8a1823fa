import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { loadConfig } from '../src/config/load.js'
import { showConfig, showFaults } from '../src/config/show.js'
import { startPassing } from './fixtures/governor.js'

/** What no caller's secret may be found by. Letters of both cases, because some of what is logged is lower-cased. */
const CANARY = `Canary${randomBytes(12).toString('hex')}Zz`
const ADMIN_TOKEN = `Keeper${randomBytes(12).toString('hex')}Zz`
const ACCOUNT = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const ENVELOPES = `/restapi/v2.1/accounts/${ACCOUNT}/envelopes`

/** The ways in which a secret could lie in a text: as it is, in other letters, in hex, or somewhere in base64. */
function formsOf(secret: string): string[] {
  const base64 = [0, 1, 2].map(shift => {
    const bytes = Buffer.from('x'.repeat(shift) + secret)
    // Without the characters that the neighbours have a share in.
    return bytes.toString('base64').slice(shift === 0 ? 0 : shift + 1, -4)
  })
  return [secret, Buffer.from(secret).toString('hex'), ...base64].map(form => form.toLowerCase())
}

const FORMS = [...formsOf(CANARY), ...formsOf(ADMIN_TOKEN)]

/** The names of the texts that hold a secret in some form, and a little of what stands around it. */
function leaks(texts: ReadonlyMap<string, string>): string[] {
  return [...texts].flatMap(([name, text]) => {
    const plain = text.toLowerCase()
    const at = FORMS.map(form => plain.indexOf(form)).find(index => index !== -1)
    return at === undefined ? [] : [`${name}: …${text.slice(Math.max(0, at - 60), at + 60)}…`]
  })
}

async function until(what: string, isSo: () => boolean, withinMs = 8000): Promise<void> {
  for (const end = performance.now() + withinMs; !isSo(); await pause(5)) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}`)
  }
}

/** Stands in for DocuSign, and misbehaves by path. It repeats the secret wherever an upstream can. */
async function startUpstream(t: Test): Promise<{ url: string; heard: () => string }> {
  let heard = ''
  const reply = (head: string, body = '') =>
    `HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  const answers: Record<string, (socket: Socket) => void> = {
    '/echo': socket =>
      socket.end(reply(`200 ${CANARY}\r\nX-Echo: ${CANARY}\r\nSet-Cookie: a=${CANARY}`, CANARY)),
    '/401': socket =>
      socket.end(reply('401 No', `{"errorCode":"AUTHORIZATION_INVALID_TOKEN","message":"${CANARY}"}`)),
    '/429': socket => socket.end(reply(`429 No\r\nX-RateLimit-Remaining: ${CANARY}`, '{}')),
    '/500': socket => socket.end(reply(`500 No\r\nContent-Type: text/${CANARY}`, CANARY)),
    '/trace': socket =>
      socket.end(reply(`200 OK\r\nX-DocuSign-TraceToken: ${CANARY}\r\nX-DocuSign-Node: ${CANARY}`)),
    '/status': socket => socket.end(reply(`999 ${CANARY}`)),
    '/nonsense': socket => socket.end(`${CANARY} is no HTTP\r\n\r\n`),
    '/bad-line': socket => socket.end(`HTTP/1.1 200 OK\r\n${CANARY}\r\n\r\n`),
    '/upgrade': socket => socket.end(`HTTP/1.1 101 Go\r\nUpgrade: ${CANARY}\r\nConnection: Upgrade\r\n\r\n`),
    '/cut': socket => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n${CANARY}`, () => socket.resetAndDestroy())
    },
    '/reset': socket => socket.resetAndDestroy(),
    '/hang': () => undefined,
    '/oauth/userinfo': socket => {
      const accounts = [{ account_id: CANARY, base_uri: `https://${CANARY}:${CANARY}@${CANARY}.example` }]
      socket.end(reply('200 OK', JSON.stringify({ sub: CANARY, accounts })))
    },
    '/oauth/userinfo/': socket => socket.end(reply('200 OK', CANARY)),
  }
  const server = createServer(socket => {
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', bytes => {
      text += bytes.toString('latin1')
      heard += bytes.toString('latin1')
      const [, path = ''] = /^\S+ ([^? ]*)\S* HTTP\/1\.1\r\n.*\r\n\r\n/s.exec(text) ?? []
      if (path === '' || /^content-length: (?!0)\d+\r\n(?!.*\r\n\r\n.)/ims.test(text)) return
      const answer = answers[path] ?? (socket => socket.end(reply('200 OK', 'pong')))
      answer(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard: () => heard }
}

/** Sends bytes as they are; what came back until the connection ended. `leaveAfterMs`: the client does not wait. */
async function send(port: number, bytes: string, leaveAfterMs?: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let told = ''
  let isOver = false
  socket.on('data', chunk => (told += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  socket.on('close', () => (isOver = true))
  socket.write(bytes, 'latin1')
  if (leaveAfterMs !== undefined) {
    await pause(leaveAfterMs)
    socket.resetAndDestroy()
  }
  await until('the connection to end', () => isOver)
  return told
}

/** Every header line in which a caller can put something, all in one message. */
const LINES = [
  'Host: x',
  'Connection: close',
  `Authorization: Bearer ${CANARY}`,
  `X-DocuSign-Authentication: {"Username":"u","Password":"${CANARY}","IntegratorKey":"${CANARY}"}`,
  `Cookie: session=${CANARY}`,
  `Proxy-Authorization: Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`,
  `X-DocuSign-Act-On-Behalf: ${CANARY}`,
  `X-DocuSign-Act-As-User: ${CANARY}@example.com`,
  `X-DocuSign-TraceToken: ${CANARY}`,
  `X-${CANARY}: ${CANARY}`,
  `User-Agent: ${CANARY}`,
  `Referer: https://x.test/?token=${CANARY}`,
  `Origin: https://${CANARY}.test`,
  `Accept: ${CANARY}/*`,
  `Content-Type: multipart/form-data; boundary=${CANARY}`,
  `X-Forwarded-For: ${CANARY}`,
  `Forwarded: for=${CANARY}`,
  `X-HTTP-Method-Override: ${CANARY}`,
  `Prefer: wait=${CANARY}`,
  `X-Governor-Priority: ${CANARY}`,
  `X-Governor-${CANARY}: high`,
  `Upgrade: ${CANARY}`,
  `Range: bytes=${CANARY}`,
  `Cache-Control: ${CANARY}`,
]
const HEAD = `${LINES.join('\r\n')}\r\n`
const QUERY = `?access_token=${CANARY}&${CANARY}=1`
const BODY = JSON.stringify({ emailSubject: CANARY, password: CANARY })

function request(method: string, target: string, body = ''): string {
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
  return `${method} ${target} HTTP/1.1\r\n${HEAD}${length}\r\n${body}`
}

/** Messages that are calls: they go up, and come to every kind of end. */
const CALLS: Record<string, string> = {
  'a success': request('GET', ENVELOPES + QUERY),
  'a write': request('POST', ENVELOPES + QUERY, BODY),
  'a chunked write, with an extension and a trailer': `POST ${ENVELOPES} HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5;x=${CANARY}\r\nhello\r\n0\r\nX-Trailer: ${CANARY}\r\n\r\n`,
  'an account that is a secret': request('GET', `/restapi/v2.1/accounts/${CANARY}/envelopes/${CANARY}`),
  'a path of secrets': request('GET', `/${CANARY}/${CANARY}`),
  'an app whose name is too long to be one': request(
    'GET',
    `/apps/${CANARY.repeat(3).slice(0, 64)}${ENVELOPES}`,
  ),
  'an app whose name has no harmless shape': request('GET', `/apps/~${CANARY}${ENVELOPES}`),
  'a 401': request('GET', `/401${QUERY}`),
  'a 429': request('GET', `/429${QUERY}`),
  'a 500': request('POST', `/500${QUERY}`, BODY),
  'an echo': request('GET', `/echo${QUERY}`),
  'a trace token that is none': request('GET', '/trace'),
  'a status that is none': request('GET', '/status'),
  'an answer that is none': request('GET', `/nonsense${QUERY}`),
  'a header line that is none': request('GET', `/bad-line${QUERY}`),
  'an unasked upgrade': request('GET', '/upgrade'),
  'an answer that is cut': request('GET', `/cut${QUERY}`),
  'a reset': request('POST', `/reset${QUERY}`, BODY),
  'no answer in time': request('POST', `/hang${QUERY}`, BODY),
  userinfo: request('GET', `/oauth/userinfo${QUERY}`),
  'userinfo that is none': request('GET', `/oauth/userinfo/${QUERY}`),
  'a token request': request('POST', '/oauth/token', `grant_type=refresh_token&refresh_token=${CANARY}`),
}

/** Messages that are refused before anything goes up. */
const REFUSED: Record<string, string> = {
  'a dot segment': request('GET', `/${CANARY}/../x${QUERY}`),
  'an escaped slash': request('GET', `/${CANARY}%2fx`),
  'an empty segment': request('GET', `//${CANARY}/x`),
  'a parameter': request('GET', `/x;${CANARY}`),
  'a fragment': request('GET', `/x#${CANARY}`),
  'no UTF-8': request('GET', `/%ff${CANARY}`),
  'an app without a path': request('GET', `/apps/${CANARY}`),
  'an app with a bad name': request('GET', `/apps/${CANARY}:x/restapi`),
  'another host': request('GET', `http://${CANARY}.test/x`),
  'credentials in the target': request('GET', `http://u:${CANARY}@127.0.0.1/x`),
  'no path': request('GET', CANARY),
  'a method that is none': request(CANARY, '/x'),
  'a version that is none': `GET /${CANARY} HTTP/${CANARY}\r\n\r\n`,
  'no HTTP': `${CANARY}\r\n${CANARY}\r\n\r\n`,
  'a header line without a colon': `GET /x HTTP/1.1\r\nHost: x\r\n${CANARY}\r\n\r\n`,
  'a header line with a NUL': `GET /x HTTP/1.1\r\nHost: x\r\nX: ${CANARY}\0\r\n\r\n`,
  'a length that is none': `POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${CANARY}\r\n\r\n`,
  'another coding': `POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ${CANARY}, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
  'another expectation': `GET /x HTTP/1.1\r\nHost: x\r\nExpect: ${CANARY}\r\nConnection: close\r\n\r\n`,
  'no Host': `GET /${CANARY} HTTP/1.1\r\nConnection: close\r\n\r\n`,
  'a bad chunk': `POST /x HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n${CANARY}\r\n`,
  'too many header lines': `GET /x HTTP/1.1\r\n${HEAD}${`X-${CANARY}: ${CANARY}\r\n`.repeat(90)}\r\n`,
  'header lines that are too large': `GET /x HTTP/1.1\r\n${HEAD}X: ${CANARY.repeat(1000)}\r\n\r\n`,
  'a body that is too large': `POST /x HTTP/1.1\r\n${HEAD}Content-Length: 99999999\r\n\r\n`,
  'a tunnel': `CONNECT ${CANARY}:443 HTTP/1.1\r\n${HEAD}\r\n`,
}

/** What a stranger can say to the admin port. */
const STRANGERS: Record<string, string> = {
  'a wrong token': `GET /status${QUERY} HTTP/1.1\r\n${HEAD.replace('Host: x', 'Host: 127.0.0.1').replace(/Origin.*\r\n/, '')}\r\n`,
  'a foreign host': `GET /metrics HTTP/1.1\r\nHost: ${CANARY}.test\r\nConnection: close\r\n\r\n`,
  'a foreign origin': `GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://${CANARY}.test\r\nConnection: close\r\n\r\n`,
  'a page that is none': `GET /${CANARY} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\nConnection: close\r\n\r\n`,
  'another method': `POST /status HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\nContent-Length: ${CANARY.length}\r\nConnection: close\r\n\r\n${CANARY}`,
  'no HTTP': `${CANARY}\r\n\r\n`,
}

void t.test(
  'a canary that is sent in every place is found in no log line, metric, status or answer of ours',
  async t => {
    const warnings: string[] = []
    const onWarning = (warning: Error) => void warnings.push(String(warning.stack))
    process.on('warning', onWarning)
    t.teardown(() => process.off('warning', onWarning))
    const upstream = await startUpstream(t)
    const governor = await startPassing(upstream.url, {
      GOVERNOR_LOG_LEVEL: 'trace',
      GOVERNOR_ADMIN_TOKEN: ADMIN_TOKEN,
      GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '0.4',
      GOVERNOR_LISTEN_HEADERS_TIMEOUT: '0.5',
      GOVERNOR_LISTEN_REQUEST_TIMEOUT: '1',
      GOVERNOR_SHUTDOWN_TIMEOUT: '1',
    })
    t.teardown(() => governor.stop())
    const { port, adminPort } = governor
    const ours = new Map<string, string>()
    const isForwarded = (told: string) => /^x-governor-outcome: forwarded\r$/im.test(told)

    let forwarded = 0
    for (const [what, message] of Object.entries(CALLS)) {
      const told = await send(port, message)
      if (isForwarded(told)) forwarded++
      else ours.set(what, told)
      if (what === 'userinfo') ours.set('userinfo, its base_uri', /"base_uri":"[^"]*"/.exec(told)?.[0] ?? '')
    }
    t.ok(forwarded >= 14, `${forwarded} calls were forwarded`)
    for (const [what, message] of Object.entries(REFUSED)) {
      const told = await send(port, message)
      t.match(told, /^HTTP\/1\.1 4|^HTTP\/1\.1 501/, `${what} is refused`)
      t.match(told, /^X-Governor-Refusal: bad-request\r$/m, `${what} is refused in our words`)
      ours.set(what, told)
    }
    ours.set('half a head', await send(port, `GET /${CANARY} HTTP/1.1\r\nX-${CANARY}`))
    ours.set('half a body', await send(port, request('POST', ENVELOPES, BODY).slice(0, -5)))
    await send(port, request('POST', `/hang${QUERY}`, BODY), 60)
    await send(port, request('POST', ENVELOPES, BODY).slice(0, -5), 60)
    await send(port, request('POST', `${ENVELOPES}?${CANARY}`, CANARY.repeat(5000)).slice(0, -5), 60)
    t.ok(
      upstream.heard().split(CANARY).length > 100,
      'the canary was there: the upstream has it a hundred times',
    )

    t.throws(() =>
      governor.reload({
        GOVERNOR_LISTEN_TLS_CERT: `/${CANARY}.pem`,
        GOVERNOR_LISTEN_TLS_KEY: `/${CANARY}.pem`,
      }),
    )
    governor.reload({ GOVERNOR_UPSTREAM_API: 'http://127.0.0.1:1' })
    ours.set('a DocuSign that cannot be reached', await send(port, request('POST', ENVELOPES + QUERY, BODY)))
    governor.reload({})

    for (const [what, message] of Object.entries(STRANGERS)) {
      const told = await send(adminPort, message)
      t.match(told, /^HTTP\/1\.1 4/, `the admin port refuses ${what}`)
      ours.set(`admin: ${what}`, told)
    }
    for (const page of ['healthz', 'readyz', 'status', 'metrics']) {
      const lines = `Host: 127.0.0.1\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\nConnection: close`
      const told = await send(adminPort, `GET /${page} HTTP/1.1\r\n${lines}\r\n\r\n`)
      t.match(told, /^HTTP\/1\.1 200/, `/${page} is there`)
      ours.set(page, told)
    }
    t.match(ours.get('metrics'), /docusign_governor_refusals_total\{[^}]*bad-request/)
    t.match(ours.get('status'), ACCOUNT)

    const last = send(port, request('GET', `/hang${QUERY}`))
    await until('the last call to be in flight', () => upstream.heard().split('/hang').length > 3)
    const stopped = governor.stop()
    ours.set('shutting down', await send(port, request('GET', ENVELOPES + QUERY)))
    t.match(ours.get('shutting down'), /^HTTP\/1\.1 503/)
    ours.set('the last call', await last)
    await stopped

    const calls = Object.keys(CALLS).length + Object.keys(REFUSED).length
    t.ok(governor.lines.length > calls, `${governor.lines.length} log lines`)
    const texts = new Map([...ours, ['the log', governor.lines.join('')], ['warnings', warnings.join('\n')]])
    t.strictSame(leaks(texts), [])

    const planted = [
      `"authorization":"Bearer ${CANARY}"`,
      `"appName":"${CANARY.toLowerCase()}"`,
      `"hash":"${Buffer.from(CANARY).toString('hex')}"`,
      `"basic":"${Buffer.from(`user:${CANARY}:more`).toString('base64')}"`,
      `"basic":"${Buffer.from(`users:${CANARY}:more`).toString('base64')}"`,
      `"basic":"${Buffer.from(`userse:${CANARY}:more`).toString('base64')}"`,
      `"token":"${ADMIN_TOKEN}"`,
    ]
    for (const plant of planted) {
      for (const name of ['the log', 'metrics', 'a dot segment']) {
        const text = texts.get(name) ?? ''
        const spoiled = new Map(texts).set(
          name,
          text.slice(0, text.length / 2) + plant + text.slice(text.length / 2),
        )
        t.equal(leaks(spoiled).length, 1, 'one that is planted is found')
      }
    }
  },
)

void t.test('a secret in the settings is in no fault of theirs, and not in what check prints', t => {
  const folder = mkdtempSync(join(tmpdir(), 'governor-canary-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'settings.yaml')
  const texts = new Map<string, string>()
  const faulty = [
    `admin: { token: "${CANARY} with spaces" }`,
    `admin: { token: [${CANARY}] }`,
    `admin: {token:${CANARY}}`,
    `admin:\n  token: ${CANARY}\n  token: ${CANARY}`,
    `admin:\n  tokn: ${CANARY}`,
    `admin:\n token: "${CANARY}\n`,
    `upstream: { api: "https://user:${CANARY}@docusign.test" }`,
    `upstream: { api: "https://docusign.test/?key=${CANARY}" }`,
    `listen: { publicUrl: "https://${CANARY}@x" }`,
  ]
  for (const text of faulty) {
    writeFileSync(file, text)
    const loaded = loadConfig({ files: [file], env: {} })
    t.equal(loaded.kind, 'faults', text.replaceAll(CANARY, 'CANARY'))
    if (loaded.kind === 'faults') texts.set(text, showFaults(loaded.faults))
  }
  for (const env of [
    { GOVERNOR_ADMIN_TOKEN: `${CANARY} x` },
    { GOVERNOR_UPSTREAM_OAUTH: `https://x:${CANARY}@y` },
  ]) {
    const loaded = loadConfig({ files: [], env })
    t.equal(loaded.kind, 'faults')
    if (loaded.kind === 'faults') texts.set(JSON.stringify(env), showFaults(loaded.faults))
  }
  const good = loadConfig({ files: [], env: { GOVERNOR_ADMIN_TOKEN: CANARY } })
  t.equal(good.kind, 'config')
  if (good.kind === 'config') texts.set('check', showConfig(good.config))
  t.strictSame(leaks(texts), [])
  t.end()
})
