/** What an operator is told, against what DocuSign counted: the whole governor in front of the simulator. */
import { once } from 'node:events'
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { makeSystemClock } from '../src/base/clock.js'
import { Budget } from '../src/governor/budget.js'
import { makeDocusignTime } from '../src/governor/docusign-time.js'
import type { SimulatorOptions } from '../src/simulator/knobs.js'
import { makeSimulator, type Simulator } from '../src/simulator/simulator.js'
import { startGovernor, type Governor } from './fixtures/governor.js'

interface House {
  readonly simulator: Simulator
  readonly simulatorUrl: string
  readonly governor: Governor
  /** A user of every account. */
  readonly token: string
  readonly accounts: Simulator['accounts'] extends () => infer A ? A : never
}

interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 60 })
t.teardown(() => agent.destroy())

async function startHouse(
  t: Test,
  options: Partial<SimulatorOptions>,
  settings: Readonly<Record<string, string>> = {},
): Promise<House> {
  const simulator = makeSimulator({ port: 0, ...options }, makeSystemClock())
  const { url: simulatorUrl } = await simulator.start()
  const governor = await startGovernor(simulatorUrl, settings)
  t.teardown(async () => {
    await governor.stop()
    await simulator.stop()
  })
  const token = simulator.issueToken(simulator.users()[0]?.userId ?? '')
  return { simulator, simulatorUrl, governor, token, accounts: simulator.accounts() }
}

