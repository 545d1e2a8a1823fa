/**
 * Does a call cost the same among many? CPU per forwarded call of a governor that knows 1,000 or 20,000 accounts, against one
 * that knows a single one; and per first GET, and per copy, of one that has seen 200,000 envelopes, against one that has seen what it takes to compile its code.
 */
import { burntBy } from './burnt.js'
import { drive } from './drive.js'
import type { Result } from './main.js'
import { startChild, startGovernor, type Program } from './programs.js'
import { envelope, sdkRequest } from './requests.js'
import { takeRounds, type Measured } from './rounds.js'
import { summary } from './turns.js'

export interface ScaleSize {
  /** The first is what the others are measured against. */
  readonly accounts: readonly number[]
  readonly envelopes: readonly number[]
  readonly rounds: number
  readonly calls: number
  readonly warmUpCalls: number
}

const SIZE: ScaleSize = {
  accounts: [1, 1_000, 20_000],
  envelopes: [24_000, 200_000],
  rounds: 15,
  calls: 2_000,
  warmUpCalls: 24_000,
}
const CONNECTIONS = 32
const MARK = 1.15

/** Asks as governor number `n` among so many would be asked: calls are counted from 0. */
type Target = (count: number, call: number) => string

const ofAccounts: Target = (accounts, call) => {
  const account = `7c2f8f30-afd3-410e-a0fd-${(call % accounts).toString(16).padStart(12, '0')}`
  return `/restapi/v2.1/accounts/${account}/users?start_position=${call}`
}
/** One it has not seen yet. */
const ofEnvelopes: Target = (_, call) => envelope(call)
/** One of the latest hundred of those it saw at first, whose copies are there. */
const ofCopies: Target = (envelopes, call) => envelope(envelopes - 1 - (call % Math.min(100, envelopes)))

export async function scale(say: (text: string) => void, only = '', size = SIZE): Promise<Result[]> {
  const results: Result[] = []
  if (only !== 'envelopes') {
    const counts = size.accounts
    const what = (count: number) => `CPU per forwarded call, ${count} accounts`
    results.push(...(await measure(counts, size, [{ what, target: ofAccounts }], ofAccounts, say)))
  }
  if (only !== 'accounts') {
    const kinds = [
      { what: (count: number) => `CPU per first GET, ${count} envelopes seen`, target: ofEnvelopes },
      { what: (count: number) => `CPU per remembered answer, ${count} envelopes seen`, target: ofCopies },
    ]
    results.push(...(await measure(size.envelopes, size, kinds.toReversed(), ofEnvelopes, say)))
  }
  return results
}

interface Kind {
  what(count: number): string
  readonly target: Target
}

async function measure(
  counts: readonly number[],
  { rounds, calls, warmUpCalls }: ScaleSize,
  kinds: readonly Kind[],
  seen: Target,
  say: (text: string) => void,
): Promise<Result[]> {
  const upstream = await startChild('canned')
  const programs: Program[] = []
  try {
    const asked = new Map<Program, { readonly count: number; calls: number }>()
    for (const count of counts) {
      const program = await startGovernor(`http://127.0.0.1:${upstream.port}`)
      programs.push(program)
      asked.set(program, { count, calls: 0 })
    }
    const request = (target: Target) => (program: Program) => {
      const one = asked.get(program) as { count: number; calls: number }
      return sdkRequest(target(one.count, one.calls++))
    }
    for (const [program, { count }] of asked) {
      say(`scale: ${kinds.map(({ what }) => what(count)).join(', ')}`)
      // All have compiled their code by as many calls, whatever they know.
      await drive(program.port, () => request(seen)(program), CONNECTIONS, count)
      for (const { target } of kinds) {
        const rest = target === seen ? Math.max(0, warmUpCalls - count) : warmUpCalls
        await drive(program.port, () => request(target)(program), CONNECTIONS, rest)
      }
    }
    const results: Result[] = []
    for (const { what, target } of kinds) {
      const measured = await takeRounds(programs, {
        ...{ connections: CONNECTIONS, rounds, calls },
        request: request(target),
      })
      const [first, ...others] = programs as [Program, ...Program[]]
      for (const program of others) {
        const { cpu, p50, p99 } = measured.get(program) as Measured
        const { count = 0 } = asked.get(program) ?? {}
        results.push({
          what: what(count),
          against: String(counts[0]),
          ...summary(cpu),
          mark: MARK,
          also: {
            p50: summary(p50).ratio,
            p99: summary(p99).ratio,
            RSS: burntBy(program.pid).rssBytes / burntBy(first.pid).rssBytes,
          },
        })
      }
    }
    return results
  } finally {
    await Promise.all([upstream, ...programs].map(program => program.stop()))
  }
}
