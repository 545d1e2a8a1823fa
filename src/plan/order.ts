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

/** Calls in order. */
export interface Source {
  /** None of them came before this; epoch milliseconds. */
  readonly fromMs: number
  open(): AsyncIterable<TraceRecord>
}

/**
 * Several in order → one. Each is opened when its time has come, because a folder may hold a hundred runs of a governor,
 * one after the other. What came at the same time comes by the order of its source.
 */
export function merged(sources: readonly Source[]): AsyncIterable<TraceRecord> {
  const [only, ...others] = sources
  return only && others.length === 0 ? only.open() : byTime(sources)
}

async function* byTime(sources: readonly Source[]): AsyncGenerator<TraceRecord> {
  const waiting = sources.toSorted((a, b) => a.fromMs - b.fromMs)
  const opened: { readonly rest: AsyncIterator<TraceRecord>; record: TraceRecord }[] = []
  for (;;) {
    const next = opened.reduce<(typeof opened)[number] | undefined>(
      (least, one) => (least && least.record.atMs <= one.record.atMs ? least : one),
      undefined,
    )
    const [due] = waiting
    if (due && due.fromMs <= (next?.record.atMs ?? Infinity)) {
      waiting.shift()
      const rest = due.open()[Symbol.asyncIterator]()
      const first = await rest.next()
      if (!first.done) opened.push({ rest, record: first.value })
      continue
    }
    if (!next) return
    yield next.record
    const following = await next.rest.next()
    if (following.done) opened.splice(opened.indexOf(next), 1)
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
