/**
 * What DocuSign has said of credentials: whose they are, and that it takes them. Only its own answers count, and
 * each proves what was asked and no more:
 *
 * - a 2xx under `/accounts/…` proves the credential, and that it may act as it did, on that account;
 * - userinfo's 200 proves the token, and the user's accounts, but not that it may act for anybody;
 * - a token endpoint's 200 says whose a token is. That it is taken is still to be seen.
 *
 * An answer proves that DocuSign took the credential at some moment after the call was SENT. It may have been revoked while
 * the answer was on its way, so a proof is as old as its call; and an answer to a call that was sent before a 401 was seen
 * changes nothing any more.
 */
import { keyOf } from '../base/key.js'
import { makeStore } from '../base/store.js'
import type { Credential } from './credential.js'
import { accountProofKey, makeProofs, NEVER, proofKey, type Subject } from './proofs.js'

export interface TokensConfig {
  /** How long an acceptance is believed (`identity.recheck`); 0 believes none. */
  readonly recheckMs: number
}

/** All times are of `Clock.nowMs`; `sentMs` is when the call was sent whose answer says so. */
export interface Tokens {
  /**
   * A 2xx came. There must be an account in the path, because DocuSign answers some paths without one to anybody
   * (`/service_information`), and would prove a forged token by it.
   *
   * @param account as a key (`Call.account`); the GUID where it is known, as userinfo knows no other name
   */
  accepted(credential: Credential, sentMs: number, account: string): void
  /** `/oauth/userinfo` answered 200 to this `Credential.token`. @param told ids in lower case */
  told(token: string, told: Told, sentMs: number): void
  /** A token endpoint answered 200 with this `Credential.token`. @param issued ids in lower case */
  issued(token: string, issued: Issued, sentMs: number): void
  /** Another node was told so by DocuSign. @param proofs by their keys, when the call was sent that proved it */
  adopt(token: string, known: Adopted): void
  /** Something may have been missed: what is proven has to be proven anew, or heard of again. */
  doubt(): void
  /** A 401 came: nothing is known of this token any more, whatever it came with. @param nowMs when it was seen */
  forget(credential: Pick<Credential, 'token' | 'id'>, nowMs: number): void
  /** A 401 was seen after a call that was sent then. */
  isRefusedSince(credential: Pick<Credential, 'token' | 'id'>, sentMs: number): boolean
  /** Whose copies these are: the user's where that is known, else the credential's own. One key. */
  viewerOf(credential: Credential): string
  /** The viewer, and whom it is taken for while nobody has told whose it is: copies may lie under either. */
  namesOf(credential: Credential): readonly string[]
  /** The key of the integration key behind a token, where a token endpoint told. */
  integrationKeyOf(credential: Credential): string | undefined
  knowsUser(credential: Credential): boolean
  /** Userinfo has said within the recheck on which accounts this token is accepted. */
  isTold(credential: Credential, nowMs: number): boolean
  /** DocuSign has taken it, acting as it does, within the recheck: its viewer's copies may answer it. */
  isProven(credential: Credential, nowMs: number): boolean
  /** The same on this account: any copy of the account may answer it, where the operator chose so (`cache.share`). */
  isProvenOn(credential: Credential, account: string, nowMs: number): boolean
  configure(config: TokensConfig): void
  /** Entries held. */
  readonly sizes: { readonly tokens: number; readonly proofs: number; readonly refused: number }
}

export interface Told {
  readonly user: string
  readonly accounts: readonly string[]
}

export interface Issued {
  readonly integrationKey?: string
  readonly user?: string
}

export interface Adopted {
  readonly user: string | undefined
  readonly integrationKey: string | undefined
  readonly toldMs: number
  readonly proofs: ReadonlyMap<string, number>
}

interface Known extends Subject {
  epoch: number
  user: string | undefined
  integrationKey: string | undefined
  toldMs: number
}

/** With their proofs some 570 bytes each (measured); what falls out has to be proven anew, and that is all. */
const MAX_TOKENS = 100_000
/** A 401 must outlive the calls in flight, a minute; apart from the rest, so that forged tokens push out no true one. */
const MAX_REFUSED = 10_000
/** On more accounts than these userinfo proves nothing, because one user's list must not push out everybody's proofs. */
export const MAX_TOLD_ACCOUNTS = 100

