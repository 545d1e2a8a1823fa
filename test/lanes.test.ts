/** The waiting room of one account: honest about waiting, fair between apps, and nothing spent on those who leave. */
import fc from 'fast-check'
import t from 'tap'
import { makeSystemClock } from '../src/base/clock.js'
import type { Hold } from '../src/governor/standing.js'
import { makeLane, type Ask, type Lane, type LaneConfig, type Priority } from '../src/governor/lane.js'
import { makeReserve } from '../src/governor/reserve.js'
import { makeManualClock, type ManualClock } from './fixtures/clock.js'
import { makeNaiveBudget, type NaiveBudget, type NaiveConfig } from './fixtures/naive-budget.js'

const HOUR = 3_600_000
const AMPLE = { limit: 1_000_000, windowMs: HOUR, aligned: true }
/** Ten calls a second. */
const TEN_A_SECOND = { limit: 10, windowMs: 1_000 }

interface Visit {
  readonly app: string
  readonly atMs: number
  end: 'waiting' | 'granted' | 'turned' | 'left'
  endMs: number
  /** Of a call that was turned away. */
  retryAfterMs: number
  by: Hold | undefined
  reason: string
  leave(): void
}

interface Scene {
  readonly clock: ManualClock
  readonly budget: NaiveBudget
  readonly lane: Lane
  readonly visits: Visit[]
  /** A call that is answered `answerMs` after it went; `never` is left to the test. */
  call(ask?: Partial<Ask>, answerMs?: number | 'never'): Visit
}

function makeScene(limits: Partial<NaiveConfig> = {}, config: Partial<LaneConfig> = {}, startMs = 0): Scene {
  const clock = makeManualClock(startMs)
  const naive = makeNaiveBudget({ hour: AMPLE, burst: TEN_A_SECOND, ...limits })
  const budget: NaiveBudget = {
    ...naive,
    get sentMs() {
      return naive.sentMs
    },
    get inFlight() {
      return naive.inFlight
    },
    take(nowMs) {
      if (naive.room(nowMs) < 1) throw new Error('a call was let go without room')
      if (nowMs !== clock.nowMs()) throw new Error('a call was let go in the past')
      naive.take(nowMs)
    },
  }
  const lane = makeLane(budget, { maxLength: 1_000, reserves: new Map(), ...config }, clock)
  const visits: Visit[] = []

  function answer(answerMs: number | 'never'): void {
    if (answerMs === 'never') return
    const complete = () => {
      budget.complete(clock.nowMs())
      lane.wake()
    }
    if (answerMs === 0) complete()
    else clock.after(answerMs, complete)
  }

  return {
    clock,
    budget,
    lane,
    visits,
    call(ask = {}, answerMs = 0) {
      const whole: Ask = { app: 'app', priority: 'normal', maxWaitMs: 45_000, ...ask }
      const visit: Visit = {
        app: whole.app,
        atMs: clock.nowMs(),
        end: 'waiting',
        endMs: NaN,
        retryAfterMs: NaN,
        by: undefined,
        reason: '',
        leave: () => undefined,
      }
      visits.push(visit)
      const finish = (end: Awaited<Extract<ReturnType<Lane['enter']>, { kind: 'waiting' }>['result']>) => {
        visit.end = end.kind
        visit.endMs = visit.atMs + end.waitedMs
        if (end.kind === 'granted') answer(answerMs)
        if (end.kind === 'turned') Object.assign(visit, end)
      }
      const entered = lane.enter(whole, clock.nowMs())
      if (entered.kind === 'waiting') {
        visit.leave = () => entered.leave()
        void entered.result.then(finish)
      } else finish(entered)
      return visit
    },
  }
}

/** Spends what there is room for just now. */
function spend({ budget, clock }: Scene): number {
  const room = budget.room(clock.nowMs())
  for (let i = 0; i < room; i++) {
    budget.take(clock.nowMs())
    budget.complete(clock.nowMs())
  }
  return room
}

function byEnd(visits: readonly Visit[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { end } of visits) counts[end] = (counts[end] ?? 0) + 1
  return counts
}

/** The most calls in any window of that length. */
function most(sentMs: readonly number[], windowMs: number): number {
  return Math.max(...sentMs.map(from => sentMs.filter(at => at >= from && at < from + windowMs).length))
}

