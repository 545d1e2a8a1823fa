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

/** Labels whose sets are closed, but large: their product is what fills a table. */
const LARGE: ReadonlySet<string> = new Set(['account', 'app', 'route'])

/**
 * At most `max` series with labels of their own; a combination that comes later is counted under `other` for its
 * account, app and route. Nothing is lost from the sum, and a scrape, which holds up every call while it is
 * written, stays short whatever callers send.
 */
export function makeSeries<Name extends string>(names: readonly Name[], max: number): Series<Name> {
  const entries = new Map<string, Entry<Name>>()

  function add(values: readonly string[]): Entry<Name> {
    const known = entries.get(keyOf(values))
    if (known) return known
    const labels = Object.fromEntries(names.map((name, i) => [name, values[i] ?? ''])) as Record<Name, string>
    const entry = { labels, count: 0 }
    entries.set(keyOf(values), entry)
    return entry
  }

  function folded(values: readonly string[]): readonly string[] {
    return values.map((value, i) => (LARGE.has(names[i] ?? '') ? 'other' : value))
  }

  return {
    count(...values) {
      const known = entries.get(keyOf(values))
      const entry = known ?? add(entries.size < max ? values : folded(values))
      entry.count++
    },
    *entries() {
      for (const { labels, count } of entries.values()) yield [labels, count]
    },
  }
}

/** No label value holds a line break, so no two combinations share a key. */
function keyOf(values: readonly string[]): string {
  return values.join('\n')
}
