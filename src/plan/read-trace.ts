/**
 * Traces as a stream of calls, in the order in which they came. Files and folders, plain or gzip; what is damaged is told
 * by file and line, and the rest is used.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TRACE_VERSION } from '../base/trace.js'
import { linesOf } from './lines.js'
import { inOrder, merged } from './order.js'
import { readTraceLine, type TraceRecord } from './record.js'

/** Something that could not be used. */
export interface TraceFault {
  readonly file: string
  /** From 1; 0 where it is the file as a whole. */
  readonly line: number
  readonly message: string
}

export interface ReadTraceParts {
  readonly onFault: (fault: TraceFault) => void
  /** How many more bytes were read, of files as they lie on the disk. */
  readonly onBytes?: (bytes: number) => void
}

/** What there is to read. */
export interface TraceFiles {
  /** One for each path that was given: its files, in the order in which they were written. */
  readonly series: readonly (readonly string[])[]
  /** As they lie on the disk. */
  readonly bytes: number
}

const TRACE_FILE = /\.ndjson(?:\.gz)?$/

/**
 * @param paths files, or folders of them: of a folder those named `*.ndjson` or `*.ndjson.gz`, by name, which is by time
 * for those that the governor wrote
 * @throws where one is not there, or cannot be looked at
 */
export async function findTrace(paths: readonly string[]): Promise<TraceFiles> {
  const series: string[][] = []
  let bytes = 0
  for (const path of paths) {
    const files = (await stat(path)).isDirectory() ? await filesIn(path) : [path]
    for (const file of files) bytes += (await stat(file)).size
    series.push(files)
  }
  return { series, bytes }
}

async function filesIn(folder: string): Promise<string[]> {
  const names = new Set((await readdir(folder)).filter(name => TRACE_FILE.test(name)))
  // Where a governor died just after it had compressed a file, it is there twice.
  const once = [...names].filter(name => !names.has(`${name}.gz`))
  return once.sort().map(name => join(folder, name))
}

/**
 * Every call once, by the time it came. A trace is written in the order in which calls end, so each is held back until
 * none that came earlier can follow (`order.ts`); memory is bounded by that time, not by the trace. Several series are
 * several nodes' of one time, or one node's one after the other: they come as one.
 */
export function readTrace({ series }: TraceFiles, parts: ReadTraceParts): AsyncIterable<TraceRecord> {
  const keys: Keys = { first: undefined }
  return merged(series.map(files => inOrder(readFiles(files, keys, parts))))
}

/** The key that all hashes should have been made with. */
interface Keys {
  first: string | undefined
}

async function* readFiles(
  files: readonly string[],
  keys: Keys,
  { onFault, onBytes }: ReadTraceParts,
): AsyncGenerator<readonly TraceRecord[]> {
  for (const file of files) {
    let version: number | undefined
    let number = 0
    const fault = (message: string, line = number) => onFault({ file, line, message })
    const broken = (message: string) => fault(message, number + 1)
    for await (const lines of linesOf(createReadStream(file), { onBroken: broken, onBytes })) {
      const records: TraceRecord[] = []
      for (const text of lines) {
        number++
        if (text === '') continue
        const line = text === undefined ? TOO_LONG : readTraceLine(text)
        if (line.kind === 'fault') fault(line.message)
        else if (line.kind === 'header') {
          version = line.header.version
          keys.first ??= line.header.key
          if (version !== TRACE_VERSION)
            fault(`is of version ${version}, and this reads ${TRACE_VERSION}: ${PASSED}`)
          if (keys.first !== line.header.key) fault(OTHER_KEY)
        } else if (version === TRACE_VERSION) records.push(line.record)
        else if (version === undefined) fault('has no header before it that says its version')
      }
      if (records.length > 0) yield records
    }
    if (number === 0) fault('is empty', 0)
  }
}

const TOO_LONG = { kind: 'fault', message: 'is longer than any line of a trace' } as const
const PASSED = 'what follows is passed over, up to the next header'
const OTHER_KEY = 'was made with another key than what was read before: whom they both name cannot be told'
