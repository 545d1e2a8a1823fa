import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml'
import { shownKey } from './fault.js'
import { illegible, makeLayer, put, type Layer } from './layer.js'
import { suggestion, type Candidate } from './nearest.js'
import { TABLE } from './settings.js'
import type { Named, Table } from './shape.js'
import { parseYaml, type Yaml } from './syntax.js'

/** A level of the settings: the rows of its table that begin with `prefix`, written below `shown`. */
interface Level {
  readonly table: Table
  /** '' or `listen.` */
  readonly prefix: string
  /** What stands before a key of this level in a path: '' or `apps.billing.` */
  readonly shown: string
}

/**
 * What a settings file says. `null` is "not set", so that a file can list a setting without deciding it.
 * The walk follows the table and not the text: what no setting asks for is never read, so that no alias can
 * blow the text up.
 */
export function readDocument(text: string, file: string): Layer {
  const yaml = parseYaml(text, file)
  if (!('root' in yaml)) return illegible(...yaml)
  const layer = makeLayer()
  readLevel(layer, yaml, yaml.root, { table: TABLE, prefix: '', shown: '' })
  return layer
}

function readLevel(layer: Layer, yaml: Yaml, node: Node | null, level: Level): void {
  const keys = keysOf(level)
  const candidates = candidatesAt(level, keys)
  for (const { key, value, where } of pairsOf(layer, yaml, node, level.shown)) {
    const isKnown = keys.includes(key)
    const inTable = level.prefix + key
    const path = level.shown + key
    const row = isKnown ? level.table[inTable] : undefined
    if (row?.type === 'named') {
      readNamed(layer, yaml, value, path, row)
    } else if (row?.type === 'leaf') {
      const written = writtenValue(layer, yaml, value, path)
      if (written !== null)
        put(layer, path, row.kind, written, { where: whereOf(yaml, value) ?? where, path })
    } else if (isKnown) {
      readLevel(layer, yaml, value, { table: level.table, prefix: `${inTable}.`, shown: `${path}.` })
    } else {
      fault(layer, where, level.shown + shownKey(key), `unknown setting${hintFor(key, candidates)}`)
    }
  }
}

function readNamed(layer: Layer, yaml: Yaml, node: Node | null, map: string, row: Named<Table>): void {
  for (const { key: name, value, where } of pairsOf(layer, yaml, node, `${map}.`)) {
    const path = `${map}.${shownKey(name)}`
    if (!row.name.pattern.test(name)) {
      fault(layer, where, path, row.name.error)
    } else if (row.name.reserved.includes(name.toLowerCase())) {
      fault(layer, where, path, 'this name is reserved')
    } else {
      layer.names.push({ map, name, origin: { where, path } })
      readLevel(layer, yaml, value, { table: row.settings, prefix: '', shown: `${path}.` })
    }
  }
}

interface ReadPair {
  readonly key: string
  readonly value: Node | null
  readonly where: string
}

/** The pairs of what should be a map. Anything else that stands there is a fault. */
function pairsOf(layer: Layer, yaml: Yaml, node: Node | null, shown: string): ReadPair[] {
  const path = shown.slice(0, -1)
  const map = resolved(layer, yaml, node, path)
  if (map === null || (isScalar(map) && map.value === null)) return []
  if (!isMap(map)) {
    fault(
      layer,
      whereOf(yaml, map) ?? '',
      path,
      'must be a map of settings (KEY: VALUE lines, a space after the colon)',
    )
    return []
  }
  const firsts = new Map<string, string>()
  const pairs: ReadPair[] = []
  for (const pair of (map as YAMLMap<Node, Node | null>).items) {
    const key = textOfKey(pair)
    const where = whereOf(yaml, pair.key) ?? whereOf(yaml, map) ?? ''
    const first = key === undefined ? undefined : firsts.get(key)
    if (key === undefined) {
      fault(layer, where, path, 'a key must be plain text')
    } else if (first !== undefined) {
      fault(layer, where, shown + shownKey(key), `is set twice, first at ${first}`)
    } else {
      firsts.set(key, where)
      pairs.push({ key, value: pair.value, where })
    }
  }
  return pairs
}

/** As written, so that an app called 007 is not app 7. */
function textOfKey({ key }: Pair<Node, Node | null>): string | undefined {
  if (!isScalar(key)) return undefined
  return typeof key.value === 'string' ? key.value : key.source
}

/** Plain data for a setting to judge; `null` is "not set". */
function writtenValue(layer: Layer, yaml: Yaml, node: Node | null, path: string): unknown {
  const value = resolved(layer, yaml, node, path)
  if (isSeq<Node>(value)) return value.items.map(item => scalarOf(yaml.target(item) ?? null))
  return scalarOf(value)
}

/** What is no scalar is `{}`: whatever it holds, no setting takes it. */
function scalarOf(node: Node | null): unknown {
  if (node === null) return null
  return isScalar(node) ? node.value : {}
}

function resolved(layer: Layer, yaml: Yaml, node: Node | null, path: string): Node | null {
  const target = yaml.target(node)
  if (target !== undefined) return target
  fault(layer, whereOf(yaml, node) ?? '', path, 'an alias (*) of an anchor (&) that does not stand before it')
  return null
}

function whereOf(yaml: Yaml, node: Node | null): string | undefined {
  return node?.range ? yaml.whereIs(node.range[0]) : undefined
}

function keysOf({ table, prefix }: Level): string[] {
  const rows = Object.keys(table).filter(path => path.startsWith(prefix))
  return [...new Set(rows.map(path => path.slice(prefix.length).split('.')[0] ?? ''))]
}

/** The keys of this level, and every setting below its table by its whole path. */
function candidatesAt({ table, prefix, shown }: Level, keys: readonly string[]): Candidate[] {
  const root = shown.slice(0, shown.length - prefix.length)
  const siblings = keys.map(word => ({ word, name: shown + word }))
  return [...siblings, ...Object.keys(table).map(word => ({ word, name: root + word }))]
}

function hintFor(key: string, candidates: readonly Candidate[]): string {
  if (key.includes(':')) return ' (a colon needs a space after it)'
  const dotted = candidates.some(({ word }) => word === key)
  return dotted ? ' (sections are nested, not dotted)' : suggestion(key, candidates, '.')
}

function fault(layer: Layer, where: string, path: string, message: string): void {
  layer.faults.push({ where, path, message })
}
