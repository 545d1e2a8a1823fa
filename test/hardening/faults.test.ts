/**
 * What may break around the house: the disk, the clock, names and certificates. Calls go on where they can, what cannot be
 * done is said, and what comes back is taken up again.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { makeSystemClock } from '../../src/base/clock.js'
import { many, open, statuses, type Told } from '../fixtures/governed.js'
import { ROOT } from '../fixtures/governor.js'
import { startUpstream } from '../fixtures/upstream.js'

const MAIN = fileURLToPath(new URL('build/src/main.js', ROOT))
const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-faults-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

interface House {
  readonly url: string
  readonly adminUrl: string
  readonly child: ChildProcess
  /** What it has logged so far. */
  log(): string
  /** How many calls of account 1 it knows of. */
  used(): Promise<number>
  isDegraded(): Promise<boolean>
  stop(): Promise<void>
}

/** A governor of its own process. @param before what a shell does first */
async function launch(t: Test, env: Readonly<Record<string, string>>, before = ''): Promise<House> {
  const child = spawn('sh', ['-c', `${before} exec "$0" "$@"`, process.execPath, MAIN, 'serve'], {
    env: { PATH: process.env['PATH'], GOVERNOR_LISTEN_PORT: '0', GOVERNOR_ADMIN_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  await within('its first line', () => Promise.resolve(out.includes('"started"')))
  const line = out.split('\n').find(each => each.includes('"started"')) ?? '{}'
  const { url, adminPort } = JSON.parse(line) as { url: string; adminPort: number }
  const adminUrl = `http://127.0.0.1:${adminPort}`
  return {
    url,
    adminUrl,
    child,
    log: () => out,
    async used() {
      const { accounts } = (await (await fetch(`${adminUrl}/status`)).json()) as {
        accounts: { account: string; hour: { used: number } }[]
      }
      return accounts.find(({ account }) => account === '1')?.hour.used ?? 0
    },
    async isDegraded() {
      const text = await (await fetch(`${adminUrl}/metrics`)).text()
      return /^docusign_governor_state_degraded 1$/m.test(text)
    },
    async stop() {
      child.kill('SIGTERM')
      await exit
    },
  }
}

async function within(what: string, isSo: () => Promise<boolean>, ms = 15_000): Promise<void> {
  for (const end = performance.now() + ms; !(await isSo()); await pause(20)) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms for ${what}`)
  }
}

let calls = 0
/** A call of an account that no other call is equal to; its status. */
async function call(house: House, account: string): Promise<number> {
  const target = `${house.url}/restapi/v2.1/accounts/${account}/users?n=${calls++}`
  const answer = await fetch(target, { headers: { authorization: 'Bearer x', prefer: 'wait=0' } })
  await answer.arrayBuffer()
  return answer.status
}

const upstream = await startUpstream()
t.teardown(() => upstream.close())
const LIMIT = 60
const settings = (path: string) => ({
  GOVERNOR_UPSTREAM_API: upstream.url,
  GOVERNOR_UPSTREAM_OAUTH: upstream.url,
  GOVERNOR_STATE_PATH: path,
  GOVERNOR_LIMITS_HOUR_LIMIT: String(LIMIT),
  GOVERNOR_CACHE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
})

void t.test('files that may not grow cost no call and no limit', async t => {
  // As on a full disk, every write beyond is refused; ignoring the signal makes it an error of the write.
  const house = await launch(t, settings(join(folder, 'quota')), `trap '' XFSZ; ulimit -f 300;`)
  for (let i = 0; i < 10; i++) await call(house, '1')
  const told = new Set<number>()
  for (let i = 0; !(await house.isDegraded()) && i < 200; i++) {
    for (const status of await Promise.all(many(20, n => call(house, `2${i}0${n}`)))) told.add(status)
  }
  t.ok(await house.isDegraded(), 'it says so')
  t.same([...told], [200], `and of ${calls} calls none hears of it`)
  for (let i = 10; i < LIMIT; i++) t.equal(await call(house, '1'), 200)
  t.equal(await call(house, '1'), 429, 'the hour is kept all the same')
  t.match(house.log(), /"msg":"state-degraded"/)
  t.equal((await fetch(`${house.adminUrl}/healthz`)).status, 200)
  await house.stop()
  t.equal(house.child.exitCode, 0, 'and it ends as it should')
})

const disk = join(folder, 'disk')
const canMount = (() => {
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
if (canMount) t.teardown(() => execFileSync('umount', ['-l', disk]))

void t.test(
  'a disk that is full for a while: calls go on, and none is forgotten when it has room again',
  { skip: canMount ? false : 'no disk of our own can be mounted here' },
  async t => {
    const env = settings(join(disk, 'state'))
    const house = await launch(t, env)
    for (let i = 0; i < 10; i++) t.equal(await call(house, '1'), 200)
    const junk = join(disk, 'junk')
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(junk, Buffer.alloc(bavail * bsize))
    const told = new Set<number>()
    for (let i = 0; !(await house.isDegraded()) && i < 200; i++) {
      for (const status of await Promise.all(many(20, n => call(house, `3${i}0${n}`)))) told.add(status)
    }
    t.ok(await house.isDegraded(), 'it says so')
    for (let i = 0; i < 10; i++) t.equal(await call(house, '1'), 200)
    t.same([...told], [200])
    rmSync(junk)
    for (let i = 0; i < 10; i++) t.equal(await call(house, '1'), 200)
    await within('it to have recovered', async () => !(await house.isDegraded()))
    // A thousand accounts a quarter of a second are written anew, and there are some thousands.
    await pause(2_500)
    house.child.kill('SIGKILL')
    await once(house.child, 'exit')
    const next = await launch(t, env)
    const used = await next.used()
    t.ok(used >= 30, `${used} calls are remembered of 30 that were sent`)
    await next.stop()
  },
)

void t.test('whatever the clock of the wall does, nobody stalls and no limit breaks', async t => {
  const clock = makeSystemClock()
  let setByMs = 0
  const limits = { hourLimit: 40, hourWindow: 2, burstLimit: 15, burstWindow: 0.2 }
  const house = await open(t, {
    docusign: limits,
    clock: { ...clock, wallMs: () => clock.wallMs() + setByMs },
  })
  const DAY_MS = 86_400_000
  const steps = fc.sample(
    fc.oneof(
      fc.integer({ min: -400 * DAY_MS, max: 400 * DAY_MS }),
      fc.integer({ min: -5_000, max: 5_000 }),
      fc.constant(0),
    ),
    { numRuns: 40, seed: 20261125 },
  )
  let isOver = false
  const told: Told[] = []
  const callers = many(6, async n => {
    for (let i = 0; !isOver; i++) told.push(await house.ask(`?n=${n}${i}`))
  })
  for (const step of steps) {
    setByMs = step
    await pause(120)
    const status = (await (await fetch(`${house.governor.adminUrl}/status`)).json()) as object
    if (JSON.stringify(status).includes('NaN') || JSON.stringify(status).includes('Invalid'))
      t.fail('a time that is none')
  }
  isOver = true
  await Promise.all(callers)
  t.same(
    statuses(told),
    { 200: told.length },
    `${told.length} calls were answered, over ${steps.length} steps`,
  )
  const longestMs = Math.max(...told.map(({ askedMs, endedMs }) => endedMs - askedMs))
  t.ok(longestMs < 3_500, `nobody waited longer than ${longestMs.toFixed(0)} ms`)
  t.equal(house.violations('hour', 'fixed'), 0)
  t.equal(house.violations('burst', 'sliding'), 0)
})

const openssl = (() => {
  try {
    execFileSync('openssl', ['version'])
    return true
  } catch {
    return false
  }
})()
if (!openssl && process.env['CI'] === 'true') t.fail('openssl is needed to make certificates')

void t.test(
  'a DocuSign whose certificate is not to be trusted is never sent a call, and is called again when it is',
  { skip: openssl ? false : 'no openssl on PATH to make certificates' },
  async t => {
    const file = (name: string) => join(folder, name)
    const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: folder })
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const signed = (name: string, host: string, days: string) => {
      run('req', ...curve, '-keyout', `${name}.key`, '-out', 'csr.pem', '-subj', `/CN=${host}`)
      writeFileSync(file('san'), `subjectAltName=DNS:${host}`)
      const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san']
      run('x509', '-req', '-in', 'csr.pem', ...by, '-days', days, '-out', `${name}.pem`)
    }
    run('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA')
    signed('good', 'localhost', '2')
    signed('expired', 'localhost', '-1')
    signed('other', 'docusign.example', '2')
    run(
      'req',
      '-x509',
      ...curve,
      '-keyout',
      'own.key',
      '-out',
      'own.pem',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
    )

    let heard = ''
    let mode = 'good'
    const pair = (name: string) => ({
      cert: readFileSync(file(`${name}.pem`)),
      key: readFileSync(file(`${name}.key`)),
    })
    const sockets = new Set<net.Socket>()
    const server = net.createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
      if (mode === 'reset') return void socket.once('data', () => socket.resetAndDestroy())
      if (mode === 'noise') return void socket.once('data', () => socket.end('HTTP/1.1 400 No TLS\r\n\r\n'))
      const secure = new tls.TLSSocket(socket, {
        isServer: true,
        secureContext: tls.createSecureContext(pair(mode)),
      })
      secure.on('error', () => undefined)
      secure.on('data', bytes => {
        heard += String(bytes)
        secure.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const api = `https://localhost:${(server.address() as AddressInfo).port}`
    const house = await launch(t, {
      NODE_EXTRA_CA_CERTS: file('ca.pem'),
      GOVERNOR_UPSTREAM_API: api,
      GOVERNOR_UPSTREAM_OAUTH: api,
      GOVERNOR_STATE_KIND: 'memory',
      GOVERNOR_LIMITS_MODE: 'observe',
    })
    const post = async () => {
      const body = '{"secret":"of the call"}'
      const headers = { authorization: 'Bearer of-the-call', 'content-type': 'application/json' }
      const answer = await fetch(`${house.url}/restapi/v2.1/accounts/1/envelopes`, {
        method: 'POST',
        headers,
        body,
      })
      return { status: answer.status, text: await answer.text() }
    }
    t.equal((await post()).status, 200)
    const reasons: Readonly<Record<string, RegExp>> = {
      expired: /CERT_HAS_EXPIRED/,
      own: /SELF_SIGNED/,
      other: /ALTNAME/,
      reset: /ECONNRESET/,
      noise: /E[A-Z_]+/,
    }
    for (const [fault, reason] of Object.entries(reasons)) {
      mode = fault
      heard = ''
      for (const socket of sockets) socket.destroy()
      // Until it has heard of that, it may take one of them for good.
      await pause(100)
      const { status, text } = await post()
      t.equal(status, 502, fault)
      t.match(text, reason)
      t.match(text, /The request was not sent\./)
      t.equal(heard, '', 'not a byte of it has left')
      mode = 'good'
      t.equal((await post()).status, 200, 'and once all is well, so is the next call')
    }
    await house.stop()
  },
)
