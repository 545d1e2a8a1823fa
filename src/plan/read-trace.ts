/**
 * Traces as a stream of calls, in the order in which they came. Files and folders, plain or gzip; what is damaged is told
 * by file and line, and the rest is used.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TRACE_VERSION } from '../base/trace.js'
import { linesOf, piecesOf } from './lines.js'
import { HELD_BACK_MS, inOrder, merged, type Batches } from './order.js'
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
  readonly series: readonly Series[]
  /** As they lie on the disk. */
  readonly bytes: number
}

/** Files of one writer, in the order in which he wrote them. */
export interface Series {
  readonly files: readonly string[]
  /** When the first was begun, where its name says so; epoch milliseconds. */
  readonly fromMs: number
}

const TRACE_FILE = /\.ndjson(?:\.gz)?$/
/** As the governor names them: `trace-20261125T130000000Z-RUN-000001.ndjson`. */
const OWN_NAME = /^trace-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-([0-9a-f]+)-\d+\./

/**
 * @param paths files, or folders of them: of a folder those named `*.ndjson` or `*.ndjson.gz`
 * @throws where one is not there, or cannot be looked at
 */
export async function findTrace(paths: readonly string[]): Promise<TraceFiles> {
  const series: Series[] = []
  let bytes = 0
  for (const path of paths) {
    const found = (await stat(path)).isDirectory()
      ? await seriesIn(path)
      : [{ files: [path], fromMs: -Infinity }]
    for (const { files } of found) for (const file of files) bytes += (await stat(file)).size
    series.push(...found)
  }
  return { series, bytes }
}

async function seriesIn(folder: string): Promise<Series[]> {
  const names = new Set((await readdir(folder)).filter(name => TRACE_FILE.test(name)))
  const found = new Map<string, { readonly files: string[]; readonly fromMs: number }>()
  for (const name of [...names].sort()) {
    // Where a governor died just after it had compressed a file, it is there twice.
    if (names.has(`${name}.gz`)) continue
    const [, year, month, day, hour, minute, second, millis, run] = OWN_NAME.exec(name) ?? []
    const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millis}Z`)
    // Its first call came before the file was there to hold it.
    const fromMs = Number.isNaN(time) ? -Infinity : time - HELD_BACK_MS
    const one = found.get(run ?? name) ?? { files: [], fromMs }
    found.set(run ?? name, one)
    one.files.push(join(folder, name))
  }
  return [...found.values()]
}

/**
 * Every call once, by the time it came. A trace is written in the order in which calls end, so each is held back until
 * none that came earlier can follow (`order.ts`); memory is bounded by that time, not by the trace. Several series are
 * several nodes' of one time, or one node's one after the other: they come as one.
 */
export function readTrace({ series }: TraceFiles, parts: ReadTraceParts): Batches {
  const keys: Keys = { first: undefined }
  return merged(
    series.map(({ files, fromMs }) => ({ fromMs, open: () => inOrder(readFiles(files, keys, parts)) })),
  )
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
    let broken = ''
    const onBroken = (message: string) => void (broken = message)
    for await (const lines of linesOf(piecesOf(createReadStream(file), { onBroken, onBytes }))) {
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
    if (broken !== '') fault(broken)
    else if (number === 0) fault('is empty', 0)
  }
}

const TOO_LONG = { kind: 'fault', message: 'is longer than any line of a trace' } as const
const PASSED = 'what follows is passed over, up to the next header'
const OTHER_KEY = 'was made with another key than what was read before: whom they both name cannot be told'
