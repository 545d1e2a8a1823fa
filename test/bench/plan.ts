/**
 * How long does a plan take of a day of a million calls, and what memory? The program itself, on traces as the governor
 * packs them: a day of which nearly every call goes up, and one of which most are spared.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createGzip } from 'node:zlib'
import { makeDisguise } from '../../src/base/disguise.js'
import { TRACE_VERSION, traceHeaderLine, traceLine } from '../../src/base/trace.js'
import { generated } from '../../src/plan/generate.js'
import { readModel, type Model } from '../../src/plan/model.js'
import { burntBy } from './burnt.js'
import { endWithUs } from './ending.js'
import type { Result } from './main.js'

/** As `config/plan/*.yaml` have them, with some million calls a day. */
const DAYS: Readonly<Record<string, Model>> = {
  'nearly all go up': modelOf({
    accounts: 5_000,
    skew: 0.6,
    limit: 4_000,
    apps: { product: { envelopes: 79_000, open: 21_600, poll: 1_800, documents: 2 } },
  }),
  'two thirds are spared': modelOf({
    accounts: 500,
    skew: 0.4,
    limit: 3_000,
    apps: {
      product: { envelopes: 16_000, open: 21_600, poll: 900, documents: 3 },
      script: { envelopes: 2_500, open: 7_200, poll: 30, documents: 4, lists: 600 },
    },
  }),
}
const CALLS = 1_000_000
const LOOK_MS = 100
const PROGRAM = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const MARK_SECONDS = 60

export interface PlanSize {
  readonly calls: number
}

export async function plan(
  say: (text: string) => void,
  { calls }: PlanSize = { calls: CALLS },
): Promise<Result[]> {
  const results: Result[] = []
  for (const [what, model] of Object.entries(DAYS)) {
    const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-bench-'))
    try {
      const trace = join(folder, 'day.ndjson.gz')
      await write(trace, model, calls)
      const { wallSeconds, cpuSeconds, rss, up } = await planned(trace, model.limit ?? 0)
      const at = (share: number) => rss[Math.floor(share * (rss.length - 1))] ?? NaN
      const peak = Math.max(...rss)
      // Between two sweeps of the heap it rises by half, so one moment says nothing of another: the highest say whether it grows.
      const half = rss.length >> 1
      const [first, second] = [Math.max(...rss.slice(0, half)), Math.max(...rss.slice(half))]
      say(
        `plan: ${calls} calls, ${what} (${up}): ${wallSeconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU; ` +
          `RSS ${[0.25, 0.5, 0.75].map(share => megabytes(at(share))).join(', ')} MB at its quarters, ${megabytes(peak)} MB at most`,
      )
      results.push(
        {
          what: `a day of ${calls} calls, ${what}`,
          against: `${MARK_SECONDS} s`,
          ratio: wallSeconds / MARK_SECONDS,
          mark: 1,
          also: { 'seconds of CPU': cpuSeconds, 'calls that went up': up },
        },
        {
          what: `its resident memory at most, in the second half`,
          against: 'that in the first half',
          ratio: second / first,
          also: { MB: megabytes(peak) },
        },
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  return results
}

/** The first so many calls of the model's day, as a governor would have written them. */
async function write(path: string, model: Model, calls: number): Promise<void> {
  const disguise = makeDisguise(Buffer.alloc(32, 7))
  function* lines(): Generator<string> {
    let left = calls
    yield traceHeaderLine({ version: TRACE_VERSION, key: disguise.keyId })
    for (const record of generated(model, 1, 0)) {
      if (left-- === 0) return
      const { app, account, envelope, resource, representation, viewer } = record
      yield traceLine({
        ...record,
        app: disguise.of('app', app),
        account: disguise.of('account', account),
        envelope: disguise.of('envelope', envelope),
        resource: disguise.of('resource', resource),
        representation: disguise.of('representation', representation),
        viewer: disguise.of('viewer', viewer),
      })
    }
    if (left > 0) throw new Error(`the model's day has only ${calls - left} calls`)
  }
  await pipeline(Readable.from(lines()), createGzip(), createWriteStream(path))
}

async function planned(trace: string, limit: number) {
  const beganMs = performance.now()
  const child = spawn(process.execPath, [PROGRAM, 'plan', trace, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { GOVERNOR_LIMITS_HOUR_LIMIT: String(limit) },
  })
  const over = endWithUs(() => void child.kill())
  let said = ''
  child.stdout.on('data', text => (said += String(text)))
  const closed = once(child, 'close')
  const rss: number[] = []
  let cpuMicros = 0
  while (child.exitCode === null && child.signalCode === null) {
    const usage = burntBy(child.pid ?? 0)
    // Of one that has just ended there is nothing to be read.
    if (usage.rssBytes > 0) rss.push(usage.rssBytes)
    cpuMicros = Math.max(cpuMicros, usage.cpuMicros)
    await pause(LOOK_MS)
  }
  const wallSeconds = (performance.now() - beganMs) / 1000
  await closed
  over()
  if (child.exitCode !== 0) throw new Error(`plan ended with ${child.exitCode ?? child.signalCode}`)
  const { scenarios } = JSON.parse(said) as { scenarios: { calls: { up: number } }[] }
  return { wallSeconds, cpuSeconds: cpuMicros / 1e6, rss, up: scenarios[0]?.calls.up ?? NaN }
}

function modelOf(fields: unknown): Model {
  const model = readModel(fields)
  if ('apps' in model) return model
  throw new Error(model.join('; '))
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6)
