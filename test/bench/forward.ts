/**
 * What does safety cost? CPU per forwarded 2 KiB answer: the governor, with its log and metrics, against
 * http-proxy alone with a keep-alive agent. The two take turns, because the machine is never equally busy twice.
 */
import http from 'node:http'
import type { Result } from './main.js'
import { get, startChild, startGovernor, type Program } from './programs.js'

const CONNECTIONS = 32
const ROUNDS = 15
const CALLS = 3_000
const PATH = '/restapi/v2.1/accounts/14072015/envelopes/4b728be4-1111-2222-3333-d63e23f822b6'
/** What the official Node SDK sends (facts 10). */
const HEADERS = {
  authorization: `Bearer ${'x'.repeat(680)}`,
  accept: 'application/json',
  'content-type': 'application/json',
  'x-docusign-sdk': 'Node',
  'node-ver': 'v20.20.2',
  'user-agent': 'Swagger-Codegen/v2.1/10.0.0/node/v20.20.2',
  'accept-encoding': 'gzip, compress, deflate, br',
}

export async function forward(say: (text: string) => void): Promise<Result[]> {
  const upstream = await startChild('upstream')
  const url = `http://127.0.0.1:${upstream.port}`
  const bare = await startChild('bare', url)
  const governor = await startGovernor(url)
  try {
    const pair = [bare, governor]
    for (const program of pair) await drive(program, CALLS)
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const cost = new Map<Program, number>()
      for (const program of round % 2 === 0 ? pair : pair.toReversed()) {
        const before = (await program.usage()).cpuMicros
        await drive(program, CALLS)
        cost.set(program, (await program.usage()).cpuMicros - before)
      }
      ratios.push((cost.get(governor) as number) / (cost.get(bare) as number))
      say(`forward: round ${round + 1} of ${ROUNDS}, ratio ${ratios.at(-1)?.toFixed(2)}`)
    }
    ratios.sort((a, b) => a - b)
    return [
      {
        what: `CPU per forwarded 2 KiB answer, ${CONNECTIONS} connections, median of ${ROUNDS} rounds`,
        against: 'http-proxy alone, keep-alive agent',
        ratio: ratios[Math.floor(ratios.length / 2)] as number,
        spread: [ratios[0] as number, ratios.at(-1) as number],
        mark: 1.0,
      },
    ]
  } finally {
    await Promise.all([upstream, bare, governor].map(program => program.stop()))
  }
}

async function drive(program: Program, calls: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  let left = calls
  const worker = async () => {
    while (left-- > 0) await get(program.port, PATH, agent, HEADERS)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
  agent.destroy()
}
