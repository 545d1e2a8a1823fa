/**
 * What passing calls teach: which tokens DocuSign accepts, which envelopes have reached their end, and what a write has
 * made of the copies that there are.
 */
import type { Clock } from '../base/clock.js'
import { readMessage } from './connect-message.js'
import type { Copies } from './copies.js'
import type { Copy, Which } from './copy.js'
import type { Denials } from './denials.js'
import type { Diary } from './diary.js'
import { Ear } from './ear.js'
import { isEvidence } from './evidence.js'
import { makeOAuthTraffic } from './oauth-traffic.js'
import type { Losses } from './losses.js'
import type { Polls } from './polls.js'
import { isTerminal, MAX_SIGHT_BYTES, readSightings, sightRoute, type Sighting } from './statuses.js'
import type { Terminal } from './terminal.js'
import type { Tokens } from './tokens.js'
import { touchOf } from './touches.js'
import { envelopeKey, type Visitor } from './visitor.js'

export interface LearningParts {
  readonly clock: Clock
  readonly tokens: Tokens
  readonly terminal: Terminal
  readonly polls: Polls
  readonly copies: Copies
  readonly diary: Diary
  readonly denials: Denials
  readonly losses: Losses
  /** Nothing that is under way for these may be kept. */
  readonly voidFetches: (which: Which) => void
  /** All keys under which something of an account may be kept. */
  readonly accountKeysOf: (account: string) => readonly string[]
}

export interface Learning {
  /** The head of an answer came to an attempt that was sent at `sentMs`. */
  answered(visitor: Visitor, status: number, sentMs: number): void
  /** None came. `maybe`: DocuSign may have received the call. */
  failed(visitor: Visitor, left: 'never' | 'maybe'): void
  /** Listens to the body of an answer, where it has something to say. */
  ear(visitor: Visitor, status: number, lines: readonly string[]): Ear | undefined
  /** The body came whole, to a call of `sentMs`. Returns the envelopes that it showed. */
  heard(visitor: Visitor, ear: Ear, sentMs: number): readonly Sighting[]
  /** A message of DocuSign Connect, signed by it. @returns whether it said anything of an envelope's end */
  connected(message: Buffer): boolean
  /** Whether an answer to a fetch of `sentMs` says what will stay true: its envelope had reached its end by then. */
  isFinal(visitor: Visitor, sentMs: number, shown: readonly Sighting[]): boolean
}

const CREATION = '/v2.1/accounts/{accountId}/envelopes'

