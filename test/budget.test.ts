/** Promises 1, 2, 3 and 9: the budget of one account, against naive lists of everything that happened. */
import fc from 'fast-check'
import t from 'tap'
import { Budget } from '../src/governor/budget.js'
import type { BudgetConfig } from '../src/governor/standing.js'
import { makeDocusignTime } from '../src/governor/docusign-time.js'
import type { Limits } from '../src/governor/headers.js'

const HOUR_MS = 3_600_000
const BURST_MS = 30_000
const RUNS = 300
/** DocuSign's clock at nowMs 0: 20 minutes into an hour. */
const EPOCH_MS = Date.UTC(2026, 10, 23, 10, 20)

function configOf(hour: number, burst: number, alignment: BudgetConfig['hour']['alignment'], margin = 0) {
  return {
    hour: { limit: hour, windowMs: HOUR_MS, alignment },
    burst: { limit: burst, windowMs: BURST_MS },
    learn: true,
    margin,
  }
}

/** DocuSign, as strict as it may be: the hour by its clock, the burst window sliding, both counted on arrival. */
class Upstream {
  readonly hour: number
  readonly burst: number
  readonly aheadMs: number
  readonly arrivals: { atMs: number; ours: boolean }[] = []

  constructor(hour: number, burst: number, aheadMs: number) {
    this.hour = hour
    this.burst = burst
    this.aheadMs = aheadMs
  }

  epochMs(nowMs: number): number {
    return EPOCH_MS + this.aheadMs + nowMs
  }

  hourOf(nowMs: number): number {
    return Math.floor(this.epochMs(nowMs) / HOUR_MS)
  }

  arrive(atMs: number, ours = true): Limits {
    this.arrivals.push({ atMs, ours })
    const inHour = this.arrivals.filter(one => this.hourOf(one.atMs) === this.hourOf(atMs)).length
    const inBurst = this.arrivals.filter(one => one.atMs > atMs - BURST_MS).length
    return {
      hourLimit: this.hour,
      hourRemaining: Math.max(0, this.hour - inHour),
      resetAtSeconds: ((this.hourOf(atMs) + 1) * HOUR_MS) / 1000,
      burstLimit: this.burst,
      burstRemaining: Math.max(0, this.burst - inBurst),
    }
  }

  dated(limits: Limits, atMs: number): Limits {
    return { ...limits, dateSeconds: Math.floor(this.epochMs(atMs) / 1000) }
  }

  mostInAnyHour(): number {
    const hours = new Map<number, number>()
    for (const { atMs } of this.arrivals)
      hours.set(this.hourOf(atMs), (hours.get(this.hourOf(atMs)) ?? 0) + 1)
    return Math.max(0, ...hours.values())
  }

  mostWithin(windowMs: number): number {
    const times = this.arrivals.map(one => one.atMs).sort((a, b) => a - b)
    return Math.max(
      0,
      ...times.map((startMs, i) => times.slice(i).findLastIndex(atMs => atMs < startMs + windowMs) + 1),
    )
  }
}

type Step =
  | { readonly do: 'send'; readonly outMs: number; readonly backMs: number; readonly fate: Fate }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'restart' }

/** What becomes of a call: `silent`: it arrives and no answer comes; `bare`: an answer without headers; `lost`: it never leaves. */
type Fate = 'answered' | 'bare' | 'silent' | 'lost' | 'absurd'

const latency = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 40_000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      outMs: latency,
      backMs: latency,
      fate: fc.oneof(
        { weight: 12, arbitrary: fc.constant<Fate>('answered') },
        { weight: 1, arbitrary: fc.constantFrom<Fate>('bare', 'silent', 'lost', 'absurd') },
      ),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 1, max: 60_000 }),
        fc.integer({ min: 1, max: 2 * HOUR_MS }),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) },
)

interface Pending {
  readonly atMs: number
  run(): void
}