/** Each app calls so many times a second, until `untilMs`; a few ms apart, so that nobody is always first. */
async function offer(
  scene: Scene,
  perSecond: Record<string, number>,
  untilMs: number,
  ask: Partial<Ask> = {},
) {
  const next = Object.entries(perSecond).map(([app, rate], i) => ({
    app,
    everyMs: 1_000 / rate,
    atMs: 1 + i,
  }))
  for (;;) {
    const [first] = next.toSorted((a, b) => a.atMs - b.atMs)
    if (!first || first.atMs >= untilMs) break
    await scene.clock.advance(first.atMs - scene.clock.nowMs())
    scene.call({ ...ask, app: first.app }, 20)
    first.atMs += first.everyMs
  }
}

void t.test('where there is room and nobody waits, a call goes without a promise or a timer', async t => {
  const scene = makeScene()
  const ends = Array.from({ length: 10 }, () => scene.call({}, 'never').end)
  t.strictSame(new Set(ends), new Set(['granted']))
  t.equal(scene.budget.inFlight, 10, 'each one has taken a place')
  const ask: Ask = { app: 'app', priority: 'low', maxWaitMs: 0 }
  const { budget } = makeScene()
  const lane = makeLane(budget, { maxLength: 0, reserves: new Map() }, scene.clock)
  t.equal(lane.enter(ask, 0), lane.enter(ask, 0), 'and every grant is the same object')
  t.equal(scene.clock.pending, 0)
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'))
})

void t.test('a greedy app does not starve a modest one', async t => {
  for (const maxLength of [1_000, 40]) {
    const scene = makeScene({}, { maxLength })
    await offer(scene, { greedy: 50, modest: 1 }, 60_000)
    await scene.clock.advance(60_000)
    const modest = scene.visits.filter(visit => visit.app === 'modest')
    const served = modest.filter(visit => visit.end === 'granted')
    const waits = served.map(visit => visit.endMs - visit.atMs).toSorted((a, b) => a - b)
    const p95 = waits[Math.ceil(waits.length * 0.95) - 1] ?? NaN
    t.equal(modest.length, 60)
    t.ok(served.length >= 0.95 * modest.length, `${served.length} of 60 served, ${maxLength} may wait`)
    t.ok(p95 <= 2_000, `95 % within ${p95} ms`)
    const all = byEnd(scene.visits)
    t.ok((all['granted'] ?? 0) > 9 * 60, `${all['granted']} were served of all`)
    t.equal(all['waiting'], undefined, 'and everybody has had an answer')
    t.ok(most(scene.budget.sentMs, 1_000) <= 10)
  }
})

void t.test('a hundred wait and fifty leave: fifty calls are spent', async t => {
  const scene = makeScene({ burst: { limit: 100, windowMs: 3_000 } })
  spend(scene)
  const spent = scene.budget.sentMs.length
  const visits = Array.from({ length: 100 }, () => scene.call())
  await scene.clock.advance(1_000)
  visits.filter((_, i) => i % 2 === 0).forEach(visit => visit.leave())
  t.equal(scene.lane.length(), 50, 'gone at once')
  await scene.clock.settle()
  t.strictSame(byEnd(visits), { left: 50, waiting: 50 }, 'and told so at once')
  await scene.clock.advance(2_000 + 100)
  t.strictSame(byEnd(visits), { left: 50, granted: 50 })
  t.equal(scene.lane.length(), 0)
  t.equal(scene.budget.sentMs.length - spent, 50)
  visits.forEach(visit => visit.leave())
  await scene.clock.settle()
  t.strictSame(byEnd(visits), { left: 50, granted: 50 }, 'to leave after the end changes nothing')
  t.equal(scene.clock.pending, 0)
})

void t.test('when the last one leaves, nothing is left behind', async t => {
  const scene = makeScene()
  spend(scene)
  const visits = [scene.call(), scene.call()]
  visits.forEach(visit => visit.leave())
  await scene.clock.settle()
  t.equal(scene.clock.pending, 0, 'before the job has started')
  const late = [scene.call(), scene.call()]
  await scene.clock.advance(10)
  t.equal(scene.clock.pending, 1, 'one timer, however many wait')
  late.forEach(visit => visit.leave())
  await scene.clock.settle()
  t.equal(scene.clock.pending, 0, 'and while it sleeps')
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'), 'nor does the limiter leave any')
})

