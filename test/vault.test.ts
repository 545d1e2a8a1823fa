/** Copies that outlive the process: by `kill -9`, sealed, and gone when they are removed. */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { makeTurns } from '../src/base/clock.js'
import type { StateEvent } from '../src/base/ledger.js'
import { makeSeal } from '../src/state/embedded/seal.js'
import { openState } from '../src/state/open.js'
import { factsOf, keep, take, vaultContract, type VaultRun } from './contracts/vault.js'
import { makeHandClock, type HandClock } from './fixtures/hand-clock.js'

const execPath = process.execPath
const root = mkdtempSync(join(tmpdir(), 'governor-vault-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))

const KEY = randomBytes(32)
const HEAD = Buffer.from('a head')
let folders = 0
const newFolder = () => join(root, `state-${folders++}`)

interface Run extends VaultRun {
  readonly events: readonly StateEvent[]
  append(): boolean
}

interface Options {
  readonly key?: Buffer | undefined
  readonly fsync?: boolean
  readonly kind?: 'embedded' | 'memory'
}

function start(path: string, clock: HandClock, options: Options = {}): Run {
  const { fsync = false, kind = 'embedded' } = options
  const vaultKey = 'key' in options ? options.key : KEY
  const events: StateEvent[] = []
  const { ledger, vault } = openState(
    { kind, path, fsync, keepMs: 3_700_000, keepNotesMs: 960_000, vaultKey },
    { clock, turns: makeTurns(), execPath, tell: event => void events.push(event) },
  )
  return {
    vault,
    events,
    append: () =>
      ledger
        .open('a')
        .append({ wallMs: clock.wallMs(), completed: 1, pending: 0, remaining: 1, resetAtSeconds: 1 }),
    skewed: byMs => void ledger.skewed(byMs),
    async close() {
      await vault.close()
      await ledger.close()
    },
  }
}

/** All files below a folder. */
function filesOf(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}

const bodiesOf = (path: string) => filesOf(path).filter(file => file.includes('/copies/'))

void t.test('memory keeps the contract', t =>
  vaultContract(t, () => ({ start: clock => start('/nowhere', clock, { kind: 'memory' }), isOpen: false })),
)

void t.test('embedded keeps the contract', t =>
  vaultContract(t, () => {
    const path = newFolder()
    return { start: clock => start(path, clock), isOpen: true }
  }),
)

void t.test('embedded without a key keeps the contract of a closed one', t =>
  vaultContract(t, () => {
    const path = newFolder()
    return { start: clock => start(path, clock, { key: undefined }), isOpen: false }
  }),
)

void t.test('nothing of a copy is readable in the folder, and its owner alone may look', async t => {
  for (const fsync of [false, true]) {
    const path = newFolder()
    const clock = makeHandClock()
    const canary = `canary-${randomBytes(12).toString('hex')}`
    const head = Buffer.from(JSON.stringify({ etag: canary }))
    const body = Buffer.from(`${canary} `.repeat(20_000))
    const { vault, close } = start(path, clock, { fsync })
    t.ok(await keep(vault, factsOf('small', 2_000), head, body.subarray(0, 2_000)))
    t.ok(await keep(vault, factsOf('large', body.length), head, body))
    t.ok(await keep(vault, factsOf('large', body.length), head, body), 'in the place of the one before')
    const unfinished = vault.deposit('unfinished', head)
    await unfinished.write(body)
    t.ok(bodiesOf(path).length >= 3)
    t.notOk(
      filesOf(path).some(file => readFileSync(file).includes(canary)),
      'in no file',
    )
    t.notOk(
      filesOf(path).some(file => file.includes('small') || readFileSync(file).includes(KEY)),
      'nor is the key, nor an id as a name',
    )
    for (const file of bodiesOf(path)) t.equal(statSync(file).mode & 0o777, 0o600)
    for (const folder of ['copies', join('copies', readdirSync(join(path, 'copies'))[0] ?? '')])
      t.equal(statSync(join(path, folder)).mode & 0o777, 0o700)
    unfinished.discard()
    await close()
    t.equal(bodiesOf(path).length, 2, 'and what was discarded or replaced is removed')
  }
})

void t.test('without a key no body is there, nor of those of earlier runs', async t => {
  const path = newFolder()
  const clock = makeHandClock()
  const first = start(path, clock)
  for (let i = 0; i < 20; i++) await keep(first.vault, factsOf(`copy ${i}`, 9), HEAD, Buffer.alloc(9))
  await first.close()
  t.equal(bodiesOf(path).length, 20)
  const second = start(path, clock, { key: undefined })
  t.strictSame([second.vault.isOpen, second.vault.load()], [false, []])
  t.notOk(await keep(second.vault, factsOf('a', 9), HEAD, Buffer.alloc(9)))
  await second.close()
  t.notOk(existsSync(join(path, 'copies')))
  const third = start(path, clock)
  t.strictSame(third.vault.load(), [], 'nor are they known when the key is back')
  await third.close()
})

void t.test('copies under another key are dropped, and nobody is alarmed', async t => {
  const path = newFolder()
  const clock = makeHandClock()
  const first = start(path, clock)
  await keep(first.vault, factsOf('a', 100_000), HEAD, Buffer.alloc(100_000))
  await first.close()
  const second = start(path, clock, { key: randomBytes(32) })
  t.strictSame(second.vault.load(), [])
  t.equal(await second.vault.withdraw('a'), undefined)
  t.ok(await keep(second.vault, factsOf('b', 9), HEAD, Buffer.alloc(9)))
  await second.close()
  t.strictSame(second.events, [])
  t.equal(bodiesOf(path).length, 1)
})

void t.test(
  'a copy that is not as it was written is never read to a clean end, and is then gone',
  async t => {
    const random = (below: number) => Math.floor(Math.random() * below)
    const flip = (file: string, at: number) => {
      const bytes = readFileSync(file)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
      writeFileSync(file, bytes)
    }
    const sealed = 65_536 + 16
    const swapChunks = (file: string, to: string) => {
      const bytes = readFileSync(file)
      const chunk = (i: number) => bytes.subarray(17 + i * sealed, 17 + (i + 1) * sealed)
      const [one, other] = [Buffer.from(chunk(1)), Buffer.from(chunk(2))]
      other.copy(bytes, 17 + sealed)
      one.copy(bytes, 17 + 2 * sealed)
      writeFileSync(to, bytes)
    }
    const cases: [what: string, bytes: number, spoil: (file: string, other: string) => void][] = [
      ['another version', 2_000, file => flip(file, 0)],
      ['another salt', 2_000, file => flip(file, 1 + random(16))],
      ['a bit of a small one', 2_000, file => flip(file, 17 + random(2_000 + HEAD.length + 16))],
      ['a bit of the first chunk', 400_000, file => flip(file, 17 + random(sealed))],
      ['a bit of a later chunk', 400_000, file => flip(file, 17 + sealed + random(3 * sealed))],
      ['a bit of the last tag', 400_000, file => flip(file, statSync(file).size - 1 - random(16))],
      ['nothing in it', 2_000, file => truncateSync(file, 0)],
      ['half of it', 2_000, file => truncateSync(file, 1_000)],
      ['the last byte cut off', 400_000, file => truncateSync(file, statSync(file).size - 1)],
      ['cut between two chunks', 400_000, file => truncateSync(file, 17 + 2 * sealed)],
      ['two chunks changed about', 400_000, file => swapChunks(file, file)],
      ['the file of another copy', 400_000, (file, other) => copyFileSync(other, file)],
      ['the small file of another copy', 2_000, (file, other) => copyFileSync(other, file)],
      ['no file', 2_000, file => rmSync(file)],
      ['a folder', 2_000, file => (rmSync(file), mkdirSync(file))],
    ]
    const path = newFolder()
    const clock = makeHandClock()
    const { vault, events, close } = start(path, clock)
    for (const [what, bytes, spoil] of cases) {
      const before = new Set(bodiesOf(path))
      const body = randomBytes(bytes)
      await keep(vault, factsOf('a', bytes), HEAD, body)
      const [file = ''] = bodiesOf(path).filter(one => !before.has(one))
      await keep(vault, factsOf('b', bytes), HEAD, body)
      const [other = ''] = bodiesOf(path).filter(one => !before.has(one) && one !== file)
      spoil(file, other)
      const withdrawal = await vault.withdraw('a')
      if (withdrawal) {
        t.ok(bytes > 65_536 && withdrawal.head.equals(HEAD), what)
        let read = Buffer.alloc(0)
        await t.rejects(async () => {
          for await (const piece of withdrawal.body()) read = Buffer.concat([read, piece as Buffer])
        }, what)
        t.ok(read.equals(body.subarray(0, read.length)), `${what}: nothing of it was handed on`)
      } else t.pass(what)
      t.equal(await vault.withdraw('a'), undefined, `${what}: gone`)
      t.ok((await take(vault, 'b'))?.body.equals(body), `${what}: the other one is whole`)
      vault.remove(['b'])
    }
    await close()
    t.strictSame(events, [])
    const next = start(path, clock)
    t.strictSame(next.vault.load(), [])
    await next.close()
  },
)

void t.test('a chunk opens in its own place of its own copy only', t => {
  const FAULT = { message: 'a copy is not as it was written' }
  const salt = randomBytes(16)
  const own = makeSeal(KEY, salt, 'id', 6)
  const others = [
    makeSeal(randomBytes(32), salt, 'id', 6),
    makeSeal(KEY, salt, 'another', 6),
    makeSeal(KEY, salt, 'id', 7),
  ]
  for (const chunk of [0, 1, 300]) {
    for (const isLast of [false, true]) {
      const sealed = own.seal(chunk, HEAD, isLast)
      t.ok(own.unseal(chunk, sealed, isLast).equals(HEAD))
      t.throws(() => own.unseal(chunk, sealed, !isLast), FAULT)
      for (const other of others) t.throws(() => other.unseal(chunk, sealed, isLast), FAULT)
      // Past the first, what stands before it is no part of it.
      if (chunk > 0) t.throws(() => own.unseal(chunk + 1, sealed, isLast), FAULT)
    }
  }
  t.end()
})

void t.test('files that nobody knows of are removed, and entries without a file are dropped', async t => {
  const path = newFolder()
  const clock = makeHandClock()
  const first = start(path, clock)
  for (const id of ['a', 'b']) await keep(first.vault, factsOf(id, 9), HEAD, Buffer.alloc(9))
  const orphan = first.vault.deposit('orphan', HEAD)
  await orphan.write(Buffer.alloc(200_000))
  await first.close()
  const whole = bodiesOf(path).filter(file => statSync(file).size < 100)
  t.strictSame([bodiesOf(path).length, whole.length], [3, 2])
  rmSync(whole[0] ?? '')
  const foreign = join(path, 'copies', 'README')
  writeFileSync(foreign, 'not ours')
  for (let i = 0; i < 256; i++)
    mkdirSync(join(path, 'copies', i.toString(16).padStart(2, '0')), { recursive: true })
  const second = start(path, clock)
  t.equal(second.vault.load().length, 2)
  orphan.discard()
  const young = Array.from({ length: 20 }, (_, i) => `young ${i}`)
  // While the folders are looked through.
  await Promise.all(young.map(id => keep(second.vault, factsOf(id, 9), HEAD, Buffer.alloc(9))))
  const found = await Promise.all(['a', 'b'].map(id => take(second.vault, id)))
  t.equal(found.filter(one => one).length, 1, 'an entry without a file is no copy')
  await second.close()
  t.equal(bodiesOf(path).length, 22, 'a copy, those that came meanwhile, and what is not ours')
  const third = start(path, clock)
  t.equal(third.vault.load().length, 21)
  for (const id of young) t.ok(await take(third.vault, id))
  await third.close()
})

void t.test('where nothing can be written no copy is kept, and all else goes on', async t => {
  const path = newFolder()
  const clock = makeHandClock()
  mkdirSync(path)
  writeFileSync(join(path, 'copies'), 'in the way')
  const { vault, events, append, close } = start(path, clock)
  for (const bytes of [9, 300_000]) t.notOk(await keep(vault, factsOf('a', bytes), HEAD, Buffer.alloc(bytes)))
  t.equal(await vault.withdraw('a'), undefined)
  t.ok(append())
  t.strictSame(events, [])
  rmSync(join(path, 'copies'))
  t.ok(await keep(vault, factsOf('a', 9), HEAD, Buffer.alloc(9)), 'and when it can be, it is')
  await close()

  const nowhere = start('/proc/governor-state', clock)
  t.strictSame([nowhere.vault.isOpen, nowhere.vault.load()], [true, []])
  for (const bytes of [9, 300_000])
    t.notOk(await keep(nowhere.vault, factsOf('a', bytes), HEAD, Buffer.alloc(bytes)))
  nowhere.vault.remove(['a'])
  await nowhere.close()
})

void t.test('what was removed while the store could not be written is gone all the same', async t => {
  const path = newFolder()
  const clock = makeHandClock()
  const first = start(path, clock)
  for (const id of ['a', 'b']) await keep(first.vault, factsOf(id, 9), HEAD, Buffer.alloc(9))
  // The younger process has the store now; the older one removes from what it knew.
  const second = start(path, clock)
  clock.pass(2_000)
  first.vault.remove(['a'])
  t.equal(await first.vault.withdraw('a'), undefined)
  t.equal(await second.vault.withdraw('a'), undefined, 'its body is no more')
  t.ok(await take(second.vault, 'b'))
  await Promise.all([first.close(), second.close()])
})

/** A process that opens the state, tells how many copies it loaded, and does as `body` says. */
function program(path: string, body: string): string[] {
  const built = (file: string) => JSON.stringify(new URL(`../${file}`, import.meta.url).href)
  const source = `
    import { writeSync } from 'node:fs'
    import { spawnSync } from 'node:child_process'
    import { makeSystemClock, makeTurns } from ${built('src/base/clock.js')}
import { openState } from ${built('src/state/open.js')}
    import { factsOf, keep, take } from ${built('test/contracts/vault.js')}
    const events = []
    const { ledger, vault } = openState(
      { kind: 'embedded', path: ${JSON.stringify(path)}, fsync: false, keepMs: 3_700_000, keepNotesMs: 960_000,
        vaultKey: Buffer.from('${KEY.toString('hex')}', 'hex') },
      { clock: makeSystemClock(), turns: makeTurns(), execPath: process.execPath, tell: event => events.push(event) },
    )
    const say = value => writeSync(1, JSON.stringify(value) + '\\n')
    const head = Buffer.from('${HEAD.toString()}')
    const loaded = vault.load()
    ${body}`
  return ['--input-type=module', '--eval', source]
}

/** Runs it until its first line, then kills it. */
function killedAfterALine(args: readonly string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = spawn(execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: {} })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (text.includes('\n')) child.kill('SIGKILL')
    })
    child.on('error', reject).on('close', () => resolve(JSON.parse(said.split('\n')[0] ?? '')))
  })
}

