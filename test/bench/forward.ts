/**
 * What does safety cost? CPU per forwarded 2 KiB answer: the governor, with its limits, its durable ledger, its log and
 * its metrics, against http-proxy alone with a keep-alive agent. The two take turns, because the machine is never
 * equally busy twice.
 */
import { drive } from './drive.js'
import type { Result } from './main.js'
import { startChild, startGovernor, type Program } from './programs.js'

const CONNECTIONS = 32
/** Each launch compiles its hot code anew, and not always equally well. */
const LAUNCHES = 5
/** Until the last of its code is compiled: the governor has more of it, and the first rounds would tell of little else. */
const WARM_UP_CALLS = 24_000
/** Many and short, because the machine is seldom equally busy for as long as two long ones take. */
const ROUNDS = 11
const CALLS = 1_500
/** What the official Node SDK sends (facts 10). */
const REQUEST = Buffer.from(
  [
    'GET /restapi/v2.1/accounts/14072015/envelopes/4b728be4-1111-2222-3333-d63e23f822b6 HTTP/1.1',
    'Accept: application/json',
    'Content-Type: application/json',
    'X-DocuSign-SDK: Node',
    'Node-Ver: v20.20.2',
    'User-Agent: Swagger-Codegen/v2.1/10.0.0/node/v20.20.2',
    `Authorization: Bearer ${'x'.repeat(680)}`,
    'Accept-Encoding: gzip, compress, deflate, br',
    'Host: 127.0.0.1:8080',
    'Connection: keep-alive',
    '',
    '',
  ].join('\r\n'),
)

export async function forward(say: (text: string) => void): Promise<Result[]> {
  const ratios: number[] = []
  for (let launch = 1; launch <= LAUNCHES; launch++) {
    const found = await takeTurns()
    ratios.push(...found)
    const [low, middle, high] = [0.25, 0.5, 0.75].map(share => quantile(found, share).toFixed(2))
    say(`forward: launch ${launch} of ${LAUNCHES}, half of the ratios ${low} to ${high}, median ${middle}`)
  }
  return [
    {
      what: `CPU per forwarded 2 KiB answer, ${CONNECTIONS} connections, median of ${ratios.length} rounds`,
      against: 'http-proxy alone, keep-alive agent',
      ratio: quantile(ratios, 0.5),
      spread: [Math.min(...ratios), Math.max(...ratios)],
      mark: 1.05,
    },
  ]
}

/** CPU of the governor over CPU of http-proxy for the same calls, round by round. */
async function takeTurns(): Promise<number[]> {
  const upstream = await startChild('canned')
  const url = `http://127.0.0.1:${upstream.port}`
  const bare = await startChild('bare', url)
  const governor = await startGovernor(url)
  try {
    const pair = [bare, governor]
    for (const program of pair) await drive(program.port, REQUEST, CONNECTIONS, WARM_UP_CALLS)
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const cost = new Map<Program, number>()
      for (const program of round % 2 === 0 ? pair : pair.toReversed()) {
        const before = (await program.usage()).cpuMicros
        await drive(program.port, REQUEST, CONNECTIONS, CALLS)
        cost.set(program, (await program.usage()).cpuMicros - before)
      }
      ratios.push((cost.get(governor) as number) / (cost.get(bare) as number))
    }
    return ratios
  } finally {
    await Promise.all([upstream, bare, governor].map(program => program.stop()))
  }
}

const quantile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] as number