void t.test('high before normal before low, the apps by turns, and an app in order', async t => {
  const scene = makeScene({ burst: { limit: 1, windowMs: 1_000 } })
  spend(scene)
  const order: string[] = []
  const call = (name: string, app: string, priority: Priority) => {
    const entered = scene.lane.enter({ app, priority, maxWaitMs: 60_000 }, scene.clock.nowMs())
    if (entered.kind !== 'waiting') throw new Error(entered.kind)
    void entered.result.then(() => {
      order.push(name)
      scene.budget.complete(scene.clock.nowMs())
    })
  }
  call('low 1', 'a', 'low')
  call('a 1', 'a', 'normal')
  call('a 2', 'a', 'normal')
  call('a 3', 'a', 'normal')
  call('b 1', 'b', 'normal')
  call('b 2', 'b', 'normal')
  call('c 1', 'c', 'normal')
  call('high 1', 'z', 'high')
  await scene.clock.advance(2_500)
  t.strictSame(order, ['high 1', 'a 1'])
  call('high 2', 'a', 'high')
  call('d 1', 'd', 'normal')
  await scene.clock.advance(10_000)
  const rest = ['high 2', 'b 1', 'c 1', 'a 2', 'd 1', 'b 2', 'a 3', 'low 1']
  t.strictSame(order.slice(2), rest, 'who comes late takes a turn behind those who are there')
})

void t.test('a lower priority does not slip past those who wait', async t => {
  const scene = makeScene({ burst: { limit: 2, windowMs: 1_000 } })
  spend(scene)
  const waits = scene.call({ priority: 'normal' })
  await scene.clock.advance(999)
  scene.budget.block(1_500)
  await scene.clock.advance(600)
  t.equal(waits.end, 'granted')
  spend(scene)
  const [first, second, third] = [scene.call(), scene.call(), scene.call({ priority: 'low' })]
  scene.budget.block(3_000)
  await scene.clock.advance(1_401)
  t.strictSame([first.endMs, second.endMs, third.end], [3_000, 3_000, 'waiting'])
  const late = scene.call({ priority: 'low', app: 'other' })
  await scene.clock.advance(1_000)
  t.strictSame([third.endMs, late.endMs], [4_000, 4_000])
})

void t.test('a call that cannot make it is told at once when it would', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        burst: fc.record({
          limit: fc.integer({ min: 1, max: 5 }),
          windowMs: fc.integer({ min: 10, max: 500 }),
        }),
        hour: fc.record({
          limit: fc.integer({ min: 5, max: 12 }),
          windowMs: fc.integer({ min: 1_000, max: 3_000 }),
          aligned: fc.boolean(),
        }),
        before: fc.array(
          fc.record({
            pauseMs: fc.integer({ min: 0, max: 200 }),
            priority: fc.constantFrom<Priority>('high', 'normal', 'low'),
            app: fc.constantFrom('a', 'b', 'c'),
          }),
          { minLength: 5, maxLength: 15 },
        ),
        maxWaitMs: fc.integer({ min: 0, max: 200 }),
        priority: fc.constantFrom<Priority>('high', 'normal', 'low'),
        isShared: fc.boolean(),
      }),
      async ({ burst, hour, before, maxWaitMs, priority, isShared }) => {
        const scene = makeScene({ burst, hour }, { reserves: new Map(isShared ? [['kept', 0.4]] : []) })
        for (const { pauseMs, ...ask } of before) {
          await scene.clock.advance(pauseMs)
          scene.call({ ...ask, maxWaitMs: 20_000 })
        }
        const takes = scene.budget.sentMs.length
        const isLone = scene.lane.length() === 0
        const { end, retryAfterMs } = scene.call({ priority, maxWaitMs })
        if (end !== 'turned') return
        if (scene.budget.sentMs.length !== takes) throw new Error('a call that was refused has been spent')
        if (isLone && !isShared) {
          await scene.clock.advance(retryAfterMs - 1)
          if (scene.call({ maxWaitMs: 0 }).end === 'granted') throw new Error('it could have gone sooner')
          await scene.clock.advance(1)
        } else await scene.clock.advance(Math.ceil(retryAfterMs))
        // Where a share holds back those who wait as well, the time is an estimate.
        if (isShared && !isLone) return
        const { end: again } = scene.call({ priority, maxWaitMs: 0 })
        if (again !== 'granted') throw new Error(`refused again after ${retryAfterMs} ms`)
      },
    ),
    {
      numRuns: 100,
      examples: [
        // The share is lent when the call is refused, and no more when the first place comes free.
        [
          {
            burst: { limit: 1, windowMs: 10 },
            hour: { limit: 12, windowMs: 1_000, aligned: false },
            before: [0, 0, 0, 0, 0, 138, 115, 168, 198, 72, 30, 179].map(pauseMs => {
              return { pauseMs, priority: 'high' as const, app: 'a' as const }
            }),
            maxWaitMs: 0,
            priority: 'high',
            isShared: true,
          },
        ],
      ],
    },
  )
  const scene = makeScene({ burst: { limit: 1, windowMs: 1_000 } })
  spend(scene)
  const waiting = [1, 2, 3].map(() => scene.call())
  t.equal(scene.call({ maxWaitMs: 3_999 }).end, 'turned', 'it would be the fourth')
  t.equal(scene.call({ maxWaitMs: 4_000 }).end, 'waiting')
  t.equal(scene.call({ maxWaitMs: 2_000, app: 'b' }).end, 'waiting', 'of another app: the second')
  t.equal(scene.call({ maxWaitMs: 1_000, priority: 'high' }).end, 'waiting')
  await scene.clock.advance(7_000)
  t.strictSame(byEnd(waiting), { granted: 3 })
  spend(scene)
  ;['a', 'b', 'b'].forEach(app => scene.call({ app }))
  t.equal(scene.call({ app: 'a', maxWaitMs: 3_000 }).end, 'waiting', 'its turn is before the second of b')
  t.equal(scene.call({ app: 'c', maxWaitMs: 2_999 }).end, 'turned')
  t.equal(scene.call({ app: 'b', maxWaitMs: 4_999 }).end, 'turned')
  const second = scene.call({ app: 'c', maxWaitMs: 3_000 })
  await scene.clock.advance(3_000)
  t.equal(second.end, 'granted')
})

