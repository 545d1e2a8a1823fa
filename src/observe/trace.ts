/**
 * Writes the trace: a line for every call (`trace-record.ts`), in files that are closed by size and age, and then packed.
 * It never slows a call down: what the disk does not take in time is dropped, and counted.
 */
import { randomBytes } from 'node:crypto'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timer } from '../base/clock.js'
import { makeDisguise, type Disguise } from '../base/disguise.js'
import { TRACE_VERSION, traceHeaderLine, traceLine } from '../base/trace.js'
import { traceKeyIn } from '../base/trace-key.js'
import type { Seen } from '../base/types.js'
import { pack, packLeft, traceFileName, trim } from './trace-folder.js'
import { traceRecordOf } from './trace-record.js'

export interface TraceConfig {
  readonly path: string
  /** What the files may take on the disk, all together. */
  readonly maxBytes: number
}

/** A turn of affairs, told once until the next one. */
export type TraceEvent =
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'recovered'; readonly dropped: number }

export interface TraceParts {
  readonly clock: Clock
  /** One name for an account, whichever of its two was used. */
  readonly nameOf: (account: string) => string
  readonly tell: (event: TraceEvent) => void
  /** Opens a new file, for appending; a test's may break. */
  readonly openFile?: (path: string) => Promise<TraceFile>
}

export type TraceFile = Pick<FileHandle, 'write' | 'truncate' | 'close'>

export interface Trace {
  seen(seen: Seen): void
  /** Hands on what is held; resolves when it is written, or could not be. */
  flush(): Promise<void>
  /** Lines that could not be kept, since the start. */
  readonly dropped: number
  /** Hands on what is held and closes the file. Never rejects. */
  close(): Promise<void>
}

/** kill -9 loses what is held: half a second, and never more than the second that is promised. */
const LINGER_MS = 500
const BATCH_CHARS = 65_536
const MAX_HELD_BYTES = 8 * 1024 * 1024
const MAX_FILE_BYTES = 64 * 1024 * 1024
const MAX_AGE_MS = 3_600_000
/** One eighth for what is written, one for what is being packed, and the rest for all else: so the bound always holds. */
const FILES = 8

export function makeTrace({ path, maxBytes }: TraceConfig, parts: TraceParts): Trace {
  const { clock, nameOf, tell, openFile = openNew } = parts
  const fileBytes = Math.min(MAX_FILE_BYTES, Math.floor(maxBytes / FILES))
  // What is held goes into one file.
  const maxHeld = Math.min(MAX_HELD_BYTES, fileBytes)
  const run = randomBytes(4).toString('hex')
  const leaving = new AbortController()
  let disguise: Disguise | undefined
  let held: string[] = []
  let heldChars = 0
  let dropped = 0
  let droppedSince = 0
  let hasFailed = false
  let files = 0
  let file:
    | { readonly handle: TraceFile; readonly name: string; readonly openedMs: number; bytes: number }
    | undefined
  let timer: Timer | undefined
  let writing: Promise<void> | undefined
  let packing: Promise<void> = Promise.resolve()
  let isClosed = false

  try {
    disguise = makeDisguise(traceKeyIn(path))
  } catch (error) {
    failed(error)
  }

  function failed(error: unknown): void {
    if (!hasFailed) tell({ kind: 'failed', code: codeOf(error) })
    hasFailed = true
  }

  function drop(lines: number): void {
    dropped += lines
    if (hasFailed) droppedSince += lines
  }

  /** Never rejects. */
  async function writeAll(): Promise<void> {
    while (held.length > 0) {
      const lines = held
      held = []
      heldChars = 0
      try {
        await append(Buffer.from(lines.join(''), 'latin1'))
        if (hasFailed) tell({ kind: 'recovered', dropped: droppedSince })
        hasFailed = false
        droppedSince = 0
      } catch (error) {
        failed(error)
        drop(lines.length)
      }
    }
    writing = undefined
  }

  async function append(bytes: Buffer): Promise<void> {
    if (file && (file.bytes + bytes.length > fileBytes || clock.nowMs() - file.openedMs >= MAX_AGE_MS))
      await closeFile()
    file ??= await nextFile()
    await writeWhole(file, bytes)
  }

  async function nextFile() {
    await trim(path, maxBytes - 2 * fileBytes)
    const name = traceFileName(clock.wallMs(), run, ++files)
    const handle = await openFile(join(path, name))
    const opened = { handle, name, openedMs: clock.nowMs(), bytes: 0 }
    const header = traceHeaderLine({ version: TRACE_VERSION, key: disguise?.keyId ?? '' })
    try {
      await writeWhole(opened, Buffer.from(header))
    } catch (error) {
      await handle.close().catch(() => undefined)
      // A full disk still has room for any number of empty files.
      await rm(join(path, name), { force: true })
      throw error
    }
    packing = packing.then(() => packLeft(path, clock.wallMs() - 2 * MAX_AGE_MS)).catch(failed)
    return opened
  }

  async function closeFile(): Promise<void> {
    const closing = file
    file = undefined
    if (!closing) return
    await closing.handle.close()
    // What is not packed now is packed when it has lain there for two hours.
    const { signal } = leaving
    packing = packing
      .then(() => pack(join(path, closing.name), signal))
      .catch((error: unknown) => void (signal.aborted || failed(error)))
  }

  function flush(): Promise<void> {
    timer?.cancel()
    timer = undefined
    // With nothing to write it would be over before it is known to be under way, and nothing would ever be written again.
    if (disguise && held.length > 0) writing ??= writeAll()
    return writing ?? Promise.resolve()
  }

  return {
    seen(seen) {
      if (isClosed) return
      const record = disguise && traceRecordOf(seen, disguise, nameOf)
      if (!disguise) return drop(1)
      if (!record) return
      const line = traceLine(record)
      if (heldChars + line.length > maxHeld) return drop(1)
      held.push(line)
      heldChars += line.length
      if (heldChars >= BATCH_CHARS) void flush()
      else timer ??= clock.after(LINGER_MS, () => void flush())
    },
    flush,
    get dropped() {
      return dropped
    },
    async close() {
      isClosed = true
      await flush()
      leaving.abort()
      await packing
      await file?.handle.close().catch(failed)
      file = undefined
    },
  }
}

async function writeWhole(file: { readonly handle: TraceFile; bytes: number }, bytes: Buffer): Promise<void> {
  let at = 0
  try {
    while (at < bytes.length) at += (await file.handle.write(bytes, at)).bytesWritten
  } catch (error) {
    // Half a line would spoil the one that follows it.
    await file.handle.truncate(file.bytes).catch(() => undefined)
    throw error
  }
  file.bytes += bytes.length
}

function openNew(path: string): Promise<FileHandle> {
  return open(path, 'ax', 0o600)
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'no code'
}
