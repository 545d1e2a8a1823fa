/** Notes in a table, row after row. A row is filled up by writing it anew: no more pages change than for a new one. */
import type { Note } from '../../base/notebook.js'
import { encodeNotes, NOTE_BYTES, NOTES_PER_ROW, rowKey, sliceOfRow } from './notes.js'
import type { Entry, Table } from './store.js'

export interface Log {
  /** Inside a write. @param notes encoded @param lastMs the youngest of them */
  append(table: Table, notes: Buffer, lastMs: number): void
  /** How that write ended. */
  settle(kept: boolean): void
}

/** Apart from the log, because it is let go soon. */
export interface Opening {
  readonly log: Log
  /** What a new file begins with. */
  readonly entries: readonly Entry[]
}

export interface LogConfig {
  /** A row holds notes of one slice of time. */
  readonly sliceMs: number
  /** What is older may be dropped. */
  readonly keepMs: number
  /** Of more notes than this, the oldest rows are dropped. */
  readonly max: number
}

/** The row that is being filled. */
interface Place {
  readonly slice: number
  readonly row: number
  readonly bytes: Buffer
  /** Notes in the whole table. */
  readonly count: number
}

const FULL_ROW_BYTES = NOTES_PER_ROW * NOTE_BYTES
/** A write takes so many old rows away: it adds one or two as a rule, so the table stops growing. */
const PRUNED_PER_WRITE = 4

/** @param notes from earlier runs, in order */
export function makeLog(notes: readonly Note[], { sliceMs, keepMs, max }: LogConfig): Opening {
  const sliceOf = (atMs: number) => Math.max(0, Math.floor(atMs / sliceMs))
  const entries: Entry[] = []
  let [slice, oldest] = [0, -1]
  for (let at = 0; at < notes.length; at += NOTES_PER_ROW) {
    const some = notes.slice(at, at + NOTES_PER_ROW)
    slice = some.reduce((last, { wallMs }) => Math.max(last, sliceOf(wallMs)), slice)
    entries.push({ key: rowKey(slice, entries.length), value: encodeNotes(some) })
  }
  let place: Place = { slice, row: entries.length, bytes: Buffer.alloc(0), count: notes.length }
  let next = place

  function prune(table: Table, atMs: number): void {
    const keep = sliceOf(atMs - keepMs)
    if (oldest >= keep && next.count <= max) return
    for (const key of table.firstKeys(PRUNED_PER_WRITE)) {
      oldest = sliceOfRow(key)
      if (oldest >= keep && next.count <= max) return
      const count = next.count - (table.get(key)?.length ?? 0) / NOTE_BYTES
      next = { ...next, count }
      table.remove(key)
    }
  }

  const log: Log = {
    append(table, bytes, lastMs) {
      next = place
      for (let at = 0; at < bytes.length;) {
        const inSlice = sliceOf(lastMs)
        if (inSlice > next.slice || next.bytes.length >= FULL_ROW_BYTES)
          next = { ...next, slice: Math.max(inSlice, next.slice), row: next.row + 1, bytes: Buffer.alloc(0) }
        const some = bytes.subarray(at, at + FULL_ROW_BYTES - next.bytes.length)
        const count = next.count + some.length / NOTE_BYTES
        next = { ...next, bytes: Buffer.concat([next.bytes, some]), count }
        table.put(rowKey(next.slice, next.row), next.bytes)
        at += some.length
      }
      prune(table, lastMs)
    },
    settle(kept) {
      if (kept) place = next
      else next = place
    },
  }
  return { log, entries }
}
