/**
 * http-proxy's events as one promise a call. http-proxy 1.18.1 is unmaintained and unsafe alone; this is the one
 * file that imports it, and each rule that makes it sound is marked R1 to R13 where it stands (README, "Walled in").
 */
import './no-extend-warning.js' // R1: before http-proxy
import type http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import httpProxy from 'http-proxy'
import type { Clock, Turns } from '../base/clock.js'
import { makeAgents, type Connections } from './agents.js'
import type { Leave, Origin, Sending, Shipment } from './exchange.js'
import { Outgoing } from './outgoing.js'
import { makeParking } from './parking.js'
import { makePlaces } from './places.js'

export interface ForwardConfig {
  readonly connectTimeoutMs: number
  /** From the last byte of the request that was taken from the client to the answer's head; then between two bytes. */
  readonly responseTimeoutMs: number
  readonly maxSockets: number
}

export interface Forward {
  send(shipment: Shipment, leave: Leave): Sending
  /** Connections to DocuSign. */
  connections(): Connections
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
    () => wanted(),
  )
  const places = makePlaces(Math.max(1, Math.floor(config.maxSockets / 2)), () => wanted())
  const isWanted = () => agents.isWanted() || places.isWanted()
  const wanted = makeParking({ isWanted, inUse: () => agents.inUse(), parked: () => agents.parked() }, clock)
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
    send(shipment, leave) {
      const { origin, account, caller, fresh } = shipment
      const outgoing = new Outgoing(shipment, leave, agents, config.responseTimeoutMs, clock, turns)
      const giveBack = places.take(`${origin.text} ${account}`, caller, () => {
        if (!leave.holds()) return outgoing.withhold()
        try {
          // R8: always a callback. http-proxy gives it the error instead of throwing it at the process.
          proxyOf(origin, fresh).web(outgoing.asRequest(), outgoing.asResponse(), outgoing.onError)
        } catch (error) {
          outgoing.fail(error)
        }
      })
      outgoing.whenOver(giveBack)
      return outgoing
    },
    connections: () => agents.connections(),
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
