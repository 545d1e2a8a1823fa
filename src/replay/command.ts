/** `plan`: which replays there are, and what is said of them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { readUplot } from '../admin/page.js'
import type { Clock } from '../base/clock.js'
import { parsePlanArguments, PLAN_USAGE, type PlanOptions } from '../plan/arguments.js'
import { holds } from '../plan/fail-if.js'
import { figuresOf, type Figures } from '../plan/figures.js'
import { BadUsage } from '../plan/bad-usage.js'
import { makeProgress } from '../plan/progress.js'
import { reportOf, type ReportFiles } from '../plan/report.js'
import { replayedOf } from '../plan/replayed.js'
import { scaleOf } from '../plan/scale.js'
import { leastLimit, firstWeek } from '../plan/search.js'
import { sourceOf, type Source } from '../plan/source.js'
import { scaleTable, tableOf } from '../plan/table.js'
import type { Tally } from '../plan/tally.js'
import { loadCosts, loadModel } from './files.js'
import { replay } from './replay.js'
import { loadFor, scenariosOf, type Scenario } from './scenarios.js'

export interface PlanParts {
  readonly say: (text: string) => void
  readonly complain: (text: string) => void
  /** Writes to the terminal that the user looks at, without a line's end. */
  readonly show: (text: string) => void
  /** Characters in a line of it; 0: there is none, and nothing is shown. */
  readonly columns: number
  /** Characters in a line of what is said. */
  readonly width: number
  readonly clock: Clock
  /** Calls back once no promise job is left to run. */
  readonly whenIdle: (run: () => void) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where a file of the product lies: `config/default.yaml`. */
  readonly pathOf: (name: string) => string
}

export type PlanEnd = 'done' | 'failed' | 'bad-usage'

/** Beyond so many faults of a trace they are counted, not told. */
const TOLD_FAULTS = 20
const readFile = (path: string) => readFileSync(path, 'utf8')

function reportFiles({ pathOf }: PlanParts): ReportFiles {
  const own = (name: string) => readFile(pathOf(`src/plan/report/${name}`))
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
  const base = loadFor(options, parts)
  const model = options.model === undefined ? undefined : loadModel(options.model)
  const costs = options.scale ? loadCosts(options.costs ?? parts.pathOf('config/plan/costs.yaml')) : undefined
  const faults = new Map<string, string>()
  const hourMs = base.limits.hour.window * 1000
  const source = await sourceOf({ ...options, model, hourMs }, readFile, faults)
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
  const scale = options.scale && costs ? scaleOf(options.scale, replayedOf(last), costs) : undefined
  if (options.html !== undefined) writeFileSync(options.html, reportOf(columns, scale, reportFiles(parts)))
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
    const progress = makeProgress({ title, total: 1, nowMs: () => parts.clock.nowMs(), write: show, columns })
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
