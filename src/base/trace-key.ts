/** The key of a trace, where the trace is. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DISGUISE_KEY_BYTES } from './disguise.js'

const KEY_FILE = 'trace.key'

/**
 * The key of all traces in a folder, so that files of several runs agree. Without it nobody can tell whom a hash means;
 * with it whoever knows a name can find its hash, and so it is readable by its owner alone.
 *
 * @throws where the folder cannot be made, or the key neither read nor written
 */
export function traceKeyIn(folder: string): Buffer {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, KEY_FILE)
  try {
    const key = Buffer.from(`${randomBytes(DISGUISE_KEY_BYTES).toString('base64')}\n`)
    writeFileSync(path, key, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const key = readTraceKey(folder)
  if (!key) throw Object.assign(new Error('not a key'), { code: `${KEY_FILE} holds no key` })
  return key
}

/** @returns `undefined` where there is none, or what is there is none */
export function readTraceKey(folder: string): Buffer | undefined {
  try {
    const key = Buffer.from(readFileSync(join(folder, KEY_FILE), 'latin1').trim(), 'base64')
    return key.length === DISGUISE_KEY_BYTES ? key : undefined
  } catch {
    return undefined
  }
}
