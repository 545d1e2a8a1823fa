/** `plan`: what it says of traffic that was, and that what it says of traffic that could be hangs together. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { TraceRecord } from '../src/base/trace.js'
import { traceHeaderLine, traceLine } from '../src/base/trace.js'
import { loadConfig } from '../src/config/load.js'
import { showFaults } from '../src/config/show.js'
import { readCondition } from '../src/plan/fail-if.js'
import { figuresOf, type Figures } from '../src/plan/figures.js'
import { findTrace, readTrace } from '../src/plan/read-trace.js'
import { runPlan, type PlanEnd } from '../src/replay/command.js'
import { replay } from '../src/replay/replay.js'
import { startGoverned } from './fixtures/governed.js'
import { ROOT, settingsOf } from './fixtures/governor.js'

const A = '/v2.1/accounts/{accountId}'
const E = `${A}/envelopes/{envelopeId}`
/** Of the run that is lived. */
const HOUR_MS = 8_000
const EPOCH_MS = Date.UTC(2026, 10, 25, 9, 0)

/** A call that was answered, without anything that a test does not speak of. */
function call(over: Partial<TraceRecord>): TraceRecord {
  const method = over.method ?? 'GET'
  return {
    atMs: EPOCH_MS,
    app: 'appappappapp',
    account: 'accaccaccacc',
    envelope: '',
    resource: 'resresresres',
    representation: '',
    viewer: 'vievievievie',
    route: A,
    service: 'api',
    method,
    methodClass: method === 'GET' ? 'read' : 'write',
    priority: undefined,
    patienceMs: undefined,
    sharing: 'all',
    neverFinal: false,
    outcome: 'forwarded',
    status: 200,
    reason: undefined,
    waitMs: 0,
    heldBy: undefined,
    durationMs: 100,
    attempts: [{ status: 200, ms: 100, refusedFor: undefined }],
    saved: undefined,
    poll: undefined,
    bytes: 500,
    cut: false,
    kept: false,
    ended: undefined,
    limits: undefined,
    ...over,
  }
}

const send = (atMs: number): TraceRecord =>
  call({ atMs: EPOCH_MS + atMs, method: 'POST', route: `${A}/envelopes`, status: 201 })

async function* stream(records: readonly TraceRecord[]): AsyncGenerator<TraceRecord> {
  await Promise.resolve()
  yield* records
}

async function replayed(
  records: AsyncIterable<TraceRecord>,
  settings: Readonly<Record<string, string>> = {},
): Promise<Figures> {
  const config = settingsOf(settings)
  const end = await replay(
    records,
    {
      config,
      hourLimit: { forced: undefined, start: config.limits.hour.limit },
      burstLimit: { forced: undefined, start: config.limits.burst.limit },
      connect: false,
      variation: { seed: 0, grow: 1, apps: new Map(), split: 1, spreadMs: 60_000 },
    },
    {
      names: { app: hash => hash, account: hash => hash },
      whenIdle: run => process.nextTick(run),
    },
  )
  return figuresOf(
    { ...end, name: 'test', intervalSeconds: config.polling.interval },
    { limitForOneSecond: undefined, reached: undefined },
  )
}

interface Planned {
  readonly end: PlanEnd
  readonly said: string
  readonly complained: string
}

async function planned(...argv: string[]): Promise<Planned> {
  const said: string[] = []
  const complained: string[] = []
  const end = await runPlan(argv, {
    say: text => void said.push(text),
    complain: text => void complained.push(text),
    show: () => undefined,
    columns: 0,
    width: 100,
    nowMs: () => 0,
    whenIdle: run => process.nextTick(run),
    loadConfig: (files, texts) =>
      loadConfig({ files: [new URL('config/default.yaml', ROOT).pathname, ...files], env: {}, texts }),
    showFaults: ({ faults }) => showFaults(faults),
    costsFile: new URL('config/plan/costs.yaml', ROOT).pathname,
    readFile: path => readFileSync(path, 'utf8'),
    writeFile: (path, text) => writeFileSync(path, text),
  })
  return { end, said: said.join('\n'), complained: complained.join('\n') }
}

const modelOf = (name: string) => new URL(`config/plan/${name}.yaml`, ROOT).pathname
const scenariosIn = ({ said }: Planned) => (JSON.parse(said) as { scenarios: Figures[] }).scenarios

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'plan-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const isNear = (t: Test, is: number, was: number, share: number, what: string) =>
  t.ok(Math.abs(is - was) <= Math.max(1, was * share), `${what}: ${is} replayed, ${was} lived`)