/** @param max tokens remembered, and proofs beside those of tokens alone: 1 or more */
export function makeTokens({
  recheckMs,
  max = MAX_TOKENS,
}: TokensConfig & { readonly max?: number }): Tokens {
  let believedMs = recheckMs
  let epochs = 0
  const tokens = makeStore<Known>(max)
  const proofs = makeProofs(max)
  const refused = makeStore<{ readonly atMs: number }>(Math.min(max, MAX_REFUSED))

  function isRefusedSince(root: string, sentMs: number): boolean {
    const refusal = refused.get(root)
    return refusal !== undefined && sentMs <= refusal.atMs
  }

  /** The entry that an answer to this call may add to; `undefined` where a 401 came after it was sent. */
  function learning(root: string, sentMs: number): Known | undefined {
    if (isRefusedSince(root, sentMs)) return undefined
    const before = tokens.get(root)
    if (before) return before
    const known = {
      epoch: ++epochs,
      user: undefined,
      integrationKey: undefined,
      provenMs: NEVER,
      toldMs: NEVER,
    }
    tokens.set(root, known)
    return known
  }

  function isFresh(credential: Credential, key: string, nowMs: number): boolean {
    const known = tokens.get(rootOf(credential))
    return known !== undefined && nowMs - proofs.latestMs(known, key) < believedMs
  }

  function nameOf({ legacy, acting }: Credential, who: string): string {
    return legacy === '' && acting === '' ? who : keyOf(who, legacy, acting)
  }

  function userOf({ token, legacy }: Credential): string | undefined {
    // Which of two credentials DocuSign goes by is its own affair, so userinfo, which saw one, has not told of both.
    // Whoever asks for it looks at its proof as well, and that counts as its use.
    return legacy === '' ? tokens.peek(token)?.user : undefined
  }

  return {
    accepted(credential, sentMs, account) {
      const known = learning(rootOf(credential), sentMs)
      if (!known) return
      const { id, legacy, acting } = credential
      proofs.add(known, proofKey(credential), sentMs)
      // Whoever may act for another has been let in first; on the account, only as that other.
      if (acting !== '') proofs.add(known, proofKey({ id, legacy, acting: '' }), sentMs)
      proofs.add(known, accountProofKey(credential, account), sentMs)
    },
    told(token, { user, accounts }, sentMs) {
      const known = learning(token, sentMs)
      if (!known) return
      const alone = { id: token, legacy: '', acting: '' }
      known.user = userKey(user)
      known.toldMs = Math.max(known.toldMs, sentMs)
      proofs.add(known, proofKey(alone), sentMs)
      for (const account of accounts.slice(0, MAX_TOLD_ACCOUNTS)) {
        proofs.add(known, accountProofKey(alone, account), sentMs)
      }
    },
    issued(token, { integrationKey, user }, sentMs) {
      const known = learning(token, sentMs)
      if (!known) return
      // Userinfo says whose a token is, an assertion only whose it was to be.
      if (user !== undefined) known.user ??= userKey(user)
      if (integrationKey !== undefined) known.integrationKey = integrationKeyOf(integrationKey)
    },
    adopt(token, { user, integrationKey, toldMs, proofs: proven }) {
      const latestMs = Math.max(toldMs, ...proven.values())
      const known = learning(token, latestMs)
      if (!known) return
      known.user ??= user
      known.integrationKey ??= integrationKey
      for (const [key, sentMs] of proven) if (!isRefusedSince(token, sentMs)) proofs.add(known, key, sentMs)
      if (!isRefusedSince(token, toldMs)) known.toldMs = Math.max(known.toldMs, toldMs)
    },
    doubt() {
      for (const known of tokens.values()) {
        known.epoch = ++epochs
        known.provenMs = NEVER
        known.toldMs = NEVER
      }
    },
    forget(credential, nowMs) {
      const root = rootOf(credential)
      tokens.delete(root)
      refused.set(root, { atMs: nowMs })
    },
    isRefusedSince: (credential, sentMs) => isRefusedSince(rootOf(credential), sentMs),
    viewerOf: credential => nameOf(credential, userOf(credential) ?? credential.id),
    namesOf(credential) {
      const user = userOf(credential)
      const unknown = nameOf(credential, credential.id)
      return user === undefined ? [unknown] : [nameOf(credential, user), unknown]
    },
    integrationKeyOf: ({ token, legacy }) => (legacy === '' ? tokens.peek(token)?.integrationKey : undefined),
    knowsUser: credential => userOf(credential) !== undefined,
    isTold({ token }, nowMs) {
      const known = tokens.peek(token)
      return known !== undefined && nowMs - known.toldMs < believedMs
    },
    isProven: (credential, nowMs) => isFresh(credential, proofKey(credential), nowMs),
    isProvenOn: (credential, account, nowMs) =>
      isFresh(credential, accountProofKey(credential, account), nowMs),
    configure: next => void (believedMs = next.recheckMs),
    get sizes() {
      return { tokens: tokens.size, proofs: proofs.size, refused: refused.size }
    },
  }
}

/** With its token falls all that came beside it, because nobody can say which of them a 401 meant. */
export function rootOf({ token, id }: Pick<Credential, 'token' | 'id'>): string {
  return token === '' ? id : token
}

/** The word in front keeps users apart from tokens, in whose header there is no NUL. */
export function userKey(user: string): string {
  return keyOf('user', user)
}

export function integrationKeyOf(integrationKey: string): string {
  return keyOf('integration key', integrationKey)
}
