/** What every `Ledger` must do. Each way to keep one runs it. */
import type { Test } from 'tap'
import type { Ledger, Remembered, Spent } from '../../src/base/ledger.js'
import { makeHandClock, type HandClock } from '../fixtures/hand-clock.js'

export const KEEP_MS = 3_700_000

export interface Runs {
  /** A run of the process: reads what the run before left. */
  start(clock: HandClock): Ledger
  /** Whether a run knows of those before it. */
  readonly remembers: boolean
}

export function line(wallMs: number, completed: number, pending: number, remaining?: number): Spent {
  return {
    wallMs,
    completed,
    pending,
    remaining,
    resetAtSeconds: remaining === undefined ? undefined : 1_764_003_600,
  }
}

const byName = (a: Remembered, b: Remembered) => (a.account < b.account ? -1 : 1)

export async function ledgerContract(t: Test, make: () => Runs): Promise<void> {
  await t.test(
    'a run knows the lines of the runs before it, in order, for as long as they matter',
    async t => {
      const runs = make()
      const clock = makeHandClock()
      const startMs = clock.wallMs()
      const first = runs.start(clock)
      t.strictSame(first.load(), [])
      const accounts = ['12345678-aaaa-4bbb-8ccc-123456789012', '100200', '', 'ü'.repeat(60)]
      for (const account of accounts) {
        const page = first.open(account)
        // More than one chunk of lines, and over more than one slice of time.
        for (let i = 0; i < 100; i++) {
          t.ok(page.append(line(startMs + i * 60_000, 1, i === 99 ? 0 : 2, i % 2 ? i : undefined)))
        }
      }
      t.ok(first.open('b').learn({ wallMs: startMs, hourLimit: 3000, burstLimit: 500 }))
      t.ok(first.open('b').learn({ wallMs: startMs, hourLimit: 1000, sameAs: 'a', blockedUntilWallMs: 7 }))
      t.strictSame(first.health(), { up: true, degraded: false, message: undefined })
      await first.close()

      clock.pass(99 * 60_000)
      const second = runs.start(clock)
      const found = [...second.load()].sort(byName)
      if (runs.remembers) {
        t.strictSame(
          found.map(({ account }) => account),
          ['', '100200', accounts[0], 'b', accounts[3]],
        )
        const young = Array.from({ length: 100 }, (_, i) => i).filter(i => i * 60_000 > 99 * 60_000 - KEEP_MS)
        for (const { account, spent, learned } of found) {
          if (account === 'b') {
            t.match(learned, { hourLimit: 1000, sameAs: 'a', blockedUntilWallMs: 7 })
            t.equal(learned?.burstLimit, undefined, 'what is learned is whole each time')
          } else {
            t.strictSame(
              spent,
              young.map(i => line(startMs + i * 60_000, 1, i === 99 ? 0 : 2, i % 2 ? i : undefined)),
            )
          }
        }
      } else t.strictSame(found, [])
      await second.close()
    },
  )

  await t.test('what was out when a run ended is over when the next one starts, once', async t => {
    const runs = make()
    const clock = makeHandClock()
    const first = runs.start(clock)
    t.ok(first.open('a').append(line(clock.wallMs(), 2, 5, 40)))
    await first.close()
    for (const waitedMs of [10_000, 20_000]) {
      clock.pass(10_000)
      const next = runs.start(clock)
      const atMs = clock.wallMs() - waitedMs
      const [a] = next.load()
      if (runs.remembers) {
        t.strictSame(a?.spent, [line(atMs, 2, 5, 40), line(atMs + 10_000, 5, 0, 40)])
      }
      await next.close()
    }
  })

  await t.test('many lines are kept together', async t => {
    const runs = make()
    const clock = makeHandClock()
    const first = runs.start(clock)
    const pages = Array.from({ length: 100 }, (_, i) => first.open(`account-${i}`))
    t.ok(first.together(() => pages.forEach(page => page.append(line(clock.wallMs(), 1, 0)))))
    await first.close()
    clock.pass(1_000)
    const second = runs.start(clock)
    t.equal(second.load().length, runs.remembers ? 100 : 0)
    await second.close()
  })

  await t.test('two pages of one account lose nothing of each other', async t => {
    const runs = make()
    const clock = makeHandClock()
    const first = runs.start(clock)
    const [one, other] = [first.open('a'), first.open('a')]
    for (let i = 0; i < 60; i++) {
      one.append(line(clock.wallMs() + 2 * i, 1, 0))
      other.append(line(clock.wallMs() + 2 * i + 1, 1, 0))
    }
    await first.close()
    clock.pass(1_000)
    const second = runs.start(clock)
    const found = second.load()[0]?.spent.reduce((sum, { completed }) => sum + completed, 0)
    t.equal(found, runs.remembers ? 120 : undefined)
    await second.close()
  })

  await t.test('a step of the wall clock moves the lines with it', async t => {
    for (const stepMs of [3_700_000, -100_000]) {
      const runs = make()
      const clock = makeHandClock()
      const first = runs.start(clock)
      const wasMs = clock.wallMs()
      first.open('a').append(line(wasMs, 1, 0))
      first.open('a').learn({ wallMs: wasMs, blockedUntilWallMs: wasMs + 60_000 })
      clock.stepWall(stepMs)
      t.ok(first.skewed(stepMs))
      await first.close()
      clock.pass(5_000)
      const second = runs.start(clock)
      const [a] = second.load()
      if (runs.remembers) {
        t.strictSame(a?.spent, [line(clock.wallMs() - 5_000, 1, 0)])
        t.equal(a?.learned?.blockedUntilWallMs, clock.wallMs() + 55_000)
      }
      await second.close()
    }
  })

  await t.test('a wall clock that was set back between two runs makes no line younger than now', async t => {
    const runs = make()
    const clock = makeHandClock()
    const first = runs.start(clock)
    first.open('a').append(line(clock.wallMs(), 3, 0))
    await first.close()
    clock.stepWall(-600_000)
    const second = runs.start(clock)
    if (runs.remembers) t.strictSame(second.load()[0]?.spent, [line(clock.wallMs(), 3, 0)])
    await second.close()
  })
}
