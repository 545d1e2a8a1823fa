/** What is replayed, as often as it is asked for: a trace, or what a model makes of its days. */
import { dirname, join } from 'node:path'
import { makeDisguise } from '../base/disguise.js'
import type { TraceRecord } from '../base/trace.js'
import { BadUsage } from './bad-usage.js'
import { DAY_MS, EPOCH_MS, generated } from './generate.js'
import type { Model } from './model.js'
import { makeNames, type Hash, type KnownNames } from './names.js'
import type { Batches } from './order.js'
import { readAhead } from './read-ahead.js'
import { findTrace, type TraceFault, type TraceFiles } from './read-trace.js'
import { lasting } from './variation.js'

export interface Source {
  /** @param onShare how far it is read, 0 to 1 */
  open(onShare: (share: number) => void): Batches
  readonly names: KnownNames
  readonly model: Model | undefined
}

export interface SourceNeeds {
  readonly traces: readonly string[]
  /** In the place of traces. */
  readonly model: Model | undefined
  /** `undefined`: a trace as long as it is, one day of a model. */
  readonly days: number | undefined
  readonly seed: number
  readonly hourMs: number
}

/**
 * @param faults of the trace, by what they say: each is told once, however often it is read
 * @throws BadUsage
 */
export async function sourceOf(
  { days, seed, traces, model, hourMs }: SourceNeeds,
  readFile: (path: string) => string,
  faults: Map<string, string>,
): Promise<Source> {
  if (model) {
    const length = days ?? 1
    const open: Source['open'] = onShare =>
      watched(batched(generated(model, length, seed)), atMs => onShare((atMs - EPOCH_MS) / (length * DAY_MS)))
    return { open, names: makeNames(undefined), model }
  }
  const files = await filesOf(traces)
  const onFault = ({ file, line, message }: TraceFault) => {
    const where = line === 0 ? file : `${file}:${line}`
    faults.set(`${where} ${message}`, `${where}: ${message}`)
  }
  const once = (onShare: (share: number) => void) => {
    let read = 0
    const onBytes = (bytes: number) => void (read += bytes)
    return watched(readAhead(files, { onFault, onBytes }), () => onShare(read / Math.max(1, files.bytes)))
  }
  const open: Source['open'] = onShare => {
    if (days === undefined) return once(onShare)
    let firstMs: number | undefined
    const lengthMs = days * DAY_MS
    const repeated = lasting(() => once(() => undefined), lengthMs, hourMs)
    return watched(repeated, atMs => onShare((atMs - (firstMs ??= atMs)) / lengthMs))
  }
  return { open, names: makeNames(traces.map(path => hashIn(path, readFile)).find(hash => hash)), model }
}

/** How a trace in this place calls an app or an account; `undefined` where its key is not there, or may not be read. */
function hashIn(path: string, readFile: (path: string) => string): Hash | undefined {
  for (const folder of [path, dirname(path)]) {
    try {
      const disguise = makeDisguise(Buffer.from(readFile(join(folder, KEY_FILE)).trim(), 'base64'))
      return (kind, name) => disguise.of(kind, name)
    } catch {
      continue
    }
  }
  return undefined
}

const KEY_FILE = 'trace.key'

/** @throws BadUsage */
async function filesOf(traces: readonly string[]): Promise<TraceFiles> {
  try {
    return await findTrace(traces)
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new BadUsage(`${path ?? 'the trace'} cannot be read (${code})`)
  }
}

/** So many calls of a model come at a time. */
const BATCH = 1_000

async function* batched(records: Iterable<TraceRecord>): AsyncGenerator<readonly TraceRecord[]> {
  let batch: TraceRecord[] = []
  for (const record of records) {
    batch.push(record)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  yield batch
}

/** @param look told when the first of some calls came */
async function* watched(
  batches: Batches,
  look: (atMs: number) => void,
): AsyncGenerator<readonly TraceRecord[]> {
  for await (const batch of batches) {
    if (batch[0]) look(batch[0].atMs)
    yield batch
  }
}
