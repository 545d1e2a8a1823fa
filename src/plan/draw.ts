/**
 * Chance that is the same each time: a number from what it is drawn for. So a replay is the same for one seed, and what is
 * drawn for one envelope does not hang on how many others there are.
 */

/** @returns 0 to below 1, evenly */
export function drawOf(seed: number, ...names: readonly string[]): number {
  let hash = 0x811c9dc5 ^ (seed | 0) ^ Math.imul((seed / 0x1_0000_0000) | 0, 0x9e3779b1)
  for (const name of names) {
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ 0xff, 0x01000193)
  }
  // The last characters must reach the first bits.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000
}

/** A sequence of draws from one seed. */
export function makeDraws(seed: number, name: string): () => number {
  let state = Math.floor(drawOf(seed, name) * 0x1_0000_0000)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
