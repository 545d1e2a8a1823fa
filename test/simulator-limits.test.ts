import { deepEqual, equal, ok } from 'node:assert/strict'
import http from 'node:http'
import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import type { Test } from 'tap'
import t from 'tap'
import type { Clock } from '../src/base/clock.js'
import type { Fault } from '../src/simulator/faults.js'
import { readFaults } from '../src/simulator/faults.js'
import { makeJudge } from '../src/simulator/judge.js'
import { COURSES, isTerminal, makeLives } from '../src/simulator/life.js'
import type { SimulatorOptions } from '../src/simulator/options.js'
import { SIMULATOR_DEFAULTS, SIMULATOR_USAGE, parseSimulatorArgs } from '../src/simulator/options.js'
import { makePace } from '../src/simulator/pace.js'
import { makeSimulator } from '../src/simulator/simulator.js'
import { makeSlidingCount } from '../src/simulator/sliding.js'

const HALF_PAST_SEVEN = Date.UTC(2021, 8, 9, 7, 30, 49)
const HOUR_MS = 3_600_000

interface HandClock extends Clock {
  /** Moves both clocks and rings what is due. */
  pass(ms: number): void
  waiting(): number
}

function makeHandClock(wallMs = HALF_PAST_SEVEN): HandClock {
  let passedMs = 0
  let timers: { dueMs: number; ring: () => void }[] = []
  return {
    nowMs: () => passedMs,
    wallMs: () => wallMs + passedMs,
    after(delayMs, ring) {
      const timer = { dueMs: passedMs + delayMs, ring }
      timers.push(timer)
      return {
        refresh: () => void (timer.dueMs = passedMs + delayMs),
        cancel: () => void (timers = timers.filter(one => one !== timer)),
      }
    },
    pass(ms) {
      passedMs += ms
      const due = timers.filter(timer => timer.dueMs <= passedMs)
      timers = timers.filter(timer => timer.dueMs > passedMs)
      for (const timer of due) timer.ring()
    },
    waiting: () => timers.length,
  }
}

async function open(test: Test, options: Partial<SimulatorOptions> = {}, clock = makeHandClock()) {
  const simulator = makeSimulator({ burstLimit: 100_000, ...options }, clock)
  const { url, port } = await simulator.start()
  test.teardown(() => simulator.stop())
  const index = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    return (await (await fetch(`${url}/_sim${path}`, init)).json()) as Record<string, unknown>
  }
  const [user] = simulator.users()
  const [account, second] = simulator.accounts()
  if (!user || !account || !second) throw new Error('people are missing')
  const token = simulator.issueToken(user.userId, { expiresIn: 1e9 })
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${url}/restapi/v2.1${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
    })
  const at = (path = '') => `/accounts/${account.accountId}${path}`
  return { simulator, url, port, clock, index, user, account, second, token, call, at }
}

/** Answers are drained, because a connection that waits for its reader is another test. */
async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer
  await body?.cancel()
  return status
}

void t.test('judgments are those of a naive list, over any arrivals', async t => {
  const gaps = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 120 })
  const asANaiveListSays = fc.property(
    gaps,
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: 0, max: 9 }),
    fc.nat(1000),
    (steps, length, limit, offset) => {
      let now = 0
      const moments = steps.map(step => (now += step))
      const judge = makeJudge(length)
      for (const moment of moments) judge.note(moment, moment + offset, limit)
      const window = (moment: number) => Math.floor((moment + offset) / length)
      const naive = (isWith: (one: number, end: number) => boolean) => {
        const counts = moments.map((end, n) => moments.slice(0, n + 1).filter(one => isWith(one, end)).length)
        return { worst: Math.max(0, ...counts), violations: counts.filter(count => count > limit).length }
      }
      deepEqual(
        judge.sliding(),
        naive((one, end) => one > end - length),
      )
      deepEqual(
        judge.fixed(),
        naive((one, end) => window(one) === window(end)),
      )
    },
  )
  t.doesNotThrow(() => fc.assert(asANaiveListSays, { numRuns: 500 }))
  const crowded = makeSlidingCount(1000, 64)
  for (let n = 0; n < 1000; n += 1) crowded.add(n / 10)
  t.equal(crowded.count(100), 64, 'a full ring says that there are many')
  t.equal(crowded.count(1096), 39, 'and is exact about those it holds')
})

