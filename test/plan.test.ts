/** `plan`: what it says of traffic that was, and that what it says of traffic that could be hangs together. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { TraceRecord } from '../src/base/trace.js'
import { traceHeaderLine, traceLine } from '../src/base/trace.js'
import { makeDocusign } from '../src/plan/docusign.js'
import { readCondition } from '../src/plan/fail-if.js'
import type { Figures } from '../src/plan/figures.js'
import { DAY_MS, EPOCH_MS as MODEL_EPOCH_MS, generated } from '../src/plan/generate.js'
import { readModel, type Model } from '../src/plan/model.js'
import { PASSED_ON } from '../src/plan/record.js'
import { readCosts, scaleOf } from '../src/plan/scale.js'
import { varied } from '../src/plan/variation.js'
import { makeVirtualClock } from '../src/plan/virtual-clock.js'
import { runPlan, type PlanEnd } from '../src/replay/command.js'
import { collect } from './fixtures/collect.js'
import { hasChromium, openChromium } from './fixtures/browser.js'
import { makeHandClock } from './fixtures/hand-clock.js'
import { ROOT } from './fixtures/governor.js'
import { replayed, stream } from './fixtures/replayed.js'

const A = '/v2.1/accounts/{accountId}'
const E = `${A}/envelopes/{envelopeId}`
const EPOCH_MS = Date.UTC(2026, 10, 25, 9, 0)

/** A call that was answered, without anything that a test does not speak of. */
function call(over: Partial<TraceRecord>): TraceRecord {
  const method = over.method ?? 'GET'
  return {
    ...PASSED_ON,
    atMs: EPOCH_MS,
    app: 'appappappapp',
    account: 'accaccaccacc',
    envelope: '',
    resource: 'resresresres',
    representation: '',
    viewer: 'vievievievie',
    route: A,
    method,
    methodClass: method === 'GET' ? 'read' : 'write',
    status: 200,
    durationMs: 100,
    attempts: [{ status: 200, ms: 100, refusedFor: undefined }],
    bytes: 500,
    ...over,
  }
}

const send = (atMs: number): TraceRecord =>
  call({ atMs: EPOCH_MS + atMs, method: 'POST', route: `${A}/envelopes`, status: 201 })

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
    clock: makeHandClock(),
    whenIdle: run => process.nextTick(run),
    env: {},
    pathOf: name => fileURLToPath(new URL(name, ROOT)),
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

/** Sends of two hours: none of them can be spared, so that all that differs is what the limits do. */
const sends = fc
  .array(fc.record({ atMs: fc.integer({ min: 0, max: 7_200_000 }), account: fc.constantFrom('a', 'b') }), {
    minLength: 1,
    maxLength: 80,
  })
  .map(all => all.sort((a, b) => a.atMs - b.atMs).map(({ atMs, account }) => ({ ...send(atMs), account })))

void t.test('more limit never means more waiting', async t => {
  const hold = { GOVERNOR_QUEUE_MAX_WAIT: '3600', GOVERNOR_QUEUE_MAX_LENGTH: '10000' }
  const limits = fc.tuple(fc.integer({ min: 5, max: 60 }), fc.integer({ min: 1, max: 60 }))
  const waitsAt = async (records: readonly TraceRecord[], limit: number, window: 'HOUR' | 'BURST') => {
    const own = { ...hold, [`GOVERNOR_LIMITS_${window}_LIMIT`]: String(limit) }
    const { wait, delay } = await replayed(stream(records), own)
    return [wait, delay].flatMap(({ p50, p95, max }) => [p50, p95, max])
  }
  await fc.assert(
    fc.asyncProperty(
      sends,
      limits,
      fc.constantFrom('HOUR', 'BURST'),
      async (records, [limit, more], window) => {
        // A burst is of seconds: they all come at once.
        const own =
          window === 'HOUR' ? records : records.map(one => ({ ...one, atMs: EPOCH_MS + (one.atMs % 20_000) }))
        own.sort((a, b) => a.atMs - b.atMs)
        const less = await waitsAt(own, limit, window)
        const moreWaits = await waitsAt(own, limit + more, window)
        // A second is what DocuSign's clock is told by.
        return moreWaits.every((wait, i) => wait <= (less[i] ?? 0) + 0.01)
      },
    ),
    { numRuns: 10 },
  )
  const tight = await waitsAt(
    Array.from({ length: 60 }, (_, i) => send(i * 1_000)),
    20,
    'HOUR',
  )
  t.ok((tight[5] ?? 0) > 60, 'and with too little there is waiting')
})

