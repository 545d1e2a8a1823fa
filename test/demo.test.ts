import { spawn, type ChildProcess } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import docusign from 'docusign-esign'
import type { Test } from 'tap'
import t from 'tap'
import { makeApp } from '../src/app.js'
import { makeSystemClock } from '../src/base/clock.js'
import { loadConfig } from '../src/config/load.js'
import { showFaults } from '../src/config/show.js'
import { live } from '../src/demo/apps.js'
import { runDemo } from '../src/demo/demo.js'
import { logIn } from '../src/demo/session.js'
import { makeLog } from '../src/observe/log.js'
import type { Report } from '../src/simulator/report.js'
import { makeSimulator } from '../src/simulator/simulator.js'
import { ROOT, startGovernor } from './fixtures/governor.js'

const MAIN = fileURLToPath(new URL('build/src/main.js', ROOT))
const FREE = { GOVERNOR_LISTEN_PORT: '0', GOVERNOR_ADMIN_PORT: '0', GOVERNOR_STATE_KIND: 'memory' }
const PROGRESS = /^ *\d+ s +calls in +(\d+) +calls up +(\d+) +saved +(\d+) +held +(\d+)$/gm

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** `docusign-governor demo`, as a user starts it. */
function startDemo(t: Test, args: string[], env: Record<string, string> = FREE, main = MAIN) {
  const child = spawn(process.execPath, [main, 'demo', ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text))
  const ended = new Promise<Ended>(resolve => child.on('close', code => resolve({ code, out, err })))
  /** Resolves when the output so far satisfies; rejects when the demo ends without. */
  const told = (isEnough: (out: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (isEnough(out)) resolve(out)
      }
      child.stdout.on('data', look)
      child.on('close', () => reject(new Error(`the demo ended early: ${out}${err}`)))
      look()
    })
  return { child, ended, told }
}

/** The demo inside this process, for what ends before any traffic. */
async function demoHere(argv: string[], variables: Record<string, string> = FREE) {
  const clock = makeSystemClock()
  let [out, err] = ['', '']
  const end = await runDemo(argv, {
    clock,
    say: text => void (out += text),
    complain: text => void (err += text),
    loadConfig(_files, more) {
      const files = [fileURLToPath(new URL('config/default.yaml', ROOT))]
      const loaded = loadConfig({ files, env: { ...variables, ...more } })
      if (loaded.kind === 'config') return loaded.config
      err += showFaults(loaded.faults)
      return undefined
    },
    makeGovernor: config =>
      makeApp(config, {
        clock,
        log: makeLog(config.log, { write: line => void (err += line), flush: () => undefined }, clock),
        version: '0.0.0-test',
        routeTable: readFileSync(new URL('config/docusign-routes.tsv', ROOT), 'utf8'),
        readFile: path => readFileSync(path, 'utf8'),
        execPath: process.execPath,
      }),
    interrupted: new Promise(() => undefined),
  })
  return { end, out, err }
}

const lines = (out: string) => [...out.matchAll(PROGRESS)].map(([, ...counts]) => counts.map(Number))

function urlIn(out: string, what: string): string {
  const url = new RegExp(`${what}.*?(http://\\S+)`).exec(out)?.[1]
  if (url === undefined) throw new Error(`no URL of ${what} in:\n${out}`)
  return url
}

const askReport = async (out: string) =>
  (await (await fetch(urlIn(out, 'what DocuSign has counted'))).json()) as Report

async function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise(resolve => {
    const socket = connect({ host: hostname, port: Number(port) })
    socket.on('connect', () => socket.destroy())
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
  })
}

const APPS = ['poller', 'sender', 'downloader', 'dashboard']
const PLACES = ['base path', 'live page', "governor's status", 'what DocuSign has counted']

async function leavesNothing(t: Test, out: string): Promise<void> {
  for (const what of PLACES) t.notOk(await isListening(urlIn(out, what)), `${what}: nobody listens any more`)
}

/** Ends within five seconds, as a person at a terminal expects. */
async function interrupt(t: Test, child: ChildProcess, ended: Promise<Ended>, signal: NodeJS.Signals) {
  const startedMs = performance.now()
  child.kill(signal)
  const end = await ended
  t.ok(performance.now() - startedMs < 5000, `${signal} ends it within 5 s`)
  return end
}

