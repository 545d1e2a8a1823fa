/**
 * What does safety cost? CPU per forwarded 2 KiB answer: the governor, with its limits, its shield, its durable ledger,
 * its log and its metrics, against http-proxy alone with a keep-alive agent.
 */
import type { Result } from './main.js'
import { startChild, startGovernor } from './programs.js'
import { ACCOUNT, envelope, sdkRequest } from './requests.js'
import { summary, takeTurns } from './turns.js'

/** Each launch compiles its hot code anew, and not always equally well. */
const LAUNCHES = 3
const TURNS = { connections: 32, rounds: 7, calls: 6_000 }
const UNTRACKED = sdkRequest(`${ACCOUNT}/users`)
/** The polling rule does not speak of it, or it does: each of those is another envelope's, and its answer is kept. */
const KINDS = {
  untracked: () => () => UNTRACKED,
  tracked() {
    let n = 0
    return () => sdkRequest(envelope(n++))
  },
}

export async function forward(say: (text: string) => void): Promise<Result[]> {
  const results: Result[] = []
  for (const [kind, makeRequest] of Object.entries(KINDS)) {
    const ratios: number[] = []
    for (let launch = 1; launch <= LAUNCHES; launch++) {
      const found = await measure(makeRequest())
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
async function measure(request: () => Buffer): Promise<number[]> {
  const upstream = await startChild('canned')
  const url = `http://127.0.0.1:${upstream.port}`
  const bare = await startChild('bare', url)
  const governor = await startGovernor(url)
  try {
    return await takeTurns(governor, bare, { ...TURNS, request })
  } finally {
    await Promise.all([upstream, bare, governor].map(program => program.stop()))
  }
}
