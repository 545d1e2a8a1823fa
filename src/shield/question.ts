/** A call as the shield sees it: who asks, for what, and what may be done for him short of asking DocuSign. */
import { keyOf } from '../base/key.js'
import type { Credential } from './credential.js'
import { mayAnswer, mayKeep, mayLead } from './keepable.js'
import type { Visitor } from './learn.js'
import { isNeverFinal, isShieldable } from './never.js'
import { representationOf } from './representation.js'

export interface Question extends Visitor {
  readonly credential: Credential
  readonly representation: string
  /** A copy may answer it, if there is one. */
  readonly mayAnswer: boolean
  /** Its answer may be shared with others who ask the same: it asks for all of it, unconditionally. */
  readonly mayLead: boolean
  /** The polling rule speaks of it, and what it is answered is worth keeping. */
  readonly isTracked: boolean
  /** Whoever asks leaves it to us to keep the answer. */
  readonly mayKeep: boolean
  readonly isNeverFinal: boolean
}

export interface QuestionConfig {
  /** Identical list queries are polls, too. */
  readonly lists: boolean
}

/** Who cannot be told from others has no copies and no twins; but the polling rule speaks of him as well. */
const NOBODY: Credential = { token: '', hasBearer: false, legacy: '', acting: '', id: '' }
const LISTS: ReadonlySet<string> = new Set(['/v2.1/accounts/{accountId}/envelopes'])

/** @returns `undefined` where it is none of the shield's business */
export function questionOf(visitor: Visitor, { lists }: QuestionConfig): Question | undefined {
  const { call, headers, credential = NOBODY } = visitor
  if (call.service !== 'api' || (call.method !== 'GET' && call.method !== 'HEAD')) return undefined
  const isRead = call.method === 'GET'
  const isList = lists && isRead && LISTS.has(call.route)
  const isTracked = isList || (isRead && isShieldable(call))
  const answerable = credential !== NOBODY && mayAnswer(call, headers)
  if (!answerable && !isTracked) return undefined
  return {
    ...visitor,
    credential,
    representation: answerable || isList ? representationOf(call, headers) : '',
    mayAnswer: answerable,
    mayLead: answerable && mayLead(call, headers),
    isTracked,
    mayKeep: mayKeep(call, headers),
    isNeverFinal: isNeverFinal(call),
  }
}

export function envelopeKey(envelope: string): string {
  return keyOf('envelope', envelope)
}

/**
 * One key for one resource of one app. An envelope's GUID is its own wherever it stands, so the account, which has two names
 * (facts 4), and the version of the API are left out: DocuSign counts by envelope, in v2 and v2.1 alike (facts 1.1).
 */
export function pollKeyOf({ call, representation }: Question, app: string): string {
  if (call.envelope === undefined) return keyOf('poll', app, representation)
  return keyOf('poll', app, call.resource.slice(call.resource.indexOf('/envelopes/')))
}
