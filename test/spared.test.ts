/**
 * What DocuSign is spared, measured at the simulator: the polling rule, what has ended, and the same question asked by
 * many at once. A whole working day, and lives that end in a kill; at full size: `npm run bench spared`.
 */
import { createSign, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Fetch } from '../src/shield/fetch.js'
import {
  AT_ONCE,
  many,
  numberIn,
  open as openHouse,
  skewToTurnIn,
  spendHour,
  statuses,
  type Asking,
  type Governed,
  type GovernedOptions,
  type Told,
} from './fixtures/governed.js'
import { makeHandClock } from './fixtures/hand-clock.js'
import { killPolling } from './fixtures/kills.js'
import { until } from './fixtures/upstream.js'
import { workday } from './fixtures/workday.js'

const PLENTY = { hourLimit: 100_000, burstLimit: 100_000 }
/** Those that wait for an hour to turn wait together. */
const BESIDE = { buffered: true }
const LIVES = 6
const DAY = { envelopes: 120, wallMs: 10_000 }

interface Options extends Partial<GovernedOptions> {
  readonly set?: Readonly<Record<string, string>>
}

async function open(t: Test, { set, ...options }: Options = {}): Promise<Governed> {
  const settings = Object.fromEntries(Object.entries(set ?? {}).map(([k, v]) => [`GOVERNOR_${k}`, v]))
  const house = await openHouse(t, { settings, ...options, docusign: { ...PLENTY, ...options.docusign } })
  // An account's first call goes alone.
  await house.ask('')
  return house
}

function envelope(house: Governed, status: 'sent' | 'completed' | 'voided' = 'sent'): string {
  const [id = ''] = house.simulator.addEnvelopes({ status })
  return `/envelopes/${id}`
}

function idOf(path: string): string {
  return path.split('/')[2] ?? ''
}

function arrivalsAt(house: Governed, path: string): number {
  return house.arrivals.filter(
    ({ target, method }) => method === 'GET' && target.split('?')[0]?.endsWith(path) === true,
  ).length
}

function outcome({ headers }: Told): string {
  return String(headers['x-governor-outcome'])
}

function refusal({ headers }: Told): string {
  return String(headers['x-governor-refusal'])
}

/** Whether it was answered from what stays true. */
function isFinal(told: Told): boolean {
  const ttl = /; hit; ttl=(\d+)/.exec(String(told.headers['cache-status']))?.[1]
  return Number(ttl) > 80_000
}

function sending(method: string, body: unknown, more: Asking = {}): Asking {
  return {
    method,
    body: JSON.stringify(body),
    ...more,
    headers: { 'content-type': 'application/json', ...more.headers },
  }
}

const SUBJECT = (subject: string) => sending('PUT', { emailSubject: subject })

function as(token: string): Asking {
  return { headers: { authorization: `Bearer ${token}` } }
}

async function counted(house: Governed, result: string): Promise<number> {
  const text = await (await fetch(`${house.governor.adminUrl}/metrics`)).text()
  const lines = [...text.matchAll(/polls_total\{[^}]*result="(\w+)"[^}]*\} (\d+)/g)]
  return lines.reduce((sum, [, name, count]) => sum + (name === result ? Number(count) : 0), 0)
}

async function purge(house: Governed, which: object): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const asking = { method: 'POST', headers, body: JSON.stringify(which) }
  const answer = await fetch(`${house.governor.adminUrl}/cache/purge`, asking)
  return ((await answer.json()) as { removed: number }).removed
}

void t.test('a working day costs DocuSign the fewest calls that can serve it', async t => {
  const day = await workday(DAY.envelopes, DAY.wallMs, Math.random, text => t.comment(text))
  t.comment(JSON.stringify(day))
  t.equal(day.pollsTotal, 0, 'no poll inside the interval')
  t.equal(day.terminalRereadsTotal, 0, 'nothing that had ended was read twice')
  t.equal(day.unanswered, 0, 'every call was answered')
  t.equal(day.stale, 0, 'with nothing older than an interval')
  t.ok(day.upstream <= day.least * 1.02, `${day.upstream} calls; the least are ${day.least}`)
  t.ok(day.ended > DAY.envelopes / 2 && day.asked > day.upstream * 1.2, 'there was something to spare')
})

