/** What is known of a copy, and where it lies, as bytes: `id` → numbers, then keys, each after its length. */
import type { CopyFacts } from '../../base/vault.js'
import { SALT_BYTES } from './seal.js'
import { Damaged } from './store.js'

export interface Entered {
  readonly name: string
  readonly headBytes: number
  readonly facts: CopyFacts
}

const NUMBERS_BYTES = 3 * 8 + 4 + 1
const MAX_KEY_BYTES = 255

/** `undefined` where a key is longer than any (255 bytes), or the id is ''. @param name of its file */
export function encodeFacts(name: string, headBytes: number, facts: CopyFacts): Buffer | undefined {
  const { id, account, envelope, viewer } = facts
  const keys = [account, envelope, viewer].map(key => Buffer.from(key))
  if (id === '' || [Buffer.from(id), ...keys].some(({ length }) => length > MAX_KEY_BYTES)) return undefined
  const numbers = Buffer.allocUnsafe(NUMBERS_BYTES)
  let at = numbers.writeDoubleLE(facts.sentWallMs)
  at = numbers.writeDoubleLE(facts.answeredWallMs, at)
  at = numbers.writeDoubleLE(facts.bytes, at)
  at = numbers.writeUInt32LE(headBytes, at)
  numbers.writeUInt8(facts.isFinal ? 1 : 0, at)
  const lengthAndKey = keys.flatMap(key => [Buffer.of(key.length), key])
  return Buffer.concat([Buffer.from(name, 'hex'), numbers, ...lengthAndKey])
}

/** @param scale from the moments that were written to those that are meant @throws Damaged */
export function decodeFacts(key: Buffer, value: Buffer, scale: (atMs: number) => number): Entered {
  let at = SALT_BYTES + NUMBERS_BYTES
  const nextKey = (): string => {
    const start = at + 1
    at = start + (value[at] ?? Infinity)
    if (at > value.length) throw new Damaged('half of what is known of a copy')
    return value.toString('utf8', start, at)
  }
  const [account, envelope, viewer] = [nextKey(), nextKey(), nextKey()]
  return {
    name: value.toString('hex', 0, SALT_BYTES),
    headBytes: value.readUInt32LE(SALT_BYTES + 24),
    facts: {
      id: key.toString('utf8'),
      account,
      envelope,
      viewer,
      sentWallMs: scale(value.readDoubleLE(SALT_BYTES)),
      answeredWallMs: scale(value.readDoubleLE(SALT_BYTES + 8)),
      isFinal: value[SALT_BYTES + 28] === 1,
      bytes: value.readDoubleLE(SALT_BYTES + 16),
    },
  }
}
