/** A copy on its way into its file. A small one, as most are, is written at once; of a larger one, three chunks are held. */
import type { CopyFacts, Deposit } from '../../base/vault.js'
import { CHUNK_BYTES, placeOf, type Seal } from './seal.js'
import type { OpenFile, Shelf } from './shelf.js'

export interface DepositParts {
  readonly name: string
  readonly seal: Seal
  readonly shelf: Pick<Shelf, 'put' | 'create' | 'discard'>
  /** The file waits for the disk before the copy counts. */
  readonly fsync: boolean
  /** The last step. @param isWanted asked at the last moment */
  readonly enter: (facts: CopyFacts, isWanted: () => boolean) => Promise<boolean>
  /** Once, when nothing more comes of it. */
  readonly ended: () => void
}

export interface OpenDeposit extends Omit<Deposit, 'discard'> {
  /** Resolves when nothing is left of it that `Shelf.settled` would not wait for. */
  discard(): Promise<void>
  /** What was removed meanwhile is not to come back: `keep` will be false. */
  spoil(): void
}

export function makeDeposit(head: Buffer, parts: DepositParts): OpenDeposit {
  const { name, seal, shelf, fsync, enter, ended } = parts
  let held: Buffer[] = []
  let heldBytes = 0
  let bodyBytes = 0
  let chunks = 0
  let file: OpenFile | undefined
  let isSpoilt = false
  /** No more is taken: it is being kept, or was discarded. */
  let isOver = false
  let work = take(head)

  async function take(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !isSpoilt;) {
      if (heldBytes === CHUNK_BYTES) await write(nextChunk(false))
      const piece = bytes.subarray(at, at + CHUNK_BYTES - heldBytes)
      // Copied, because a small piece may keep all of a larger buffer alive.
      held.push(Buffer.from(piece))
      heldBytes += piece.length
      at += piece.length
    }
  }

  function nextChunk(isLast: boolean): Buffer {
    const sealed = seal.seal(chunks++, Buffer.concat(held, heldBytes), isLast)
    held = []
    heldBytes = 0
    return sealed
  }

  async function write(sealed: Buffer): Promise<void> {
    try {
      file ??= await shelf.create(name)
      const at = placeOf(chunks - 1, Infinity).startBytes
      // The operating system takes less than all of it when the disk is full.
      if ((await file.write(sealed, at)) < sealed.length) isSpoilt = true
    } catch {
      isSpoilt = true
    }
  }

  async function finish(): Promise<boolean> {
    if (!file && !fsync) {
      try {
        shelf.put(name, nextChunk(true))
        return true
      } catch {
        return false
      }
    }
    await write(nextChunk(true))
    try {
      if (fsync && !isSpoilt) await file?.sync()
    } catch {
      isSpoilt = true
    }
    return !isSpoilt
  }

  async function end(isKept: boolean): Promise<void> {
    held = []
    await file?.close()
    if (!isKept && chunks > 0) shelf.discard([name])
    ended()
  }

  return {
    write(bytes) {
      if (isOver || isSpoilt) return Promise.resolve()
      bodyBytes += bytes.length
      work = work.then(() => take(bytes))
      return work
    },
    async keep(facts) {
      if (isOver) return false
      isOver = true
      await work
      const isWhole = !isSpoilt && facts.bytes === bodyBytes && (await finish())
      const isKept = isWhole && (await enter(facts, () => !isSpoilt))
      await end(isKept)
      return isKept
    },
    discard() {
      if (isOver) return Promise.resolve()
      isOver = true
      isSpoilt = true
      return work.then(() => end(false))
    },
    spoil: () => void (isSpoilt = true),
  }
}
