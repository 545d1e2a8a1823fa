/**
 * The shield before the simulator, as both are shipped: what DocuSign is spared, and what is never shown to anyone whom
 * DocuSign would not have shown it. Measured at DocuSign and in the clients' hands.
 */
import { once } from 'node:events'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  AT_ONCE,
  numberIn,
  open as openHouse,
  skewToTurnIn,
  spendHour,
  type Governed,
  type GovernedOptions,
  type Told,
} from './fixtures/governed.js'
import { startGovernor, startPassing } from './fixtures/governor.js'
import { until } from './fixtures/upstream.js'

const PLENTY = { hourLimit: 100_000, burstLimit: 100_000 }

function open(t: Test, options: Partial<GovernedOptions> = {}): Promise<Governed> {
  return openHouse(t, { ...options, docusign: { ...PLENTY, ...options.docusign } })
}

function arrivalsAt(house: Governed, path: string): number {
  return house.arrivals.filter(({ target }) => target.split('?')[0]?.endsWith(path)).length
}

function outcome({ headers }: Told): string {
  return `${String(headers['x-governor-outcome'])} ${String(headers['cache-status'])}`
}

void t.test('a terminal envelope is read once', async t => {
  const house = await open(t)
  const [id = ''] = house.simulator.addEnvelopes({ status: 'completed' })
  const path = `/envelopes/${id}`
  const first = await house.ask(path)
  t.equal(outcome(first), 'forwarded docusign-governor; fwd=miss; stored')
  const again = await house.ask(path)
  t.match(outcome(again), /^remembered docusign-governor; hit; ttl=863\d\d$/)
  t.ok(again.body.equals(first.body), 'the same bytes')
  t.equal(again.headers['age'], '0')
  t.match(again.headers['etag'], /^"[\w-]+"$/)
  t.equal(again.headers['x-docusign-tracetoken'], undefined, 'not the trace of another call')
  t.equal(again.headers['x-ratelimit-remaining'], undefined, 'nor its limits')
  t.equal(arrivalsAt(house, path), 1)
  const documents = `${path}/documents/1`
  const pdf = await house.ask(documents)
  const copy = await house.ask(documents)
  t.ok(pdf.body.length > 500 && copy.body.equals(pdf.body))
  t.equal(arrivalsAt(house, documents), 1)
})

void t.test('a poll inside the interval is answered from the copy of its own caller', async t => {
  const house = await open(t, { docusign: { pollInterval: 0.5 } })
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  const path = `/envelopes/${id}`
  const first = await house.ask(path)
  t.equal(first.status, 200)
  const inside = await house.ask(path)
  t.match(outcome(inside), /^remembered docusign-governor; hit; ttl=0$/)
  const other = await house.ask(`${path}?include=recipients`)
  t.equal(other.status, 429, 'another representation has no copy')
  t.equal(other.headers['x-governor-refusal'], 'poll-too-soon')
  t.equal(other.headers['retry-after'], '1')
  t.equal(other.headers['x-ratelimit-limit'], '100000', 'with how the account stands')
  t.equal(arrivalsAt(house, path), 1)
  await pause(520)
  t.equal(outcome(await house.ask(path)), 'forwarded docusign-governor; fwd=miss; stored')
  t.equal(house.simulator.report().pollsTotal, 0)
})

void t.test('a poll that is too soon is told when the hour lets it go as well', async t => {
  const spent = { hourLimit: 10, hourWindow: 4, burstWindow: 0.5, clockSkew: skewToTurnIn(3.5, 4) }
  const house = await open(t, { docusign: { ...spent, pollInterval: 0.5 } })
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  await house.ask(`/envelopes/${id}`)
  await spendHour(house)
  const other = await house.ask(`/envelopes/${id}?include=recipients`, AT_ONCE)
  t.equal(other.headers['x-governor-refusal'], 'poll-too-soon')
  t.equal(other.headers['x-ratelimit-remaining'], '0')
  const seconds = numberIn(other, 'retry-after')
  t.ok(seconds >= 2, 'not the rest of the interval, which is less')
  t.match(String(other.body), `it can be in ${seconds} s.`)
  await pause(other.endedMs + seconds * 1000 - performance.now())
  t.equal((await house.ask(`/envelopes/${id}?include=recipients`, AT_ONCE)).status, 200)
})

