/** What this node learns that others must know: each of these does what it did, and tells. */
import type { Clock } from '../base/clock.js'
import type { Commons } from '../base/commons.js'
import { keyOf } from '../base/key.js'
import { makeStore } from '../base/store.js'
import type { Copies } from './copies.js'
import type { Denials } from './denials.js'
import type { Diary } from './diary.js'
import { accountProofKey, proofKey } from './proofs.js'
import { integrationKeyOf, MAX_TOLD_ACCOUNTS, rootOf, userKey, type Tokens } from './tokens.js'

/** What the others tell is heard in sessions: within one nothing of it was missed. */
export interface Hearing {
  session: number
}

export interface TellingParts {
  readonly commons: Commons
  readonly clock: Clock
  readonly hearing: Hearing
  readonly config: () => {
    readonly cache: { readonly share: 'viewer' | 'account' }
    readonly identity: { readonly recheckMs: number }
  }
}

export interface Telling {
  copies(copies: Copies): Copies
  diary(diary: Diary): Diary
  denials(denials: Denials): Denials
  tokens(tokens: Tokens): Tokens
}

/** A proof that is told already is told again when so much of its time has passed. */
const SHARE_OF_RECHECK = 4
const MAX_VOUCHED = 100_000

export function makeTelling({ commons, clock, hearing, config }: TellingParts): Telling {
  const vouched = makeStore<{ readonly sentMs: number }>(MAX_VOUCHED)

  /** A 2xx is a proof of what it was before: it is told so often that nobody need ask userinfo. */
  function isNews(key: string, sentMs: number): boolean {
    const again = config().identity.recheckMs / SHARE_OF_RECHECK
    if (!commons.isUp || sentMs - (vouched.get(key)?.sentMs ?? -Infinity) < again) return false
    vouched.set(key, { sentMs })
    return true
  }

  return {
    copies: copies => ({
      ...copies,
      // Alone, a node cannot say whether it is true what it fetched or confirmed before it last missed something.
      find(id) {
        const copy = copies.find(id)
        return copy && !commons.isUp && copy.session !== hearing.session ? undefined : copy
      },
      drop(which) {
        commons.drop(which)
        return copies.drop(which)
      },
    }),

    diary: diary => ({
      ...diary,
      written(key, nowMs) {
        diary.written(key, nowMs)
        // Those of a loss have two parts (`lossKey`).
        const [subject = '', viewer] = key.split(' ')
        if (viewer === undefined) commons.written(subject)
        else commons.lost(subject, viewer)
      },
      terminal(envelope, nowMs) {
        diary.terminal(envelope, nowMs)
        commons.terminal(envelope)
      },
    }),

    denials: denials => ({
      ...denials,
      add(envelope, viewers, resource) {
        denials.add(envelope, viewers, resource)
        if (config().cache.share === 'account') commons.denied(envelope, viewers, keyOf(resource))
      },
      lift(envelope, viewers, resource) {
        const wasDenied = denials.has(envelope, viewers)
        denials.lift(envelope, viewers, resource)
        if (wasDenied && !denials.has(envelope, viewers)) commons.lifted(envelope, viewers)
      },
    }),

    tokens: tokens => ({
      ...tokens,
      accepted(credential, sentMs, account) {
        tokens.accepted(credential, sentMs, account)
        const root = rootOf(credential)
        const own = accountProofKey(credential, account)
        if (!isNews(`${root} ${own}`, sentMs)) return
        const { id, legacy, acting } = credential
        const proofs = [proofKey(credential), own]
        if (acting !== '') proofs.push(proofKey({ id, legacy, acting: '' }))
        commons.vouch(root, { proofs }, clock.nowMs() - sentMs)
      },
      told(token, told, sentMs) {
        tokens.told(token, told, sentMs)
        const alone = { id: token, legacy: '', acting: '' }
        const accounts = told.accounts.slice(0, MAX_TOLD_ACCOUNTS)
        const proofs = [proofKey(alone), ...accounts.map(account => accountProofKey(alone, account))]
        commons.vouch(token, { user: userKey(told.user), isTold: true, proofs }, clock.nowMs() - sentMs)
      },
      issued(token, issued, sentMs) {
        tokens.issued(token, issued, sentMs)
        const user = issued.user === undefined ? undefined : userKey(issued.user)
        const { integrationKey: key } = issued
        const integrationKey = key === undefined ? undefined : integrationKeyOf(key)
        commons.vouch(token, { user, integrationKey, proofs: [] }, clock.nowMs() - sentMs)
      },
      forget(credential, nowMs) {
        tokens.forget(credential, nowMs)
        commons.refuse(rootOf(credential))
      },
      get sizes() {
        return tokens.sizes
      },
    }),
  }
}