void t.test('the hour ends on the clock, and its error is the recorded one to the byte', async t => {
  const { simulator, clock, call, at, account, url, token } = await open(t, {
    hourLimit: 3,
    limitStatus: 400,
  })
  const answers = []
  for (let n = 0; n < 3; n += 1) answers.push(await call(at(n === 1 ? '/users' : '')))
  t.same(
    answers.map(answer => answer.headers.get('x-ratelimit-remaining')),
    ['2', '1', '0'],
  )
  t.equal(answers[0]?.headers.get('x-ratelimit-limit'), '3')
  t.equal(
    answers[0]?.headers.get('x-ratelimit-reset'),
    '1631174400',
    'the reset that was recorded at that moment',
  )
  t.equal(answers[0]?.headers.get('date'), 'Thu, 09 Sep 2021 07:30:49 GMT')

  const raw = await new Promise<http.IncomingMessage>(resolve => {
    const headers = { authorization: `Bearer ${token}` }
    http.get(`${url}/restapi/v2.1/accounts/${account.number}`, { headers, agent: false }, resolve)
  })
  const [body] = (await raw.toArray()) as [Buffer]
  t.equal(raw.statusCode, 400)
  t.equal(
    body.toString(),
    '{"errorCode":"HOURLY_APIINVOCATION_LIMIT_EXCEEDED","message":"The maximum number of hourly API invocations has been exceeded. The hourly limit is 3."}',
  )
  for (const name of [
    'X-RateLimit-Reset',
    'X-RateLimit-Limit',
    'X-RateLimit-Remaining',
    'X-BurstLimit-Limit',
  ]) {
    t.ok(raw.rawHeaders.includes(name), `${name} is written as documented`)
  }
  t.equal(raw.headers['x-ratelimit-remaining'], '0', 'the number of an account shares the limit of its GUID')
  t.equal(raw.headers['x-burstlimit-remaining'], '99996', 'a blocked call counts in the burst')
  t.equal(raw.headers['cache-control'], 'no-cache')
  t.match(raw.headers['x-docusign-tracetoken'], /^[0-9a-f-]{36}$/)

  clock.pass(29 * 60_000 + 10_999)
  t.equal(await statusOf(call(at())), 400, 'the last millisecond of the hour')
  clock.pass(1)
  t.equal(await statusOf(call(at())), 200, 'the next hour')
  const report = simulator.report()
  t.equal(report.blocked, 2)
  t.equal(report.callsWhileBlocked, 1)
  const hour = report.limits.filter(one => one.account === account.accountId && one.window === 'hour')
  t.match(hour, [
    { kind: 'fixed', limit: 3, worst: 5, violations: 2 },
    { kind: 'sliding', limit: 3, worst: 6, violations: 3 },
  ])
})

void t.test('the burst slides, blocked calls count in it, and another account is not concerned', async t => {
  const { simulator, clock, call, at, second } = await open(t, { burstLimit: 2 })
  t.equal(await statusOf(call(at())), 200)
  clock.pass(20_000)
  t.equal(await statusOf(call(at())), 200)
  clock.pass(9_999)
  const blocked = await call(at())
  t.equal(blocked.status, 429)
  t.match(await blocked.json(), { errorCode: 'BURST_APIINVOCATION_LIMIT_EXCEEDED' })
  t.equal(blocked.headers.get('retry-after'), null, 'DocuSign never says when')
  t.equal(await statusOf(call(`/accounts/${second.accountId}`)), 200)
  clock.pass(20_001)
  t.equal(await statusOf(call(at())), 200, 'the blocked call is the only one in the window')
  t.equal(await statusOf(call('/login_information')), 429, 'a path without an account spends the default one')
  t.match(simulator.report().calls.byAccount, { [second.accountId]: 1 })
})

