/**
 * Is this file sound? Reading a damaged one can kill the reader, so a process of its own looks first: it walks
 * every table, and only what it has walked is then read here.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, statSync, writeSync } from 'node:fs'
import { openStore } from './store.js'

export type Verdict =
  | { readonly kind: 'sound' }
  /** It is not what was written, or was written by another version. */
  | { readonly kind: 'damaged'; readonly why: string }
  /** Nothing can be said of it: it may be sound. */
  | { readonly kind: 'unreadable'; readonly why: string }

/** The shape of the tables. A file that says another number is not ours to read. */
export const VERSION = '1'
export const META = 'meta'
export const VERSION_KEY = Buffer.from('version')

/** What a process dies of that read a damaged file. Any other signal came from outside, and says nothing of the file. */
const FATAL: readonly string[] = ['SIGBUS', 'SIGSEGV', 'SIGABRT', 'SIGILL', 'SIGFPE', 'SIGTRAP']
const PATIENCE_MS = 60_000
const STDOUT = 1

/** Takes some 0.1 s, and blocks: only at the start. @param execPath the program of Node itself */
export function inspectApart(execPath: string, path: string): Verdict {
  const program = `import { inspect } from ${JSON.stringify(import.meta.url)}\ninspect(${JSON.stringify(path)})`
  const child = spawnSync(execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
    // What the operator tells Node of this process (a debugger's port, an agent to load) is not meant for that one.
    env: {},
  })
  const verdict = child.stdout?.split('\n')[0] ?? ''
  if (verdict !== '' && child.status === 0) return JSON.parse(verdict) as Verdict
  if (child.signal !== null && FATAL.includes(child.signal))
    return { kind: 'damaged', why: `its reader died (${child.signal})` }
  const why = child.error?.message ?? child.signal ?? lastLine(child.stderr)
  return { kind: 'unreadable', why: `it could not be inspected (${why})` }
}

/** Runs in the process of its own. */
export function inspect(path: string): void {
  writeSync(STDOUT, `${JSON.stringify(judge(path))}\n`)
}

function judge(path: string): Verdict {
  try {
    if (!statSync(path).isFile()) return { kind: 'damaged', why: 'it is no file' }
    closeSync(openSync(path, 'r'))
  } catch (error) {
    return { kind: 'unreadable', why: (error as Error).message }
  }
  try {
    const store = openStore(path, { readOnly: true, fsync: false })
    const version = store.table(META).get(VERSION_KEY)?.toString('utf8')
    if (version !== VERSION)
      return { kind: 'damaged', why: `its version is ${version ?? 'missing'}, ours is ${VERSION}` }
    for (const name of store.names()) store.table(name).each(() => undefined)
    return { kind: 'sound' }
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    // A number of the operating system's own: no room, no right, no memory. LMDB's are negative, ours have none.
    const isOutside = typeof code === 'number' && code > 0 && !DAMAGE_CODES.has(code)
    return { kind: isOutside ? 'unreadable' : 'damaged', why: message }
  }
}

/** EINVAL and EIO are how a file that is no LMDB file, or ends too early, is told. */
const DAMAGE_CODES: ReadonlySet<number> = new Set([5, 22])

function lastLine(text: string | null): string {
  return text?.trimEnd().split('\n').at(-1) ?? 'no answer'
}
