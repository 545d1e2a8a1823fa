import type { Node } from 'yaml'
import { shownKey } from './fault.js'
import { illegible, makeLayer, put, type Layer } from './layer.js'
import { fault, pairsOf, whereOf, writtenValue } from './nodes.js'
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
      const origin = { where: whereOf(yaml, value) ?? where, path }
      if (written !== null) put(layer, path, row.kind, written, origin)
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