void t.test('shrunken hours keep real epochs, and a skewed clock is skewed everywhere', async t => {
  // 4 s: ten minutes' window at 150 times the pace; 07:30:49 is inside 07:30:48 … 07:30:52.
  const options = { hourLimit: 1, hourWindow: 600, timeFactor: 150 }
  const { clock, call, at } = await open(t, options)
  const first = await call(at())
  t.equal(first.headers.get('x-ratelimit-reset'), String((HALF_PAST_SEVEN + 3000) / 1000))
  t.equal(await statusOf(call(at())), 429)
  clock.pass(3000)
  t.equal(await statusOf(call(at())), 200)

  const odd = await open(t, { hourWindow: 1.5 })
  const answer = await odd.call(odd.at())
  const resetMs = Math.ceil((Math.floor(HALF_PAST_SEVEN / 1500) + 1) * 1.5) * 1000
  t.equal(answer.headers.get('x-ratelimit-reset'), String(resetMs / 1000), 'a fractional reset is rounded up')

  const skewed = await open(t, { clockSkew: 1800, hourLimit: 1 })
  const late = await skewed.call(skewed.at())
  t.equal(late.headers.get('date'), 'Thu, 09 Sep 2021 08:00:49 GMT')
  t.equal(late.headers.get('x-ratelimit-reset'), String(Date.UTC(2021, 8, 9, 9) / 1000))
  skewed.clock.pass(HOUR_MS - 49_001)
  t.equal(await statusOf(skewed.call(skewed.at())), 429)
  skewed.clock.pass(1)
  t.equal(await statusOf(skewed.call(skewed.at())), 200)
})

void t.test('limits can be counted without being enforced, changed, and spent by others', async t => {
  const lax = await open(t, { hourLimit: 1, enforce: false })
  for (let n = 0; n < 3; n += 1) t.equal(await statusOf(lax.call(lax.at())), 200)
  t.match(lax.simulator.report().limits[0], { window: 'hour', kind: 'fixed', worst: 3, violations: 2 })
  t.equal(lax.simulator.report().blocked, 0)

  const { call, at, index, account, simulator } = await open(t, { hourLimit: 10 })
  await index('/spend', { account: account.number, calls: 8 })
  t.equal((await call(at())).headers.get('x-ratelimit-remaining'), '1')
  await index('/limits', { hour: 50 })
  t.equal((await call(at())).headers.get('x-ratelimit-limit'), '50')
  await index('/reset', {})
  t.equal(simulator.report().arrivals, 0)
  t.equal((await call(at())).headers.get('x-ratelimit-remaining'), '9', 'a reset ends it all but the tokens')
})

void t.test('one envelope can be read and written too often', async t => {
  const limits = { envelopePollingLimit: 3, envelopePollingBurst: 2, envelopeUpdateLimit: 1 }
  const { simulator, clock, call, at } = await open(t, limits)
  const [id, other] = simulator.addEnvelopes({ count: 2, status: 'sent' })
  const get = async (path: string) => {
    const answer = await call(at(path))
    const { errorCode } = (await answer.json()) as { errorCode?: string }
    return `${answer.status} ${errorCode ?? ''}`.trim()
  }
  t.equal(await get(`/envelopes/${id}`), '200')
  t.equal(await get(`/envelopes/${id}/recipients`), '200')
  t.equal(await get(`/envelopes/${id}`), '429 Burst_Envelope_Polling_Limit_Exceeded')
  t.equal(await get(`/envelopes/${other}`), '200')
  clock.pass(30_000)
  t.equal(await get(`/envelopes/${id}`), '429 Hourly_Envelope_Polling_Limit_Exceeded')
  const put = () => call(at(`/envelopes/${id}`), { method: 'PUT', body: '{"emailSubject":"New"}' })
  t.equal(await statusOf(put()), 200)
  t.match(await (await put()).json(), { errorCode: 'Hourly_APIInvocation_Envelope_Limit_Exceeded' })
  clock.pass(HOUR_MS)
  t.equal(await get(`/envelopes/${id}`), '200')
  t.match(simulator.report().perEnvelope, {
    worstReads: 4,
    worstWrites: 2,
    blockedReads: 2,
    blockedWrites: 1,
  })
})

