/** The polling rule, against a list of all that happened, and against what DocuSign sees of it. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import type { Note } from '../src/base/notebook.js'
import { makePolls, type Ask, type Polls } from '../src/shield/polls.js'

const INTERVAL_MS = 900_000
const RUNS = 300
const EPOCH_MS = Date.UTC(2026, 10, 25)

interface Get {
  readonly key: string
  readonly sentAt: number
  readonly sentMs: number
  answeredMs?: number
  ok?: boolean
}

/** Remembers every GET and every write, and goes through them all each time. */
class Naive {
  readonly gets: Get[] = []
  readonly #writes: { envelope: string; endedAt: number; endedMs: number }[] = []
  #place = 0

  ask(key: string, envelope: string, nowMs: number): Ask {
    const mine = this.gets.filter(get => get.key === key)
    if (mine.some(get => get.ok === undefined)) return { kind: 'pending' }
    const read = mine.filter(get => get.ok).at(-1)
    const untilMs = (read?.answeredMs ?? -Infinity) + INTERVAL_MS
    if (!read || nowMs >= untilMs) return { kind: 'first' }
    const news = this.#writes.some(
      write =>
        write.envelope === envelope && write.endedAt > read.sentAt && nowMs < write.endedMs + INTERVAL_MS,
    )
    return news ? { kind: 'read_after_write' } : { kind: 'inside', restMs: untilMs - nowMs }
  }

  sent(key: string, nowMs: number): void {
    this.gets.push({ key, sentAt: ++this.#place, sentMs: nowMs })
  }

  answered(key: string, ok: boolean, nowMs: number): void {
    const get = this.gets.find(one => one.key === key && one.ok === undefined)
    if (get) Object.assign(get, { ok, answeredMs: nowMs })
  }

  written(envelope: string, nowMs: number): void {
    this.#writes.push({ envelope, endedAt: ++this.#place, endedMs: nowMs })
  }
}

/** Two apps, two envelopes, two resources of each. */
const ENVELOPES = ['e', 'f']
const KEYS = ENVELOPES.flatMap(envelope =>
  ['app1', 'app2'].flatMap(app => [`${app} ${envelope}`, `${app} ${envelope}/docs`]),
)
const envelopeOf = (key: string) => key.split(' ')[1]!.split('/')[0]!

const pass = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
  fc.integer({ min: 0, max: INTERVAL_MS / 2 }),
  fc.constantFrom(0, INTERVAL_MS - 1, INTERVAL_MS, INTERVAL_MS + 1),
)
const step = fc.record({
  passMs: pass,
  act: fc.oneof(
    { weight: 6, arbitrary: fc.constant('get' as const) },
    { weight: 5, arbitrary: fc.constant('answer' as const) },
    { weight: 1, arbitrary: fc.constant('fail' as const) },
    { weight: 1, arbitrary: fc.constant('write' as const) },
  ),
  key: fc.constantFrom(...KEYS),
})
const steps = fc.array(step, { minLength: 20, maxLength: 150 })
type Step = { passMs: number; act: 'get' | 'answer' | 'fail' | 'write'; key: string }

/** Plays the steps as a shield that obeys would, and keeps notes as it must. */
function play(all: readonly Step[], polls: Polls, naive: Naive, see: (nowMs: number) => void): Note[] {
  const notes: Note[] = []
  let nowMs = 0
  const note = (kind: Note['kind'], key: string) => notes.push({ kind, key, wallMs: EPOCH_MS + nowMs })
  const answer = (key: string, ok: boolean) => {
    polls.answered(key, ok, nowMs)
    naive.answered(key, ok, nowMs)
    note(ok ? 'answered' : 'unanswered', key)
  }
  for (const { passMs, act, key } of all) {
    nowMs += passMs
    const isOut = naive.gets.some(get => get.key === key && get.ok === undefined)
    if (act === 'write') {
      polls.written(envelopeOf(key), nowMs)
      naive.written(envelopeOf(key), nowMs)
      note('written', envelopeOf(key))
    } else if (act === 'get') {
      const { kind } = polls.ask(key, envelopeOf(key), nowMs)
      if (kind === 'first' || kind === 'read_after_write') {
        polls.sent(key, nowMs)
        naive.sent(key, nowMs)
        note('asked', key)
      }
    } else if (isOut) answer(key, act === 'answer')
    see(nowMs)
  }
  for (const { key } of naive.gets.filter(get => get.ok === undefined)) answer(key, true)
  return notes
}

