/**
 * The governor's promises, as its clients and DocuSign see them: real sockets, real time, a simulator that judges by
 * itself. Hours last some seconds here.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  AT_ONCE,
  many,
  numberIn,
  skewToTurnIn,
  startGoverned,
  statuses,
  type Governed,
  type GovernedOptions,
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
