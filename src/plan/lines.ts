/** A stream of bytes, plain or gzip → its lines, some at a time. */
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** Longer than any line that is of use: what comes without a line break must not fill the memory. */
export const MAX_LINE_CHARS = 1024 * 1024
const GZIP = [0x1f, 0x8b]
/** Of what is unpacked at a time: each piece is a way to another thread and back, which costs more than to unpack 16 KB. */
const PIECE_BYTES = 256 * 1024
/** Of what is text at a time: twice as much is a large object to V8, and those are swept only with the whole heap. */
const TEXT_BYTES = 64 * 1024

export interface LinesParts {
  /** The rest could not be read, and why: said once, after the lines that could. */
  readonly onBroken: (message: string) => void
  /** How many more bytes were read, as they came. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** The text, piece by piece; what cannot be read any more is said, and ends it. Never throws. */
export async function* piecesOf(
  source: AsyncIterable<Uint8Array>,
  { onBroken, onBytes }: LinesParts,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  try {
    for await (const bytes of await plainOf(counted(source, onBytes))) {
      for (let at = 0; at < bytes.length; at += TEXT_BYTES)
        yield decoder.decode(bytes.subarray(at, at + TEXT_BYTES), { stream: true })
    }
  } catch (error) {
    return onBroken(brokenBy(error))
  }
  yield decoder.decode()
}

/** @returns lines without their ends; `undefined` for one that is too long */
export async function* linesOf(
  pieces: AsyncIterable<string>,
): AsyncGenerator<readonly (string | undefined)[]> {
  let rest = ''
  let isLong = false
  for await (const piece of pieces) {
    const parts = (rest + piece).split('\n')
    rest = parts.pop() ?? ''
    const lines = parts.map(line => (line.length > MAX_LINE_CHARS ? undefined : withoutReturn(line)))
    if (isLong && lines.length > 0) {
      // Its end has come at last.
      lines[0] = undefined
      isLong = false
    }
    if (rest.length > MAX_LINE_CHARS) {
      rest = ''
      isLong = true
    }
    if (lines.length > 0) yield lines
  }
  if (isLong) yield [undefined]
  else if (rest !== '') yield [withoutReturn(rest)]
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onBytes: LinesParts['onBytes'],
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    onBytes?.(piece.length)
    yield piece
  }
}

/** gzip is known by its first two bytes, whatever the file is called. */
async function plainOf(pieces: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  let head = new Uint8Array(0)
  while (head.length < GZIP.length) {
    const next = await pieces.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const isGzip = GZIP.every((byte, i) => head[i] === byte)
  const all = chained(head, pieces)
  return isGzip ? gunzipped(all) : all
}

async function* chained(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head
  yield* rest
}

/** No `pipeline`, which ends both at once: what was read before a fault is to come out before it. */
async function* gunzipped(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES })
  const source = Readable.from(pieces)
  source.on('error', error => gunzip.destroy(error))
  source.pipe(gunzip)
  try {
    yield* gunzip as AsyncIterable<Uint8Array>
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

function brokenBy(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'Z_BUF_ERROR') return 'the gzip ends here before its end: the rest is lost'
  if (code?.startsWith('Z_')) return 'the gzip is damaged here: the rest is lost'
  return `the file cannot be read any further (${code ?? 'no code'})`
}