void t.test('killed at any moment, the governor remembers what it has asked', async t => {
  const { callsAfter, pollsTotal, terminalRereadsTotal, last } = await killPolling(LIVES, Math.random, text =>
    t.comment(text),
  )
  t.equal(pollsTotal, 0)
  t.equal(terminalRereadsTotal, 0)
  t.ok((callsAfter.at(-1) ?? 0) > LIVES, `${callsAfter.join(' ')} calls`)
  t.match(last.kept, /; hit; ttl=86\d\d\d$/, 'a copy of what had ended')
  t.notMatch(last.purged, /; hit/, 'what was purged stays so')
  t.match(last.beneath[0], /fwd=miss; stored/)
  t.match(last.beneath[1], /; hit; ttl=86\d\d\d$/, 'an end that is known is known for good')
})

void t.test('who waits along', async t => {
  t.jobs = 3
  void t.test('two viewers are two calls', async t => {
    const house = await open(t)
    const { simulator } = house
    const path = envelope(house)
    const admin = simulator.users()[0]?.userId ?? ''
    const second = simulator.issueToken(admin, { expiresIn: 1e9 })
    house.governor.reload({ GOVERNOR_IDENTITY_INTROSPECT: 'false' })
    simulator.faults.set([{ kind: 'none', latencyMs: 200 }])
    const told = await Promise.all(many(60, i => house.ask(path, i % 2 === 0 ? {} : as(second))))
    t.strictSame(statuses(told), { 200: 60 })
    t.equal(arrivalsAt(house, path), 2)
  })

  for (const { name, fault, leaderGets, calls } of [
    { name: 'cut before its head', fault: { kind: 'reset-before', times: 2 }, leaderGets: 502, calls: 3 },
    { name: 'cut in its body', fault: { kind: 'reset-mid-body', times: 1 }, leaderGets: undefined, calls: 2 },
    { name: 'a 500', fault: { kind: 'status', status: 500, times: 1 }, leaderGets: 500, calls: 2 },
  ] as const) {
    void t.test(`a leader whose answer is ${name} leaves the question to the next`, async t => {
      const house = await open(t)
      const path = envelope(house)
      house.simulator.faults.set([{ ...fault, latencyMs: 150, match: { envelope: idOf(path) } }])
      const leader = house.ask(path).then(
        ({ status }) => status,
        () => undefined,
      )
      await until('it to be asked', () => arrivalsAt(house, path) === 1)
      const told = await Promise.all(many(20, () => house.ask(path)))
      t.equal(await leader, leaderGets)
      t.strictSame(statuses(told), { 200: 20 })
      t.equal(arrivalsAt(house, path), calls)
    })
  }

  void t.test('what DocuSign does not show is asked for once, too', async t => {
    const house = await open(t)
    const none = '/envelopes/11111111-2222-4333-8444-555555555555'
    house.simulator.faults.set([{ kind: 'none', latencyMs: 150 }])
    t.strictSame(statuses(await Promise.all(many(20, () => house.ask(none)))), { 404: 20 })
    t.equal(arrivalsAt(house, none), 1)
  })

  void t.test('what is too large to share tells the others their own turn', async t => {
    const set = { CACHE_MAX_ENTRY_BYTES: '20000' }
    const house = await open(t, { set, docusign: { pollInterval: 1 } })
    const large = () => {
      const [id = ''] = house.simulator.addEnvelopes({ status: 'sent', documentBytes: 300_000 })
      return `/envelopes/${id}/documents/1`
    }
    const [path, another] = [large(), large()]
    house.simulator.faults.set([{ kind: 'none', latencyMs: 100 }])
    const told = await Promise.all(many(10, () => house.ask(path)))
    t.strictSame(statuses(told), { 200: 1, 429: 9 })
    const late = told.filter(({ status }) => status === 429)
    t.ok(late.every(one => refusal(one) === 'poll-too-soon' && numberIn(one, 'retry-after') === 1))
    t.equal(arrivalsAt(house, path), 1)
    await pause(1_000)
    t.equal((await house.ask(path)).status, 200, 'which is their turn')
    t.equal(house.simulator.report().pollsTotal, 0)
    house.governor.reload({ GOVERNOR_CACHE_MAX_ENTRY_BYTES: '20000', GOVERNOR_POLLING_WITHOUT_COPY: 'pass' })
    t.strictSame(statuses(await Promise.all(many(10, () => house.ask(another)))), { 200: 10 })
  })

  void t.test('a leader who reads slowly holds nobody up', async t => {
    const house = await open(t)
    const [id = ''] = house.simulator.addEnvelopes({ status: 'completed', documentBytes: 12_000_000 })
    const path = `/envelopes/${id}/documents/1`
    house.simulator.faults.set([{ kind: 'none', latencyMs: 100, match: { envelope: id } }])
    const target = `${house.governor.url}/restapi/v2.1/accounts/${house.accounts[0]?.id}${path}`
    const headers = { authorization: `Bearer ${house.token}` }
    const leading = new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(target, { headers, agent: false }, resolve).on('error', reject)
    })
    await until('it to be asked', () => arrivalsAt(house, path) === 1)
    const following = Promise.all(many(3, () => house.ask(path)))
    const slow = await leading
    const told = await following
    t.strictSame(statuses(told), { 200: 3 })
    t.equal(arrivalsAt(house, path), 1)
    const chunks: Buffer[] = []
    for await (const chunk of slow) chunks.push(chunk as Buffer)
    t.ok(
      told.every(({ body }) => body.equals(Buffer.concat(chunks))),
      'and gets the same in the end',
    )
  })

  void t.test('those who will not be held follow one that is on its way', async t => {
    const house = await open(t)
    const [path, other] = [envelope(house), envelope(house)]
    house.simulator.faults.set([{ kind: 'none', latencyMs: 200 }])
    // So that the leader has to make a connection of its own.
    const busy = house.ask(other)
    await until('that to be asked', () => arrivalsAt(house, other) === 1)
    const told = await Promise.all(many(50, () => house.ask(path, AT_ONCE)))
    t.strictSame(statuses(told), { 200: 50 })
    t.equal(arrivalsAt(house, path), 1)
    await busy
  })

  void t.test('at a spent hour', BESIDE, async t => {
    const hourWindow = 5
    const clockSkew = skewToTurnIn(4, hourWindow)
    const house = await openHouse(t, {
      docusign: { hourLimit: 300, hourWindow, burstLimit: 300, burstWindow: 0.2, clockSkew },
    })
    const path = envelope(house)
    await spendHour(house, 200)
    const leader = house.send(path)
    await until('it to come', () => house.entries.some(target => target.endsWith(path)))
    const patient = many(99, () => house.ask(path))
    const leaving = many(5, () => house.send(path))
    const hasty = await house.ask(path, AT_ONCE)
    t.equal(hasty.status, 429, 'who will not be held is refused')
    t.equal(refusal(hasty), 'hour-spent')
    const left = Number(hasty.headers['x-ratelimit-reset']) * 1000 - (Date.now() + clockSkew * 1000)
    const promised = numberIn(hasty, 'retry-after') * 1000
    t.ok(promised >= left - 100 && promised <= left + 1_500, `${promised} ms; the hour has ${left}`)
    t.equal(arrivalsAt(house, path), 0, 'at once')
    for (const { leave } of leaving) leave()
    await Promise.allSettled(leaving.map(({ told }) => told))
    const told = await Promise.all([leader.told, ...patient])
    t.strictSame(statuses(told), { 200: 100 })
    t.equal(arrivalsAt(house, path), 1, 'one call after the turn')
  })

  void t.test('two representations in the queue are one poll', BESIDE, async t => {
    const hourWindow = 4
    const clockSkew = skewToTurnIn(3, hourWindow)
    const house = await openHouse(t, {
      docusign: { hourLimit: 300, hourWindow, burstLimit: 300, burstWindow: 0.2, clockSkew },
    })
    const path = envelope(house)
    await spendHour(house, 200)
    const told = await Promise.all(
      many(10, i => house.ask(`${path}${i % 2 === 0 ? '' : '?include=recipients'}`)),
    )
    t.strictSame(statuses(told), { 200: 5, 429: 5 })
    t.equal(arrivalsAt(house, path), 1)
    t.equal(house.simulator.report().pollsTotal, 0)
  })

  void t.test('a leader who leaves the queue leaves his place to one who waits', BESIDE, async t => {
    const hourWindow = 4
    const clockSkew = skewToTurnIn(3, hourWindow)
    const house = await openHouse(t, {
      docusign: { hourLimit: 300, hourWindow, burstLimit: 300, burstWindow: 0.2, clockSkew },
    })
    const path = envelope(house)
    await spendHour(house, 200)
    const refused = await house.ask(path, AT_ONCE)
    t.equal(refused.status, 429)
    const leader = house.send(path)
    await until('it to come', () => house.entries.filter(target => target.endsWith(path)).length === 2)
    const told = many(20, () => house.ask(path))
    await pause(50)
    leader.leave()
    t.strictSame(statuses(await Promise.all(told)), { 200: 20 })
    t.equal(arrivalsAt(house, path), 1)
  })

  void t.test('whose time was up while it was on its way does not wait along once more', async t => {
    const clock = makeHandClock()
    const fetch = new Fetch('leader', true)
    fetch.sending(clock.nowMs())
    const impatient = fetch.follow('a', clock.nowMs(), clock)
    const patient = fetch.follow('b', clock.nowMs() + 1_000, clock)
    clock.pass(10)
    t.equal(fetch.isFollowed, true)
    // DocuSign refused it for a limit: back into the queue.
    fetch.unsent()
    fetch.held()
    t.strictSame(await impatient.result, { kind: 'overdue' })
    clock.pass(1_000)
    t.strictSame(await patient.result, { kind: 'overdue' })
    t.equal(fetch.isFollowed, false)
    t.end()
  })
  t.end()
})