void t.test('5,000 copies survive kill -9, and what was removed stays removed', async t => {
  const path = newFolder()
  const made = await killedAfterALine(
    program(
      path,
      `let kept = 0
      for (let i = 0; i < 5_000; i += 50) {
        const some = Array.from({ length: 50 }, (_, n) => 'copy ' + (i + n))
        const all = await Promise.all(some.map(id => keep(vault, factsOf(id, 2_000), head, Buffer.alloc(2_000, id))))
        kept += all.filter(is => is).length
      }
      say(kept)
      await new Promise(() => setInterval(() => {}, 1_000))`,
    ),
  )
  t.equal(made, 5_000)
  const removed = await killedAfterALine(
    program(
      path,
      `let wrong = 0
      for (const { id } of loaded) {
        const found = await take(vault, id)
        if (!found?.body.equals(Buffer.alloc(2_000, id))) wrong++
      }
      vault.remove(loaded.slice(0, 2_000).map(({ id }) => id))
      say([loaded.length, wrong, events.length])
      await new Promise(() => setInterval(() => {}, 1_000))`,
    ),
  )
  t.strictSame(removed, [5_000, 0, 0])
  const { vault, close } = start(path, makeHandClock(Date.now()))
  t.equal(vault.load().length, 3_000)
  await close()
  t.equal(bodiesOf(path).length, 3_000, 'their bodies, too')
})

