/** Whose a copy is, and who may see it (promise 7). */
import type { Clock } from '../base/clock.js'
import type { Candidate } from '../base/commons.js'
import { keyOf } from '../base/key.js'
import type { Copies } from './copies.js'
import type { Copy } from './copy.js'
import type { Denials } from './denials.js'
import { lossKey } from './learn.js'
import { pollKeyOf, type Question } from './question.js'
import type { Tokens } from './tokens.js'

export interface WhoseParts {
  readonly clock: Clock
  readonly tokens: Tokens
  readonly copies: Copies
  readonly denials: Denials
  /** An account's names: the one that was used, and the other where it is known. */
  readonly namesOf: (account: string) => readonly string[]
  readonly config: () => { readonly enabled: boolean; readonly share: 'viewer' | 'account' }
}

export interface Whose {
  /** The best copy that this caller may see, now; one of any age. */
  copyFor(question: Question): Copy | undefined
  /** Those that it could be, were this caller accepted anew. */
  copiesOnceAccepted(question: Question): readonly Copy[]
  /** Their keys, as far as this caller may see them now; the own one first. */
  candidatesFor(question: Question): readonly Candidate[]
  /** All names of who asks. */
  namesOf(question: Question): readonly string[]
  /** Whether DocuSign's acceptance of this caller is fresh enough for a copy, or for what another's call brings. */
  mayRead(question: Question): boolean
  /** Whether a 401 was seen for him after a call that was sent then: what that is answered is for its own asker only. */
  isRefusedSince(question: Question, sentMs: number): boolean
  /** Under which key those find each other who may see the same. */
  twinKeyOf(question: Question): string
  /** Whose the answer to this question will be: '' is everybody's on the account. */
  ownerOf(question: Question, isPrivate: boolean): { readonly id: string; readonly viewer: string }
  /** Under which it stands that a refusal took this caller's copies of the envelope from him. */
  lossKeyOf(question: Question): string
  /** As which resource of which app it is polled. @param copy one that is of the same, and remembers it */
  pollKeyOf(question: Question, copy: Copy | undefined): string
}

const GUID_CHARS = 36

export function makeWhose({ clock, tokens, copies, denials, namesOf, config }: WhoseParts): Whose {
  /** Acting for another, or by a password, is never everybody's; nor is what says something of who asks. */
  function mayBeEverybodys(question: Question): boolean {
    if (config().share !== 'account' || question.isNeverFinal) return false
    const { credential } = question
    return credential.acting === '' && credential.legacy === ''
  }

  function idOf(question: Question, viewer: string): string {
    if (question.copyKey?.viewer !== viewer) {
      question.copyKey = { viewer, id: keyOf(question.account, viewer, question.representation) }
    }
    return question.copyKey.id
  }

  function isDenied({ envelope, credential }: Question): boolean {
    return denials.has(envelope, tokens.namesOf(credential))
  }

  /**
   * Whether DocuSign has accepted the caller on this very account: who was let go by it is still somebody's user. Userinfo
   * lists accounts by their GUIDs, so where only the number is known, a token that is accepted anywhere must do.
   */
  function mayRead({ credential, call }: Question, nowMs: number): boolean {
    const names = namesOf(call.account ?? '')
    if (names.some(name => tokens.isProvenOn(credential, name, nowMs))) return true
    const isNumber = names.length === 1 && names[0]?.length !== GUID_CHARS
    return isNumber && tokens.isProven(credential, nowMs)
  }

  /** Of what is not tracked no copy is kept; a HEAD may ask for what is. */
  function mayHaveCopy({ mayAnswer, isTracked, call }: Question): boolean {
    return mayAnswer && config().enabled && (isTracked || call.method !== 'GET')
  }

  /** Which app asks: the one that the base URI names, else the integration key where it is known, else the viewer. */
  function appOf({ call, credential }: Question): string {
    if (call.app.name !== '') return `app ${call.app.name}`
    return tokens.integrationKeyOf(credential) ?? tokens.viewerOf(credential)
  }

  return {
    copyFor(question) {
      const { credential, call } = question
      if (!mayHaveCopy(question)) return undefined
      const nowMs = clock.nowMs()
      const own = mayRead(question, nowMs)
        ? copies.find(idOf(question, tokens.viewerOf(credential)))
        : undefined
      if (!mayBeEverybodys(question) || isDenied(question)) return own
      const isAccepted = tokens.isProvenOn(credential, call.account ?? '', nowMs)
      const common = isAccepted ? copies.find(idOf(question, '')) : undefined
      if (!own || !common) return own ?? common
      return own.answeredMs > common.answeredMs ? own : common
    },
    copiesOnceAccepted(question) {
      if (!mayHaveCopy(question)) return []
      const own = copies.find(idOf(question, tokens.viewerOf(question.credential)))
      const isCommon = mayBeEverybodys(question) && !isDenied(question)
      const common = isCommon ? copies.find(idOf(question, '')) : undefined
      return [own, common].filter(copy => copy !== undefined)
    },
    candidatesFor(question) {
      if (!question.mayAnswer || !config().enabled) return []
      const { credential, call } = question
      const nowMs = clock.nowMs()
      const viewers = mayRead(question, nowMs) ? [tokens.viewerOf(credential)] : []
      const mayBeCommon = mayBeEverybodys(question) && !isDenied(question)
      if (mayBeCommon && tokens.isProvenOn(credential, call.account ?? '', nowMs)) viewers.push('')
      return viewers.map(viewer => ({ id: idOf(question, viewer), viewer }))
    },
    namesOf: ({ credential }) => tokens.namesOf(credential),
    twinKeyOf(question) {
      const viewer = tokens.viewerOf(question.credential)
      // As it is, where no copy will bear it: it is gone with the call, and SHA-256 is 1.5 µs.
      return question.isTracked
        ? idOf(question, viewer)
        : `${viewer}\0${question.account}\0${question.representation}`
    },
    mayRead: question => mayRead(question, clock.nowMs()),
    isRefusedSince: ({ credential }, sentMs) => tokens.isRefusedSince(credential, sentMs),
    ownerOf(question, isPrivate) {
      const isCommon = mayBeEverybodys(question) && !isPrivate
      const viewer = isCommon ? '' : tokens.viewerOf(question.credential)
      return { id: idOf(question, viewer), viewer }
    },
    lossKeyOf: ({ envelope, credential }) => lossKey(envelope, tokens.viewerOf(credential)),
    pollKeyOf(question, copy) {
      const app = appOf(question)
      // A copy is of one resource, so what it was polled as holds for whoever it answers, while the app is the same.
      const known = copy?.polled ?? question.polled
      const polled = known?.app === app ? known : { app, key: pollKeyOf(question, app) }
      question.polled = polled
      if (copy) copy.polled = polled
      return polled.key
    },
  }
}
