/** Columns: settings and traffic, as they were and as they could be. */
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/settings.js'
import { showFaults } from '../config/show.js'
import type { PlanOptions } from '../plan/arguments.js'
import { BadUsage } from '../plan/bad-usage.js'
import type { Model } from '../plan/model.js'
import type { Source } from '../plan/source.js'
import type { Variation } from '../plan/variation.js'
import type { ReplayScenario } from './house.js'

/** One column. */
export interface Scenario extends ReplayScenario {
  readonly name: string
}

/** Where settings come from, beside the files that are named. */
export interface SettingSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pathOf: (name: string) => string
}

/** Of an hour: how much later at most what is drawn again comes. */
const SPREAD = 60

/** The column of what was, and those of what could be. @throws BadUsage where one's settings are wrong */
export function scenariosOf(
  options: PlanOptions,
  model: Model | undefined,
  base: Config,
  { names }: Source,
  sources: SettingSources,
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
  if (isAsked) scenarios.push(scenario('what if', loadFor(options, sources, [], sets), true))
  for (const file of compare) scenarios.push(scenario(file, loadFor(options, sources, [file]), false))
  return scenarios
}

/** @param files over `--config` @throws BadUsage, with every fault */
export function loadFor(
  { config }: PlanOptions,
  { env, pathOf }: SettingSources,
  files: readonly string[] = [],
  sets: PlanOptions['sets'] = [],
): Config {
  const texts = sets.map(({ path, value }) => {
    const names = path.split('.')
    const open = names.map(name => `{${JSON.stringify(name)}: `).join('')
    return { name: '--set', text: `${open}${value}${'}'.repeat(names.length)}\n` }
  })
  const all = [pathOf('config/default.yaml'), ...(config === undefined ? [] : [config]), ...files]
  const loaded = loadConfig({ files: all, env, texts })
  if (loaded.kind === 'config') return loaded.config
  throw new BadUsage(showFaults(loaded.faults))
}
