/**
 * What stands in Redis instead of a key: a keyed hash, which says nothing to who has not the operator's key, and is no key
 * to try guesses on (an account's number has but eight digits). Whoever has no key set gets a hash without one.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { makeStore } from '../../base/store.js'

export interface Names {
  /** 22 characters of base64url. */
  of(key: string): string
  /** A short text, so that only nodes with the same key read it, and only where it belongs. @param place a key */
  seal(text: string, place: string): string
  /** `undefined` where it was sealed with another key, or for another place. */
  unseal(sealed: string, place: string): string | undefined
}

const CHARS = 22
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'
/** Those used last need no second hash: some 150 bytes each. */
const MAX_KNOWN = 50_000

/** @param master 32 bytes; `undefined` where the operator gave none */
export function makeNames(master: Buffer | undefined): Names {
  const derived = (what: string) =>
    Buffer.from(hkdfSync('sha256', master ?? Buffer.alloc(0), '', `docusign-governor ${what}`, KEY_BYTES))
  const naming = derived('names in redis')
  const sealing = derived('texts in redis')
  const known = makeStore<{ readonly name: string }>(MAX_KNOWN)

  return {
    of(key) {
      const before = known.get(key)
      if (before) return before.name
      const name = createHmac('sha256', naming).update(key).digest('base64url').slice(0, CHARS)
      known.set(key, { name })
      return name
    },
    seal(text, place) {
      if (!master) return text
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, sealing, nonce).setAAD(Buffer.from(place))
      const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat(sealed).toString('base64url')
    },
    unseal(sealed, place) {
      if (!master) return sealed
      const bytes = Buffer.from(sealed, 'base64url')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      const decipher = createDecipheriv(CIPHER, sealing, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-TAG_BYTES))
      try {
        const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
        return Buffer.concat([text, decipher.final()]).toString('utf8')
      } catch {
        return undefined
      }
    },
  }
}
