import { writeSync } from 'node:fs'
import type { Clock, Timer } from '../base/clock.js'

/** Where log lines go. Handed in, so that a test can read what a user would. */
export interface LogDestination {
  /** Takes one line, its line break included. Never throws and never waits for the reader. */
  write(line: string): void
  /** Hands on what is held, and waits for a slow reader at most `atMostMs` (0: not at all), rounded up to 10. */
  flush(atMostMs: number): void
  /** Lines that were lost, since the start. */
  linesLost?(): number
}

/** Some two hundred lines: one system call for them instead of one each, and one waking of whoever reads. */
const BATCH_CHARS = 65_536
const LINGER_MS = 1000
const RETRY_MS = 50
const MAX_HELD_CHARS = 1024 * 1024
const NAP_MS = 10

/**
 * A file descriptor: lines are held until 64 KiB or a second have come together, then written synchronously. pino's
 * own destination is not used, because its `flushSync` never returns once the reader has gone (it takes EPIPE for
 * "busy"), it throws into the call on a full disk, and in its asynchronous mode the last lines die with the process.
 *
 * A reader that is too slow costs memory (1 MiB), then lines, never the calls; how many lines were lost is said in
 * the log itself.
 */
export function makeFileDestination(fd: number, clock: Clock): LogDestination {
  let held = ''
  let chunk: Buffer = Buffer.alloc(0)
  let lost = 0
  let lostEver = 0
  /** How many of the lost the current chunk owns up to. */
  let confessed = 0
  let busy = false
  let timer: Timer | undefined

  function nextChunk(): void {
    confessed = lost
    chunk = Buffer.from(lost === 0 ? held : held + confession(lost, clock.wallMs()))
    held = ''
  }

  /** Whether the reader took everything. */
  function push(): boolean {
    busy = false
    while (chunk.length > 0 || held !== '') {
      if (chunk.length === 0) nextChunk()
      try {
        chunk = chunk.subarray(writeSync(fd, chunk))
        if (chunk.length === 0) lost -= confessed
      } catch (error) {
        if (isBusy(error)) {
          busy = true
          return false
        }
        // The reader is gone or the disk is full: these lines cannot be kept, and must not be tried for ever.
        const lines = countLines(chunk) - (confessed > 0 ? 1 : 0)
        lost += lines
        lostEver += lines
        chunk = Buffer.alloc(0)
      }
    }
    return true
  }

  function ring(): void {
    timer = undefined
    if (!push()) arm(RETRY_MS)
  }

  function arm(delayMs: number): void {
    timer ??= clock.after(delayMs, ring)
  }

  return {
    write(line) {
      if (held.length + line.length > MAX_HELD_CHARS) {
        lost++
        lostEver++
        return
      }
      held += line
      if (!busy && held.length >= BATCH_CHARS) push()
      if (chunk.length > 0 || held !== '') arm(busy ? RETRY_MS : LINGER_MS)
    },
    flush(atMostMs) {
      for (let napsLeft = Math.ceil(atMostMs / NAP_MS); !push() && napsLeft > 0; napsLeft--) nap()
      if (busy) arm(RETRY_MS)
    },
    linesLost: () => lostEver,
  }
}

/** A pipe whose reader is slow says so instead of waiting, once anybody has made it non-blocking. */
function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EAGAIN' || code === 'EBUSY'
}

function confession(lines: number, wallMs: number): string {
  return `{"level":"warn","time":"${new Date(wallMs).toISOString()}","lines":${lines},"msg":"lines-lost"}\n`
}

function countLines(chunk: Buffer): number {
  let lines = 0
  for (const byte of chunk) if (byte === 0x0a) lines++
  return lines
}

/** The last lines of a process that is about to end are worth a moment in which nothing else happens. */
function nap(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS)
}
