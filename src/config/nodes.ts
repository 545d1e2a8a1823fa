import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml'
import { shownKey } from './fault.js'
import type { Layer } from './layer.js'
import type { Yaml } from './syntax.js'

/** A key and what stands after it. */
export interface ReadPair {
  readonly key: string
  readonly value: Node | null
  readonly where: string
}

/** The pairs of what should be a map. Anything else that stands there is a fault. */
export function pairsOf(layer: Layer, yaml: Yaml, node: Node | null, shown: string): ReadPair[] {
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
export function writtenValue(layer: Layer, yaml: Yaml, node: Node | null, path: string): unknown {
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

/** `undefined` for what stands nowhere: the value of a key without one. */
export function whereOf(yaml: Yaml, node: Node | null): string | undefined {
  return node?.range ? yaml.whereIs(node.range[0]) : undefined
}

export function fault(layer: Layer, where: string, path: string, message: string): void {
  layer.faults.push({ where, path, message })
}
