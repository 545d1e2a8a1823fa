/** What a trace calls somebody or something: a keyed hash, the same for the same under one key, and nothing without it. */
import { createHmac } from 'node:crypto'
import { makeStore } from './store.js'

export const DISGUISE_KEY_BYTES = 32
/** 72 bits: that two of a hundred million names share one has a chance of one in a million. */
const HASH_CHARS = 12
const MAX_REMEMBERED = 10_000

export type DisguiseKind =
  'app' | 'integration' | 'account' | 'envelope' | 'resource' | 'representation' | 'viewer'

export interface Disguise {
  /** Names the key without saying anything about it. */
  readonly keyId: string
  /** HMAC-SHA256 of kind and name. '' stays ''. @returns 12 characters, base64url */
  of(kind: DisguiseKind, name: string): string
}

/** @param key 32 bytes */
export function makeDisguise(key: Buffer): Disguise {
  const hashed = (text: string) =>
    createHmac('sha256', key).update(text).digest('base64url').slice(0, HASH_CHARS)
  // Few apps, accounts and viewers make most calls, and a hash costs ten times as much as to look it up (measured).
  const remembered = makeStore<{ readonly hash: string }>(MAX_REMEMBERED)

  return {
    keyId: hashed('key'),
    of(kind, name) {
      if (name === '') return ''
      const text = `${kind}\0${name}`
      if (kind === 'resource' || kind === 'representation') return hashed(text)
      const known = remembered.get(text)
      if (known) return known.hash
      const found = { hash: hashed(text) }
      remembered.set(text, found)
      return found.hash
    },
  }
}

const DISGUISED = new RegExp(`^[A-Za-z0-9_-]{${HASH_CHARS}}$`)

/** Whether a text is what `of` makes. */
export function isDisguised(text: string): boolean {
  return DISGUISED.test(text)
}
