/**
 * The governor's promises, as its clients and DocuSign see them: real sockets, real time, a simulator that judges by
 * itself. Hours last some seconds here.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import {
  AT_ONCE,
  errorCode,
  isNumbered,
  many,
  numberIn,
  open,
  skewToTurnIn,
  spendHour,
  statuses,
  type Told,
} from './fixtures/governed.js'
import { lateness, watchNoise } from './fixtures/hours.js'
import { until } from './fixtures/upstream.js'

void t.test('a thousand who wait for the hour leave in order, inside the burst limit', async t => {
  const [hourWindow, burstWindow] = [12, 0.5]
  const limits = { hourLimit: 1_050, hourWindow, burstLimit: 400, burstWindow }
  const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(5, hourWindow) } })
  // The dates of some answers, spread over a second, tell when DocuSign's hour will turn.
  for (let i = 0; i < 40; i++) await Promise.all([house.ask(`?warm=${i}`), pause(27)])
  // And a call that must open its connection first is overtaken by those that need not: all 32 are opened.
  house.simulator.faults.set([{ kind: 'none', latencyMs: 300 }])
  await Promise.all(many(64, i => house.ask(`?connect=${i}`)))
  house.simulator.faults.clear()
  await spendHour(house, burstWindow * 1000)
  const hour = Math.floor((house.arrivals.at(-1)?.wallMs ?? 0) / (hourWindow * 1000))

  const waiting = many(1_000, i => house.send(`?n=${i}`).told)
  await until('all to have come in', () => house.entries.filter(isNumbered).length === 1_000, 10_000)
  const noise = watchNoise(() => performance.now())
  t.same(statuses(await Promise.all(waiting)), { 200: 1_000 })
  const arrived = house.arrivals.filter(({ target }) => isNumbered(target))
  const { wallMs = NaN, atMs = NaN } = arrived[0] ?? {}
  const lateMs = wallMs - (hour + 1) * hourWindow * 1000
  const noiseMs = lateness(noise.stop(), atMs - lateMs, atMs)
  t.ok(lateMs >= 0 && lateMs - noiseMs <= 0.02 * hourWindow * 1000, `the first left after ${lateMs} ms`)
  const entered = new Map(house.entries.filter(isNumbered).map((target, i) => [target, i]))
  const jumps = arrived.map(({ target }, i) => Math.abs(i - (entered.get(target) ?? NaN)))
  t.ok(Math.max(...jumps) < 32, 'as they came, so they went, but for what is under way at the same time')
  t.equal(house.violations('hour', 'fixed'), 0)
  t.equal(house.violations('burst', 'sliding'), 0)
})

void t.test('who leaves the queue has spent nothing, and is missed at once', async t => {
  const hourLimit = 400
  const limits = { hourLimit, hourWindow: 3, burstLimit: 10_000, burstWindow: 1 }
  const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(2.5, 3) } })
  for (let i = 0; i < 3; i++) await Promise.all(many(50, n => house.ask(`?warm=${n}`)))
  await spendHour(house)
  const waiting = many(100, i => house.send(`?n=${i}`))
  await until('all to have come in', () => house.entries.filter(isNumbered).length === 100, 10_000)
  const [leaving, staying] = [waiting.filter((_, i) => i % 2 === 0), waiting.filter((_, i) => i % 2 === 1)]
  const gone = Promise.allSettled(leaving.map(({ told }) => told))
  for (const { leave } of leaving) leave()
  await gone
  t.same(statuses(await Promise.all(staying.map(({ told }) => told))), { 200: 50 })
  const next = await house.ask('?next', AT_ONCE)
  t.equal(numberIn(next, 'x-ratelimit-remaining'), hourLimit - 51, 'fifty are spent')
  t.equal(next.headers['x-governor-wait'], undefined, 'and nobody is waiting')

  await Promise.all(many(50, i => house.ask(`?m=${i}`)))
  const tookMs = (mark: string) => {
    const times = house.arrivals.filter(({ target }) => target.includes(mark)).map(({ atMs }) => atMs)
    t.equal(times.length, 50, 'fifty went up')
    return (times.at(-1) ?? 0) - (times[0] ?? 0)
  }
  const [heldMs, freeMs] = [tookMs('?n='), tookMs('?m=')]
  t.ok(
    heldMs <= freeMs + 100,
    `the queue was empty after ${heldMs} ms; fifty who need not wait take ${freeMs} ms`,
  )
})

void t.test(
  'an account nobody knows is asked for once, and what the answer says of its limits holds',
  async t => {
    const limits = { hourLimit: 50, hourWindow: 4, burstLimit: 40, burstWindow: 1, latencyMs: 200 }
    const settings = { GOVERNOR_LIMITS_HOUR_LIMIT: '1000', GOVERNOR_LIMITS_BURST_LIMIT: '1000' }
    const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(3.8, 4) }, settings })
    t.same(statuses(await Promise.all(many(20, i => house.ask(`?n=${i}`)))), { 200: 20 })
    const [first, second] = house.arrivals
    t.ok((second?.atMs ?? 0) - (first?.atMs ?? 0) >= 190, 'the others left when the first was answered')

    const refused = (await Promise.all(many(40, i => house.ask(`?m=${i}`, AT_ONCE)))).filter(
      ({ status }) => status === 429,
    )
    t.equal(refused.length, 20, 'forty go in a burst')
    t.equal(refused[0]?.headers['x-burstlimit-limit'], '40')
    await house.control('/limits', { hour: 45 })
    await until('the burst window to pass', () => performance.now() > (refused[0]?.endedMs ?? 0) + 1_300)
    await house.ask('?tell')
    const late = await Promise.all(many(20, i => house.ask(`?o=${i}`, AT_ONCE)))
    t.same(statuses(late), { 200: 4, 429: 16 }, 'a lower limit holds from the answer on that tells it')
    t.equal(house.simulator.report().blocked, 0)
  },
)

interface Status {
  readonly accounts: readonly {
    readonly foreignCalls: number
    readonly hour: { readonly limit: number; readonly used: number; readonly remaining: number }
  }[]
}

void t.test('calls of others are counted and allowed for', async t => {
  const limits = { hourLimit: 100, hourWindow: 4, burstLimit: 1_000, burstWindow: 0.5, latencyMs: 20 }
  const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(3.5, 4) } })
  await house.ask('?first')
  let isOver = false
  const told: Told[] = []
  const callers = many(4, async n => {
    for (let i = 0; !isOver; i++) told.push(await house.ask(`?n=${n}${i}`, AT_ONCE))
  })
  await until('some to go', () => house.arrivals.length >= 20)
  await house.control('/spend', { account: house.accounts[0]?.id, calls: 50 })
  await until('the hour to be spent', () => told.some(({ status }) => status === 429))
  isOver = true
  await Promise.all(callers)
  const { blocked } = house.simulator.report()
  t.ok(blocked <= 3, `${blocked} were under way when nothing was left any more`)
  const ours = house.arrivals.length - blocked
  t.ok(ours >= 49 && ours <= 50, `the half that was left was used: ${ours}`)
  const status = (await (await fetch(`${house.governor.adminUrl}/status`)).json()) as Status
  const [account] = status.accounts
  t.equal(account?.foreignCalls, 50, 'the others’ part is shown')
  t.same([account?.hour.limit, account?.hour.used, account?.hour.remaining], [100, 100, 0])
})

void t.test(
  'the number and the GUID of an account are one budget from the answer on that shows both',
  async t => {
    const limits = { hourLimit: 30, hourWindow: 4, burstLimit: 1_000, burstWindow: 0.5 }
    const settings = { GOVERNOR_LIMITS_LEARN: 'false' }
    const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(3.5, 4) }, settings })
    const [account] = house.accounts
    const names = [account?.id, account?.number]
    for (const name of names) for (let i = 0; i < 3; i++) await house.ask(`//accounts/${name}/users?${i}`)
    await house.ask(`//accounts/${account?.number}`)
    const told = await Promise.all(
      many(60, i => house.ask(`//accounts/${names[i % 2]}/users?n=${i}`, AT_ONCE)),
    )
    t.same(statuses(told), { 200: 23, 429: 37 }, 'three each before, one to tell, and the rest of thirty')
    t.equal(house.simulator.report().blocked, 0)
  },
)

void t.test('a refusal says why, until when and how the account stands, in DocuSign’s own shape', async t => {
  const limits = { hourLimit: 30, hourWindow: 5, burstLimit: 10, burstWindow: 0.8 }
  const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(3.5, 5) } })
  const asking = { headers: { Prefer: 'respond-async, wait=0', 'X-Governor-Priority': 'low' } }
  const first = await house.ask('?first', asking)
  t.equal(first.headers['x-governor-wait'], undefined)
  for (const arrived of house.arrivals) {
    const names = Object.keys(arrived.headers).filter(
      name => name === 'prefer' || name.startsWith('x-governor'),
    )
    t.same(names, [], 'what is said to us goes no further')
  }

  await Promise.all(many(9, i => house.ask(`?n=${i}`)))
  const burst = await house.ask('?burst', AT_ONCE)
  t.equal(burst.status, 429)
  t.match(burst.headers, {
    'content-type': 'application/json',
    'retry-after': '1',
    'cache-status': 'docusign-governor; detail=burst-spent',
    'x-governor-outcome': 'refused',
    'x-governor-refusal': 'burst-spent',
    'x-ratelimit-limit': '30',
    'x-ratelimit-remaining': '20',
    'x-ratelimit-reset': first.headers['x-ratelimit-reset'],
    'x-burstlimit-limit': '10',
    'x-burstlimit-remaining': '0',
  })
  const body = JSON.parse(burst.body.toString()) as Record<string, string>
  t.same(Object.keys(body), ['errorCode', 'message'])
  t.equal(body['errorCode'], 'BURST_APIINVOCATION_LIMIT_EXCEEDED')
  t.equal(house.arrivals.length, 10, 'it was not sent')

  await spendHour(house, 800)
  const hour = await house.ask('?hour', AT_ONCE)
  t.equal(hour.headers['x-governor-refusal'], 'hour-spent')
  t.equal(errorCode(hour), 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED')
  t.equal(hour.headers['x-ratelimit-remaining'], '0')
  const seconds = numberIn(hour, 'retry-after')
  const leftMs = numberIn(first, 'x-ratelimit-reset') * 1000 - (house.arrivals[0]?.wallMs ?? 0)
  t.ok(seconds >= 1 && seconds <= 5, `${seconds} s of an hour of which ${leftMs} ms were left at first`)
  await pause(seconds * 1000)
  const again = await house.ask('?again', AT_ONCE)
  t.equal(again.status, 200, 'who comes when he was told to is served')
})

void t.test('the urgent leave the queue first, and nobody is more urgent than his app may be', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const overlay = join(folder, 'apps.yaml')
  writeFileSync(overlay, 'apps:\n  desk: { maxPriority: high }\n  batch: {}\n')
  const limits = { hourLimit: 40, hourWindow: 3, burstLimit: 1_000, burstWindow: 0.5 }
  const house = await open(t, {
    docusign: { ...limits, clockSkew: skewToTurnIn(2, 3) },
    // One at a time on the way: what leaves first arrives first.
    settings: { GOVERNOR_UPSTREAM_MAX_SOCKETS: '2' },
    files: [overlay],
  })
  await spendHour(house)
  const asked: Promise<Told>[] = []
  for (const [mark, app, wanted] of [
    ['list', 'batch', undefined],
    ['lowered', 'desk', 'low'],
    ['plain', 'batch', undefined],
    ['overbold', 'batch', 'high'],
    ['urgent', 'desk', 'high'],
    ['odd', 'desk', 'highest'],
  ] as const) {
    const path = `${mark === 'list' ? '/envelopes' : '/users/x'}?who=${mark}`
    asked.push(house.ask(path, { app, headers: wanted ? { 'x-governor-priority': wanted } : {} }))
    // Each is in the queue before the next one comes.
    await until(`${mark} to come in`, () => house.entries.some(target => target.endsWith(`=${mark}`)))
  }
  const told = await Promise.all(asked)
  t.ok(told.every(({ headers }) => Number(headers['x-governor-wait']) > 0))
  const order = house.arrivals.flatMap(({ target }) => /who=(\w+)/.exec(target)?.[1] ?? [])
  t.same(order, ['urgent', 'plain', 'odd', 'overbold', 'list', 'lowered'])
})

void t.test(
  'every refusal says how the account stands, and none that it was held when it was not',
  async t => {
    const settings = { GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '0.3' }
    const house = await open(t, { docusign: {}, settings })
    await house.ask('?known')
    const { faults } = house.simulator
    for (const [fault, status] of [
      [{ kind: 'reset-before', times: 2 }, 502],
      [{ kind: 'stall', times: 1 }, 504],
      [{ kind: 'status', status: 444, times: 1 }, 503],
    ] as const) {
      faults.set([fault])
      // DocuSign's own 444 passes; the next call is refused for it.
      if (status === 503) await house.ask('?blocks')
      const told = await house.ask('?refused', AT_ONCE)
      t.equal(told.status, status)
      t.match(told.headers, { 'x-ratelimit-limit': '1000', 'x-burstlimit-limit': '500' }, String(status))
      t.match(told.headers['x-ratelimit-reset'], /^\d{10}$/)
      t.ok(numberIn(told, 'x-ratelimit-remaining') < 1000)
      t.ok(numberIn(told, 'retry-after') >= 1)
      t.notHas(told.headers, 'x-governor-wait')
    }
  },
)

void t.test('observed, limits change nothing', async t => {
  const limits = { hourLimit: 5, hourWindow: 4, burstLimit: 1_000, burstWindow: 0.5, latencyMs: 50 }
  const settings = { GOVERNOR_LIMITS_MODE: 'observe' }
  const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(3.8, 4) }, settings })
  const told = await Promise.all(many(30, i => house.ask(`?n=${i}`, AT_ONCE)))
  t.same(statuses(told), { 200: 5, 429: 25 })
  t.equal(house.arrivals.length, 30, 'each was sent, once')
  const sentMs = house.arrivals.map(({ atMs }) => atMs)
  t.ok(Math.max(...sentMs) - Math.min(...sentMs) < 1_000, 'and none was held')
  const more = await house.ask('?more')
  const direct = await house.askDirectly('?more')
  t.same(
    [more.status, more.body.toString(), more.headers['x-governor-refusal'], more.headers['x-governor-wait']],
    [direct.status, direct.body.toString(), undefined, undefined],
    'DocuSign’s own word passes',
  )
  const would = house.governor.lines.filter(line => line.includes('"wouldRefuse":"hour-spent"')).length
  t.equal(would, 25, 'the log says what would have become of them')
})
