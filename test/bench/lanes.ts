/**
 * What does asking cost? Where nobody waits: a lane against its bare budget. Where many wait: the whole way through the
 * waiting room against one Bottleneck job for each of them.
 */
import Bottleneck from 'bottleneck'
import { makeSystemClock } from '../../src/base/clock.js'
import { Budget } from '../../src/governor/budget.js'
import { makeDocusignTime } from '../../src/governor/docusign-time.js'
import { makeLane, type Ask } from '../../src/governor/lane.js'
import type { Result } from './main.js'

const ROUNDS = 7
const DECISIONS = 300_000
const WAITERS = 5_000
const JOBS = 400
const PLACES = 500
const WINDOW_MS = 50
const ASK: Ask = { app: 'app', priority: 'normal', maxWaitMs: 45_000 }
const NO_SHARES = { maxLength: WAITERS, reserves: new Map<string, number>() }
const clock = makeSystemClock()

export async function lanes(say: (text: string) => void): Promise<Result[]> {
  const asked: number[] = []
  const bare: number[] = []
  for (const how of ['lane', 'budget'] as const) uncontended(how)
  for (let round = 0; round < ROUNDS; round++) {
    asked.push(uncontended('lane'))
    bare.push(uncontended('budget'))
  }
  const waited: number[] = []
  const jobs: number[] = []
  await crowd()
  for (let round = 0; round < ROUNDS; round++) {
    waited.push(await crowd())
    jobs.push(await queueOfJobs())
  }
  const micros = (values: number[]) => median(values).toFixed(2)
  say(`lanes: ${micros(asked)} µs a decision and its answer (budget alone ${micros(bare)})`)
  say(`lanes: ${micros(waited)} µs of CPU a waiter (a Bottleneck job each ${micros(jobs)})`)
  return [
    {
      what: 'CPU of a call that need not wait, decided, charged and answered',
      against: 'its budget alone, charged and answered',
      ...ratios(asked, bare),
      mark: 1.5,
    },
    {
      what: `CPU of a call that waits, ${WAITERS} in one lane`,
      against: 'a Bottleneck job for each',
      ...ratios(waited, jobs),
      mark: 0.1,
    },
  ]
}

function makeBudget(limit: number, windowMs: number): Budget {
  const hour = { limit: 1_000_000_000, windowMs: 1_000, alignment: 'sliding' } as const
  const config = { hour, burst: { limit, windowMs }, learn: true, margin: 0 }
  const budget = new Budget(config, makeDocusignTime(clock.wallMs(), clock.nowMs()))
  // An account that is known: its first call has been answered.
  budget.take()
  budget.answered(0, undefined, 0)
  return budget
}

/** µs a call; a hundred are under way, and both windows have some hundreds of places to look through. In virtual time. */
function uncontended(how: 'lane' | 'budget'): number {
  const budget = makeBudget(1_000, 30)
  const lane = makeLane(budget, NO_SHARES, clock)
  const before = process.cpuUsage()
  for (let i = 0; i < DECISIONS; i++) {
    const nowMs = i / 3
    if (how === 'lane') {
      if (lane.enter(ASK, nowMs).kind !== 'granted') throw new Error('there was no room')
    } else {
      if (budget.room(nowMs) < 1) throw new Error('there was no room')
      budget.take()
    }
    if (i >= 100) budget.failed(nowMs)
  }
  return microsSince(before) / DECISIONS
}

/** µs of CPU a waiter: all that `enter`, the turnstile, the grants and the answers cost. */
async function crowd(): Promise<number> {
  const budget = makeBudget(PLACES, WINDOW_MS)
  const lane = makeLane(budget, NO_SHARES, clock)
  // A lane's timers do not keep the process alive.
  const alive = setInterval(() => undefined, 1_000)
  const before = process.cpuUsage()
  const calls: Promise<void>[] = []
  for (let i = 0; i < WAITERS + PLACES; i++) {
    const entered = lane.enter(ASK, clock.nowMs())
    if (entered.kind === 'granted') budget.failed(clock.nowMs())
    else if (entered.kind === 'turned') throw new Error(entered.reason)
    else {
      const answered = entered.result.then(({ kind }) => {
        if (kind !== 'granted') throw new Error(kind)
        budget.failed(clock.nowMs())
        lane.wake()
      })
      calls.push(answered)
    }
  }
  await Promise.all(calls)
  clearInterval(alive)
  return microsSince(before) / calls.length
}

async function queueOfJobs(): Promise<number> {
  const limiter = new Bottleneck({ maxConcurrent: 1 })
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: JOBS }, (_, i) => limiter.schedule(async () => i)))
  return microsSince(before) / JOBS
}

function microsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Taken round by round, because the machine is never equally busy twice. */
function ratios(ours: number[], theirs: number[]): Pick<Result, 'ratio' | 'spread'> {
  const each = ours.map((value, i) => value / (theirs[i] as number)).toSorted((a, b) => a - b)
  return { ratio: median(each), spread: [each[0] as number, each.at(-1) as number] }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number
}
