import type { IncomingHttpHeaders } from 'node:http'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { Answer } from './answer.js'
import { isBase64 } from './upload.js'
import { toXml } from './xml.js'

/** An answer as bytes, in the words its caller asked for. */
export interface Representation {
  readonly headers: Readonly<Record<string, string>>
  readonly length: number
  chunks(): Iterable<Buffer>
}

const compress = promisify(gzip)
const COMPRESS_FROM_BYTES = 1024
/** A multiple of three, so that every piece but the last one is base64 without padding. */
const BASE64_PIECE_BYTES = 48 * 1024

export async function represent(
  { body }: Answer,
  asked: IncomingHttpHeaders,
  mayCompress: boolean,
): Promise<Representation> {
  switch (body.kind) {
    case 'empty':
      return { headers: {}, length: 0, chunks: () => [] }
    case 'text':
      return whole(Buffer.from(body.text), { 'Content-Type': body.type })
    case 'file': {
      if (!isBase64(asked)) {
        return { headers: { 'Content-Type': body.type }, length: body.length, chunks: () => body.chunks() }
      }
      return {
        headers: { 'Content-Type': body.type, 'Content-Transfer-Encoding': 'base64' },
        length: Math.ceil(body.length / 3) * 4,
        chunks: () => toBase64(body.chunks()),
      }
    }
    case 'data': {
      const isXml = /\bxml\b/i.test(asked.accept ?? '') && !/json/i.test(asked.accept ?? '')
      const text = isXml ? toXml(body.value, body.root) : JSON.stringify(body.value)
      const bytes = Buffer.from(text)
      const headers = {
        'Content-Type': `application/${isXml ? 'xml' : 'json'}; charset=utf-8`,
        Vary: 'Accept-Encoding',
      }
      const wanted = asked['accept-encoding']
      const takesGzip = typeof wanted === 'string' && /\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))/i.test(wanted)
      if (!mayCompress || !takesGzip || bytes.length <= COMPRESS_FROM_BYTES) return whole(bytes, headers)
      const smaller = await compress(bytes, { level: constants.Z_BEST_SPEED })
      return whole(smaller, { ...headers, 'Content-Encoding': 'gzip' })
    }
  }
}

function whole(bytes: Buffer, headers: Record<string, string>): Representation {
  return { headers, length: bytes.length, chunks: () => [bytes] }
}

function* toBase64(chunks: Iterable<Buffer>): Iterable<Buffer> {
  let rest = Buffer.alloc(0)
  for (const chunk of chunks) {
    let at = 0
    const joined = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    for (; joined.length - at >= BASE64_PIECE_BYTES; at += BASE64_PIECE_BYTES) {
      yield Buffer.from(joined.subarray(at, at + BASE64_PIECE_BYTES).toString('base64'))
    }
    rest = Buffer.from(joined.subarray(at))
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'))
}
