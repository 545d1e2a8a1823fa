/** Leave to send one call. Whoever has it says how the call ended, so that its place is kept exactly as long as it must be. */
import type { Clock } from '../base/clock.js'
import type { Call, Would, Window } from '../base/types.js'
import type { Account } from './account.js'
import { aliasRoute, MAX_ALIAS_BYTES, readAliases, type Alias } from './alias.js'
import { blockEndsMs, readBlock, type Block } from './blocks.js'
import type { EnvelopeHolds } from './envelope-holds.js'
import { MAX_ERROR_BYTES, mayBeBlock, readErrorCode } from './errorcode.js'
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
  /** All that is spent, by whichever call. */
  writeDown(): void
  /** Two names were seen to be one account's. */
  unite(aliases: readonly Alias[]): void
}

/** How a permit was come by. */
export interface Admission {
  /** The window that held the call back. */
  readonly heldBy: Window | undefined
  /** Only where limits are observed, not kept: what would have become of the call. */
  readonly would: Would | undefined
  /** Limits are kept: a call that DocuSign refuses may wait and go again. */
  readonly enforced: boolean
}

/**
 * What the governor must see of an answer's body: nothing; the whole of it before anything is passed on (up to so many
 * bytes), because it may tell that the call must go again; or a copy as it passes.
 */
export type Interest =
  { readonly kind: 'none' } | { readonly kind: 'first' | 'copy'; readonly maxBytes: number }

const NOTHING: Interest = { kind: 'none' }
const ERROR: Interest = { kind: 'first', maxBytes: MAX_ERROR_BYTES }
const NAMES: Interest = { kind: 'copy', maxBytes: MAX_ALIAS_BYTES }

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
  #headers: readonly string[] = []
  #cameWhileBlocked = false

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
  answered(status: number, headers: readonly string[]): Interest {
    const nowMs = this.#parts.clock.nowMs()
    if (status === COOL_DOWN_STATUS) this.#block(status, undefined, nowMs)
    if (!this.#account) return NOTHING
    if (status < 400) this.#account.isMet = true
    this.#headers = headers
    this.#limits = readLimits(headers)
    this.#account.answered(this.#sentMs, this.#limits, nowMs)
    if (mayBeBlock(status)) return ERROR
    return status === 200 && aliasRoute(this.#call) !== undefined ? NAMES : NOTHING
  }

  /** The body of an answer that was asked for first: what the call was refused for, if it was for a limit. */
  refusedWith(status: number, body: Buffer): Window | 'other' | undefined {
    if (!this.#account || status === COOL_DOWN_STATUS) return undefined
    const code = readErrorCode(body, this.#header('content-type'), this.#header('content-encoding'))
    return this.#block(status, code, this.#parts.clock.nowMs())
  }

  /**
   * Whether it was refused for what DocuSign had refused before, and not yet let go again: such calls lower the
   * account's standing (facts 1.5). Those that were under way together count but for the first.
   */
  get cameWhileBlocked(): boolean {
    return this.#cameWhileBlocked
  }

  /** The body of an answer that was asked for as it passes. */
  overheard(body: Buffer): void {
    const [type, coding] = [this.#header('content-type'), this.#header('content-encoding')]
    this.#parts.unite(readAliases(this.#call, body, type, coding))
  }

  /** Whether it still holds: a call that waits for a connection goes up when DocuSign may have blocked us meanwhile. */
  holds(): boolean {
    if (!this.admission.enforced) return true
    const nowMs = this.#parts.clock.nowMs()
    return !this.#account?.isBlocked(nowMs) && this.#parts.hosts.waitMs(this.#origin, nowMs) === 0
  }

  /** Right before it is sent: that it is spent has been written down when this returns (promise 11). */
  goes(): void {
    this.#parts.writeDown()
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
    this.#cameWhileBlocked = this.#isKnown(block, nowMs)
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
      // Its own downloads are counted here; who else downloads it cannot be known, nor when they end.
      case 'download':
        return undefined
    }
  }

  #isKnown(block: Block, nowMs: number): boolean {
    const { hosts, envelopes } = this.#parts
    if (block.kind === 'host') return hosts.waitMs(this.#origin, nowMs) > 0
    if (block.kind === 'account' || block.kind === 'unknown') return this.#account?.isBlocked(nowMs) === true
    if (block.kind !== 'envelope') return false
    const { account = '', envelope = '', methodClass } = this.#call
    return envelopes.waitMs(account, envelope, methodClass, nowMs) > 0
  }

  #header(name: string): string | undefined {
    const at = this.#headers.findIndex((word, i) => i % 2 === 0 && word.toLowerCase() === name)
    return at === -1 ? undefined : this.#headers[at + 1]
  }
}