void t.test('polls', async t => {
  void t.test('every app has an interval of its own', async t => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const house = await open(t, { docusign: { apps: 1, integrationKeyPems: [pem] } })
    const path = envelope(house)
    for (const app of ['one', 'two']) {
      t.equal(outcome(await house.ask(path, { app })), 'forwarded', app)
      t.equal(outcome(await house.ask(path, { app })), 'remembered', app)
    }
    t.equal(arrivalsAt(house, path), 2)

    // Not named: the integration key, where a token endpoint has told it.
    const { simulator } = house
    const { integrationKeys, users, audience } = simulator.credentials()
    const grant = async (userId: string): Promise<string> => {
      const now = Math.floor(Date.now() / 1000)
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const claims = {
        iss: integrationKeys[0]?.integrationKey,
        sub: userId,
        aud: audience,
        iat: now,
        exp: now + 3600,
        scope: 'signature impersonation',
      }
      const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
      const assertion = `${signed}.${createSign('RSA-SHA256').update(signed).sign(pem).toString('base64url')}`
      const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
      const body = new URLSearchParams({ grant_type, assertion })
      const answer = await fetch(`${house.governor.url}/oauth/token`, { method: 'POST', body })
      return ((await answer.json()) as { access_token: string }).access_token
    }
    const [first, second] = [await grant(users[0]?.userId ?? ''), await grant(users[1]?.userId ?? '')]
    const [id = ''] = simulator.addEnvelopes({ status: 'sent', userId: users[1]?.userId ?? '' })
    const common = `/envelopes/${id}`
    t.equal(outcome(await house.ask(common, as(first))), 'forwarded')
    t.equal(refusal(await house.ask(common, as(second))), 'poll-too-soon', 'another user of the same app')
    t.equal(outcome(await house.ask(common, as(first))), 'remembered')
    // Nothing was told of this one's app, so its viewer is one.
    const third = simulator.issueToken(users[1]?.userId ?? '')
    t.equal(outcome(await house.ask(common, as(third))), 'forwarded')
  })

  void t.test('whatever its query, and to the millisecond', async t => {
    const house = await open(t, { docusign: { pollInterval: 1.5 } })
    const path = envelope(house)
    t.equal((await house.ask(path)).status, 200)
    const other = await house.ask(`${path}?include=recipients`)
    t.equal(refusal(other), 'poll-too-soon')
    const restMs = numberIn(other, 'retry-after') * 1000
    t.ok(restMs > 0 && restMs <= 2_000)
    await pause(restMs)
    t.equal(outcome(await house.ask(`${path}?include=recipients`)), 'forwarded')
    t.equal(house.simulator.report().pollsTotal, 0)
    house.governor.reload({ GOVERNOR_POLLING_INTERVAL: '900', GOVERNOR_POLLING_WITHOUT_COPY: 'pass' })
    t.equal(outcome(await house.ask(`${path}?include=tabs`)), 'forwarded')
    t.equal(await counted(house, 'observed'), 1, 'passed, and counted')
    t.equal(await counted(house, 'refused'), 1)
    t.equal(await counted(house, 'first'), 2)
  })

  void t.test('from the head of the answer, however long its body takes', async t => {
    const house = await open(t, { docusign: { pollInterval: 1 } })
    const [id = ''] = house.simulator.addEnvelopes({ status: 'sent', documentBytes: 12_000_000 })
    const path = `/envelopes/${id}/documents/1`
    const target = `${house.governor.url}/restapi/v2.1/accounts/${house.accounts[0]?.id}${path}`
    const headers = { authorization: `Bearer ${house.token}` }
    const slow = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(target, { headers, agent: false }, resolve).on('error', reject)
    })
    const headMs = performance.now()
    await pause(600)
    slow.resume()
    await once(slow, 'end')
    await pause(Math.max(0, headMs + 1_010 - performance.now()))
    t.equal(outcome(await house.ask(path)), 'forwarded')
    t.equal(house.simulator.report().pollsTotal, 0)
  })

  void t.test('observed, everything passes', async t => {
    const house = await open(t, { set: { POLLING_MODE: 'observe' } })
    const path = envelope(house)
    for (const query of ['', '', '?include=recipients']) {
      t.equal(outcome(await house.ask(path + query)), 'forwarded')
    }
    t.equal(arrivalsAt(house, path), 3)
    t.equal(await counted(house, 'observed'), 2)
    t.equal(await counted(house, 'first'), 1)
  })

  void t.test('lists are polls where the operator says so', async t => {
    const house = await open(t, { set: { POLLING_LISTS: 'true' } })
    envelope(house)
    const list = '/envelopes?from_date=2020-01-01&count=5'
    t.equal(outcome(await house.ask(list)), 'forwarded')
    t.equal(outcome(await house.ask(list)), 'remembered')
    t.equal(outcome(await house.ask('/envelopes?from_date=2020-01-01&count=6')), 'forwarded', 'another query')
    const created = await house.ask('/envelopes', sending('POST', { status: 'created' }))
    t.equal(created.status, 201)
    t.equal(outcome(await house.ask(list)), 'forwarded', 'a new envelope')
    t.equal(outcome(await house.ask(list)), 'remembered')
    house.governor.reload({ GOVERNOR_POLLING_LISTS: 'false' })
    t.equal(outcome(await house.ask(list)), 'forwarded')
  })

  void t.test('after a write each app may read each resource once more', async t => {
    const house = await open(t)
    const path = envelope(house)
    const reads = ['one', 'two'].flatMap(app => ['', '/recipients'].map(part => ({ app, part })))
    const round = async () => {
      const told: string[] = []
      for (const { app, part } of reads) told.push(outcome(await house.ask(path + part, { app })))
      return told
    }
    await round()
    t.strictSame(
      await round(),
      many(4, () => 'remembered'),
    )
    t.equal((await house.ask(path, SUBJECT('new'))).status, 200)
    t.strictSame(
      await round(),
      many(4, () => 'forwarded'),
    )
    t.strictSame(
      await round(),
      many(4, () => 'remembered'),
    )
    t.equal(await counted(house, 'read_after_write'), 4)
  })

  void t.test('a read that a write overtakes is not kept', async t => {
    const house = await open(t)
    const path = envelope(house)
    house.simulator.faults.set([{ kind: 'none', latencyMs: 300, match: { method: 'GET' }, times: 1 }])
    const reading = house.ask(path)
    await until('it to be asked', () => arrivalsAt(house, path) === 1)
    t.equal((await house.ask(path, SUBJECT('overtaken'))).status, 200)
    t.equal((await reading).status, 200)
    const after = await house.ask(path)
    t.equal(outcome(after), 'forwarded')
    t.match(String(after.body), /overtaken/)
    t.equal(outcome(await house.ask(path)), 'remembered')
  })

  void t.test('what failed begins no interval', async t => {
    const house = await open(t)
    const none = '/envelopes/11111111-2222-4333-8444-555555555555'
    for (let i = 0; i < 2; i++) t.equal((await house.ask(none)).status, 404)
    t.equal(arrivalsAt(house, none), 2)
    for (const fault of [
      { kind: 'status', status: 500 },
      { kind: 'status', status: 503 },
      { kind: 'reset-before' },
    ] as const) {
      const path = envelope(house)
      const times = fault.kind === 'reset-before' ? 2 : 1
      house.simulator.faults.set([{ ...fault, times, match: { envelope: idOf(path) } }])
      t.ok((await house.ask(path)).status >= 500)
      t.equal(outcome(await house.ask(path)), 'forwarded', JSON.stringify(fault))
      t.equal(outcome(await house.ask(path)), 'remembered')
    }
    t.equal(house.simulator.report().pollsTotal, 0)
  })

  void t.test('who leaves has asked all the same, and finds the answer when he comes back', async t => {
    const house = await open(t)
    const path = envelope(house)
    house.simulator.faults.set([{ kind: 'none', latencyMs: 200 }])
    const leaving = house.send(path)
    await until('it to be asked', () => arrivalsAt(house, path) === 1)
    leaving.leave()
    await leaving.told.catch(() => undefined)
    t.equal(outcome(await house.ask(path)), 'coalesced', 'while it is under way')
    t.equal(outcome(await house.ask(path)), 'remembered')
    t.equal(arrivalsAt(house, path), 1)
    t.equal(house.simulator.report().pollsTotal, 0)
  })

  void t.test('one resource has one count, however it is spelt', async t => {
    const house = await open(t)
    const { id = '', number = '' } = house.accounts[0] ?? {}
    const guid = idOf(envelope(house))
    const spellings = [
      `//accounts/${id}/envelopes/${guid}`,
      `//accounts/${id}/envelopes/${guid.toUpperCase()}`,
      `//accounts/${id}/envelopes/${guid}/`,
      `//accounts/${id.toUpperCase()}/Envelopes/${guid}`,
      `//accounts/${number}/envelopes/${guid}`,
      `//accounts/${number}/ENVELOPES/${guid}/?x=`,
      `//accounts/${id}/envelopes/{${guid}}`,
      `//accounts/${id}/envelopes/%7B${guid}%7D`,
      `//accounts/${id}/envelopes//${guid}`,
      `//accounts/${id}/./envelopes/${guid}`,
    ]
    for (const spelling of spellings) await house.ask(spelling, { app: 'one' })
    const { pollsTotal, calls } = house.simulator.report()
    t.equal(pollsTotal, 0)
    const route = Object.entries(calls.byRoute).find(([name]) => name.endsWith('/envelopes/{envelopeId}'))
    t.equal(route?.[1], 1)
  })

  void t.test('who cannot be told from others is under the rule as well', async t => {
    const house = await open(t)
    const path = envelope(house)
    const nobody = { headers: { 'x-docusign-authentication': '' } }
    const [first, second] = [await house.ask(path, nobody), await house.ask(path, nobody)]
    t.equal(outcome(first), 'forwarded')
    t.equal(first.status === 200 ? refusal(second) : 'poll-too-soon', 'poll-too-soon')
    const named = envelope(house)
    t.equal(outcome(await house.ask(named, { app: 'one' })), 'forwarded')
    t.equal(refusal(await house.ask(named, { app: 'one', ...nobody })), 'poll-too-soon')
    t.equal(
      refusal(await house.ask(named, { app: 'one', headers: { 'x-docusign-act-on-behalf': '' } })),
      'poll-too-soon',
    )
    t.equal(arrivalsAt(house, named), 1)
  })
  t.end()
})

