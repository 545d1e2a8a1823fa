/**
 * What does an answer from a copy cost? CPU per remembered 2 KiB answer: the governor, who must know whose it is and
 * writes it down in log and metrics, against Node's own server that gives everybody the same bytes.
 */
import http from 'node:http'
import type { Result } from './main.js'
import { startChild, startGovernor } from './programs.js'
import { envelope, sdkRequest } from './requests.js'
import { summary, takeTurns } from './turns.js'

/** Each launch compiles its hot code anew, and not always equally well. */
const LAUNCHES = 3
const TURNS = { connections: 32, rounds: 11, calls: 4_000, warmUpCalls: 24_000 }
const REQUEST = sdkRequest(envelope())
/** Those that Node writes itself, to either. */
const NODES = /^(?:connection|keep-alive)$/i

export async function hits(say: (text: string) => void): Promise<Result[]> {
  const ratios: number[] = []
  for (let launch = 1; launch <= LAUNCHES; launch++) {
    const found = await measure()
    ratios.push(...found)
    say(`hits: launch ${launch} of ${LAUNCHES}, ratios ${found.map(ratio => ratio.toFixed(2)).join(' ')}`)
  }
  return [
    {
      what: `CPU per remembered 2 KiB answer, ${TURNS.connections} connections, median of ${ratios.length} rounds`,
      against: 'node:http that answers the same bytes from memory',
      ...summary(ratios),
      mark: 1.25,
    },
  ]
}

async function measure(): Promise<number[]> {
  const upstream = await startChild('canned')
  const governor = await startGovernor(`http://127.0.0.1:${upstream.port}`)
  await ask(governor.port)
  const { lines, body } = await ask(governor.port)
  if (!lines.includes('remembered')) throw new Error(`not remembered: ${lines.join(' ')}`)
  const bare = await startChild('remembered', JSON.stringify(lines), body.toString('base64'))
  try {
    return await takeTurns(governor, bare, { ...TURNS, request: () => REQUEST })
  } finally {
    await Promise.all([upstream, governor, bare].map(program => program.stop()))
  }
}

/** As the one whose request is repeated. */
export function ask(port: number): Promise<{ lines: string[]; body: Buffer }> {
  const [requestLine = '', ...rest] = REQUEST.toString('latin1').trimEnd().split('\r\n')
  const headers = Object.fromEntries(rest.map(line => line.split(': ') as [string, string]))
  return new Promise((resolve, reject) => {
    const req = http.get({ host: '127.0.0.1', port, path: requestLine.split(' ')[1], headers }, res => {
      const chunks: Buffer[] = []
      const lines = res.rawHeaders.flatMap((name, i, raw) =>
        i % 2 === 1 || NODES.test(name) ? [] : [name, raw[i + 1] ?? ''],
      )
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('end', () => resolve({ lines, body: Buffer.concat(chunks) }))
    })
    req.on('error', reject)
  })
}
