/** Lines of the ledger as bytes, and where they stand: `slice | account | chunk` → up to 45 lines. */
import { createHash } from 'node:crypto'
import type { Spent } from '../../base/ledger.js'
import { Damaged } from './store.js'

/** Five numbers of eight bytes. */
const LINE_BYTES = 40
/** With key and checksum they stay under the 2,000 bytes that LMDB keeps inside one page. */
export const LINES_PER_CHUNK = 45
const SLICE_BYTES = 6
const CHUNK_BYTES = 2
/** An account of DocuSign's has 36 characters at most; LMDB takes keys of 511 bytes. */
const MAX_NAME_BYTES = 255

export function encodeLines(lines: readonly Spent[]): Buffer {
  const bytes = Buffer.allocUnsafe(lines.length * LINE_BYTES)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  lines.forEach((line, i) => {
    const at = i * LINE_BYTES
    view.setFloat64(at, line.wallMs, true)
    view.setFloat64(at + 8, line.completed, true)
    view.setFloat64(at + 16, line.pending, true)
    view.setFloat64(at + 24, line.remaining ?? NaN, true)
    view.setFloat64(at + 32, line.resetAtSeconds ?? NaN, true)
  })
  return bytes
}

/** @throws Damaged */
export function decodeLines(bytes: Buffer): Spent[] {
  if (bytes.length % LINE_BYTES !== 0) throw new Damaged('half a line')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const lines: Spent[] = []
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    lines.push({
      wallMs: view.getFloat64(at, true),
      completed: view.getFloat64(at + 8, true),
      pending: view.getFloat64(at + 16, true),
      remaining: known(view.getFloat64(at + 24, true)),
      resetAtSeconds: known(view.getFloat64(at + 32, true)),
    })
  }
  return lines
}

function known(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value
}

/** Slices stand first, so that what is old lies together at the front. @param name as `nameInKeys` has it */
export function chunkKey(slice: number, name: string, chunk: number): Buffer {
  const nameBytes = Buffer.byteLength(name)
  const key = Buffer.allocUnsafe(SLICE_BYTES + nameBytes + CHUNK_BYTES)
  key.writeUIntBE(slice, 0, SLICE_BYTES)
  key.write(name, SLICE_BYTES)
  key.writeUInt16BE(chunk, SLICE_BYTES + nameBytes)
  return key
}

export function sliceOfKey(key: Buffer): number {
  return key.readUIntBE(0, SLICE_BYTES)
}

export function accountOfKey(key: Buffer): string {
  return key.toString('utf8', SLICE_BYTES, key.length - CHUNK_BYTES)
}

/**
 * What no account is called is kept by its hash: it costs no more than one. A text and no buffer, because a small buffer
 * is cut from a block of 8 KiB, and one of each account's would keep all of those.
 */
export function nameInKeys(account: string): string {
  return Buffer.byteLength(account) <= MAX_NAME_BYTES
    ? account
    : createHash('sha256').update(account).digest('hex')
}
