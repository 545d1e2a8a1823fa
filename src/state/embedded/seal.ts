/**
 * A copy as it lies in its file: a version, a salt, and head and body in chunks of 64 KiB, each sealed by AES-256-GCM with
 * its number and whether it is the last in the nonce (the STREAM construction: Hoang, Reyhanitabar, Rogaway and Vizár,
 * CRYPTO 2015). So no chunk can be changed, moved, left out or cut off unnoticed. Each file has a key of its own, made from
 * the operator's, the salt, the copy's id and the size of its head: the file of another copy, or of another time, is no file
 * of this one. As no two files share a key, the numbers of chunks are nonces enough.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { Damaged } from './store.js'

export const CHUNK_BYTES = 65_536
export const SALT_BYTES = 16
const TAG_BYTES = 16
const KEY_BYTES = 32
const CIPHER = 'aes-256-gcm'
const VERSION = 1

export interface Seal {
  /** @returns the chunk as it lies in the file, what stands before it included */
  seal(chunk: number, plain: Buffer, isLast: boolean): Buffer
  /** @throws Damaged where it is not what `seal` returned for this chunk of this copy */
  unseal(chunk: number, sealed: Buffer, isLast: boolean): Buffer
}

export interface Place {
  readonly startBytes: number
  readonly bytes: number
  readonly isLast: boolean
}

/** @param master 32 bytes @param salt never used before, 16 bytes */
export function makeSeal(master: Buffer, salt: Buffer, id: string, headBytes: number): Seal {
  const info = `docusign-governor copy ${VERSION} ${headBytes} ${id}`
  const key = Buffer.from(hkdfSync('sha256', master, salt, info, KEY_BYTES))
  const preface = Buffer.concat([Buffer.of(VERSION), salt])
  return {
    seal(chunk, plain, isLast) {
      const cipher = createCipheriv(CIPHER, key, nonceOf(chunk, isLast))
      const sealed = [cipher.update(plain), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat(chunk === 0 ? [preface, ...sealed] : sealed)
    },
    unseal(chunk, sealed, isLast) {
      const start = chunk === 0 ? preface.length : 0
      const end = sealed.length - TAG_BYTES
      if (end < start || (start > 0 && !sealed.subarray(0, start).equals(preface)))
        throw new Damaged('a copy begins as another one')
      const decipher = createDecipheriv(CIPHER, key, nonceOf(chunk, isLast), { authTagLength: TAG_BYTES })
      decipher.setAuthTag(sealed.subarray(end))
      const plain = decipher.update(sealed.subarray(start, end))
      try {
        decipher.final()
      } catch {
        throw new Damaged('a copy is not as it was written')
      }
      return plain
    },
  }
}

/** Where a chunk lies in the file of a copy. @param copyBytes head and body */
export function placeOf(chunk: number, copyBytes: number): Place {
  const last = Math.max(0, Math.ceil(copyBytes / CHUNK_BYTES) - 1)
  const prefaceBytes = 1 + SALT_BYTES
  const plainBytes = chunk < last ? CHUNK_BYTES : copyBytes - last * CHUNK_BYTES
  return {
    startBytes: chunk === 0 ? 0 : prefaceBytes + chunk * (CHUNK_BYTES + TAG_BYTES),
    bytes: plainBytes + TAG_BYTES + (chunk === 0 ? prefaceBytes : 0),
    isLast: chunk === last,
  }
}

/** Tells whether a key is the one of the run before, and nothing else of it. */
export function markOf(master: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', master, '', 'docusign-governor which key', SALT_BYTES))
}

function nonceOf(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(chunk, 7)
  nonce[11] = isLast ? 1 : 0
  return nonce
}
