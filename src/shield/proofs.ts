/** When DocuSign last took what: a token alone, one with what came beside it, either on an account. */
import { keyOf } from '../base/key.js'
import { makeStore } from '../base/store.js'
import type { Credential } from './credential.js'

/** What is proven. It is forgotten by being dropped: the proofs that are left of it are nobody's. */
export interface Subject {
  /** No two are alike, so that a proof of what has been forgotten since is known by it. */
  readonly epoch: number
  /** The latest proof of the token alone, the plain case; before any, NEVER. */
  provenMs: number
}

export interface Proofs {
  /** An older one than is there takes nothing back. */
  add(subject: Subject, key: string, sentMs: number): void
  /** NEVER where there is none. */
  latestMs(subject: Subject, key: string): number
  readonly size: number
}

export const NEVER = -Infinity

/** One that is younger is renewed where it stands, because to put it in front of all others costs as much as the rest. */
const YOUNG_MS = 10_000

/** @param max proofs kept beside those of tokens alone */
export function makeProofs(max: number): Proofs {
  const proofs = makeStore<{ readonly epoch: number; sentMs: number; placedMs: number }>(max)
  return {
    add(subject, key, sentMs) {
      if (key === '') {
        subject.provenMs = Math.max(subject.provenMs, sentMs)
        return
      }
      const proof = proofs.peek(key)
      if (proof?.epoch === subject.epoch) {
        if (sentMs - proof.placedMs > YOUNG_MS) {
          proofs.get(key)
          proof.placedMs = sentMs
        }
        proof.sentMs = Math.max(proof.sentMs, sentMs)
      } else proofs.set(key, { epoch: subject.epoch, sentMs, placedMs: sentMs })
    },
    latestMs(subject, key) {
      if (key === '') return subject.provenMs
      const proof = proofs.get(key)
      return proof?.epoch === subject.epoch ? proof.sentMs : NEVER
    },
    get size() {
      return proofs.size
    },
  }
}

const MAX_ACCOUNT_CHARS = 36

type Acting = Pick<Credential, 'id' | 'legacy' | 'acting' | 'proof'>

/** '' is the token alone. */
export function proofKey({ id, legacy, acting }: Acting): string {
  return legacy === '' && acting === '' ? '' : `${id}.${acting}`
}

export function accountProofKey(credential: Acting, account: string): string {
  if (credential.proof?.account === account) return credential.proof.key
  const { id, acting } = credential
  // A caller writes whatever he likes there, so what is longer than any account is not kept as it is.
  const key = `${id}.${acting}.${account.length > MAX_ACCOUNT_CHARS ? keyOf('account', account) : account}`
  credential.proof = { account, key }
  return key
}