void t.test('a write lets one read of each resource pass', async t => {
  const house = await open(t)
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  const path = `/envelopes/${id}`
  await house.ask(path)
  const write = {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"status":"voided","voidedReason":"no"}',
  }
  const voided = await house.ask(path, write)
  t.equal(voided.status, 200)
  const after = await house.ask(path)
  t.match(String(after.body), /"status":"voided"/, 'never the state from before')
  t.equal(outcome(after), 'forwarded docusign-governor; fwd=miss; stored')
  t.match(outcome(await house.ask(path)), /^remembered/)
})

void t.test('what a refusal took is read again once, however many wait to', async t => {
  const house = await open(t, { docusign: { burstLimit: 4, burstWindow: 0.5 } })
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  const path = `/envelopes/${id}/recipients`
  t.equal((await house.ask(path)).status, 200)
  t.equal((await house.ask(`/envelopes/${id}/documents/99`)).status, 404)
  while (numberIn(await house.ask('/folders'), 'x-burstlimit-remaining') > 0);
  const told = await Promise.all(['?one', '?other'].map(query => house.ask(path + query)))
  t.strictSame(told.map(({ status }) => status).sort(), [200, 429])
  t.equal(arrivalsAt(house, path), 2)
})

void t.test('two hundred equal GETs at once are one call', async t => {
  const house = await open(t)
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  const path = `/envelopes/${id}`
  await house.ask('')
  house.simulator.faults.set([{ kind: 'none', latencyMs: 200 }])
  const told = await Promise.all(Array.from({ length: 200 }, () => house.ask(path)))
  t.ok(told.every(({ status }) => status === 200))
  t.equal(new Set(told.map(({ body }) => String(body))).size, 1)
  t.equal(arrivalsAt(house, path), 1)
})

void t.test('a leader who leaves leaves his question to those who wait', async t => {
  const house = await open(t)
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  const path = `/envelopes/${id}`
  await house.ask('')
  house.simulator.faults.set([{ kind: 'none', latencyMs: 300 }])
  const leader = house.send(path)
  await until('it to be asked', () => arrivalsAt(house, path) === 1)
  const others = Array.from({ length: 199 }, () => house.ask(path))
  await pause(20)
  leader.leave()
  await leader.told.catch(() => undefined)
  const told = await Promise.all(others)
  t.ok(told.every(({ status }) => status === 200))
  t.equal(arrivalsAt(house, path), 1)
})

/* Each rule of the shield that `mutations.ts` takes out, where no unit test notices. */

const IN_JSON = { 'content-type': 'application/json' }

function tokenOf(house: Governed, user: number): { readonly authorization: string } {
  const token = house.simulator.issueToken(house.simulator.users()[user]?.userId ?? '')
  return { authorization: `Bearer ${token}` }
}

function reason({ headers }: Told): string | undefined {
  return headers['x-governor-refusal'] as string | undefined
}

void t.test(
  'rule: a copy is for its own viewer, asking for the same, with a token that was taken',
  async t => {
    const house = await open(t)
    const [id = ''] = house.simulator.addEnvelopes({ status: 'completed' })
    const path = `/envelopes/${id}`
    await house.ask(path)
    t.match(outcome(await house.ask(path)), /^remembered/)
    t.match(outcome(await house.ask(path, { headers: tokenOf(house, 0) })), /^remembered/, 'his next token')
    // With one sign changed, so that all that can be read in it is as it was.
    const forged = {
      authorization: `Bearer ${house.token.slice(0, -1)}${house.token.endsWith('A') ? 'B' : 'A'}`,
    }
    for (const [whose, headers] of Object.entries({
      'in XML': { accept: 'application/xml' },
      compressed: { 'accept-encoding': 'gzip' },
      'another user': tokenOf(house, 1),
      'a forged token': forged,
      'acting for another': { 'x-docusign-act-on-behalf': 'sue@example.com' },
    })) {
      const before = arrivalsAt(house, path)
      // Of an app of its own, so that no interval stands in its way.
      const told = await house.ask(path, { headers, app: whose.replaceAll(' ', '-') })
      t.match(outcome(told), /^forwarded/, `${whose}: DocuSign is asked`)
      t.equal(arrivalsAt(house, path), before + 1)
      if (whose === 'a forged token') t.equal(told.status, 401)
    }
  },
)

