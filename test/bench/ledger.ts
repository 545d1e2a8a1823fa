/** What does it cost to write a call down before it is sent? CPU of this process, which is what a call waits for. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { makeSystemClock, makeTurns } from '../../src/base/clock.js'
import { makeJournal } from '../../src/governor/journal.js'
import { makeEmbedded } from '../../src/state/embedded/embedded.js'
import type { Result } from './main.js'

const ROUNDS = 7
const LINES = 20_000
const CALLS = 500_000
const ACCOUNTS = 1_000
const LINE_BYTES = 40
/** What a line is added to, on average: a line's chunk has up to 45. */
const CHUNK_BYTES = 23 * LINE_BYTES

export async function ledger(say: (text: string) => void): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-bench-'))
  const clock = makeSystemClock()
  const path = join(folder, 'state')
  const parts = { clock, turns: makeTurns(), execPath: process.execPath, tell: () => undefined }
  const config = { path, fsync: false, keepMs: 3_700_000, keepNotesMs: 960_000, vaultKey: undefined }
  const { ledger: kept } = makeEmbedded(config, parts)
  const pages = Array.from({ length: ACCOUNTS }, (_, i) => kept.open(`account-${i}`))
  const journal = makeJournal(kept, clock)
  const account = journal.open('busy')
  const fd = openSync(join(folder, 'plain'), 'a')
  const bytes = Buffer.alloc(LINE_BYTES, 1)

  const alone = open({
    path: join(folder, 'alone.mdb'),
    noSubdir: true,
    noSync: true,
    overlappingSync: false,
  })
  const rows = alone.openDB<Buffer, Buffer>({ name: 'rows', encoding: 'binary', keyEncoding: 'binary' })
  const keys = Array.from({ length: ACCOUNTS }, (_, i) => Buffer.from(`slice-account-${i}-00`))
  const chunk = Buffer.alloc(CHUNK_BYTES, 1)

  const plain = () => void writeSync(fd, bytes)
  const put = (i: number) =>
    alone.transactionSync(() => {
      void rows.put(keys[i % ACCOUNTS] as Buffer, chunk)
    })
  const append = (i: number) => {
    const line = { wallMs: clock.wallMs(), completed: 1, pending: 1, remaining: 500, resetAtSeconds: 1 }
    if (!pages[i % ACCOUNTS]?.append(line)) throw new Error('a line could not be kept')
  }
  const spend = () => {
    account.spend(clock.nowMs(), 1_000_000)
    journal.writeDown()
    account.completed()
  }
  try {
    const costs = {
      plain: [] as number[],
      put: [] as number[],
      append: [] as number[],
      spend: [] as number[],
    }
    for (let round = 0; round < ROUNDS; round++) {
      costs.plain.push(microsEach(LINES, plain))
      costs.put.push(microsEach(LINES, put))
      costs.append.push(microsEach(LINES, append))
      costs.spend.push(microsEach(CALLS, spend))
    }
    for (const [what, all] of Object.entries(costs))
      say(`ledger: ${what} ${median(all).toFixed(2)} µs of CPU`)
    const ratios = (of: number[], over: number[]) => of.map((cost, i) => cost / (over[i] as number))
    return [
      {
        what: `CPU of a durable line, ${ACCOUNTS} accounts in turn, median of ${ROUNDS} rounds`,
        against: 'LMDB alone, a put of as many bytes into one table',
        ...summary(ratios(costs.append, costs.put)),
        mark: 1.5,
      },
      {
        what: 'CPU of a call spent and completed by an account as busy as can be, its lines included',
        against: 'a durable line',
        ...summary(ratios(costs.spend, costs.append)),
        mark: 0.1,
      },
    ]
  } finally {
    journal.stop()
    closeSync(fd)
    await Promise.all([alone.close(), kept.close()])
    rmSync(folder, { recursive: true })
  }
}

function microsEach(times: number, work: (i: number) => void): number {
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) work(i)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

function summary(ratios: readonly number[]): { ratio: number; spread: readonly [number, number] } {
  return { ratio: median(ratios), spread: [Math.min(...ratios), Math.max(...ratios)] }
}
