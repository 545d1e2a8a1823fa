/** Several programs side by side, in turns: what each takes for the same calls, against the first of them in the same round. */
import { burntBy } from './burnt.js'
import { drive } from './drive.js'
import type { Program } from './programs.js'

export interface Rounds {
  readonly connections: number
  readonly rounds: number
  /** Of each program in each round. */
  readonly calls: number
  /** Makes its next request. */
  request(program: Program): Buffer
}

/** Ratios to the first program, one a round. */
export interface Measured {
  readonly cpu: number[]
  readonly p50: number[]
  readonly p99: number[]
}

interface Cost {
  readonly cpu: number
  readonly p50: number
  readonly p99: number
}

export async function takeRounds(
  programs: readonly Program[],
  rounds: Rounds,
): Promise<ReadonlyMap<Program, Measured>> {
  const [first] = programs
  const measured = new Map(programs.map(one => [one, { cpu: [], p50: [], p99: [] }]))
  for (let round = 0; round < rounds.rounds; round++) {
    const from = round % programs.length
    const costs = new Map<Program, Cost>()
    for (const one of [...programs.slice(from), ...programs.slice(0, from)]) {
      costs.set(one, await costOf(one, rounds))
    }
    const base = costs.get(first as Program) as Cost
    for (const [one, cost] of costs) {
      const ratios = measured.get(one) as Measured
      for (const kind of ['cpu', 'p50', 'p99'] as const) ratios[kind].push(cost[kind] / base[kind])
    }
  }
  return measured
}

async function costOf(
  program: Program,
  { connections, calls, request }: Omit<Rounds, 'rounds'>,
): Promise<Cost> {
  const { pid, port } = program
  const took: number[] = []
  const before = burntBy(pid).cpuMicros
  await drive(port, () => request(program), connections, calls, took)
  const cpu = burntBy(pid).cpuMicros - before
  took.sort((a, b) => a - b)
  const at = (share: number) => took[Math.floor(share * took.length)] as number
  return { cpu, p50: at(0.5), p99: at(0.99) }
}