void t.test(
  'rule: DocuSign’s acceptance of a token is believed for a while, and until it says no',
  async t => {
    const settings = { GOVERNOR_IDENTITY_RECHECK: '1', GOVERNOR_IDENTITY_INTROSPECT: 'false' }
    const house = await open(t, { docusign: { pollInterval: 0.01 }, settings })
    const [id = '', other = ''] = house.simulator.addEnvelopes({ status: 'completed', count: 2 })
    const path = `/envelopes/${id}`
    await house.ask(path)
    t.match(outcome(await house.ask(path)), /^remembered/)
    await pause(1_020)
    t.match(outcome(await house.ask(path)), /^forwarded/, 'it must be accepted again')
    t.match(outcome(await house.ask(path)), /^remembered/)
    house.simulator.faults.set([{ kind: 'status', status: 401, match: { envelope: other } }])
    t.equal((await house.ask(`/envelopes/${other}`)).status, 401)
    await pause(20)
    t.match(outcome(await house.ask(path)), /^forwarded/, 'a 401 forgets it')
  },
)

for (const status of [403, 404]) {
  void t.test(`rule: a ${status} on anything of an envelope drops the copies of who heard it`, async t => {
    const house = await open(t)
    const [id = ''] = house.simulator.addEnvelopes({ status: 'completed' })
    const path = `/envelopes/${id}`
    await house.ask(path)
    house.simulator.faults.set([{ kind: 'status', status, times: 1 }])
    t.equal((await house.ask(`${path}/recipients`)).status, status)
    const after = await house.ask(path)
    t.match(outcome(after), /^forwarded/, 'there is no copy, and what was lost may be read once more')
    house.simulator.faults.set([{ kind: 'status', status, times: 1 }])
    t.equal((await house.ask(`${path}/recipients`)).status, status)
    t.match(outcome(await house.ask(path)), /^remembered/, 'the same refusal again is no news')
    t.equal(arrivalsAt(house, path), 2)
  })
}

void t.test(
  'rule: final is what was fetched when its end was known, and never what may still change',
  async t => {
    const house = await open(t, { docusign: { pollInterval: 1 } })
    const [id = ''] = house.simulator.addEnvelopes({ status: 'completed' })
    const [recipients, events] = [`/envelopes/${id}/recipients`, `/envelopes/${id}/audit_events`]
    await house.ask(recipients)
    t.match(outcome(await house.ask(recipients)), /hit; ttl=0$/, 'a poll, as nobody knows of an end')
    await house.ask(`/envelopes/${id}`)
    await house.ask(events)
    t.match(outcome(await house.ask(events)), /hit; ttl=0$/, 'a poll for ever')
    await pause(1_030)
    t.match(outcome(await house.ask(recipients)), /^forwarded/, 'it may be of before the end')
    t.match(outcome(await house.ask(events)), /^forwarded/)
    t.match(outcome(await house.ask(recipients)), /hit; ttl=863\d\d$/, 'now it is final')
  },
)

void t.test('rule: a write drops copies, those that are on their way among them', async t => {
  const house = await open(t)
  const [done = '', open_ = ''] = [
    ...house.simulator.addEnvelopes({ status: 'completed' }),
    ...house.simulator.addEnvelopes({ status: 'sent' }),
  ]
  const bin = { method: 'PUT', headers: IN_JSON, body: JSON.stringify({ envelopeIds: [done] }) }
  await house.ask(`/envelopes/${done}`)
  t.equal((await house.ask('/folders/recyclebin', bin)).status, 200)
  t.match(outcome(await house.ask(`/envelopes/${done}`)), /^forwarded/, 'what was final is asked for again')

  const path = `/envelopes/${open_}`
  house.simulator.faults.set([{ kind: 'none', latencyMs: 300, match: { method: 'GET' } }])
  const slow = house.ask(path)
  await until('it to be asked', () => arrivalsAt(house, path) === 1)
  const subject = { method: 'PUT', headers: IN_JSON, body: '{"emailSubject":"new"}' }
  t.equal((await house.ask(path, subject)).status, 200)
  t.equal((await slow).status, 200)
  house.simulator.faults.clear()
  const head = await house.ask(path, { method: 'HEAD' })
  t.match(outcome(head), /^forwarded/, 'what was asked before the write is not kept')
  t.match(outcome(await house.ask(path)), /^forwarded/)
  t.match(outcome(await house.ask(path)), /^remembered/)
})

