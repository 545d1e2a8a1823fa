/**
 * One LMDB file with named tables. The only file that knows lmdb, and what was learned of it the hard way:
 *
 * - A commit with `noSync` is in the page cache when it returns: it survives `kill -9`. Without a write map, a full
 *   disk is an error that passes; with one it would be the end of the process (SIGBUS).
 * - A callback of `transactionSync` that returns anything with a `then`, as `put` does, leaves its transaction open.
 * - What is read lies in the mapped file. A file cut short or scribbled over kills its reader: no file is opened
 *   here that was not walked by another process before (`inspect.ts`), or made by this one.
 */
import { createRequire } from 'node:module'
import { crc32 } from 'node:zlib'
import type { Database } from 'lmdb'

// Its CommonJS build, because that is one file and half as long to load: it is loaded twice at every start.
const { open } = createRequire(import.meta.url)('lmdb') as typeof import('lmdb')

export interface Entry {
  readonly key: Buffer
  readonly value: Buffer
}

/** Keys in the order of their bytes, at most 511 of them; every value carries a checksum over key and value. */
export interface Table {
  /** @throws Damaged */
  get(key: Buffer): Buffer | undefined
  /** Inside `Store.write` only. */
  put(key: Buffer, value: Buffer): void
  /** Puts `more` behind what stands there. Inside `Store.write` only. */
  append(key: Buffer, more: Buffer): void
  /** Inside `Store.write` only. */
  remove(key: Buffer): void
  /** The first `limit` keys. */
  firstKeys(limit: number): Buffer[]
  /** Shows all of it, in buffers that are the caller's to keep. @throws Damaged where an entry is not as it was written, out of order or missing */
  each(visit: (key: Buffer, value: Buffer) => void): void
}

export interface Store {
  /** Made on first use; in a store that is only read, one that is not there is empty. */
  table(name: string): Table
  names(): string[]
  /** One transaction, committed when it returns. @throws when it could not be; nothing is then changed. */
  write(change: () => void): void
  close(): Promise<void>
}

/** What was read is not what was written. */
export class Damaged extends Error {}

const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const
const SEAL_BYTES = 4

/** @param fsync each commit waits for the disk @throws when the file cannot be opened */
export function openStore(path: string, { fsync, readOnly }: { fsync: boolean; readOnly: boolean }): Store {
  const root = open<Buffer, Buffer>({
    path,
    noSubdir: true,
    ...BINARY,
    readOnly,
    noSync: !fsync && !readOnly,
    overlappingSync: false,
    // Tables are few, but a foreign file may hold more than ours.
    maxDbs: 64,
  })
  const names = () => [...root.getKeys()].map(key => key.toString('utf8').replace(/\0$/, ''))
  return {
    names,
    table(name) {
      if (readOnly && !names().includes(name)) return EMPTY
      return makeTable(root.openDB<Buffer, Buffer>({ name, ...BINARY }))
    },
    write(change) {
      root.transactionSync(() => {
        change()
      })
    },
    close: () => root.close(),
  }
}

function makeTable(db: Database<Buffer, Buffer>): Table {
  return {
    get(key) {
      const sealed = db.getBinary(key)
      return sealed && unsealed(key, sealed)
    },
    put: (key, value) => void db.put(key, sealed(key, value)),
    append(key, more) {
      // Good until the next read, so it is copied once and not twice.
      const before = db.getBinaryFast(key)
      const length = before ? before.length - SEAL_BYTES : 0
      const bytes = Buffer.allocUnsafe(length + more.length + SEAL_BYTES)
      before?.copy(bytes, 0, 0, length)
      more.copy(bytes, length)
      // The checksum goes on from the one that stands there: what was not as it was written stays so.
      const seal = crc32(more, before ? before.readUInt32LE(length) : crc32(key))
      bytes.writeUInt32LE(seal, length + more.length)
      void db.put(key, bytes)
    },
    remove: key => void db.remove(key),
    firstKeys: limit => [...db.getKeys({ limit })],
    each(visit) {
      let count = 0
      let last: Buffer | undefined
      for (const { key, value } of db.getRange()) {
        // A tree whose pages point back would otherwise be walked for ever.
        if (last && Buffer.compare(last, key) >= 0) throw new Damaged('the keys are out of order')
        last = key
        count++
        visit(key, unsealed(key, value))
      }
      const { entryCount } = db.getStats() as { entryCount: number }
      if (entryCount !== count) throw new Damaged(`${count} entries were found of ${entryCount}`)
    },
  }
}

const EMPTY: Table = {
  get: () => undefined,
  put: () => undefined,
  append: () => undefined,
  remove: () => undefined,
  firstKeys: () => [],
  each: () => undefined,
}

function sealed(key: Buffer, value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(value.length + SEAL_BYTES)
  value.copy(bytes)
  bytes.writeUInt32LE(crc32(value, crc32(key)), value.length)
  return bytes
}

function unsealed(key: Buffer, bytes: Buffer): Buffer {
  const length = bytes.length - SEAL_BYTES
  if (length < 0) throw new Damaged('an entry is too short')
  const value = bytes.subarray(0, length)
  if (bytes.readUInt32LE(length) !== crc32(value, crc32(key))) throw new Damaged('a checksum is wrong')
  return value
}
