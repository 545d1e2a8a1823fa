/**
 * Whose is a token? `GET /oauth/userinfo` says so, and by the same answer that DocuSign still takes it. It has limits of
 * its own, per user and per integration key, whose numbers are not known (facts 1.3): so it is asked rarely, one
 * call a token at a time, and not at all for a while once it said no. Without it a token is just its hash: it has its
 * own copies, and a 2xx proves it.
 */
import type { Clock } from '../base/clock.js'
import { makeStore } from '../base/store.js'
import type { Credential } from './credential.js'
import { fieldsOf } from './oauth-json.js'
import { makePause } from './pause.js'
import type { Tokens } from './tokens.js'
import { MAX_USERINFO_BYTES, readUserinfo } from './userinfo.js'

export interface Introspected {
  readonly status: number
  /** How long to stay away, by `Retry-After` or `X-RateLimit-Reset`. */
  readonly retryAfterMs?: number
  /** Without a content coding, and cut or absent where it is larger than MAX_USERINFO_BYTES. */
  readonly body?: Buffer
}

export interface IntrospectionNeeds {
  /** Must settle, and soon enough: until then it holds one of MAX_IN_FLIGHT places. `undefined`: no answer came. */
  readonly ask: (authorization: string) => Promise<Introspected | undefined>
  readonly tokens: Tokens
  readonly clock: Clock
  /** `identity.introspect`. */
  readonly isOn: boolean
}

export interface Introspection {
  /**
   * Asks what a lookup needs to know of this caller, if userinfo can tell: the user, or that the token is still taken.
   * Resolves at the answer, after MAX_WAIT_MS at the latest, and never rejects; an answer that comes later still counts.
   *
   * @param authorization the raw header, which goes to `ask` and is not kept
   * @param isEnough whether what is known will do, though it be less than userinfo could say
   * @returns `undefined` where there is nothing to wait for
   */
  resolve(credential: Credential, authorization: string, isEnough?: () => boolean): Promise<void> | undefined
  /** Whether `resolve` would ask, or wait for what was asked. */
  mayResolve(credential: Credential, isEnough?: () => boolean): boolean
  configure(config: Pick<IntrospectionNeeds, 'isOn'>): void
  /** Calls in flight, and tokens not to be asked for at the moment (those included whose time has passed). */
  readonly sizes: { readonly inFlight: number; readonly quiet: number }
}

/** A call's own patience is its client's; this is what a better hit rate may cost of it. */
const MAX_WAIT_MS = 2_000
const MAX_IN_FLIGHT = 8
const MAX_QUIET = 10_000
/** Of a token that userinfo did not know, or did not answer for. */
const QUIET_MS = 60_000
/** Of one that it knew: a recheck that is shorter than its own answer takes would ask without end. */
const ANSWERED_QUIET_MS = 1_000
const YES = () => true
const LIMIT_CODE = /LIMIT_EXCEEDED$/i

interface Flight {
  /** `undefined` from the moment at which nobody waits any more. */
  waited: Promise<void> | undefined
}

export function makeIntrospection({
  ask,
  tokens,
  clock,
  isOn: isOnAtFirst,
}: IntrospectionNeeds): Introspection {
  let isOn = isOnAtFirst
  const pause = makePause()
  const flights = new Map<string, Flight>()
  const quiet = makeStore<{ readonly untilMs: number }>(MAX_QUIET)

  function canLearn(credential: Credential, isEnough: () => boolean, nowMs: number): boolean {
    // Userinfo judges the token alone: not a second credential, and not for whom a call may act.
    if (!credential.hasBearer || credential.legacy !== '') return false
    if (!tokens.knowsUser(credential)) return true
    if (credential.acting !== '') return false
    // On which accounts it is accepted was told with the rest, and will be told again when that has grown old.
    return !tokens.isProven(credential, nowMs) || (!isEnough() && !tokens.isTold(credential, nowMs))
  }

  function begin({ token }: Credential, authorization: string): Promise<void> {
    const sentMs = clock.nowMs()
    const flight: Flight = { waited: undefined }
    flights.set(token, flight)
    flight.waited = new Promise<void>(resolve => {
      const release = () => {
        flight.waited = undefined
        resolve()
      }
      const deadline = clock.after(MAX_WAIT_MS, release)
      const settle = (answer: Introspected | undefined) => {
        flights.delete(token)
        deadline.cancel()
        const isTold = judge(token, answer, sentMs)
        quiet.set(token, { untilMs: clock.nowMs() + (isTold ? ANSWERED_QUIET_MS : QUIET_MS) })
        release()
      }
      void ask(authorization).then(settle, () => settle(undefined))
    })
    return flight.waited
  }

  /** Whether it told whose the token is. */
  function judge(token: string, answer: Introspected | undefined, sentMs: number): boolean {
    if (!answer) return false
    const nowMs = clock.nowMs()
    if (answer.status === 401) tokens.forget({ token, id: token }, nowMs)
    if (isLimit(answer)) pause.begin(answer.retryAfterMs ?? 0, nowMs)
    const told = answer.status === 200 && answer.body ? readUserinfo(answer.body) : undefined
    if (!told) return false
    pause.answered(sentMs)
    tokens.told(token, told, sentMs)
    return true
  }

  /** What there is to wait for: an answer under way, or one that could be asked for. */
  function waitFor(credential: Credential, isEnough: () => boolean): Flight | 'ask' | undefined {
    const nowMs = clock.nowMs()
    if (!isOn || !canLearn(credential, isEnough, nowMs)) return undefined
    const flight = flights.get(credential.token)
    if (flight) return flight
    if (pause.isOn(nowMs) || flights.size >= MAX_IN_FLIGHT) return undefined
    return nowMs < (quiet.get(credential.token)?.untilMs ?? -Infinity) ? undefined : 'ask'
  }

  return {
    resolve(credential, authorization, isEnough = YES) {
      const wait = waitFor(credential, isEnough)
      return wait === 'ask' ? begin(credential, authorization) : wait?.waited
    },
    mayResolve: (credential, isEnough = YES) => waitFor(credential, isEnough) !== undefined,
    configure: next => void (isOn = next.isOn),
    get sizes() {
      return { inFlight: flights.size, quiet: quiet.size }
    },
  }
}

/** By the code and not by the status alone (facts 1.5); a 429 says it whatever its body. */
function isLimit({ status, body }: Introspected): boolean {
  if (status === 429) return true
  const code = status === 400 && body ? fieldsOf(body, MAX_USERINFO_BYTES)?.['errorCode'] : undefined
  return typeof code === 'string' && LIMIT_CODE.test(code)
}