void t.test('three downloads of a combined document are in progress, no fourth', async t => {
  const { simulator, call, at } = await open(t)
  const [id] = simulator.addEnvelopes({ status: 'completed', documentBytes: 64 * 1024 * 1024 })
  simulator.faults.set([{ kind: 'stall-mid-body', match: { pathIncludes: 'combined' } }])
  const leaving = new AbortController()
  const path = at(`/envelopes/${id}/documents/combined`)
  const open3 = [1, 2, 3].map(() => call(path, { signal: leaving.signal }))
  for (const answer of await Promise.all(open3)) t.equal(answer.status, 200)
  simulator.faults.clear()
  const fourth = await call(path)
  t.equal(fourth.status, 400)
  t.equal(
    await fourth.text(),
    '{"errorCode":"API_REQUEST_IS_THROTTLED","message":"GetDocument call blocked"}',
  )
  t.equal(
    await statusOf(call(at(`/envelopes/${id}/documents/certificate`))),
    200,
    'another document is another matter',
  )
  leaving.abort()
  let status = 0
  for (let tries = 0; tries < 200 && status !== 200; tries += 1) status = await statusOf(call(path))
  t.equal(status, 200, 'a caller that left is gone from the count')
  t.match(simulator.report().inProgressDownloads, { worstCombined: 3 })
})

void t.test('polls are recorded by app and path, arrival to arrival, and never refused', async t => {
  const { simulator, clock, call, at, account, url, user, index } = await open(t)
  const [id, done] = [
    ...simulator.addEnvelopes({ status: 'sent' }),
    ...simulator.addEnvelopes({ status: 'completed' }),
  ]
  const one = at(`/envelopes/${id}`)
  t.equal(await statusOf(call(one)), 200)
  clock.pass(60_000)
  t.equal(await statusOf(call(`${one}/recipients`)), 200)
  t.equal(simulator.report().pollsTotal, 0, 'another path of the same envelope is another resource')
  clock.pass(839_999)
  await statusOf(call(`/accounts/${account.number}/envelopes/${id?.toUpperCase()}/?include=recipients`))
  const first = simulator.report()
  t.equal(first.pollsTotal, 1, 'neither number, case, slash nor query makes another resource')
  t.match(first.polls, [
    { resource: `/accounts/${account.accountId}/envelopes/${id}`, secondsSinceLast: 899.999 },
  ])
  clock.pass(900_000)
  await statusOf(call(one))
  t.equal(simulator.report().pollsTotal, 1, 'exactly one interval complies')
  await statusOf(call(one, { method: 'PUT', body: '{"emailSubject":"New"}' }))
  await statusOf(call(at('/envelopes?from_date=2000-01-01')))
  t.equal(simulator.report().pollsTotal, 1, 'writes and lists are no polls')

  simulator.faults.set([{ kind: 'status', status: 503, times: 1 }])
  await statusOf(call(`${one}/custom_fields`))
  await statusOf(call(`${one}/custom_fields`))
  t.match(simulator.report(), { pollsTotal: 1, pollsAfterFailure: 1 }, 'a GET that failed starts no interval')

  const second = simulator.credentials().integrationKeys[1]?.integrationKey
  const { access_token } = await index('/tokens', {
    userId: user.userId,
    integrationKey: second,
    expiresIn: 1e9,
  })
  const final = at(`/envelopes/${done}?include=tabs`)
  for (let n = 0; n < 2; n += 1) {
    await statusOf(call(final))
    clock.pass(HOUR_MS)
    await statusOf(
      fetch(`${url}/restapi/v2.1${final}`, { headers: { authorization: `Bearer ${String(access_token)}` } }),
    )
  }
  await statusOf(call(at(`/envelopes/${done}`)))
  const { terminalRereads, terminalRereadsTotal, pollsTotal } = simulator.report()
  t.equal(terminalRereadsTotal, 2, 'one for each app; another query is another read')
  t.match(terminalRereads, [{ resource: /\?include=tabs$/ }, { app: second }])
  t.equal(pollsTotal, 1, 'what another app reads is no poll of the first one')
})