async function call(
  url: string,
  how: { method?: string; token?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Got> {
  const { method = 'GET', token, headers = {}, body } = how
  const sent = {
    ...headers,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const req = request(url, { method, headers: sent, agent })
  req.end(body)
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of res) text += String(chunk)
  return { status: res.statusCode ?? 0, headers: res.headers, body: text }
}

async function json(url: string, body?: unknown): Promise<Record<string, unknown>> {
  const got = await call(url, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
  return JSON.parse(got.body) as Record<string, unknown>
}

interface Metric {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

async function scrape(governor: Governor): Promise<(name: string, labels?: object) => number | undefined> {
  const { body } = await call(`${governor.adminUrl}/metrics`)
  const metrics: Metric[] = []
  for (const line of body.split('\n')) {
    const [, name, text = '', value] = /^docusign_governor_(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) continue
    const labels: Record<string, string> = {}
    for (const [, label = '', said = ''] of text.matchAll(/(\w+)="([^"]*)"/g)) labels[label] = said
    metrics.push({ name, labels, value: Number(value) })
  }
  /** The sum of all that have these labels; `undefined` where there is none. */
  return (name, labels = {}) => {
    const found = metrics.filter(
      metric =>
        metric.name === name && Object.entries(labels).every(([key, value]) => metric.labels[key] === value),
    )
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
  }
}

interface Shown {
  readonly account: string
  readonly hour: {
    readonly limit: number
    readonly used: number
    readonly remaining: number
    resetAt: string
  }
  readonly burst: { readonly limit: number; readonly used: number; readonly remaining: number }
  readonly queue: { readonly length: number; readonly oldestWaitSeconds: number }
  readonly foreignCalls: number | null
  readonly source: string
}

async function shownAccounts(governor: Governor): Promise<readonly Shown[]> {
  return (await json(`${governor.adminUrl}/status`))['accounts'] as Shown[]
}

void t.test('after 300 mixed calls every number is the one that DocuSign counted', async t => {
  // A day long, so that no hour turns in the middle.
  const day = { hourWindow: 86_400, hourLimit: 3000, burstLimit: 500, burstWindow: 600 }
  const { simulator, simulatorUrl, governor, token, accounts } = await startHouse(
    t,
    { ...day, accounts: 2 },
    { GOVERNOR_LIMITS_HOUR_WINDOW: '86400', GOVERNOR_LIMITS_BURST_WINDOW: '600' },
  )
  const [one, two] = accounts.map(({ accountId }) => accountId) as [string, string]
  const base = (account: string, app = '') => `${governor.url}${app}/restapi/v2.1/accounts/${account}`
  const envelope = JSON.stringify({ status: 'created', emailSubject: 'A draft' })
  const kinds: readonly ((i: number) => Promise<Got>)[] = [
    i => call(`${base(i % 3 ? one : two)}/envelopes?from_date=2020-01-01&n=${i}`, { token }),
    i => call(`${base(one, '/apps/crm')}/templates?n=${i}`, { token }),
    () => call(`${base(two)}/envelopes`, { token, method: 'POST', body: envelope }),
    () => call(`${base(one)}/envelopes/00000000-0000-4000-8000-000000000000`, { token }),
    i => call(`${base(two)}/no/such/thing?n=${i}`, { token }),
    i => call(`${base(one)}/folders?n=${i}`, { token: 'nobody-knows-this-one' }),
    () => call(`${governor.url}/oauth/userinfo`, { token }),
    () => call(`${base(one)}//users`, { token }),
  ]
  // The first of each account teaches the limits, and whose the token is need not be asked any more.
  for (const account of [one, two]) await call(`${base(account)}/folders`, { token })
  await call(`${governor.url}/oauth/userinfo`, { token })
  const calls = Array.from({ length: 297 }, (_, i) => i)
  const malformed = calls.filter(i => i % kinds.length === 7).length
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let i = calls.pop(); i !== undefined; i = calls.pop()) await kinds[i % kinds.length]?.(i)
    }),
  )

  const report = simulator.report()
  const of = await scrape(governor)
  t.ok(report.arrivals > 200, `${report.arrivals} arrived`)
  t.equal(of('requests_total'), 300)
  t.equal(of('upstream_requests_total'), report.arrivals)
  t.equal(of('requests_total', { outcome: 'forwarded' }), report.arrivals, 'none was sent twice')
  t.equal(of('refusals_total', { reason: 'bad-request' }), malformed)
  // Those who asked for what is not there, at one moment, and were told together.
  const saved = 300 - malformed - report.arrivals
  t.equal(of('requests_total', { outcome: 'coalesced' }) ?? 0, saved)
  t.equal(of('calls_saved_total', { by: 'coalesce' }) ?? 0, saved)
  for (const account of [one, two]) {
    t.equal(of('upstream_requests_total', { account }), report.calls.byAccount[account])
  }
  for (const code of Object.keys({ ...report.calls.byStatus, ...report.oauth.byStatus })) {
    const counted = (report.calls.byStatus[code] ?? 0) + (report.oauth.byStatus[code] ?? 0)
    t.equal(of('upstream_requests_total', { code }), counted, code)
  }
  t.equal(of('request_duration_seconds_count'), 300)
  t.equal(of('throttled_total', { origin: 'docusign' }), undefined)

  const shown = await shownAccounts(governor)
  t.strictSame(shown.map(({ account }) => account).sort(), [one, two].sort())
  for (const account of [one, two]) {
    const used = report.calls.byAccount[account] ?? 0
    t.equal(of('limit', { account, window: 'hour' }), 3000)
    t.equal(of('limit', { account, window: 'burst' }), 500)
    for (const source of ['local', 'upstream']) {
      t.equal(of('remaining', { account, window: 'hour', source }), 3000 - used, `${source} hour`)
      t.equal(of('remaining', { account, window: 'burst', source }), 500 - used, `${source} burst`)
    }
    t.equal(of('queue_length', { account }), 0)
    t.equal(of('queue_oldest_wait_seconds', { account }), 0)
    t.equal(of('foreign_calls_total', { account }), 0)
    const status = shown.find(one => one.account === account)
    const resetAt = new Date(1000 * (of('reset_timestamp_seconds', { account }) ?? NaN)).toISOString()
    t.equal(Date.parse(resetAt) % 86_400_000, 0)
    t.strictSame(status, {
      account,
      hour: { limit: 3000, used, remaining: 3000 - used, resetAt },
      burst: { limit: 500, used, remaining: 500 - used },
      queue: { length: 0, oldestWaitSeconds: 0 },
      foreignCalls: 0,
      source: 'learned',
    })
  }

  await call(`${base(token)}/folders`, { token: 'nobody-knows-this-one' })
  t.equal((await shownAccounts(governor)).length, 2, 'a token that stands for an account is shown to nobody')
  for (let i = 0; i < 5; i++) await call(`${simulatorUrl}/restapi/v2.1/accounts/${one}/folders`, { token })
  const { headers } = await call(`${base(one)}/folders`, { token })
  const number = accounts[0]?.number ?? ''
  await call(`${base(number)}/folders`, { token })
  t.equal((await shownAccounts(governor)).length, 3, 'nobody has said yet that two of them are one')
  await call(base(number), { token })
  const later = await scrape(governor)
  const first = (await shownAccounts(governor)).filter(({ account }) => account !== two)
  const used = simulator.report().calls.byAccount[one] ?? 0
  t.equal(used, 3000 - Number(headers['x-ratelimit-remaining']) + 2)
  t.equal(first.length, 1, 'an account with two names is told once')
  t.match(first, [{ hour: { limit: 3000, used, remaining: 3000 - used }, foreignCalls: 5 }])
  const leftOfTwo = 3000 - (report.calls.byAccount[two] ?? 0)
  t.equal(later('remaining', { window: 'hour', source: 'upstream' }), 3000 - used + leftOfTwo)
  t.equal(later('foreign_calls_total'), 5, "others' calls are told, and only theirs")
})