void t.test('who cannot wait does not', async t => {
  const scene = makeScene()
  spend(scene)
  const { end, by, reason, retryAfterMs } = scene.call({ maxWaitMs: 0 })
  t.strictSame(
    { end, by, reason, retryAfterMs },
    { end: 'turned', by: 'burst', reason: 'too-long', retryAfterMs: 1_000 },
  )
  t.equal(scene.clock.pending, 0)
  await scene.clock.advance(500)
  const held = scene.call()
  t.equal(
    scene.call({ maxWaitMs: 0, priority: 'high' }).retryAfterMs,
    500,
    'those who wait take one of the places',
  )
  await scene.clock.advance(500)
  t.equal(scene.call({ maxWaitMs: 0 }).end, 'granted')
  t.equal(held.end, 'granted')
})

void t.test('who cannot wait goes where there is room for it behind those before it', async t => {
  const scene = makeScene()
  for (let i = 0; i < 10; i++) scene.call({}, 'never')
  const waits = scene.call()
  scene.budget.refund(0)
  const late = scene.call({ maxWaitMs: 0 })
  scene.budget.refund(0)
  const last = scene.call({ maxWaitMs: 0 })
  await scene.clock.settle()
  t.strictSame(
    [waits.end, late.end, last.end],
    ['granted', 'turned', 'granted'],
    'while the gate is still opening for the first one',
  )
})

void t.test('a full queue says which window fills it, and the greediest makes way', async t => {
  for (const [by, limits] of [
    ['burst', {}],
    ['hour', { hour: { limit: 10, windowMs: 20_000, aligned: true } }],
  ] as const) {
    const scene = makeScene(limits, { maxLength: 5 })
    spend(scene)
    const greedy = Array.from({ length: 5 }, () => scene.call({ app: 'greedy' }))
    const refused = scene.call({ app: 'greedy' })
    t.strictSame([refused.end, refused.reason, refused.by], ['turned', 'queue-full', by])
    t.ok(refused.retryAfterMs > 0)
    const modest = [1, 2, 3].map(() => scene.call({ app: 'modest' }))
    await scene.clock.settle()
    t.strictSame(
      greedy.map(visit => visit.reason),
      ['', '', '', 'queue-full', 'queue-full'],
      'its last ones go first, until nobody is greedier',
    )
    t.strictSame(
      modest.map(visit => visit.end),
      ['waiting', 'waiting', 'turned'],
    )
    const low = scene.call({ priority: 'low' })
    t.equal(low.reason, 'queue-full', 'a lower priority makes nobody leave')
    const high = scene.call({ app: 'greedy', priority: 'high' })
    t.equal(high.end, 'waiting')
    t.equal(scene.lane.length(), 5)
    t.strictSame(
      (['high', 'normal', 'low'] as const).map(priority => scene.lane.lengthOf(priority)),
      [1, 4, 0],
    )
    await scene.clock.advance(60_000)
    t.strictSame([high.end, scene.lane.length(), scene.clock.pending], ['granted', 0, 0])
  }
})

