/** Numbers and times as they are read. What nobody knows is a dash. */

const WHOLE = new Intl.NumberFormat('en-GB')
const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const SECOND = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

export function sayNumber(value) {
  return value === null || value === undefined ? '–' : WHOLE.format(value)
}

export function sayTime(ms) {
  return Number.isFinite(ms) ? MINUTE.format(ms) : '–'
}

export function saySecond(ms) {
  return Number.isFinite(ms) ? SECOND.format(ms) : '–'
}

/** `1,000 calls`, `1 call` */
export function sayCount(value, one, many = `${one}s`) {
  return `${sayNumber(value)} ${value === 1 ? one : many}`
}

/** `45 s`, `12 min`, `3 h 05 min`, `2 d 4 h` */
export function saySpan(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–'
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 100) return `${whole} s`
  const minutes = Math.round(whole / 60)
  if (minutes < 100) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

export function sayShare(part, whole) {
  return whole > 0 ? `${Math.round((part / whole) * 100)} %` : '–'
}

/** An account's GUID is cut to what tells it from others; the whole of it stands in the title. */
export function sayAccount(account) {
  return account.length > 20 ? `${account.slice(0, 8)}…${account.slice(-4)}` : account
}

/** What nearly all routes begin with says nothing. */
export function sayRoute(route) {
  return route.replace(/^\/v2\.1\/accounts\/\{accountId\}(?=\/)/, '…')
}
