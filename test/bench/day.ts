/**
 * The job itself: one seeded day, compressed, through each contender, before a DocuSign that counts everything. They run
 * side by side, a little after one another, so that the machine is as busy for each; and each in processes of its own.
 */
import { fork } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeSystemClock } from '../../src/base/clock.js'
import { makeSimulator, type Simulator } from '../../src/simulator/simulator.js'
import { skewToTurnIn } from '../fixtures/governed.js'
import { liveThrough, type Diary, type Line, type Town } from './day-clients.js'
import { CONTENDERS, type Contender } from './day-contenders.js'
import {
  firstComeWaits,
  idlePolls,
  leastReads,
  quantile,
  staleReads,
  ENDS,
  type Read,
  type Windows,
} from './day-judge.js'
import { leaksOf, type Leaks } from './day-leaks.js'
import {
  APPS,
  WHOLE_DAY,
  batchAtMs,
  factorOf,
  intervalMs,
  planDay,
  seeded,
  type App,
  type DaySize,
} from './day-plan.js'
import { endWithUs } from './ending.js'
import type { Result } from './main.js'

const SEED = 20_261_125

export interface Verdict extends Leaks {
  readonly upstream: number
  readonly least: number
  readonly overHour: number
  readonly overBurst: number
  /** Calls of the first account's fullest hour, as a share of its limit. */
  readonly fullest: number
  readonly polls: number
  /** Those that a write called for. */
  readonly pollsAfterWrite: number
  readonly rereads: number
  readonly refusedToClients: number
  readonly refusedByDocusign: number
  /** Of interactive creates on the job's account while the job ran, as shares of an hour; who was refused waited for ever. */
  readonly p50Wait: number
  readonly p95Wait: number
  /** What the same creates would have waited, had whoever came first gone first. */
  readonly p95FirstCome: number
  readonly stale: number
  /** In intervals. */
  readonly stalest: number
  readonly duplicates: number
  readonly unanswered: number
  readonly asked: number
}

/** @param only names of contenders, with commas between them */
export async function day(say: (text: string) => void, only = '', size = WHOLE_DAY): Promise<Result[]> {
  const wanted = CONTENDERS.filter(({ name }) => only === '' || only.split(',').includes(name))
  const present = wanted.filter(({ name, absent }) => {
    if (absent !== undefined) say(`day: ${name} is skipped, there is no ${absent}`)
    return absent === undefined
  })
  const verdicts = new Map<string, Verdict>()
  await Promise.all(
    present.map(async (contender, n) => {
      await pause(n * size.apartMs)
      const verdict = await spendApart(contender, size)
      verdicts.set(contender.name, verdict)
      say(`day: ${contender.name}: ${JSON.stringify(verdict)}`)
    }),
  )
  return present.flatMap(({ name }) => resultsOf(name, verdicts.get(name) as Verdict))
}

