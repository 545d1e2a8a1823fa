/** The files of the copies: `copies/3f/…`, each under a random name that the catalogue knows. Its owner alone may read them. */
import fs, { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { readdir, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** Positions are bytes from its beginning. Numbers of bytes are those that were read or written: all, where all went well. */
export interface OpenFile {
  read(into: Buffer, at: number): Promise<number>
  write(bytes: Buffer, at: number): Promise<number>
  /** Resolves when the disk has it. */
  sync(): Promise<void>
  /** When the last read or write has ended. Never rejects. */
  close(): Promise<void>
}

/** A name is 32 hexadecimal digits. */
export interface Shelf {
  /** A whole file at once. @throws when it cannot be written; nothing is then left of it */
  put(name: string, bytes: Buffer): void
  /** An empty file to be written. Rejects when there can be none. */
  create(name: string): Promise<OpenFile>
  open(name: string): Promise<OpenFile>
  /** One after the other, while the process does other things. */
  discard(names: readonly string[]): void
  /** Before it returns. */
  discardNow(names: readonly string[]): void
  /** Shows every file to `isWanted`, and discards those that are not. Rejects when not all of it could be looked at. */
  sweep(isWanted: (name: string) => boolean): Promise<void>
  /** Discards all there is. */
  clear(): Promise<void>
  /** Resolves when all that was discarded is gone. */
  settled(): Promise<void>
}

const FOLDER = /^[0-9a-f]{2}$/
const FILE = /^[0-9a-f]{30}$/
const FOLDER_CHARS = 2
const OWNER_ONLY = { file: 0o600, folder: 0o700 }

/** @param path of the state */
export function makeShelf(path: string): Shelf {
  const root = join(path, 'copies')
  const fileOf = (name: string) => join(root, name.slice(0, FOLDER_CHARS), name.slice(FOLDER_CHARS))
  const bin: string[] = []
  let emptying: Promise<void> | undefined

  function makeFolderOf(file: string): void {
    for (const folder of [root, dirname(file)]) {
      try {
        mkdirSync(folder, { mode: OWNER_ONLY.folder })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }

  async function empty(): Promise<void> {
    // What cannot be removed is met again by the next start.
    for (let name = bin.pop(); name !== undefined; name = bin.pop()) await unlink(fileOf(name)).catch(ignore)
    emptying = undefined
  }

  function discard(names: readonly string[]): void {
    for (const name of names) bin.push(name)
    if (bin.length > 0) emptying ??= empty()
  }

  return {
    put(name, bytes) {
      const file = fileOf(name)
      const create = () => openSync(file, 'wx', OWNER_ONLY.file)
      let handle: number
      try {
        handle = create()
      } catch (error) {
        if (!isMissing(error)) throw error
        makeFolderOf(file)
        handle = create()
      }
      try {
        // The operating system takes less than all of it when the disk is full.
        if (writeSync(handle, bytes) < bytes.length) throw new Error('no room')
      } catch (error) {
        rmSync(file, { force: true })
        throw error
      } finally {
        closeSync(handle)
      }
    },
    async create(name) {
      const file = fileOf(name)
      try {
        return await openFile(file, 'wx')
      } catch (error) {
        if (!isMissing(error)) throw error
        makeFolderOf(file)
        return openFile(file, 'wx')
      }
    },
    open: name => openFile(fileOf(name), 'r'),
    discard,
    discardNow(names) {
      for (const name of names) {
        try {
          rmSync(fileOf(name), { force: true })
        } catch {
          // The next start meets it again.
        }
      }
    },
    async sweep(isWanted) {
      for (const folder of await entriesOf(root)) {
        if (!FOLDER.test(folder)) continue
        const files = await entriesOf(join(root, folder))
        discard(
          files
            .filter(file => FILE.test(file))
            .map(file => folder + file)
            .filter(name => !isWanted(name)),
        )
      }
    },
    clear: () => rm(root, { recursive: true, force: true }).catch(ignore),
    async settled() {
      while (emptying) await emptying
    },
  }
}

// Not the `FileHandle` of Node's, which costs three times the CPU.
const calls = {
  open: promisify(fs.open),
  read: promisify(fs.read),
  write: promisify(fs.write),
  sync: promisify(fs.fsync),
  close: promisify(fs.close),
}

async function openFile(path: string, flags: 'r' | 'wx'): Promise<OpenFile> {
  const handle = await calls.open(path, flags, OWNER_ONLY.file)
  let busy: Promise<unknown> = Promise.resolve()
  const after = (work: Promise<number>) => {
    busy = work.catch(ignore)
    return work
  }
  return {
    read: (into, at) =>
      after(calls.read(handle, into, 0, into.length, at).then(({ bytesRead }) => bytesRead)),
    write: (bytes, at) =>
      after(calls.write(handle, bytes, 0, bytes.length, at).then(({ bytesWritten }) => bytesWritten)),
    sync: () => calls.sync(handle),
    // Its number would be another file's, and that one would be read.
    close: () => busy.then(() => calls.close(handle)).catch(ignore),
  }
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

function ignore(): void {
  // Nothing else can be done.
}
