/** What follows `plan` on the command line. */
import { parseArgs } from 'node:util'
import { readCondition, type Condition } from './fail-if.js'
import { readScale, type ScaleAsked } from './scale.js'

export interface PlanOptions {
  readonly traces: readonly string[]
  readonly model: string | undefined
  readonly config: string | undefined
  /** `path` → YAML of its value. */
  readonly sets: readonly { readonly path: string; readonly value: string }[]
  readonly compare: readonly string[]
  /** A year; `undefined` where it is not asked for. */
  readonly grow: number | undefined
  readonly split: number
  readonly apps: ReadonlyMap<string, number>
  readonly connect: boolean
  readonly days: number | undefined
  readonly json: boolean
  readonly html: string | undefined
  readonly conditions: readonly Condition[]
  readonly seed: number
  readonly scale: ScaleAsked | undefined
  readonly costs: string | undefined
}

export type PlanArguments =
  | { readonly kind: 'options'; readonly options: PlanOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'faults'; readonly faults: readonly string[] }

export const PLAN_USAGE = `Usage: docusign-governor plan TRACE… [what if]
       docusign-governor plan --model FILE [what if]

Replays recorded traffic through the shield and the governor that serve it, in virtual time, and says what would have
become of it. TRACE is a file or folder that the governor wrote (trace.path) or \`trace import\` made.

What if (each adds a second column):
  --set PATH=VALUE      another setting: --set limits.hour.limit=3000 (limits are then DocuSign's, too)
  --grow FACTOR         so many times the traffic; and when the limit is reached at that growth a YEAR
  --apps NAME=FACTOR    so many times the traffic of one app (0 takes it out); may be given again
  --accounts-split N    the traffic of each account on N accounts
  --connect             DocuSign pushes (Connect) instead of being asked for statuses
  --compare FILE…       a column for each settings file

  --config FILE         the settings of the first column, as for serve
  --days N              so many days of it: repeated under other names, or cut off
  --seed N              another draw of what is drawn (0)
  --scale ACCOUNTSxLIMIT[xNODES,NODES…]
                        what so many accounts at so many calls an hour would take of nodes and Redis: 20000x3000x2,4,8
  --costs FILE          what a call costs there (config/plan/costs.yaml)

  --json                the figures as JSON instead of a table
  --html FILE           a report to be read in a browser; needs no other file and no network
  --fail-if 'FIGURE>N'  exit 1 if it is so in a what-if column (in the first, where there is no other); also >= < <= == !=
  --help                print this and leave

Exit codes: 0 done; 1 a --fail-if was true, or there was nothing to replay; 2 bad usage, nothing was replayed.
`

const OPTIONS = {
  model: { type: 'string' },
  config: { type: 'string', short: 'c' },
  set: { type: 'string', multiple: true },
  compare: { type: 'string', multiple: true },
  grow: { type: 'string' },
  'accounts-split': { type: 'string' },
  apps: { type: 'string', multiple: true },
  connect: { type: 'boolean' },
  days: { type: 'string' },
  json: { type: 'boolean' },
  html: { type: 'string' },
  'fail-if': { type: 'string', multiple: true },
  seed: { type: 'string' },
  scale: { type: 'string' },
  costs: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const SETTINGS_FILE = /\.ya?ml$/i
const MAX_FACTOR = 1000

/** Every wrong value is told at once. */
export function parsePlanArguments(argv: readonly string[]): PlanArguments {
  let parsed
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    return { kind: 'faults', faults: [(error as Error).message] }
  }
  const { values, positionals } = parsed
  if (values.help) return { kind: 'help' }
  const faults: string[] = []
  const number = (name: string, text: string | undefined, what: string, fits: (value: number) => boolean) => {
    if (text === undefined) return undefined
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
    if (fits(value)) return value
    faults.push(`--${name} takes ${what}, not ${JSON.stringify(text)}`)
    return undefined
  }
  const factor = (value: number) => value > 0 && value <= MAX_FACTOR
  // `--compare a.yaml b.yaml`: the words behind an option are its own, and not traces, if they are settings.
  const isCompared = (word: string) => values.compare !== undefined && SETTINGS_FILE.test(word)
  const traces = positionals.filter(word => !isCompared(word))
  if (values.model === undefined && traces.length === 0)
    faults.push('plan needs a TRACE, or a --model instead of one')
  if (values.model !== undefined && traces.length > 0) faults.push('plan takes traces or a --model, not both')
  const conditions = (values['fail-if'] ?? []).map(readCondition)
  faults.push(...conditions.filter(condition => typeof condition === 'string'))
  const scale = values.scale === undefined ? undefined : readScale(values.scale)
  if (typeof scale === 'string') faults.push(scale)
  const sets = (values.set ?? []).flatMap(text => {
    const [, path, value] = /^([A-Za-z][\w.~-]*)=(.*)$/s.exec(text) ?? []
    if (path !== undefined && value !== undefined) return [{ path, value }]
    faults.push(`--set takes PATH=VALUE, such as limits.hour.limit=3000, not ${JSON.stringify(text)}`)
    return []
  })
  const apps = new Map<string, number>()
  for (const text of (values.apps ?? []).flatMap(list => list.split(','))) {
    const [, name, times] = /^([^=]+)=(\d+(?:\.\d+)?)$/.exec(text) ?? []
    if (name !== undefined && Number(times) <= MAX_FACTOR) apps.set(name, Number(times))
    else faults.push(`--apps takes NAME=FACTOR, such as crm=0.5, not ${JSON.stringify(text)}`)
  }
  const options: PlanOptions = {
    traces,
    model: values.model,
    config: values.config,
    sets,
    compare: [...(values.compare ?? []), ...positionals.filter(isCompared)],
    grow: number('grow', values.grow, 'a factor above 0, such as 1.4', factor),
    split:
      number(
        'accounts-split',
        values['accounts-split'],
        'a whole number of accounts, 1 to 1000',
        isWhole(1),
      ) ?? 1,
    apps,
    connect: values.connect === true,
    days: number('days', values.days, 'days, above 0 and at most 366', value => value > 0 && value <= 366),
    json: values.json === true,
    html: values.html,
    conditions: conditions.filter(condition => typeof condition !== 'string'),
    seed: number('seed', values.seed, 'a whole number', value => Number.isSafeInteger(value)) ?? 0,
    scale: typeof scale === 'string' ? undefined : scale,
    costs: values.costs,
  }
  return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'options', options }
}

function isWhole(min: number): (value: number) => boolean {
  return value => Number.isInteger(value) && value >= min && value <= MAX_FACTOR
}
