/** The thread that reads a trace (`read-ahead.ts`): goes on while what it has read is wanted. */
import { parentPort, workerData } from 'node:worker_threads'
import type { TraceRecord } from '../base/trace.js'
import { pack } from './packed.js'
import type { Read } from './read-ahead.js'
import { readTrace, type TraceFault, type TraceFiles } from './read-trace.js'

/** So few calls at a time that they are gone before the replay's heap is swept of what it has used. */
const CALLS = 512
/** So many times those may lie ready. */
const AHEAD = 4

const port = parentPort
if (!port) throw new Error('no program of its own')

let wanted = AHEAD
let wake: () => void = () => undefined
port.on('message', () => {
  wanted++
  wake()
})

let faults: TraceFault[] = []
let bytes = 0
const onFault = (fault: TraceFault) => void faults.push(fault)
const onBytes = (more: number) => void (bytes += more)

function say(records: readonly TraceRecord[] | undefined): void {
  const calls = records && pack(records)
  const read: Read = { calls, faults, bytes }
  port?.postMessage(read, calls ? [calls.places.buffer, calls.numbers.buffer] : [])
  faults = []
  bytes = 0
}

for await (const batch of readTrace(workerData as TraceFiles, { onFault, onBytes })) {
  for (let at = 0; at < batch.length; at += CALLS) {
    while (wanted === 0) await new Promise<void>(resolve => (wake = resolve))
    wanted--
    say(batch.slice(at, at + CALLS))
  }
}
say(undefined)
port.close()