void t.test('a wait that turns out longer ends at its time, with the new one', async t => {
  const scene = makeScene()
  spend(scene)
  const visits = [3_000, 1_500, 2_000].map(maxWaitMs => scene.call({ maxWaitMs }))
  await scene.clock.advance(500)
  scene.budget.block(60_000)
  scene.lane.wake()
  t.equal(scene.lane.oldestWaitMs(scene.clock.nowMs()), 500)
  await scene.clock.advance(1_000)
  t.strictSame(
    visits.map(visit => visit.end),
    ['waiting', 'turned', 'waiting'],
  )
  await scene.clock.advance(3_000)
  for (const [i, maxWaitMs] of [3_000, 1_500, 2_000].entries()) {
    const { endMs, by, reason, retryAfterMs } = visits[i] as Visit
    t.ok(Math.abs(endMs - maxWaitMs) <= 5, `ended after ${endMs} of ${maxWaitMs} ms`)
    t.strictSame([reason, by, retryAfterMs], ['too-long', 'blocked', 60_000 - endMs])
  }
  t.equal(scene.clock.pending, 0)
  t.equal(scene.lane.oldestWaitMs(scene.clock.nowMs()), 0)
})

void t.test('however many wait, and whoever leaves, each one ends at its own time', async t => {
  const scene = makeScene({ burst: { limit: 200, windowMs: 1_000 } })
  spend(scene)
  scene.budget.block(60_000)
  const maxWaitsMs = Array.from({ length: 101 }, (_, i) => 61_000 + ((i * 37) % 101) * 10)
  const visits = maxWaitsMs.map(maxWaitMs => scene.call({ maxWaitMs }))
  scene.budget.block(600_000)
  scene.lane.wake()
  await scene.clock.advance(100)
  visits.forEach((visit, i) => i % 3 === 0 && visit.leave())
  await scene.clock.advance(62_200)
  const left = visits.filter((_, i) => i % 3 === 0)
  const stayed = visits.filter((_, i) => i % 3 !== 0)
  t.strictSame([byEnd(left), byEnd(stayed)], [{ left: 34 }, { turned: 67 }])
  t.strictSame(
    stayed.map(visit => visit.endMs),
    maxWaitsMs.filter((_, i) => i % 3 !== 0),
  )
  t.equal(scene.clock.pending, 0)
})

void t.test('those who are turned away together are not told to wait for each other', async t => {
  const scene = makeScene({ burst: { limit: 1, windowMs: 1_000 } })
  spend(scene)
  const visits = [1, 2, 3].map(() => scene.call({ maxWaitMs: 3_000 }))
  scene.budget.block(10_000)
  await scene.clock.advance(3_000)
  t.strictSame(
    visits.map(visit => visit.retryAfterMs),
    [7_000, 7_000, 7_000],
  )
})

void t.test('while the first call of an account is out alone, the others wait for its answer', async t => {
  const scene = makeScene({ isUnknown: true })
  t.equal(scene.call({}, 20_000).end, 'granted')
  const hasty = scene.call({ maxWaitMs: 0 })
  t.strictSame([hasty.end, hasty.by], ['turned', 'first'])
  const others = Array.from({ length: 9 }, () => scene.call())
  await scene.clock.settle()
  const short = scene.call({ maxWaitMs: 100 })
  await scene.clock.advance(19_999)
  t.strictSame([short.end, short.by, short.endMs], ['turned', 'first', 100])
  t.strictSame(byEnd(others), { waiting: 9 })
  await scene.clock.advance(1)
  t.strictSame(byEnd(others), { granted: 9 })
  t.strictSame(new Set(others.map(visit => visit.endMs)), new Set([20_000]), 'and go as soon as it is there')
})

