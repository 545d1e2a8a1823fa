/** The figures as a table for a terminal of any width. */
import type { Figures } from './figures.js'
import type { Scale } from './scale.js'
import { count, percent, rowsOf } from './wording.js'

/** Below it a line cannot hold a label and a figure. */
const LEAST_WIDTH = 40
const GAP = 2

/** @param width of the terminal, in characters */
export function tableOf(columns: readonly Figures[], width: number): string {
  const rows = rowsOf(columns)
  const labels = rows.map(({ label, isPart }) => (isPart ? `  ${label}` : label))
  const head = ['', ...columns.map(({ name }) => name)]
  const lines = [head, ...rows.map(({ cells }, i) => [labels[i] ?? '', ...cells])]
  const [labelWidth = 0, ...widths] = widthsOf(lines)
  if (labelWidth + widths.reduce((sum, one) => sum + one + GAP, 0) <= width || columns.length === 1)
    return aligned(lines, Math.max(width, LEAST_WIDTH))
  // One below the other where they do not fit beside each other.
  return columns
    .map((_, i) =>
      aligned(
        lines.map(line => [line[0] ?? '', line[i + 1] ?? '']),
        Math.max(width, LEAST_WIDTH),
      ),
    )
    .join('\n')
}

export function scaleTable({ asked, replayed, taken }: Scale, width: number): string {
  const head = ['nodes', 'CPU', 'memory', 'network', 'Redis CPU', 'network', 'memory', 'full at', 'first']
  const accounts = count(asked.accounts)
  const minutes = count(Math.max(1, Math.round(replayed.stepMs / 60_000)))
  const titles = {
    spent: `${accounts} accounts × ${count(asked.limit)} an hour, all of it spent`,
    replayed: `${accounts} accounts that call as the ${count(replayed.accounts)} of the replay do in their fullest ${minutes} min`,
  }
  const tables = taken.map(({ kind, load, redisCommandsPerSecond, rows }) => {
    const calls = load.up + load.saved + load.refused
    const said = `${titles[kind]}: ${count(load.up)} calls/s up, ${count(calls)} in, ${count(redisCommandsPerSecond)} commands/s to Redis`
    const lines = rows.map(row => [
      String(row.nodes),
      ...[row.nodeCpu, row.nodeMemory, row.nodeNetwork, row.redisCpu, row.redisNetwork, row.redisMemory].map(
        percent,
      ),
      count(row.saturatesAt),
      PARTS[row.first] ?? row.first,
    ])
    return `${said}\n${aligned([head, ...lines], Math.max(width, LEAST_WIDTH))}`
  })
  return [...tables, 'Computed from the mix of the last column and the costs in the file.\n'].join('\n')
}

const PARTS: Readonly<Record<string, string>> = {
  nodeCpu: 'the nodes’ CPU',
  nodeMemory: 'the nodes’ memory',
  nodeNetwork: 'the nodes’ network',
  redisCpu: 'Redis’ CPU',
  redisNetwork: 'Redis’ network',
  redisMemory: 'Redis’ memory',
}

function widthsOf(lines: readonly (readonly string[])[]): number[] {
  const widths: number[] = []
  for (const line of lines) line.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)))
  return widths
}

/** Labels to the left, figures to the right; a line that is too long goes on below. */
function aligned(lines: readonly (readonly string[])[], width: number): string {
  const widths = widthsOf(lines)
  const isNarrow = widths.reduce((sum, one) => sum + one + GAP, -GAP) > width
  return lines
    .map(([label = '', ...cells]) => {
      if (isNarrow && cells.length === 1) {
        const [cell = ''] = cells
        const room = width - label.length - GAP
        return cell.length <= room
          ? `${label}${cell.padStart(width - label.length)}`
          : `${label}\n${cell.padStart(width)}`
      }
      const padded = cells.map((cell, i) => cell.padStart((widths[i + 1] ?? 0) + GAP))
      return `${label.padEnd(widths[0] ?? 0)}${padded.join('')}`
    })
    .map(line => line.trimEnd())
    .join('\n')
    .concat('\n')
}
