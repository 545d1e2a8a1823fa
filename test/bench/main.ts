/**
 * `npm run bench [SECTION…] [--json] [--only NAME] [--for SECONDS]`: ratios taken side by side in one run, never absolute
 * times. `--only` keeps `peers` to hit, forward or body, `day` to some contenders (commas between them), `scale` to
 * accounts or envelopes; `--for` is for how long `soak` goes on.
 */
import { parseArgs } from 'node:util'
import { accounts } from './accounts.js'
import { costs } from './costs.js'
import { day } from './day.js'
import { flood } from './flood.js'
import { forward } from './forward.js'
import { hits } from './hits.js'
import { hours } from './hours.js'
import { kill } from './kill.js'
import { lanes } from './lanes.js'
import { ledger } from './ledger.js'
import { memory } from './memory.js'
import { peers } from './peers.js'
import { plan } from './plan.js'
import { redis } from './redis.js'
import { redisCopies } from './redis-copies.js'
import { resident } from './resident.js'
import { scale } from './scale.js'
import { soak } from './soak.js'
import { spared } from './spared.js'

export interface Result {
  readonly what: string
  readonly against: string
  readonly ratio: number
  /** The least and the greatest of the rounds. */
  readonly spread?: readonly [number, number]
  /** What the ratio should stay under. A benchmark says so and judges nothing: machines are shared and noisy. */
  readonly mark?: number
  /** What else was found in the same rounds: ratios and counts, by name. */
  readonly also?: Readonly<Record<string, number>>
}

/** What `--only` and `--for` say. */
export interface Bounds {
  readonly only: string
  readonly seconds: number
}

type Section = (say: (text: string) => void, bounds: Bounds) => Promise<Result[]>

const SECTIONS: Readonly<Record<string, Section>> = {
  ...{ forward, hits, memory, resident, lanes, ledger, accounts, hours, kill, spared, redis, costs },
  'redis-copies': redisCopies,
  peers: (say, { only }) => peers(say, only),
  day: (say, { only }) => day(say, only),
  scale: (say, { only }) => scale(say, only),
  plan: say => plan(say),
}

/** Run only when they are named: they take minutes, or hours. */
const LONG: Readonly<Record<string, Section>> = {
  flood,
  soak: (say, { seconds }) => soak(say, seconds),
}
const HOURS_4 = String(4 * 3600)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    for: { type: 'string', default: HOURS_4 },
  },
})
const all = { ...SECTIONS, ...LONG }
const unknown = positionals.filter(name => !(name in all))
const seconds = Number(values.for)
if (unknown.length > 0 || !(seconds > 0)) {
  process.stderr.write(
    unknown.length > 0
      ? `no such section: ${unknown.join(', ')}; there are ${Object.keys(all).join(', ')}\n`
      : `--for takes a number of seconds, not ${values.for}\n`,
  )
  process.exit(2)
}

const say = (text: string) => void process.stderr.write(`${text}\n`)
const results: Record<string, Result[]> = {}
for (const [name, run] of Object.entries(all)) {
  const isMeant = positionals.length === 0 ? name in SECTIONS : positionals.includes(name)
  if (isMeant) results[name] = await run(say, { only: values.only, seconds })
}

if (values.json) {
  process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
} else {
  for (const result of Object.values(results).flat()) {
    const spread = result.spread ? ` (${result.spread.map(n => n.toFixed(2)).join(' to ')})` : ''
    const mark = result.mark === undefined ? '' : `  mark ${result.mark}×`
    const also = Object.entries(result.also ?? {}).map(([name, n]) => `${name} ${Number(n.toFixed(2))}`)
    process.stdout.write(
      `${result.ratio.toFixed(2)}×${spread}${mark}  ${[result.what, ...also].join(', ')}; against ${result.against}\n`,
    )
  }
}
process.exit()
