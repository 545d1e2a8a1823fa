import { createHash } from 'node:crypto'

/** The same GUID for the same words, because ids that change between two runs cannot stand in a test's fixtures. */
export function guidOf(...words: readonly (string | number)[]): string {
  const hex = createHash('sha256').update(words.join('\n')).digest('hex')
  const guid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  // A joined string drags its pieces along; a copy is flat, and half the memory of 200,000 envelopes.
  return Buffer.from(guid, 'latin1').toString('latin1')
}

/**
 * A number in [0, 1) that depends on its three arguments alone. Arithmetic and not a stream of numbers, because the
 * fate of envelope 150,000 is asked for without those before it (murmur3's finaliser, twice).
 */
export function fractionOf(seed: number, index: number, question: number): number {
  return mix(mix(seed ^ Math.imul(question, 0x9e3779b9)) ^ index) / 0x1_0000_0000
}

function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