void t.test('a place given back goes to the next one at once', async t => {
  const scene = makeScene()
  for (let i = 0; i < 10; i++) scene.call({}, 'never')
  const waits = scene.call()
  await scene.clock.advance(100)
  scene.budget.refund(scene.clock.nowMs())
  scene.lane.unspent('app', scene.clock.nowMs())
  await scene.clock.settle()
  t.strictSame([waits.end, waits.endMs], ['granted', 100])
})

void t.test('a thousand waiters at the turn of an hour leave in order, inside the burst limit', async t => {
  const scene = makeScene(
    { hour: { limit: 1_000, windowMs: HOUR, aligned: true }, burst: { limit: 500, windowMs: 30_000 } },
    {},
    HOUR - 100_000,
  )
  spend(scene)
  await scene.clock.advance(50_000)
  spend(scene)
  const visits: Visit[] = []
  for (let i = 0; i < 1_000; i++) {
    visits.push(scene.call({ maxWaitMs: 90_000 }))
    if (i % 25 === 0) await scene.clock.advance(1_000)
  }
  t.equal(scene.lane.length(), 1_000)
  t.ok(scene.clock.pending <= 1, 'one timer for all of them')
  await scene.clock.advance(90_000)
  t.strictSame(byEnd(visits), { granted: 1_000 })
  const endsMs = visits.map(visit => visit.endMs)
  t.strictSame(
    endsMs,
    endsMs.toSorted((a, b) => a - b),
  )
  t.ok((endsMs[0] ?? NaN) >= HOUR && (endsMs[0] ?? NaN) - HOUR <= 2_000, 'the first within two seconds')
  t.ok((endsMs[999] ?? NaN) - HOUR <= 32_000, 'the last one burst window later')
  t.equal(most(scene.budget.sentMs, 30_000), 500)
  t.equal(scene.clock.pending, 0)
})

void t.test('a quote is what those calls would meet', async t => {
  const scene = makeScene({ burst: { limit: 2, windowMs: 1_000 } })
  t.strictSame(scene.lane.quote(0, 1, 'normal').first.waitMs, 0)
  spend(scene)
  ;['a', 'a', 'a', 'b'].forEach(app => scene.call({ app }))
  scene.call({ app: 'c', priority: 'low' })
  const { first, last } = scene.lane.quote(0, 4, 'normal')
  const visits = [1, 2, 3, 4].map(() => scene.call({ app: 'quoted' }))
  await scene.clock.advance(10_000)
  t.strictSame([first.waitMs, last.waitMs], [visits[0]?.endMs, visits[3]?.endMs])
})

void t.test('drained: everybody is turned away, and a changed setting holds from now on', async t => {
  const scene = makeScene()
  spend(scene)
  const visits = [1, 2, 3].map(() => scene.call())
  scene.lane.reconfigure({ maxLength: 3, reserves: new Map() })
  t.equal(scene.call().reason, 'queue-full')
  scene.lane.drain()
  t.equal(scene.lane.length(), 0)
  await scene.clock.settle()
  t.strictSame(
    visits.map(visit => visit.reason),
    ['drained', 'drained', 'drained'],
  )
  t.equal(scene.clock.pending, 0)
  t.equal(scene.budget.sentMs.length, 10)
})

void t.test('the wall clock set back while the gate opens holds nobody up for long', async t => {
  const clock = makeSystemClock()
  const budget = makeNaiveBudget({ hour: AMPLE, burst: { limit: 1, windowMs: 50 } })
  const lane = makeLane(budget, { maxLength: 10, reserves: new Map() }, clock)
  const ask: Ask = { app: 'app', priority: 'normal', maxWaitMs: 20_000 }
  t.equal(lane.enter(ask, clock.nowMs()).kind, 'granted')
  budget.complete(clock.nowMs())
  const waiter = lane.enter(ask, clock.nowMs())
  const real = Date.now
  Date.now = () => real() - HOUR
  t.teardown(() => {
    Date.now = real
  })
  if (waiter.kind !== 'waiting') throw new Error(waiter.kind)
  // The lane's own timers do not keep the process alive.
  const alive = setTimeout(() => undefined, 10_000)
  const end = await waiter.result
  clearTimeout(alive)
  t.equal(end.kind, 'granted')
  t.ok(end.waitedMs < 5_000, `${Math.round(end.waitedMs)} ms`)
  for (let i = 0; i < 100 && process.getActiveResourcesInfo().includes('Timeout'); i++) {
    await new Promise(resolve => setImmediate(resolve))
  }
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'), 'and the gate that never opened is gone')
})

