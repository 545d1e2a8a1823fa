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
const LAUNCHES = 3
const ROUNDS = 7
/** Enough that the governor's own CPU figure, a scrape of its metrics, is lost in them. */
const CALLS = 6_000
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
    say(`forward: launch ${launch} of ${LAUNCHES}, ratios ${found.map(ratio => ratio.toFixed(2)).join(' ')}`)
  }
  ratios.sort((a, b) => a - b)
  return [
    {
      what: `CPU per forwarded 2 KiB answer, ${CONNECTIONS} connections, median of ${ratios.length} rounds`,
      against: 'http-proxy alone, keep-alive agent',
      ratio: ratios[Math.floor(ratios.length / 2)] as number,
      spread: [ratios[0] as number, ratios.at(-1) as number],
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
    for (const program of pair) await drive(program.port, REQUEST, CONNECTIONS, 2 * CALLS)
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
