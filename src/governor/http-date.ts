/** HTTP's one way to write a moment that is still sent: the IMF-fixdate (RFC 9110, 5.6.7). */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const ZERO = 48

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
  const moment = new Date(Date.UTC(year, month / 3, day, hour, minute, second))
  // The 31st of a shorter month would have become the first of the next.
  const isWhole = moment.getUTCDate() === day && text.startsWith(DAYS[moment.getUTCDay()] as string)
  return isWhole ? moment.getTime() / 1000 : undefined
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
