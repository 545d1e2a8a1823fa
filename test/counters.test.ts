/** After 5,000 mixed calls every counter is what DocuSign, or the clients, counted: the difference is 0. */
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { many, startGoverned, type Asking, type Governed, type Told } from './fixtures/governed.js'

type Counts = Record<string, number>

const CALLS = 5000
const AT_ONCE = 25
/** A day long, so that no hour turns in the middle. */
const DAY = 86_400
const BURST_MS = 1000
const RUSH = 120
const TWINS = 40

function count(counts: Counts, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by
}

/** The sum of each value of one label, of the series that have all of `having`. */
type Scrape = (name: string, label?: string, having?: Readonly<Record<string, string>>) => Counts

async function scrape({ governor }: Governed): Promise<Scrape> {
  const text = await (await fetch(`${governor.adminUrl}/metrics`)).text()
  const samples = [...text.matchAll(/^docusign_governor_(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name = '', inside = '', value]) => {
      const labels: Record<string, string> = {}
      for (const [, label = '', said = ''] of inside.matchAll(/(\w+)="([^"]*)"/g)) labels[label] = said
      return { name, labels, value: Number(value) }
    },
  )
  return (name, label = '', having = {}) => {
    const sums: Counts = {}
    for (const sample of samples) {
      const fits = Object.entries(having).every(([key, value]) => sample.labels[key] === value)
      if (sample.name === name && fits && sample.value > 0) {
        count(sums, sample.labels[label] ?? 'all', sample.value)
      }
    }
    return sums
  }
}

/** What the clients were told, in their own counting. */
interface Clients {
  readonly outcome: Counts
  readonly code: Counts
  readonly app: Counts
  readonly refusal: Counts
  held: number
}

async function ask(house: Governed, clients: Clients, path: string, asking: Asking = {}): Promise<Told> {
  const told = await house.ask(path, asking)
  const { headers, status } = told
  count(clients.outcome, String(headers['x-governor-outcome']))
  count(clients.code, String(status))
  count(clients.app, asking.app ?? 'other')
  if (typeof headers['x-governor-refusal'] === 'string') count(clients.refusal, headers['x-governor-refusal'])
  if (headers['x-governor-wait'] !== undefined) clients.held++
  return told
}

/** Copies and polls, refusals, waits, twins, faults and writes; then a rush, and calls of others. */
async function drive(house: Governed, clients: Clients, calls: number, foreign: Counts): Promise<void> {
  const [one = '', two = ''] = house.accounts.map(({ id }) => id)
  const over = house.simulator.addEnvelopes({ status: 'completed', count: 40 })
  const sent = house.simulator.addEnvelopes({ status: 'sent', count: 400 })
  const pick = (ids: readonly string[], i: number) => ids[i % ids.length] ?? ''
  const json = { 'content-type': 'application/json' }
  const kinds: readonly ((i: number) => Promise<unknown>)[] = [
    i => ask(house, clients, `/envelopes/${pick(over, i)}`, { app: 'crm' }),
    i => ask(house, clients, `/envelopes/${pick(over, i)}/recipients`, { app: 'billing' }),
    i => ask(house, clients, `/envelopes/${pick(sent, i)}`, { app: 'crm' }),
    i => ask(house, clients, `/envelopes/${pick(sent, i)}/documents`, { app: 'crm' }),
    i => ask(house, clients, `/envelopes/${pick(sent, i - 2)}?include=recipients`, { app: 'crm' }),
    i => ask(house, clients, `/envelopes?from_date=2020-01-01&n=${i}`),
    i => ask(house, clients, `//accounts/${two}/templates?n=${i}`, { app: 'billing' }),
    i => ask(house, clients, `//accounts/${two}/folders?n=${i}`, { headers: { prefer: 'wait=0' } }),
    () => ask(house, clients, '/envelopes', { method: 'POST', headers: json, body: '{"status":"created"}' }),
    () => ask(house, clients, '/no/such/thing', { app: 'unheard-of' }),
    () => ask(house, clients, '/a//path'),
    () => ask(house, clients, '/folders', { headers: { authorization: 'Bearer nobody-knows-this-one' } }),
    () => ask(house, clients, '/users'),
    () => ask(house, clients, '/users'),
    i => {
      const body = JSON.stringify({ emailSubject: `Changed ${i}` })
      return ask(house, clients, `/envelopes/${pick(sent, i)}`, {
        app: 'crm',
        method: 'PUT',
        headers: json,
        body,
      })
    },
    i => ask(house, clients, `/envelopes/${pick(sent, i - 1)}`, { app: 'crm' }),
  ]
  await ask(house, clients, '/folders')
  await ask(house, clients, `//accounts/${two}/folders`)
  house.simulator.faults.set([
    { kind: 'status', status: 503, probability: 0.1, match: { pathIncludes: '/folders' } },
    { kind: 'reset-before', probability: 0.01, match: { method: 'GET', pathIncludes: '/templates' } },
  ])
  const left = many(calls - 2, i => i)
  await Promise.all(
    many(AT_ONCE, async () => {
      for (let i = left.pop(); i !== undefined; i = left.pop()) await kinds[i % kinds.length]?.(i)
    }),
  )
  house.simulator.faults.set([{ kind: 'none', latencyMs: 200 }])
  await Promise.all(many(TWINS, () => ask(house, clients, '/users?twins')))
  house.simulator.faults.clear()
  // A rush against a burst window that has become small.
  await house.control('/limits', { burst: RUSH / 2 })
  await pause(BURST_MS)
  await ask(house, clients, '/folders?learn')
  const patience = (i: number) => ({ app: 'billing', headers: { prefer: `wait=${i % 3 === 0 ? 0 : 30}` } })
  await Promise.all(many(RUSH, i => ask(house, clients, `/folders?rush=${i}`, patience(i))))
  // Alone, so that whom DocuSign refuses is one of ours; then the last word on what others spent.
  await pause(1.1 * BURST_MS)
  for (let i = 0; i < 30; i++) {
    count(foreign, one)
    await house.askDirectly('/folders')
  }
  await ask(house, clients, '/folders?last')
}

