/** Promise 11 at full size: fifty lives, each killed at a random moment under load. */
import { killAgain } from '../fixtures/kills.js'
import type { Result } from './main.js'

const LIVES = 50
const START_MS = 2_000

export async function kill(say: (text: string) => void): Promise<Result[]> {
  const { limit, callsAfter, startsMs, violations } = await killAgain(LIVES, Math.random)
  const starts = startsMs.toSorted((a, b) => a - b).map(ms => Math.round(ms))
  say(`kill: calls of the hour after each life (limit ${limit}): ${callsAfter.join(' ')}`)
  say(`kill: starts in ms: ${starts[0]} to ${starts.at(-1)}, median ${starts[starts.length >> 1]}`)
  return [
    {
      what: `calls over a limit in ${LIVES} lives, each killed under load`,
      against: 'none',
      ratio: violations.hour + violations.burst,
      mark: 0,
    },
    {
      what: 'calls of the hour that the ledger’s leases cost, all lives together',
      against: 'its limit',
      ratio: 1 - (callsAfter.at(-1) ?? 0) / limit,
      mark: 0.1,
    },
    {
      what: 'median time from launch to listening',
      against: '2 s',
      ratio: (starts[starts.length >> 1] ?? Infinity) / START_MS,
      mark: 1,
    },
  ]
}