void t.test('every answer is that of a list of all that happened', t => {
  const kinds = new Map<string, number>()
  fc.assert(
    fc.property(steps, all => {
      const polls = makePolls({ intervalMs: INTERVAL_MS, max: 1000 })
      const naive = new Naive()
      let isEqual = true
      play(all, polls, naive, nowMs => {
        for (const key of KEYS) {
          const ask = polls.ask(key, envelopeOf(key), nowMs)
          kinds.set(ask.kind, (kinds.get(ask.kind) ?? 0) + 1)
          isEqual &&= isDeepStrictEqual(ask, naive.ask(key, envelopeOf(key), nowMs))
        }
      })
      return isEqual
    }),
    { numRuns: RUNS },
  )
  for (const kind of ['first', 'read_after_write', 'pending', 'inside']) {
    t.ok((kinds.get(kind) ?? 0) > 50, `${kind}: ${kinds.get(kind)} times`)
  }
  t.end()
})

void t.test('promise 5: as DocuSign counts arrivals, no GET follows a read one within the interval', t => {
  let most = 0
  fc.assert(
    fc.property(steps, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (all, shares) => {
      const naive = new Naive()
      const withoutWrites = all.filter(({ act }) => act !== 'write')
      play(withoutWrites, makePolls({ intervalMs: INTERVAL_MS, max: 1000 }), naive, () => {})
      const arrived = naive.gets.map(get => ({
        ...get,
        atMs: get.sentMs + (get.answeredMs! - get.sentMs) * shares.next().value!,
      }))
      for (const key of KEYS) {
        const mine = arrived.filter(get => get.key === key)
        most = Math.max(most, mine.length)
        for (const [at, get] of mine.entries()) {
          const read = mine.slice(0, at).findLast(one => one.ok)
          if (read && get.atMs - read.atMs < INTERVAL_MS) return false
        }
      }
      return true
    }),
    { numRuns: RUNS },
  )
  t.ok(most > 3, `${most} GETs of one resource in one run`)
  t.end()
})

void t.test('a write lets each resource of its envelope be read once by each app, and nothing else', t => {
  const polls = makePolls({ intervalMs: INTERVAL_MS, max: 10 })
  const read = (key: string, nowMs: number) => {
    polls.sent(key, nowMs)
    polls.answered(key, true, nowMs)
  }
  for (const key of KEYS) read(key, 0)
  polls.written('e', 0)
  const kinds = () => KEYS.map(key => polls.ask(key, envelopeOf(key), 0).kind)
  t.strictSame(kinds(), [...Array<string>(4).fill('read_after_write'), ...Array<string>(4).fill('inside')])
  polls.sent(KEYS[0]!, 0)
  polls.answered(KEYS[0]!, false, 0)
  t.equal(kinds()[0], 'read_after_write', 'one that failed has shown nothing')
  read(KEYS[0]!, 0)
  t.strictSame(kinds(), [
    'inside',
    ...Array<string>(3).fill('read_after_write'),
    ...Array<string>(4).fill('inside'),
  ])
  polls.sent(KEYS[1]!, 1)
  polls.written('e', 2)
  polls.answered(KEYS[1]!, true, 3)
  t.equal(kinds()[1], 'read_after_write', 'what was sent before the write ended may have missed it')
  t.end()
})

void t.test('only a 2xx begins an interval, at its answer; exactly one interval later the next may go', t => {
  const polls = makePolls({ intervalMs: 1000, max: 10 })
  const ask = (nowMs: number) => polls.ask('k', 'e', nowMs)
  polls.sent('k', 0)
  t.strictSame(ask(5000), { kind: 'pending' }, 'until it is answered, nobody knows')
  polls.answered('k', false, 5000)
  t.strictSame([ask(5000), polls.size], [{ kind: 'first' }, 0], 'a failure leaves nothing behind')
  polls.sent('k', 5000)
  polls.answered('k', true, 6000)
  t.strictSame(ask(6000), { kind: 'inside', restMs: 1000 })
  t.strictSame(ask(6999.5), { kind: 'inside', restMs: 0.5 })
  t.strictSame(ask(7000), { kind: 'first' })
  polls.sent('k', 6500)
  polls.answered('k', false, 6600)
  t.strictSame(ask(6900), { kind: 'inside', restMs: 100 }, 'one that failed leaves the interval as it was')
  t.end()
})

void t.test('where the rule is only observed, several are on their way, and the last answer counts', t => {
  const polls = makePolls({ intervalMs: 1000, max: 10 })
  for (const nowMs of [0, 1, 2]) polls.sent('k', nowMs)
  polls.answered('k', true, 10)
  polls.answered('k', false, 11)
  t.equal(polls.ask('k', 'e', 12).kind, 'pending')
  polls.answered('k', true, 20)
  t.strictSame(polls.ask('k', 'e', 20), { kind: 'inside', restMs: 1000 })
  t.end()
})

