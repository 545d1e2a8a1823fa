/** All that a file holds, to begin another one with. */
import { META } from './inspect.js'
import type { Addition } from './spool.js'
import type { Entry, Store } from './store.js'

/** Table name → entries. */
export type Contents = ReadonlyMap<string, readonly Entry[]>

/** All tables but the one about the file itself. @param additions what no commit has taken up yet */
export function contentsOf(store: Store, additions: readonly Addition[]): Contents {
  const contents = new Map<string, Entry[]>()
  const entriesOf = (name: string) => {
    const entries = contents.get(name) ?? []
    contents.set(name, entries)
    return entries
  }
  for (const name of store.names().filter(name => name !== META)) {
    const entries = entriesOf(name)
    store.table(name).each((key, value) => entries.push({ key, value }))
  }
  for (const { table, key, more } of additions) {
    const entries = entriesOf(table)
    const last = entries.at(-1)
    if (last?.key.equals(key)) entries[entries.length - 1] = { key, value: Buffer.concat([last.value, more]) }
    else entries.push({ key, value: more })
  }
  return contents
}