void t.test('an account with its hour spent is quoted its reset, and a quote is kept', async t => {
  const { governor, token, accounts } = await startHouse(
    t,
    { hourWindow: 8, hourLimit: 80, burstLimit: 30, burstWindow: 0.5, latencyMs: 5 },
    {
      GOVERNOR_LIMITS_HOUR_WINDOW: '8',
      GOVERNOR_LIMITS_BURST_WINDOW: '0.5',
      GOVERNOR_QUEUE_MAX_WAIT: '20',
    },
  )
  const account = accounts[0]?.accountId ?? ''
  const url = `${governor.url}/restapi/v2.1/accounts/${account}/folders`
  const quote = (calls: number) => json(`${governor.adminUrl}/quote`, { account, calls })

  // Spends an hour, and the next one where the end of the first is too near for what follows.
  const resetOf = async () => 1000 * ((await scrape(governor))('reset_timestamp_seconds', { account }) ?? NaN)
  let resetMs = 0
  for (let patience = '1'; resetMs < Date.now() + 4000;) {
    const { headers } = await call(url, { token, headers: { prefer: `wait=${patience}` } })
    const isSpent = headers['x-governor-refusal'] === 'hour-spent'
    patience = isSpent ? '9' : '1'
    if (isSpent) resetMs = await resetOf()
  }
  const of = await scrape(governor)
  t.ok((of('throttled_total', { account, window: 'hour', origin: 'governor' }) ?? 0) >= 1, 'it is told')
  t.equal(of('throttled_total', { origin: 'docusign' }), undefined, 'DocuSign has refused nothing')
  const single = await quote(1)
  const startMs = Date.parse(String(single['startAt']))
  t.equal(single['remaining'], 0)
  t.equal(single['finishAt'], single['startAt'])
  t.ok(startMs >= resetMs && startMs < resetMs + 500, `quoted ${startMs - resetMs} ms after the reset`)

  const fifty = await quote(50)
  const quotedMs = Date.parse(String(fifty['finishAt']))
  t.equal(fifty['startAt'] === fifty['finishAt'], false, 'more than one burst')
  const sent = Array.from({ length: 50 }, (_, i) => call(`${url}?n=${i}`, { token }))
  let waiting = 0
  for (let looks = 0; waiting < 50 && looks < 300; looks++) {
    waiting = (await shownAccounts(governor))[0]?.queue.length ?? 0
  }
  t.equal((await scrape(governor))('queue_length', { account, priority: 'low' }), 50)
  const answers = await Promise.all(sent)
  const finishedMs = Date.now()
  t.ok(answers.every(({ status }) => status === 200))
  t.ok(Math.abs(finishedMs - quotedMs) <= 1000, `done ${finishedMs - quotedMs} ms after the time quoted`)
  const after = await scrape(governor)
  t.equal(after('queue_length', { account }), 0)
  t.ok((after('queue_wait_seconds_count', { priority: 'low' }) ?? 0) >= 50)
  const held = governor.lines.map(line => JSON.parse(line) as Record<string, unknown>)
  t.ok(held.filter(line => line['heldBy'] === 'hour' && line['priority'] === 'low').length >= 50)

  const beganMs = performance.now()
  const million = await quote(1_000_000)
  t.ok(performance.now() - beganMs < 200, 'a million calls are quoted at once')
  t.ok(Number(million['seconds']) > 8 * (1_000_000 / 80 - 2))
  t.match(await quote(1_000_001), { errorCode: 'GOVERNOR_BAD_REQUEST' })
})