void t.test('a write that arrives twice is seen', async t => {
  const { simulator, call, at } = await open(t)
  const post = (probe: string) =>
    call(at('/envelopes'), {
      method: 'POST',
      body: '{"status":"created"}',
      headers: { 'x-request-probe': probe },
    })
  for (const probe of ['a', 'b', 'a', 'a']) t.equal(await statusOf(post(probe)), 201)
  t.match(simulator.report().duplicates, [{ probe: 'a', method: 'POST', times: 3 }])
  t.equal(simulator.report().duplicatesTotal, 2)
})

void t.test('what goes wrong goes wrong on the wire', async t => {
  const { simulator, clock, call, at, port, token, index, account } = await open(t)
  const [id] = simulator.addEnvelopes({ status: 'completed', documentBytes: 1_000_000 })
  const failsWith = (rule: Fault) => simulator.faults.set([rule])
  /** All that comes back on a bare connection, and how it ended. */
  const raw = () =>
    new Promise<{ text: string; end: string }>(resolve => {
      const socket = connect(port, '127.0.0.1')
      let text = ''
      let end = 'end'
      const path = `/restapi/v2.1${at(`/envelopes/${id}/documents/1`)}`
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
      socket.on('data', chunk => {
        text += chunk.toString('latin1')
        if (simulator.faults.list()[0]?.kind === 'stall-mid-body' && text.length > 32_000) socket.destroy()
      })
      socket.on('error', (error: NodeJS.ErrnoException) => (end = error.code ?? 'error'))
      socket.on('close', () => resolve({ text, end }))
    })

  failsWith({ kind: 'reset-before' })
  t.match(await raw(), { text: '', end: 'ECONNRESET' })
  failsWith({ kind: 'reset-mid-body' })
  const cut = await raw()
  t.match(cut.text, /^HTTP\/1\.1 200 OK[^]*Content-Length: 1000000\r\n/)
  t.ok(cut.text.length < 40_000, 'a piece of the body and no more')
  failsWith({ kind: 'stall-mid-body' })
  t.match(await raw(), { text: /^HTTP\/1\.1 200 OK/ })

  failsWith({ kind: 'status', status: 503, times: 2 })
  const burst = [await statusOf(call(at())), await statusOf(call(at())), await statusOf(call(at()))]
  t.same(burst, [503, 503, 200], 'a burst of 5xx ends')
  failsWith({ kind: 'status', status: 444, body: 'html' })
  const blocked = await call(at())
  t.equal(blocked.status, 444)
  t.match(await blocked.text(), /<html>/)
  failsWith({ kind: 'status', status: 502, body: 'empty', match: { method: 'get', envelope: id ?? '' } })
  t.equal(await (await call(at(`/envelopes/${id}`))).text(), '')
  t.equal(await statusOf(call(at())), 200, 'only what matches is struck')

  failsWith({ kind: 'none', headers: 'missing' })
  t.equal((await call(at())).headers.get('x-ratelimit-limit'), null)
  failsWith({ kind: 'none', headers: 'odd' })
  t.equal((await call(at())).headers.get('x-ratelimit-remaining'), '-1')
  failsWith({ kind: 'none', headers: 'stale' })
  t.equal((await call(at())).headers.get('x-ratelimit-reset'), String(1631174400 - 3600))

  failsWith({ kind: 'stall' })
  const leaving = new AbortController()
  const hanging = call(at(), { signal: leaving.signal }).catch((error: unknown) => error)
  const struckBefore = simulator.report().faultsStruck
  while (simulator.report().faultsStruck === struckBefore) await fetch(`http://127.0.0.1:${port}/_sim/`)
  failsWith({ kind: 'none', latencyMs: 5000 })
  const slow = call(at())
  while (clock.waiting() === 0) await fetch(`http://127.0.0.1:${port}/_sim/`)
  clock.pass(4999)
  t.equal(clock.waiting(), 1, 'latency is in the hands of the clock')
  clock.pass(1)
  t.equal(await statusOf(slow), 200)
  leaving.abort()
  t.ok((await hanging) instanceof Error)

  simulator.faults.clear()
  await index('/faults', [{ kind: 'status', probability: 0.5 }])
  let struck = 0
  for (let n = 0; n < 40; n += 1) struck += (await statusOf(call(at()))) === 503 ? 1 : 0
  t.ok(struck > 5 && struck < 35, `about half are struck (${struck})`)
  t.equal(
    simulator.report().calls.byAccount[account.accountId],
    simulator.report().calls.total,
    'and all are counted',
  )
  t.equal(
    readFaults([{ kind: 'status' }, { kind: 'bang' }]),
    `rule 1: kind is one of none, reset-before, reset-mid-body, stall, stall-mid-body, status`,
  )
})

