/** Which copies there are and where their files lie: a table of the durable store, and what of it a reader needs in memory. */
import type { Turns } from '../../base/clock.js'
import type { CopyFacts } from '../../base/vault.js'
import { decodeFacts, encodeFacts } from './copy-facts.js'
import type { Contents, Home } from './home.js'
import { inheritedScale } from './scale.js'
import type { Entry } from './store.js'

/** Where a copy lies. One that replaces it under the same id is another of these. */
export interface Shelved {
  readonly name: string
  readonly headBytes: number
  readonly bodyBytes: number
}

export interface Catalogue {
  find(id: string): Shelved | undefined
  /** By the name of the file. */
  all(): Map<string, string>
  /** One commit for all of a turn. Resolves to whether it is kept. @param isWanted asked before the commit */
  enter(shelved: Shelved, facts: CopyFacts, isWanted: () => boolean): Promise<boolean>
  /** At once. Returns the names that are free now, and whether they are for later runs, too. */
  strike(ids: readonly string[]): { readonly names: readonly string[]; readonly isKept: boolean }
}

/** Apart from the catalogue, because it is let go soon. */
export interface Opening {
  readonly catalogue: Catalogue
  /** What earlier runs left. */
  readonly inherited: readonly CopyFacts[]
  /** What a file of this run begins with. */
  readonly contents: Contents
}

interface Entering {
  readonly shelved: Shelved
  readonly id: string
  readonly value: Buffer
  readonly isWanted: () => boolean
  readonly answer: (kept: boolean) => void
}

const COPIES = 'copies'
const WHICH_KEY = 'copies-key'
const MARK = Buffer.from('mark')

/**
 * @param mark of the key; what was sealed with another one is forgotten, `undefined` forgets all
 * @param replaced called with the name of each file that another one has replaced
 * @param wallMs now
 */
export function makeCatalogue(
  home: Home,
  mark: Buffer | undefined,
  { turns, replaced, wallMs }: { turns: Turns; replaced: (name: string) => void; wallMs: number },
): Opening {
  const { shelves, inherited, entries } = readBack(home, mark, wallMs)
  /** Removed here, and not yet in the store. */
  const owed = new Set<string>()
  let entering: Entering[] = []

  function commit(some: readonly Entering[]): boolean {
    const kept = home.write(tables => {
      const table = tables(COPIES)
      for (const id of owed) table.remove(Buffer.from(id))
      for (const { id, value } of some) table.put(Buffer.from(id), value)
    })
    if (kept) owed.clear()
    return kept
  }

  function flush(): void {
    const all = entering
    entering = []
    const wanted = new Set(all.filter(({ isWanted }) => isWanted()))
    const kept = wanted.size > 0 && commit([...wanted])
    for (const one of all) {
      const isIn = kept && wanted.has(one)
      if (isIn) {
        const before = shelves.get(one.id)
        shelves.set(one.id, one.shelved)
        if (before) replaced(before.name)
      }
      one.answer(isIn)
    }
  }

  const catalogue: Catalogue = {
    find: id => shelves.get(id),
    all: () => new Map([...shelves].map(([id, { name }]) => [name, id])),
    enter(shelved, facts, isWanted) {
      const value = encodeFacts(shelved.name, shelved.headBytes, facts)
      if (!value) return Promise.resolve(false)
      return new Promise(answer => {
        entering.push({ shelved, id: facts.id, value, isWanted, answer })
        if (entering.length === 1) turns.atEnd(flush)
      })
    },
    strike(ids) {
      const names: string[] = []
      for (const id of ids) {
        const shelved = shelves.get(id)
        if (!shelved) continue
        shelves.delete(id)
        owed.add(id)
        names.push(shelved.name)
      }
      return { names, isKept: names.length === 0 || commit([]) }
    },
  }
  const contents = new Map([
    [COPIES, entries],
    [WHICH_KEY, mark ? [{ key: MARK, value: mark }] : []],
  ])
  return { catalogue, inherited, contents }
}

function readBack(home: Home, mark: Buffer | undefined, wallMs: number) {
  const shelves = new Map<string, Shelved>()
  const inherited: CopyFacts[] = []
  const entries: Entry[] = []
  let isOfTheKey = false
  home.inherited(WHICH_KEY, (_, value) => (isOfTheKey = mark !== undefined && value.equals(mark)))
  if (!isOfTheKey) return { shelves, inherited, entries }
  const scale = inheritedScale(home, wallMs)
  home.inherited(COPIES, (key, value) => {
    const { name, headBytes, facts } = decodeFacts(key, value, scale)
    shelves.set(facts.id, { name, headBytes, bodyBytes: facts.bytes })
    inherited.push(facts)
    entries.push({ key, value: encodeFacts(name, headBytes, facts) ?? value })
  })
  return { shelves, inherited, entries }
}