/** Plays the steps: sends wherever there is room, and everything happens at its own time. */
function play(steps: readonly Step[], upstream: Upstream, config: BudgetConfig): { sent: number } {
  let nowMs = 0
  let sent = 0
  let generation = 0
  let pending: Pending[] = []
  const begin = () => new Budget(config, makeDocusignTime(EPOCH_MS + nowMs, nowMs))
  let budget = begin()

  const at = (atMs: number, run: () => void) => pending.push({ atMs, run })
  const passTo = (untilMs: number) => {
    for (;;) {
      const next = pending.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (!next || next.atMs > untilMs) break
      pending = pending.filter(one => one !== next)
      nowMs = Math.max(nowMs, next.atMs)
      next.run()
    }
    nowMs = untilMs
  }
  const send = (outMs: number, backMs: number, fate: Fate) => {
    const sentMs = nowMs
    const own = generation
    // What was begun before a restart ends unheard of.
    const ifAlive = (run: () => void) => () => {
      if (own === generation) run()
    }
    budget.take()
    sent++
    if (fate === 'lost')
      at(
        sentMs + outMs,
        ifAlive(() => budget.refund()),
      )
    else
      at(sentMs + outMs, () => {
        const limits = upstream.arrive(nowMs)
        at(
          sentMs + outMs + backMs,
          ifAlive(() => {
            if (fate === 'silent') return budget.failed(nowMs)
            const told: Limits | undefined =
              fate === 'bare'
                ? undefined
                : fate === 'absurd'
                  ? { ...limits, resetAtSeconds: 1_320_855_230, hourRemaining: upstream.hour }
                  : limits
            budget.answered(sentMs, told && upstream.dated(told, nowMs), nowMs)
          }),
        )
      })
  }
  const restart = () => {
    const kept = { ...budget.heard(nowMs), completions: budget.ring.times() }
    const unknown = Array.from({ length: budget.inFlight }, () => nowMs)
    // The connections end with the process: what has not arrived by now never will.
    generation++
    pending = []
    budget = begin()
    budget.restore({ ...kept, completions: [...kept.completions, ...unknown] }, nowMs)
  }
  for (const one of steps) {
    if (one.do === 'pass') passTo(nowMs + one.ms)
    else if (one.do === 'restart') restart()
    else if (budget.room(nowMs) > 0) send(one.outMs, one.backMs, one.fate)
  }
  passTo(nowMs + HOUR_MS)
  return { sent }
}

const limitsOf = { hour: fc.integer({ min: 1, max: 25 }), burst: fc.integer({ min: 1, max: 12 }) }

void t.test('promise 1: whatever happens, DocuSign receives no more than its limits', t => {
  let most = 0
  fc.assert(
    fc.property(
      limitsOf.hour,
      limitsOf.burst,
      fc.integer({ min: -1_900, max: 1_900 }),
      fc.constantFrom('auto' as const, 'clock' as const),
      fc.array(step, { minLength: 30, maxLength: 120 }),
      (hour, burst, aheadMs, alignment, steps) => {
        const upstream = new Upstream(hour, burst, aheadMs)
        const { sent } = play(steps, upstream, configOf(hour, burst, alignment))
        most = Math.max(most, sent)
        return upstream.mostInAnyHour() <= hour && upstream.mostWithin(BURST_MS) <= burst
      },
    ),
    { numRuns: RUNS },
  )
  t.ok(most > 30, `calls were sent (${most} in one run)`)
  t.end()
})

void t.test('promise 1, sliding: no hour at all has more than its limit', t => {
  fc.assert(
    fc.property(
      limitsOf.hour,
      limitsOf.burst,
      fc.array(step, { minLength: 30, maxLength: 120 }),
      (hour, burst, steps) => {
        const upstream = new Upstream(hour, burst, 0)
        play(steps, upstream, configOf(hour, burst, 'sliding'))
        return upstream.mostWithin(HOUR_MS) <= hour && upstream.mostWithin(BURST_MS) <= burst
      },
    ),
    { numRuns: RUNS },
  )
  t.pass('in every run')
  t.end()
})

void t.test(
  'promise 3: a higher limit in the settings than at DocuSign is found out by the first call',
  t => {
    fc.assert(
      fc.property(limitsOf.hour, limitsOf.burst, fc.array(step, { minLength: 30 }), (hour, burst, steps) => {
        const upstream = new Upstream(hour, burst, 0)
        const told = steps
          .filter(one => one.do !== 'restart')
          .map(one => (one.do === 'send' ? { ...one, fate: 'answered' as const } : one))
        play(told, upstream, configOf(1000, 500, 'auto'))
        return upstream.mostInAnyHour() <= hour
      }),
      { numRuns: RUNS / 3 },
    )
    t.pass('in every run')
    t.end()
  },
)

/** A budget that knows its account and has no call out, at nowMs 0. */
function known(config: BudgetConfig, limits?: Limits): Budget {
  const budget = new Budget(config, makeDocusignTime(EPOCH_MS, -BURST_MS))
  budget.take()
  budget.answered(-BURST_MS - 500, limits, -BURST_MS)
  return budget
}

