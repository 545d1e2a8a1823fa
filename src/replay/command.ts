/** `plan`: which replays there are, and what is said of them. */
import { fileURLToPath } from 'node:url'
import { readUplot } from '../admin/page.js'
import type { Loaded } from '../config/load.js'
import type { Config } from '../config/settings.js'
import { readPlainYaml } from '../config/plain.js'
import { parsePlanArguments, PLAN_USAGE, type PlanOptions } from '../plan/arguments.js'
import { holds } from '../plan/fail-if.js'
import { figuresOf, type Figures } from '../plan/figures.js'
import { BadUsage } from '../plan/bad-usage.js'
import { readModel, type Model } from '../plan/model.js'
import { makeProgress } from '../plan/progress.js'
import { reportOf, type ReportFiles } from '../plan/report.js'
import { readCosts, scaleOf, type Costs } from '../plan/scale.js'
import { leastLimit, firstWeek } from '../plan/search.js'
import { sourceOf, type Source } from '../plan/source.js'
import { scaleTable, tableOf } from '../plan/table.js'
import type { Tally } from '../plan/tally.js'
import type { Variation } from '../plan/variation.js'
import type { ReplayScenario } from './house.js'
import { replay } from './replay.js'

export interface PlanParts {
  readonly say: (text: string) => void
  readonly complain: (text: string) => void
  /** Writes to the terminal that the user looks at, without a line's end. */
  readonly show: (text: string) => void
  /** Characters in a line of it; 0: there is none, and nothing is shown. */
  readonly columns: number
  /** Characters in a line of what is said. */
  readonly width: number
  readonly nowMs: () => number
  readonly whenIdle: (run: () => void) => void
  /** The settings with files over the defaults, and texts over all. */
  loadConfig(
    files: readonly string[],
    texts: readonly { readonly name: string; readonly text: string }[],
  ): Loaded
  readonly showFaults: (loaded: Extract<Loaded, { kind: 'faults' }>) => string
  /** `config/plan/costs.yaml`. */
  readonly costsFile: string
  /** @throws where it cannot be read */
  readonly readFile: (path: string) => string
  readonly writeFile: (path: string, text: string) => void
}

export type PlanEnd = 'done' | 'failed' | 'bad-usage'

/** One column. */
interface Scenario extends ReplayScenario {
  readonly name: string
}

/** Beyond so many faults of a trace they are counted, not told. */
const TOLD_FAULTS = 20
/** Of an hour: how much later at most what is drawn again comes. */
const SPREAD = 60

const REPORT = new URL('../../../src/plan/report/', import.meta.url)

function reportFiles(readFile: (path: string) => string): ReportFiles {
  const own = (name: string) => readFile(fileURLToPath(new URL(name, REPORT)))
  const { script, style } = readUplot(readFile)
  return { style: own('report.css'), script: own('report.js'), uplotScript: script, uplotStyle: style }
}

export async function runPlan(argv: readonly string[], parts: PlanParts): Promise<PlanEnd> {
  const given = parsePlanArguments(argv)
  if (given.kind === 'help') {
    parts.say(PLAN_USAGE)
    return 'done'
  }
  if (given.kind === 'faults') {
    parts.complain(`${given.faults.join('\n')}\n\n${PLAN_USAGE}`)
    return 'bad-usage'
  }
  try {
    return await plan(given.options, parts)
  } catch (error) {
    if (!(error instanceof BadUsage)) throw error
    parts.complain(error.message)
    return 'bad-usage'
  }
}

async function plan(options: PlanOptions, parts: PlanParts): Promise<PlanEnd> {
  const base = load([], options, parts)
  const model = options.model === undefined ? undefined : loadModel(options.model)
  const costs = options.scale ? loadCosts(options.costs ?? parts.costsFile) : undefined
  const faults = new Map<string, string>()
  const hourMs = base.limits.hour.window * 1000
  const source = await sourceOf({ ...options, model, hourMs }, parts.readFile, faults)
  const scenarios = scenariosOf(options, model, base, source, parts)
  const columns: Figures[] = []
  for (const scenario of scenarios) {
    columns.push(await figure(scenario, options, source, parts))
    if (columns.length === 1) {
      tellFaults(faults, parts)
      if (columns[0]?.calls.in === 0) {
        parts.complain('There is no call in it that could be replayed.')
        return 'failed'
      }
    }
  }
  const last = columns.at(-1) as Figures
  const scale = options.scale && costs ? scaleOf(options.scale, mixOf(last), costs) : undefined
  if (options.html !== undefined)
    parts.writeFile(options.html, reportOf(columns, scale, reportFiles(parts.readFile)))
  if (options.json)
    parts.say(JSON.stringify({ version: 1, seed: options.seed, scenarios: columns, scale }, null, 2))
  else {
    parts.say(tableOf(columns, parts.width))
    if (scale) parts.say(`\n${scaleTable(scale, parts.width)}`)
  }
  return judged(options, columns, parts)
}

function judged({ conditions }: PlanOptions, columns: readonly Figures[], parts: PlanParts): PlanEnd {
  // What was recorded is as it is: what is asked about is what would be.
  const asked = columns.length > 1 ? columns.slice(1) : columns
  let isTrue = false
  for (const condition of conditions) {
    for (const figures of asked.filter(one => holds(condition, one))) {
      parts.complain(`${condition.text}: so it is (${figures.name})`)
      isTrue = true
    }
  }
  return isTrue ? 'failed' : 'done'
}

