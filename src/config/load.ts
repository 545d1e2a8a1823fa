import { readDocument } from './document.js'
import { readEnvironment } from './environment.js'
import type { ConfigFault } from './fault.js'
import { readSettingsFile } from './file.js'
import { illegible, type Entry, type Layer, type Origin } from './layer.js'
import { RULES, type Rule, type RulePath } from './rules.js'
import { TABLE, type Config } from './settings.js'
import type { Environment, Table } from './shape.js'

export type { ConfigFault } from './fault.js'

/** Where settings come from; each overlays what stands before it, the environment all files. */
export interface ConfigSources {
  /** Paths of YAML files: `config/default.yaml` first, the operator's overlay after. */
  readonly files: readonly string[]
  /** Variables; only those called `GOVERNOR_*` are looked at. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Above all of them: YAML texts, and what they are called in a fault. */
  readonly texts?: readonly { readonly name: string; readonly text: string }[]
}

export type Loaded =
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'faults'; readonly faults: readonly ConfigFault[] }

/**
 * One frozen Config, or everything that is wrong. Every value of every source is judged, also one that a later
 * source overrides: a fault that a variable happens to mask would come to light on the day the variable goes.
 * Reads the files; never throws.
 */
export function loadConfig(sources: ConfigSources): Loaded {
  const texts = (sources.texts ?? []).map(({ name, text }) => readDocument(text, name))
  const layers = [...sources.files.map(readFile), readEnvironment(sources.env), ...texts]
  const faults = [...layers.flatMap(layer => layer.faults), ...clashingNames(layers), ...brokenRules(layers)]
  return faults.length > 0
    ? { kind: 'faults', faults: unique(faults) }
    : { kind: 'config', config: frozen(build(layers, overlaid(layers))) }
}

function readFile(path: string): Layer {
  const file = readSettingsFile(path)
  if (file.kind === 'text') return readDocument(file.text, path)
  return illegible({ where: path, path: '', message: file.message })
}

function overlaid(layers: readonly Layer[]): Map<string, Entry> {
  return new Map(layers.flatMap(layer => [...layer.values]))
}

/** One name in two spellings would be two apps to the operator and one to the callers. */
function clashingNames(layers: readonly Layer[]): ConfigFault[] {
  const firsts = new Map<string, string>()
  const faults: ConfigFault[] = []
  for (const { map, name, origin } of layers.flatMap(layer => layer.names)) {
    const key = `${map}.${name.toLowerCase()}`
    const first = firsts.get(key) ?? name
    firsts.set(key, first)
    if (first === name) continue
    faults.push({ ...origin, message: `differs from ${map}.${first} in letter case only` })
  }
  return faults
}

/**
 * Judges the rules after each file and after all. What later sources say joins in only where the files so far
 * leave the default: a token from the environment completes a file that opens the admin port, but a host from
 * the environment does not excuse it.
 */
function brokenRules(layers: readonly Layer[]): ConfigFault[] {
  if (layers.some(layer => !layer.legible)) return []
  const refused = layers.flatMap(layer => [...layer.refused])
  const rules = RULES.filter(rule => !rule.reads.some(path => refused.some(key => isAt(key, path))))
  return layers.flatMap((_, last) => {
    const entries = overlaid(layers.slice(0, last + 1))
    for (const [path, entry] of overlaid(layers.slice(last + 1))) {
      if (isDefault(path, entries.get(path))) entries.set(path, entry)
    }
    const config = build(layers, entries)
    return rules.flatMap(rule => {
      const message = rule.broken(config)
      return message === undefined ? [] : [{ ...blamed(rule, entries, layers), message }]
    })
  })
}

function isDefault(path: string, entry: Entry | undefined): boolean {
  if (entry === undefined) return true
  const row = (TABLE as Table)[path]
  return row?.type === 'leaf' && JSON.stringify(entry.value) === JSON.stringify(row.fallback)
}

/** Of the settings a rule reads, the one that was said last: that is the one to look at. */
function blamed(rule: Rule, entries: ReadonlyMap<string, Entry>, layers: readonly Layer[]): Origin {
  for (const layer of layers.toReversed()) {
    for (const path of rule.reads) {
      const said = [...layer.values].findLast(([key, entry]) => isAt(key, path) && entry === entries.get(key))
      if (said) return { where: said[1].where, path: said[1].path }
    }
  }
  return { where: '', path: rule.reads.join(', ') }
}

/** Whether a setting is the one that a rule reads, or one of those: `apps.<name>.reserve` is that of every app. */
function isAt(key: string, path: RulePath): boolean {
  const [map = '', own] = path.split('<name>')
  return own === undefined ? key === path : key.startsWith(map) && key.endsWith(own)
}

/** Fills in the defaults and gives the settings their shape. */
function build(layers: readonly Layer[], entries: ReadonlyMap<string, Entry>): Config {
  const environment = (entries.get('upstream.environment')?.value ?? 'demo') as Environment
  return level(TABLE, '') as Config

  function level(table: Table, prefix: string): object {
    const built: Record<string, unknown> = {}
    for (const [path, row] of Object.entries(table)) {
      const value =
        row.type === 'named'
          ? named(prefix + path, row.settings)
          : (entries.get(prefix + path)?.value ?? row.byEnvironment?.[environment] ?? row.fallback)
      place(built, path.split('.'), value)
    }
    return built
  }

  function named(map: string, settings: Table): object {
    // Without a prototype, so that an app called `constructor` is found only where the settings name it.
    const built = Object.create(null) as Record<string, unknown>
    for (const { name } of layers.flatMap(layer => layer.names.filter(entry => entry.map === map))) {
      built[name] = level(settings, `${map}.${name}.`)
    }
    return built
  }
}

function place(into: Record<string, unknown>, [head = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) into[head] = value
  else place((into[head] ??= {}) as Record<string, unknown>, rest, value)
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}

function unique(faults: readonly ConfigFault[]): ConfigFault[] {
  return [...new Map(faults.map(fault => [JSON.stringify(fault), fault])).values()]
}