void t.test('promise 2: room is exactly what the windows leave', t => {
  const event = fc.record({
    passMs: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: HOUR_MS })),
    act: fc.constantFrom('take', 'answer', 'refund'),
  })
  fc.assert(
    fc.property(limitsOf.hour, limitsOf.burst, fc.array(event, { maxLength: 200 }), (hour, burst, events) => {
      const budget = known(configOf(hour, burst, 'sliding'))
      const answers = [-BURST_MS]
      let out = 0
      let nowMs = 0
      for (const { passMs, act } of events) {
        nowMs += passMs
        const within = (windowMs: number) => answers.filter(atMs => atMs > nowMs - windowMs).length + out
        const room = Math.max(0, Math.min(hour - within(HOUR_MS), burst - within(BURST_MS)))
        if (budget.room(nowMs) !== room) return false
        if (act === 'take' && room > 0) {
          budget.take()
          out++
        } else if (act === 'answer' && out > 0) {
          budget.failed(nowMs)
          answers.push(nowMs)
          out--
        } else if (act === 'refund' && out > 0) {
          budget.refund()
          out--
        }
      }
      return true
    }),
    { numRuns: RUNS },
  )
  t.pass('in every run')
  t.end()
})

/** When the k-th of a queue is really sent, if each goes as soon as there is room and is answered 500 ms later. */
function playQueue(budget: Budget, calls: number): number[] {
  const sentMs: number[] = []
  const answersMs: number[] = []
  for (let nowMs = 0; sentMs.length < calls;) {
    while (answersMs[0] !== undefined && answersMs[0] <= nowMs) {
      const atMs = answersMs.shift() as number
      budget.answered(atMs - 500, undefined, atMs)
    }
    while (sentMs.length < calls && budget.room(nowMs) > 0) {
      budget.take()
      sentMs.push(nowMs)
      answersMs.push(nowMs + 500)
    }
    if (sentMs.length === calls) break
    const waitMs = Math.max(1, Math.ceil(budget.forecast(nowMs, 0).waitMs))
    nowMs = Math.min(nowMs + waitMs, answersMs[0] ?? Infinity)
  }
  return sentMs
}

void t.test('promise 9: the wait that is predicted is the wait there will be', t => {
  const pastCalls = fc.array(fc.integer({ min: 1, max: 60_000 }), { maxLength: 30 })
  const aligned = fc.boolean()
  fc.assert(
    fc.property(limitsOf.hour, limitsOf.burst, pastCalls, aligned, (hour, burst, gaps, isAligned) => {
      const make = () => {
        const resetAtSeconds = Math.ceil(EPOCH_MS / HOUR_MS) * 3600
        const told = {
          hourLimit: hour,
          hourRemaining: hour - 1,
          resetAtSeconds,
          dateSeconds: EPOCH_MS / 1000 - 30,
        }
        const budget = known(
          configOf(hour, burst, isAligned ? 'auto' : 'sliding'),
          isAligned ? told : undefined,
        )
        // A past that keeps to the rules, told backwards from now.
        const total = gaps.reduce((sum, gap) => sum + gap, 0)
        let atMs = -Math.min(total, BURST_MS - 600)
        for (const gap of gaps) {
          atMs += gap
          if (atMs >= -500 || budget.room(atMs) <= 0) continue
          budget.take()
          budget.answered(atMs, undefined, atMs + 500)
          atMs += 500
        }
        return budget
      }
      const budget = make()
      const calls = Math.min(40, hour * 2)
      const predictedMs = Array.from({ length: calls }, (_, ahead) => budget.forecast(0, ahead).waitMs)
      const sentMs = playQueue(make(), calls)
      // Whole milliseconds are waited for, and those that stand behind each other add up; DocuSign's clock is known
      // less well the longer it has not been heard.
      const slackMs = (ms: number, k: number) => 2 + k + (isAligned ? ms * 3e-4 : 0)
      return predictedMs.every((ms, k) => Math.abs(ms - (sentMs[k] as number)) <= slackMs(ms, k))
    }),
    { numRuns: RUNS },
  )
  t.pass('in every run')
  t.end()
})

void t.test('promise 9: a lone caller who honours Retry-After is not refused again', t => {
  fc.assert(
    fc.property(
      limitsOf.hour,
      limitsOf.burst,
      fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 20, maxLength: 60 }),
      (hour, burst, gaps) => {
        const budget = known(configOf(hour, burst, 'sliding'))
        let nowMs = 0
        for (const gap of gaps) {
          nowMs += gap
          if (budget.room(nowMs) <= 0) {
            const retryAfterSeconds = Math.max(1, Math.ceil(budget.forecast(nowMs, 0).waitMs / 1000))
            nowMs += retryAfterSeconds * 1000
            if (budget.room(nowMs) <= 0) return false
          }
          budget.take()
          budget.answered(nowMs, undefined, nowMs + 200)
          nowMs += 200
        }
        return true
      },
    ),
    { numRuns: RUNS },
  )
  t.pass('in every run')
  t.end()
})

