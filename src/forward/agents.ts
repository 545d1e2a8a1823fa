/**
 * Kept-alive connections to DocuSign's hosts, and what is known of each: was it ever up, did it fall silent.
 * The rules live on the socket, once per connection, because per request they cost a listener and a timer each.
 */
import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { Clock } from '../base/clock.js'
import type { Busy, Carried } from './parking.js'

export interface AgentsConfig {
  /** DNS, TCP and TLS together. */
  readonly connectTimeoutMs: number
  /** The longest silence of a connection that a call is using, and the longest idle life of one that none uses. */
  readonly silenceTimeoutMs: number
  /** Per upstream host. */
  readonly maxSockets: number
}

/** Our own reasons for ending a connection, told from the peer's by their code. */
export class ConnectionEnded extends Error {
  readonly code: 'GOVERNOR_CONNECT_TIMEOUT' | 'GOVERNOR_SILENCE_TIMEOUT'
  constructor(code: ConnectionEnded['code']) {
    super(code)
    this.code = code
  }
}

/** On the socket itself: a WeakMap that changes with every call costs it more than the rest of this file. */
const STAGE = Symbol('stage of a connection')
const IDLE_MS = Symbol('how long it may stay idle')
const CALL = Symbol('the call that used it last')
type Watched = Socket & {
  [STAGE]?: 'connecting' | 'in use' | 'idle' | 'parked'
  [IDLE_MS]?: number
  [CALL]?: Carried | undefined
}

/** Those being opened are in use already. */
export interface Connections {
  readonly inUse: number
  readonly idle: number
}

export interface Agents {
  /** `fresh`: a connection of its own, never a kept one that may be closing. */
  of(protocol: 'http:' | 'https:', fresh: boolean): http.Agent
  /**
   * Whether a request on this connection can have left: bytes are held back until TCP (and TLS) are up, so
   * before that it provably did not.
   */
  wasUp(socket: Duplex | null): boolean
  /** Which call is on this connection. */
  carries(socket: Duplex, call: Carried): void
  /** The answer to `call` on this connection said `Keep-Alive: …`, or did not. */
  hint(socket: Duplex, keepAlive: string | undefined, call: Carried): void
  connections(): Connections
  /** Whether a request waits until one of `maxSockets` is free. */
  isWanted(): boolean
  inUse(): Iterable<readonly [Socket, Busy]>
  /** Connections in use that are no longer among `maxSockets`. */
  parked(): number
  /** Ends the idle connections; those in use end with their call. */
  close(): void
}