void t.test(
  'rule: an interval begins with the answer, and while that is awaited nobody else may ask',
  async t => {
    const house = await open(t, { docusign: { pollInterval: 1 } })
    const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
    const path = `/envelopes/${id}`
    await house.ask('')
    house.simulator.faults.set([{ kind: 'none', latencyMs: 800 }])
    const first = house.ask(path)
    await until('it to be asked', () => arrivalsAt(house, path) === 1)
    const other = await house.ask(`${path}?include=recipients`)
    t.equal(reason(other), 'poll-too-soon', 'it was told when the first one was answered')
    t.ok(other.endedMs - (await first).endedMs > -50)
    await pause(300)
    t.match(outcome(await house.ask(path)), /^remembered/, '1.1 s after it was sent, 0.3 s after its answer')
    t.equal(arrivalsAt(house, path), 1)
  },
)

void t.test(
  'rule: only who may see the same is told along, and a leader who fails sets all free',
  async t => {
    const house = await open(t)
    const [one = '', two = ''] = house.simulator.addEnvelopes({ status: 'sent', count: 2 })
    await house.ask('')
    house.simulator.faults.set([{ kind: 'none', latencyMs: 200 }])
    // So that whose their tokens are is known before.
    const others = tokenOf(house, 1)
    await Promise.all([house.ask('?known'), house.ask('?known', { headers: others })])
    const path = `/envelopes/${one}`
    const told = await Promise.all([house.ask(path), house.ask(path, { headers: others })])
    t.same(
      told.map(outcome).filter(what => what.startsWith('coalesced')),
      [],
    )
    t.equal(arrivalsAt(house, path), 2)

    const failing = `/envelopes/${two}`
    house.simulator.faults.set([
      { kind: 'status', status: 503, times: 1, latencyMs: 200 },
      { kind: 'none', latencyMs: 200 },
    ])
    const [lead, ...rest] = await Promise.all(Array.from({ length: 4 }, () => house.ask(failing)))
    t.equal(lead?.status, 503)
    t.same(
      rest.map(({ status }) => status),
      [200, 200, 200],
    )
    t.equal(arrivalsAt(house, failing), 2, 'the next one has led')
    const nothing = '/envelopes/00000000-0000-4000-8000-000000000000'
    const missed = await Promise.all(Array.from({ length: 3 }, () => house.ask(nothing)))
    t.same(
      missed.map(({ status }) => status),
      [404, 404, 404],
    )
    t.equal(arrivalsAt(house, nothing), 1, 'an error is told along to one and the same token')
    const along = [...rest, ...missed].filter(one => outcome(one).startsWith('coalesced'))
    t.equal(along.length, 4)
    for (const { headers } of along) {
      t.equal(headers['x-docusign-tracetoken'], undefined)
      t.equal(headers['x-ratelimit-remaining'], undefined)
    }
  },
)

void t.test('rule: a restart forgets no interval, no write and no copy, and a purge all copies', async t => {
  const settings = {
    GOVERNOR_STATE_KIND: 'embedded',
    GOVERNOR_STATE_PATH: t.testdir(),
    GOVERNOR_CACHE_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  }
  const house = await open(t, { settings })
  const [kept = '', purged = '', written = ''] = house.simulator.addEnvelopes({
    status: 'completed',
    count: 3,
  })
  for (const id of [kept, purged]) await house.ask(`/envelopes/${id}`)
  const purge = { method: 'POST', headers: IN_JSON, body: JSON.stringify({ envelope: purged }) }
  t.same(await (await fetch(`${house.governor.adminUrl}/cache/purge`, purge)).json(), { removed: 1 })
  t.equal(reason(await house.ask(`/envelopes/${purged}`)), 'poll-too-soon', 'it is gone, the interval is not')
  // The write comes between the GET and its answer, so one more GET may follow.
  house.simulator.faults.set([{ kind: 'none', latencyMs: 300, match: { method: 'GET', envelope: written } }])
  const slow = house.ask(`/envelopes/${written}`)
  await until('it to be asked', () => arrivalsAt(house, written) === 1)
  await house.ask(`/envelopes/${written}/views/sender`, { method: 'POST', headers: IN_JSON, body: '{}' })
  t.equal((await slow).status, 200)
  await house.governor.stop()

  const again = await startGovernor(house.url, { ...settings, GOVERNOR_LIMITS_HOUR_LIMIT: '100000' })
  t.teardown(() => again.stop())
  const ask = async (id: string) => {
    const path = `/restapi/v2.1/accounts/${house.accounts[0]?.id}/envelopes/${id}`
    const asking = http.get(`${again.url}${path}`, { headers: { authorization: `Bearer ${house.token}` } })
    const [{ headers }] = (await once(asking, 'response')) as [http.IncomingMessage]
    return `${String(headers['x-governor-outcome'])} ${String(headers['x-governor-refusal'])}`
  }
  t.equal(await ask(purged), 'refused poll-too-soon', 'no copy of it came back')
  t.equal(await ask(written), 'forwarded undefined', 'it was written to since it was asked')
  t.equal(await ask(written), 'remembered undefined')
  t.equal(await ask(kept), 'remembered undefined')
})

