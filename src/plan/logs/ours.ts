/** The governor's own log (`observe/log.ts`): it knows what became of each call, and not of which envelope it was. */
import type { PollResult, Priority, Saved, Window } from '../../base/types.js'
import { fault, OTHER, readTime } from './entry.js'

export interface OwnEntry {
  readonly kind: 'own'
  readonly atMs: number
  /** '' where the call named none. */
  readonly app: string
  readonly account: string
  readonly route: string
  readonly method: string
  readonly outcome: string
  readonly status: number | undefined
  readonly reason: string | undefined
  readonly saved: Saved | undefined
  readonly poll: PollResult | undefined
  readonly priority: Priority | undefined
  readonly durationMs: number
  readonly waitMs: number
  readonly heldBy: Window | undefined
  /** Of all attempts together. */
  readonly upstreamMs: number
  readonly attempts: number
  readonly refusedFor: readonly string[]
  readonly bytes: number
  readonly cut: boolean
}

export type ReadOwn =
  OwnEntry | { readonly kind: 'other' } | { readonly kind: 'fault'; readonly message: string }

/** Words are taken as they stand; whoever makes a record of them has it read back, and so judged. */
export function readOurs(line: string): ReadOwn {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return fault('is no JSON: damaged, or cut off') as ReadOwn
  }
  const fields = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : undefined)
  const amount = (name: string) => (typeof fields[name] === 'number' ? Math.max(0, fields[name]) : undefined)
  if (text('msg') !== 'call') return OTHER as ReadOwn
  const endedMs = readTime(text('time') ?? '')
  const [route, method, outcome] = [text('route'), text('method'), text('outcome')]
  const durationMs = amount('durationMs')
  // What could not be read as a call has no route.
  if (route === undefined && endedMs !== undefined) return OTHER as ReadOwn
  if (endedMs === undefined || method === undefined || outcome === undefined || durationMs === undefined)
    return fault('is no line of a call') as ReadOwn
  const label = text('app') ?? ''
  const refusedFor: unknown = fields['refusedFor']
  return {
    kind: 'own',
    atMs: Math.round(endedMs - durationMs),
    app: text('appName') ?? (label === 'other' ? '' : label),
    account: text('account') ?? '',
    route: route ?? '',
    method,
    outcome,
    status: amount('code'),
    reason: text('reason'),
    saved: text('saved') as Saved | undefined,
    poll: text('poll') as PollResult | undefined,
    priority: text('priority') as Priority | undefined,
    durationMs,
    waitMs: amount('waitMs') ?? 0,
    heldBy: text('heldBy') as Window | undefined,
    upstreamMs: amount('upstreamMs') ?? 0,
    attempts: Math.min(amount('attempts') ?? 0, MAX_ATTEMPTS),
    refusedFor: Array.isArray(refusedFor) ? refusedFor.filter(one => typeof one === 'string') : [],
    bytes: amount('bytesOut') ?? 0,
    cut: fields['cut'] === true,
  }
}

/** No call of ours is sent more often. */
const MAX_ATTEMPTS = 10
