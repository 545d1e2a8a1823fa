import type { Answer } from './answer.js'
import { EMPTY, failure, html } from './answer.js'
import { fractionOf } from './chance.js'
import type { Given } from './given.js'
import { asGiven, textOf } from './given.js'

const KINDS = ['none', 'reset-before', 'reset-mid-body', 'stall', 'stall-mid-body', 'status'] as const
const BODIES = ['json', 'html', 'empty'] as const
const HEADERS = ['missing', 'odd', 'stale'] as const

export type FaultKind = (typeof KINDS)[number]

/** Something that goes wrong for the requests it matches. */
export interface Fault {
  /** All given must fit; nothing given fits every request. */
  readonly match?: { readonly method?: string; readonly pathIncludes?: string; readonly envelope?: string }
  /** How often; for ever without it. */
  readonly times?: number
  /** For each match, drawn from the seed. */
  readonly probability?: number
  /** `none` only slows the answer down or changes its headers. */
  readonly kind: FaultKind
  /** For `status`: 503 without it. 444 is what DocuSign's traffic management answers (facts 1.5). */
  readonly status?: number
  readonly body?: (typeof BODIES)[number]
  readonly latencyMs?: number
  /** What is wrong with the limit headers: gone, no numbers, or those of an hour ago. */
  readonly headers?: (typeof HEADERS)[number]
}

export interface FaultRules {
  /** Replaces all rules. */
  set(rules: readonly Fault[]): void
  add(rules: readonly Fault[]): void
  clear(): void
  list(): readonly Fault[]
  /** The first rule that strikes this request, and spends one of its times. */
  strike(method: string, path: string): Fault | undefined
}

export function makeFaults(first: readonly Fault[], seed: number): FaultRules {
  let draws = 0
  let rules = first.map(fault => ({ fault, left: fault.times ?? Infinity }))
  const add = (more: readonly Fault[]) => {
    rules = [...rules, ...more.map(fault => ({ fault, left: fault.times ?? Infinity }))]
  }
  return {
    set(next) {
      rules = []
      add(next)
    },
    add,
    clear() {
      rules = []
    },
    list: () => rules.filter(rule => rule.left > 0).map(rule => rule.fault),
    strike(method, path) {
      for (const rule of rules) {
        if (rule.left <= 0 || !fits(rule.fault, method, path)) continue
        const { probability = 1 } = rule.fault
        if (probability < 1 && fractionOf(seed, (draws += 1), 77) >= probability) continue
        rule.left -= 1
        return rule.fault
      }
      return undefined
    },
  }
}

function fits({ match = {} }: Fault, method: string, path: string): boolean {
  const { pathIncludes, envelope } = match
  if (match.method !== undefined && match.method.toUpperCase() !== method) return false
  if (pathIncludes !== undefined && !path.toLowerCase().includes(pathIncludes.toLowerCase())) return false
  return envelope === undefined || path.toLowerCase().includes(`/envelopes/${envelope.toLowerCase()}`)
}

/** Reads rules that came as JSON; what is wrong with the first wrong one, else. */
export function readFaults(value: unknown): readonly Fault[] | string {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  const rules: Fault[] = []
  for (const [at, item] of list.entries()) {
    const given = asGiven(item)
    const rule = given ? readFault(given) : 'a rule is an object'
    if (typeof rule === 'string') return `rule ${at}: ${rule}`
    rules.push(rule)
  }
  return rules
}

function readFault(given: Given): Fault | string {
  const kind = oneOf(KINDS, given['kind'] ?? 'none')
  if (!kind) return `kind is one of ${KINDS.join(', ')}`
  const body = oneOf(BODIES, given['body'])
  if (!body && given['body'] !== undefined) return `body is one of ${BODIES.join(', ')}`
  const headers = oneOf(HEADERS, given['headers'])
  if (!headers && given['headers'] !== undefined) return `headers is one of ${HEADERS.join(', ')}`
  const numbers: Record<string, number> = {}
  for (const name of ['times', 'probability', 'status', 'latencyMs']) {
    const number = given[name]
    if (number === undefined) continue
    if (typeof number !== 'number' || !(number >= 0)) return `${name} is a number of at least 0`
    numbers[name] = number
  }
  const { status } = numbers
  if (status !== undefined && !(status >= 200 && status <= 999)) return 'status is a number from 200 to 999'
  const match: Record<string, string> = {}
  const wanted = asGiven(given['match']) ?? {}
  for (const name of ['method', 'pathIncludes', 'envelope']) {
    const text = textOf(wanted, name)
    if (text !== undefined) match[name] = text
  }
  return { kind, match, ...numbers, ...(body && { body }), ...(headers && { headers }) }
}

function oneOf<T extends string>(all: readonly T[], value: unknown): T | undefined {
  return all.find(one => one === value)
}

/** The answer of a `status` fault. */
export function faultAnswer({ status = 503, body = 'json' }: Fault): Answer {
  if (body === 'empty') return { status, body: EMPTY }
  if (body === 'html') return html(status, status === 444 ? 'Request blocked' : 'Service unavailable')
  const message = status === 444 ? 'Request blocked due to excess usage' : 'An unexpected error occurred.'
  return failure(status, 'UNSPECIFIED_ERROR', message)
}
