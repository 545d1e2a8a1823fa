/**
 * Copies of answers. One table says which there are and keeps the ones used last; a body lies in memory, in the vault
 * (which outlives the process where the operator gave a key), or in both. What a copy is worth (whose it is, how old,
 * whether final) is asked of its facts alone, without opening it.
 */
import type { Clock } from '../base/clock.js'
import { makeShelf } from '../base/store.js'
import type { CopyFacts, Deposit, Vault } from '../base/vault.js'
import { AlikeLines } from './alike.js'
import {
  etagOf,
  readAll,
  readHead,
  writeHead,
  type Copy,
  type CopyHead,
  type Held,
  type Opened,
  isAmong,
} from './copy.js'
import { Intake, type Taken } from './intake.js'
import type { Copies, CopiesConfig } from './keeping.js'
import type { Keep } from './keepable.js'

export type { Copies, CopiesConfig } from './keeping.js'

interface Entry {
  readonly copy: Copy
  /** The body in memory. Its ETag is computed when it is first replayed: most copies never are. */
  held: Held | undefined
  /** Its bytes are in the vault. */
  isStored: boolean
  /** They are on their way there. */
  deposit: Deposit | undefined
}

/** Beside the body: keys, lines, the object and its place in the table (measured). */
const ENTRY_BYTES = 1_000
/** Where there is a vault, a larger body stays there and streams from it. */
const IN_MEMORY_BYTES = 262_144
/** Of what copies may take, the part that is kept free for those on their way in, and those that are not collected yet. */
const INTAKE_SHARE = 1 / 4

