/** What a modelled DocuSign's answers look like to those who send and read them. */
import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import type { Clock, Timer } from '../base/clock.js'
import type { TraceRecord } from '../base/trace.js'
import type { Call } from '../base/types.js'
import type { Answer, Failure, Leave, Sending, Shipment } from '../forward/exchange.js'
import type { ModelledDocusign } from './docusign.js'

/** A call of a trace on its way up. */
export interface RecordShipment extends Shipment {
  readonly record: TraceRecord
}

/** The head of an answer that is read. */
export const WHOLE_TELLING = ['Content-Type', 'application/json']

const ENVELOPE = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}'
const NOTHING = Buffer.from('{}')
const WITHHELD: Failure = { kind: 'failure', cause: 'withheld', left: 'never', code: 'WITHHELD' }
const SILENT: Failure = { kind: 'failure', cause: 'timeout', left: 'maybe', code: 'TRACED' }

export function makeSender(docusign: ModelledDocusign, clock: Clock) {
  return {
    send(shipment: Shipment, leave: Leave): Sending {
      if (!leave.holds()) return { result: Promise.resolve(WITHHELD), abort: () => undefined }
      const told = docusign.arrived((shipment as RecordShipment).record)
      return new OnItsWay(told, clock)
    },
  }
}

class OnItsWay implements Sending {
  readonly result: Promise<Answer | Failure>
  readonly #timer: Timer
  #resolve: (result: Answer | Failure) => void = () => undefined

  constructor(told: ReturnType<ModelledDocusign['arrived']>, clock: Clock) {
    this.result = new Promise(resolve => (this.#resolve = resolve))
    this.#timer = clock.after(told.afterMs, () =>
      this.#resolve('kind' in told ? SILENT : new Given(told.status, told.headers, told.error)),
    )
  }

  abort(): void {
    this.#timer.cancel()
    this.#resolve({ ...SILENT, cause: 'aborted' })
  }
}

class Given implements Answer {
  readonly kind = 'answer'
  readonly status: number
  readonly headers: string[]
  readonly #error: string
  #body: Readable | undefined

  constructor(status: number, headers: string[], error: string) {
    this.status = status
    this.headers = headers
    this.#error = error
  }

  /** Made when it is asked for, because nobody reads it but of a refusal. */
  get body(): Readable {
    return (this.#body ??= new AtOnce(this.#error === '' ? NOTHING : Buffer.from(this.#error)))
  }

  isWhole(): boolean {
    return true
  }
}

/**
 * A body that is there at once. A stream's own ticks come after those that end a moment, and would let time pass while it
 * is read.
 */
class AtOnce extends Readable {
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    super(QUIET)
    this.#bytes = bytes
  }

  override on(name: string | symbol, listener: (...told: never[]) => void): this {
    EventEmitter.prototype.on.call(this, name, listener as (...told: unknown[]) => void)
    if (name !== 'end') return this
    queueMicrotask(() => {
      this.emit('data', this.#bytes)
      this.emit('end')
    })
    return this
  }
}
const QUIET = { autoDestroy: false, emitClose: false, read: () => undefined }

/** Bytes of which only their number is there, and that are all of their buffer: what is kept of a document is its size. */
function weightless(length: number): Buffer {
  const buffer = { byteLength: length }
  return { length, byteLength: length, buffer } as unknown as Buffer
}

/** A buffer of its own, as an intake makes one of any other. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(text.length)
  bytes.write(text, 'latin1')
  return bytes
}

/** The body of a 2xx to this call: what the rooms read of it, and as many bytes as it had. */
export function bodyOf(record: TraceRecord, call: Call): Buffer {
  const { route, envelope } = call
  if (route === ENVELOPE && envelope !== undefined && call.method === 'GET') {
    const status = record.ended === undefined ? 'sent' : 'completed'
    return bytesOf(`{"envelopeId":"${envelope}","status":"${status}"}`)
  }
  return record.bytes > 2 && record.envelope !== '' ? weightless(record.bytes) : NOTHING
}
