import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { ROOT } from './fixtures/governor.js'

const MAIN = fileURLToPath(new URL('build/src/main.js', ROOT))
const MANIFEST = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
  version: string
  scripts: Record<string, string>
  bin: Record<string, string>
}

const folder = mkdtempSync(join(tmpdir(), 'governor-cli-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/** A settings file in a folder of its own to this run. */
function settings(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

async function until(what: string, isSo: () => boolean, withinMs = 15_000): Promise<void> {
  for (const end = performance.now() + withinMs; !isSo(); await pause(10)) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}`)
  }
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Running {
  readonly child: ChildProcess
  out: string
  err: string
  readonly ended: Promise<Ended>
  /** The log lines called `msg`, so far. */
  said(msg: string): Record<string, unknown>[]
}

/** Nothing of this process' environment, so that no setting of the machine takes part. */
function run(t: Test, args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const running: Running = {
    child,
    out: '',
    err: '',
    ended: once(child, 'close').then(([code]) => ({
      code: code as number | null,
      out: running.out,
      err: running.err,
    })),
    said: msg =>
      running.out
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as Record<string, unknown>)
        .filter(line => line['msg'] === msg),
  }
  child.stdout?.on('data', text => (running.out += String(text)))
  child.stderr?.on('data', text => (running.err += String(text)))
  t.teardown(() => child.kill('SIGKILL'))
  return running
}

/** Answers `pong`, and `held` to the calls under `/hold` when told so. */
async function startUpstream(t: Test) {
  const held: ServerResponse[] = []
  const server = http.createServer((req, res) => {
    if (req.url === '/hold') held.push(res)
    else res.end('pong')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, held }
}

async function get(url: string): Promise<{ status: number | undefined; body: string }> {
  const req = http.get(url, { agent: false })
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of res) body += String(chunk)
  return { status: res.statusCode, body }
}

async function untilStatus(url: string, status: number): Promise<void> {
  for (const end = performance.now() + 15_000; (await get(url)).status !== status; await pause(10)) {
    if (performance.now() > end) throw new Error(`waited for ${url} to answer ${status}`)
  }
}

void t.test('the scripts and the bin are the commands that are promised', t => {
  t.equal(MANIFEST.scripts['start'], 'node build/src/main.js serve')
  t.equal(MANIFEST.bin['docusign-governor'], 'build/src/main.js')
  t.match(readFileSync(MAIN, 'utf8'), /^#!\/usr\/bin\/env node\n/)
  t.end()
})

void t.test('usage: help and version are 0, anything misspelt is 2 and says so', async t => {
  for (const args of [['--help'], ['help'], ['serve', '-h']]) {
    const { code, out, err } = await run(t, args).ended
    t.match(
      { code, out, err },
      { code: 0, out: /^docusign-governor.*serve \[--config FILE\]/s, err: '' },
      args.join(' '),
    )
  }
  t.match(await run(t, ['--version']).ended, { code: 0, out: `${MANIFEST.version}\n`, err: '' })
  const wrong: [string[], RegExp][] = [
    [['srve'], /"srve".*Usage:/s],
    [['serve', '--confg', 'x'], /--confg.*Usage:/s],
    [['serve', 'x.yaml'], /x\.yaml.*Usage:/s],
    [['check', '--config'], /--config.*Usage:/s],
  ]
  for (const [args, says] of wrong) {
    t.match(await run(t, args).ended, { code: 2, out: '', err: says }, `docusign-governor ${args.join(' ')}`)
  }
})

void t.test('check prints the settings in force, and no secret', async t => {
  const secret = 'Sesame-4f1c-9d2e-open'
  const file = settings('good.yaml', 'listen:\n  port: 8181\nlog:\n  level: warn\napps:\n  Web-Shop: {}\n')
  const env = { GOVERNOR_ADMIN_TOKEN: secret, GOVERNOR_LOG_LEVEL: 'error' }
  const { code, out, err } = await run(t, ['check', '--config', file], env).ended
  t.match({ code, err }, { code: 0, err: '' })
  t.match(parse(out), {
    listen: { host: '127.0.0.1', port: 8181, publicUrl: null },
    admin: { token: '***', port: 9464 },
    upstream: { api: 'https://demo.docusign.net', oauth: 'https://account-d.docusign.com' },
    log: { level: 'error' },
    apps: { 'Web-Shop': {} },
  })
  t.notOk(out.includes(secret))
  const again = await run(t, ['check', '-c', settings('again.yaml', out.replace(/.\*{3}./, 'null'))]).ended
  t.match(again, { code: 0, out: /level: error/ }, 'what it prints is a settings file')
})

void t.test('bad settings: every fault with file, line and path, exit 2, and nothing is started', async t => {
  const secret = 'short-secret'
  const file = settings(
    'bad.yaml',
    [
      'listen:',
      '  port: 80800',
      '  prt: 1',
      'upstream:',
      '  responseTimeout: soon',
      'admin:',
      '  host: 0.0.0.0',
      `  token: ${secret}`,
    ].join('\n'),
  )
  for (const command of ['check', 'serve']) {
    const { code, out, err } = await run(t, [command, '--config', file], { GOVERNOR_LOG_LEVEL: 'loud' }).ended
    t.match({ code, out }, { code: 2, out: '' }, command)
    const faults = [
      `${file}:2:9  listen.port: `,
      `${file}:3:3  listen.prt: `,
      `${file}:5:20  upstream.responseTimeout: `,
      `${file}:8:10  admin.token: `,
      'environment  GOVERNOR_LOG_LEVEL: ',
    ]
    t.strictSame(
      faults.filter(fault => !err.split('\n').some(line => line.startsWith(fault))),
      [],
      `${command} tells them all`,
    )
    t.equal(err.trimEnd().split('\n').length, faults.length, `${command} tells nothing else`)
    t.notOk(err.includes(secret))
  }
  const gone = await run(t, ['serve', '--config', join(folder, 'no-such-file.yaml')]).ended
  t.match(gone, { code: 2, out: '', err: /no-such-file\.yaml/ })
  const tls = {
    GOVERNOR_LISTEN_PORT: '0',
    GOVERNOR_ADMIN_PORT: '0',
    GOVERNOR_LISTEN_TLS_CERT: file,
    GOVERNOR_LISTEN_TLS_KEY: file,
  }
  t.match(await run(t, ['serve'], tls).ended, { code: 2, out: '', err: /^listen\.tlsCert, listen\.tlsKey: / })
})

void t.test('a port that is taken is said, and is exit 1', async t => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const port = String((other.address() as AddressInfo).port)
  const says = new RegExp(`${port}.*\\n`)
  const traffic = { GOVERNOR_LISTEN_PORT: port, GOVERNOR_ADMIN_PORT: '0' }
  t.match(await run(t, ['serve'], traffic).ended, { code: 1, out: '', err: says })
  const admin = { GOVERNOR_LISTEN_PORT: '0', GOVERNOR_ADMIN_PORT: port }
  t.match(await run(t, ['serve'], admin).ended, { code: 1, out: '', err: says })
  t.match(await run(t, ['simulator', '--port', port]).ended, { code: 1, out: '', err: says })
})

void t.test(
  'SIGHUP takes a good file and refuses a bad one; SIGTERM lets calls finish and is exit 0',
  async t => {
    const [before, after] = [await startUpstream(t), await startUpstream(t)]
    const file = (upstream: string, level: string) =>
      settings(
        'live.yaml',
        `upstream: { api: "${upstream}" }\nlog: { level: ${level} }\nadmin: { port: 0 }\nlisten: { port: 0 }\n`,
      )
    const running = run(t, ['serve', '--config', file(before.url, 'info')])
    await until('the start', () => running.said('started').length === 1)
    const [{ url, adminPort } = {}] = running.said('started') as { url: string; adminPort: number }[]
    t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    t.same(await get(`${url}/restapi`), { status: 200, body: 'pong' })
    t.equal((await get(`http://127.0.0.1:${adminPort}/readyz`)).status, 200)

    const call = get(`${url}/hold`)
    await until('the call to be in flight', () => before.held.length === 1)
    file('ftp://nowhere', 'info')
    running.child.kill('SIGHUP')
    await until('the refusal', () => running.said('config-refused').length === 1)
    t.match(running.said('config-refused'), [
      { level: 'error', faults: /live\.yaml:1:18 {2}upstream\.api: / },
    ])
    const second = get(`${url}/hold`)
    await until('the old upstream to be asked', () => before.held.length === 2)

    file(after.url, 'warn')
    running.child.kill('SIGHUP')
    // From `warn` on, the reload itself is not worth a line: that calls go elsewhere is how it shows.
    const found: Promise<unknown>[] = []
    await until('the new upstream to be asked', () => {
      if (found.length < 500) found.push(get(`${url}/hold`))
      return after.held.length > 0
    })

    running.child.kill('SIGTERM')
    await untilStatus(`http://127.0.0.1:${adminPort}/readyz`, 503)
    for (const res of [...before.held, ...after.held]) res.end('held')
    t.same(await call, { status: 200, body: 'held' }, 'what was in flight has its answer')
    t.same(await second, { status: 200, body: 'held' })
    await Promise.allSettled(found)
    t.match(await running.ended, { code: 0 })
    const last = [...running.said('stopping'), ...running.said('stopped')]
    t.strictSame(last, [], 'and from `warn` on the stop is not worth a line either')
  },
)

void t.test('SIGINT ends it likewise, and a second signal at once', async t => {
  const upstream = await startUpstream(t)
  const env = { GOVERNOR_LISTEN_PORT: '0', GOVERNOR_ADMIN_PORT: '0', GOVERNOR_UPSTREAM_API: upstream.url }
  const start = async () => {
    const running = run(t, ['serve'], env)
    await until('the start', () => running.said('started').length === 1)
    return { running, url: String(running.said('started')[0]?.['url']) }
  }
  const patient = await start()
  const call = get(`${patient.url}/hold`)
  await until('the call to be in flight', () => upstream.held.length === 1)
  patient.running.child.kill('SIGINT')
  await untilStatus(`${patient.url}/restapi`, 503)
  upstream.held[0]?.end('held')
  t.same(await call, { status: 200, body: 'held' })
  t.match(await patient.running.ended, { code: 0 })
  t.match(patient.running.said('stopping'), [{ signal: 'SIGINT' }])
  t.match(patient.running.said('stopped'), [{ level: 'info' }], 'its last line is in the log')

  const hurried = await start()
  const lost = get(`${hurried.url}/hold`).catch((error: NodeJS.ErrnoException) => error.code)
  await until('the call to be in flight', () => upstream.held.length === 2)
  hurried.running.child.kill('SIGTERM')
  await untilStatus(`${hurried.url}/restapi`, 503)
  hurried.running.child.kill('SIGINT')
  t.match(await hurried.running.ended, { code: 1 })
  t.equal(await lost, 'ECONNRESET')
})

void t.test('the simulator is a command of its own', async t => {
  const help = await run(t, ['simulator', '--help']).ended
  t.match(help, { code: 0, out: /--hour-limit N/, err: '' })
  const bad = await run(t, ['simulator', '--port', 'x', '--hour-limit', '-1', '--nonsense', 'y']).ended
  t.match(bad, { code: 2, out: '' })
  for (const fault of [
    /^--port takes .*"x"/m,
    /^--hour-limit takes .*"-1"/m,
    /^--nonsense/m,
    /^"y"/m,
    /^Usage:/m,
  ]) {
    t.match(bad.err, fault)
  }
  const running = run(t, ['simulator', '--port', '0', '--accounts', '2'])
  await until('the start', () => running.out.includes('/_sim/report'))
  const url = /at (http:\/\/127\.0\.0\.1:\d+)\n/.exec(running.out)?.[1] ?? ''
  t.equal((await get(`${url}/_sim/report`)).status, 200)
  t.equal((await get(`${url}/restapi/v2.1/accounts/1/envelopes`)).status, 401)
  running.child.kill('SIGTERM')
  t.match(await running.ended, { code: 0, err: '' })
})
