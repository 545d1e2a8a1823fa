/** A copy on its way out of its file: nothing is handed on that was not verified. */
import { Readable } from 'node:stream'
import type { Withdrawal } from '../../base/vault.js'
import type { Shelved } from './catalogue.js'
import { CHUNK_BYTES, placeOf, type Seal } from './seal.js'
import type { OpenFile } from './shelf.js'
import { Damaged } from './store.js'

/**
 * Reads and verifies the head. Rejects where the file cannot be read, or is not what was written.
 *
 * @param damaged called where that shows only later, in the body
 */
export async function openCopy(
  file: OpenFile,
  { headBytes, bodyBytes }: Shelved,
  seal: Seal,
  damaged: () => void,
): Promise<Withdrawal> {
  const copyBytes = headBytes + bodyBytes
  /** The last chunk of the head is the first of the body, as a rule: a small copy is read once. */
  let last: { readonly chunk: number; readonly plain: Buffer } | undefined
  let closing: Promise<void> | undefined
  const close = () => void (closing ??= file.close())

  async function read(chunk: number): Promise<Buffer> {
    if (last?.chunk === chunk) return last.plain
    const { startBytes, bytes, isLast } = placeOf(chunk, copyBytes)
    const sealed = Buffer.allocUnsafeSlow(bytes)
    if ((await file.read(sealed, startBytes)) < bytes) throw new Damaged('a copy ends too early')
    return seal.unseal(chunk, sealed, isLast)
  }

  async function readHead(): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let chunk = 0; chunk * CHUNK_BYTES < Math.max(headBytes, 1); chunk++) {
      last = { chunk, plain: await read(chunk) }
      parts.push(last.plain)
    }
    return Buffer.concat(parts).subarray(0, headBytes)
  }

  const head = await readHead().catch((error: unknown) => {
    close()
    throw error
  })
  if (copyBytes <= CHUNK_BYTES) close()

  return {
    head,
    body({ start, end } = { start: 0, end: bodyBytes }) {
      const until = headBytes + Math.min(end, bodyBytes)
      let at = headBytes + start
      return new Readable({
        highWaterMark: CHUNK_BYTES,
        read() {
          if (at >= until) {
            this.push(null)
            return
          }
          const chunk = Math.floor(at / CHUNK_BYTES)
          const startBytes = chunk * CHUNK_BYTES
          read(chunk).then(
            plain => {
              const piece = plain.subarray(at - startBytes, until - startBytes)
              at += piece.length
              this.push(piece)
            },
            (error: Error) => {
              if (!closing) damaged()
              this.destroy(error)
            },
          )
        },
        destroy(error, done) {
          close()
          done(error)
        },
      })
    },
    close,
  }
}