export function makeCopies(initial: CopiesConfig, vault: Vault, clock: Clock): Copies {
  let config = initial
  let evictions = 0
  const scaleMs = clock.wallMs() - clock.nowMs()
  /** Its copies: as a rule one, and a set for each envelope would be a tenth of what small copies weigh. */
  const ofEnvelope = new Map<string, string | Set<string>>()
  const intakes = { bytes: 0 }
  const alike = new AlikeLines()
  /** Large ones on their way to the vault, which are in the table when they are there. Bounded by the answers that come in. */
  const writing = new Set<Entry>()
  /** While many are removed, their ids: the vault is told once. */
  let removing: string[] | undefined

  const table = makeShelf<Entry>(shelfBytes(config), ({ copy }) => ENTRY_BYTES + copy.bytes, gone)

  function gone(entry: Entry, why: 'evicted' | 'removed'): void {
    if (why === 'evicted') evictions++
    const { id, envelope } = entry.copy
    const ids = ofEnvelope.get(envelope)
    if (typeof ids === 'object') ids.delete(id)
    if (ids === id || (typeof ids === 'object' && ids.size === 0)) ofEnvelope.delete(envelope)
    // One that is still being written is removed as well, because a kill must not find it kept.
    if ((!entry.isStored && !entry.deposit) || vault.isShared) return
    entry.isStored = false
    if (removing) removing.push(id)
    else vault.remove([id])
  }

  function put(entry: Entry): boolean {
    const { id, envelope } = entry.copy
    // A large one may make thousands of others go.
    if (!together(() => table.set(id, entry))) return false
    const ids = ofEnvelope.get(envelope)
    if (typeof ids === 'object') ids.add(id)
    else ofEnvelope.set(envelope, ids === undefined || ids === id ? id : new Set([ids, id]))
    return true
  }

  function forget(entries: readonly Entry[]): void {
    together(() => entries.forEach(({ copy }) => table.delete(copy.id)))
  }

  /** One commit for all that it removes. */
  function together<T>(work: () => T): T {
    if (removing) return work()
    removing = []
    const result = work()
    const ids = removing
    removing = undefined
    if (ids.length > 0) vault.remove(ids)
    return result
  }

  /** Not over its bytes: those are still to come when the head of a large copy is written. */
  function headOf({ id, keep }: { readonly id: string; readonly keep: Keep }): CopyHead {
    const nowMs = Math.round(clock.nowMs() + scaleMs)
    return { lines: keep.lines, etag: keep.etag ?? `"${id}-${nowMs.toString(36)}"` }
  }

  together(() => takeUp(vault.load()))

  function takeUp(facts: readonly CopyFacts[]): void {
    for (const { sentWallMs, answeredWallMs, ...rest } of facts.toSorted(
      (a, b) => a.answeredWallMs - b.answeredWallMs,
    )) {
      const copy = { ...rest, sentMs: sentWallMs - scaleMs, answeredMs: answeredWallMs - scaleMs }
      if (!put({ copy, held: undefined, isStored: true, deposit: undefined })) removing?.push(copy.id)
    }
  }

  async function fromVault(entry: Entry): Promise<Opened | undefined> {
    const { copy } = entry
    const source = await vault.withdraw(copy.id)
    const head = source && readHead(source.head)
    if (!source || !head) {
      source?.close()
      if (table.peek(copy.id) === entry) forget([entry])
      return undefined
    }
    if (copy.bytes > IN_MEMORY_BYTES) return { kind: 'stream', head, source }
    const body = await readAll(source, copy.bytes)
    if (!body) {
      if (table.peek(copy.id) === entry) forget([entry])
      return undefined
    }
    entry.held = { ...head, body }
    return { kind: 'bytes', head, body }
  }

  async function store(entry: Entry, deposit: Deposit, taken: Taken, isWanted: () => boolean): Promise<void> {
    const { sentMs, answeredMs, ...facts } = entry.copy
    entry.deposit = deposit
    if (taken.kind === 'bytes') await deposit.write(taken.body)
    const isKept = await deposit.keep({
      ...facts,
      sentWallMs: sentMs + scaleMs,
      answeredWallMs: answeredMs + scaleMs,
    })
    entry.deposit = undefined
    if (!isKept) return
    if (isWanted()) entry.isStored = true
    else vault.remove([entry.copy.id])
  }

  return {
    find: id => table.get(id)?.copy,

    open(copy) {
      const entry = table.get(copy.id)
      if (entry?.copy !== copy) return Promise.resolve(undefined)
      const { held } = entry
      if (!held) return fromVault(entry)
      held.etag ??= etagOf(held)
      return { kind: 'bytes', head: { lines: held.lines, etag: held.etag }, body: held.body }
    },

    intake(declaredBytes = 0, into) {
      const mostHeld = Math.max(config.maxEntryBytes, config.maxBytes * INTAKE_SHARE)
      if (declaredBytes > config.maxEntryBytes || intakes.bytes + declaredBytes > mostHeld) return undefined
      return new Intake({
        maxBytes: config.maxEntryBytes,
        inMemoryBytes: IN_MEMORY_BYTES,
        deposit: into && vault.isOpen ? () => vault.deposit(into.id, writeHead(headOf(into))) : undefined,
        common: intakes,
        mostHeld,
      })
    },

    async keep(copy, { lines, etag }, taken, isWanted) {
      const held = taken.kind === 'bytes' ? { lines: alike.of(lines), body: taken.body, etag } : undefined
      const entry: Entry = { copy, held, isStored: false, deposit: undefined }
      if (held) {
        if (!put(entry) || !vault.isOpen) return
        held.etag ??= etagOf(held)
        const head = writeHead({ lines, etag: held.etag })
        return store(entry, vault.deposit(copy.id, head), taken, () => table.peek(copy.id) === entry)
      }
      if (taken.kind !== 'deposit') return
      writing.add(entry)
      await store(entry, taken.deposit, taken, isWanted)
      writing.delete(entry)
      if (!entry.isStored) return
      // The vault has put it in the place of the one before: what is removed under this id from now on is this one.
      const before = table.peek(copy.id)
      if (before) before.isStored = false
      if (!put(entry)) vault.remove([copy.id])
    },

    adopt: copy => void put({ copy, held: undefined, isStored: true, deposit: undefined }),
    forget(copy) {
      const { id } = copy
      if (table.peek(id)?.copy === copy) table.delete(id)
    },
    drop(which) {
      const { envelope } = which
      const found = envelope === undefined ? undefined : (ofEnvelope.get(envelope) ?? [])
      const ids = typeof found === 'string' ? [found] : found
      const entries = ids ? [...ids].flatMap(id => table.peek(id) ?? []) : [...table.values()]
      const isMeant = ({ copy }: Entry) => isAmong(copy, which)
      const dropped = entries.filter(isMeant)
      forget(dropped)
      const unfinished = [...writing].filter(isMeant)
      if (unfinished.length > 0) vault.remove(unfinished.map(({ copy }) => copy.id))
      return dropped.map(({ copy }) => copy)
    },

    configure(next) {
      const before = config
      config = next
      if (next.maxBytes !== before.maxBytes) together(() => table.resize(shelfBytes(next)))
    },

    tally: () => ({ entries: table.size, bytes: table.bytes, evictions }),
  }
}

function shelfBytes({ maxBytes }: CopiesConfig): number {
  return Math.ceil(maxBytes * (1 - INTAKE_SHARE))
}
