/** The body of an answer on its way into a copy, chunk by chunk as it flows by to its client. */
import type { Deposit } from '../base/vault.js'

/** A body that came in whole: in memory, or written to a deposit of the vault that waits for its word. */
export type Taken =
  | { readonly kind: 'bytes'; readonly body: Buffer }
  | { readonly kind: 'deposit'; readonly deposit: Deposit; readonly bytes: number }

export interface IntakeLimits {
  /** A longer body is let go. */
  readonly maxBytes: number
  /** A longer one goes to the vault while it flows, where there is one. */
  readonly inMemoryBytes: number
  /** Begins a deposit; `undefined` without a vault. */
  readonly deposit: (() => Deposit) | undefined
  /** What all intakes hold together, and the most that this may be. */
  readonly common: { bytes: number }
  readonly mostHeld: number
}

export class Intake {
  readonly #limits: IntakeLimits
  #chunks: Buffer[] = []
  /** Of the chunks that are held. */
  #held = 0
  #bytes = 0
  #deposit: Deposit | undefined
  #isOpen = true

  constructor(limits: IntakeLimits) {
    this.#limits = limits
  }

  /** Whether it can still come to a copy. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether what has come so far can still be handed on from memory. */
  get isInMemory(): boolean {
    return this.#isOpen && !this.#deposit
  }

  take(chunk: Buffer): void {
    if (!this.#isOpen) return
    const { maxBytes, inMemoryBytes, deposit, common, mostHeld } = this.#limits
    this.#bytes += chunk.length
    if (this.#bytes > maxBytes || common.bytes + chunk.length > mostHeld) return this.abandon()
    if (this.#deposit) return this.#write(chunk)
    this.#chunks.push(chunk)
    this.#hold(chunk.length)
    if (this.#bytes <= inMemoryBytes || !deposit) return
    this.#deposit = deposit()
    const begun = this.#chunks
    this.#hold(-this.#held)
    this.#chunks = []
    for (const one of begun) this.#write(one)
  }

  /** It came to its end, whole. `undefined` where it was too much. */
  finish(): Taken | undefined {
    if (!this.#isOpen) return undefined
    this.#isOpen = false
    if (this.#deposit) return { kind: 'deposit', deposit: this.#deposit, bytes: this.#bytes }
    const body = ownOf(this.#chunks, this.#bytes)
    this.#hold(-this.#held)
    this.#chunks = []
    return { kind: 'bytes', body }
  }

  /** It broke off, or is not wanted. */
  abandon(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#deposit?.discard()
    this.#chunks = []
    this.#limits.common.bytes -= this.#held
    this.#held = 0
  }

  #write(chunk: Buffer): void {
    // By as much as the disk is behind: no limit of its own, because a document that comes fast is as good as any.
    this.#hold(chunk.length)
    void this.#deposit?.write(chunk).then(() => this.#hold(-Math.min(chunk.length, this.#held)))
  }

  #hold(bytes: number): void {
    this.#held += bytes
    this.#limits.common.bytes += bytes
  }
}

/** A buffer of its own: those that come in are as a rule cut from larger ones, which each of them would keep alive. */
function ownOf(chunks: readonly Buffer[], bytes: number): Buffer {
  const [first] = chunks
  if (chunks.length === 1 && first?.byteLength === first?.buffer.byteLength) return first as Buffer
  const body = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (const chunk of chunks) at += chunk.copy(body, at)
  return body
}
