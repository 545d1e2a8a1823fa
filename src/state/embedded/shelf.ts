/** The files of the copies: `copies/3f/…`, each under a random name that the catalogue knows. Its owner alone may read them. */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { open, readdir, rm, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A name is 32 hexadecimal digits. */
export interface Shelf {
  /** A whole file at once. @throws when it cannot be written; nothing is then left of it */
  put(name: string, bytes: Buffer): void
  /** An empty file to be written. Rejects when there can be none. */
  create(name: string): Promise<FileHandle>
  open(name: string): Promise<FileHandle>
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
        return await open(file, 'wx', OWNER_ONLY.file)
      } catch (error) {
        if (!isMissing(error)) throw error
        makeFolderOf(file)
        return open(file, 'wx', OWNER_ONLY.file)
      }
    },
    open: name => open(fileOf(name), 'r'),
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
