/** A call as the shield sees it: who asks, for what, and what may be done for him short of asking DocuSign. */
import type { IncomingHttpHeaders } from 'node:http'
import { keyOf } from '../base/key.js'
import type { Call } from '../base/types.js'
import type { Credential } from './credential.js'
import { mayAnswer, mayKeep, mayLead } from './keepable.js'
import { isNeverFinal, isShieldable } from './never.js'
import { representationOf } from './representation.js'
import { Caller, type Visitor } from './visitor.js'

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
  /** The key of its copy, and whose that is, once somebody has asked: SHA-256 is a good part of what a hit costs. */
  copyKey: { readonly viewer: string; readonly id: string } | undefined
  /** As what it is polled, likewise. */
  polled: { readonly app: string; readonly key: string } | undefined
}

export interface QuestionConfig {
  /** Identical list queries are polls, too. */
  readonly lists: boolean
}

/** Who cannot be told from others has no copies and no twins; but the polling rule speaks of him as well. */
const NOBODY: Credential = { token: '', hasBearer: false, legacy: '', acting: '', id: '' }
const NO_LINES: IncomingHttpHeaders = {}
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
  const representation = answerable || isList ? representationOf(call, headers) : ''
  return new Asked(visitor, credential, { representation, mayAnswer: answerable, isTracked })
}

/** A class, because an object that is spread out of another costs more than all that is asked here (measured). */
class Asked implements Question {
  readonly call: Call
  readonly headers: IncomingHttpHeaders
  readonly account: string
  readonly body: Buffer | undefined
  readonly credential: Credential
  readonly representation: string
  readonly mayAnswer: boolean
  readonly mayLead: boolean
  readonly isTracked: boolean
  copyKey: Question['copyKey'] = undefined
  polled: Question['polled'] = undefined
  readonly #visitor: Visitor

  constructor(
    visitor: Visitor,
    credential: Credential,
    is: Pick<Question, 'representation' | 'mayAnswer' | 'isTracked'>,
  ) {
    const { call, headers, account, body } = visitor
    this.#visitor = visitor
    this.call = call
    this.headers = headers
    this.account = account
    this.body = body
    this.credential = credential
    this.representation = is.representation
    this.mayAnswer = is.mayAnswer
    this.mayLead = is.mayAnswer && mayLead(call, headers)
    this.isTracked = is.isTracked
  }

  get envelope(): string {
    return this.#visitor.envelope
  }

  // What a copy answers never asks for these.
  get mayKeep(): boolean {
    return mayKeep(this.call, this.headers)
  }

  get isNeverFinal(): boolean {
    return isNeverFinal(this.call)
  }
}

/**
 * The same without header lines, for one knows whom they name and what they ask for by now, and a token stands among them;
 * `undefined` where they ask for a part, or under a condition, and where what is asked for is not kept.
 */
export function bareOf(question: Question): Question | undefined {
  const { call, credential, representation, isTracked, mayLead } = question
  if (!isTracked || !mayLead) return undefined
  const { account } = question
  const bare = new Caller(call, NO_LINES, credential, () => account, undefined)
  const asked = new Asked(bare, credential, { representation, mayAnswer: true, isTracked })
  asked.copyKey = question.copyKey
  return asked
}

/**
 * One key for one resource of one app. An envelope's GUID is its own wherever it stands, so the account, which has two names
 * (facts 4), and the version of the API are left out: DocuSign counts by envelope, in v2 and v2.1 alike (facts 1.1).
 */
export function pollKeyOf({ call, representation }: Question, app: string): string {
  if (call.envelope === undefined) return keyOf('poll', app, representation)
  return keyOf('poll', app, call.resource.slice(call.resource.indexOf('/envelopes/')))
}
