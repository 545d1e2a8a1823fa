/**
 * http-proxy's events as one promise a call. http-proxy 1.18.1 is unmaintained and unsafe alone; this is the one
 * file that imports it, and each rule that makes it sound is marked R1 to R13 where it stands (README, "Walled in").
 */
import './no-extend-warning.js' // R1: before http-proxy
import type http from 'node:http'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import httpProxy from 'http-proxy'
import type { Clock, Timer, Turns } from '../base/clock.js'
import { makeAgents, type Agents } from './agents.js'
import type { Answer, Body, Failure, Origin, Sending, Shipment } from './exchange.js'
import { answerHead } from './hygiene.js'
import { makePlaces } from './places.js'

export interface ForwardConfig {
  readonly connectTimeoutMs: number
  /** From the last byte of the request that was taken from the client to the answer's head; then between two bytes. */
  readonly responseTimeoutMs: number
  readonly maxSockets: number
}

export interface Forward {
  send(shipment: Shipment): Sending
  close(): void
}

export function makeForward(config: ForwardConfig, clock: Clock, turns: Turns): Forward {
  const agents = makeAgents(
    {
      connectTimeoutMs: config.connectTimeoutMs,
      silenceTimeoutMs: config.responseTimeoutMs,
      maxSockets: config.maxSockets,
    },
    clock,
  )
  const places = makePlaces(Math.max(1, Math.floor(config.maxSockets / 2)))
  // One proxy for each host, kept connections and fresh ones apart: with its options fixed it copies none for a call.
  const proxies = new WeakMap<Origin, { readonly kept: StreamProxy; readonly fresh: StreamProxy }>()

  function proxyOf(origin: Origin, fresh: boolean): StreamProxy {
    let pair = proxies.get(origin)
    if (!pair) {
      const make = (agent: http.Agent) => makeStreamOnlyProxy(origin, agent)
      pair = { kept: make(agents.of(origin.protocol, false)), fresh: make(agents.of(origin.protocol, true)) }
      proxies.set(origin, pair)
    }
    return fresh ? pair.fresh : pair.kept
  }

  return {
    send(shipment) {
      const { origin, account, caller, fresh } = shipment
      const outgoing = new Outgoing(shipment, agents, config.responseTimeoutMs, clock, turns)
      const leave = places.take(`${origin.text} ${account}`, caller, () => {
        try {
          // R8: always a callback. http-proxy gives it the error instead of throwing it at the process.
          proxyOf(origin, fresh).web(outgoing.asRequest(), outgoing.asResponse(), outgoing.onError)
        } catch (error) {
          outgoing.fail(error)
        }
      })
      outgoing.whenOver(leave)
      return outgoing
    },
    close: () => agents.close(),
  }
}

/** http-proxy with its options fixed; its types know no callback without options. */
interface StreamProxy {
  web(request: IncomingMessage, response: ServerResponse, callback: (error: Error) => void): void
}

/** R2: of http-proxy's passes only `stream` is sound; `deleteLength` is a request smuggler's door. */
function makeStreamOnlyProxy(target: Origin, agent: http.Agent): StreamProxy {
  const proxy = httpProxy.createProxyServer({
    target,
    agent, // R11: of the target's protocol
    changeOrigin: true, // R11: the target's own name in Host and SNI
    secure: true,
    toProxy: true, // R3: the request target goes up as it was judged
    prependPath: false,
    selfHandleResponse: true, // R6
  })
  // `webPasses` is documented by http-proxy's README and missing from its types.
  const passes = proxy as unknown as { webPasses: { name: string }[] }
  passes.webPasses = passes.webPasses.filter(pass => pass.name === 'stream')
  if (passes.webPasses.length !== 1)
    throw new Error('http-proxy has no `stream` pass: not the version this house was built on')
  const of = (request: unknown) => request as Outgoing
  proxy.on('proxyReq', (upstream, request) => of(request).leaving(upstream))
  proxy.on('proxyRes', (answer, request) => of(request).answered(answer))
  proxy.on('error', (error, request) => of(request).fail(error)) // R8
  proxy.on('econnreset', (error, request) => of(request).fail(error)) // R8
  return proxy as unknown as StreamProxy
}

/**
 * Stands before http-proxy as the incoming request. http-proxy asks little of it (method, url, headers, a body to
 * pipe, the event `aborted`), and a call of our own can outlive its client, be sent again, and be aborted in any state.
 */
class Outgoing implements Sending {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string | string[]>
  // http-proxy asks whether the client's socket is gone; for us `abort()` says so.
  readonly socket = { destroyed: false }
  readonly result: Promise<Answer | Failure>
  readonly #body: Body
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

  constructor(shipment: Shipment, agents: Agents, responseTimeoutMs: number, clock: Clock, turns: Turns) {
    this.method = shipment.method
    this.url = shipment.target
    this.headers = shipment.headers
    this.#body = shipment.body
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
    if (body.kind === 'whole') this.#turns.atEnd(() => upstream.end(body.bytes))
    else if (body.kind === 'none') this.#turns.atEnd(() => upstream.end())
    // Whatever ends it without an answer and without an error ends here: an unasked 101, for one.
    upstream.on('close', () => this.#give('unreachable', 'GOVERNOR_NO_ANSWER'))
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
    this.#agents.hint(answer.socket, keepAlive)
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
