/**
 * The shield before the simulator, as both are shipped: what DocuSign is spared, and what is never shown to anyone whom
 * DocuSign would not have shown it. Measured at DocuSign and in the clients' hands.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { open as openHouse, type Governed, type GovernedOptions, type Told } from './fixtures/governed.js'
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
