/** CPU of a program over that of another for the same calls; the two take turns, because the machine is never equally busy twice. */
import { drive } from './drive.js'
import type { Program } from './programs.js'

export interface Turns {
  readonly connections: number
  /** Many and short, because the machine is seldom equally busy for as long as two long ones take. */
  readonly rounds: number
  /** Of each program in each round. */
  readonly calls: number
  /** Until the last of its code is compiled: the governor has more of it, and the first rounds would tell of little else. */
  readonly warmUpCalls: number
  /** Makes the next request. */
  request(): Buffer
}

/** @returns the ratio of each round */
export async function takeTurns(program: Program, against: Program, turns: Turns): Promise<number[]> {
  const { connections, rounds, calls, warmUpCalls, request } = turns
  const pair = [against, program]
  for (const one of pair) await drive(one.port, request, connections, warmUpCalls)
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const cost = new Map<Program, number>()
    for (const one of round % 2 === 0 ? pair : pair.toReversed()) {
      const before = (await one.usage()).cpuMicros
      await drive(one.port, request, connections, calls)
      cost.set(one, (await one.usage()).cpuMicros - before)
    }
    ratios.push((cost.get(program) as number) / (cost.get(against) as number))
  }
  return ratios
}

/** The middle one, and the least and the greatest. */
export function summary(ratios: readonly number[]) {
  const sorted = ratios.toSorted((a, b) => a - b)
  return {
    ratio: sorted[Math.floor(sorted.length / 2)] as number,
    spread: [sorted[0] as number, sorted.at(-1) as number] as const,
  }
}