void t.test('shares are kept while the hour is scarce, lent in its last tenth, and bite no ample hour', t => {
  const hour = (remaining: number, aligned = true) => ({
    ...{ limit: 1_000, remaining, aligned },
    ...(aligned ? { startedMs: 0, endsMs: 1_000_000 } : { startedMs: -500_000, endsMs: 600_000 }),
  })
  const shares = new Map([
    ['a', 0.3],
    ['b', 0.1],
  ])
  const offerEvery = (ms: number, untilMs: number, remaining: number) => {
    const reserve = makeReserve(shares)
    for (let atMs = 0; atMs < untilMs; atMs += ms) reserve.offered(hour(remaining), atMs)
    return reserve
  }

  const scarce = offerEvery(100, 100_000, 401)
  const holdMs = (app: string | undefined, remaining: number, ahead = 0, nowMs = 100_000) =>
    scarce.holdMs(app, ahead, 0, hour(remaining), nowMs)
  t.equal(holdMs('other', 401), 0, 'what is not kept is for all')
  t.ok(holdMs('other', 400) > 0)
  t.equal(holdMs('other', 402, 1), 0)
  t.ok(holdMs('other', 401, 1) > 0, 'by those before it too')
  t.ok(holdMs(undefined, 400) > 0)
  t.equal(holdMs('a', 101), 0, 'an app may use its own share')
  t.ok(holdMs('a', 100) > 0, 'but not that of another')
  t.equal(holdMs('b', 301), 0)
  t.equal(holdMs('other', 400, 0, 900_000), 0, 'in the last tenth all is lent')
  t.equal(holdMs('other', 10), 800_000, 'until then it is not')
  const soonMs = holdMs('other', 400)
  t.ok(
    soonMs > 0 && holdMs('other', 400, 0, 100_000 + soonMs - 1) > 0,
    'or until silence makes the hour ample',
  )
  t.equal(holdMs('other', 400, 0, 100_000 + Math.ceil(soonMs)), 0)
  for (let i = 0; i < 300; i++) scarce.used('a', 1, hour(700), 100_000)
  t.equal(holdMs('other', 101), 0, 'what has been used is kept no more')
  scarce.used('a', -1, hour(700), 100_000)
  t.ok(holdMs('other', 101) > 0, 'and a call that never left has not used it')
  t.equal(
    scarce.holdMs('other', 0, 0, { ...hour(400), startedMs: 1_000_000, endsMs: 2_000_000 }, 1_000_100),
    0,
    'a new hour is a new count',
  )

  const ample = offerEvery(2_000, 500_000, 300)
  t.equal(ample.holdMs('other', 0, 0, hour(300), 500_000), 0, '250 more to come, 300 left')
  t.ok(ample.holdMs('other', 0, 60, hour(300), 500_000) > 0, 'but 60 wait besides')

  const sliding = makeReserve(shares)
  for (let atMs = 0; atMs < 20_000; atMs += 100) sliding.offered(hour(1_000, false), 500_000 + atMs)
  const at = (remaining: number, nowMs: number, app = 'other') => {
    const rolling = { ...hour(remaining, false), startedMs: nowMs - 1_000_000, endsMs: nowMs + 1_000 }
    return sliding.holdMs(app, 0, 0, rolling, nowMs)
  }
  t.ok(at(400, 520_000) > 0, 'a flood in a sliding hour')
  t.equal(at(400, 520_000 + at(400, 520_000)), 0, 'is over one window of silence later')
  t.equal(at(401, 520_000), 0)
  t.end()
})

void t.test('an app with a share of 0.3 gets it, though another offers ten times the limit', async t => {
  for (const aligned of [true, false]) {
    const windowMs = 100_000
    const limits = { hour: { limit: 200, windowMs, aligned }, burst: { limit: 50, windowMs: 1_000 } }
    const scene = makeScene(limits, { reserves: new Map([['kept', 0.3]]) })
    await offer(scene, { greedy: 20, kept: 0.7 }, windowMs, { maxWaitMs: 2_000 })
    const count = (app: string) =>
      scene.visits.filter(visit => visit.app === app && visit.end === 'granted').length
    t.equal(count('kept'), 60, `its part of an hour that is ${aligned ? 'fixed' : 'sliding'}`)
    t.equal(count('greedy'), 140)
  }
})

