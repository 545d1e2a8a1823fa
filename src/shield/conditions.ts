/** Whether the client has already what the copy holds (RFC 9110, 13). */
import type { IncomingHttpHeaders } from 'node:http'
import fresh from 'fresh'

/**
 * The three forms of an HTTP date. Checked before `Date.parse` sees it, because that reads far more than anyone means,
 * and takes the last form, which names no zone, for local time.
 */
const FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/
const RFC850_DATE = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/

/** Epoch milliseconds; NaN for any other text, which compares with nothing. */
function dateMs(text: string | undefined): number {
  if (text === undefined) return NaN
  if (FIXDATE.test(text) || RFC850_DATE.test(text)) return Date.parse(text)
  return ASCTIME_DATE.test(text) ? Date.parse(`${text} GMT`) : NaN
}

/**
 * Whether a GET or HEAD is to be told 304. `If-None-Match` compares weakly; `If-Modified-Since` counts only without it,
 * and only as a date. The request's `Cache-Control` has no say here, because the copy is what there is.
 *
 * @param lastModified the copy's, where it has one
 */
export function isUnchanged(
  headers: IncomingHttpHeaders,
  etag: string,
  lastModified: string | undefined,
): boolean {
  const noneMatch = headers['if-none-match']
  if (noneMatch !== undefined) return fresh({ 'if-none-match': noneMatch.replaceAll('\t', ' ') }, { etag })
  const since = dateMs(headers['if-modified-since'])
  const modified = dateMs(lastModified)
  if (Number.isNaN(since) || Number.isNaN(modified)) return false
  return fresh(
    { 'if-modified-since': new Date(since).toUTCString() },
    { 'last-modified': new Date(modified).toUTCString() },
  )
}

/**
 * Whether a Range may be served in spite of its `If-Range`. A date proves nothing of what came within its own second,
 * so it must lie a whole one before the copy's `Date` (RFC 9110, 8.8.2.2).
 */
export function isRangeOf(
  ifRange: string,
  etag: string,
  lastModified: string | undefined,
  date: string | undefined,
): boolean {
  if (ifRange.startsWith('"')) return ifRange === etag
  const modified = dateMs(lastModified)
  return dateMs(ifRange) === modified && dateMs(date) - modified >= 1000
}
