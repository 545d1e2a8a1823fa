/** What happened, in the order in which it did, row after row of a table: a row is filled up before the next one begins. */
import type { Home, Tables } from './home.js'
import type { Addition } from './spool.js'
import type { Entry } from './store.js'

/** How things that are logged become bytes. */
export interface Coding<R> {
  bytesOf(record: R): number
  /** So many bytes for each. */
  encode(records: readonly R[]): Buffer
  /** Epoch milliseconds. */
  atMs(record: R): number
}

export interface LogConfig {
  readonly table: string
  /** A row holds records of one slice of time. */
  readonly sliceMs: number
  /** What is older may be dropped. */
  readonly keepMs: number
  /** Of more than this, the oldest rows are dropped. */
  readonly maxBytes: number
}

export interface Log<R> {
  /** What is to be written for these, which go behind all that was written before. */
  draft(records: readonly R[]): Draft
}

export interface Draft {
  readonly additions: readonly Addition[]
  /** They have been kept. */
  kept(): void
}

/** One commit for all of them. */
export function writeDown(home: Home, drafts: readonly Draft[]): boolean {
  const [first, ...others] = drafts
  const additions = others.length === 0 ? (first?.additions ?? []) : drafts.flatMap(draft => draft.additions)
  if (additions.length > 0 && !home.jot(additions)) return false
  for (const draft of drafts) draft.kept()
  return true
}

/** Apart from the log, because it is let go soon. */
export interface Opening<R> {
  readonly log: Log<R>
  /** What a new file begins with. */
  readonly entries: readonly Entry[]
}

/** With key and checksum it stays under the 2,000 bytes that LMDB keeps inside one page. */
const ROW_BYTES = 1_820
const SLICE_BYTES = 6
const NUMBER_BYTES = 4
/** A commit takes so many old rows away: more than it adds, so the table stops growing. */
const PRUNED_PER_COMMIT = 400

/** A row of an earlier run that still holds as it stands there: it is taken over, not written anew. */
export interface WholeRow {
  readonly bytes: Buffer
  /** The moment of the youngest of it: it is kept as long as that matters. */
  readonly atMs: number
}

/** What earlier runs left, in order: rows as they stand there, or what is left of others. */
export type Left<R> = WholeRow | readonly R[]

/** Whether it is worth being taken over: small ones are put together. */
export function isWorthKeeping(row: Buffer): boolean {
  return row.length > ROW_BYTES / 2
}

/** The row that is being filled. */
interface Place {
  readonly slice: number
  readonly row: number
  readonly key: Buffer
  readonly bytes: number
}

/** @param left of earlier runs, in order */
export function makeLog<R>(
  left: readonly Left<R>[],
  coding: Coding<R>,
  { table, sliceMs, keepMs, maxBytes }: LogConfig,
  home: Home,
): Opening<R> {
  const sliceOf = (atMs: number) => Math.max(0, Math.floor(atMs / sliceMs))
  const beginning = takeOver()
  const entries = beginning.parts.map(({ key, more }) => ({ key, value: more }))
  let { place } = beginning
  /** In the whole table, and the slice of its first row. */
  let held = { bytes: bytesOf(beginning.parts), oldest: -1 }
  let after = held

  function takeOver(): { parts: readonly Addition[]; place: Place } {
    const parts: Addition[] = []
    let at = placeAt(0, 0)
    let loose: R[] = []
    const putLoose = () => {
      const packed = pack(loose, at)
      for (const part of packed.parts) parts.push(part)
      at = packed.place
      loose = []
    }
    for (const some of left) {
      if (!('bytes' in some)) {
        for (const record of some) loose.push(record)
        continue
      }
      putLoose()
      const { slice, row, key } = placeAt(Math.max(at.slice, sliceOf(some.atMs)), at.row + 1)
      parts.push({ table, key, more: some.bytes })
      // What comes next begins a row: one that is taken over is not written to.
      at = { slice, row, key, bytes: ROW_BYTES }
    }
    putLoose()
    return { parts, place: at }
  }

  /** Where these stand if the next free place is there. */
  function pack(some: readonly R[], from: Place): { parts: readonly Addition[]; place: Place } {
    const parts: Addition[] = []
    let at = from
    for (let next = 0; next < some.length;) {
      const first = some[next] as R
      const slice = Math.max(at.slice, sliceOf(coding.atMs(first)))
      const isFull = at.bytes + coding.bytesOf(first) > ROW_BYTES
      if (slice > at.slice || isFull) at = placeAt(slice, at.row + 1)
      let { bytes } = at
      const begin = next
      for (; next < some.length; next++) {
        const record = some[next] as R
        const withIt = bytes + coding.bytesOf(record)
        if (withIt > ROW_BYTES || sliceOf(coding.atMs(record)) > slice) break
        bytes = withIt
      }
      const whole = begin === 0 && next === some.length ? some : some.slice(begin, next)
      parts.push({ table, key: at.key, more: coding.encode(whole) })
      at = { slice: at.slice, row: at.row, key: at.key, bytes }
    }
    return { parts, place: at }
  }

  function prune(tables: Tables): void {
    after = held
    // At the beginning of this slice, those of one that ended `keepMs` before were of no interest any more.
    const keep = place.slice - Math.ceil(keepMs / sliceMs)
    if (after.oldest >= keep && after.bytes <= maxBytes) return
    const rows = tables(table)
    for (const key of rows.firstKeys(PRUNED_PER_COMMIT)) {
      const oldest = key.readUIntBE(0, SLICE_BYTES)
      after = { ...after, oldest }
      if (oldest >= keep && after.bytes <= maxBytes) return
      const bytes = maxBytes === Infinity ? 0 : (rows.get(key)?.length ?? 0)
      after = { ...after, bytes: after.bytes - bytes }
      rows.remove(key)
    }
  }

  home.tend({
    within: prune,
    settled: isKept => void (isKept && (held = after)),
  })

  const log: Log<R> = {
    draft(some) {
      const { parts, place: next } = pack(some, place)
      return {
        additions: parts,
        kept() {
          place = next
          held = { bytes: held.bytes + bytesOf(parts), oldest: held.oldest }
        },
      }
    },
  }
  return { log, entries }
}

function bytesOf(parts: readonly Addition[]): number {
  return parts.reduce((sum, { more }) => sum + more.length, 0)
}

function placeAt(slice: number, row: number): Place {
  // Slices of time stand first, so that what is old lies together at the front.
  const key = Buffer.allocUnsafe(SLICE_BYTES + NUMBER_BYTES)
  key.writeUIntBE(slice, 0, SLICE_BYTES)
  key.writeUInt32BE(row, SLICE_BYTES)
  return { slice, row, key, bytes: 0 }
}
