/** The folder of a trace: the names of its files, what becomes of those that are closed, and how much it may hold. */
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

const FILE = /^trace-.*\.ndjson(?:\.gz)?$/
const PLAIN = /^trace-.*\.ndjson$/
const HALF_PACKED = /^trace-.*\.ndjson\.gz\.part$/
const OWNER_ONLY = 0o600

/** Times first, so that names sort by them. @param wallMs epoch milliseconds @param run of one process @param nth of its files */
export function traceFileName(wallMs: number, run: string, nth: number): string {
  const time = new Date(wallMs).toISOString().replace(/[-:.]/g, '')
  return `trace-${time}-${run}-${String(nth).padStart(6, '0')}.ndjson`
}

/**
 * Deletes the oldest files until the rest fits, those that are still to be packed included.
 *
 * @param maxBytes of all that lies there
 */
export async function trim(folder: string, maxBytes: number): Promise<void> {
  const names = (await readdir(folder)).filter(name => FILE.test(name)).sort()
  const sizes = await Promise.all(names.map(async name => (await look(join(folder, name)))?.size ?? 0))
  let bytes = sizes.reduce((sum, size) => sum + size, 0)
  for (const [i, name] of names.entries()) {
    if (bytes <= maxBytes) return
    await rm(join(folder, name), { force: true })
    bytes -= sizes[i] ?? 0
  }
}

/**
 * Packs what a run that is gone has left behind: what nobody has written to since then.
 *
 * @param sinceMs epoch milliseconds
 */
export async function packLeft(folder: string, sinceMs: number): Promise<void> {
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name)
    const isPlain = PLAIN.test(name)
    if (!isPlain && !HALF_PACKED.test(name)) continue
    const found = await look(path)
    if (!found || found.mtimeMs >= sinceMs) continue
    if (isPlain) await pack(path)
    else await rm(path, { force: true })
  }
}

/** `undefined`: somebody has taken it away meanwhile. */
async function look(path: string) {
  return stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
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
    await rm(part, { force: true })
    // It had to make room before its turn came.
    if (!(await look(path))) return
    throw error
  }
  // It may have had to make room meanwhile.
  if (await look(path)) await rename(part, `${path}.gz`)
  await Promise.all([part, path].map(one => rm(one, { force: true })))
}