void t.test('what is only observed is offered the same calls, and holds none of them', async t => {
  await fc.assert(
    fc.asyncProperty(sends, fc.integer({ min: 2, max: 40 }), async (records, limit) => {
      const limits = { GOVERNOR_LIMITS_HOUR_LIMIT: String(limit) }
      const kept = await replayed(stream(records), limits)
      const observed = await replayed(stream(records), { ...limits, GOVERNOR_LIMITS_MODE: 'observe' })
      t.strictSame(observed.calls.in, kept.calls.in)
      t.strictSame(observed.calls.asked, kept.calls.asked)
      t.strictSame(observed.peak, kept.peak)
      t.equal(observed.held.total + (observed.refused['hour-spent'] ?? 0), 0)
    }),
    { numRuns: 4 },
  )
})

void t.test('the same trace, what-ifs and seed give the same bytes; another seed another draw', async t => {
  const path = folder(t)
  const model = join(path, 'model.yaml')
  writeFileSync(
    model,
    'limit: 1000\napps:\n  crm: { envelopes: 100, open: 3600, poll: 900, documents: 1, lists: 7200 }\n',
  )
  const html = (name: string) => join(path, name)
  const argv = [
    '--model',
    model,
    '--grow',
    '1.4',
    '--apps',
    'crm=1.3',
    '--accounts-split',
    '2',
    '--connect',
    '--json',
  ]
  const [one, two] = [
    await planned(...argv, '--html', html('one.html')),
    await planned(...argv, '--html', html('two.html')),
  ]
  t.equal(one.end, 'done')
  t.equal(one.said, two.said)
  t.equal(readFileSync(html('one.html'), 'utf8'), readFileSync(html('two.html'), 'utf8'))
  t.not((await planned(...argv, '--seed', '7')).said, one.said)
  const [first, second] = scenariosIn(one)
  t.equal(first?.accounts.total, 1)
  t.equal(second?.accounts.total, 2)
  t.ok((second?.calls.in ?? 0) > 1.6 * (first?.calls.in ?? 0), 'grown by 1.4 times 1.3')
  t.ok((second?.saved.connect ?? 0) > 0, 'and what Connect pushes is not asked for')
})

void t.test(
  'DocuSign as it is modelled counts by the hour, and dates its answers when it gives them',
  async t => {
    const clock = makeVirtualClock(EPOCH_MS, run => process.nextTick(run))
    const limit = { forced: 3, start: 3 }
    const windows = {
      hourMs: 3_600_000,
      burstMs: 30_000,
      hourLimit: limit,
      burstLimit: { forced: 9, start: 9 },
    }
    const docusign = makeDocusign(windows, clock)
    const slow = call({ attempts: [{ status: 200, ms: 2_500, refusedFor: undefined }] })
    const arrives = () => {
      const told = docusign.arrived(slow)
      if ('kind' in told) throw new Error(told.kind)
      const at = (name: string) => told.headers[told.headers.indexOf(name) + 1]
      return { status: told.status, date: at('Date'), left: at('X-RateLimit-Remaining') }
    }
    const dated = new Date(EPOCH_MS + 2_000).toUTCString()
    t.same(arrives(), { status: 200, date: dated, left: '2' }, 'its clock is told by when it answers')
    const spent = { hourLimit: 3, burstLimit: 9, resetAtSeconds: undefined, others: 1 }
    docusign.heard(call({ limits: spent }))
    t.match(arrives(), { status: 200, left: '0' }, 'another’s call counts as well')
    t.match(arrives(), { status: 429, left: '0' })
    await clock.passTo(3_600_000)
    t.match(arrives(), { status: 200, left: '2' }, 'until the hour turns')
  },
)

void t.test('one moment is over before the next one comes', async t => {
  const clock = makeVirtualClock(0, run => process.nextTick(run))
  const seen: string[] = []
  const late = async (name: string) => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
    seen.push(`${name} at ${clock.nowMs()}`)
  }
  clock.after(10, () => void late('a'))
  clock.after(20, () => void late('b'))
  t.equal(clock.passTo(5), undefined, 'nothing was due')
  await clock.passTo(30)
  t.same(seen, ['a at 10', 'b at 20'])
})