void t.test('observe mode holds nothing, and says what it would have done', async t => {
  const { simulator, governor, token, accounts } = await startHouse(
    t,
    { hourWindow: 86_400 },
    {
      GOVERNOR_LIMITS_MODE: 'observe',
      GOVERNOR_LIMITS_LEARN: 'false',
      GOVERNOR_LIMITS_BURST_LIMIT: '10',
      GOVERNOR_LIMITS_BURST_WINDOW: '60',
      GOVERNOR_LIMITS_HOUR_WINDOW: '86400',
    },
  )
  const account = accounts[0]?.accountId ?? ''
  const url = `${governor.url}/restapi/v2.1/accounts/${account}/folders`
  for (let i = 0; i < 10; i++) await call(url, { token })
  const patient = await call(url, { token, headers: { prefer: 'wait=45' } })
  t.match(patient, { status: 200, headers: { 'x-governor-outcome': 'forwarded' } })
  t.notHas(patient.headers, 'x-governor-wait')
  for (let i = 0; i < 4; i++) t.equal((await call(url, { token })).status, 200)
  t.equal(simulator.report().arrivals, 15)
  const of = await scrape(governor)
  t.equal(of('refusals_total', { mode: 'observe', reason: 'burst-spent', app: 'other' }), 5)
  t.equal(of('refusals_total', { mode: 'enforce' }), undefined)
  t.equal(of('throttled_total'), undefined)
  t.equal(of('foreign_calls_total'), undefined, 'who does not listen knows nothing of others')
  const status = await json(`${governor.adminUrl}/status`)
  t.match(status, { mode: 'observe', accounts: [{ source: 'configured', foreignCalls: null }] })
  await governor.stop()
  const lines = governor.lines.map(line => JSON.parse(line) as Record<string, unknown>)
  t.equal(lines.filter(line => line['wouldRefuse'] === 'burst-spent').length, 5)
  const said = lines.filter(line => line['msg'] === 'would-have-held')
  t.match(said, [{ level: 'info', app: 'other', held: 0, refused: 5, longestMs: 0 }])
})

void t.test('what is said of a million calls is as exact as of a thousand, and holds nobody up', t => {
  const budgetOf = (hourLimit: number, burstLimit: number, alignment: 'clock' | 'sliding') =>
    new Budget(
      {
        hour: { limit: hourLimit, windowMs: 3_600_000, alignment },
        burst: { limit: burstLimit, windowMs: 30_000 },
        learn: true,
        margin: 0,
      },
      makeDocusignTime(1_800_000_000_000, 0),
    )
  // Fifty bursts an hour, and 900 hours later the same at the same minute.
  const clock = budgetOf(1000, 20, 'clock')
  for (const ahead of [20_000, 20_005, 20_499, 20_999]) {
    const near = clock.forecast(0, ahead).waitMs
    const far = clock.forecast(0, ahead + 900_000).waitMs
    t.equal(far - near, 900 * 3_600_000, `${ahead} go first, and 900,000 more`)
  }
  const answerMs = 500
  const sliding = budgetOf(3, 3, 'sliding')
  t.equal(sliding.forecast(0, 999_999).waitMs, 333_333 * (3_600_000 + answerMs))
  const slow = budgetOf(10_000_000, 7, 'sliding')
  t.equal(slow.forecast(0, 999_999).waitMs, Math.floor(999_999 / 7) * (30_000 + answerMs))
  for (const [hourLimit, burstLimit] of [
    [1, 1],
    [10, 5],
    [1000, 500],
    [5000, 1],
  ] as const) {
    const budget = budgetOf(hourLimit, burstLimit, 'sliding')
    const { user } = process.cpuUsage()
    budget.forecast(0, 999_999)
    const tookMs = (process.cpuUsage().user - user) / 1000
    t.ok(tookMs < 50, `${tookMs} ms for ${hourLimit} an hour, ${burstLimit} a burst`)
  }
  t.end()
})