void t.test(
  'the demo shows four SDK apps at work, DocuSign spared most of their calls, and ends by itself',
  async t => {
    // A proxy that the environment names must not get to see calls of this machine to itself.
    const env = { ...FREE, http_proxy: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9' }
    const { ended, told } = startDemo(t, ['--for', '6'], env)

    const soFar = await told(out => lines(out).length >= 4)
    const report = await askReport(soFar)
    t.equal(Object.keys(report.calls.byApp).length, 4, 'DocuSign saw four integration keys')
    for (const route of [
      'GET /v2.1/accounts/{accountId}/envelopes/{envelopeId}',
      'POST /v2.1/accounts/{accountId}/envelopes',
      'POST /v2.1/accounts/{accountId}/envelopes/{envelopeId}/views/recipient',
      'GET /v2.1/accounts/{accountId}/envelopes/{envelopeId}/documents/{documentId}',
      'GET /v2.1/accounts/{accountId}/envelopes',
    ]) {
      t.ok((report.calls.byRoute[route] ?? 0) > 0, `DocuSign saw ${route}`)
    }
    t.match(report.oauth, { byRoute: { '/oauth/token': 4, '/oauth/userinfo': 4 }, byStatus: { 200: 8 } })
    const metrics = await (await fetch(urlIn(soFar, "governor's metrics"))).text()
    for (const app of APPS) {
      const served = new RegExp(`requests_total\\{app="${app}",.*outcome="forwarded",code="20\\d"\\} [1-9]`)
      t.match(metrics, served, `the governor served the ${app}`)
    }

    const { code, out, err } = await ended
    t.equal(code, 0)
    t.equal(err, '', 'nothing to complain about')
    const progress = lines(out)
    t.ok(progress.length >= 5 && progress.length <= 7, 'a line a second')
    const [callsIn = 0, callsUp = 0, saved = 0, held = NaN] = progress.at(-1) ?? []
    t.ok(callsIn > 25 && Math.abs(callsUp + saved - callsIn) <= 8, 'the lines count calls on both sides')
    t.ok(saved > callsIn / 3, `${saved} of ${callsIn} were saved`)
    t.ok(held < callsIn / 2, `hardly anybody waits where the limits are not reached: ${held}`)
    for (const app of APPS) {
      const [, ...counts] = new RegExp(`^  ${app} +(\\d+) +(\\d+) +(\\d+) +(\\d+)$`, 'm').exec(out) ?? []
      const [sent = 0, up = 0, spared = 0, errors] = counts.map(Number)
      t.ok(sent > 5 && up + spared === sent, `each of the ${sent} calls of the ${app} went up or was spared`)
      t.equal(errors, 0)
      t.equal(spared > 0, app !== 'sender', `${spared} were spared`)
    }
    t.match(out, /polls inside the interval +0 /, "DocuSign's polling rule is kept")
    t.match(out, /second reads of what is final +0 /, 'what cannot change is read once')
    t.match(out, /calls refused for a limit +0/)
    await leavesNothing(t, out)
  },
)

void t.test('the apps outlive their tokens, and Ctrl-C ends everything', async t => {
  const settings = join(t.testdir(), 'settings.yaml')
  const token = 'sesame-sesame-sesame'
  writeFileSync(settings, `admin:\n  token: ${token}\napps:\n  mine: {}\nlog:\n  level: info\n`)
  const { child, ended, told } = startDemo(t, ['--time-factor', '600', '--port', '0', '--config', settings], {
    ...FREE,
    // The flag is above the variable.
    GOVERNOR_LISTEN_PORT: '1',
  })
  // A token lives for six seconds here.
  let out = ''
  let report: Report
  for (let line = 1; ; line += 1) {
    out = await told(text => lines(text).length >= line)
    report = await askReport(out)
    if ((report.oauth.byRoute['/oauth/token'] ?? 0) >= 6 || line === 20) break
  }
  t.ok((report.oauth.byRoute['/oauth/token'] ?? 0) >= 6, 'each app has asked for a second token')
  t.strictSame(Object.keys(report.calls.byStatus).sort(), ['200', '201'], 'before the first one failed')
  t.equal((await fetch(urlIn(out, "governor's metrics"))).status, 401, 'the token of the settings holds')

  const end = await interrupt(t, child, ended, 'SIGINT')
  t.equal(end.code, 0)
  t.match(end.out, /polls inside the interval +0 /, 'the interval is as much shorter as the time is faster')
  t.match(end.out, /second reads of what is final +0 /, 'nor does a new token make anybody a stranger')
  t.match(end.err, /"app":"poller"/, 'the level of the settings holds, and the log goes to stderr')
  t.notMatch(end.out, /"app":"poller"/)
  await leavesNothing(t, end.out)
})

void t.test('SIGTERM ends the demo before its first line as cleanly', async t => {
  const { child, ended, told } = startDemo(t, [])
  await told(out => out.includes('what DocuSign has counted'))
  const end = await interrupt(t, child, ended, 'SIGTERM')
  t.equal(end.code, 0)
  t.equal(end.err, '')
  await leavesNothing(t, end.out)
})

void t.test(
  'a port that is taken is told with the setting that chooses another, and nothing is left',
  async t => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => taken.on('listening', resolve))
    t.teardown(() => taken.close())
    const port = String((taken.address() as AddressInfo).port)

    const apps = await startDemo(t, ['--port', port]).ended
    t.match(apps, { code: 1, out: '' })
    t.match(
      apps.err,
      new RegExp(`EADDRINUSE.*${port}[^]*--port N, or GOVERNOR_LISTEN_PORT, or listen\\.port`),
    )
    const admin = await demoHere([], { ...FREE, GOVERNOR_ADMIN_PORT: port })
    t.match(admin, { end: 'failed', out: '' })
    t.match(admin.err, new RegExp(`${port}.*EADDRINUSE[^]*GOVERNOR_ADMIN_PORT, or admin\\.port`))
  },
)