void t.test('a client that leaves, stalls or talks nonsense harms nobody, and a stop is a stop', async t => {
  const { simulator, call, at, port, token } = await open(t)
  const say = (text: string, andLeave: boolean) =>
    new Promise<string>(resolve => {
      const socket = connect(port, '127.0.0.1')
      let heard = ''
      socket.on('data', chunk => (heard += chunk.toString('latin1')))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(heard))
      socket.write(text, () => andLeave && socket.resetAndDestroy())
    })
  const head = `POST /restapi/v2.1${at('/envelopes')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`
  await say(`${head}Content-Length: 1000\r\nContent-Type: application/json\r\n\r\n{"status"`, true)
  await say('\u0000\u0001 nonsense\r\n\r\n', false)
  t.match(await say('GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', false), /^HTTP\/1\.1 400 /)
  t.match(
    await say(`${head}Content-Length: 3\r\nConnection: close\r\n\r\n{x}`, false),
    /INVALID_REQUEST_BODY/,
  )
  t.equal(await statusOf(call(at())), 200)
  const { calls } = simulator.report()
  t.match(calls, { byStatus: { 200: 1, 400: 1, none: 1 }, total: 3 }, 'who left got no answer, and counts')

  simulator.faults.set([{ kind: 'stall' }])
  const hanging = call(at()).catch((error: unknown) => error)
  while (simulator.report().faultsStruck === 0) await fetch(`http://127.0.0.1:${port}/_sim/`)
  await simulator.stop()
  t.ok((await hanging) instanceof Error)
  await t.resolves(simulator.stop(), 'a second stop is no harm')
})