void t.test('a run that was lived is replayed as it was', async t => {
  const path = folder(t)
  const settings = {
    GOVERNOR_TRACE_PATH: path,
    GOVERNOR_QUEUE_MAX_WAIT: '1.5',
    GOVERNOR_POLLING_INTERVAL: '2',
  }
  const docusign = {
    hourLimit: 100,
    hourWindow: HOUR_MS / 1000,
    burstLimit: 30,
    burstWindow: 0.7,
    pollInterval: 2,
    latencyMs: 15,
  }
  const house = await startGoverned({ docusign: { ...docusign, accounts: 1 }, settings })
  const open = house.simulator.addEnvelopes({ status: 'sent', count: 12 })
  const over = house.simulator.addEnvelopes({ status: 'completed', count: 6 })
  const asks: Promise<unknown>[] = []
  // The hour turns three seconds from now, whenever the test starts.
  await pause((2 * HOUR_MS - 3_000 - (Date.now() % HOUR_MS)) % HOUR_MS)
  // What hangs on which of two calls was a millisecond earlier is left out: the machine's mood is not in the trace.
  await house.ask('/templates', { app: 'crm' })
  for (let n = 0; n < 70; n++) {
    asks.push(house.ask(`/envelopes/${open[n % open.length] ?? ''}`, { app: 'crm' }))
    asks.push(house.ask(`/envelopes/${over[n % over.length] ?? ''}`, { app: 'archive' }))
    await pause(30)
    if (n > 10) asks.push(house.ask(`/envelopes/${over[n % 3] ?? ''}/documents/1`, { app: 'archive' }))
    if (n % 7 === 0) asks.push(house.ask(`/folders`), house.ask(`/folders`))
    for (let i = 0; i < (n % 20 < 4 ? 7 : 1); i++) asks.push(house.ask(`/templates?n=${n}.${i}`, { app: 'crm' }))
    await pause(40)
  }
  await Promise.all(asks)
  const metrics = await (await fetch(`${house.governor.adminUrl}/metrics`)).text()
  await house.stop()

  const lived: TraceRecord[] = []
  const parts = { onFault: (fault: unknown) => t.fail(JSON.stringify(fault)) }
  for await (const record of readTrace(await findTrace([path]), parts)) lived.push(record)
  const variables = {
    ...settings,
    GOVERNOR_LIMITS_HOUR_LIMIT: '100',
    GOVERNOR_LIMITS_HOUR_WINDOW: String(HOUR_MS / 1000),
    GOVERNOR_LIMITS_BURST_LIMIT: '30',
    GOVERNOR_LIMITS_BURST_WINDOW: '0.7',
  }
  const figures = await replayed(stream(lived), variables)
  const count = (is: (record: TraceRecord) => boolean) => lived.filter(is).length
  t.equal(
    figures.calls.in,
    count(({ service }) => service === 'api'),
    'every call',
  )
  const up = lived
    .filter(({ service }) => service === 'api')
    .reduce((sum, one) => sum + one.attempts.length, 0)
  isNear(t, figures.calls.up, up, 0.01, 'calls up')
  for (const by of ['terminal', 'poll', 'coalesce'] as const)
    isNear(
      t,
      figures.saved[by],
      count(one => one.saved === by),
      0.02,
      by,
    )
  isNear(
    t,
    figures.saved.total,
    count(one => one.saved !== undefined),
    0.01,
    'saved',
  )
  isNear(
    t,
    figures.refused.total,
    count(one => one.outcome === 'refused'),
    0.01,
    'refused',
  )
  const waits = lived.filter(({ attempts }) => attempts.length > 0).map(({ waitMs }) => waitMs)
  waits.sort((a, b) => a - b)
  const p95 = (waits[Math.ceil(0.95 * waits.length) - 1] ?? 0) / 1000
  t.ok(Math.abs(figures.wait.p95 - p95) <= p95 * 0.05, `p95: ${figures.wait.p95} replayed, ${p95} lived`)
  t.ok(p95 > 0.1, 'some waited')
  t.comment(JSON.stringify({ ...figures, course: undefined }))

  // The Capacity dashboard reads these counters; over the whole run, its increases are what they hold.
  const sum = (name: string, labels = '') =>
    [...metrics.matchAll(new RegExp(`^docusign_governor_${name}\\{(.*)\\} (\\S+)$`, 'gm'))]
      .filter(([, all = '']) => all.includes(labels))
      .reduce((total, [, , value]) => total + Number(value), 0)
  isNear(
    t,
    figures.calls.up,
    sum('upstream_requests_total') - sum('upstream_requests_total', 'route="/oauth'),
    0.01,
    'sent',
  )
  isNear(t, figures.saved.total, sum('calls_saved_total'), 0.01, 'spared')
})
