/** Notes as bytes, and where they stand: `slice | row` → up to 70 notes, in the order in which they were written. */
import type { Note } from '../../base/notebook.js'
import { Damaged } from './store.js'

/** 22 characters of six bits (`base/key.ts`), and four bits more. */
const KEY_CHARS = 22
const KEY_BYTES = 17
/** Kind, key and moment. */
export const NOTE_BYTES = 1 + KEY_BYTES + 8
/** With key and checksum they stay under the 2,000 bytes that LMDB keeps inside one page. */
export const NOTES_PER_ROW = 70
const SLICE_BYTES = 6
const ROW_BYTES = 4

const CODES: Readonly<Record<Note['kind'], number>> = {
  asked: 1,
  answered: 2,
  unanswered: 3,
  written: 4,
  terminal: 5,
}
const KINDS = new Map(Object.entries(CODES).map(([kind, code]) => [code, kind as Note['kind']]))

/** @throws RangeError for a key that is none of `base/key.ts` */
export function encodeNotes(notes: readonly Note[]): Buffer {
  const bytes = Buffer.allocUnsafe(notes.length * NOTE_BYTES)
  let at = 0
  for (const { kind, key, wallMs } of notes) {
    at = bytes.writeUInt8(CODES[kind], at)
    // Eighteen whole bytes, because half a one at the end is not decoded; the last is nothing, and written over.
    const written = bytes.write(`${key}AA`, at, KEY_BYTES + 1, 'base64url')
    if (key.length !== KEY_CHARS || written !== KEY_BYTES + 1) throw new RangeError('a note without a key')
    at = bytes.writeDoubleLE(wallMs, at + KEY_BYTES)
  }
  return bytes
}

/** @param scale from the moments that were written to those that are meant @throws Damaged */
export function decodeNotes(bytes: Buffer, scale: (atMs: number) => number): Note[] {
  if (bytes.length % NOTE_BYTES !== 0) throw new Damaged('half a note')
  const notes: Note[] = []
  for (let at = 0; at < bytes.length; at += NOTE_BYTES) {
    const kind = KINDS.get(bytes.readUInt8(at))
    if (kind === undefined) throw new Damaged('a note of no kind')
    const key = bytes.toString('base64url', at + 1, at + 1 + KEY_BYTES).slice(0, KEY_CHARS)
    notes.push({ kind, key, wallMs: scale(bytes.readDoubleLE(at + 1 + KEY_BYTES)) })
  }
  return notes
}

/** Slices of time stand first, so that what is old lies together at the front. */
export function rowKey(slice: number, row: number): Buffer {
  const key = Buffer.allocUnsafe(SLICE_BYTES + ROW_BYTES)
  key.writeUIntBE(slice, 0, SLICE_BYTES)
  key.writeUInt32BE(row, SLICE_BYTES)
  return key
}

export function sliceOfRow(key: Buffer): number {
  return key.readUIntBE(0, SLICE_BYTES)
}