function tellFaults(faults: ReadonlyMap<string, string>, { complain }: PlanParts): void {
  const told = [...faults.values()]
  for (const fault of told.slice(0, TOLD_FAULTS)) complain(fault)
  if (told.length > TOLD_FAULTS) complain(`… and ${told.length - TOLD_FAULTS} more`)
  if (told.length > 0) complain('These lines were passed over; the rest was used.')
}

async function figure(
  scenario: Scenario,
  options: PlanOptions,
  source: Source,
  parts: PlanParts,
): Promise<Figures> {
  const { show, columns } = parts
  const run = async (other: Partial<Scenario>, what: string, goesOn?: (tally: Tally) => boolean) => {
    const one = { ...scenario, ...other }
    const title = `${scenario.name}${what}`
    const progress = makeProgress({ title, total: 1, nowMs: () => parts.nowMs(), write: show, columns })
    const records = source.open(share => progress.at(share))
    try {
      return await replay(records, one, { names: source.names, whenIdle: parts.whenIdle, goesOn })
    } finally {
      progress.end()
    }
  }
  const end = await run({}, '')
  const { tally } = end
  const limitForOneSecond = await leastLimit(tally, async (limit, mostLate) => {
    const hourLimit = { forced: limit, start: limit }
    const isOn = ({ late }: Tally) => late <= mostLate
    return isOn((await run({ hourLimit }, `, with ${limit} an hour`, isOn)).tally)
  })
  const grow = options.grow ?? source.model?.growth ?? 1
  // What was drawn again is in it already.
  const reached = grow <= 1 ? undefined : firstWeek(grow, tally.reachedAt() * scenario.variation.grow)
  const intervalSeconds = scenario.config.polling.interval
  return figuresOf({ ...end, name: scenario.name, intervalSeconds }, { limitForOneSecond, reached })
}

function mixOf({ calls, saved, refused }: Figures) {
  const all = Math.max(1, calls.in)
  return { savedShare: saved.total / all, refusedShare: refused.total / all }
}

function scenariosOf(
  options: PlanOptions,
  model: Model | undefined,
  base: Config,
  { names }: Source,
  parts: PlanParts,
): Scenario[] {
  const { seed, sets, grow, split, connect, compare } = options
  for (const name of options.apps.keys()) names.knows('app', name)
  const spreadMs = (base.limits.hour.window * 1000) / SPREAD
  const apps = new Map([...options.apps].map(([name, factor]) => [names.hashOf('app', name), factor]))
  const plain: Variation = { seed, grow: 1, apps: new Map(), split: 1, spreadMs }
  const scenario = (name: string, config: Config, isWhatIf: boolean): Scenario => {
    for (const app of Object.keys(config.apps)) names.knows('app', app)
    for (const account of Object.keys(config.limits.accounts)) names.knows('account', account)
    const hour = config.limits.hour.limit
    const burst = config.limits.burst.limit
    const isSet = (path: string, differs: boolean) =>
      differs || (isWhatIf && sets.some(set => set.path === path))
    const hourForced = isSet('limits.hour.limit', hour !== base.limits.hour.limit)
    const burstForced = isSet('limits.burst.limit', burst !== base.limits.burst.limit)
    return {
      name,
      config,
      hourLimit: { forced: hourForced ? hour : undefined, start: hourForced ? hour : (model?.limit ?? hour) },
      burstLimit: { forced: burstForced ? burst : undefined, start: burst },
      connect: isWhatIf && connect,
      variation: isWhatIf ? { seed, grow: grow ?? 1, apps, split, spreadMs } : plain,
    }
  }
  const scenarios = [scenario(model ? 'as modelled' : 'as recorded', base, false)]
  const isAsked = sets.length > 0 || grow !== undefined || split > 1 || apps.size > 0 || connect
  if (isAsked) scenarios.push(scenario('what if', load([], options, parts, sets), true))
  for (const file of compare) scenarios.push(scenario(file, load([file], options, parts), false))
  return scenarios
}

/** @throws BadUsage */
function load(
  files: readonly string[],
  { config }: PlanOptions,
  parts: PlanParts,
  sets: PlanOptions['sets'] = [],
): Config {
  const texts = sets.map(({ path, value }) => {
    const names = path.split('.')
    const open = names.map(name => `{${JSON.stringify(name)}: `).join('')
    return { name: '--set', text: `${open}${value}${'}'.repeat(names.length)}\n` }
  })
  const loaded = parts.loadConfig([...(config === undefined ? [] : [config]), ...files], texts)
  if (loaded.kind === 'config') return loaded.config
  throw new BadUsage(parts.showFaults(loaded))
}

function loadModel(path: string): Model {
  const model = readModel(readPlain(path))
  if ('apps' in model) return model
  throw new BadUsage(model.map(fault => `${path}: ${fault}`).join('\n'))
}

function loadCosts(path: string): Costs {
  const costs = readCosts(readPlain(path))
  if ('redisCommands' in costs) return costs
  throw new BadUsage(costs.map(fault => `${path}: ${fault}`).join('\n'))
}

function readPlain(path: string): unknown {
  const read = readPlainYaml(path)
  if (read.kind === 'value') return read.value
  throw new BadUsage(read.faults.map(({ where, message }) => `${where}: ${message}`).join('\n'))
}
