/** A refusal's own answer: status, code, headers and body, from one table that the compiler keeps complete. */
import type { Call, LimitsShown, Outcome, Reason, Refusal } from '../base/types.js'
import type { Failure } from '../forward/exchange.js'
import type { Governor } from '../governor/governor.js'
import { ours } from './added.js'
import { TOO_LARGE } from './receive.js'

const HOUR_CODE = 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED'

const REFUSALS: Record<Reason, { status: number; errorCode: string; outcome: Outcome; retry: boolean }> = {
  'hour-spent': limit(HOUR_CODE),
  'burst-spent': limit('BURST_APIINVOCATION_LIMIT_EXCEEDED'),
  'queue-full': limit('BURST_APIINVOCATION_LIMIT_EXCEEDED'),
  'poll-too-soon': limit('HOURLY_ENVELOPE_POLLING_LIMIT_EXCEEDED'),
  'upstream-blocked': refused(503, 'GOVERNOR_UPSTREAM_BLOCKED'),
  'upstream-unreachable': { ...refused(502, 'GOVERNOR_UPSTREAM_UNREACHABLE'), outcome: 'failed' },
  'upstream-timeout': { ...refused(504, 'GOVERNOR_UPSTREAM_TIMEOUT'), outcome: 'failed' },
  // The same request would be refused again, so there is no time at which to retry it.
  'bad-request': { ...refused(400, 'GOVERNOR_BAD_REQUEST'), retry: false },
  'shutting-down': refused(503, 'GOVERNOR_SHUTTING_DOWN'),
  'state-unavailable': refused(503, 'GOVERNOR_STATE_UNAVAILABLE'),
}

export const SHUTTING_DOWN: Refusal = {
  kind: 'refusal',
  reason: 'shutting-down',
  message: 'The governor is shutting down and takes no more calls. This one was not sent.',
}

function refused(status: number, errorCode: string) {
  return { status, errorCode, outcome: 'refused' as Outcome, retry: true }
}

function limit(errorCode: string) {
  return refused(429, errorCode)
}

export function refusalMessage(refusal: Refusal) {
  const { errorCode, outcome, retry, ...row } = REFUSALS[refusal.reason]
  const head = ['Content-Type', 'application/json', 'X-Governor-Refusal', refusal.reason]
  if (retry) {
    const seconds = Math.max(1, Math.ceil((refusal.retryAfterMs ?? 0) / 1000))
    head.push('Retry-After', String(seconds))
  }
  if (refusal.limits) head.push(...limitLines(refusal.limits))
  head.push(...ours(outcome, `detail=${refusal.reason}`))
  const code = refusal.reason === 'queue-full' && refusal.window === 'hour' ? HOUR_CODE : errorCode
  const body = Buffer.from(JSON.stringify({ errorCode: code, message: refusal.message }))
  return { head, body, status: refusal.status ?? row.status, outcome }
}

/** As DocuSign's own refusals say it (facts 1.5), so that a client which reads those reads these. */
function limitLines(limits: LimitsShown): string[] {
  const { hourLimit, hourRemaining, resetAtSeconds, burstLimit, burstRemaining } = limits
  const lines = ['X-RateLimit-Limit', String(hourLimit), 'X-RateLimit-Remaining', String(hourRemaining)]
  if (resetAtSeconds !== undefined) lines.push('X-RateLimit-Reset', String(Math.ceil(resetAtSeconds)))
  lines.push('X-BurstLimit-Limit', String(burstLimit), 'X-BurstLimit-Remaining', String(burstRemaining))
  return lines
}

/** A refusal that says how the call's account stands: who reads that off DocuSign's answers needs it most in ours. */
export function asItStands(
  refusal: Refusal,
  { account }: Call,
  governor: Pick<Governor, 'limitsOf'>,
): Refusal {
  if (refusal.limits || account === undefined) return refusal
  return { ...refusal, limits: governor.limitsOf(account) }
}

/** @param isTooLarge its body outgrew what DocuSign takes, which ended it */
export function failureRefusal(failure: Failure, isTooLarge: boolean): Refusal {
  if (isTooLarge) return TOO_LARGE
  const sent =
    failure.left === 'never'
      ? 'The request was not sent.'
      : 'The request may have been received: before repeating a write, look whether it was done.'
  const timeout = failure.cause === 'timeout'
  return {
    kind: 'refusal',
    reason: timeout ? 'upstream-timeout' : 'upstream-unreachable',
    message: `${timeout ? 'DocuSign did not answer in time' : 'DocuSign could not be reached'} (${failure.code}). ${sent}`,
  }
}
