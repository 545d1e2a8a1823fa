/** What a caller sends, as a key: of one length, saying nothing of what it was made from. */
import { createHash } from 'node:crypto'

/** 128 bits: two different things with one key are not to be met with. */
const KEY_BYTES = 16

/**
 * The first 128 bits of SHA-256 over the parts, base64url: 22 characters. Parts hold no NUL, as nothing does that comes
 * in a request line or a header, so no two lists of parts run together.
 */
export function keyOf(...parts: readonly string[]): string {
  // Cut before it is written: a piece of a longer string would keep all of that alive.
  return createHash('sha256').update(parts.join('\0')).digest().toString('base64url', 0, KEY_BYTES)
}
