/**
 * The traffic port: HTTP, or TLS only. It keeps the clock on slow heads, answers what does not parse, and on
 * closing lets in-flight calls finish while it tells new ones to go elsewhere.
 */
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.js'
import type { Refusal, Seen } from '../base/types.js'
import type { Corridor } from './corridor.js'
import { closeSoftly, linger } from './linger.js'
import { methodLabel } from './method-label.js'
import { rawRefusal } from './respond.js'

export interface ListenerConfig extends ListenerLimits {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** PEM texts; with them the listener speaks TLS only. */
  readonly tls: TlsPair | undefined
}

/** What may change while it listens. */
export interface ListenerLimits {
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** How long a client's idle connection is kept; above the idle time of its pool, or it will reset now and then. */
  readonly keepAliveTimeoutMs: number
}

export interface TlsPair {
  readonly cert: string
  readonly key: string
}

export interface ListenerParts {
  /** Asked for every request, so that a reload changes the house between two calls. */
  corridor(): Corridor
  observe(seen: Seen): void
  /** A mistake of our own that no room has foreseen. */
  unexpected: (error: unknown) => void
}

export interface Listener {
  /** Resolves to the port; rejects when it cannot be listened on. */
  start(): Promise<number>
  /** Takes new certificates for new connections. @throws when they are not a pair. */
  setTls(tls: TlsPair): void
  setLimits(limits: ListenerLimits): void
  /** From now on new calls are refused with `shutting-down`. Resolves when nothing is in flight, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
  /** Connections of clients, and calls that have come and are not over. */
  load(): { readonly clients: number; readonly calls: number }
  /** Ends every connection. */
  close(): Promise<void>
}

/** The answer begun last on a connection. On the socket itself: a WeakMap that changes with every call costs 5 % of it. */
const LATEST = Symbol('latest answer')
const WAITING = Symbol('pipelined calls that wait')
type Tracked = Duplex & { [LATEST]?: http.ServerResponse | undefined; [WAITING]?: number }

/** Calls that may wait on one connection behind the one that is being answered; no client of DocuSign pipelines at all. */
const MAX_WAITING = 100

const RAW_LINGER_MS = 1_000
const HTTP_FAULT = /^(?:HPE|ERR_HTTP)_/

