/** Notes as bytes. */
import type { Note } from '../../base/notebook.js'
import { Damaged } from './store.js'

/** 22 characters of six bits (`base/key.ts`), and four bits more. */
const KEY_CHARS = 22
const KEY_BYTES = 17
/** Kind, key and moment. */
export const NOTE_BYTES = 1 + KEY_BYTES + 8

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
