/** The folder of a trace: its key, the names of its files, what becomes of those that are closed, and how much it may hold. */
import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { DISGUISE_KEY_BYTES } from '../base/disguise.js'

const KEY_FILE = 'trace.key'
const FILE = /^trace-.*\.ndjson(?:\.gz)?$/
const HALF_PACKED = /^trace-.*\.ndjson\.gz\.part$/
const OWNER_ONLY = 0o600

/**
 * The key of all traces in a folder, so that files of several runs agree. Without it nobody can tell whom a hash means;
 * with it whoever knows a name can find its hash, and so it is readable by its owner alone.
 *
 * @throws where the folder cannot be made, or the key neither read nor written
 */
export function traceKeyIn(folder: string): Buffer {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, KEY_FILE)
  try {
    const key = Buffer.from(`${randomBytes(DISGUISE_KEY_BYTES).toString('base64')}\n`)
    writeFileSync(path, key, { mode: OWNER_ONLY, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const key = Buffer.from(readFileSync(path, 'latin1').trim(), 'base64')
  if (key.length !== DISGUISE_KEY_BYTES)
    throw Object.assign(new Error('not a key'), { code: 'trace.key holds no 32 bytes in base64' })
  return key
}

/** Times first, so that names sort by them. @param wallMs epoch milliseconds @param run of one process @param nth of its files */
export function traceFileName(wallMs: number, run: string, nth: number): string {
  const time = new Date(wallMs).toISOString().replace(/[-:.]/g, '')
  return `trace-${time}-${run}-${String(nth).padStart(6, '0')}.ndjson`
}

export interface FolderLimits {
  /** Of closed files together. */
  readonly closedBytes: number
  /** A plain file that nobody has written to for so long was left behind by a process that is gone. */
  readonly leftBehindMs: number
}

/**
 * Packs what another run left behind, and deletes the oldest files until the rest fits.
 *
 * @param open the name of the file that is being written
 */
export async function tidy(
  folder: string,
  open: string,
  { closedBytes, leftBehindMs }: FolderLimits,
  wallMs: number,
): Promise<void> {
  const isLeft = async (name: string) => (await stat(join(folder, name))).mtimeMs < wallMs - leftBehindMs
  const names = (await readdir(folder)).sort()
  for (const name of names) {
    if (HALF_PACKED.test(name) && (await isLeft(name))) await unlink(join(folder, name))
    const isPlain = FILE.test(name) && !name.endsWith('.gz') && name !== open
    if (isPlain && (await isLeft(name))) await pack(join(folder, name))
  }
  const closed = (await readdir(folder)).filter(name => FILE.test(name) && name !== open).sort()
  const sizes = await Promise.all(closed.map(async name => (await stat(join(folder, name))).size))
  let bytes = sizes.reduce((sum, size) => sum + size, 0)
  for (const [i, name] of closed.entries()) {
    if (bytes <= closedBytes) return
    await unlink(join(folder, name))
    bytes -= sizes[i] ?? 0
  }
}

/** A file → the same in gzip. Whoever looks meanwhile finds one of the two whole. */
export async function pack(path: string, signal?: AbortSignal): Promise<void> {
  const part = `${path}.gz.part`
  try {
    await pipeline(
      createReadStream(path),
      createGzip(),
      createWriteStream(part, { mode: OWNER_ONLY }),
      signal ? { signal } : {},
    )
  } catch (error) {
    await unlink(part).catch(() => undefined)
    throw error
  }
  await rename(part, `${path}.gz`)
  await unlink(path)
}
