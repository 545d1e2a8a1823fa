/** `docusign-governor trace import`: the command line around `plan/import.ts`, and the rooms that it needs. */
import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable, Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { createGzip } from 'node:zlib'
import type { Clock } from './base/clock.js'
import { DISGUISE_KEY_BYTES, makeDisguise } from './base/disguise.js'
import { TRACE_VERSION, traceHeaderLine } from './base/trace.js'
import { traceKeyIn } from './base/trace-key.js'
import { makeIdentify } from './identify/identify.js'
import { makeRoutes } from './identify/routes.js'
import { importSummary } from './plan/import-summary.js'
import { importLog, newTally } from './plan/import.js'
import { formatOf, type Format } from './plan/logs/formats.js'
import { makeProgress } from './plan/progress.js'

export interface TraceCommandParts {
  readonly clock: Clock
  readonly say: (text: string) => void
  readonly complain: (text: string) => void
  /** Writes to where `complain` does, as it is. */
  readonly show: (text: string) => void
  readonly stdin: Readable
  readonly stdout: Writable
  /** Of the terminal that `show` writes to; 0 where it is none. */
  readonly columns: number
  /** The text of `config/docusign-routes.tsv`. */
  readonly routeTable: string
}

export type TraceOutcome = 'done' | 'bad-usage' | 'failed'

export const TRACE_USAGE = `Usage:
  docusign-governor trace import FILE… [--format FORMAT] [--out FILE] [--key FOLDER]

Makes a trace, which plan replays, of access logs: calls without tokens, ids, names or content.

  FILE             plain or gzip; - is standard input
  --format FORMAT  nginx (combined, with or without $request_time), envoy (the default format), alb (AWS), har (1.2),
                   ours (the governor's own log); or a pattern with nginx's $names or {names}, such as
                   '{time} {method} {path} {status} {bytes} {ms}'. Without it the beginning of each file is looked at
  --out FILE       where to; gzip where it ends in .gz. Without it: standard output
  --key FOLDER     where the key of the hashes (trace.key) is or is to be; without it the folder of --out, and without
                   that a key that is thrown away: plan cannot find an app by its name then
`

const MOST_TOLD = 20

interface Asked {
  readonly files: readonly string[]
  readonly format: Format | undefined
  readonly out: string | undefined
  readonly keyFolder: string | undefined
}

export async function runTrace(argv: string[], parts: TraceCommandParts): Promise<TraceOutcome> {
  const { say, complain } = parts
  const asked = askedOf(argv)
  if (asked === 'help') {
    say(TRACE_USAGE)
    return 'done'
  }
  if (typeof asked === 'string') {
    complain(`${asked}\n\n${TRACE_USAGE}`)
    return 'bad-usage'
  }
  const sizes: number[] = []
  for (const file of asked.files) {
    const size = file === '-' ? NaN : await sizeOf(file)
    if (typeof size === 'string') {
      complain(`${file}: ${size}`)
      return 'bad-usage'
    }
    sizes.push(size)
  }
  return importAll(asked, sizes, parts)
}

function askedOf(argv: string[]): Asked | string {
  let parsed
  try {
    parsed = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        format: { type: 'string', short: 'f' },
        out: { type: 'string', short: 'o' },
        key: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    return (error as Error).message
  }
  const { values, positionals } = parsed
  const [verb, ...files] = positionals
  if (values.help) return 'help'
  if (verb !== 'import')
    return verb === undefined ? 'trace what? import' : `there is no "trace ${verb}": import`
  if (files.length === 0) return 'which log? - is standard input'
  const format = values.format === undefined ? undefined : formatOf(values.format)
  if (typeof format === 'string') return `--format: ${format}`
  const keyFolder = values.key ?? (values.out === undefined ? undefined : dirname(values.out))
  return { files, format, out: values.out, keyFolder }
}

async function sizeOf(file: string): Promise<number | string> {
  try {
    const found = await stat(file)
    return found.isDirectory() ? 'is a folder: name the files' : found.size
  } catch (error) {
    return `cannot be read (${codeOf(error)})`
  }
}

async function importAll(
  { files, format, out, keyFolder }: Asked,
  sizes: readonly number[],
  { clock, complain, show, stdin, stdout, columns, routeTable }: TraceCommandParts,
): Promise<TraceOutcome> {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const progress = makeProgress({
    title: 'reading',
    total: Number.isNaN(total) ? undefined : total,
    nowMs: () => clock.nowMs(),
    write: show,
    columns,
  })
  const tally = newTally()
  const unknown: string[] = []
  let bytes = 0

  async function* lines(key: Buffer): AsyncGenerator<string> {
    const disguise = makeDisguise(key)
    const identify = makeIdentify({ apps: [], isOurs: () => true }, makeRoutes(routeTable))
    yield traceHeaderLine({ version: TRACE_VERSION, key: disguise.keyId })
    for (const file of files) {
      const source: AsyncIterable<Uint8Array> = file === '-' ? stdin : createReadStream(file)
      const onBytes = (more: number) => progress.at((bytes += more))
      const onFault = (line: number, message: string) => {
        progress.end()
        if (tally.faults <= MOST_TOLD) complain(`${file}:${line}: ${message}`)
      }
      for await (const text of importLog(source, format, { identify, disguise, onBytes, onFault }, tally)) {
        if (text === undefined) unknown.push(file)
        else if (text !== '') yield text
      }
    }
  }

  try {
    const key = keyFolder === undefined ? randomBytes(DISGUISE_KEY_BYTES) : traceKeyIn(keyFolder)
    if (out !== undefined) await writeTo(out, lines(key))
    else {
      await pipeline(Readable.from(lines(key)), asIs(), stdout, { end: false })
      // A process that ends takes with it what its reader has not taken yet.
      await new Promise<void>(resolve => stdout.write('', () => resolve()))
    }
  } catch (error) {
    progress.end()
    complain(`The trace could not be written (${codeOf(error)}).`)
    return 'failed'
  }
  progress.end()
  if (tally.faults > MOST_TOLD) complain(`… and ${tally.faults - MOST_TOLD} more that could not be used.`)
  for (const file of unknown) complain(`${file}: no format that is known; say which with --format`)
  complain(importSummary(tally))
  return tally.calls > 0 ? 'done' : 'failed'
}

/** Under its name it is there when it is whole. */
async function writeTo(out: string, lines: AsyncIterable<string>): Promise<void> {
  const part = `${out}.part`
  const sink = createWriteStream(part, { mode: 0o600 })
  try {
    await pipeline(Readable.from(lines), out.endsWith('.gz') ? createGzip() : asIs(), sink)
    await rename(part, out)
  } catch (error) {
    await unlink(part).catch(() => undefined)
    throw error
  }
}

function asIs(): Transform {
  return new Transform({ transform: (chunk: Buffer, _encoding, done) => done(null, chunk) })
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'no code'
}
