/** Calls of a trace on their way from one thread to another, in a few arrays: copied one by one they cost more than to read them. */
import type { TracedAttempt, TracedLimits, TraceRecord } from '../base/trace.js'

export interface Packed {
  readonly count: number
  /** Each word once. */
  readonly words: readonly (string | undefined)[]
  /** Of each call, then of each attempt: where its words stand. */
  readonly places: Uint32Array<ArrayBuffer>
  /** Of each call, then of each attempt; NaN where there is none. */
  readonly numbers: Float64Array<ArrayBuffer>
}

const WORDS_OF_CALL = 18
const NUMBERS_OF_CALL = 14
const WORDS_OF_ATTEMPT = 1
const NUMBERS_OF_ATTEMPT = 2
const NO_ATTEMPTS: readonly TracedAttempt[] = []

export function pack(records: readonly TraceRecord[]): Packed {
  const attempts = records.reduce((sum, record) => sum + record.attempts.length, 0)
  const places = new Uint32Array(records.length * WORDS_OF_CALL + attempts * WORDS_OF_ATTEMPT)
  const numbers = new Float64Array(records.length * NUMBERS_OF_CALL + attempts * NUMBERS_OF_ATTEMPT)
  const placeOf = new Map<string | undefined, number>()
  const words: (string | undefined)[] = []
  let nextPlace = 0
  let nextNumber = 0
  const put = (word: string | undefined) => {
    let place = placeOf.get(word)
    if (place === undefined) placeOf.set(word, (place = words.push(word) - 1))
    places[nextPlace++] = place
  }
  const note = (number: number | boolean | undefined) => void (numbers[nextNumber++] = Number(number ?? NaN))

  for (const { attempts: tries, limits, ...one } of records) {
    for (const word of [one.app, one.account, one.envelope, one.resource, one.representation, one.viewer])
      put(word)
    for (const word of [one.route, one.service, one.method, one.methodClass, one.priority, one.sharing])
      put(word)
    for (const word of [one.outcome, one.reason, one.heldBy, one.saved, one.poll, one.ended]) put(word)
    for (const number of [one.atMs, one.patienceMs, one.status, one.waitMs, one.durationMs, one.bytes])
      note(number)
    for (const flag of [one.neverFinal, one.cut, one.kept]) note(flag)
    note(tries.length)
    for (const number of [limits?.hourLimit, limits?.burstLimit, limits?.resetAtSeconds, limits?.others])
      note(number)
  }
  for (const { attempts: tries } of records) {
    for (const { status, ms, refusedFor } of tries) {
      put(refusedFor)
      note(status)
      note(ms)
    }
  }
  return { count: records.length, words, places, numbers }
}

/** What was packed, and nothing else: whatever a word or a number may be was judged before. */
export function unpack({ count, words, places, numbers }: Packed): TraceRecord[] {
  let attemptPlace = count * WORDS_OF_CALL
  let attemptNumber = count * NUMBERS_OF_CALL
  const number = (at: number) => numbers[at] as number
  const perhaps = (at: number) => (Number.isNaN(numbers[at]) ? undefined : numbers[at])
  const flag = (at: number) => numbers[at] === 1

  const attemptsOf = (length: number): readonly TracedAttempt[] => {
    if (length === 0) return NO_ATTEMPTS
    return Array.from({ length }, () => {
      const refusedFor = words[places[attemptPlace] as number] as TracedAttempt['refusedFor']
      const one = { status: perhaps(attemptNumber), ms: number(attemptNumber + 1), refusedFor }
      attemptPlace += WORDS_OF_ATTEMPT
      attemptNumber += NUMBERS_OF_ATTEMPT
      return one
    })
  }

  const limitsAt = (at: number): TracedLimits | undefined =>
    Number.isNaN(numbers[at])
      ? undefined
      : {
          hourLimit: number(at),
          burstLimit: number(at + 1),
          resetAtSeconds: perhaps(at + 2),
          others: number(at + 3),
        }

  return Array.from({ length: count }, (_, nth) => {
    const w = nth * WORDS_OF_CALL
    const n = nth * NUMBERS_OF_CALL
    const word = <F extends keyof TraceRecord>(at: number) =>
      words[places[w + at] as number] as TraceRecord[F]
    return {
      atMs: number(n),
      app: word<'app'>(0),
      account: word<'account'>(1),
      envelope: word<'envelope'>(2),
      resource: word<'resource'>(3),
      representation: word<'representation'>(4),
      viewer: word<'viewer'>(5),
      route: word<'route'>(6),
      service: word<'service'>(7),
      method: word<'method'>(8),
      methodClass: word<'methodClass'>(9),
      priority: word<'priority'>(10),
      patienceMs: perhaps(n + 1),
      sharing: word<'sharing'>(11),
      neverFinal: flag(n + 6),
      outcome: word<'outcome'>(12),
      status: perhaps(n + 2),
      reason: word<'reason'>(13),
      waitMs: number(n + 3),
      heldBy: word<'heldBy'>(14),
      durationMs: number(n + 4),
      attempts: attemptsOf(number(n + 9)),
      saved: word<'saved'>(15),
      poll: word<'poll'>(16),
      bytes: number(n + 5),
      cut: flag(n + 7),
      kept: flag(n + 8),
      ended: word<'ended'>(17),
      limits: limitsAt(n + 10),
    }
  })
}
