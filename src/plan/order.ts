/** Calls in the order in which they came, out of a trace that has them in the order in which they ended. */
import type { TraceRecord } from './record.js'

/**
 * A call that lasted longer than this comes after those that it should precede: a download of hours must not make a
 * reader hold hours. It is longer than a call may be held and answered by the usual settings (45 and 55 s).
 */
export const HELD_BACK_MS = 5 * 60_000

/** @param batches each in the order of ends @param heldBackMs how long a call may have lasted */
export async function* inOrder(
  batches: AsyncIterable<readonly TraceRecord[]>,
  heldBackMs: number = HELD_BACK_MS,
): AsyncGenerator<TraceRecord> {
  const heap = new Heap()
  let latestEndMs = -Infinity
  for await (const batch of batches) {
    for (const record of batch) {
      heap.push(record)
      latestEndMs = Math.max(latestEndMs, record.atMs + record.durationMs)
    }
    while (heap.firstMs < latestEndMs - heldBackMs) yield heap.pop()
  }
  while (heap.firstMs < Infinity) yield heap.pop()
}

/** Several, each in order → one. What comes at the same time comes by the order of its source. */
export async function* merged(sources: readonly AsyncIterable<TraceRecord>[]): AsyncGenerator<TraceRecord> {
  const [only] = sources
  if (only && sources.length === 1) {
    yield* only
    return
  }
  const open: { readonly rest: AsyncIterator<TraceRecord>; record: TraceRecord }[] = []
  for (const source of sources) {
    const rest = source[Symbol.asyncIterator]()
    const first = await rest.next()
    if (!first.done) open.push({ rest, record: first.value })
  }
  while (open.length > 0) {
    const next = open.reduce((least, one) => (one.record.atMs < least.record.atMs ? one : least))
    yield next.record
    const following = await next.rest.next()
    if (following.done) open.splice(open.indexOf(next), 1)
    else next.record = following.value
  }
}

interface Held {
  readonly record: TraceRecord
  /** Those of one millisecond stay in the order in which they were read, so that a replay is the same each time. */
  readonly nth: number
}

class Heap {
  readonly #held: Held[] = []
  #count = 0

  /** Infinity when it is empty. */
  get firstMs(): number {
    return this.#held[0]?.record.atMs ?? Infinity
  }

  push(record: TraceRecord): void {
    const held = this.#held
    const one = { record, nth: this.#count++ }
    let at = held.push(one) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = held[above] as Held
      if (!isBefore(one, parent)) break
      held[at] = parent
      at = above
    }
    held[at] = one
  }

  pop(): TraceRecord {
    const held = this.#held
    const [first] = held as [Held]
    const last = held.pop() as Held
    if (held.length === 0) return first.record
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= held.length) break
      const right = held[below + 1]
      if (right && isBefore(right, held[below] as Held)) below++
      const child = held[below] as Held
      if (!isBefore(child, last)) break
      held[at] = child
      at = below
    }
    held[at] = last
    return first.record
  }
}

function isBefore(a: Held, b: Held): boolean {
  return a.record.atMs < b.record.atMs || (a.record.atMs === b.record.atMs && a.nth < b.nth)
}