void t.test('an idle share is lent in the last tenth, and nothing bites while the hour is ample', async t => {
  const limits = {
    hour: { limit: 200, windowMs: 100_000, aligned: true },
    burst: { limit: 50, windowMs: 1_000 },
  }
  const reserves = new Map([['kept', 0.3]])
  const scene = makeScene(limits, { reserves })
  await offer(scene, { greedy: 20 }, 80_000, { maxWaitMs: 2_000 })
  t.equal(scene.budget.sentMs.length, 140, 'kept until then')
  const refused = scene.call({ app: 'greedy', maxWaitMs: 0 })
  t.strictSame([refused.end, refused.by], ['turned', 'hour'])
  await scene.clock.advance(Math.ceil(refused.retryAfterMs) - 1_000)
  const waits = scene.call({ app: 'greedy' })
  t.equal(waits.end, 'waiting')
  await scene.clock.advance(1_000)
  t.equal(waits.end, 'granted', 'those who wait for it go when it is lent')
  await offer(scene, { greedy: 20 }, 100_000, { maxWaitMs: 2_000 })
  t.equal(scene.budget.sentMs.length, 200, 'and nothing is lost')

  const ample = makeScene(limits, { reserves })
  await offer(ample, { modest: 1.9 }, 100_000, { maxWaitMs: 0 })
  t.strictSame(byEnd(ample.visits), { granted: ample.visits.length }, '190 of 200, nobody held')
})

type Step =
  | { readonly kind: 'call'; readonly app: string; readonly priority: Priority; readonly maxWaitMs: number }
  | { readonly kind: 'leave'; readonly nth: number }
  | { readonly kind: 'answer' }
  | { readonly kind: 'refund' }
  | { readonly kind: 'block'; readonly forMs: number }
  | { readonly kind: 'pass'; readonly forMs: number }

const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      app: fc.constantFrom('a', 'b', 'c'),
      priority: fc.constantFrom<Priority>('high', 'normal', 'low'),
      maxWaitMs: fc.integer({ min: 0, max: 2_000 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('leave' as const), nth: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refund' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('block' as const), forMs: fc.integer({ min: 1, max: 300 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), forMs: fc.integer({ min: 0, max: 400 }) }),
  },
)

void t.test('whatever happens: no call without room, none forgotten, none served that has left', async t => {
  const seen: Record<string, number> = {}
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 40, maxLength: 80 }),
      fc.boolean(),
      fc.boolean(),
      async (steps, aligned, isShared) => {
        const reserves = new Map(isShared ? [['b', 0.4]] : [])
        const scene = makeScene(
          { hour: { limit: 8, windowMs: 1_000, aligned }, burst: { limit: 3, windowMs: 150 } },
          { maxLength: 6, reserves },
        )
        const { clock, budget, lane, visits } = scene
        for (const step of steps) {
          if (step.kind === 'call') scene.call(step, 'never')
          else if (step.kind === 'leave') {
            const waiting = visits.filter(({ end }) => end === 'waiting')
            waiting[step.nth % waiting.length]?.leave()
          } else if (step.kind === 'block') {
            budget.block(clock.nowMs() + step.forMs)
            lane.wake()
          } else if (step.kind === 'pass') await clock.advance(step.forMs)
          else if (budget.inFlight > 0) {
            if (step.kind === 'answer') budget.complete(clock.nowMs())
            else budget.refund(clock.nowMs())
            lane.wake()
          }
          await clock.settle()
          const waiting = visits.filter(({ end }) => end === 'waiting').length
          if (waiting !== lane.length())
            throw new Error(`${waiting} wait, and the lane says ${lane.length()}`)
          if (!isShared && waiting > 0 && budget.room(clock.nowMs()) > 0)
            throw new Error('room, and one waits')
          if (waiting > 6) throw new Error('too many wait')
        }
        await clock.advance(2_001)
        for (const { end } of visits) seen[end] = (seen[end] ?? 0) + 1
        const ends = byEnd(visits)
        if (ends['waiting'] !== undefined) throw new Error('somebody waits for ever')
        if (clock.pending > 0) throw new Error('a timer is left')
      },
    ),
    { numRuns: 100 },
  )
  for (const end of ['granted', 'turned', 'left']) t.ok((seen[end] ?? 0) > 50, `${seen[end]} ${end}`)
})
