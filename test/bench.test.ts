/** The benchmarks that compare do not rot: in miniature they start, run and find numbers. What they find is judged nowhere. */
import t, { type Test } from 'tap'
import { firstComeWaits, leastReads, quantile, staleReads, type Read } from './bench/day-judge.js'
import { WHOLE_DAY, planDay, seeded } from './bench/day-plan.js'
import { day } from './bench/day.js'
import { missing, type Foreign } from './bench/foreign.js'
import type { Result } from './bench/main.js'
import { peers } from './bench/peers.js'
import { plan } from './bench/plan.js'
import { scale } from './bench/scale.js'

const FOREIGN: readonly Foreign[] = ['nginx', 'haproxy', 'varnish']
const present = FOREIGN.filter(name => missing(name) === undefined)
const quietly = () => undefined

// They wait for their hours more than they work.
t.jobs = 3

/** An hour of two seconds, and a job of 30 calls. */
const DAY = {
  ...WHOLE_DAY,
  ...{ hourMs: 2_000, hours: 1, hourLimit: 100, burstMs: 500, burstLimit: 40 },
  ...{ envelopes: 3, lasting: 1, voids: 1, batch: 30, leadMs: 3_000, graceMs: 500, apartMs: 0 },
}

function areNumbers(t: Test, results: readonly Result[]): void {
  for (const { what, ratio, spread = [], also = {} } of results) {
    const numbers = [ratio, ...spread, ...Object.values(also)]
    t.ok(numbers.every(Number.isFinite), `${what}: ${numbers.join(' ')}`)
  }
}

void t.test('the peers are there where the run installs them', async t => {
  if (process.env['CI'] === 'true') t.strictSame(present, FOREIGN)
})

void t.test('hits and forwards are measured beside every peer that is there', { buffered: true }, async t => {
  const size = { connections: [4], rounds: 2, calls: 100, warmUpCalls: 100 }
  for (const [kind, foreign, others] of [
    ['hit', present, present],
    ['forward', [], ['undici']],
  ] as const) {
    const results = await peers(quietly, kind, { ...size, foreign })
    areNumbers(t, results)
    t.strictSame(
      results.map(({ what }) => what.split(':')[0]),
      ['governor', ...others],
    )
  }
})

void t.test('every contender that is there lives through a day', { buffered: true }, async t => {
  const names = ['governor', ...present, 'sixty lines']
  const results = await day(quietly, names.join(), DAY)
  areNumbers(t, results)
  for (const name of names) {
    const [, calls] = results.filter(({ what }) => what.startsWith(`${name}:`))
    t.ok((calls?.ratio ?? 0) > 0, `${name} asked DocuSign`)
  }
})

void t.test('a call among many is measured against one among few', { buffered: true }, async t => {
  const size = { accounts: [1, 20], envelopes: [10, 40], rounds: 2, calls: 100, warmUpCalls: 100 }
  const results = await scale(quietly, 'envelopes', size)
  areNumbers(t, results)
  t.equal(results.length, 2)
})

void t.test('a plan of a day is timed by the program itself', { buffered: true }, async t => {
  const results = await plan(quietly, { calls: 2_000 })
  areNumbers(t, results)
  t.equal(results.length, 4)
})

void t.test('a seeded day is the same for every contender', async t => {
  t.strictSame(planDay(DAY, seeded(7)), planDay(DAY, seeded(7)))
  t.not(JSON.stringify(planDay(DAY, seeded(7))), JSON.stringify(planDay(DAY, seeded(8))))
})

const read = (askedMs: number, more: Partial<Read> = {}): Read => {
  const path = '/accounts/a/envelopes/e'
  return { app: 'poller', path, query: '', envelope: 'e', askedMs, status: 'sent', ...more }
}

void t.test(
  'the fewest reads: one an interval and app, one after a write, none after what is final',
  async t => {
    const least = (reads: readonly Read[], endMs = Infinity, writeMs = Infinity) =>
      leastReads(reads, new Map([['e', endMs]]), new Map([['e', writeMs]]), 900).length
    t.equal(least([read(0), read(899)]), 1)
    t.equal(least([read(0), read(900)]), 2)
    t.equal(least([read(0), read(1, { app: 'desk' })]), 2)
    t.equal(least([read(0), read(10), read(20)], Infinity, 10), 2, 'what a write overtook answers nobody')
    t.equal(least([read(0), read(1_000), read(9_000, { app: 'desk' })], 500), 2, 'an end is read once')
    const part = { path: '/accounts/a/envelopes/e/recipients', status: undefined }
    t.equal(least([read(600, part), read(1_000), read(2_000, part), read(9_000, part)], 500), 3)
  },
)

void t.test(
  'first come, first served: a create behind a job waits for burst after burst, and for the next hour',
  async t => {
    const windows = { hourStartMs: 0, hourMs: 100, hourLimit: 5, burstMs: 10, burstLimit: 2 }
    t.strictSame(firstComeWaits([0, 0, 0, 0, 0, 1], windows), [0, 0, 10, 10, 20, 99])
    t.strictSame(firstComeWaits([98, 99, 99, 150], windows), [0, 0, 9, 0])
  },
)

void t.test('stale is what does not know of a void that had been answered', async t => {
  const reads = [read(90), read(110), read(130), read(140, { status: 'voided' })]
  t.strictSame(staleReads(reads, new Map([['e', 100]])), { count: 2, longestMs: 30 })
  t.equal(quantile([3, 1, 2], 0.5), 2)
  t.equal(quantile([], 0.95), 0)
})
