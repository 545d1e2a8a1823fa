/**
 * The folder of the store, and which of its files is the one in force. Every start writes a file anew, from what it
 * could read of the old one, so damage that only a writer would meet is never carried on, and a file is as small
 * as what is in it. Each has a name of its own, because LMDB's lock file goes by the name: `governor-7-1f0e….mdb`.
 * Only whole files have such a name; what is being written is called `draft-…`.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

export interface Folder {
  /** The file in force, if there is one. @throws when the folder cannot be made or read */
  current(): string | undefined
  /** An empty file to be written. @throws when there can be none */
  draft(): string
  /** Makes a whole draft the file in force, and removes those it replaces. Returns where it is now. */
  publish(draft: string): string
  discard(draft: string): void
  /** Moves the file out of the way, and returns where to. */
  setAside(file: string, wallMs: number): string
  /** What stands beside a file for its lines since the last commit (`spool.ts`). */
  spoolOf(file: string): string
  /** Whether the file still has its name; `taken` when another process has put one in its place. */
  standing(file: string): 'there' | 'gone' | 'taken'
}

const WHOLE = /^governor-(\d{1,15})-[0-9a-f]{8}\.mdb$/
const DRAFT = /^draft-[0-9a-f]{8}\.mdb(?:-lock)?$/
const OWNER_ONLY = 0o600

export function makeFolder(path: string, { fsync }: { fsync: boolean }): Folder {
  function wholes(): string[] {
    return readdirSync(path)
      .filter(name => WHOLE.test(name))
      .sort((a, b) => generationOf(b) - generationOf(a))
  }

  /** Made before LMDB does, because it would let the group read them. */
  function create(file: string): void {
    closeSync(openSync(file, 'wx', OWNER_ONLY))
  }

  function remove(name: string): void {
    for (const each of [name, `${name}-lock`, spoolOf(name)]) rmSync(join(path, each), { force: true })
  }

  const spoolOf = (file: string) => `${file}-spool`

  return {
    current() {
      makeAll(path)
      const [newest] = wholes()
      return newest === undefined ? undefined : join(path, newest)
    },
    draft() {
      makeAll(path)
      const draft = join(path, `draft-${randomBytes(4).toString('hex')}.mdb`)
      create(draft)
      create(`${draft}-lock`)
      return draft
    },
    publish(draft) {
      const older = wholes()
      const generation = (older[0] === undefined ? 0 : generationOf(older[0])) + 1
      const file = join(path, `governor-${generation}-${randomBytes(4).toString('hex')}.mdb`)
      create(`${file}-lock`)
      create(spoolOf(file))
      renameSync(draft, file)
      if (fsync) syncFolder(path)
      for (const name of older) remove(name)
      for (const name of readdirSync(path)) {
        if (DRAFT.test(name)) rmSync(join(path, name), { force: true })
      }
      return file
    },
    discard(draft) {
      rmSync(draft, { force: true })
      rmSync(`${draft}-lock`, { force: true })
    },
    setAside(file, wallMs) {
      const stamp = new Date(wallMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
      const aside = `${file}.damaged-${stamp}`
      renameSync(file, aside)
      rmSync(`${file}-lock`, { force: true })
      if (existsSync(spoolOf(file))) renameSync(spoolOf(file), spoolOf(aside))
      return aside
    },
    spoolOf,
    standing(file) {
      if (existsSync(file)) return 'there'
      return existsSync(path) && wholes().length > 0 ? 'taken' : 'gone'
    },
  }
}

/** Step by step, because Node's own recursive way never ends where a folder says "no entry" to a new one (/proc). */
function makeAll(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    makeAll(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}

function generationOf(name: string): number {
  return Number(WHOLE.exec(name)?.[1] ?? 0)
}

/** A new name is on the disk once its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
