import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Answer } from './answer.js'
import { BAD_BODY, EMPTY } from './answer.js'
import type { Given } from './given.js'
import { asGiven } from './given.js'

/** What came with a request. */
export interface Upload {
  readonly kind: 'upload'
  /** The JSON object of the body, or of its first JSON part; empty without one. */
  readonly given: Given
  /** Files of a multipart body, by document id. */
  readonly files: ReadonlyMap<string, Buffer>
  readonly bytes: Buffer
}

export const NO_UPLOAD: Upload = { kind: 'upload', given: {}, files: new Map(), bytes: Buffer.alloc(0) }

/** Facts 1.6 gives the limit and nothing about the answer beyond it; an empty 413 promises the least. */
const TOO_LARGE: Answer = { status: 413, body: EMPTY }

/** Reads a body of at most `maxBytes`; an `Answer` is what it gets instead of being heard. */
export async function receive(req: IncomingMessage, maxBytes: number): Promise<Upload | Answer> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return TOO_LARGE
  const bytes = await readAll(req, maxBytes)
  if (bytes === undefined) return TOO_LARGE
  const type = req.headers['content-type'] ?? ''
  if (/^multipart\//i.test(type)) return readParts(bytes, type)
  if (bytes.length === 0) return NO_UPLOAD
  // A document may be sent as its bare bytes (facts 1.6), which are no JSON and need not be.
  if (!/json/i.test(type) && type !== '') return { ...NO_UPLOAD, bytes }
  const given = parse(bytes)
  return given ? { kind: 'upload', given, files: new Map(), bytes } : BAD_BODY
}

/**
 * All bytes; undefined when there are more than `maxBytes`, which are heard out and dropped, because a client that is
 * cut off while it writes never reads why. Rejects when the caller leaves in between.
 */
export async function readAll(req: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= maxBytes) chunks.push(chunk)
    else chunks.length = 0
  }
  if (length > maxBytes) return undefined
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)
}

function parse(bytes: Buffer): Given | undefined {
  try {
    return asGiven(JSON.parse(bytes.toString('utf8')))
  } catch {
    return undefined
  }
}

const HEAD_END = Buffer.from('\r\n\r\n')

function readParts(bytes: Buffer, type: string): Upload | Answer {
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1]
  if (!boundary) return BAD_BODY
  const mark = Buffer.from(`--${boundary}`)
  const files = new Map<string, Buffer>()
  let given: Given | undefined
  let at = bytes.indexOf(mark)
  while (at !== -1) {
    const start = at + mark.length
    const next = bytes.indexOf(mark, start)
    if (next === -1) break
    // Each part is CRLF, head, empty line, content, CRLF.
    const headEnd = bytes.indexOf(HEAD_END, start)
    if (headEnd === -1 || headEnd > next) return BAD_BODY
    const head = bytes.subarray(start, headEnd).toString('utf8')
    const content = bytes.subarray(headEnd + HEAD_END.length, next - 2)
    const documentId = /documentid="?([^";\s]+)"?/i.exec(head)?.[1]
    if (documentId !== undefined) {
      const isBase64 = /content-transfer-encoding:\s*base64/i.test(head)
      files.set(documentId, isBase64 ? Buffer.from(content.toString('latin1'), 'base64') : content)
    } else {
      given ??= parse(content)
    }
    at = next
  }
  return given ? { kind: 'upload', given, files, bytes } : BAD_BODY
}

/** `Content-Transfer-Encoding: base64`, which asks for a document in base64 and says that one is (facts 6.5). */
export function isBase64(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['content-transfer-encoding']
  return typeof encoding === 'string' && encoding.toLowerCase() === 'base64'
}