void t.test('wrong arguments and settings are all told, and nothing is started', async t => {
  const wrong = await startDemo(t, ['--for', 'soon', '--port', '70000', '--time-factor', '0']).ended
  t.match(wrong, { code: 2, out: '' })
  for (const fault of ['--for takes', '--port takes', '--time-factor takes']) t.match(wrong.err, fault)
  t.match(await demoHere(['--fro', '6']), { end: 'bad-usage', out: '', err: /--fro/ })
  const setting = await demoHere([], { ...FREE, GOVERNOR_LISTEN_PROT: '1' })
  t.match(setting, { end: 'bad-usage', out: '', err: /GOVERNOR_LISTEN_PROT/ })
  t.match(await demoHere(['--help']), { end: 'done', err: '', out: /--for SECONDS/ })
})

void t.test('an installation without the SDK says in one line what the demo needs', async t => {
  const { dependencies } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
    dependencies: Record<string, string>
  }
  // Far from the packages of this checkout.
  const there = mkdtempSync(join(tmpdir(), 'governor-'))
  t.teardown(() => rmSync(there, { recursive: true }))
  mkdirSync(join(there, 'node_modules'))
  for (const part of ['build/src', 'config', 'package.json']) {
    cpSync(new URL(part, ROOT), join(there, part), { recursive: true })
  }
  for (const name of Object.keys(dependencies)) {
    symlinkSync(realpathSync(new URL(`node_modules/${name}`, ROOT)), join(there, 'node_modules', name))
  }
  const end = await startDemo(t, ['--for', '1'], FREE, join(there, 'build/src/main.js')).ended
  t.match(end, { code: 1, out: '', err: /^The demo needs the development dependencies[^\n]*\n$/ })
})

void t.test('an app whose token was revoked gets another one and goes on', async t => {
  const clock = makeSystemClock()
  const simulator = makeSimulator({ apps: 1, accounts: 1, envelopes: [{ status: 'completed' }] }, clock)
  const { url } = await simulator.start()
  t.teardown(() => simulator.stop())
  const governor = await startGovernor(url)
  t.teardown(() => governor.stop())
  const { integrationKeys, users, audience } = simulator.credentials()
  const [key, user] = [integrationKeys[0], users[0]]
  if (!key || !user) throw new Error('a simulator without people')
  const identity = { ...key, userId: user.userId, audience }
  const session = await logIn({ sdk: docusign, url: `${governor.url}/apps/mine`, identity, clock })

  const { apiClient } = session.envelopes as unknown as {
    apiClient: { basePath: string; defaultHeaders: Record<string, string> }
  }
  t.equal(apiClient.basePath, `${governor.url}/apps/mine/restapi`, 'the base URI it found is the governor')
  const token = apiClient.defaultHeaders['Authorization']?.replace('Bearer ', '')
  const revoked = await fetch(`${url}/_sim/tokens/revoke`, {
    method: 'POST',
    body: JSON.stringify({ token }),
  })
  t.strictSame(await revoked.json(), { revoked: true })

  const stopping = new AbortController()
  const app = {
    name: 'mine',
    restSeconds: 0,
    async round() {
      const options = { fromDate: '2000-01-01', status: 'completed', count: '1' }
      const { envelopes } = await session.envelopes.listStatusChanges(session.accountId, options)
      t.equal(envelopes?.length, 1)
      stopping.abort()
    },
  }
  await live(app, session, { clock, timeFactor: 1, stop: stopping.signal })
  t.strictSame(simulator.report().calls.byStatus, { 200: 1, 401: 1 })
})
