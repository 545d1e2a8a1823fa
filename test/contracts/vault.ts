/** What every `Vault` must do. Each way to keep one runs it. */
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { CopyFacts, Vault } from '../../src/base/vault.js'
import { makeHandClock, type HandClock } from '../fixtures/hand-clock.js'

/** In which the bodies of larger copies lie: sizes beside it are where a mistake would show. */
const CHUNK = 65_536

export interface VaultRun {
  readonly vault: Vault
  /** The wall clock was set (`Ledger.skewed`). */
  skewed(byMs: number): void
  close(): Promise<void>
}

export interface VaultRuns {
  /** A run of the process: reads what the run before left. */
  start(clock: HandClock): VaultRun
  /** False: it is never open. */
  readonly isOpen: boolean
  /** Other nodes keep copies there, too: which there are is asked of them one by one, and not told at the start. */
  readonly isShared?: boolean
}

export function factsOf(id: string, bytes: number, atMs = 1_764_000_000_000): CopyFacts {
  return {
    id,
    account: `account of ${id}`,
    envelope: id.length % 2 ? '' : `envelope of ${id}`,
    viewer: '',
    sentWallMs: atMs - 250.5,
    answeredWallMs: atMs,
    isFinal: id.length % 2 === 0,
    bytes,
  }
}

/** A copy in pieces, as a stream brings it. */
export async function keep(
  vault: Vault,
  facts: CopyFacts,
  head: Buffer,
  body: Buffer,
  pieceBytes = 40_000,
): Promise<boolean> {
  const deposit = vault.deposit(facts.id, head)
  for (let at = 0; at < body.length; at += pieceBytes) await deposit.write(body.subarray(at, at + pieceBytes))
  return deposit.keep(facts)
}

export async function take(
  vault: Vault,
  id: string,
  range?: { start: number; end: number },
): Promise<{ head: Buffer; body: Buffer } | undefined> {
  const withdrawal = await vault.withdraw(id)
  return withdrawal && { head: withdrawal.head, body: await buffer(withdrawal.body(range)) }
}

function isLoaded({ isOpen, isShared = false }: VaultRuns): boolean {
  return isOpen && !isShared
}

