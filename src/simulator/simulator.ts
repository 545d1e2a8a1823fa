import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '../base/clock.js'
import type { Credentials } from './credentials.js'
import { accountsOf, credentialsOf, usersOf } from './credentials.js'
import type { Fault } from './faults.js'
import { makeHouse } from './house.js'
import { makeJourney } from './journey.js'
import type { SimulatorOptions } from './options.js'
import { SIMULATOR_DEFAULTS } from './options.js'
import type { Report } from './report.js'
import type { EnvelopeSeed } from './seeding.js'
import { sow } from './seeding.js'

export interface Simulator {
  /** Listens; rejects when the port cannot be had. */
  start(): Promise<{ url: string; port: number }>
  /** Drops every connection. Resolves always, also when nothing was started. */
  stop(): Promise<void>
  report(): Report
  /** Counts, limits, faults and envelopes as at the start. People and tokens stay. */
  reset(): void
  /** Base URIs are empty before the start. Makes the keys when first asked, which takes a moment. */
  credentials(): Credentials
  /** As in the credentials, without the keys. */
  users(): Credentials['users']
  accounts(): Credentials['accounts']
  readonly faults: {
    /** Replaces all rules. */
    set(rules: readonly Fault[]): void
    /** The rules that still have times left. */
    list(): readonly Fault[]
    clear(): void
  }
  /** An access token without the OAuth dance: of the first integration key, for an hour, where nothing else is said. */
  issueToken(userId: string, how?: { integrationKey?: string; expiresIn?: number }): string
  /** Makes envelopes and returns their ids. Throws on an account or user there is none of. */
  addEnvelopes(seed: EnvelopeSeed): readonly string[]
}

/** DocuSign's eSignature REST API and OAuth host, on one port of this machine. */
export function makeSimulator(some: Partial<SimulatorOptions>, clock: Clock): Simulator {
  const options = { ...SIMULATOR_DEFAULTS, ...some }
  const house = makeHouse(options, clock)
  const { tlsKey, tlsCert } = options
  const isTls = tlsKey !== undefined && tlsCert !== undefined
  const journey = makeJourney(house)
  const server = isTls ? createTlsServer({ key: tlsKey, cert: tlsCert }, journey) : createServer(journey)
  // A reset in the middle of a handshake or a head is the peer's affair.
  server.on('clientError', (_error, socket) => socket.destroy())
  // Longer than any pool of clients keeps one, so that no call is lost to a connection that ends as it is taken up.
  server.keepAliveTimeout = 120_000
  // The server's own list leaves out connections that are still shaking hands.
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(options.port, options.host, () => {
          server.off('error', reject)
          const { port } = server.address() as AddressInfo
          const host = options.host.includes(':') ? `[${options.host}]` : options.host
          house.setUrl(`${isTls ? 'https' : 'http'}://${host}:${port}`)
          resolve({ url: house.url(), port })
        })
      }),
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
    report: () => house.world().meter.report(),
    reset: () => house.reset(),
    credentials: () => credentialsOf(house),
    users: () => usersOf(house),
    accounts: () => accountsOf(house),
    faults: {
      set: rules => house.faults.set(rules),
      list: () => house.faults.list(),
      clear: () => house.faults.clear(),
    },
    issueToken(userId, { integrationKey, expiresIn = 3600 } = {}) {
      const { people, tokens, pace } = house
      const user = people.user(userId)
      const app = integrationKey === undefined ? people.apps[0] : people.app(integrationKey)
      if (!user || !app) throw new Error('no such user or integration key')
      return tokens.issue(user, app, 'signature impersonation', pace.lengthMs(expiresIn))
    },
    addEnvelopes(seed) {
      const { people, pace } = house
      const ids = sow({ people, pace, ...house.world() }, seed)
      if (typeof ids === 'string') throw new Error(ids)
      return ids
    },
  }
}
