import { createHash } from 'node:crypto'

const PIECE_BYTES = 64 * 1024
const pattern = Buffer.alloc(PIECE_BYTES)
for (let at = 0; at < PIECE_BYTES; at += 32) {
  createHash('sha256').update(`filler ${at}`).digest().copy(pattern, at)
}

/**
 * So many pseudo-random bytes, the same for the same words. Each piece begins with its own number, because bytes that
 * arrive twice or out of order must not look right.
 */
export function* fill(length: number, salt: number): Iterable<Buffer> {
  for (let piece = 0; piece * PIECE_BYTES < length; piece += 1) {
    const bytes = Buffer.from(pattern)
    bytes.writeUInt32LE(piece, 0)
    bytes.writeUInt32LE(salt >>> 0, 4)
    yield bytes.subarray(0, Math.min(PIECE_BYTES, length - piece * PIECE_BYTES))
  }
}
