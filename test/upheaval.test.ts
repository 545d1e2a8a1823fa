/**
 * What may happen to the house while it works: clocks are set, settings change, it is told to stop. Nobody who waits is
 * lost, and no limit breaks.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { makeSystemClock } from '../src/base/clock.js'
import {
  AT_ONCE,
  isNumbered,
  many,
  open,
  skewToTurnIn,
  spendHour,
  statuses,
  type Told,
} from './fixtures/governed.js'
import { until } from './fixtures/upstream.js'

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

void t.test('when DocuSign’s clock is set, nobody stalls and no client hears of a limit', async t => {
  const clock = makeSystemClock()
  const stalls = [-100_000, 3_700_000].map(async stepMs => {
    let setByMs = 0
    const docusign = { hourLimit: 120, hourWindow: 4, burstLimit: 20, burstWindow: 0.2 }
    const docusignClock = { ...clock, wallMs: () => clock.wallMs() + setByMs }
    const house = await open(t, { docusign: { ...docusign, clockSkew: skewToTurnIn(3, 4) }, docusignClock })
    let isOver = false
    const told: Told[] = []
    const callers = many(8, async n => {
      for (let i = 0; !isOver; i++) told.push(await house.ask(`?n=${n}${i}`))
    })
    await until('the hour to be half spent', () => house.arrivals.length > 60)
    setByMs = stepMs
    const before = house.arrivals.length
    await until('two more hours', () => house.arrivals.length > before + 200, 15_000)
    isOver = true
    await Promise.all(callers)
    const longestMs = Math.max(...told.map(({ askedMs, endedMs }) => endedMs - askedMs))
    t.ok(longestMs < 5_000, `set by ${stepMs / 1000} s, nobody waited longer than ${longestMs} ms`)
    t.same(statuses(told), { 200: told.length })
    t.equal(house.violations('burst', 'sliding'), 0)
    t.equal(house.violations('hour', 'fixed'), 0)
  })
  await Promise.all(stalls)
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

void t.test('who waits when the house shuts down is served, or told in time', async t => {
  const limits = { hourLimit: 100, hourWindow: 4, burstLimit: 1_000, burstWindow: 0.5 }
  for (const [seconds, serves] of [
    [5, true],
    [1, false],
  ] as const) {
    const settings = { GOVERNOR_SHUTDOWN_TIMEOUT: String(seconds) }
    const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(2.5, 4) }, settings })
    await spendHour(house)
    const waiting = Promise.all(many(20, i => house.ask(`?n=${i}`)))
    await until('all to have come in', () => house.entries.filter(isNumbered).length === 20)
    const stoppedMs = performance.now()
    await house.governor.stop()
    const tookMs = performance.now() - stoppedMs
    const told = await waiting
    t.ok(tookMs <= seconds * 1000, `the end came after ${tookMs} ms`)
    t.same(statuses(told), serves ? { 200: 20 } : { 503: 20 })
    const reasons = new Set(told.map(({ headers }) => headers['x-governor-refusal']))
    t.same([...reasons], [serves ? undefined : 'shutting-down'])
  }
})

void t.test('new settings lose nobody who waits, and raise no budget', async t => {
  const limits = { hourLimit: 60, hourWindow: 4, burstLimit: 1_000, burstWindow: 0.5 }
  const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(2, 4) } })
  await spendHour(house)
  const before = house.arrivals.length
  const waiting = Promise.all(many(40, i => house.ask(`?n=${i}`)))
  await until('all to have come in', () => house.entries.filter(isNumbered).length === 40)
  house.governor.reload({ GOVERNOR_LIMITS_HOUR_LIMIT: '10000', GOVERNOR_LIMITS_BURST_LIMIT: '10000' })
  t.equal((await house.ask('?m=1', AT_ONCE)).headers['x-governor-refusal'], 'hour-spent')
  house.governor.reload({ GOVERNOR_QUEUE_MAX_LENGTH: '1', GOVERNOR_LIMITS_SAFETY_MARGIN: '5' })
  t.equal(house.arrivals.length, before, 'nobody went early')
  t.same(statuses(await waiting), { 200: 40 })
  const rest = await Promise.all(many(30, i => house.ask(`?m=${i}`, AT_ONCE)))
  t.same(statuses(rest), { 200: 15, 429: 15 }, 'the new margin holds')
  t.equal(house.simulator.report().blocked, 0)
})
