/** `--fail-if 'wait.p95>5'`: a figure, a comparison, a number. */
import type { Figures } from './figures.js'

export interface Condition {
  readonly text: string
  readonly path: readonly string[]
  readonly operator: Operator
  readonly value: number
}

export type Operator = '>' | '>=' | '<' | '<=' | '==' | '!='

const HOLDS: Readonly<Record<Operator, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
}
const EXPRESSION = /^\s*([A-Za-z][\w-]*(?:\.[\w-]+)*)\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$/
/** What is counted by a word that a run may not have met. */
const OPEN = new Set(['refused', 'peak', 'counted'])
/** Figures there are, and the numbers below each. */
export const TESTABLE: Readonly<Record<string, readonly string[]>> = {
  calls: ['in', 'asked', 'up', 'oauth', 'userinfo'],
  saved: ['total', 'share', 'terminal', 'poll', 'coalesce', 'connect'],
  held: ['total', 'hour', 'burst', 'wait.p50', 'wait.p95', 'wait.p99', 'wait.max'],
  refused: [
    'total',
    'hour-spent',
    'burst-spent',
    'queue-full',
    'poll-too-soon',
    'upstream-blocked',
    'upstream-unreachable',
    'upstream-timeout',
    'bad-request',
    'shutting-down',
    'state-unavailable',
  ],
  failed: [''],
  docusignRefused: [''],
  wait: ['p50', 'p95', 'p99', 'max'],
  delay: ['p50', 'p95', 'p99', 'max'],
  peak: ['hour.calls', 'hour.share', 'burst.calls', 'burst.share'],
  counted: ['hour.calls', 'hour.share', 'burst.calls', 'burst.share'],
  accounts: ['total', 'over'],
  days: [''],
  limitForOneSecond: ['limit'],
  reached: ['week'],
}

/** @returns what is wrong, as a sentence, where it is no condition */
export function readCondition(text: string): Condition | string {
  const [, path = '', operator, value] = EXPRESSION.exec(text) ?? []
  if (operator === undefined)
    return `--fail-if takes FIGURE OPERATOR NUMBER, such as 'wait.p95>5', not ${JSON.stringify(text)}`
  const names = known()
  if (!names.includes(path))
    return `--fail-if ${JSON.stringify(text)}: there is no figure "${path}"; there are ${names.join(', ')}`
  return { text, path: path.split('.'), operator: operator as Operator, value: Number(value) }
}

function known(): string[] {
  return Object.entries(TESTABLE).flatMap(([head, tails]) =>
    tails.map(tail => (tail === '' ? head : `${head}.${tail}`)),
  )
}

/** Whether it is true of a scenario. What did not happen is 0; what is not known (no limit found, no week) is never true. */
export function holds({ path, operator, value }: Condition, figures: Figures): boolean {
  let at: unknown = figures
  for (const name of path) at = (at as Readonly<Record<string, unknown>> | undefined)?.[name]
  const number = typeof at === 'number' ? at : OPEN.has(path[0] ?? '') ? 0 : undefined
  return number !== undefined && HOLDS[operator](number, value)
}