/** @param wanted a request begins to wait until a connection is free */
export function makeAgents(config: AgentsConfig, clock: Clock, wanted: () => void): Agents {
  let parked = 0

  function watch(socket: Watched, event: 'connect' | 'secureConnect'): Socket {
    socket[STAGE] = 'connecting'
    const deadline = clock.after(config.connectTimeoutMs, () =>
      socket.destroy(new ConnectionEnded('GOVERNOR_CONNECT_TIMEOUT')),
    )
    socket.once(event, () => {
      deadline.cancel()
      socket[STAGE] = 'in use'
    })
    socket.once('close', () => deadline.cancel())
    socket.setTimeout(config.silenceTimeoutMs)
    // Bytes that come while no call is under way would be read as the next call's answer: another caller's data.
    // Node 20 keeps such a connection (CVE-2026-48931).
    socket.on('data', () => {
      if (socket[STAGE] === 'idle') socket.destroy()
    })
    // The agent's own listener would end an idle connection alone; this one ends a connection in use, too.
    socket.on('timeout', () => socket.destroy(new ConnectionEnded('GOVERNOR_SILENCE_TIMEOUT')))
    return socket
  }

  // R11; the connection used last first is Node's default (`scheduling: 'lifo'`). No `timeout`: with one, Node takes a
  // connection's timer down and sets it up again around every call, and `watch` has set it already.
  const options = { maxSockets: config.maxSockets }
  const kept = { ...options, keepAlive: true }
  const agents = {
    'http:': [watched(new http.Agent(kept), 'connect'), watched(new http.Agent(options), 'connect')],
    'https:': [
      watched(new https.Agent(kept), 'secureConnect'),
      watched(new https.Agent(options), 'secureConnect'),
    ],
  } as const

  function watched(agent: http.Agent, event: 'connect' | 'secureConnect'): http.Agent {
    // Hooks of http.Agent that @types/node 20 does not declare.
    const hooks = agent as unknown as AgentHooks
    const { addRequest, createConnection, reuseSocket } = hooks
    // All connections of an agent are made alike, so host and port say which of them serve a request.
    const nameOf = ({ host, port }: Destination) => `${host}:${port}`
    hooks.getName = nameOf
    hooks.createConnection = (...args) => watch(createConnection.apply(agent, args), event)
    hooks.keepSocketAlive = socket => {
      socket[STAGE] = 'idle'
      // An idle connection would keep all that its last call saw.
      socket[CALL] = undefined
      const idleMs = socket[IDLE_MS] ?? config.silenceTimeoutMs
      if (idleMs <= 0) return false
      socket.unref()
      if (socket.timeout !== idleMs) socket.setTimeout(idleMs)
      return true
    }
    hooks.reuseSocket = (socket, request) => {
      socket[STAGE] = 'in use'
      reuseSocket.call(agent, socket, request)
      // While idle it may have had the shorter life that the server asked for.
      if (socket.timeout !== config.silenceTimeoutMs) socket.setTimeout(config.silenceTimeoutMs)
    }
    // Taking a kept connection is most of what an agent does here. Node's own way copies some twenty options for it
    // each time: a twelfth of a forwarded call's CPU (measured). Whatever is not that simple case goes Node's way.
    hooks.addRequest = (request, options) => {
      const name = nameOf(options)
      const free = hooks.freeSockets[name]
      const socket = free?.at(-1)
      if (!free || !socket || socket.destroyed) {
        addRequest.call(agent, request, options)
        if (name in agent.requests) wanted()
        return
      }
      if (free.length === 1) delete hooks.freeSockets[name]
      else free.pop()
      hooks.reuseSocket.call(agent, socket, request)
      request.onSocket(socket)
      ;(hooks.sockets[name] ??= []).push(socket)
    }
    return agent
  }

  function busy(socket: Watched): Busy {
    return {
      call: socket[CALL],
      bytes: () => socket.bytesRead + socket.bytesWritten,
      park() {
        parked++
        socket[STAGE] = 'parked'
        socket.once('close', () => parked--)
        // Node's own way to take a connection out of an agent that will not come back, an upgraded one for instance.
        socket.emit('agentRemove')
      },
    }
  }

  const all = Object.values(agents).flat()

  return {
    of: (protocol, fresh) => agents[protocol][fresh ? 1 : 0],
    wasUp: socket => socket !== null && (socket as Watched)[STAGE] !== 'connecting',
    carries: (socket, call) => void ((socket as Watched)[CALL] = call),
    hint(socket, keepAlive, call) {
      const seconds = keepAlive === undefined ? null : /^timeout=(\d{1,6})/i.exec(keepAlive)
      // A second early: a request that crosses the server's closing on the wire is lost, and a write is not sent twice.
      const idleMs = seconds ? Number(seconds[1]) * 1000 - 1000 : config.silenceTimeoutMs
      ;(socket as Watched)[IDLE_MS] = Math.min(idleMs, config.silenceTimeoutMs)
      ;(socket as Watched)[CALL] = call
    },
    connections: () => ({
      inUse: sum(all.map(agent => agent.sockets)) + parked,
      idle: sum(all.map(agent => agent.freeSockets)),
    }),
    isWanted: () => all.some(agent => Object.keys(agent.requests).length > 0),
    *inUse() {
      for (const agent of all) {
        for (const sockets of Object.values(agent.sockets))
          for (const socket of sockets ?? []) yield [socket, busy(socket)] as const
      }
    },
    parked: () => parked,
    close() {
      for (const pair of Object.values(agents)) {
        for (const agent of pair) {
          for (const idle of Object.values(agent.freeSockets))
            for (const socket of idle ?? []) socket.destroy()
        }
      }
    },
  }
}

function sum(byHost: readonly NodeJS.ReadOnlyDict<Socket[]>[]): number {
  return byHost
    .flatMap(hosts => Object.values(hosts))
    .reduce((all, sockets) => all + (sockets?.length ?? 0), 0)
}

interface Destination {
  readonly host: string
  readonly port: number | string
}

interface AgentHooks {
  readonly freeSockets: Record<string, Socket[]>
  readonly sockets: Record<string, Socket[]>
  getName: (this: void, destination: Destination) => string
  addRequest: (this: http.Agent, request: http.ClientRequest, options: Destination) => void
  createConnection: (this: http.Agent, ...args: unknown[]) => Socket
  keepSocketAlive: (this: http.Agent, socket: Watched) => boolean
  reuseSocket: (this: http.Agent, socket: Watched, request: http.ClientRequest) => void
}
