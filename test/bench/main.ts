/** `npm run bench [SECTION…] [--json]`: ratios taken side by side in one run, never absolute times. */
import { parseArgs } from 'node:util'
import { accounts } from './accounts.js'
import { forward } from './forward.js'
import { hits } from './hits.js'
import { hours } from './hours.js'
import { kill } from './kill.js'
import { lanes } from './lanes.js'
import { ledger } from './ledger.js'
import { memory } from './memory.js'
import { redis } from './redis.js'
import { redisCopies } from './redis-copies.js'
import { resident } from './resident.js'
import { spared } from './spared.js'

export interface Result {
  readonly what: string
  readonly against: string
  readonly ratio: number
  /** The least and the greatest of the rounds. */
  readonly spread?: readonly [number, number]
  /** What the ratio should stay under. A benchmark says so and judges nothing: machines are shared and noisy. */
  readonly mark: number
}

const SECTIONS = {
  forward,
  hits,
  memory,
  resident,
  lanes,
  ledger,
  accounts,
  hours,
  kill,
  spared,
  redis,
  'redis-copies': redisCopies,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
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
  if (positionals.length === 0 || positionals.includes(name)) results[name] = await run(say)
}

if (values.json) {
  process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
} else {
  for (const result of Object.values(results).flat()) {
    const spread = result.spread ? ` (${result.spread.map(n => n.toFixed(2)).join(' to ')})` : ''
    process.stdout.write(
      `${result.ratio.toFixed(2)}×${spread}  mark ${result.mark}×  ${result.what}; against ${result.against}\n`,
    )
  }
}
process.exit()
