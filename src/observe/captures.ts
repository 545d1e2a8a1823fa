/**
 * Recordings of calls that an operator asked for. DocuSign's own log keeps 50 calls of one user and then switches itself
 * off (facts 8); here it is up to 1,000 of an app or an account. Bounded in calls, in bytes and in those under way:
 * beyond that a call is passed over, and none is ever slowed down.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.js'
import type { Call } from '../base/types.js'
import { makeRecording, type Recorded, type Recorder } from './recording.js'

export interface CaptureAsk {
  /** As the app names itself in the base URI. */
  readonly app?: string
  /** Number or GUID, lower case. */
  readonly account?: string
  /** 1 to 1,000. */
  readonly requests: number
  /** Also what was sent and answered, up to 64 KiB of each. */
  readonly bodies: boolean
}

export interface Capture extends CaptureAsk {
  readonly id: string
  readonly startedMs: number
  readonly recorded: readonly Recorded[]
  /** Calls that fitted and were passed over, because there was too much else to record. */
  readonly passedOver: number
  readonly bytes: number
  /** `full`: it ended because there was no more room for its bytes. */
  readonly state: 'recording' | 'done' | 'full'
}

export interface Captures {
  /** `undefined`: there are as many as may be kept already. */
  start(ask: CaptureAsk): Capture | undefined
  get(id: string): Capture | undefined
  delete(id: string): boolean
  list(): readonly Capture[]
  /** For every call: whom to tell what becomes of it, where it is to be recorded. */
  record(call: Call): Recorder | undefined
}

export interface CapturesLimits {
  readonly captures: number
  /** Of all captures together. */
  readonly bytes: number
  readonly bodyBytes: number
  readonly underWay: number
}

export const CAPTURES_LIMITS: CapturesLimits = {
  captures: 8,
  bytes: 16 * 1024 * 1024,
  bodyBytes: 64 * 1024,
  underWay: 64,
}

interface Open extends Capture {
  readonly recorded: Recorded[]
  passedOver: number
  bytes: number
  /** Calls under way for it. */
  taken: number
  state: Capture['state']
}

/** @param nameOf one name for an account, whichever of its two was used */
export function makeCaptures(
  nameOf: (account: string) => string,
  clock: Clock,
  limits = CAPTURES_LIMITS,
): Captures {
  const captures = new Map<string, Open>()
  /** The only thing that a call looks at while nobody records. */
  let recording: Open[] = []
  let underWay = 0
  let bytes = 0

  function look(): void {
    recording = [...captures.values()].filter(({ state }) => state === 'recording')
  }

  function isAbout({ app, account }: Open, call: Call): boolean {
    if (app !== undefined && app !== call.app.name) return false
    return account === undefined || (call.account !== undefined && nameOf(account) === nameOf(call.account))
  }

  function keep(capture: Open, recorded: Recorded | undefined, size: number): void {
    underWay--
    capture.taken--
    // It may have been deleted, or filled by others, meanwhile.
    if (!recorded || capture.state !== 'recording' || captures.get(capture.id) !== capture) return
    if (bytes + size > limits.bytes) {
      capture.state = 'full'
      return look()
    }
    bytes += size
    capture.bytes += size
    if (capture.recorded.push(recorded) === capture.requests) {
      capture.state = 'done'
      look()
    }
  }

  return {
    start(ask) {
      if (captures.size >= limits.captures) return undefined
      const capture: Open = {
        ...ask,
        id: randomBytes(8).toString('hex'),
        startedMs: clock.wallMs(),
        recorded: [],
        passedOver: 0,
        bytes: 0,
        taken: 0,
        state: 'recording',
      }
      captures.set(capture.id, capture)
      look()
      return capture
    },
    get: id => captures.get(id),
    delete(id) {
      bytes -= captures.get(id)?.bytes ?? 0
      const isGone = captures.delete(id)
      look()
      return isGone
    },
    list: () => [...captures.values()],
    record(call) {
      if (recording.length === 0) return undefined
      const capture = recording.find(
        one => one.recorded.length + one.taken < one.requests && isAbout(one, call),
      )
      if (!capture) return undefined
      if (underWay >= limits.underWay) {
        capture.passedOver++
        return undefined
      }
      underWay++
      capture.taken++
      const maxBodyBytes = capture.bodies ? limits.bodyBytes : 0
      return makeRecording(call, maxBodyBytes, clock, (recorded, size) => keep(capture, recorded, size))
    },
  }
}
