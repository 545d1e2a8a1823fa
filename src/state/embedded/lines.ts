/** Lines of the ledger as bytes: each with its account, because those of all accounts stand in one log. */
import { createHash } from 'node:crypto'
import type { Spent } from '../../base/ledger.js'
import { Damaged } from './store.js'

export interface CodedLine {
  /** Its account, as `codeOf` has it. */
  readonly code: string
  readonly line: Spent
}

/** The moment, and four whole numbers. */
const NUMBERS_BYTES = 8 + 4 * 4
/** The greatest that is a number; one more is none. */
const MAX_NUMBER = 0xfffffffe
const UNKNOWN = MAX_NUMBER + 1
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const GUID_BYTES = 16
/** In the place of a length: a GUID, as the number that it is. */
const IS_GUID = 0xff
const MAX_NAME_BYTES = 0xfe

/** What no account is called is kept by its hash: it costs no more than one. */
export function nameInKeys(account: string): string {
  return Buffer.byteLength(account) <= MAX_NAME_BYTES
    ? account
    : createHash('sha256').update(account).digest('hex')
}

/**
 * An account in a line, one character a byte: its length, then its name. A text and no buffer, because a small buffer is cut
 * from a block of 8 KiB, and one of each account's would keep all of those.
 */
export function codeOf(account: string): string {
  if (GUID.test(account)) {
    const bytes = Buffer.from(account.replaceAll('-', ''), 'hex').toString('latin1')
    return String.fromCharCode(IS_GUID) + bytes
  }
  const name = Buffer.from(nameInKeys(account))
  return String.fromCharCode(name.length) + name.toString('latin1')
}

export function accountOf(code: string): string {
  const bytes = Buffer.from(code.slice(1), 'latin1')
  if (code.charCodeAt(0) !== IS_GUID) return bytes.toString('utf8')
  const hex = bytes.toString('hex')
  return [0, 8, 12, 16, 20].map((from, i, all) => hex.slice(from, all[i + 1])).join('-')
}

export function lineBytes({ code }: CodedLine): number {
  return code.length + NUMBERS_BYTES
}

export function encodeLines(lines: readonly CodedLine[]): Buffer {
  let length = 0
  for (const line of lines) length += lineBytes(line)
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const { code, line } of lines) {
    at += bytes.write(code, at, 'latin1')
    at = bytes.writeDoubleLE(line.wallMs, at)
    at = bytes.writeUInt32LE(Math.min(line.completed, MAX_NUMBER), at)
    at = bytes.writeUInt32LE(Math.min(line.pending, MAX_NUMBER), at)
    at = bytes.writeUInt32LE(number(line.remaining), at)
    at = bytes.writeUInt32LE(number(line.resetAtSeconds), at)
  }
  return bytes
}

/** Shows one after the other. @throws Damaged */
export function eachLine(bytes: Buffer, visit: (code: string, line: Spent) => void): void {
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at] ?? 0
    const end = at + 1 + (length === IS_GUID ? GUID_BYTES : length)
    if (end + NUMBERS_BYTES > bytes.length) throw new Damaged('half a line')
    visit(bytes.toString('latin1', at, end), {
      wallMs: bytes.readDoubleLE(end),
      completed: bytes.readUInt32LE(end + 8),
      pending: bytes.readUInt32LE(end + 12),
      remaining: known(bytes.readUInt32LE(end + 16)),
      resetAtSeconds: known(bytes.readUInt32LE(end + 20)),
    })
    at = end + NUMBERS_BYTES
  }
}

/** A word of DocuSign's that is no such number is none. */
function number(value: number | undefined): number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= MAX_NUMBER ? value : UNKNOWN
}

function known(value: number): number | undefined {
  return value === UNKNOWN ? undefined : value
}
