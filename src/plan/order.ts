/** Calls in the order in which they came, out of a trace that has them in the order in which they ended. */
import type { TraceRecord } from './record.js'

/**
 * A call that lasted longer than this comes after those that it should precede: a download of hours must not make a
 * reader hold hours. It is longer than a call may be held and answered by the usual settings (45 and 55 s).
 */
export const HELD_BACK_MS = 5 * 60_000

/** Some calls at a time, because a promise for each of them costs as much as to read it. */
export type Batches = AsyncIterable<readonly TraceRecord[]>

/** @param batches each in the order of ends @param heldBackMs how long a call may have lasted */
export async function* inOrder(
  batches: Batches,
  heldBackMs: number = HELD_BACK_MS,
): AsyncGenerator<readonly TraceRecord[]> {
  const held: TraceRecord[] = []
  let latestEndMs = -Infinity
  for await (const batch of batches) {
    let firstMs = Infinity
    for (const { atMs, durationMs } of batch) {
      firstMs = Math.min(firstMs, atMs)
      latestEndMs = Math.max(latestEndMs, atMs + durationMs)
    }
    // Sorting is stable, so those of one millisecond stay in the order in which they were read: a replay is the same each time.
    const late = held.splice(placeOf(held, firstMs))
    for (const record of late.concat(batch).sort((a, b) => a.atMs - b.atMs)) held.push(record)
    const due = held.splice(0, placeOf(held, latestEndMs - heldBackMs))
    if (due.length > 0) yield due
  }
  if (held.length > 0) yield held
}

/** Calls in order. */
export interface Source {
  /** None of them came before this; epoch milliseconds. */
  readonly fromMs: number
  open(): Batches
}

/**
 * Several in order → one. Each is opened when its time has come, because a folder may hold a hundred runs of a governor,
 * one after the other. What came at the same time comes by the order of its source.
 */
export function merged(sources: readonly Source[]): Batches {
  const [only, ...others] = sources
  return only && others.length === 0 ? only.open() : byTime(sources)
}

interface Opened {
  readonly rest: AsyncIterator<readonly TraceRecord[]>
  batch: readonly TraceRecord[]
  next: number
}

async function* byTime(sources: readonly Source[]): AsyncGenerator<readonly TraceRecord[]> {
  const waiting = sources.toSorted((a, b) => a.fromMs - b.fromMs)
  const opened: Opened[] = []
  let batch: TraceRecord[] = []
  for (;;) {
    const least = opened.reduce<Opened | undefined>(
      (first, one) => (first && nextMs(first) <= nextMs(one) ? first : one),
      undefined,
    )
    const [due] = waiting
    if (due && due.fromMs <= (least ? nextMs(least) : Infinity)) {
      waiting.shift()
      const one = { rest: due.open()[Symbol.asyncIterator](), batch: [], next: 0 }
      if (await refill(one)) opened.push(one)
      continue
    }
    if (!least) break
    batch.push(least.batch[least.next++] as TraceRecord)
    if (least.next < least.batch.length) continue
    yield batch
    batch = []
    if (!(await refill(least))) opened.splice(opened.indexOf(least), 1)
  }
  if (batch.length > 0) yield batch
}

const nextMs = ({ batch, next }: Opened): number => (batch[next] as TraceRecord).atMs

/** @returns whether there is more */
async function refill(opened: Opened): Promise<boolean> {
  opened.next = 0
  do {
    const more = await opened.rest.next()
    if (more.done === true) return false
    opened.batch = more.value
  } while (opened.batch.length === 0)
  return true
}

/** How many of these, which stand in order, came before then. */
function placeOf(records: readonly TraceRecord[], atMs: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((records[middle] as TraceRecord).atMs < atMs) low = middle + 1
    else high = middle
  }
  return low
}
