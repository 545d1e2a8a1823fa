/** The strong ETag of a copy: made of what it is, so that every run and every node gives the same copy the same one. */
import { createHash } from 'node:crypto'

/** 96 bits: chosen collisions are of no use to anyone but their maker, and chance ones are not to be met with. */
const ETAG_CHARS = 16

export interface EtagMaker {
  /** The body as it is sent, codings included, in order. */
  update(chunk: Buffer): void
  /** `"…"`, once. */
  etag(): string
}

/**
 * Of the body, and of the two lines that say how it is to be read: the same bytes as gzip and as they are, are two
 * representations (RFC 9110, 8.8.1).
 *
 * @param lines the copy's `[name, value, …]`
 */
export function makeEtag(lines: readonly string[]): EtagMaker {
  const hash = createHash('sha256')
  hash.update(`${valueOf(lines, 'content-type') ?? ''}\0${valueOf(lines, 'content-encoding') ?? ''}\0`)
  return {
    update: chunk => void hash.update(chunk),
    etag: () => `"${hash.digest('base64url').slice(0, ETAG_CHARS)}"`,
  }
}

/** The first line of this name (lower case), else `undefined`. */
export function valueOf(lines: readonly string[], name: string): string | undefined {
  for (let i = 0; i < lines.length; i += 2) {
    const line = lines[i] as string
    if (line.length === name.length && line.toLowerCase() === name) return lines[i + 1]
  }
  return undefined
}
