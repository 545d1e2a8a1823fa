/** What does it cost to be remembered? 100,000 accounts, tokens and envelopes that nobody knows: resident memory, and what of it stays. */
import { flood as pour } from '../fixtures/flood.js'
import type { Result } from './main.js'

const CALLS = 100_000
const MORE_BYTES = 100 * 1024 * 1024

export async function flood(say: (text: string) => void): Promise<Result[]> {
  const results: Result[] = []
  for (const accepted of [false, true]) {
    const { beforeBytes, peakBytes, afterBytes } = await pour(CALLS, accepted, Math.random, say)
    const what = `${CALLS} accounts, tokens and envelopes, ${accepted ? 'accepted (copies are kept)' : 'refused'}`
    const against = '100 MB'
    results.push(
      {
        what: `more memory at most: ${what}`,
        against,
        ratio: (peakBytes - beforeBytes) / MORE_BYTES,
        mark: 1,
      },
      { what: `and afterwards: ${what}`, against, ratio: (afterBytes - beforeBytes) / MORE_BYTES, mark: 1 },
    )
  }
  return results
}
