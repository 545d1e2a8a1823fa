/** What the shield must not forget: by `kill -9`, and for as long as it matters. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { makeTurns } from '../src/base/clock.js'
import { keyOf } from '../src/base/key.js'
import type { Note, Notebook } from '../src/base/notebook.js'
import { makeEmbedded } from '../src/state/embedded/embedded.js'
import { makeEmbeddedNotebook } from '../src/state/embedded/notebook.js'
import { SCALE, SKEW_KEY } from '../src/state/embedded/scale.js'
import { makeMemoryNotebook } from '../src/state/memory.js'
import { KEEP_NOTES_MS, note, notebookContract, type NotebookRun } from './contracts/notebook.js'
import { makeHandClock, type HandClock } from './fixtures/hand-clock.js'
import { makePaper } from './fixtures/paper.js'
import { collect } from './fixtures/collect.js'

const execPath = process.execPath
const root = mkdtempSync(join(tmpdir(), 'governor-notebook-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
const newFolder = () => join(root, `state-${folders++}`)

function start(path: string, clock: HandClock): NotebookRun & ReturnType<typeof makeEmbedded> {
  const config = { path, fsync: false, keepMs: 3_700_000, keepNotesMs: KEEP_NOTES_MS, vaultKey: undefined }
  const run = makeEmbedded(config, { clock, turns: makeTurns(), execPath, tell: () => undefined })
  return { ...run, skewed: byMs => void run.ledger.skewed(byMs), close: () => run.ledger.close() }
}

void t.test('memory keeps the contract', t =>
  notebookContract(t, () => ({
    start: () => ({
      notebook: makeMemoryNotebook(),
      skewed: () => undefined,
      close: () => Promise.resolve(),
    }),
    remembers: false,
  })),
)

void t.test('embedded keeps the contract', t =>
  notebookContract(t, () => {
    const path = newFolder()
    return { start: clock => start(path, clock), remembers: true }
  }),
)

/** The notebook without its file. */
function makeNotebookOnPaper() {
  const paper = makePaper()
  return {
    paper,
    start(wallMs: number, maxTerminal?: number): Notebook {
      const { notebook, contents } = makeEmbeddedNotebook(
        { keepNotesMs: KEEP_NOTES_MS },
        paper.home(),
        wallMs,
        maxTerminal,
      )
      paper.begin(contents)
      return notebook
    },
  }
}

void t.test('whatever is noted, and however the runs end, the notes are those of a plain list', t => {
  const kinds = ['asked', 'answered', 'unanswered', 'written', 'terminal'] as const
  const some = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.integer({ min: 0, max: 5 })), {
    maxLength: 160,
  })
  const step = fc.oneof(
    { weight: 10, arbitrary: some.map(noted => ({ noted, isFull: false })) },
    { weight: 1, arbitrary: some.map(noted => ({ noted, isFull: true })) },
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 400_000 }).map(pass => ({ pass })) },
    { weight: 1, arbitrary: fc.constantFrom({ step: 3_700_000 }, { step: -100_000 }) },
    { weight: 2, arbitrary: fc.constant('restart' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const clock = makeHandClock()
      const { paper, start } = makeNotebookOnPaper()
      let notebook = start(clock.wallMs())
      let skewMs = 0
      let list: Note[] = []
      for (const what of [...steps, 'restart' as const]) {
        if (what === 'restart') {
          const nowMs = clock.wallMs()
          notebook = start(nowMs)
          const { sure, open } = afterwards(list, skewMs, nowMs)
          list = [...notebook.load()]
          skewMs = 0
          if (JSON.stringify(list.slice(0, sure.length)) !== JSON.stringify(sure)) return false
          // What was cut off at one moment has no order.
          const answered = open.map(key => JSON.stringify({ kind: 'answered', key, wallMs: nowMs }))
          const late = list.slice(sure.length).map(one => JSON.stringify(one))
          if (String(late.sort()) !== String(answered.sort())) return false
        } else if ('pass' in what) clock.pass(what.pass)
        else if ('step' in what) {
          clock.stepWall(what.step)
          skewMs += what.step
          paper.put(SCALE, SKEW_KEY, Buffer.from(String(skewMs)))
        } else {
          const noted = what.noted.map(([kind, n]) => note(kind, `${n}`, clock.wallMs() - skewMs))
          paper.isFull = what.isFull
          const kept = notebook.write(noted)
          paper.isFull = false
          if (kept !== !(what.isFull && noted.length > 0)) return false
          if (kept) list.push(...noted)
        }
      }
      return true
    }),
    { numRuns: 300 },
  )
  t.end()
})

/** The naive way: what is known, and what was asked and not answered. */
function afterwards(list: readonly Note[], skewMs: number, nowMs: number): { sure: Note[]; open: string[] } {
  const moved = list.map(one => ({ ...one, wallMs: Math.min(one.wallMs + skewMs, nowMs) }))
  const ends = moved.filter(
    ({ kind, key }, i) =>
      kind === 'terminal' && !moved.some((other, j) => j > i && other.kind === kind && other.key === key),
  )
  const rest = moved.filter(({ kind, wallMs }) => kind !== 'terminal' && wallMs > nowMs - KEEP_NOTES_MS)
  const open: string[] = []
  for (const { kind, key } of rest) {
    if (kind === 'asked') open.push(key)
    if ((kind === 'answered' || kind === 'unanswered') && open.includes(key))
      open.splice(open.lastIndexOf(key), 1)
  }
  return { sure: [...ends, ...rest], open }
}

