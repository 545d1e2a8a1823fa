/** One durable store for all that the process must not forget: opens it, keeps it open, and says when it cannot. */
import type { Clock } from '../../base/clock.js'
import type { StateEvent, StateHealth } from '../../base/ledger.js'
import type { Inspected } from './apart.js'
import { contentsOf, type Contents } from './contents.js'
import { makeFolder } from './folder.js'
import { META, VERSION, VERSION_KEY } from './inspect.js'
import { openPredecessor, TAKEN_KEY, type Predecessor } from './predecessor.js'
import { addTo, openSpool, type Addition, type Spool } from './spool.js'
import { openStore, type Store, type Table } from './store.js'

export type { Contents } from './contents.js'

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

export type Tables = (name: string) => Table

export interface Home {
  /** Shows what the last run left in a table: nothing where that could not be read. Before `begin`. */
  inherited(table: string, visit: (key: Buffer, value: Buffer) => void): void
  /** Starts a file with these tables. Once, before the first write; where it fails, writes try again. */
  begin(contents: Contents): void
  /** One commit. False when nothing of it could be kept. Synchronous. */
  write(change: (tables: Tables) => void): boolean
  /** The same for what is only put behind what is there, at a tenth of the price: the next commit takes it up (`spool.ts`). */
  jot(additions: readonly Addition[]): boolean
  /** Is there at every commit. Before `begin`. */
  tend(tender: Tender): void
  health(): StateHealth
  close(): Promise<void>
}

/** Who has something to do whenever there is a commit. */
export interface Tender {
  /** Within it. */
  within(tables: Tables): void
  /** How it ended. */
  settled(isKept: boolean): void
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
  readonly spool: Spool
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
  const tenders: Tender[] = []
  let tryAgainMs = -Infinity
  let lookedMs = -Infinity

  let old = openOld()

  function openOld(): Predecessor | undefined {
    try {
      const left = openPredecessor(folder, execPath, inspected, clock.wallMs())
      if (left.kind === 'sound') return left.predecessor
      if (left.kind === 'damaged') tell(left)
      if (left.kind === 'unreadable') forsake(left.why)
    } catch (error) {
      failed(error)
    }
    return undefined
  }

  function begin(contents: Contents): void {
    old?.close()
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
      const tables = new Map([...contents.keys(), META].map(name => [name, store.table(name)]))
      return { file, store, tables, spool: openSpool(folder.spoolOf(file), config) }
    } finally {
      folder.discard(draft)
    }
  }

  /** What can be written to now. @throws where it could not be begun */
  function ready(nowMs: number): Opened | undefined {
    if (forsaken || nowMs < tryAgainMs) return undefined
    if (opened && nowMs - lookedMs >= LOOK_MS) look(opened, nowMs)
    if (!opened && waiting) begin(waiting)
    return opened
  }

  function write(change: (tables: Tables) => void): boolean {
    const nowMs = clock.nowMs()
    let isKept = false
    try {
      const at = ready(nowMs)
      if (!at) return false
      commit(at, change)
      isKept = true
    } catch (error) {
      tryAgainMs = nowMs + RETRY_MS
      failed(error)
    }
    for (const tender of tenders) tender.settled(isKept)
    if (isKept) succeeded()
    return isKept
  }

  function commit({ store, tables, spool }: Opened, change: (tables: Tables) => void): void {
    const tablesOf = (name: string) => tables.get(name) ?? remember(tables, name, store)
    store.write(() => {
      if (spool.additions.length > 0) {
        addTo(tablesOf, spool.additions)
        tablesOf(META).put(TAKEN_KEY, Buffer.from(String(spool.generation)))
      }
      change(tablesOf)
      for (const tender of tenders) tender.within(tablesOf)
    })
    spool.taken()
  }

  function jot(additions: readonly Addition[]): boolean {
    try {
      // Once something could not be written, only a commit shows that all is well again.
      if (message === undefined && ready(clock.nowMs())?.spool.add(additions) === true) return true
    } catch {
      // Where there is no room for the spool there may be some in the store.
    }
    return write(tables => addTo(tables, additions))
  }

  /** A file that was deleted is written no more by anyone who could read it: begin another. */
  function look(at: Opened, nowMs: number): void {
    lookedMs = nowMs
    const standing = folder.standing(at.file)
    if (standing === 'there') return
    opened = undefined
    if (standing === 'taken') forsake('another process has taken the state over')
    else waiting = contentsOf(at.store, at.spool.additions)
    at.spool.close()
    void at.store.close()
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
    inherited: (table, visit) => old?.each(table, visit),
    begin,
    write,
    jot,
    tend: tender => void tenders.push(tender),
    health: () => ({ up: opened !== undefined, degraded: message !== undefined, message }),
    async close() {
      // A start that finds nothing in the spool has less to do.
      if (opened && opened.spool.additions.length > 0) write(() => undefined)
      forsaken = true
      opened?.spool.close()
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