void t.test('what has ended', async t => {
  void t.test('is learned wherever it is shown, and final is only what was asked for after that', async t => {
    const house = await open(t)
    const ids = (path: string) => ({ envelopeIds: [idOf(path)] })
    const ways: Record<string, (path: string) => Promise<Told>> = {
      'its own answer': path => house.ask(path),
      XML: path => house.ask(path, { headers: { accept: 'application/xml' } }),
      'a list': path => house.ask(`/envelopes?envelope_ids=${idOf(path)}`),
      'a list of statuses': path => house.ask(`/envelopes/status?envelope_ids=${idOf(path)}`),
      'PUT /envelopes/status': path =>
        house.ask('/envelopes/status?envelope_ids=request_body', sending('PUT', ids(path))),
    }
    for (const [way, learn] of Object.entries(ways)) {
      const path = envelope(house, 'completed')
      await house.ask(`${path}/recipients`)
      t.notOk(isFinal(await house.ask(`${path}/recipients`)), `${way}: fetched before we knew`)
      await house.ask(`${path}/documents`)
      t.equal((await learn(path)).status, 200, way)
      t.notOk(isFinal(await house.ask(`${path}/recipients`)), `${way}: and so it stays`)
      t.equal(outcome(await house.ask(`${path}/form_data`)), 'forwarded')
      t.ok(isFinal(await house.ask(`${path}/form_data`)), `${way}: fetched after`)
      if (way === 'XML') t.ok(isFinal(await learn(path)))
    }
    const living = envelope(house, 'sent')
    for (let i = 0; i < 2; i++) t.notOk(isFinal(await house.ask(living)))
  })

  void t.test('leaves what may still change to the polling rule', async t => {
    const house = await open(t, { docusign: { pollInterval: 0.5 } })
    const path = envelope(house, 'completed')
    await house.ask(path)
    const events = `${path}/audit_events`
    t.equal(outcome(await house.ask(events)), 'forwarded')
    const again = await house.ask(events)
    t.notOk(isFinal(again))
    await pause(600)
    t.equal(outcome(await house.ask(events)), 'forwarded')
    t.ok(isFinal(await house.ask(path)))
  })

  void t.test('is forgotten with what touches it', async t => {
    const house = await open(t)
    const [path, other] = [envelope(house, 'completed'), envelope(house, 'completed')]
    const documents = `${path}/documents/1`
    const keep = async () => {
      for (const one of [path, documents, other]) await house.ask(one)
      for (const one of [path, documents, other]) t.ok(isFinal(await house.ask(one)), one)
    }
    await keep()
    const moved = sending('PUT', { envelopeIds: [idOf(path)] })
    t.equal((await house.ask('/folders/recyclebin', moved)).status, 200)
    t.equal(outcome(await house.ask(path)), 'forwarded', 'moved')
    t.equal(outcome(await house.ask(documents)), 'forwarded', 'moved')
    t.ok(isFinal(await house.ask(other)), 'and no other')

    const wide = [
      ['PUT', '/bulk_send_batch/8a7b6c5d-0000-4000-8000-000000000001/void'],
      ['POST', '/envelopes/transfer_rules'],
      ['PUT', '/folders/recyclebin'],
    ] as const
    for (const [method, target] of wide) {
      await keep()
      const isRefused = { kind: 'status', status: 400, body: 'json', times: 1, match: { method } } as const
      house.simulator.faults.set([isRefused])
      await house.ask(target, sending(method, {}))
      t.ok(isFinal(await house.ask(other)), `${target}: refused, it has changed nothing`)
      house.simulator.faults.set([{ ...isRefused, status: 200 }])
      await house.ask(target, sending(method, {}))
      for (const one of [path, documents, other]) t.equal(outcome(await house.ask(one)), 'forwarded', target)
    }

    await keep()
    // Behind our back, and then shown in a list.
    t.equal((await house.askDirectly(path, sending('PUT', { purgeState: 'documents_queued' }))).status, 200)
    t.ok(isFinal(await house.ask(documents)))
    await house.ask(`/envelopes?envelope_ids=${idOf(path)}`)
    t.notOk(isFinal(await house.ask(documents)), 'about to be purged')
    t.ok(isFinal(await house.ask(other)))
    t.equal((await house.ask(other, sending('PUT', { purgeState: 'documents_queued' }))).status, 200)
    t.equal(outcome(await house.ask(other)), 'forwarded')
    t.notOk(isFinal(await house.ask(other)), 'a purge through us')
  })

  void t.test('has an age', async t => {
    const house = await open(t, { set: { CACHE_TERMINAL_MAX_AGE: '0.6' }, docusign: { pollInterval: 0.1 } })
    const path = envelope(house, 'voided')
    await house.ask(path)
    await pause(200)
    t.equal(outcome(await house.ask(path)), 'remembered', 'past the interval')
    await pause(450)
    t.equal(outcome(await house.ask(path)), 'forwarded')
  })

  void t.test('is purged by account and by envelope', async t => {
    const house = await open(t)
    const { id = '', number = '' } = house.accounts[0] ?? {}
    const [path, other] = [envelope(house, 'completed'), envelope(house, 'completed')]
    const keep = async () => {
      for (const one of [path, other]) await house.ask(one)
      for (const one of [path, other]) t.equal(outcome(await house.ask(one)), 'remembered')
    }
    house.governor.reload({ GOVERNOR_POLLING_WITHOUT_COPY: 'pass' })
    await keep()
    t.equal(await purge(house, { envelope: idOf(path) }), 1)
    t.equal(outcome(await house.ask(path)), 'forwarded')
    t.equal(outcome(await house.ask(other)), 'remembered')
    for (const account of [id, id.toUpperCase(), number]) {
      await keep()
      t.equal(await purge(house, { account: house.accounts[1]?.id }), 0, 'of another account')
      t.equal(await purge(house, { account }), 2, account)
      t.equal(outcome(await house.ask(path)), 'forwarded')
    }
    await keep()
    t.equal(await purge(house, { account: number, envelope: idOf(path) }), 1)
    t.equal(await purge(house, {}), 1)
  })

  void t.test('answers past its age while DocuSign is down or blocks, if the operator says so', async t => {
    const set = { CACHE_TERMINAL_MAX_AGE: '0.3', CACHE_STALE_IF_ERROR: '60' }
    const house = await open(t, { set, docusign: { pollInterval: 0.1 } })
    const { simulator } = house
    const [path, living] = [envelope(house, 'completed'), envelope(house, 'sent')]
    const stranger = as(simulator.issueToken(simulator.users()[0]?.userId ?? '', { expiresIn: 1e9 }))
    const true_ = await house.ask(path)
    await house.ask(living)
    await pause(400)
    simulator.faults.set([{ kind: 'reset-before', match: { method: 'GET' } }])
    const stale = await house.ask(path)
    t.equal(stale.status, 200, 'unreachable')
    t.equal(outcome(stale), 'remembered')
    t.match(stale.headers['cache-status'], /^docusign-governor; hit; ttl=-\d+; detail=stale-if-error$/)
    t.ok(stale.body.equals(true_.body))
    t.equal((await house.ask(living)).status, 502, 'not what may have changed')
    t.equal((await house.ask(path, stranger)).status, 502, 'nor to whom DocuSign has not taken')
    house.governor.reload({ GOVERNOR_CACHE_STALE_IF_ERROR: '0' })
    t.equal((await house.ask(path)).status, 502, 'off, as it is by itself')
    house.governor.reload({ GOVERNOR_CACHE_STALE_IF_ERROR: '0.001' })
    t.equal((await house.ask(path)).status, 502, 'past that, too')

    house.governor.reload({})
    simulator.faults.clear()
    await spendHour(house)
    t.match((await house.ask(path, AT_ONCE)).headers['cache-status'], /stale-if-error/, 'the hour is spent')
    t.equal((await house.ask(living, AT_ONCE)).status, 429)

    const another = await open(t, { set, docusign: { pollInterval: 0.1 } })
    const blocked = envelope(another, 'completed')
    await another.ask(blocked)
    await pause(400)
    another.simulator.faults.set([{ kind: 'status', status: 444, body: 'empty', times: 1 }])
    t.equal((await another.ask('')).status, 444)
    t.match((await another.ask(blocked)).headers['cache-status'], /stale-if-error/, 'a block')
    t.equal(refusal(await another.ask(envelope(another), AT_ONCE)), 'upstream-blocked')
  })
  t.end()
})
