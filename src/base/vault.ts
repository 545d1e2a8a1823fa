/**
 * The port to where copies of answers outlive the process. A copy is a head and a body of bytes; what the vault is told
 * beside them are numbers and keys (`base/key.ts`), never a token, a name or a path.
 */
import type { Readable } from 'node:stream'

/** What is known of a copy without opening it. All of it stays in memory for every copy: some 300 bytes. */
export interface CopyFacts {
  /** Account, path, query, viewer and representation, as one key. */
  readonly id: string
  readonly account: string
  /** '' where the copy belongs to no envelope. */
  readonly envelope: string
  /** Whose it is; '' is everybody's whom DocuSign has accepted on the account. */
  readonly viewer: string
  /** When its fetch was sent, and when the answer came. Epoch milliseconds on the scale of the ledger's lines. */
  readonly sentWallMs: number
  readonly answeredWallMs: number
  /** Its envelope had reached its end when the fetch began: nothing of it can change any more (facts 6.3). */
  readonly isFinal: boolean
  /** Of the body. */
  readonly bytes: number
  /** How the world stood when it was fetched (`Word.stamp`): a vault that is shared keeps none without it. */
  readonly stamp?: string | undefined
}

/** A copy that is being written. Nothing of it is there before `keep` has resolved to true. */
export interface Deposit {
  /** In order. Resolves when more may come; a write that fails makes `keep` false. Never rejects. */
  write(chunk: Buffer): Promise<void>
  /**
   * Resolves to true once the copy survives `kill -9` (with `state.fsync`, power loss). False where it could not be
   * kept, where `facts.bytes` were not what was written, or where its id was removed meanwhile.
   */
  keep(facts: CopyFacts): Promise<boolean>
  /** It is not wanted after all. Harmless after `keep`. */
  discard(): void
}

export interface Withdrawal {
  readonly head: Buffer
  /**
   * `facts.bytes` bytes, or an error: a copy that is damaged is never read to a clean end, and nothing of a damaged part
   * is handed on. To be asked for once; the file is let go when it has ended or was destroyed.
   *
   * @param range from the byte `start` to the one before `end`, as of `Buffer.subarray`: 0 ≤ start ≤ end ≤ `facts.bytes`
   */
  body(range?: { readonly start: number; readonly end: number }): Readable
  /** Lets the file go where `body` is not asked for; a body that is being read comes to nothing. Harmless after its end. */
  close(): void
}

export interface Vault {
  /** False where bodies stay in memory only: every deposit comes to nothing. */
  readonly isOpen: boolean
  /** Other nodes have copies there, too: what no longer fits in this one's memory stays, and `Commons` says what must go. */
  readonly isShared: boolean
  /** What earlier runs left; asked once, at the start. */
  load(): readonly CopyFacts[]
  /** @param id the copy it will be, 1 to 255 bytes; one that is there under the same id stays until this one is kept */
  deposit(id: string, head: Buffer): Deposit
  /** `undefined` where there is none, or it cannot be read; it is then gone. */
  withdraw(id: string): Promise<Withdrawal | undefined>
  /**
   * Gone when it returns, for every later `withdraw` and every later run; one that is being read is read to its end,
   * one that is being written will not be kept.
   */
  remove(ids: readonly string[]): void
  /** Resolves when what is being kept is kept, and what was removed is off the disk. Before `Ledger.close`. */
  close(): Promise<void>
}
