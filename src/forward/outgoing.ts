/** One request on its way to DocuSign, as http-proxy sees it and as we do. Rules R5 to R10 stand here (README, "Walled in"). */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock, Timer, Turns } from '../base/clock.js'
import type { Agents } from './agents.js'
import type { Answer, Body, Failure, Leave, Sending, Shipment } from './exchange.js'
import { answerHead } from './hygiene.js'
import type { Carried } from './parking.js'

/**
 * Stands before http-proxy as the incoming request. http-proxy asks little of it (method, url, headers, a body to
 * pipe, the event `aborted`), and a call of our own can outlive its client, be sent again, and be aborted in any state.
 */
export class Outgoing implements Sending, Carried {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string | string[]>
  // http-proxy asks whether the client's socket is gone; for us `abort()` says so.
  readonly socket = { destroyed: false }
  readonly result: Promise<Answer | Failure>
  readonly #body: Body
  readonly #permit: Leave
  readonly #agents: Agents
  readonly #turns: Turns
  readonly #deadline: Timer
  #settle!: (result: Answer | Failure) => void
  #state: 'open' | 'answered' | 'over' = 'open'
  #upstream: ClientRequest | undefined
  #answer: IncomingMessage | undefined
  #isBroken = false
  #leave: (() => void) | undefined
  #stopUpstream: (() => void) | undefined

  constructor(
    shipment: Shipment,
    permit: Leave,
    agents: Agents,
    responseTimeoutMs: number,
    clock: Clock,
    turns: Turns,
  ) {
    this.method = shipment.method
    this.url = shipment.target
    this.headers = shipment.headers
    this.#body = shipment.body
    this.#permit = permit
    this.#agents = agents
    this.#turns = turns
    this.result = new Promise(resolve => (this.#settle = resolve))
    // R10: our own, because http-proxy's runs neither in the agent's queue nor after an unsolicited 101.
    this.#deadline = clock.after(responseTimeoutMs, () => this.#give('timeout', 'GOVERNOR_RESPONSE_TIMEOUT'))
  }

  asRequest(): IncomingMessage {
    return this as unknown as IncomingMessage
  }

  /** http-proxy only asks how far it is; the answer is written by the entry. */
  asResponse(): ServerResponse {
    return NO_RESPONSE as unknown as ServerResponse
  }

  /** http-proxy listens for `aborted` and `error`; the second is a broken upload, which ends as an abort here. */
  on(event: string, listener: () => void): this {
    if (event === 'aborted') this.#stopUpstream = listener
    return this
  }

  /** http-proxy's `req.pipe(proxyReq)`. What does not stream waits for its connection, and then leaves in one write. */
  pipe(upstream: ClientRequest): void {
    if (this.#body.kind !== 'stream') return
    const { stream, note } = this.#body
    stream.on('data', (chunk: Buffer) => {
      this.#deadline.refresh()
      note?.(chunk)
    })
    stream.pipe(upstream)
  }

  /** A connection was given to the request. R5: its head is watched here, never changed. */
  leaving(upstream: ClientRequest): void {
    this.#upstream = upstream
    const body = this.#body
    if (body.kind === 'stream') {
      this.#agents.carries(upstream.socket as Duplex, this)
      this.#permit.goes()
    } else if (!this.#permit.holds()) return this.withhold()
    else this.#turns.atEnd(() => this.#send(upstream, body))
    // Whatever ends it without an answer and without an error ends here: an unasked 101, for one.
    upstream.on('close', () => this.#give('unreachable', 'GOVERNOR_NO_ANSWER'))
  }

  #send(upstream: ClientRequest, body: Exclude<Body, { kind: 'stream' }>): void {
    this.#permit.goes()
    if (body.kind === 'whole') upstream.end(body.bytes)
    else upstream.end()
  }

  answered(answer: IncomingMessage): void {
    answer.on('error', () => undefined) // R6: 'close' says all there is to say
    if (this.#state !== 'open') return void answer.destroy()
    const status = answer.statusCode ?? 0
    // Node gives a 101 without an Upgrade line as if it were final; passed on, the client would speak no more HTTP.
    if (status < 200) return this.#give('unreachable', 'GOVERNOR_UNASKED_UPGRADE')
    const { lines, coding, keepAlive } = answerHead(answer.rawHeaders, status)
    // Node takes off the chunks alone; what is left would go on as if it were the content.
    if (coding !== undefined && coding !== 'chunked')
      return this.#give('unreachable', 'GOVERNOR_UNKNOWN_TRANSFER_CODING')
    this.#agents.hint(answer.socket, keepAlive, this)
    this.#state = 'answered'
    this.#answer = answer
    this.#deadline.cancel()
    answer.on('close', () => this.#end())
    this.#settle({
      kind: 'answer',
      status,
      headers: lines,
      body: answer,
      isWhole: () => answer.complete && !this.#isBroken,
    })
  }

  /** R8: http-proxy's callback. */
  readonly onError = (error: Error): void => this.fail(error)

  fail(error: unknown): void {
    // Node calls a body without a declared end complete, and ends it, when its connection is reset.
    if (this.#answer?.complete === false) this.#isBroken = true
    const code = codeOf(error)
    this.#give(TIMEOUTS.has(code) ? 'timeout' : 'unreachable', code)
  }

  /** Calls back when the upstream request has ended, in whatever way; at once where it already has. */
  whenOver(leave: () => void): void {
    if (this.#state === 'over') leave()
    else this.#leave = leave
  }

  /** DocuSign has said no to others of its account while it waited for a connection: it may not go up now. */
  withhold(): void {
    this.#give('withheld', 'GOVERNOR_WITHHELD')
  }

  get isHeldByClient(): boolean {
    const body = this.#body
    if (this.#state === 'answered') return this.#answer?.isPaused() === true
    // Paused, it would be DocuSign that takes no more.
    return (
      this.#state === 'open' &&
      body.kind === 'stream' &&
      !body.stream.readableEnded &&
      !body.stream.isPaused()
    )
  }

  giveWay(): void {
    // Its connection belongs to no agent any more, and nobody would end it.
    if (this.#upstream) this.#upstream.shouldKeepAlive = false
    this.#leave?.()
  }

  abort(): void {
    if (this.#state === 'answered') this.#stop()
    else this.#give('aborted', 'GOVERNOR_ABORTED')
  }

  #give(cause: Failure['cause'], code: string): void {
    if (this.#state !== 'open') return
    const socket = this.#upstream?.socket ?? null
    const left = this.#agents.wasUp(socket) ? 'maybe' : 'never'
    this.#settle({ kind: 'failure', cause, left, code })
    this.#end()
    this.#stop()
  }

  #end(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#deadline.cancel()
    // Answered before it was all sent: the rest goes nowhere, and the connection would wait for it.
    if (this.#upstream?.writableFinished === false) this.#upstream.destroy()
    this.#leave?.()
  }

  /** R7: http-proxy's own abort path; it works in every state, queued for a connection too. */
  #stop(): void {
    if (this.#body.kind === 'stream') this.#body.stream.unpipe()
    this.#stopUpstream?.()
  }
}

// `finished`: there is no end to listen for that anybody asks about.
const NO_RESPONSE = { headersSent: true, finished: true }

/** Silence is a timeout; a connection that was never up is a host that cannot be reached. */
const TIMEOUTS = new Set(['GOVERNOR_SILENCE_TIMEOUT'])

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}