void t.test('who comes back when he was told is never refused again, and refusals spend nothing', t => {
  fc.assert(
    fc.property(
      fc.array(pass, { maxLength: 30 }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      (passes, startMs) => {
        const polls = makePolls({ intervalMs: INTERVAL_MS, max: 10 })
        polls.sent('k', startMs)
        polls.answered('k', true, startMs)
        let nowMs = startMs
        for (const passMs of passes) {
          const ask = polls.ask('k', 'e', (nowMs += passMs))
          if (ask.kind !== 'inside') return nowMs >= startMs + INTERVAL_MS
          const retryAfterMs = Math.ceil(ask.restMs / 1000) * 1000
          if (polls.ask('k', 'e', nowMs + retryAfterMs).kind !== 'first') return false
        }
        return true
      },
    ),
    { numRuns: RUNS },
  )
  t.pass(`${RUNS} runs`)
  t.end()
})

void t.test('a restart forgets nothing: what was noted is answered as before', t => {
  fc.assert(
    fc.property(steps, fc.integer({ min: -1e9, max: 1e9 }), (all, shiftMs) => {
      const naive = new Naive()
      const before = makePolls({ intervalMs: INTERVAL_MS, max: 1000 })
      let endMs = 0
      const notes = play(all, before, naive, nowMs => (endMs = nowMs))
      const after = makePolls({ intervalMs: INTERVAL_MS, max: 1000 })
      after.restore(
        [...notes, { kind: 'terminal', key: 'e', wallMs: EPOCH_MS }],
        wallMs => wallMs - EPOCH_MS + shiftMs,
      )
      return KEYS.every(key =>
        [endMs, endMs + INTERVAL_MS / 3].every(nowMs =>
          isDeepStrictEqual(
            after.ask(key, envelopeOf(key), nowMs + shiftMs),
            naive.ask(key, envelopeOf(key), nowMs),
          ),
        ),
      )
    }),
    { numRuns: RUNS },
  )
  t.pass(`${RUNS} runs`)
  t.end()
})

void t.test('a reload keeps what has begun, and judges it by the new interval', t => {
  const polls = makePolls({ intervalMs: 1000, max: 10 })
  polls.sent('k', 0)
  polls.answered('k', true, 0)
  polls.configure(5000)
  t.strictSame(polls.ask('k', 'e', 1000), { kind: 'inside', restMs: 4000 })
  polls.configure(500)
  t.strictSame(polls.ask('k', 'e', 500), { kind: 'first' })
  polls.configure(0)
  polls.sent('k', 500)
  t.strictSame(polls.ask('k', 'e', 500), { kind: 'first' }, 'with 0 there is no rule')
  t.end()
})

void t.test('however many resources are asked for, so many are remembered, and the oldest goes first', t => {
  const max = 100
  const polls = makePolls({ intervalMs: INTERVAL_MS, max })
  const isInside = (key: string, nowMs: number) => polls.ask(key, 'e', nowMs).kind === 'inside'
  let largest = 0
  for (let i = 0; i < 10 * max; i++) {
    polls.sent(`k${i}`, i)
    polls.answered(`k${i}`, true, i)
    polls.written(`e${i}`, i)
    largest = Math.max(largest, polls.size)
    if (i % 50 === 0) t.notOk(isInside(`k${i - max}`, i))
  }
  t.equal(largest, 2 * max)
  t.ok(Array.from({ length: max }, (_, i) => isInside(`k${10 * max - 1 - i}`, 10 * max)).every(Boolean))
  polls.sent(`k${9 * max}`, 10 * max + INTERVAL_MS)
  polls.answered(`k${9 * max}`, true, 10 * max + INTERVAL_MS)
  polls.sent('new', 10 * max + INTERVAL_MS)
  t.ok(isInside(`k${9 * max}`, 10 * max + INTERVAL_MS), 'who was asked for again is the oldest no more')
  for (let i = 0; i < max; i++) polls.sent('new', 10 * max + INTERVAL_MS)
  t.equal(polls.size, 2, 'and what has had its time goes by itself')
  t.end()
})

void t.test('one that is let go while it is under way comes back with its answer', t => {
  const polls = makePolls({ intervalMs: INTERVAL_MS, max: 2 })
  for (const key of ['a', 'b', 'c']) polls.sent(key, 0)
  t.equal(polls.ask('a', 'e', 0).kind, 'first')
  polls.answered('a', true, 1)
  t.equal(polls.ask('a', 'e', 1).kind, 'inside')
  t.equal(polls.size, 2)
  t.end()
})