const hasLimits = spawnSync('/usr/bin/prlimit', ['--version']).status === 0

void t.test(
  'on a full disk no copy is kept, nothing is left of it, and the governor goes on',
  { skip: hasLimits ? false : 'prlimit is not here, so no disk can be made full' },
  async t => {
    const path = newFolder()
    const body = `
      // Where a limit stands for the disk, a signal comes beside the error.
      process.on('SIGXFSZ', () => undefined)
      const small = await keep(vault, factsOf('small', 2_000), head, Buffer.alloc(2_000))
      const large = await keep(vault, factsOf('large', 900_000), head, Buffer.alloc(900_000))
      const middle = await keep(vault, factsOf('middle', 60_000), head, Buffer.alloc(60_000))
      spawnSync('/usr/bin/prlimit', ['--pid', String(process.pid), '--fsize=unlimited'])
      const after = await keep(vault, factsOf('large', 900_000), head, Buffer.alloc(900_000))
      await vault.close()
      say({ small, large, middle, after, events })`
    const child = spawnSync(
      '/usr/bin/prlimit',
      ['--fsize=200000:unlimited', execPath, ...program(path, body)],
      { encoding: 'utf8', env: {} },
    )
    t.strictSame(
      JSON.parse(child.stdout || 'null'),
      { small: true, large: false, middle: true, after: true, events: [] },
      `${child.status} ${child.signal} ${child.stderr}`,
    )
    t.equal(bodiesOf(path).length, 3)
  },
)
