/** Leave to send one call. Whoever has it says how the call ended, so that its place is kept exactly as long as it must be. */
import type { Clock } from '../base/clock.js'
import type { Call, Window } from '../base/types.js'
import type { Account } from './account.js'
import { blockEndsMs, readBlock } from './blocks.js'
import type { EnvelopeHolds } from './envelope-holds.js'
import { readLimits, type Limits } from './headers.js'
import type { HostBlocks } from './host-blocks.js'

/** What permits change when their calls end. */
export interface PermitParts {
  readonly clock: Clock
  readonly hosts: HostBlocks
  readonly envelopes: EnvelopeHolds
  windows(): { readonly hourMs: number; readonly burstMs: number }
  /** DocuSign's clock at `nowMs`, epoch milliseconds, as well as we know it. */
  docusignMs(origin: string, nowMs: number): number
}

/** How a permit was come by. */
export interface Admission {
  readonly waitedMs: number
  /** The window that held the call back. */
  readonly heldBy: Window | undefined
  /** Only where limits are observed, not kept: what would have become of the call. */
  readonly would: Would | undefined
}

export interface Would {
  readonly waitMs: number
  /** It would have been refused, not held. */
  readonly refused: 'hour-spent' | 'burst-spent' | 'upstream-blocked' | undefined
}

const COOL_DOWN_STATUS = 444

export class Permit {
  readonly kind = 'permit'
  readonly admission: Admission
  readonly #parts: PermitParts
  readonly #call: Call
  readonly #origin: string
  /** None for OAuth: it counts by other rules, on another host (facts 1.3). */
  readonly #account: Account | undefined
  readonly #release: (() => void) | undefined
  readonly #sentMs: number
  #limits: Limits | undefined

  /** @param release gives the place of a download back */
  constructor(
    parts: PermitParts,
    call: Call,
    origin: string,
    account: Account | undefined,
    admission: Admission,
    sentMs: number,
    release?: () => void,
  ) {
    this.#parts = parts
    this.#call = call
    this.#origin = origin
    this.#account = account
    this.admission = admission
    this.#sentMs = sentMs
    this.#release = release
  }

  /** The head of an answer came; `headers` are raw pairs. */
  answered(status: number, headers: readonly string[]): void {
    const nowMs = this.#parts.clock.nowMs()
    if (this.#account) {
      this.#limits = readLimits(headers)
      this.#account.answered(this.#sentMs, this.#limits, nowMs)
    }
    if (status === COOL_DOWN_STATUS) this.#block(status, undefined, nowMs)
  }

  /**
   * The answer is of a status that may mean a limit, and this is its code.
   * What the call was refused for, or `undefined` if it was for something else.
   */
  refusedWith(status: number, errorCode: string | undefined): Window | 'other' | undefined {
    if (!this.#account || status === COOL_DOWN_STATUS) return undefined
    return this.#block(status, errorCode, this.#parts.clock.nowMs())
  }

  /** No answer came. `never`: the call is known not to have left. */
  failed(left: 'never' | 'maybe'): void {
    const nowMs = this.#parts.clock.nowMs()
    if (left === 'never') this.#account?.refund(this.#call.app.name, nowMs)
    else this.#account?.failed(nowMs)
  }

  /** The last byte of the answer has passed, or the call has ended otherwise. */
  over(): void {
    this.#release?.()
  }

  #block(status: number, errorCode: string | undefined, nowMs: number): Window | 'other' | undefined {
    const block = readBlock(status, errorCode)
    const docusignMs = this.#parts.docusignMs(this.#origin, nowMs)
    const untilMs = blockEndsMs(block, { nowMs, docusignMs, limits: this.#limits, ...this.#parts.windows() })
    switch (block.kind) {
      case 'none':
        return undefined
      case 'account':
        this.#account?.block(block.window, untilMs, nowMs)
        return block.window
      case 'unknown':
        this.#account?.block('unknown', untilMs, nowMs)
        return 'other'
      case 'envelope': {
        const { account = '', envelope } = this.#call
        if (envelope !== undefined) this.#parts.envelopes.holdUntil(account, envelope, block.of, untilMs)
        return 'other'
      }
      case 'host':
        this.#parts.hosts.blockUntil(this.#origin, untilMs)
        return 'other'
      case 'download':
        return 'other'
    }
  }
}
