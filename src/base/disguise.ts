/** What a trace calls somebody or something: a keyed hash, the same for the same under one key, and nothing without it. */
import { createHmac } from 'node:crypto'

export const DISGUISE_KEY_BYTES = 32
/** 72 bits: among a hundred million names, the chance that two have one is one in a million. */
const HASH_CHARS = 12

export type DisguiseKind =
  'app' | 'integration' | 'account' | 'envelope' | 'resource' | 'representation' | 'viewer'

export interface Disguise {
  /** Names the key without saying anything about it. */
  readonly keyId: string
  /** '' stays ''. @returns 12 characters, base64url */
  of(kind: DisguiseKind, name: string): string
}

/** @param key 32 bytes */
export function makeDisguise(key: Buffer): Disguise {
  const hashed = (text: string) =>
    createHmac('sha256', key).update(text).digest('base64url').slice(0, HASH_CHARS)
  return {
    keyId: hashed('key'),
    of: (kind, name) => (name === '' ? '' : hashed(`${kind}\0${name}`)),
  }
}

/** Whether a text is what `of` makes. */
export function isDisguised(text: string): boolean {
  return /^[A-Za-z0-9_-]{12}$/.test(text)
}