void t.test('no envelope leaves a terminal status, and each keeps its course', async t => {
  const pace = makePace(SIMULATOR_DEFAULTS, makeHandClock())
  const second = fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 200 * 86_400 }))
  const times = fc.array(second, { minLength: 2, maxLength: 30 })
  const order = ['created', 'sent', 'delivered', 'completed']
  const goesForward = fc.property(
    fc.nat(1_000_000),
    fc.nat(100),
    fc.constantFrom(...COURSES),
    times,
    fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
    (number, seed, course, seconds, voidedAfter) => {
      const lives = makeLives({ ...SIMULATOR_DEFAULTS, seed }, pace)
      const sentMs = course === 'created' ? undefined : 1000
      const birth = { number, createdMs: 1000, sentMs, course, turn: undefined, expireAfterDays: 120 }
      const atMs = 1000 + (voidedAfter ?? 0) * 1000
      const turn = voidedAfter === undefined ? undefined : { status: 'voided' as const, atMs }
      const seen = seconds
        .sort((a, b) => a - b)
        .map(second => lives.lifeOf({ ...birth, turn }, 1000 + second * 1000))
      for (const [n, life] of seen.entries()) {
        const before = seen[n - 1] ?? life
        if (isTerminal(before.status)) deepEqual(life, before)
        else if (order.includes(life.status)) ok(order.indexOf(life.status) >= order.indexOf(before.status))
        ok(life.changedMs >= before.changedMs)
      }
      const end = lives.lifeOf(birth, 1000 + lives.ageMs(number, course, 120)).status
      if (course !== 'lives') equal(end, course === 'expired' ? 'voided' : course)
    },
  )
  t.doesNotThrow(() => fc.assert(goesForward, { numRuns: 500 }))

  const { simulator, clock, call, at } = await open(t)
  const ids = simulator.addEnvelopes({ count: 300 })
  const count = async (status: string) => {
    const answer = await call(at(`/envelopes?envelope_ids=${ids.join()}&status=${status}`))
    return Number(((await answer.json()) as { totalSetSize: string }).totalSetSize)
  }
  t.equal(await count('sent'), 300)
  clock.pass(451_000)
  t.ok((await count('delivered')) > 200, 'all but the declined and the quick are open')
  clock.pass(1_400_000)
  const ends = [
    await count('completed'),
    await count('declined'),
    await count('voided'),
    await count('delivered'),
  ]
  t.equal(
    ends.reduce((sum, one) => sum + one),
    300,
  )
  t.ok((ends[0] ?? 0) > 200 && ends.every(one => one > 0), `each end is met: ${ends.join(', ')}`)
  clock.pass(121 * 24 * HOUR_MS)
  t.equal(await count('delivered'), 0, 'what nobody signs expires')
})

void t.test('two hundred thousand envelopes are no burden', async t => {
  const { call, at, index, simulator } = await open(t)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapBytes = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = heapBytes()
  t.match(await index('/envelopes?ids=none', { count: 200_000, status: 'completed' }), { count: 200_000 })
  const list = await call(at('/envelopes?from_date=2000-01-01&start_position=199990'))
  t.match(await list.json(), { totalSetSize: '200000', resultSetSize: '10' })
  const perEnvelope = (heapBytes() - before) / 200_000
  t.ok(perEnvelope < 400, `${Math.round(perEnvelope)} bytes each`)
  simulator.reset()
})

void t.test('the command line says everything that is wrong at once', async t => {
  t.match(parseSimulatorArgs([]), {
    port: 9090,
    hourLimit: 1000,
    burstLimit: 500,
    limitStatus: 429,
    timeFactor: 1,
  })
  t.match(
    parseSimulatorArgs([
      '--port',
      '0',
      '--clock-skew',
      '-5.5',
      '--limit-status=400',
      '--no-enforce',
      '--latency',
      '20',
    ]),
    {
      port: 0,
      clockSkew: -5.5,
      limitStatus: 400,
      enforce: false,
      latencyMs: 20,
    },
  )
  t.match(parseSimulatorArgs(['--help']), { help: true })
  t.same(
    parseSimulatorArgs(['--port', '70000', '--nonsense', '--seed', '1.5', '--limit-status', '500', 'stray']),
    {
      faults: [
        '--port takes a whole number from 0 to 65535, not "70000"',
        '--nonsense is no flag of the simulator',
        '--seed takes a whole number from 0 to 4294967295, not "1.5"',
        '--limit-status takes 400 or 429, not "500"',
        '"stray": a flag was expected here',
      ],
    },
  )
  for (const flag of ['--port', '--time-factor', '--envelope-polling-limit', '--jitter', '--help']) {
    t.ok(SIMULATOR_USAGE.includes(`  ${flag}`))
  }
})