export function makeLearning(parts: LearningParts): Learning {
  const { clock, tokens, terminal, polls, copies, diary, denials, losses, voidFetches, accountKeysOf } = parts
  const oauth = makeOAuthTraffic(tokens)

  function drop(which: Which): readonly Copy[] {
    voidFetches(which)
    return copies.drop(which)
  }

  function written(envelope: string, nowMs: number): void {
    polls.written(envelope, nowMs)
    diary.written(envelope, nowMs)
  }

  /** A write has ended, or may have. From now on each of its resources may be read once more, and no copy is true. */
  function touched({ call, account, headers, body }: Visitor, nowMs: number): void {
    if (call.account === undefined) return
    const touch = touchOf(call, body, headers['content-type'])
    const names = accountKeysOf(call.account)
    // A new envelope changes no other, but lists show it.
    if (touch.kind === 'none' && !(call.method === 'POST' && call.route === CREATION)) return
    if (touch.kind === 'account') {
      const dropped = names.flatMap(name => drop({ account: name }))
      const envelopes = new Set(dropped.map(({ envelope }) => envelope))
      for (const envelope of envelopes) if (envelope !== '') written(envelope, nowMs)
    } else if (touch.kind === 'envelopes') {
      for (const guid of touch.envelopes) {
        const envelope = envelopeKey(guid)
        drop({ envelope })
        written(envelope, nowMs)
      }
    }
    // Lists of the account may show it, too: a new envelope, for one.
    for (const name of names) drop({ account: name, envelope: '' })
    written(account, nowMs)
  }

  function sighted({ status, purgeState }: Sighting, envelope: string, nowMs: number): void {
    if (isTerminal(status) && terminal.know(envelope, nowMs)) diary.terminal(envelope, nowMs)
    if (isPurged(purgeState)) drop({ envelope })
  }

  return {
    answered(visitor, status, sentMs) {
      const { call, headers, credential, envelope } = visitor
      const nowMs = clock.nowMs()
      if (call.service === 'api' && credential !== undefined && credential.id !== '') {
        if (status === 401) tokens.forget(credential, nowMs)
        else if (status >= 200 && status <= 299) {
          if (isEvidence(call, headers)) tokens.accepted(credential, sentMs, call.account ?? '')
          if (envelope !== '') {
            const viewers = tokens.namesOf(credential)
            denials.lift(envelope, viewers, call.resource)
            for (const viewer of viewers) losses.granted(envelope, viewer, call.resource)
          }
        } else if ((status === 403 || status === 404) && envelope !== '') {
          // By each of his names, because the one that we know him by may be forgotten again.
          const viewers = tokens.namesOf(credential)
          for (const viewer of viewers) {
            const { isNews, mayPass } = losses.refused(envelope, viewer, call.resource, nowMs)
            const lost = isNews ? drop({ envelope, viewer }).length : 0
            if (lost > 0 && mayPass) written(lossKey(envelope, viewer), nowMs)
          }
          denials.add(envelope, viewers, call.resource)
        }
      }
      // Refused as it was, a write has changed nothing; and a stranger's must not cost others their copies.
      if (call.methodClass === 'write' && (status < 400 || status > 499)) touched(visitor, nowMs)
    },

    failed(visitor, left) {
      if (left === 'maybe' && visitor.call.methodClass === 'write') touched(visitor, clock.nowMs())
    },

    ear({ call }, status, lines) {
      if (call.service === 'oauth') {
        const maxBytes = status === 200 ? oauth.wantsBytes(call) : undefined
        return maxBytes === undefined ? undefined : new Ear(maxBytes, lines)
      }
      return sightRoute(call, status) === undefined ? undefined : new Ear(MAX_SIGHT_BYTES, lines)
    },

    heard(visitor, ear, sentMs) {
      const { call, headers, body } = visitor
      const answer = ear.whole()
      if (!answer) return []
      const encoding = ear.header('content-encoding')
      if (call.service === 'oauth') {
        oauth.learn(call, { headers, body, sentMs, answer, encoding: encoding ?? '' })
        return []
      }
      const shown = readSightings(call, answer, ear.header('content-type'), encoding)
      const nowMs = clock.nowMs()
      for (const sighting of shown) {
        // Its own key is made already.
        const isOwn = sighting.envelope === call.envelope
        sighted(sighting, isOwn ? visitor.envelope : envelopeKey(sighting.envelope), nowMs)
      }
      return shown
    },

    connected(body) {
      const message = readMessage(body)
      if (!message) return false
      const envelope = envelopeKey(message.envelope)
      const nowMs = clock.nowMs()
      if (message.isTerminal && terminal.know(envelope, nowMs)) diary.terminal(envelope, nowMs)
      if (message.isGone) drop({ envelope })
      return true
    },

    isFinal({ call, envelope }, sentMs, shown) {
      if (envelope === '') return false
      const own = shown.find(sighting => sighting.envelope === call.envelope)
      if (own) return isTerminal(own.status) && !isPurged(own.purgeState)
      const sinceMs = terminal.sinceMs(envelope)
      return sinceMs !== undefined && sinceMs <= sentMs
    },
  }
}

/** What a refusal has taken from a viewer he may read once more: no copy is left to answer him inside the interval. */
export function lossKey(envelope: string, viewer: string): string {
  return `${envelope} ${viewer}`
}

/** Its documents are about to vanish, or have (facts 6.3). */
function isPurged(purgeState: string | undefined): boolean {
  return purgeState !== undefined && purgeState.toLowerCase() !== 'unpurged'
}
