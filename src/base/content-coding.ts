/** A body that was coded for its way → the body. For answers that are read, never for those that pass. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

/**
 * Never throws, and never makes more than `maxBytes` of a small body.
 *
 * @param encoding the answer's `Content-Encoding`; '' without one
 * @returns `undefined` where the coding is unknown, the bytes are not of it, or they are more than `maxBytes`
 */
export function decoded(body: Buffer, encoding: string, maxBytes: number): Buffer | undefined {
  const bound = { maxOutputLength: maxBytes }
  try {
    switch (encoding.trim().toLowerCase()) {
      case '':
      case 'identity':
        return body.length <= maxBytes ? body : undefined
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(body, bound)
      case 'deflate':
        return inflateSync(body, bound)
      case 'br':
        return brotliDecompressSync(body, bound)
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}
