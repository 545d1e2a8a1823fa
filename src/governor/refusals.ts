/** What a call hears that may not go: why, in words for a person, and when to come again. */
import type { LimitsShown, Reason, Refusal } from '../base/types.js'
import type { Hold, Standing } from './standing.js'
import type { Turned } from './waiter.js'

const REASON: Record<Hold, Reason> = {
  hour: 'hour-spent',
  burst: 'burst-spent',
  // What the first call's answer will say is not known yet; the shortest window stands for it.
  first: 'burst-spent',
  blocked: 'upstream-blocked',
}

const WHY: Record<Hold, string> = {
  hour: "This account's calls of the hour are spent.",
  burst: "This account's calls of the last seconds are at DocuSign's burst limit.",
  first: 'The first call of this account is under way alone, until its answer tells the limits.',
  blocked: 'DocuSign refuses the calls of this account.',
}

export function turnedRefusal(turned: Turned, standing: Standing): Refusal {
  if (turned.reason === 'drained') return SHUTTING_DOWN
  const { by, retryAfterMs } = turned
  const full = turned.reason === 'queue-full'
  const why = full ? 'As many calls of this account wait already as may wait.' : WHY[by]
  return {
    kind: 'refusal',
    reason: full ? 'queue-full' : REASON[by],
    // A block of unknown kind is no window's.
    ...(by !== 'blocked' && { window: by === 'hour' ? 'hour' : 'burst' }),
    message: `${why} This one was not sent; it can be in ${seconds(retryAfterMs)}.`,
    retryAfterMs,
    limits: shown(standing),
  }
}

/** As many wait already, before a gate or in the lane. @param waitMs how long the gate is still shut, if one is */
export function fullRefusal(waitMs: number | undefined, standing: Standing): Refusal {
  return {
    kind: 'refusal',
    reason: 'queue-full',
    window: 'burst',
    message: 'As many calls of this account wait already as may wait. This one was not sent.',
    retryAfterMs: waitMs ?? 0,
    limits: shown(standing),
  }
}

export const SHUTTING_DOWN: Refusal = {
  kind: 'refusal',
  reason: 'shutting-down',
  message: 'The governor is shutting down and takes no more calls. This one was not sent.',
}

/** `state.onLoss: closed`. When it comes back nobody knows. */
export const STATE_UNAVAILABLE: Refusal = {
  kind: 'refusal',
  reason: 'state-unavailable',
  message: 'The store that the governors share is lost, and the settings say to send nothing without it.',
}

/** 444: nothing goes to that host. */
export function hostRefusal(waitMs: number): Refusal {
  return {
    kind: 'refusal',
    reason: 'upstream-blocked',
    message: `DocuSign's traffic management has blocked us (444). This call was not sent; it can be in ${seconds(waitMs)}.`,
    retryAfterMs: waitMs,
  }
}

/** DocuSign has refused this very envelope. */
export function envelopeRefusal(waitMs: number, isWrite: boolean, standing: Standing): Refusal {
  return {
    kind: 'refusal',
    reason: isWrite ? 'burst-spent' : 'poll-too-soon',
    message: `DocuSign has refused calls on this envelope for a limit. This one was not sent; it can be in ${seconds(waitMs)}.`,
    retryAfterMs: waitMs,
    limits: shown(standing),
  }
}

/** As many downloads of this document are in progress as may be. */
export function downloadRefusal(standing: Standing): Refusal {
  return {
    kind: 'refusal',
    reason: 'burst-spent',
    message: 'As many downloads of this document are in progress as DocuSign allows. This one was not sent.',
    limits: shown(standing),
  }
}

export function shown({ hour, burst }: Standing): LimitsShown {
  return {
    hourLimit: hour.limit,
    hourRemaining: hour.remaining,
    resetAtSeconds: hour.resetAtSeconds,
    burstLimit: burst.limit,
    burstRemaining: burst.remaining,
  }
}

function seconds(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))} s`
}
