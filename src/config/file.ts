import { closeSync, openSync, readSync } from 'node:fs'

/** A settings file beyond this is a mistake, and the YAML parser would take seconds over it. */
const MAX_BYTES = 1_048_576
const CHUNK_BYTES = 16_384

export type FileText =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'unreadable'; readonly message: string }

/** The text of a UTF-8 file (a byte order mark is dropped), at most 1 MiB of it. Never throws. */
export function readSettingsFile(path: string): FileText {
  const bytes = readBounded(path)
  if (typeof bytes === 'string') return { kind: 'unreadable', message: bytes }
  if (bytes.length > MAX_BYTES) return { kind: 'unreadable', message: `is larger than ${MAX_BYTES} bytes` }
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { kind: 'unreadable', message: 'is not UTF-8 text' }
  }
}

/** The file, or its beginning if it is larger than MAX_BYTES, or what is wrong. Bounded by what is read and not by stat, because a pipe has no size. */
function readBounded(path: string): Buffer | string {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const chunks: Buffer[] = []
    for (let length = 0; length <= MAX_BYTES;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const read = readSync(descriptor, chunk, 0, CHUNK_BYTES, null)
      if (read === 0) break
      chunks.push(chunk.subarray(0, read))
      length += read
    }
    return Buffer.concat(chunks)
  } catch (error) {
    return whyUnreadable(error)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EISDIR') return 'is a directory'
  return `cannot be read (${code})`
}