void t.test(
  'what is held in memory grows no more from the second day on, however many calls there are',
  async t => {
    // Of every envelope a lot of looks, because it is known for good that one has ended, up to half a million of them.
    const model = readModel({
      accounts: 20,
      weekends: true,
      office: '0-24',
      apps: { crm: { envelopes: 400, open: 21_600, poll: 1_000, documents: 2 } },
    })
    if (!('apps' in model)) throw new Error(model.join('; '))
    const held: { readonly calls: number; readonly bytes: number }[] = []
    async function* days() {
      let calls = 0
      let batch: TraceRecord[] = []
      for (const record of generated(model as Model, 5, 0)) {
        batch.push(record)
        calls++
        if (batch.length < 500) continue
        yield batch
        batch = []
        if (record.atMs < MODEL_EPOCH_MS + (held.length + 1) * DAY_MS - 3_600_000) continue
        collect()
        held.push({ calls, bytes: process.memoryUsage().heapUsed })
      }
    }
    const { calls } = await replayed(days(), { GOVERNOR_CACHE_MAX_BYTES: '1000000' })
    t.ok(calls.up > 30_000, `${calls.up} went up`)
    const [, second, , , last] = held
    if (!second || !last) throw new Error(`${held.length} days`)
    const each = (last.bytes - second.bytes) / (last.calls - second.calls)
    t.comment(held.map(({ calls: seen, bytes }) => `${seen}: ${bytes}`).join(', '))
    t.ok(each < 40, `${each} bytes more for each call`)
  },
)

void t.test('the limit that is said to be enough is enough, and one step less is not', async t => {
  const path = folder(t)
  const model = join(path, 'model.yaml')
  writeFileSync(model, "limit: 20\napps:\n  batch: { envelopes: 60, at: '09:10', within: 600 }\n")
  const argv = ['--model', model, '--days', '0.5', '--json']
  const [found] = scenariosIn(await planned(...argv))
  const limit = found?.limitForOneSecond?.limit ?? 0
  t.ok(limit > 20 && limit <= 70, `${limit}`)
  for (const [at, isEnough] of [
    [limit, true],
    [limit - 10, false],
  ] as const) {
    const [, what] = scenariosIn(await planned(...argv, '--set', `limits.hour.limit=${at}`))
    t.equal((what?.delay.p95 ?? 99) <= 1, isEnough, `at ${at}: ${what?.delay.p95} s`)
  }
})

void t.test('what is drawn again has all calls of its envelope, and more is more of the same', async t => {
  const records = Array.from({ length: 300 }, (_, i) =>
    call({
      atMs: EPOCH_MS + i * 1_000,
      envelope: `envelope${i % 30}`,
      resource: `resource${i % 60}`,
      route: E,
    }),
  )
  const drawn = async (grow: number) => {
    const all: TraceRecord[] = []
    const variation = { seed: 3, grow, apps: new Map<string, number>(), split: 1, spreadMs: 60_000 }
    for await (const batch of varied(stream(records), variation)) all.push(...batch)
    return all
  }
  const [half, grown, more] = [await drawn(0.5), await drawn(1.5), await drawn(1.8)]
  for (const all of [half, grown, more]) {
    const times = all.map(({ atMs }) => atMs)
    t.strictSame(
      times,
      [...times].sort((a, b) => a - b),
      'by time',
    )
    const counts = new Map<string, number>()
    for (const { envelope } of all) counts.set(envelope, (counts.get(envelope) ?? 0) + 1)
    t.strictSame([...new Set(counts.values())], [10], 'whole envelopes')
  }
  const names = (all: readonly TraceRecord[]) => new Set(all.map(({ envelope }) => envelope))
  t.ok(
    [...names(grown)].every(name => names(more).has(name)),
    'at 1.8 there is all that there is at 1.5',
  )
})

void t.test('the command says what is wrong, and with which exit code', async t => {
  const path = folder(t)
  const file = join(path, 'trace.ndjson')
  const header = traceHeaderLine({ version: 1, key: 'keykeykeykey' })
  const good = traceLine(send(0))
  writeFileSync(
    file,
    `${header}${good}{"at":1\n${good}${header.replace('"version":1', '"version":9')}${good}`,
  )
  const damaged = await planned(file, '--json')
  t.equal(damaged.end, 'done')
  t.match(damaged.complained, `${file}:3: is no JSON`)
  t.match(damaged.complained, `${file}:5: is of version 9`)
  t.equal(scenariosIn(damaged)[0]?.calls.in, 2, 'and the rest is used')

  writeFileSync(file, header)
  t.match(await planned(file), { end: 'failed', complained: /no call/ })
  for (const [argv, says] of [
    [[], /needs a TRACE/],
    [[join(path, 'gone')], /cannot be read \(ENOENT\)/],
    [[file, '--model', modelOf('team')], /not both/],
    [[file, '--fail-if', 'wait.p95'], /takes FIGURE OPERATOR NUMBER/],
    [[file, '--fail-if', 'wait.p96>1'], /no figure "wait.p96"; there are .*wait\.p95/],
    [[file, '--set', 'limits.hour'], /--set takes PATH=VALUE/],
    [[file, '--set', 'limits.hour.limit=many'], /limits\.hour\.limit.*must be/],
    [[file, '--grow', '-1'], /--grow/],
    [[file, '--apps', 'crm'], /--apps takes NAME=FACTOR/],
    [[file, '--scale', '20000'], /--scale takes ACCOUNTSxLIMIT/],
    [['--model', file], /must be a map|cannot be read|unknown/],
  ] as const) {
    const told = await planned(...argv)
    t.equal(told.end, 'bad-usage', argv.join(' '))
    t.match(told.complained, says)
  }

  const team = ['--model', modelOf('team'), '--days', '0.38']
  t.equal((await planned(...team, '--fail-if', 'saved.share>=0.5')).end, 'failed', 'so it is')
  t.equal((await planned(...team, '--fail-if', 'refused.hour-spent>0')).end, 'done', 'so it is not')
  const other = await planned(...team, '--set', 'cache.enabled=false', '--fail-if', 'saved.poll>0')
  t.equal(other.end, 'done', 'what is asked about is what would be')
  t.strictSame(readCondition('held.wait.p99 <= 2.5'), {
    text: 'held.wait.p99 <= 2.5',
    path: ['held', 'wait', 'p99'],
    operator: '<=',
    value: 2.5,
  })
})

