/**
 * How long DocuSign takes: as long as it took then. A call that was not sent then takes as long as one of the last that
 * were sent along its route; which of them, its own hashes say, so that it is the same each time.
 */
import type { TraceRecord } from '../base/trace.js'
import { drawOf } from './draw.js'

export interface Latencies {
  heard(record: TraceRecord): void
  of(record: TraceRecord): number
}

const UNKNOWN_MS = 150
const KEPT = 64

interface Route {
  readonly last: number[]
  next: number
}

export function makeLatencies(): Latencies {
  // Bounded by the table of routes.
  const routes = new Map<string, Route>()
  const any: Route = { last: [], next: 0 }

  function keep(route: Route, ms: number): void {
    route.last[route.next] = ms
    route.next = (route.next + 1) % KEPT
  }

  return {
    heard(record) {
      const ms = tookMs(record)
      if (ms === undefined) return
      let route = routes.get(record.route)
      if (!route) routes.set(record.route, (route = { last: [], next: 0 }))
      keep(route, ms)
      keep(any, ms)
    },
    of(record) {
      const ms = tookMs(record)
      if (ms !== undefined) return ms
      const { last } = routes.get(record.route) ?? any
      const draw = drawOf(record.atMs, record.resource, record.route)
      return last[Math.floor(draw * last.length)] ?? UNKNOWN_MS
    },
  }
}

/** The attempt that was answered, or that nothing came of; limits apart. */
function tookMs({ attempts }: TraceRecord): number | undefined {
  return attempts.findLast(({ refusedFor }) => refusedFor === undefined)?.ms
}
