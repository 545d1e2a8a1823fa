/** What the last run left: looked at by another process first, then read, and never written. */
import { inspectApart, type Inspected } from './apart.js'
import type { Folder } from './folder.js'
import { META } from './inspect.js'
import { additionsIn, readSpool, type Addition } from './spool.js'
import { Damaged, openStore, type Store } from './store.js'

export interface Predecessor {
  /** Shows all of a table. */
  each(table: string, visit: (key: Buffer, value: Buffer) => void): void
  close(): void
}

export type Left =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'sound'; readonly predecessor: Predecessor }
  /** It has been moved out of the way. */
  | { readonly kind: 'damaged'; readonly why: string; readonly movedTo: string }
  /** It may be sound, and must stay as it is. */
  | { readonly kind: 'unreadable'; readonly why: string }

/** In the table about the file itself: up to which generation it has taken up its spool. */
export const TAKEN_KEY = Buffer.from('taken')

/** @param wallMs now @throws where nothing can be said of the folder */
export function openPredecessor(
  folder: Folder,
  execPath: string,
  inspected: Inspected | undefined,
  wallMs: number,
): Left {
  const file = folder.current()
  if (file === undefined) return { kind: 'nothing' }
  const damaged = (why: string) => ({ kind: 'damaged', why, movedTo: folder.setAside(file, wallMs) }) as const
  const unreadable = (why: string) => ({ kind: 'unreadable', why: `${file}: ${why}` }) as const
  let spooled: Buffer
  try {
    // Before the store, because its process may still be writing: what it takes up meanwhile is then met in the store.
    spooled = readSpool(folder.spoolOf(file))
  } catch (error) {
    return unreadable((error as Error).message)
  }
  const verdict = inspected?.file === file ? inspected.verdict : inspectApart(execPath, file)
  if (verdict.kind === 'damaged') return damaged(verdict.why)
  if (verdict.kind === 'unreadable') return unreadable(verdict.why)
  const store = openStore(file, { readOnly: true, fsync: false })
  try {
    const taken = Number(store.table(META).get(TAKEN_KEY) ?? 0)
    return { kind: 'sound', predecessor: makePredecessor(store, additionsIn(spooled, taken + 1)) }
  } catch (error) {
    void store.close()
    if (error instanceof Damaged) return damaged(error.message)
    throw error
  }
}

function makePredecessor(store: Store, additions: readonly Addition[]): Predecessor {
  return {
    each(table, visit) {
      store.table(table).each(visit)
      for (const { table: of, key, more } of additions) if (of === table) visit(key, more)
    },
    close: () => void store.close(),
  }
}
