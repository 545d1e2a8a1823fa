/** `Range` → the part of a body that it means (RFC 9110, 14). */
import parseRange from 'range-parser'

/** The first byte and the last, counted from 0, both included. */
export interface Range {
  readonly start: number
  readonly end: number
}

const ONE_RANGE = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i

/**
 * `whole` where the line is to be ignored: it asks for several parts, in another unit, is not well formed, or the body is
 * empty and has no parts.
 *
 * The library is asked for one well-formed range at a time: it takes `0x1f` for 0 and `5-2` for a wish that cannot be
 * met, and a suffix longer than the body too, which means all of it.
 *
 * @param bytes of the body
 */
export function rangeOf(range: string, bytes: number): Range | 'whole' | 'unsatisfiable' {
  const [, first, last] = ONE_RANGE.exec(range) ?? []
  if (first === undefined || last === undefined || bytes === 0) return 'whole'
  if (first === '' && last === '') return 'whole'
  if (first !== '' && last !== '' && Number(last) < Number(first)) return 'whole'
  const to = first === '' ? Math.min(Number(last), bytes) : last
  const ranges = parseRange(bytes, `bytes=${first}-${to}`)
  const found = Array.isArray(ranges) ? ranges[0] : undefined
  return found ? { start: found.start, end: found.end } : 'unsatisfiable'
}
