/** One call on record. What is a secret never gets this far: it is removed as it comes in. */
import type { Clock } from '../base/clock.js'
import { decoded } from '../base/content-coding.js'
import type { Call } from '../base/types.js'
import { shownTraceToken } from './labels.js'
import { redactHeaders, redactTarget, redactText } from './redact.js'

export interface Recorded {
  /** Epoch milliseconds, when its head had been read. */
  readonly atMs: number
  /** Until the answer's head, and until its end. */
  readonly waitMs: number
  readonly durationMs: number
  readonly method: string
  readonly route: string
  readonly target: string
  readonly requestHeaders: readonly [name: string, value: string][]
  readonly requestBody: Kept
  /** `undefined`: its client was told nothing. */
  readonly status: number | undefined
  readonly answerHeaders: readonly [name: string, value: string][]
  readonly answerBody: Kept
  readonly traceToken: string | undefined
}

/** What is kept of a body. */
export interface Kept {
  readonly bytes: number
  readonly type: string
  /** `undefined`: nothing is kept; `note` says why. */
  readonly text: string | undefined
  readonly note: string
}

/** Who is told what becomes of a call, in the order of the methods. */
export interface Recorder {
  asked(method: string, target: string, rawHeaders: readonly string[]): void
  sent(body: Buffer): void
  told(status: number, rawHeaders: readonly string[]): void
  passed(chunk: Buffer): void
  ended(): void
}

const TEXT = /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml)\b|application\/x-www-form-urlencoded\b)/i
/** What an entry takes beside its texts. */
const ENTRY_BYTES = 1024

/** @param maxBodyBytes 0: no bodies @param done with the size in bytes, as well as it can be told */
export function makeRecording(
  call: Call,
  maxBodyBytes: number,
  clock: Clock,
  done: (recorded: Recorded, sizeBytes: number) => void,
): Recorder {
  const [atMs, startMs] = [clock.wallMs(), clock.nowMs()]
  let [method, target] = [call.method, '']
  let asked: [string, string][] = []
  let sent: Buffer | undefined
  let status: number | undefined
  let answered: [string, string][] = []
  let headAtMs = startMs
  const chunks: Buffer[] = []
  let passedBytes = 0

  return {
    asked(theirMethod, theirTarget, raw) {
      method = theirMethod
      target = redactTarget(theirTarget)
      asked = redactHeaders(raw)
    },
    sent(body) {
      sent = body
    },
    told(code, raw) {
      status = code
      answered = redactHeaders(raw)
      headAtMs = clock.nowMs()
    },
    passed(chunk) {
      const rest = maxBodyBytes - passedBytes
      // A copy, because a slice would hold the whole of a large chunk in memory.
      if (rest > 0) chunks.push(Buffer.from(chunk.subarray(0, rest)))
      passedBytes += chunk.length
    },
    ended() {
      const endMs = clock.nowMs()
      const isSecret = call.service === 'oauth'
      const requestBody = keep(
        asked,
        sent ?? Buffer.alloc(0),
        sent?.length ?? declared(asked),
        maxBodyBytes,
        isSecret,
      )
      const answerBody = keep(answered, Buffer.concat(chunks), passedBytes, maxBodyBytes, isSecret)
      const recorded: Recorded = {
        atMs,
        waitMs: headAtMs - startMs,
        durationMs: endMs - startMs,
        method,
        route: call.route,
        target,
        requestHeaders: asked,
        requestBody,
        status,
        answerHeaders: answered,
        answerBody,
        traceToken: shownTraceToken(headerOf(answered, 'x-docusign-tracetoken')),
      }
      const texts = [
        target,
        requestBody.text ?? '',
        answerBody.text ?? '',
        ...asked.flat(),
        ...answered.flat(),
      ]
      // Two bytes a character at the worst.
      done(
        recorded,
        texts.reduce((sum, text) => sum + 2 * text.length, ENTRY_BYTES),
      )
    },
  }
}

function keep(
  headers: readonly [string, string][],
  start: Buffer,
  bytes: number,
  maxBytes: number,
  isSecret: boolean,
): Kept {
  const type = headerOf(headers, 'content-type') ?? ''
  const none = (note: string): Kept => ({ bytes, type, text: undefined, note })
  if (bytes === 0) return none('')
  if (maxBytes === 0) return none('bodies were not asked for')
  if (isSecret) return none('bodies of OAuth are never kept')
  if (!TEXT.test(type)) return none('not a text')
  if (start.length === 0) return none('it streamed by')
  const isWhole = start.length === bytes && bytes <= maxBytes
  const coding = headerOf(headers, 'content-encoding') ?? ''
  if (coding !== '' && coding !== 'identity' && !isWhole) return none(`in ${coding}, and not whole`)
  const plain = decoded(start.subarray(0, maxBytes), coding, maxBytes)
  if (!plain) return none('its coding could not be read')
  const note = isWhole ? '' : `the first ${plain.length} of ${bytes} bytes`
  return { bytes, type, text: redactText(plain.toString('utf8')), note }
}

function declared(headers: readonly [string, string][]): number {
  const length = Number(headerOf(headers, 'content-length') ?? 0)
  return Number.isSafeInteger(length) && length > 0 ? length : 0
}

function headerOf(headers: readonly [string, string][], name: string): string | undefined {
  return headers.find(([own]) => own.toLowerCase() === name)?.[1]
}
