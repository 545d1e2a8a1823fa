/**
 * Envelopes that drew one of DocuSign's per-envelope limits (facts 1.1, 1.5). Their thresholds are unpublished, so
 * nothing can be counted ahead: the first refusal is the news, and until its window ends the envelope rests.
 */
import type { MethodClass } from '../base/types.js'
import { makeHolds } from './holds.js'

export interface EnvelopeHolds {
  /** `of`: the reads (`…_ENVELOPE_POLLING_…`) or the writes (`…_APIINVOCATION_ENVELOPE_…`) of that envelope. */
  holdUntil(account: string, envelope: string, of: 'read' | 'write', untilMs: number): void
  /** How long a call of this class on this envelope, or on anything beneath it, must wait; 0 is "not at all". */
  waitMs(account: string, envelope: string, methodClass: MethodClass, nowMs: number): number
  /** Envelopes whose reads, or whose writes, rest; one of which both do counts twice. */
  heldAt(nowMs: number): number
  readonly size: number
}

/** An entry is some 300 bytes, and only answers of DocuSign's make one. */
const MAX_ENVELOPES = 10_000

export function makeEnvelopeHolds(): EnvelopeHolds {
  const holds = makeHolds(MAX_ENVELOPES)
  return {
    holdUntil: (account, envelope, of, untilMs) => holds.holdUntil(`${of} ${account} ${envelope}`, untilMs),
    waitMs(account, envelope, methodClass, nowMs) {
      // Every call asks, and almost never is there anything to know.
      if (holds.isUnused) return 0
      const of = methodClass === 'write' ? 'write' : 'read'
      return holds.waitMs(`${of} ${account} ${envelope}`, nowMs)
    },
    heldAt: nowMs => holds.heldAt(nowMs),
    get size() {
      return holds.size
    },
  }
}
