import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.js'
import { fault, toBytes, type Answer } from './answer.js'

/** Times in milliseconds. */
export interface PortLimits {
  readonly connections: number
  readonly headersMs: number
  readonly requestMs: number
  /** How long a connection may neither take nor give a byte. */
  readonly idleMs: number
  /** How often the two limits on requests are looked at. */
  readonly checkMs: number
  /** What an answer that is under way at `close` is given. */
  readonly closeMs: number
}

export interface Port {
  /** Resolves to the port listened on; rejects where the address cannot be had, saying which and why. */
  listen(host: string, port: number): Promise<{ readonly port: number }>
  /** Resolves when every connection is closed. */
  close(): Promise<void>
}

export const PORT_LIMITS: PortLimits = {
  connections: 256,
  headersMs: 10_000,
  requestMs: 20_000,
  idleMs: 60_000,
  checkMs: 2_000,
  closeMs: 1_000,
}
const MAX_HEADER_BYTES = 16 * 1024
const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no such host',
}

/** The listener itself: what it bears with, and what becomes of bytes that are no request. `serve` must not throw. */
export function makePort(
  serve: (req: IncomingMessage, res: ServerResponse) => void,
  failed: (error: Error) => void,
  limits: PortLimits,
  clock: Clock,
): Port {
  /** Answers under way, by connection: an error must not be written into the middle of one. */
  const underWay = new WeakMap<Duplex, number>()
  const server = createServer({
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: MAX_HEADER_BYTES,
    // A missing Host is refused at the gate, with the guard headers; Node's own 400 has none.
    requireHostHeader: false,
  })
  server.maxConnections = limits.connections
  server.setTimeout(limits.idleMs)

  function take(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1)
    res.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1))
    serve(req, res)
  }

  server.on('request', take)
  // An Expect is not kept: nothing here waits for a body, and Node's own 417 lacks the guard headers.
  server.on('checkContinue', take)
  server.on('checkExpectation', take)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET' || underWay.get(socket)) return void socket.destroy()
    socket.end(toBytes(unreadable(error.code)), () => socket.destroy())
  })

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const refused = ({ code = 'no code' }: NodeJS.ErrnoException) => {
          const why = WHY[code] ?? 'the system refused'
          reject(new Error(`The admin port cannot listen on ${host} port ${port}: ${why} (${code})`))
        }
        server.once('error', refused)
        server.listen({ host, port }, () => {
          server.off('error', refused)
          server.on('error', failed)
          // A server that listens on a TCP port has an address with one.
          resolve({ port: (server.address() as AddressInfo).port })
        })
      }),
    close: () =>
      new Promise(resolve => {
        const deadline = clock.after(limits.closeMs, () => server.closeAllConnections())
        // It also closes idle connections; its error says only that it was not listening.
        server.close(() => {
          deadline.cancel()
          resolve()
        })
      }),
  }
}

function unreadable(code: string | undefined): Answer {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return fault(408, 'GOVERNOR_TIMEOUT', 'The request took too long.')
  if (code === 'HPE_HEADER_OVERFLOW') return fault(431, 'GOVERNOR_TOO_LARGE', 'The headers are too large.')
  return fault(400, 'GOVERNOR_BAD_REQUEST', 'This is no HTTP request.')
}
