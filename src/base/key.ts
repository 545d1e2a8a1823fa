/** What a caller sends, as a key: of one length, saying nothing of what it was made from. */
import { hash } from 'node:crypto'

/** 128 bits: two different things with one key are not to be met with. */
const KEY_BYTES = 16

/**
 * The first 128 bits of SHA-256 over the parts, base64url: 22 characters. Parts hold no NUL, as nothing does that comes
 * in a request line or a header, so no two lists of parts run together.
 */
export function keyOf(...parts: readonly string[]): string {
  // In one call: a `Hash` object is one more thing to collect, and every call makes several keys.
  const digest = hash('sha256', parts.join('\0'), 'buffer')
  // Cut before it is written: a piece of a longer string would keep all of that alive.
  return digest.toString('base64url', 0, KEY_BYTES)
}