void t.test(
  'the report draws itself in a browser, and asks nobody for anything',
  { skip: !hasChromium },
  async t => {
    const path = folder(t)
    const file = join(path, 'report.html')
    const overlay = join(path, '<img src=x onerror=alert(1)>.yaml')
    writeFileSync(overlay, 'polling: { interval: 1800 }\n')
    const argv = ['--model', modelOf('team'), '--days', '0.38', '--scale', '20000x3000']
    t.match(await planned(...argv, '--compare', overlay, '--html', file), { end: 'done' })
    const browser = await openChromium()
    t.teardown(() => browser.close())
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 390, height: 800 } })
      const wrong: string[] = []
      const asked: string[] = []
      page.on('console', message => void wrong.push(message.text()))
      page.on('pageerror', error => void wrong.push(error.message))
      page.on('dialog', dialog => void wrong.push(dialog.message()))
      page.on('request', request => void asked.push(request.url()))
      await page.goto(pathToFileURL(file).href)
      t.equal(await page.locator('.chart canvas').count(), 2, colorScheme)
      t.equal(await page.locator('h2', { hasText: 'onerror=alert' }).count(), 2, 'names are text')
      const box = await page.locator('.chart canvas').first().boundingBox()
      t.ok((box?.width ?? 0) > 250 && (box?.width ?? 0) <= 390, 'as wide as a telephone allows')
      t.strictSame(wrong, [])
      t.equal(asked.length, 1)
      await page.close()
    }
  },
)

void t.test('many nodes are reckoned from what the replay says and what a call costs', t => {
  const one = Object.fromEntries(
    ['forwardedMicros', 'savedMicros', 'refusedMicros', 'coresPerNode', 'answerBytes', 'nodeBytes']
      .concat(['redisMicrosUp', 'redisMicrosSaved', 'redisCommandsUp', 'redisCommandsSaved'])
      .concat(['redisTrafficUp', 'redisTrafficSaved', 'redisBytes', 'redisBytesPerAccount'])
      .concat(['redisMemoryBytes', 'accountBytes', 'idleBytes', 'cacheBytes', 'nodeMemoryBytes'])
      .map(name => [name, 1]),
  )
  const costs = readCosts({ ...one, redisMicrosUp: 300, redisMicrosSaved: 20, nodeMemoryBytes: 1e9 })
  if (!('forwardedMicros' in costs)) throw new Error(costs.join())
  const fullest = { up: 10, saved: 30, refused: 0 }
  const replayed = { savedShare: 0.75, refusedShare: 0, accounts: 50, fullest, stepMs: 300_000 }
  const { taken } = scaleOf({ accounts: 100, limit: 3_600, nodes: [2] }, replayed, costs)
  const [spent, likewise] = taken
  t.same(spent?.load, { up: 100, saved: 300, refused: 0 }, 'all of each hour, in the mix of the replay')
  t.same(
    likewise?.load,
    { up: 20, saved: 60, refused: 0 },
    'twice as many accounts, each as in the fullest step',
  )
  t.equal(spent?.redisCommandsPerSecond, 400)
  t.equal(spent?.rows[0]?.redisCpu, (100 * 300 + 300 * 20) / 1e6, 'by the time that Redis takes for each')
  t.equal(spent?.rows[0]?.nodeCpu, 400 / 2 / 1e6)
  t.match(readCosts({ ...one, redisMicrosUp: 'many', redisCommands: 1 }), [
    /redisCommands: unknown/,
    /redisMicrosUp: must be/,
  ])
  t.end()
})