function resultsOf(name: string, verdict: Verdict): Result[] {
  const { upstream, least, p50Wait, p95Wait, p95FirstCome, fullest, ...counts } = verdict
  const isOurs = name === 'governor'
  const broken = [
    ...(['overHour', 'overBurst', 'polls', 'rereads', 'duplicates', 'leaks', 'leaksToRevoked'] as const),
  ]
  return [
    {
      what: `${name}: rules broken on a day of three apps`,
      against: 'none',
      ratio: broken.reduce((sum, kind) => sum + counts[kind], 0),
      ...(isOurs && { mark: 0 }),
      also: { ...counts },
    },
    {
      what: `${name}: calls that came to DocuSign on that day`,
      against: 'the fewest that could have answered what was answered',
      ratio: upstream / least,
      ...(isOurs && { mark: 1 }),
    },
    { what: `${name}: the fullest hour of the job's account`, against: 'its limit', ratio: fullest },
    {
      what: `${name}: an interactive create's p95 wait while the job runs`,
      against: 'an ideal first come, first served',
      // A second of the day is as good as none.
      ratio: p95Wait / Math.max(p95FirstCome, 1 / 3600),
      ...(isOurs && { mark: 0.2 }),
      also: { 'p95 in hours': p95Wait, 'p50 in hours': p50Wait },
    },
  ]
}
/** One event loop for all would make each wait for the others' clients. */
async function spendApart({ name }: Contender, size: DaySize): Promise<Verdict> {
  const path = fileURLToPath(new URL('children/day.js', import.meta.url))
  const child = fork(path, [name, JSON.stringify(size)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const end = () => void child.kill()
  const over = endWithUs(end)
  const exit = once(child, 'exit')
  const said = await Promise.race([once(child, 'message') as Promise<[Verdict]>, exit.then(() => undefined)])
  if (said === undefined) throw new Error(`the day of ${name} ended early`)
  await exit
  over()
  return said[0]
}

/** One contender's day. Its DocuSign and its clients are new, its seed is everybody's. */
export async function spend(contender: Contender, size: DaySize): Promise<Verdict> {
  const factor = factorOf(size)
  const real = (ms: number) => (ms / 1000) * factor
  const clockSkew = skewToTurnIn((size.leadMs % size.hourMs) / 1000, size.hourMs / 1000)
  const lives = 0.35 * 3600
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const simulator = makeSimulator(
    {
      ...{ timeFactor: factor, hourWindow: 3600, burstWindow: real(size.burstMs), pollInterval: 900 },
      ...{ hourLimit: size.hourLimit, burstLimit: size.burstLimit, clockSkew, seed: SEED },
      ...{ deliverAfter: lives, finishAfter: lives, latencyMs: 10, jitterMs: 20, users: 2 },
      ...{ apps: APPS.length, integrationKeyPems: APPS.map(() => pem) },
    },
    makeSystemClock(),
  )
  const { url } = await simulator.start()
  const program = await contender.start(url, size)
  try {
    const wallMs = () => Date.now() + clockSkew * 1000
    const turn = () => pause(size.hourMs - (wallMs() % size.hourMs) + 50)
    await turn()
    const town = settle(simulator, program.port, size)
    const startMs = performance.now()
    const diary = await liveThrough(town, planDay(size, seeded(SEED)), size)
    // Before anybody comes with a token that is not his: those calls are no part of the day.
    const report = simulator.report()
    const ends = await endings(url, town, clockSkew)
    const toOursMs = (epochMs: number) => epochMs - clockSkew * 1000 - performance.timeOrigin
    const sentMs = new Map([...diary.voids].map(([id, { askedMs }]) => [id, askedMs]))
    const answeredMs = new Map([...diary.voids].map(([id, { endedMs }]) => [id, endedMs]))
    const { count, longestMs } = staleReads(diary.reads, answeredMs)
    const idle = idlePolls(report, sentMs, toOursMs)
    const writes = diary.lines.filter(({ does, isAnswered }) => does !== 'read' && isAnswered).length
    const over = (window: 'hour' | 'burst', kind: 'fixed' | 'sliding') =>
      report.limits
        .filter(verdict => verdict.window === window && verdict.kind === kind)
        .reduce((sum, { violations }) => sum + violations, 0)
    const hour = report.limits.find(
      ({ account, window, kind }) => account === town.accounts[0] && window === 'hour' && kind === 'fixed',
    )
    const needed = leastReads(diary.reads, ends, answeredMs, intervalMs(size))
    const creates = createsWhile(diary, startMs + batchAtMs(size))
    const waits = creates.map(({ isAnswered, askedMs, endedMs }) =>
      isAnswered ? endedMs - askedMs : size.hours * size.hourMs,
    )
    const fifo = firstCome(diary, needed, town.accounts[0] ?? '', creates, {
      ...size,
      hourStartMs: performance.now() - (wallMs() % size.hourMs),
    })
    return {
      upstream: report.calls.total,
      least: writes + needed.length,
      overHour: over('hour', 'fixed'),
      overBurst: over('burst', 'sliding'),
      fullest: (hour?.worst ?? 0) / size.hourLimit,
      polls: idle,
      pollsAfterWrite: report.pollsTotal - idle,
      rereads: report.terminalRereadsTotal,
      refusedToClients: diary.refusals,
      refusedByDocusign: report.blocked,
      p50Wait: quantile(waits, 0.5) / size.hourMs,
      p95Wait: quantile(waits, 0.95) / size.hourMs,
      p95FirstCome: quantile(fifo, 0.95) / size.hourMs,
      stale: count,
      stalest: longestMs / intervalMs(size),
      ...(await leaksOf(simulator, url, town, diary, size)),
      duplicates: report.duplicatesTotal,
      unanswered: diary.lines.filter(({ isAnswered }) => !isAnswered).length,
      asked: diary.lines.length,
    }
  } finally {
    await program.stop()
    await simulator.stop()
  }
}

function settle(simulator: Simulator, port: number, size: DaySize): Town {
  const accounts = simulator.accounts().map(({ accountId }) => accountId)
  const [user] = simulator.users()
  const keys = simulator.credentials().integrationKeys
  const tokens = Object.fromEntries(
    APPS.map((app, n) => {
      const { integrationKey = '' } = keys[n] ?? {}
      return [app, simulator.issueToken(user?.userId ?? '', { integrationKey, expiresIn: 1e9 })]
    }),
  ) as Record<App, string>
  const whose = { userId: user?.userId ?? '' }
  const envelopes = accounts.map(account => [
    ...simulator.addEnvelopes({ ...whose, account, count: size.envelopes - size.lasting, status: 'lives' }),
    ...simulator.addEnvelopes({ ...whose, account, count: size.lasting, status: 'sent' }),
  ])
  return { port, accounts, envelopes, tokens }
}

/** When each came to its end, by `performance.now()`, as DocuSign says itself. */
async function endings(url: string, town: Town, clockSkew: number): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>()
  for (const [n, account] of town.accounts.entries()) {
    const path = `/restapi/v2.1/accounts/${account}/envelopes/status?envelope_ids=${town.envelopes[n]?.join()}`
    const headers = { authorization: `Bearer ${town.tokens.desk}` }
    const told = await fetch(`${url}${path}`, { headers })
    const page = (await told.json()) as {
      envelopes?: { envelopeId: string; status: string; statusChangedDateTime: string }[]
    }
    for (const { envelopeId, status, statusChangedDateTime } of page.envelopes ?? []) {
      const endMs = Date.parse(statusChangedDateTime) - clockSkew * 1000 - performance.timeOrigin
      if (ENDS.has(status)) ends.set(envelopeId, endMs)
    }
  }
  return ends
}

/** The interactive ones on the job's account, from its start to its last answer. */
function createsWhile({ lines }: Diary, fromMs: number): readonly Line[] {
  const batch = lines.filter(({ does }) => does === 'batch')
  const untilMs = batch.reduce((latest, { endedMs }) => Math.max(latest, endedMs), fromMs)
  return lines.filter(
    ({ does, account, askedMs }) =>
      does === 'create' && account === 0 && askedMs >= fromMs && askedMs < untilMs,
  )
}

/** Their waits in the one queue of all that had to go up on that account. */
function firstCome(
  { lines }: Diary,
  needed: readonly Read[],
  account: string,
  creates: readonly Line[],
  windows: Windows,
): readonly number[] {
  const writes = lines.filter(line => line.account === 0 && line.does !== 'read')
  const reads = needed.filter(({ path }) => path.includes(account))
  const queue = [...writes, ...reads].toSorted((a, b) => a.askedMs - b.askedMs)
  const waits = firstComeWaits(
    queue.map(({ askedMs }) => askedMs),
    windows,
  )
  const ours = new Set<Line | Read>(creates)
  return waits.filter((_, n) => ours.has(queue[n] as Line | Read))
}