void t.test('of more ends than are kept the oldest go, and old rows make room', t => {
  const clock = makeHandClock()
  const { paper, start } = makeNotebookOnPaper()
  const notebook = start(clock.wallMs(), 500)
  for (let i = 0; i < 2_000; i++) {
    clock.pass(30_000)
    notebook.write([note('terminal', `${i}`, clock.wallMs()), note('written', `${i}`, clock.wallMs())])
  }
  t.ok(paper.rows('notes') <= 8, `${paper.rows('notes')} rows of notes`)
  t.ok(paper.rows('terminal') <= 10, `${paper.rows('terminal')} rows of ends`)
  const left = start(clock.wallMs(), 300)
    .load()
    .filter(({ kind }) => kind === 'terminal')
  t.strictSame(
    left.map(({ key }) => key),
    Array.from({ length: 300 }, (_, i) => keyOf(`${1_700 + i}`)),
  )
  t.end()
})

void t.test('what is no key of ours is a mistake, not a note', t => {
  const notebook = makeNotebookOnPaper().start(0)
  for (const key of ['', 'short', 'not of the alphabet !!', `${keyOf('a')}a`])
    t.throws(() => notebook.write([{ kind: 'asked', key, wallMs: 0 }]), RangeError, key)
  t.end()
})

void t.test('200,000 intervals and 200,000 ends are there within 2 s', async t => {
  const path = newFolder()
  const clock = makeHandClock()
  const first = start(path, clock)
  for (let i = 0; i < 200_000; i += 8) {
    const some = Array.from({ length: 8 }, (_, n) => keyOf(`${i + n}`))
    const of = (kind: Note['kind']) => some.map((key): Note => ({ kind, key, wallMs: clock.wallMs() }))
    first.notebook.write(of('asked'))
    first.notebook.write([...of('answered'), ...of('terminal')])
    clock.pass(20)
  }
  const left = readdirSync(path).map(name => ({
    file: join(path, name),
    bytes: readFileSync(join(path, name)),
  }))
  await first.close()
  for (const { file, bytes } of left) writeFileSync(file, bytes)
  // The processor's time, because other test files run beside this one; a busy machine's is slower now and then.
  let leastMs = Infinity
  for (let tries = 0; tries < 3 && leastMs >= 2_000; tries++) {
    // A process that starts has no garbage of an earlier one to collect.
    collect()
    const before = process.cpuUsage()
    const second = start(path, clock)
    const notes = second.notebook.load()
    const { user, system } = process.cpuUsage(before)
    leastMs = Math.min(leastMs, (user + system) / 1000)
    t.equal(notes.length, 600_000)
    await second.close()
  }
  t.ok(leastMs < 2_000, `took ${Math.round(leastMs)} ms`)
  t.comment(
    `${Math.round(leastMs)} ms, ${Math.round(left.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6)} MB`,
  )
})

void t.test('kill -9 at any moment forgets no note that was written', async t => {
  const path = newFolder()
  const saidFile = `${path}.said`
  const built = (file: string) => JSON.stringify(new URL(`../${file}`, import.meta.url).href)
  const source = `
    import { openSync, writeSync } from 'node:fs'
    import { makeSystemClock, makeTurns } from ${built('src/base/clock.js')}
    import { keyOf } from ${built('src/base/key.js')}
    import { makeEmbedded } from ${built('src/state/embedded/embedded.js')}
    const clock = makeSystemClock()
    const { notebook } = makeEmbedded(
      { path: ${JSON.stringify(path)}, fsync: false, keepMs: 3_700_000, keepNotesMs: ${KEEP_NOTES_MS}, vaultKey: undefined },
      { clock, turns: makeTurns(), execPath: process.execPath, tell: event => { throw new Error(JSON.stringify(event)) } },
    )
    const known = notebook.load().length
    const said = openSync(${JSON.stringify(saidFile)}, 'a')
    writeSync(1, known + '\\n')
    for (let i = 0; ; i++) {
      const wallMs = clock.wallMs()
      const kinds = i % 3 ? ['written'] : ['written', 'terminal', 'asked', 'answered']
      if (!notebook.write(kinds.map(kind => ({ kind, key: keyOf(kind === 'terminal' ? process.pid + '-' + i : 'a'), wallMs })))) break
      writeSync(said, 'n'.repeat(kinds.length))
      if (i % 20 === 0) await new Promise(resolve => setTimeout(resolve, 1))
    }`
  let said = 0
  for (let round = 0; round < 8; round++) {
    const known = await new Promise<number>((resolve, reject) => {
      const child = spawn(execPath, ['--input-type=module', '--eval', source], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {},
      })
      let text = ''
      child.stdout.setEncoding('utf8').on('data', (more: string) => {
        text += more
        if (text.includes('\n')) setTimeout(() => child.kill('SIGKILL'), 3 * round)
      })
      child.on('error', reject).on('close', () => resolve(Number(text)))
    })
    // One write more may be kept in each life, before its byte.
    t.ok(known >= said && known <= said + 4 * round, `round ${round}: ${known} notes are known of ${said}`)
    said = statSync(saidFile, { throwIfNoEntry: false })?.size ?? 0
  }
  t.ok(said > 100, `${said} notes were written`)
})
