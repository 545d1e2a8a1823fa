/** A YAML file that holds no settings: what stands in it, as plain values. */
import { isMap, isScalar, isSeq, type Node } from 'yaml'
import type { ConfigFault } from './fault.js'
import { readSettingsFile } from './file.js'
import { parseYaml, type Yaml } from './syntax.js'

export type Plain =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'faults'; readonly faults: readonly ConfigFault[] }

/** Aliases could make a small file endless. */
const MAX_DEPTH = 8

/** Never throws. */
export function readPlainYaml(path: string): Plain {
  const file = readSettingsFile(path)
  if (file.kind === 'unreadable')
    return { kind: 'faults', faults: [{ where: path, path: '', message: file.message }] }
  const yaml = parseYaml(file.text, path)
  if (!('root' in yaml)) return { kind: 'faults', faults: yaml }
  return { kind: 'value', value: plain(yaml, yaml.root, 0) }
}

function plain(yaml: Yaml, node: Node | null, depth: number): unknown {
  const target = yaml.target(node)
  if (!target || depth > MAX_DEPTH) return undefined
  if (isScalar(target)) return target.value
  if (isSeq(target)) return target.items.map(item => plain(yaml, item as Node | null, depth + 1))
  if (!isMap(target)) return undefined
  const pairs = target.items.map(({ key, value }) => [
    isScalar(key) ? String(key.value) : '',
    plain(yaml, value as Node | null, depth + 1),
  ])
  return Object.fromEntries(pairs) as Record<string, unknown>
}
