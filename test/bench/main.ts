/**
 * `npm run bench [SECTION…] [--json] [--only NAME]`: ratios taken side by side in one run, never absolute times. `--only`
 * keeps `peers` to hit, forward or body, `day` to some contenders (commas between them), `scale` to accounts or envelopes.
 */
import { parseArgs } from 'node:util'
import { accounts } from './accounts.js'
import { day } from './day.js'
import { forward } from './forward.js'
import { hits } from './hits.js'
import { hours } from './hours.js'
import { kill } from './kill.js'
import { lanes } from './lanes.js'
import { ledger } from './ledger.js'
import { memory } from './memory.js'
import { peers } from './peers.js'
import { resident } from './resident.js'
import { scale } from './scale.js'
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

type Section = (say: (text: string) => void, only: string) => Promise<Result[]>

const SECTIONS: Readonly<Record<string, Section>> = {
  ...{ forward, hits, memory, resident, lanes, ledger, accounts, hours, kill, spared, peers, day, scale },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})
const unknown = positionals.filter(name => !(name in SECTIONS))
if (unknown.length > 0) {
  process.stderr.write(
    `no such section: ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}\n`,
  )
  process.exit(2)
}

const say = (text: string) => void process.stderr.write(`${text}\n`)
const results: Record<string, Result[]> = {}
for (const [name, run] of Object.entries(SECTIONS)) {
  if (positionals.length === 0 || positionals.includes(name)) results[name] = await run(say, values.only)
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
