/**
 * Is this file sound? Reading a damaged one can kill the reader, so a process of its own looks first (`apart.ts`): it
 * walks every table, and only what it has walked is then read by the one that serves.
 */
import { closeSync, openSync, statSync, writeSync } from 'node:fs'
import { openStore } from './store.js'

export type Verdict =
  | { readonly kind: 'sound' }
  /** It is not what was written, or was written by another version. */
  | { readonly kind: 'damaged'; readonly why: string }
  /** Nothing can be said of it: it may be sound. */
  | { readonly kind: 'unreadable'; readonly why: string }

/** The shape of the tables. A file that says another number is not ours to read. */
export const VERSION = '2'
export const META = 'meta'
export const VERSION_KEY = Buffer.from('version')

const STDOUT = 1

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
