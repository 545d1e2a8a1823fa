/**
 * The governor's promises, as its clients and DocuSign see them: real sockets, real time, a simulator that judges by
 * itself. Hours last some seconds here.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { makeSystemClock } from '../src/base/clock.js'
import {
  AT_ONCE,
  many,
  numberIn,
  skewToTurnIn,
  startGoverned,
  statuses,
  type Governed,
  type GovernedOptions,
  type Told,
} from './fixtures/governed.js'
import { lateness, watchNoise } from './fixtures/hours.js'
import { until } from './fixtures/upstream.js'

async function open(t: Test, options: GovernedOptions): Promise<Governed> {
  const house = await startGoverned(options)
  t.teardown(() => house.stop())
  return house
}

/** Leaves the first account nothing of its hour, and its governor knows. @param restMs a burst window to wait out */
async function spendHour(house: Governed, restMs = 0): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    const left = numberIn(await house.ask('?spend'), 'x-ratelimit-remaining')
    if (left === 0) return
    await house.control('/spend', { account: house.accounts[0]?.id, calls: left - 1 })
    await pause(restMs)
  }
  throw new Error('the hour could not be spent')
}

function isNumbered(target: string): boolean {
  return /\?n=\d+$/.test(target)
}

void t.test('a thousand who wait for the hour leave in order, inside the burst limit', async t => {
  const [hourWindow, burstWindow] = [12, 0.5]
  const limits = { hourLimit: 1_050, hourWindow, burstLimit: 400, burstWindow, latencyMs: 50 }
  const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(6, hourWindow) } })
  // The dates of some answers, spread over a second, tell when DocuSign's hour will turn.
  for (let i = 0; i < 40; i++) await Promise.all([house.ask(`?warm=${i}`), pause(27)])
  // And a call that must open its connection first is overtaken by those that need not.
  await Promise.all(many(64, i => house.ask(`?connect=${i}`)))
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
  const entered = house.entries.filter(isNumbered)
  const misplaced = arrived.filter(({ target }, i) => target !== entered[i]).length
  t.equal(misplaced, 0, 'as they came, so they went')
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

void t.test('when one of our clocks is set, nobody stalls and no limit breaks', async t => {
  const clock = makeSystemClock()
  let setByMs = 0
  const limits = { hourLimit: 60, hourWindow: 2, burstLimit: 20, burstWindow: 0.2 }
  const house = await open(t, {
    docusign: limits,
    clock: { ...clock, wallMs: () => clock.wallMs() + setByMs },
  })
  let isOver = false
  const told: Told[] = []
  const callers = many(8, async n => {
    for (let i = 0; !isOver; i++) told.push(await house.ask(`?n=${n}${i}`))
  })
  for (const stepMs of [-100_000, 3_700_000, 0]) {
    const atMs = performance.now()
    await until('the middle of an hour', () => performance.now() - atMs > 1_000 && Date.now() % 2_000 > 900)
    setByMs += stepMs
  }
  await until('another hour', () => house.arrivals.some(({ wallMs }) => wallMs > Date.now() - 100))
  isOver = true
  await Promise.all(callers)
  t.same(statuses(told), { 200: told.length }, `${told.length} calls were answered`)
  const waits = told.map(({ askedMs, endedMs }) => endedMs - askedMs)
  t.ok(Math.max(...waits) < 3_000, `nobody waited longer than ${Math.max(...waits)} ms`)
  t.equal(house.violations('hour', 'fixed'), 0)
  t.equal(house.violations('burst', 'sliding'), 0)
})

void t.test('an hour that turns later at DocuSign than we believe costs nobody the next one', async t => {
  const clock = makeSystemClock()
  let setByMs = 0
  const limits = { hourLimit: 60, hourWindow: 4, burstLimit: 200, burstWindow: 0.2 }
  const docusign = { ...limits, clockSkew: skewToTurnIn(2.5, 4) }
  const docusignClock = { ...clock, wallMs: () => clock.wallMs() + setByMs }
  const house = await open(t, { docusign, docusignClock })
  for (let i = 0; i < 30; i++) await Promise.all([house.ask(`?warm=${i}`), pause(35)])
  await spendHour(house)
  const waiting = Promise.all(many(40, i => house.ask(`?n=${i}`)))
  await until('all to have come in', () => house.entries.filter(isNumbered).length === 40)
  setByMs = -600
  const told = await waiting
  t.same(statuses(told), { 200: 40 })
  const { blocked, callsWhileBlocked } = house.simulator.report()
  t.ok(blocked > 0, `${blocked} were refused, ${callsWhileBlocked} of them as they were under way`)
  const waits = told.map(({ askedMs, endedMs }) => endedMs - askedMs)
  t.ok(Math.max(...waits) < 3_500, `nobody waited longer than ${Math.max(...waits)} ms`)
})
