/** What an answer's headers say of its account's limits (facts 1.4). Asked of every answer, so it must cost next to nothing. */
import { secondsOfDate } from './http-date.js'

/** Each field is there only where its header said something that can be meant. */
export interface Limits {
  /** Calls DocuSign grants in an hour: 1 to 10,000,000. */
  readonly hourLimit?: number
  /** Calls left of it: 0 to the limit. */
  readonly hourRemaining?: number
  /** Epoch seconds. Whether it lies in the right hour is for those to judge who know the time. */
  readonly resetAtSeconds?: number
  readonly burstLimit?: number
  readonly burstRemaining?: number
  /** DocuSign's clock when it answered, epoch seconds. */
  readonly dateSeconds?: number
  /** How long DocuSign asks us to stay away: 0 to 86,400. It never did so far, and is obeyed if it does (facts 1.4). */
  readonly retryAfterSeconds?: number
}

const MAX_CALLS = 10_000_000
/** Eleven digits: a moment in milliseconds has thirteen. */
const MAX_EPOCH_SECONDS = 99_999_999_999
/** No window is longer than an hour, so whoever asks for more than a day means something else. */
const MAX_RETRY_AFTER_SECONDS = 86_400

/** No such header so far, and: one that cannot be meant, or two that contradict each other. */
const NONE = -1
const ODD = -2

/**
 * Names in any case; values as plain decimal numbers only: no sign, space, fraction, exponent or leading zero.
 * CLM's reset is a date (facts 1.4), and so is passed over. A field that is said twice must be the same both times.
 *
 * @param raw `[name, value, …]` as they came
 * @returns `undefined` where there is nothing to learn
 */
export function readLimits(raw: readonly string[]): Limits | undefined {
  let hourLimit = NONE
  let hourRemaining = NONE
  let resetAtSeconds = NONE
  let burstLimit = NONE
  let burstRemaining = NONE
  let date: string | undefined
  let retryAfter: string | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    // The length tells most names apart before any of them is folded to lower case.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === 'date') date = oneOf(date, raw[i + 1] as string)
        break
      case 11:
        if (name.toLowerCase() === 'retry-after') retryAfter = oneOf(retryAfter, raw[i + 1] as string)
        break
      case 17: {
        const folded = name.toLowerCase()
        if (folded === 'x-ratelimit-limit') {
          hourLimit = agreed(hourLimit, wholeIn(raw[i + 1] as string, 1, MAX_CALLS))
        } else if (folded === 'x-ratelimit-reset') {
          resetAtSeconds = agreed(resetAtSeconds, wholeIn(raw[i + 1] as string, 1, MAX_EPOCH_SECONDS))
        }
        break
      }
      case 18:
        if (name.toLowerCase() === 'x-burstlimit-limit') {
          burstLimit = agreed(burstLimit, wholeIn(raw[i + 1] as string, 1, MAX_CALLS))
        }
        break
      case 21:
        if (name.toLowerCase() === 'x-ratelimit-remaining') {
          hourRemaining = agreed(hourRemaining, wholeIn(raw[i + 1] as string, 0, MAX_CALLS))
        }
        break
      case 22:
        if (name.toLowerCase() === 'x-burstlimit-remaining') {
          burstRemaining = agreed(burstRemaining, wholeIn(raw[i + 1] as string, 0, MAX_CALLS))
        }
        break
    }
  }
  const dateSeconds = date === undefined ? ODD : (secondsOfDate(date) ?? ODD)
  const retryAfterSeconds = retryAfter === undefined ? ODD : secondsToStayAway(retryAfter, dateSeconds)
  const most = Math.max(hourLimit, hourRemaining, resetAtSeconds, burstLimit, burstRemaining)
  if (Math.max(most, dateSeconds, retryAfterSeconds) < 0) return undefined
  const limits: { -readonly [F in keyof Limits]: Limits[F] } = {}
  if (hourLimit >= 0) limits.hourLimit = hourLimit
  if (isLeftOf(hourRemaining, hourLimit)) limits.hourRemaining = hourRemaining
  if (resetAtSeconds >= 0) limits.resetAtSeconds = resetAtSeconds
  if (burstLimit >= 0) limits.burstLimit = burstLimit
  if (isLeftOf(burstRemaining, burstLimit)) limits.burstRemaining = burstRemaining
  if (dateSeconds >= 0) limits.dateSeconds = dateSeconds
  if (retryAfterSeconds >= 0) limits.retryAfterSeconds = retryAfterSeconds
  return limits
}

function agreed(before: number, now: number): number {
  return before === NONE || before === now ? now : ODD
}

/** '' is no date and no number, so two that contradict each other come to nothing. */
function oneOf(before: string | undefined, now: string): string {
  return before === undefined || before === now ? now : ''
}

/** More left than was granted is not left. */
function isLeftOf(remaining: number, limit: number): boolean {
  return remaining >= 0 && (limit < 0 || remaining <= limit)
}

const ZERO = 48

/** A plain decimal number from `min` to `max`, else ODD. */
function wholeIn(text: string, min: number, max: number): number {
  const { length } = text
  if (length === 0 || length > 11 || (length > 1 && text.charCodeAt(0) === ZERO)) return ODD
  let value = 0
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return ODD
    value = value * 10 + digit
  }
  return value >= min && value <= max ? value : ODD
}

/** RFC 9110: seconds, or the moment until which; the moment means something only beside DocuSign's own clock. */
function secondsToStayAway(text: string, dateSeconds: number): number {
  const seconds = wholeIn(text, 0, MAX_RETRY_AFTER_SECONDS)
  if (seconds >= 0 || dateSeconds < 0) return seconds
  const untilSeconds = secondsOfDate(text)
  if (untilSeconds === undefined || untilSeconds - dateSeconds > MAX_RETRY_AFTER_SECONDS) return ODD
  return Math.max(0, untilSeconds - dateSeconds)
}
