/**
 * What would the same cost behind something else? Hits, forwards and bodies of 200 KB: the governor with everything on, and
 * forwarders that do nothing but forward (and keep copies, where they can), each against its natural baseline.
 */
import { burntBy } from './burnt.js'
import { drive } from './drive.js'
import { missing, startForeign, type Foreign } from './foreign.js'
import { ask } from './hits.js'
import type { Result } from './main.js'
import { startChild, startGovernor, type Program } from './programs.js'
import { ACCOUNT, envelope, sdkRequest } from './requests.js'
import { takeRounds } from './rounds.js'
import { summary } from './turns.js'

export interface PeersSize {
  readonly connections: readonly number[]
  readonly rounds: number
  /** Of each program in each round; a tenth of it where there is one connection, and a quarter of 200 KB bodies. */
  readonly calls: number
  readonly warmUpCalls: number
  readonly foreign: readonly Foreign[]
}

const SIZE: PeersSize = {
  connections: [1, 32, 256],
  rounds: 9,
  calls: 4_000,
  warmUpCalls: 16_000,
  foreign: ['nginx', 'haproxy', 'varnish'],
}
const BODY_BYTES = 200_000

interface Kind {
  readonly what: string
  readonly against: string
  /** What the governor's CPU should stay under. */
  readonly mark: number
  readonly bytes: number
  readonly share: number
  target(n: number): string
}

/** Other users' pages are never kept and never polled, and no two are equal, because equal ones at the same moment are one call. */
const page = (n: number) => `${ACCOUNT}/users?start_position=${n}`
const KINDS: Readonly<Record<string, Kind>> = {
  hit: {
    what: '2 KiB from a copy',
    against: 'node:http with the same bytes from memory',
    mark: 1.25,
    bytes: 2048,
    share: 1,
    target: () => envelope(),
  },
  forward: {
    what: '2 KiB forwarded',
    against: 'http-proxy alone, keep-alive agent',
    mark: 1,
    bytes: 2048,
    share: 1,
    target: page,
  },
  body: {
    what: '200 KB forwarded',
    against: 'http-proxy alone, keep-alive agent',
    mark: 1,
    bytes: BODY_BYTES,
    share: 0.25,
    target: page,
  },
}

export async function peers(say: (text: string) => void, only = '', size = SIZE): Promise<Result[]> {
  const absent = size.foreign.filter(name => missing(name) !== undefined)
  for (const name of absent) say(`peers: ${name} is skipped, there is no ${missing(name)}`)
  const results: Result[] = []
  for (const [name, kind] of Object.entries(KINDS)) {
    if (only !== '' && only !== name) continue
    results.push(...(await measure(name, kind, size, say)))
  }
  return results
}

async function measure(
  name: string,
  kind: Kind,
  size: PeersSize,
  say: (text: string) => void,
): Promise<Result[]> {
  const upstream = await startChild('canned', String(kind.bytes))
  const programs = await contenders(name, upstream.port, size.foreign)
  let n = 0
  const request = () => sdkRequest(kind.target(n++))
  const results: Result[] = []
  try {
    // Each has compiled what it will, and has its copy, before any is measured.
    for (const { port } of programs) await drive(port, request, 32, Math.ceil(size.warmUpCalls * kind.share))
    // A copy is a copy when nobody is left whom it could be asked of.
    if (name === 'hit') await upstream.stop()
    for (const connections of size.connections) {
      say(`peers: ${kind.what}, ${connections} connections`)
      const calls = Math.ceil(size.calls * kind.share * (connections === 1 ? 0.1 : 1))
      const measured = await takeRounds(programs, { connections, rounds: size.rounds, calls, request })
      const base = burntBy(programs[0]?.pid ?? 0).rssBytes
      for (const program of programs.slice(1)) {
        const { cpu, p50, p99 } = measured.get(program) as NonNullable<ReturnType<typeof measured.get>>
        results.push({
          what: `${program.name}: CPU, ${kind.what}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
          against: kind.against,
          ...summary(cpu),
          ...(program.name === 'governor' && { mark: kind.mark }),
          also: {
            p50: summary(p50).ratio,
            p99: summary(p99).ratio,
            RSS: burntBy(program.pid).rssBytes / base,
          },
        })
      }
    }
    return results
  } finally {
    await Promise.all([...programs, ...(name === 'hit' ? [] : [upstream])].map(program => program.stop()))
  }
}

/** The baseline is the first. */
async function contenders(kind: string, upstreamPort: number, names: readonly Foreign[]): Promise<Program[]> {
  const url = `http://127.0.0.1:${upstreamPort}`
  const governor = await startGovernor(url)
  const baseline = kind === 'hit' ? await startRemembered(governor) : await startChild('bare', url)
  const undici = kind === 'hit' ? [] : [await startChild('undici', url)]
  const foreign: Program[] = []
  for (const name of names) {
    if (missing(name) !== undefined) continue
    const values = {
      UPSTREAM: `127.0.0.1:${upstreamPort}`,
      UPSTREAM_HOST: '127.0.0.1',
      UPSTREAM_PORT: upstreamPort,
    }
    foreign.push(await startForeign(name, `${name}.conf`, values))
  }
  return [baseline, governor, ...undici, ...foreign]
}

/** Node's own server, with the very lines of the governor's copy. */
async function startRemembered(governor: Program): Promise<Program> {
  await ask(governor.port)
  const { lines, body } = await ask(governor.port)
  if (!lines.includes('remembered')) throw new Error(`not remembered: ${lines.join(' ')}`)
  return startChild('remembered', JSON.stringify(lines), body.toString('base64'))
}
