/**
 * What was kept since the last commit, in a file of its own beside the store. Because a commit writes some seven pages, and
 * a line has eighty bytes: put at the end of a file it costs a tenth, and is in the page cache just as well when the
 * write returns. Each commit takes up what stands here, and says in the store that it has; then the file is written
 * from its beginning again, and what stood there is known for old by its number.
 */
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { Tables } from './home.js'
import { Damaged } from './store.js'

/** Puts `more` behind what stands under this key of this table. */
export interface Addition {
  readonly table: string
  readonly key: Buffer
  readonly more: Buffer
}

export interface Spool {
  /** Those that no commit has taken up. */
  readonly additions: readonly Addition[]
  /** What the commit that takes them up says in the store. */
  readonly generation: number
  /** Kept when it returns true; false where there is no room before the next commit. @throws when it could not be written */
  add(additions: readonly Addition[]): boolean
  /** They are in the store. */
  taken(): void
  close(): void
}

/** Some 800 lines: a commit for so many costs each next to nothing, and they are little to hold and to read. */
const SPOOL_BYTES = 65_536
/** Checksum, generation, length of what follows; length of the table's name, and of the key. */
const HEAD_BYTES = 14
const CRC_BYTES = 4
/** That of a new file. */
const FIRST_GENERATION = 1

/** @param path of an empty file @param fsync each write waits for the disk @throws when it cannot be opened */
export function openSpool(path: string, { fsync }: { fsync: boolean }): Spool {
  const fd = openSync(path, 'r+')
  const bytes = Buffer.allocUnsafeSlow(SPOOL_BYTES)
  let additions: Addition[] = []
  let generation = FIRST_GENERATION
  let end = 0

  return {
    get additions() {
      return additions
    },
    get generation() {
      return generation
    },
    add(more) {
      const from = end
      let to = from
      for (const addition of more) {
        const next = encode(addition, generation, bytes, to)
        if (next === undefined) return false
        to = next
      }
      // A write that was cut short is written over by the next one.
      for (let at = from; at < to;) at += writeSync(fd, bytes, at, to - at, at)
      if (fsync) fdatasyncSync(fd)
      end = to
      for (const addition of more) additions.push(addition)
      return true
    },
    taken() {
      if (additions.length === 0) return
      additions = []
      generation++
      end = 0
    },
    close: () => closeSync(fd),
  }
}

/** Where it ends; `undefined` where there is no room for it. */
function encode({ table, key, more }: Addition, generation: number, into: Buffer, at: number) {
  const length = table.length + key.length + more.length
  const end = at + HEAD_BYTES + length
  if (end > into.length) return undefined
  into.writeUInt32LE(generation, at + CRC_BYTES)
  into.writeUInt32LE(length, at + CRC_BYTES + 4)
  into[at + CRC_BYTES + 8] = table.length
  into[at + CRC_BYTES + 9] = key.length
  into.write(table, at + HEAD_BYTES, 'latin1')
  key.copy(into, at + HEAD_BYTES + table.length)
  more.copy(into, at + HEAD_BYTES + table.length + key.length)
  into.writeUInt32LE(crc32(into.subarray(at + CRC_BYTES, end)), at)
  return end
}

/** What a spool was left with; nothing where there is none. @throws where it cannot be read */
export function readSpool(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

/** Those that its store has not taken up. @param generation the first that it has not @throws Damaged */
export function additionsIn(bytes: Buffer, generation: number): readonly Addition[] {
  const additions: Addition[] = []
  let at = 0
  for (let one = decode(bytes, at, generation); one; one = decode(bytes, at, generation)) {
    additions.push(one.addition)
    at = one.end
  }
  // The last may be half written, by a process that was killed: nobody was told that it is kept. One amid others is not.
  for (let behind = at + 1; behind + HEAD_BYTES <= bytes.length; behind++) {
    if (decode(bytes, behind, generation)) throw new Damaged('a line of the spool is not as it was written')
  }
  return additions
}

function decode(bytes: Buffer, at: number, generation: number) {
  if (at + HEAD_BYTES > bytes.length || bytes.readUInt32LE(at + CRC_BYTES) !== generation) return undefined
  const end = at + HEAD_BYTES + bytes.readUInt32LE(at + CRC_BYTES + 4)
  if (end > bytes.length || bytes.readUInt32LE(at) !== crc32(bytes.subarray(at + CRC_BYTES, end)))
    return undefined
  const keyAt = at + HEAD_BYTES + (bytes[at + CRC_BYTES + 8] ?? 0)
  const moreAt = keyAt + (bytes[at + CRC_BYTES + 9] ?? 0)
  const addition = {
    table: bytes.toString('latin1', at + HEAD_BYTES, keyAt),
    key: bytes.subarray(keyAt, moreAt),
    more: bytes.subarray(moreAt, end),
  }
  return { addition, end }
}

/** Inside a commit: additions to one row, which follow each other as a rule, are one. */
export function addTo(tables: Tables, additions: readonly Addition[]): void {
  const rows = new Map<string, { readonly key: Buffer; readonly parts: Buffer[] }>()
  const put = (table: string) => {
    const row = rows.get(table)
    if (row) tables(table).append(row.key, Buffer.concat(row.parts))
  }
  for (const { table, key, more } of additions) {
    const row = rows.get(table)
    if (row?.key.equals(key)) row.parts.push(more)
    else {
      put(table)
      rows.set(table, { key, parts: [more] })
    }
  }
  for (const table of rows.keys()) put(table)
}
