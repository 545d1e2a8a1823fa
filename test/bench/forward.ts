/**
 * What does safety cost? CPU per forwarded 2 KiB answer: the governor, with its limits, its shield, its durable ledger,
 * its log and its metrics, against http-proxy alone with a keep-alive agent.
 */
import type { Result } from './main.js'
import { startChild, startGovernor } from './programs.js'
import { ACCOUNT, envelope, sdkRequest } from './requests.js'
import { summary, takeTurns } from './turns.js'

/** Each launch compiles its hot code anew, and not always equally well. */
const LAUNCHES = 4
const TURNS = { connections: 32, rounds: 11, calls: 1_500, warmUpCalls: 24_000 }
/**
 * The polling rule does not speak of it, or it does: each of those is another envelope's, and its answer is kept. No two
 * are equal, because equal ones at the same moment are one call.
 */
const KINDS = {
  untracked: (n: number) => `${ACCOUNT}/users?start_position=${n}`,
  tracked: envelope,
}

export async function forward(say: (text: string) => void): Promise<Result[]> {
  const results: Result[] = []
  for (const [kind, targetOf] of Object.entries(KINDS)) {
    const ratios: number[] = []
    for (let launch = 1; launch <= LAUNCHES; launch++) {
      const found = await measure(targetOf)
      ratios.push(...found)
      say(
        `forward, ${kind}: launch ${launch} of ${LAUNCHES}, ratios ${found.map(ratio => ratio.toFixed(2)).join(' ')}`,
      )
    }
    results.push({
      what: `CPU per forwarded 2 KiB answer, ${kind}, ${TURNS.connections} connections, median of ${ratios.length} rounds`,
      against: 'http-proxy alone, keep-alive agent',
      ...summary(ratios),
      mark: 1.05,
    })
  }
  return results
}

/** CPU of the governor over CPU of http-proxy for the same calls, round by round. */
async function measure(targetOf: (n: number) => string): Promise<number[]> {
  let n = 0
  const upstream = await startChild('canned')
  const url = `http://127.0.0.1:${upstream.port}`
  const bare = await startChild('bare', url)
  const governor = await startGovernor(url)
  try {
    return await takeTurns(governor, bare, { ...TURNS, request: () => sdkRequest(targetOf(n++)) })
  } finally {
    await Promise.all([upstream, bare, governor].map(program => program.stop()))
  }
}