for (const mode of ['enforce', 'observe'] as const) {
  void t.test(`${CALLS / 2} mixed calls, and limits: ${mode}`, async t => {
    const house = await startGoverned({
      docusign: {
        accounts: 2,
        hourWindow: DAY,
        hourLimit: 100_000,
        burstLimit: 100_000,
        burstWindow: BURST_MS / 1000,
        pollInterval: 900,
      },
      settings: { GOVERNOR_LIMITS_MODE: mode, GOVERNOR_POLLING_MODE: mode },
      files: [`${t.testdir({ 'apps.yaml': 'apps: { crm: {}, billing: {} }\n' })}/apps.yaml`],
    })
    t.teardown(() => house.stop())
    const clients: Clients = { outcome: {}, code: {}, app: {}, refusal: {}, held: 0 }
    const foreign: Counts = {}
    await drive(house, clients, CALLS / 2, foreign)

    const of = await scrape(house)
    const report = house.simulator.report()
    const sum = (counts: Counts) => Object.values(counts).reduce((all, each) => all + each, 0)
    const asked = CALLS / 2 + TWINS + RUSH + 2
    const direct = sum(foreign)

    // In the clients' hands.
    t.strictSame(of('requests_total'), { all: asked })
    t.strictSame(of('requests_total', 'outcome'), clients.outcome)
    t.strictSame(of('requests_total', 'code'), clients.code)
    const { 'unheard-of': unheard = 0, other = 0, ...named } = clients.app
    t.strictSame(of('requests_total', 'app'), { ...named, other: other + unheard })
    t.strictSame(of('refusals_total', 'reason', { mode: 'enforce' }), clients.refusal)
    t.strictSame(of('request_duration_seconds_count', 'outcome'), clients.outcome)
    t.strictSame(of('overhead_seconds_count'), { all: asked })
    t.equal(sum(of('queue_wait_seconds_count')), clients.held)
    t.strictSame(of('calls_saved_total', 'by')['coalesce'] ?? 0, clients.outcome['coalesced'] ?? 0)
    t.equal(
      sum(of('calls_saved_total')),
      (clients.outcome['remembered'] ?? 0) + (clients.outcome['coalesced'] ?? 0),
    )
    t.equal(of('polls_total', 'result')['refused'] ?? 0, clients.refusal['poll-too-soon'] ?? 0)

    // At DocuSign; who called past the governor is no call of ours.
    t.equal(sum(of('upstream_requests_total')), report.arrivals - direct)
    t.equal(sum(of('upstream_duration_seconds_count')), report.arrivals - direct)
    const statuses: Counts = { ...report.oauth.byStatus }
    for (const [code, times] of Object.entries(report.calls.byStatus)) count(statuses, code, times)
    count(statuses, '200', -direct)
    t.strictSame(of('upstream_requests_total', 'code'), statuses)
    const methods: Counts = { ...report.calls.byMethod }
    count(methods, 'GET', report.oauth.total - direct)
    t.strictSame(of('upstream_requests_total', 'method'), methods)
    const accounts: Counts = { ...report.calls.byAccount }
    for (const [account, times] of Object.entries(foreign)) count(accounts, account, -times)
    count(accounts, 'none', report.oauth.total)
    t.strictSame(of('upstream_requests_total', 'account'), accounts)
    t.strictSame(of('foreign_calls_total', 'account'), foreign)
    t.equal(sum(of('throttled_total', '', { origin: 'docusign' })), report.blocked)
    t.equal(sum(of('calls_while_blocked_total')), report.callsWhileBlocked)
    const { observed = 0, read_after_write: afterWrite = 0 } = of('polls_total', 'result')
    t.equal(observed + afterWrite, report.pollsTotal)

    // In the log.
    const lines = house.governor.lines.map(line => JSON.parse(line) as { msg: string; level: string })
    const levels: Counts = {}
    for (const { level } of lines) count(levels, level)
    t.strictSame(of('log_lines_total', 'level'), levels)
    t.equal(lines.filter(({ msg }) => msg === 'call').length, asked)
    // Nothing of this was an easy 0.
    const { remembered = 0, coalesced = 0, refused = 0 } = clients.outcome
    t.ok(remembered > 100 && coalesced > 20 && refused > 100, JSON.stringify(clients))
    if (mode === 'enforce') {
      t.ok(clients.held > 10 && (clients.refusal['burst-spent'] ?? 0) > 5 && report.blocked === 0)
      t.ok((clients.refusal['poll-too-soon'] ?? 0) > 50)
    } else t.ok(report.callsWhileBlocked > 20 && observed > 100)
  })
}
