/** HTTP's one way to write a moment that is still sent: the IMF-fixdate (RFC 9110, 5.6.7). */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const ZERO = 48
const DAY_MS = 86_400_000
/** 1 January 1970 was a Thursday. */
const FIRST_DAY = 4

/**
 * Epoch seconds of `Thu, 09 Sep 2021 07:30:49 GMT`, from 1970 on; `undefined` for any other text, for a day that its
 * month has not, and for one of another weekday. Not `Date.parse`, which reads far more than anyone means.
 */
export function secondsOfDate(text: string): number | undefined {
  if (text.length !== 29 || !text.endsWith(' GMT') || !text.startsWith(', ', 3)) return undefined
  if (text[7] !== ' ' || text[11] !== ' ' || text[16] !== ' ' || text[19] !== ':' || text[22] !== ':') {
    return undefined
  }
  const month = MONTHS.indexOf(text.slice(8, 11))
  const day = digits(text, 5, 7)
  const year = digits(text, 12, 16)
  const hour = digits(text, 17, 19)
  const minute = digits(text, 20, 22)
  const second = digits(text, 23, 25)
  if (month < 0 || month % 3 !== 0) return undefined
  // NaN is in no range.
  if (!(day >= 1 && year >= 1970 && hour <= 23 && minute <= 59 && second <= 59)) return undefined
  const days = Date.UTC(year, month / 3, day) / DAY_MS
  // The 31st of a shorter month would be a day of the next.
  if (day > 28 && days >= Date.UTC(year, month / 3 + 1, 1) / DAY_MS) return undefined
  if (!text.startsWith(DAYS[(days + FIRST_DAY) % 7] as string)) return undefined
  return days * 86_400 + hour * 3_600 + minute * 60 + second
}

/** The number in these places, all of them digits, else NaN. */
function digits(text: string, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return NaN
    value = value * 10 + digit
  }
  return value
}
