import { isKey } from './kinds.js'
import type { Config } from './settings.js'

const KEY_BYTES = 32

/** What may be said of a key file that cannot be used: nothing that stands in it. */
export class VaultKeyFault extends Error {
  override readonly name = 'VaultKeyFault'
}

/**
 * The key that copies are kept under (AES-256); `undefined` where none is set, and copies live in memory only.
 *
 * @param readFile the text of a file; it throws where the file cannot be read
 * @throws VaultKeyFault for a file that cannot be read, or does not hold 32 bytes in base64 (space around them is fine)
 */
export function vaultKeyOf({ cache }: Config, readFile: (path: string) => string): Buffer | undefined {
  const { encryptionKey, encryptionKeyFile } = cache
  if (encryptionKey !== undefined) return Buffer.from(encryptionKey, 'base64')
  return encryptionKeyFile === undefined ? undefined : keyIn(encryptionKeyFile, readFile)
}

function keyIn(path: string, readFile: (path: string) => string): Buffer {
  let text: string
  try {
    text = readFile(path).trim()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'no code'
    throw new VaultKeyFault(`cache.encryptionKeyFile: cannot be read (${code})`)
  }
  if (isKey(text, KEY_BYTES)) return Buffer.from(text, 'base64')
  throw new VaultKeyFault(`cache.encryptionKeyFile: does not hold ${KEY_BYTES} bytes in base64`)
}