export async function vaultContract(t: Test, make: () => VaultRuns): Promise<void> {
  const head = Buffer.from('a head')

  await t.test('a copy is there once it is kept, in this run and in the next', async t => {
    const runs = make()
    const clock = makeHandClock()
    const first = runs.start(clock)
    t.equal(first.vault.isOpen, runs.isOpen)
    t.strictSame(first.vault.load(), [])
    const sizes = [0, 1, 2_000, CHUNK - head.length, CHUNK - head.length + 1, 3 * CHUNK, 1_000_000]
    const copies = sizes.map(bytes => ({ facts: factsOf(`copy ${bytes}`, bytes), body: randomBytes(bytes) }))
    for (const { facts, body } of copies) {
      const deposit = first.vault.deposit(facts.id, head)
      t.equal(await first.vault.withdraw(facts.id), undefined, 'nothing of it is there before')
      await deposit.write(body)
      t.equal(await first.vault.withdraw(facts.id), undefined, 'nor when all of it is written')
      t.equal(await deposit.keep(facts), runs.isOpen)
      deposit.discard()
    }
    t.same(await take(first.vault, 'another'), undefined)
    for (const run of [first, undefined]) {
      const { vault, close } = run ?? runs.start(clock)
      const byId = (a: CopyFacts, b: CopyFacts) => (a.id < b.id ? -1 : 1)
      const all = copies.map(({ facts }) => facts)
      if (!run) t.strictSame([...vault.load()].sort(byId), isLoaded(runs) ? all.sort(byId) : [])
      for (const { facts, body } of copies) {
        const found = await take(vault, facts.id)
        t.equal(found !== undefined, runs.isOpen)
        if (found) t.ok(found.head.equals(head) && found.body.equals(body), facts.id)
      }
      await close()
    }
  })

  await t.test('any part of a copy, of any size and with any head, is that part', async () => {
    const runs = make()
    const run = runs.start(makeHandClock())
    const near = (chunks: number) =>
      fc.integer({ min: -3, max: 3 }).map(by => Math.max(0, chunks * CHUNK + by))
    const size = fc.oneof(fc.integer({ min: 0, max: 5_000 }), near(1), near(2), near(3))
    const cases = fc.tuple(size, size, fc.double({ min: 0, max: 1, noNaN: true }), near(1), near(2))
    let copies = 0
    await fc.assert(
      fc.asyncProperty(cases, async ([headBytes, bodyBytes, share, one, other]) => {
        const facts = factsOf(`copy ${copies++}`, bodyBytes)
        const parts = { head: randomBytes(headBytes), body: randomBytes(bodyBytes) }
        const piece = 700 + Math.floor(share * 100_000)
        if ((await keep(run.vault, facts, parts.head, parts.body, piece)) !== runs.isOpen) return false
        if (!runs.isOpen) return true
        const cuts = [one, other, Math.floor(share * bodyBytes), bodyBytes - headBytes]
          .map(cut => Math.min(Math.max(cut, 0), bodyBytes))
          .sort((a, b) => a - b)
        for (const [i, start] of cuts.entries()) {
          for (const end of cuts.slice(i)) {
            const found = await take(run.vault, facts.id, { start, end })
            if (!found?.head.equals(parts.head)) return false
            if (!found.body.equals(parts.body.subarray(start, end))) return false
          }
        }
        return true
      }),
      { numRuns: 40 },
    )
    await run.close()
  })

  await t.test('what is discarded, or of another size than is said, is not there', async t => {
    const run = make().start(makeHandClock())
    const discarded = run.vault.deposit('a', head)
    await discarded.write(Buffer.alloc(100_000))
    discarded.discard()
    t.notOk(await discarded.keep(factsOf('a', 100_000)))
    t.notOk(await keep(run.vault, factsOf('b', 9), head, Buffer.alloc(10)))
    t.notOk(await keep(run.vault, factsOf('c', 100_001), head, Buffer.alloc(100_000)))
    for (const id of ['a', 'b', 'c']) t.equal(await run.vault.withdraw(id), undefined)
    await run.close()
  })

  await t.test('the copy before stays until its successor is kept, and is read to its end', async t => {
    const runs = make()
    const clock = makeHandClock()
    const run = runs.start(clock)
    const [old, young] = [randomBytes(300_000), randomBytes(200_000)]
    await keep(run.vault, factsOf('a', old.length), head, old)
    const reading = await run.vault.withdraw('a')
    const deposit = run.vault.deposit('a', Buffer.from('another head'))
    await deposit.write(young)
    t.ok(!runs.isOpen || (await take(run.vault, 'a'))?.body.equals(old))
    t.equal(await deposit.keep(factsOf('a', young.length)), runs.isOpen)
    t.ok(!runs.isOpen || (await take(run.vault, 'a'))?.body.equals(young))
    if (reading) t.ok((await buffer(reading.body())).equals(old))
    await run.close()
    const next = runs.start(clock)
    t.equal(next.vault.load().length, isLoaded(runs) ? 1 : 0)
    t.ok(!runs.isOpen || (await take(next.vault, 'a'))?.body.equals(young))
    await next.close()
  })

  await t.test('what is removed is gone at once, and read to its end where it is being read', async t => {
    const runs = make()
    const clock = makeHandClock()
    const run = runs.start(clock)
    const body = randomBytes(1_000_000)
    const ids = ['a', 'b', 'c']
    for (const id of ids) await keep(run.vault, factsOf(id, body.length), head, body)
    const reading = await run.vault.withdraw('a')
    const writing = run.vault.deposit('b', head)
    await writing.write(body)
    const keeping = writing.keep(factsOf('b', body.length))
    const opening = run.vault.withdraw('b')
    run.vault.remove(['a', 'b', 'never there'])
    t.equal(await opening, undefined, 'nor does one come out that was asked for just before')
    t.notOk(await keeping, 'what was being written when it was removed does not bring it back')
    if (reading) t.ok((await buffer(reading.body())).equals(body))
    await run.close()
    const next = runs.start(clock)
    t.strictSame(
      next.vault.load().map(({ id }) => id),
      isLoaded(runs) ? ['c'] : [],
    )
    t.equal(await next.vault.withdraw('a'), undefined)
    await next.close()
  })

  await t.test('many at once do not get in each other’s way', async t => {
    const runs = make()
    const run = runs.start(makeHandClock())
    const bodies = Array.from({ length: 60 }, (_, i) => randomBytes(i % 3 ? 2_000 : 150_000))
    const kept = await Promise.all(
      bodies.map((body, i) => keep(run.vault, factsOf(`copy ${i}`, body.length), head, body)),
    )
    t.ok(kept.every(is => is === runs.isOpen))
    const found = await Promise.all(bodies.map((_, i) => take(run.vault, `copy ${i}`)))
    if (runs.isOpen) t.ok(found.every((one, i) => bodies[i] && one?.body.equals(bodies[i])))
    await run.close()
  })

  await t.test(
    'a step of the wall clock moves the moments of a copy, and none is later than now',
    { skip: make().isShared === true && 'what is shared is told as ages, by one clock for all' },
    async t => {
      for (const { stepMs, known } of [
        { stepMs: 3_700_000, known: true },
        { stepMs: -600_000, known: false },
      ]) {
        const runs = make()
        const clock = makeHandClock()
        const first = runs.start(clock)
        await keep(first.vault, factsOf('a', 4, clock.wallMs()), head, Buffer.alloc(4))
        if (known) {
          clock.stepWall(stepMs)
          first.skewed(stepMs)
        }
        await first.close()
        if (!known) clock.stepWall(stepMs)
        const second = runs.start(clock)
        const [a] = second.vault.load()
        t.equal(a?.answeredWallMs, runs.isOpen ? clock.wallMs() : undefined)
        t.equal(a?.sentWallMs, runs.isOpen ? clock.wallMs() - (known ? 250.5 : 0) : undefined)
        await second.close()
      }
    },
  )
}
