/**
 * Accounts by name. Whoever calls may name as many as he likes, and each costs a kilobyte or two; so one for which
 * DocuSign has never done anything stands among the strangers, of whom there are few, and drives out no other.
 */
import { makeShelf, makeStore, type Store } from '../base/store.js'

export interface Acquaintance {
  readonly key: string
  /** DocuSign has answered a call for it with anything but an error. */
  readonly isMet: boolean
}

/** More than begin at once in the largest house; a tenth of those that are known. */
export const MAX_STRANGERS = 5_000

/** @param max of those that were met, 1 or more: beyond it the one used longest ago is forgotten */
export function makeAcquaintances<A extends Acquaintance>(
  max: number,
  maxStrangers = MAX_STRANGERS,
): Store<A> {
  const met = makeStore<A>(max)
  const strangers = makeShelf<A>(
    maxStrangers,
    () => 1,
    (account, why) => {
      // It was met since it came.
      if (why === 'evicted' && account.isMet) met.set(account.key, account)
    },
  )
  return {
    get(key) {
      const known = met.get(key)
      if (known) return known
      const stranger = strangers.get(key)
      if (stranger?.isMet !== true) return stranger
      strangers.delete(key)
      met.set(key, stranger)
      return stranger
    },
    peek: key => met.peek(key) ?? strangers.peek(key),
    set(key, account) {
      strangers.delete(key)
      if (account.isMet) met.set(key, account)
      else strangers.set(key, account)
    },
    delete(key) {
      met.delete(key)
      strangers.delete(key)
    },
    *values() {
      yield* met.values()
      yield* strangers.values()
    },
    get size() {
      return met.size + strangers.size
    },
  }
}
