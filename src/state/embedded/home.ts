/** One durable store for all that the process must not forget: opens it, keeps it open, and says when it cannot. */
import type { Clock } from '../../base/clock.js'
import type { StateEvent, StateHealth } from '../../base/ledger.js'
import { inspectApart, type Inspected } from './apart.js'
import { makeFolder } from './folder.js'
import { META, VERSION, VERSION_KEY } from './inspect.js'
import { openStore, type Entry, type Store, type Table } from './store.js'

export interface HomeConfig {
  readonly path: string
  /** Survive power loss, not only `kill -9`: each write waits for the disk. */
  readonly fsync: boolean
}

export interface HomeParts {
  readonly clock: Clock
  /** The program of Node itself, for the process that looks at the old file first. */
  readonly execPath: string
  /** What that process has said already, if it was started before all else. */
  readonly inspected?: Inspected | undefined
  /** Called once for each turn of affairs. */
  readonly tell: (event: StateEvent) => void
}

/** Table name → entries. */
export type Contents = ReadonlyMap<string, readonly Entry[]>
export type Tables = (name: string) => Table

export interface Home {
  /** Shows what the last run left in a table: nothing where that could not be read. Before `begin`. */
  inherited(table: string, visit: (key: Buffer, value: Buffer) => void): void
  /** Starts a file with these tables. Once, before the first write; where it fails, writes try again. */
  begin(contents: Contents): void
  /** One commit. False when nothing of it could be kept. Synchronous. */
  write(change: (tables: Tables) => void): boolean
  /** One commit for all writes inside. False when it failed, though they said true. */
  together(work: () => void): boolean
  health(): StateHealth
  close(): Promise<void>
}

/** How soon a write is tried again after one has failed: an attempt costs some 30 µs, a call waits for it. */
const RETRY_MS = 250
/** A new file is a longer attempt. */
const BEGIN_AGAIN_MS = 5_000
/** How often we look whether the file still has its name. */
const LOOK_MS = 1_000

interface Opened {
  readonly file: string
  readonly store: Store
  readonly tables: Map<string, Table>
}

/** Blocks for as long as it takes to read what is there. Never throws: what cannot be kept is said in `health`. */
export function makeHome(config: HomeConfig, { clock, execPath, inspected, tell }: HomeParts): Home {
  const folder = makeFolder(config.path, config)
  let opened: Opened | undefined
  /** What a new file begins with, while there is none. */
  let waiting: Contents | undefined
  let message: string | undefined
  /** The store is not ours to write any more, until the next start. */
  let forsaken = false
  /** The transaction that writes join, while `together` runs. */
  let gathering: Tables | undefined
  let tryAgainMs = -Infinity
  let lookedMs = -Infinity

  let old = openOld()

  function openOld(): Store | undefined {
    try {
      const file = folder.current()
      if (file === undefined) return undefined
      const verdict = inspected?.file === file ? inspected.verdict : inspectApart(execPath, file)
      if (verdict.kind === 'sound') return openStore(file, { readOnly: true, fsync: false })
      if (verdict.kind === 'damaged')
        tell({ kind: 'damaged', why: verdict.why, movedTo: folder.setAside(file, clock.wallMs()) })
      else forsake(`${file}: ${verdict.why}`)
    } catch (error) {
      failed(error)
    }
    return undefined
  }

  function begin(contents: Contents): void {
    void old?.close()
    old = undefined
    waiting = contents
    if (forsaken) return
    try {
      opened = openFresh(contents)
      waiting = undefined
      lookedMs = clock.nowMs()
      succeeded()
    } catch (error) {
      tryAgainMs = clock.nowMs() + BEGIN_AGAIN_MS
      failed(error)
    }
  }

  function openFresh(contents: Contents): Opened {
    const draft = folder.draft()
    try {
      const fresh = openStore(draft, { readOnly: false, fsync: config.fsync })
      try {
        const tables = new Map([...contents.keys(), META].map(name => [name, fresh.table(name)]))
        fresh.write(() => {
          tables.get(META)?.put(VERSION_KEY, Buffer.from(VERSION))
          for (const [name, entries] of contents) {
            const table = tables.get(name)
            for (const { key, value } of entries) table?.put(key, value)
          }
        })
      } finally {
        void fresh.close()
      }
      const file = folder.publish(draft)
      const store = openStore(file, { readOnly: false, fsync: config.fsync })
      // Opened now, because a table that is opened within a transaction opens one of its own.
      const tables = new Map([...contents.keys()].map(name => [name, store.table(name)]))
      return { file, store, tables }
    } finally {
      folder.discard(draft)
    }
  }

  function write(change: (tables: Tables) => void): boolean {
    if (gathering) {
      change(gathering)
      return true
    }
    const nowMs = clock.nowMs()
    if (forsaken || nowMs < tryAgainMs) return false
    try {
      if (opened && nowMs - lookedMs >= LOOK_MS) look(opened, nowMs)
      if (!opened && waiting) begin(waiting)
      if (!opened) return false
      const { store, tables } = opened
      store.write(() => change(name => tables.get(name) ?? remember(tables, name, store)))
    } catch (error) {
      tryAgainMs = nowMs + RETRY_MS
      failed(error)
      return false
    }
    succeeded()
    return true
  }

  function together(work: () => void): boolean {
    return write(tables => {
      gathering = tables
      try {
        work()
      } finally {
        gathering = undefined
      }
    })
  }

  /** A file that was deleted is written no more by anyone who could read it: begin another. */
  function look({ file, store }: Opened, nowMs: number): void {
    lookedMs = nowMs
    const standing = folder.standing(file)
    if (standing === 'there') return
    opened = undefined
    if (standing === 'taken') forsake('another process has taken the state over')
    else waiting = contentsOf(store)
    void store.close()
  }

  function forsake(why: string): void {
    forsaken = true
    failed(new Error(why))
  }

  function failed(error: unknown): void {
    const said = message !== undefined
    message = (error as Error).message
    if (!said) tell({ kind: 'degraded', why: message })
  }

  function succeeded(): void {
    if (message === undefined) return
    message = undefined
    tell({ kind: 'recovered' })
  }

  return {
    inherited: (table, visit) => old?.table(table).each(visit),
    begin,
    write,
    together,
    health: () => ({ up: opened !== undefined, degraded: message !== undefined, message }),
    async close() {
      forsaken = true
      await opened?.store.close()
      opened = undefined
    },
  }
}

function remember(tables: Map<string, Table>, name: string, store: Store): Table {
  const table = store.table(name)
  tables.set(name, table)
  return table
}

/** All tables but the one about the file itself. */
function contentsOf(store: Store): Contents {
  const contents = new Map<string, Entry[]>()
  for (const name of store.names().filter(name => name !== META)) {
    const entries: Entry[] = []
    store.table(name).each((key, value) => entries.push({ key, value }))
    contents.set(name, entries)
  }
  return contents
}
