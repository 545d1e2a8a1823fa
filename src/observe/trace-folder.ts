/** The folder of a trace: the names of its files, what becomes of those that are closed, and how much it may hold. */
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

const FILE = /^trace-.*\.ndjson(?:\.gz)?$/
const HALF_PACKED = /^trace-.*\.ndjson\.gz\.part$/
const OWNER_ONLY = 0o600

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