void t.test('who waits for a leader that is held when the house shuts down is told as he is', async t => {
  const docusign = { hourLimit: 20, hourWindow: 3600, burstLimit: 100, burstWindow: 0.5 }
  const house = await open(t, { docusign, settings: { GOVERNOR_SHUTDOWN_TIMEOUT: '2' } })
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  await house.ask('')
  // The burst window is held shut by DocuSign's own word.
  house.simulator.faults.set([{ kind: 'status', status: 444, body: 'html', times: 1 }])
  await house.ask('?blocked', AT_ONCE)
  const patient = { headers: { prefer: 'wait=600' } }
  house.governor.reload({ GOVERNOR_QUEUE_MAX_WAIT: '600' })
  const before = house.entries.length
  const waiting = Promise.all(Array.from({ length: 10 }, () => house.ask(`/envelopes/${id}`, patient)))
  await until('all to have come in', () => house.entries.length === before + 10)
  const stoppedMs = performance.now()
  await house.governor.stop()
  t.ok(performance.now() - stoppedMs < 1_950, 'before its time was over')
  t.same([...new Set((await waiting).map(reason))], ['shutting-down'])
})

void t.test('who leaves while his question is held has spent nothing, and holds nobody up', async t => {
  const docusign = { hourLimit: 1_000, hourWindow: 3600, burstLimit: 3, burstWindow: 0.8 }
  const house = await open(t, { docusign })
  const ids = house.simulator.addEnvelopes({ status: 'sent', count: 20 })
  const [stays = '', ...rest] = ids
  await Promise.all(['?a', '?b', '?c'].map(path => house.ask(path)))
  const leaving = rest.map(id => house.send(`/envelopes/${id}`))
  await until('all to have come in', () => house.entries.length === 3 + rest.length)
  const staying = house.ask(`/envelopes/${stays}`)
  await until('him to have come in', () => house.entries.length === 4 + rest.length)
  for (const { leave } of leaving) leave()
  const told = await staying
  t.equal(told.status, 200)
  t.ok(told.endedMs - told.askedMs < 1_500, 'he was next')
  t.equal(house.simulator.report().calls.total, 4)
  t.match(outcome(await house.ask(`/envelopes/${rest[0]}`)), /^forwarded/, 'no interval has begun')
})

void t.test('rule: accepted on one account is not accepted on another', async t => {
  const settings = { GOVERNOR_IDENTITY_RECHECK: '0.4', GOVERNOR_IDENTITY_INTROSPECT: 'false' }
  const house = await open(t, { docusign: { pollInterval: 0.01, accounts: 2 }, settings })
  const [id = ''] = house.simulator.addEnvelopes({ status: 'completed' })
  const path = `/envelopes/${id}`
  await house.ask(path)
  t.match(outcome(await house.ask(path)), /^remembered/)
  await pause(420)
  const elsewhere = await house.ask(`//accounts/${house.accounts[1]?.id}/users`)
  t.equal(elsewhere.status, 200)
  t.match(outcome(await house.ask(path)), /^forwarded/, 'DocuSign is asked whether it still is on this one')
  await pause(420)
  t.equal((await house.ask('/users')).status, 200)
  t.match(outcome(await house.ask(path)), /^remembered/, 'it is')
})

function withVault(t: Test): Readonly<Record<string, string>> {
  return {
    GOVERNOR_STATE_KIND: 'embedded',
    GOVERNOR_STATE_PATH: t.testdir(),
    GOVERNOR_CACHE_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  }
}

