/** What every `Notebook` must do. Each way to keep one runs it. */
import type { Test } from 'tap'
import { keyOf } from '../../src/base/key.js'
import type { Note, Notebook } from '../../src/base/notebook.js'
import { makeHandClock, type HandClock } from '../fixtures/hand-clock.js'

export const KEEP_NOTES_MS = 960_000

export interface NotebookRun {
  readonly notebook: Notebook
  /** The wall clock was set (`Ledger.skewed`). */
  skewed(byMs: number): void
  close(): Promise<void>
}

export interface NotebookRuns {
  /** A run of the process: reads what the run before left. */
  start(clock: HandClock): NotebookRun
  /** Whether a run knows of those before it. */
  readonly remembers: boolean
}

export function note(kind: Note['kind'], name: string, wallMs: number): Note {
  return { kind, key: keyOf(name), wallMs }
}

export async function notebookContract(t: Test, make: () => NotebookRuns): Promise<void> {
  await t.test('a run knows the notes of the runs before it, in order, while they are young', async t => {
    const runs = make()
    const clock = makeHandClock(1_764_000_000_000.25)
    const first = runs.start(clock)
    t.strictSame(first.notebook.load(), [])
    t.ok(first.notebook.write([]), 'nothing is kept as well as anything')
    const written: Note[] = []
    // More than one row of notes, and over more than one slice of time.
    for (let i = 0; i < 300; i++) {
      const some = (['asked', 'answered', 'asked', 'unanswered', 'written'] as const).map((kind, n) =>
        note(kind, `${i}-${n >> 1}`, clock.wallMs()),
      )
      t.ok(first.notebook.write(some))
      written.push(...some)
      clock.pass(10_000.5)
    }
    await first.close()
    const second = runs.start(clock)
    const young = written.filter(({ wallMs }) => wallMs > clock.wallMs() - KEEP_NOTES_MS)
    t.ok(young.length > 400 && young.length < written.length)
    t.strictSame(second.notebook.load(), runs.remembers ? young : [])
    t.strictSame(second.notebook.load(), [], 'asked once')
    await second.close()
  })

  await t.test('what was asked and never answered is answered now, once', async t => {
    const runs = make()
    const clock = makeHandClock()
    const atMs = clock.wallMs()
    const first = runs.start(clock)
    const noted = [
      note('asked', 'open', atMs),
      note('asked', 'taken back', atMs),
      note('asked', 'answered', atMs),
      note('asked', 'twice', atMs),
      note('answered', 'answered', atMs + 1),
      note('asked', 'twice', atMs + 1),
      note('unanswered', 'taken back', atMs + 1),
      note('unanswered', 'twice', atMs + 2),
    ]
    for (const one of noted) t.ok(first.notebook.write([one]))
    await first.close()
    clock.pass(10_000)
    const nowMs = clock.wallMs()
    const all = [...noted, note('answered', 'open', nowMs), note('answered', 'twice', nowMs)]
    for (let run = 0; run < 2; run++) {
      const next = runs.start(clock)
      t.strictSame(next.notebook.load(), runs.remembers ? all : [], `run ${run + 2}`)
      await next.close()
      clock.pass(10_000)
    }
  })

  await t.test('the end of an envelope is known for longer than a year, and told once and first', async t => {
    const runs = make()
    const clock = makeHandClock()
    const first = runs.start(clock)
    const startMs = clock.wallMs()
    const ended = [note('terminal', 'a', startMs), note('terminal', 'b', startMs)]
    t.ok(first.notebook.write([note('written', 'c', startMs), ...ended]))
    t.ok(first.notebook.write([note('terminal', 'a', startMs + 1)]))
    await first.close()
    for (const [days, left] of [
      [0, ['b', 'a', 'c']],
      [200, ['b', 'a']],
      [199, ['b', 'a']],
      [2, []],
    ] as const) {
      clock.pass(days * 24 * 3_600_000)
      const next = runs.start(clock)
      t.strictSame(
        next.notebook.load().map(({ key }) => key),
        runs.remembers ? left.map(name => keyOf(name)) : [],
      )
      await next.close()
    }
  })

  await t.test('a step of the wall clock moves the notes with it', async t => {
    for (const stepMs of [3_700_000, -100_000]) {
      const runs = make()
      const clock = makeHandClock()
      const first = runs.start(clock)
      first.notebook.write([note('terminal', 'a', clock.wallMs()), note('written', 'b', clock.wallMs())])
      clock.stepWall(stepMs)
      first.skewed(stepMs)
      await first.close()
      clock.pass(5_000)
      const second = runs.start(clock)
      const wasMs = clock.wallMs() - 5_000
      const moved = [note('terminal', 'a', wasMs), note('written', 'b', wasMs)]
      t.strictSame(second.notebook.load(), runs.remembers ? moved : [])
      await second.close()
    }
  })

  await t.test('a wall clock that was set back between two runs makes no note younger than now', async t => {
    const runs = make()
    const clock = makeHandClock()
    const first = runs.start(clock)
    first.notebook.write([note('written', 'a', clock.wallMs())])
    await first.close()
    clock.stepWall(-600_000)
    const second = runs.start(clock)
    t.strictSame(second.notebook.load(), runs.remembers ? [note('written', 'a', clock.wallMs())] : [])
    await second.close()
  })
}
