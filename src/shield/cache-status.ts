/** How a copy or a twin took part in an answer: the parameters of `Cache-Status` (RFC 9211, 2). */

/** Neither answered from a copy nor kept as one. */
export const BYPASS = 'fwd=bypass'
/** There was no copy; there is one now, or will be when the body has come whole. */
export const STORED = 'fwd=miss; stored'
/** There was no copy, and none was made. */
export const MISS = 'fwd=miss'
/** There was no copy; a twin in flight was asked in its stead. */
export const COLLAPSED = 'fwd=miss; collapsed'

/** @param ttlMs how long the copy may still answer: 0 or more */
export function hit(ttlMs: number): string {
  return `hit; ttl=${Math.max(0, Math.floor(ttlMs / 1000))}`
}

/**
 * A copy past its age, because DocuSign blocks or is down.
 *
 * @param staleMs how far past: more than 0. In whole seconds it is rounded up, because a ttl of 0 is not stale yet.
 */
export function staleHit(staleMs: number): string {
  return `hit; ttl=-${Math.max(1, Math.ceil(staleMs / 1000))}; detail=stale-if-error`
}