void t.test('promise 3: what headers may change', t => {
  const HOUR = 100
  const reset = Math.ceil(EPOCH_MS / HOUR_MS) * 3600
  const dateSeconds = Math.floor(EPOCH_MS / 1000)
  const base: Limits = { hourLimit: HOUR, hourRemaining: 50, resetAtSeconds: reset, dateSeconds }
  const make = () => known(configOf(HOUR, 1000, 'auto'), base)
  const after = (limits: Limits, nowMs = 1_000, sentMs = nowMs - 100) => {
    const budget = make()
    budget.take()
    budget.answered(sentMs, limits, nowMs)
    return budget.room(nowMs)
  }

  t.equal(make().room(0), 50, 'what DocuSign says is left, where it is less than ours')
  t.equal(after({ ...base, hourRemaining: 20 }), 20, 'less is believed at once')
  t.equal(after({ ...base, hourRemaining: 90 }), 50, 'more, in the same hour, is an older header')
  t.equal(
    after({ ...base, hourRemaining: 99, resetAtSeconds: reset - 3600 }),
    49,
    'an earlier reset says nothing of this hour',
  )
  t.equal(
    after({ ...base, hourRemaining: 99, resetAtSeconds: reset + 7200 }),
    49,
    'a reset beyond one window is absurd',
  )
  t.equal(after({ dateSeconds }), 49, 'without headers a call is counted all the same')
  t.equal(after({ ...base, hourLimit: 60, hourRemaining: 45 }), 45, 'a lower limit is adopted')
  t.equal(
    after(
      { ...base, hourLimit: 300, hourRemaining: 298, resetAtSeconds: reset + 3600, dateSeconds: reset + 1 },
      2_402_000,
    ),
    298,
    'a newer hour raises it',
  )

  const others = make()
  others.take()
  others.answered(900, { ...base, hourRemaining: 30 }, 1_000)
  t.equal(others.standing(1_000).foreign, 68, 'what is missing between the two was spent by others')

  const burst = known(configOf(1000, 10, 'auto'), { burstLimit: 10, burstRemaining: 4 })
  t.equal(burst.room(-BURST_MS + 1), 4, 'others in the burst window are allowed for')
  t.equal(burst.room(1), 10, 'and leave it with the window')

  const unlearned = known({ ...configOf(HOUR, 1000, 'auto'), learn: false }, base)
  t.equal(unlearned.room(0), HOUR - 1, 'limits.learn: false takes no word of it')
  t.end()
})

void t.test('an account nobody knows starts with one call alone', t => {
  const budget = new Budget(configOf(100, 50, 'auto'), makeDocusignTime(EPOCH_MS, 0))
  t.equal(budget.room(0), 1)
  budget.take()
  t.equal(budget.room(0), 0)
  t.equal(budget.forecast(0, 0).by, 'first')
  budget.failed(10)
  t.equal(budget.room(10), 1, 'when no answer came, the next goes alone')
  budget.take()
  budget.answered(10, undefined, 20)
  t.equal(budget.room(20), 48, 'an answer frees the others')
  t.end()
})

void t.test('promise 4: a block holds until its end, whatever the windows say', t => {
  const budget = known(configOf(100, 50, 'auto'))
  budget.block('burst', 5_000, 0)
  t.same([budget.room(4_999), budget.forecast(1_000, 0)], [0, { waitMs: 4_000, by: 'burst' }])
  t.ok(budget.room(5_000) > 0)
  budget.block('unknown', 9_000, 0)
  budget.block('unknown', 7_000, 0)
  t.equal(budget.forecast(6_000, 0).waitMs, 3_000, 'a later word never shortens it')
  t.end()
})

void t.test('the safety margin of each window is never used', t => {
  const budget = known(configOf(100, 10, 'sliding', 3))
  t.equal(budget.room(1), 7)
  t.end()
})

void t.test('memory follows use, and an account over its exact bound is only held longer', t => {
  const budget = known({ ...configOf(10_000_000, 10_000_000, 'sliding'), learn: false })
  for (let i = 0; i < 100_000; i++) {
    budget.take()
    budget.answered(i, undefined, i)
  }
  const held = 10_000_000 - budget.standing(100_000).burst.remaining
  t.ok(held >= BURST_MS - 1 && held <= BURST_MS * 1.002, `no place is lost (${held})`)
  const late = budget.room(99_999 + BURST_MS + BURST_MS / 1000)
  t.equal(late, 10_000_000 - 100_001, 'and none is held more than a thousandth longer')
  t.end()
})