void t.test('a large copy that takes the place of another is there', async t => {
  const house = await open(t, { docusign: { pollInterval: 0.6 }, settings: withVault(t) })
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent', documentBytes: 300_000 })
  const path = `/envelopes/${id}/documents/1`
  for (let rounds = 0; rounds < 2; rounds++) {
    t.match(outcome(await house.ask(path)), /^forwarded/)
    t.match(outcome(await house.ask(path)), /^remembered/)
    await pause(620)
  }
})

void t.test('an error that breaks off holds up nobody who waits for it', async t => {
  let calls = 0
  const docusign = http.createServer((req, res) => {
    if (!req.url?.includes('/envelopes/') || calls++ > 0) return void res.end('{}')
    setTimeout(() => {
      res.writeHead(400, { 'content-type': 'application/json', 'content-length': 100 })
      res.write('{"errorCode":')
      setTimeout(() => res.destroy(), 20)
    }, 150)
  })
  docusign.listen(0, '127.0.0.1')
  await once(docusign, 'listening')
  t.teardown(() => docusign.close())
  const { port } = docusign.address() as AddressInfo
  const governor = await startPassing(`http://127.0.0.1:${port}`, { GOVERNOR_IDENTITY_INTROSPECT: 'false' })
  t.teardown(() => governor.stop())
  const url = `${governor.url}/restapi/v2.1/accounts/1/envelopes/7a5f1e05-6b6b-445e-9ec0-b8531bacca38`
  const ask = () => fetch(url, { headers: { authorization: 'Bearer a' } }).then(({ status }) => status)
  const leader = ask().catch(() => 'cut')
  await until('it to be asked', () => calls === 1)
  const waiting = Promise.all([ask(), ask()])
  t.same(await Promise.race([waiting, pause(2_000, 'they wait for ever', { ref: false })]), [200, 200])
  await leader
})

const FILES = '/proc/self/fd'

void t.test(
  'no file stays open for who left before a copy past its age could answer him',
  { skip: !existsSync(FILES) && 'there is no list of open files here' },
  async t => {
    const settings = {
      ...withVault(t),
      GOVERNOR_CACHE_TERMINAL_MAX_AGE: '0.2',
      GOVERNOR_CACHE_STALE_IF_ERROR: '600',
      GOVERNOR_UPSTREAM_MAX_SOCKETS: '2',
    }
    const house = await open(t, { docusign: { pollInterval: 0.2 }, settings })
    const [id = '', other = ''] = house.simulator.addEnvelopes({
      status: 'completed',
      documentBytes: 300_000,
      count: 2,
    })
    const path = `/envelopes/${id}/documents/1`
    await house.ask(`/envelopes/${id}`)
    t.match(outcome(await house.ask(path)), /stored$/)
    await pause(250)
    // The one connection of its account is taken, so it is not sent yet when its caller leaves.
    house.simulator.faults.set([{ kind: 'none', latencyMs: 700, match: { envelope: other } }])
    const busy = house.ask(`/envelopes/${other}`)
    await until('that to be asked', () => arrivalsAt(house, other) === 1)
    const leaving = house.send(path)
    await until('it to come', () => house.entries.filter(target => target.endsWith(path)).length === 2)
    await pause(50)
    leaving.leave()
    await pause(150)
    const isCopy = (file: string) => {
      try {
        return readlinkSync(`${FILES}/${file}`).includes('/copies/')
      } catch {
        return false
      }
    }
    t.equal(readdirSync(FILES).filter(isCopy).length, 0)
    await busy
  },
)

void t.test('what is too long to be a list of accounts keeps no connection', async t => {
  let isLetGo = false
  const docusign = http.createServer((_, res) => {
    res.on('close', () => (isLetGo = true))
    res.end(Buffer.alloc(8_388_608, ' '))
  })
  docusign.listen(0, '127.0.0.1')
  await once(docusign, 'listening')
  t.teardown(() => docusign.close())
  const { port } = docusign.address() as AddressInfo
  const governor = await startPassing(`http://127.0.0.1:${port}`)
  t.teardown(() => governor.stop())
  const { status } = await fetch(`${governor.url}/oauth/userinfo`, { headers: { authorization: 'Bearer a' } })
  t.equal(status, 502)
  await until('it to be let go', () => isLetGo)
})
