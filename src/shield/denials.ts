/** To whom DocuSign has refused an envelope, or a part of it: what everybody on the account may see, they may not. */
import { makeStore } from '../base/store.js'

export interface Denials {
  /** A 403 or 404 came. @param viewers all names of the one who asked @param resource as `Call.resource` has it */
  add(envelope: string, viewers: readonly string[], resource: string): void
  /** A 2xx came. It takes back what was said of the same resource alone: whoever sees an envelope may not see each of its documents. */
  lift(envelope: string, viewers: readonly string[], resource: string): void
  has(envelope: string, viewers: readonly string[]): boolean
}

/** What falls out is asked for as if it had never been refused: `cache.share: account` says that it may be. */
const MAX_DENIALS = 10_000
/** More than one resource: no single answer takes that back. */
const SEVERAL = ''

export function makeDenials(max: number = MAX_DENIALS): Denials {
  const denied = makeStore<{ readonly resource: string }>(max)

  return {
    add(envelope, viewers, resource) {
      for (const viewer of viewers) {
        const key = `${envelope} ${viewer}`
        const before = denied.get(key)
        if (!before) denied.set(key, { resource })
        else if (before.resource !== resource) denied.set(key, { resource: SEVERAL })
      }
    },
    lift(envelope, viewers, resource) {
      if (denied.size === 0) return
      for (const viewer of viewers) {
        const key = `${envelope} ${viewer}`
        if (denied.get(key)?.resource === resource) denied.delete(key)
      }
    },
    has: (envelope, viewers) =>
      denied.size > 0 && viewers.some(viewer => denied.get(`${envelope} ${viewer}`) !== undefined),
  }
}
