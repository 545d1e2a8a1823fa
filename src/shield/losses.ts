/**
 * What a 403 or 404 takes from its caller. Refused a part of an envelope, he loses his copies of all of it, because DocuSign
 * may have taken the whole from him; and he may then read once more what he lost, interval or not, because otherwise he
 * would be told to wait for what he could see a moment ago. Both only where the refusal is news: an app that asks for
 * a lock that is not there, again and again, says nothing new of the envelope, and must not get around the interval.
 */
import { makeStore } from '../base/store.js'

export interface Loss {
  /** Nobody has refused him this resource within the interval: his copies of the envelope are believed no more. */
  readonly isNews: boolean
  /** What he lost may pass once. */
  readonly mayPass: boolean
}

export interface Losses {
  /** @param envelope, viewer as keys @param resource as `Call.resource` has it */
  refused(envelope: string, viewer: string, resource: string, nowMs: number): Loss
  /** A 2xx: the next refusal is news again. */
  granted(envelope: string, viewer: string, resource: string): void
}

const MAX_KNOWN = 50_000
/** Of one envelope, in one interval: whoever finds new parts to be refused must not read the others each time. */
const MOST_PASSES = 4
const OLD_NEWS: Loss = { isNews: false, mayPass: false }

/** @param intervalMs `polling.interval`, as it is at the moment */
export function makeLosses(intervalMs: () => number, max: number = MAX_KNOWN): Losses {
  const refusals = makeStore<{ readonly atMs: number }>(max)
  const passes = makeStore<{ readonly sinceMs: number; count: number }>(max)

  return {
    refused(envelope, viewer, resource, nowMs) {
      const key = `${envelope} ${viewer} ${resource}`
      const before = refusals.get(key)
      if (before && nowMs - before.atMs < intervalMs()) return OLD_NEWS
      refusals.set(key, { atMs: nowMs })
      const own = `${envelope} ${viewer}`
      let counted = passes.get(own)
      if (!counted || nowMs - counted.sinceMs >= intervalMs()) {
        passes.set(own, (counted = { sinceMs: nowMs, count: 0 }))
      }
      counted.count++
      return { isNews: true, mayPass: counted.count <= MOST_PASSES }
    },
    granted(envelope, viewer, resource) {
      if (refusals.size > 0) refusals.delete(`${envelope} ${viewer} ${resource}`)
    },
  }
}
