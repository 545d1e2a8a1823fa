/** The series of one counter: plain numbers while calls pass, read by `prom-client` when somebody scrapes. */
export interface Series<Name extends string> {
  /** One more for these label values, which come in the order of the label names. */
  count(...values: readonly string[]): void
  entries(): IterableIterator<readonly [labels: Readonly<Record<Name, string>>, count: number]>
}

interface Entry<Name extends string> {
  readonly labels: Readonly<Record<Name, string>>
  count: number
}

/** Label values that begin alike. */
interface Branch<Name extends string> {
  readonly next: Map<string, Branch<Name>>
  entry?: Entry<Name>
}

/** Labels whose sets are closed, but large: their product is what fills a table. */
const LARGE: ReadonlySet<string> = new Set(['account', 'app', 'route'])

/**
 * At most `max` series with labels of their own; a combination that comes later is counted under `other` for its
 * account, app and route. Nothing is lost from the sum, and a scrape, which holds up every call while it is
 * written, stays short whatever callers send.
 */
export function makeSeries<Name extends string>(names: readonly Name[], max: number): Series<Name> {
  const entries: Entry<Name>[] = []
  const root: Branch<Name> = { next: new Map() }

  /** Value by value, because one key of them all would have to be written and hashed for every call. */
  function find(values: readonly string[]): Entry<Name> | undefined {
    let branch: Branch<Name> | undefined = root
    for (let i = 0; branch && i < values.length; i++) branch = branch.next.get(values[i] as string)
    return branch?.entry
  }

  function add(values: readonly string[]): Entry<Name> {
    let branch = root
    for (const value of values) {
      let next = branch.next.get(value)
      if (!next) branch.next.set(value, (next = { next: new Map() }))
      branch = next
    }
    if (!branch.entry) {
      const labels = Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']))
      branch.entry = { labels: labels as Record<Name, string>, count: 0 }
      entries.push(branch.entry)
    }
    return branch.entry
  }

  function folded(values: readonly string[]): readonly string[] {
    return values.map((value, i) => (LARGE.has(names[i] ?? '') ? 'other' : value))
  }

  return {
    count(...values) {
      const entry = find(values) ?? add(entries.length < max ? values : folded(values))
      entry.count++
    },
    *entries() {
      for (const { labels, count } of entries) yield [labels, count]
    },
  }
}