export function makeListener(config: ListenerConfig, parts: ListenerParts, clock: Clock): Listener {
  // A number, not a Set of answers: a Set that is filled and emptied all day leaves a chain of old tables, each
  // keeping the next and its answers alive until the next full collection (a quarter of a call's CPU, measured).
  let inFlight = 0
  let clients = 0
  let closing = false
  let drained: (() => void) | undefined

  const options: https.ServerOptions = {
    // R13: no 'upgrade' listener, so that an Upgrade is a plain request; and the clocks below.
    headersTimeout: config.headersTimeoutMs,
    requestTimeout: config.requestTimeoutMs,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(2_000, Math.max(50, config.headersTimeoutMs / 4)),
    // A request without Host, or with an Expect nobody can meet, is refused along the corridor: Node's own answers
    // to them say neither why nor who speaks.
    requireHostHeader: false,
    handshakeTimeout: config.headersTimeoutMs,
    ...config.tls,
  }
  const server = config.tls ? https.createServer(options) : http.createServer(options)
  // Node would drop the lines past its bound in silence; the corridor counts them and refuses.
  server.maxHeadersCount = 0

  const onRequest = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    const socket: Tracked = req.socket
    const before = socket[LATEST]
    socket[LATEST] = res
    // One call at a time on a connection: whether there will be another answer is known only when this one is over,
    // and what has gone up by then would be done without its client ever hearing of it.
    if (!before || before.closed) return walk(req, res)
    const waiting = (socket[WAITING] ?? 0) + 1
    if (waiting > MAX_WAITING) return void socket.destroy()
    socket[WAITING] = waiting
    before.once('close', () => {
      socket[WAITING] = (socket[WAITING] ?? 1) - 1
      walk(req, res)
    })
  }
  const walk = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    if (!req.socket.writable) return
    inFlight++
    if (closing) res.shouldKeepAlive = false
    const done = () => {
      inFlight--
      const socket: Tracked = req.socket
      if (!req.complete) linger(req, clock)
      // An idle connection would keep its last call, with all that this saw: a good 30 KB (measured).
      else if (res.closed && socket[LATEST] === res) socket[LATEST] = undefined
      if (inFlight === 0) drained?.()
    }
    if (!res.shouldKeepAlive && !req.complete) closeSoftly(req)
    parts
      .corridor()(req, res, closing)
      .then(done, (error: unknown) => {
        parts.unexpected(error)
        res.destroy()
        done()
      })
  }
  server.on('connection', (socket: Duplex) => {
    clients++
    socket.once('close', () => clients--)
  })
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', onRequest)
  server.on('clientError', onClientError)
  // CONNECT asks for a tunnel; this is no forward proxy.
  server.on('connect', (_req: http.IncomingMessage, socket: Duplex) => {
    endRaw(socket, malformed(400, 'CONNECT is not understood here: call the governor by its base URI.'))
  })

  function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    // Only what HTTP has to say can be answered: a broken connection hears nothing any more, and one that has not
    // shaken hands would keep the answer, and itself, for ever.
    if (!HTTP_FAULT.test(error.code ?? '') || !socket.writable) return void socket.destroy()
    const refusal = parseRefusal(error.code)
    const before = (socket as Tracked)[LATEST]
    if (!before) return endRaw(socket, refusal)
    if (before.closed) {
      // What is left of a refused upload: it has had its answer, and a second one would be taken for the next call's.
      return before.req.complete ? endRaw(socket, refusal) : hangUp(socket)
    }
    // A request before it on this connection is still being answered, and whoever asked that shall have it whole.
    if (before.req.complete) return void before.once('close', () => endRaw(socket, refusal))
    // Its turn has not come: a word now would be taken for the answer to the request before it.
    if (!before.socket) return void before.once('socket', () => onClientError(error, socket))
    // The fault is inside that request's own body: what went up of it must end now, not when the client hangs up.
    if (before.headersSent) socket.destroy()
    else endRaw(socket, refusal, 'mid-call')
  }

  function hangUp(socket: Duplex): void {
    socket.on('error', () => socket.destroy())
    socket.end(() => clock.after(RAW_LINGER_MS, () => socket.destroy()))
    socket.resume()
  }

  /** `mid-call`: the request has begun its walk, and its record is written there. */
  function endRaw(socket: Duplex, refusal: Refusal, where: 'mid-call' | 'before' = 'before'): void {
    const { message, status } = rawRefusal(refusal)
    const record = (written: boolean) => {
      if (where === 'mid-call') return
      parts.observe({
        atMs: clock.wallMs(),
        call: undefined,
        method: methodLabel(undefined),
        outcome: 'refused',
        status: written ? status : undefined,
        reason: refusal.reason,
        durationMs: 0,
        overheadMs: 0,
        waitMs: 0,
        attempts: [],
        bytesOut: 0,
        cut: !written,
        traceToken: undefined,
      })
    }
    if (!socket.writable) {
      socket.destroy()
      return record(false)
    }
    socket.on('error', () => socket.destroy())
    socket.end(message, () => {
      record(true)
      // A client that goes on sending would get a reset before it reads why; one that never stops is cut off.
      clock.after(where === 'mid-call' ? 0 : RAW_LINGER_MS, () => socket.destroy())
    })
    socket.resume()
  }

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(config.port, config.host, () => {
          server.off('error', reject)
          server.on('error', parts.unexpected)
          resolve((server.address() as AddressInfo).port)
        })
      }),
    setTls(tls) {
      if ('setSecureContext' in server) server.setSecureContext({ ...tls })
    },
    setLimits(limits) {
      server.headersTimeout = limits.headersTimeoutMs
      server.requestTimeout = limits.requestTimeoutMs
      server.keepAliveTimeout = limits.keepAliveTimeoutMs
    },
    load: () => ({ clients, calls: inFlight }),
    drain(timeoutMs) {
      closing = true
      server.closeIdleConnections()
      return new Promise(resolve => {
        if (inFlight === 0) return resolve()
        const limit = clock.after(timeoutMs, resolve)
        drained = () => {
          limit.cancel()
          resolve()
        }
      })
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function parseRefusal(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return malformed(431, 'The header lines of this request are too large.')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return malformed(408, 'This request took too long to arrive.')
  return malformed(400, 'This is not a well-formed HTTP/1.1 request.')
}

function malformed(status: number, message: string): Refusal {
  return { kind: 'refusal', reason: 'bad-request', status, message }
}
