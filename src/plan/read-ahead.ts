/**
 * A trace is read by a thread of its own, some calls ahead of the replay. That is what a second core can do for a replay,
 * whose calls hang on each other; and what is held back until its turn (`order.ts`) grows old in that thread's heap, so
 * that the replay's own need not be swept of it.
 */
import { on } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { TraceRecord } from '../base/trace.js'
import { unpack, type Packed } from './packed.js'
import type { ReadTraceParts, TraceFault, TraceFiles } from './read-trace.js'

/** What the reading thread says: in the order in which it came upon it. */
export interface Read {
  /** `undefined`: that was all. */
  readonly calls: Packed | undefined
  /** Since the last word. */
  readonly faults: readonly TraceFault[]
  readonly bytes: number
}

const READER = new URL('reader.js', import.meta.url)

/** As `readTrace`, and to the same end. */
export async function* readAhead(
  files: TraceFiles,
  { onFault, onBytes }: ReadTraceParts,
): AsyncGenerator<readonly TraceRecord[]> {
  const reader = new Worker(READER, { workerData: files })
  try {
    for await (const [read] of on(reader, 'message') as AsyncIterable<[Read]>) {
      for (const fault of read.faults) onFault(fault)
      onBytes?.(read.bytes)
      if (!read.calls) return
      reader.postMessage('more')
      yield unpack(read.calls)
    }
  } finally {
    await reader.terminate()
  }
}
