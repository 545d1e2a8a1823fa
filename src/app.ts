/**
 * Builds every room once and wires them; the only place where rooms meet.
 *
 *   listener ─▶ corridor ─▶ identify · forward ─▶ DocuSign          admin port ─▶ metrics · status · health
 *                  └─────▶ observe: one `Seen` a call ─▶ log, metrics ◀───────────────┘
 *
 * A reload builds the stateless rooms anew and hands the listener another corridor between two calls. What
 * remembers (budgets, metrics, where accounts live) is made once and told the new settings.
 */
import { makeAdmin } from './admin/admin.js'
import { readiness } from './admin/readiness.js'
import { makeViews } from './admin/views.js'
import { makeTurns, type Clock } from './base/clock.js'
import type { Config } from './config/settings.js'
import {
  forwardSlice,
  governorSlice,
  homesSlice,
  listenerSlice,
  markSlice,
  observersSlice,
  settingsShown,
  shieldSlice,
  shutdownSlice,
  stateSlice,
  tlsSlice,
} from './config/slices.js'
import { redisSlice } from './config/redis-slice.js'
import { vaultKeyOf } from './config/vault-key.js'
import { makeCorridor, type Corridor } from './entry/corridor.js'
import { makeMark } from './entry/marking.js'
import { makeOwnNames } from './entry/public-url.js'
import { makeAskUserinfo } from './entry/userinfo.js'
import { makeListener } from './entry/listener.js'
import { makeAccounts, rewriteUserinfo } from './forward/accounts.js'
import { mayRepeat } from './forward/exchange.js'
import { makeForward, type Forward } from './forward/forward.js'
import { requestHeaders } from './forward/hygiene.js'
import { makeGovernor } from './governor/governor.js'
import { makeJournal } from './governor/journal.js'
import { makeTreasury } from './governor/treasury.js'
import { makeIdentify } from './identify/identify.js'
import { makeOperations } from './identify/operations.js'
import { makeRoutes } from './identify/routes.js'
import { shownOf } from './observe/labels.js'
import type { Log } from './observe/log.js'
import { makeObservers } from './observe/observers.js'
import { makeShield } from './shield/shield.js'
import type { Inspected } from './state/embedded/apart.js'
import { openState } from './state/open.js'

export interface AppParts {
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  /** The text of `config/docusign-routes.tsv`. */
  readonly routeTable: string
  /** Reads a PEM file. @throws when it cannot. */
  readonly readFile: (path: string) => string
  /** The program of Node itself: a durable store is looked at in a process of its own before it is opened. */
  readonly execPath: string
  /** What that process has said already, if it was started before all else. */
  readonly inspected?: Inspected | undefined
}

export interface Ports {
  /** What apps call us by. */
  readonly publicUrl: string
  readonly port: number
  readonly adminPort: number
}

export interface App {
  /** Rejects when an address cannot be listened on, or the TLS files cannot be read; nothing is then left open. */
  start(): Promise<Ports>
  /** Takes new settings between two calls. @throws when the TLS files cannot be read; the old settings then stay. */
  reload(config: Config): void
  /** New settings were offered that cannot be taken. */
  reloadRefused(): void
  /** In-flight calls finish, new ones are told; resolves by `shutdown.timeout`. */
  stop(): Promise<void>
}

export function makeApp(initial: Config, parts: AppParts): App {
  const { clock, log, version, readFile } = parts
  const startedMs = clock.nowMs()
  const turns = makeTurns()
  let config = initial
  let ports: Ports | undefined
  let stopping = false
  const nameRoute = makeRoutes(parts.routeTable)
  const { ledger, notebook, vault, commons, ...shared } = openState(
    { ...stateSlice(config), vaultKey: vaultKeyOf(config, readFile), redis: redisSlice(config, readFile) },
    { ...parts, turns, tell: log.state, unexpected: log.unexpected, tally: () => treasury?.tally() },
  )
  const treasury = shared.pool && makeTreasury(shared.pool, config.state.onLoss, clock)
  const journal = makeJournal(ledger, clock)
  const governor = makeGovernor(governorSlice(config), journal, clock, treasury)
  let forward = makeForward(forwardSlice(config), clock, turns)
  const homes = makeAccounts(homesSlice(config), commons)
  const { originOf, learn: learnResidences } = homes
  const ways = { governor, originOf, rewriteUserinfo, learnResidences }
  const askUserinfo = makeAskUserinfo(
    {
      ...ways,
      send: (shipment, leave) => forward.send(shipment, leave),
      asked: (call, attempt) => metrics.asked(attempt, call),
    },
    clock,
  )
  const shield = makeShield(shieldSlice(config), {
    clock,
    turns,
    vault,
    notebook,
    commons,
    askUserinfo,
    nameOf: account => governor.nameOf(account),
    namesOf: account => governor.namesOf(account),
  })
  const sources = {
    accounts: () => governor.standings(),
    health: () => ledger.health(),
    stateFaults: () => log.stateFaults,
    cache: () => shield.tally(),
    blocked: () => governor.blocked(),
    settings: () => settingsShown(config),
    connections: () => ({ ...listener.load(), upstream: forward.connections() }),
    log: () => log.counts(),
    nameOf: (account: string) => governor.nameOf(account),
  }
  const observers = makeObservers(
    { version, operationOf: makeOperations(parts.routeTable), ...observersSlice(config) },
    sources,
    log,
    clock,
  )
  const { metrics, observe } = observers
  const names = makeOwnNames(initial)
  let corridor = makeHouse(config, forward)

  function makeHouse(settings: Config, upstream: Forward): Corridor {
    const identify = makeIdentify({ apps: Object.keys(settings.apps), isOurs: names.isOurs }, nameRoute)
    return makeCorridor(
      {
        ...ways,
        identify,
        shield,
        headers: requestHeaders,
        send: (shipment, leave) => upstream.send(shipment, leave),
        mayRepeat,
        publicUrl: names.publicUrl,
        observe,
        record: call => observers.captures.record(call),
        mark: makeMark({ isOn: observers.isTracing, ...markSlice(settings) }, { shield, governor }, clock),
      },
      clock,
      turns,
    )
  }

  const listener = makeListener(
    { ...initial.listen, ...listenerSlice(config), tls: tlsSlice(config, readFile) },
    { corridor: () => corridor, observe, unexpected: error => log.unexpected(error) },
    clock,
  )
  const views = makeViews(
    {
      version,
      startedMs,
      readFile,
      mode: () => config.limits.mode,
      accounts: () => shownOf(governor.standings()),
      cache: () => shield.tally(),
      blockedHosts: () => governor.blockedHosts(),
      nodes: () => shared.nodes(),
      observers,
    },
    clock,
  )
  const admin = makeAdmin(
    initial.admin,
    {
      metrics,
      ready: () => readiness({ isStarted: ports !== undefined, stopping, isClosed: treasury?.isClosed }),
      ...views,
      quote: ({ account, calls, priority }) => governor.quote(account, calls, priority),
      purge: which => shield.purge(which),
    },
    log,
    clock,
  )

  return {
    async start() {
      try {
        await shared.settled()
        const port = await listener.start()
        const adminPort = (await admin.start()).port
        names.listensOn(port)
        ports = { port, adminPort, publicUrl: names.publicUrl(undefined) }
      } catch (error) {
        await listener.close()
        await shared.close()
        throw error
      }
      metrics.configReloaded()
      return ports
    },
    reload(next) {
      const tls = tlsSlice(next, readFile)
      const upstream = makeForward(forwardSlice(next), clock, turns)
      if (tls) listener.setTls(tls)
      listener.setLimits(listenerSlice(next))
      // Calls under way keep the old connections until they end.
      forward.close()
      forward = upstream
      config = next
      names.configure(next)
      homes.configure(homesSlice(next))
      governor.configure(governorSlice(next))
      treasury?.configure(next.state.onLoss)
      shield.configure(shieldSlice(next))
      admin.configure({ ...next.admin, host: initial.admin.host })
      metrics.setMaxAccounts(next.metrics.maxAccounts)
      log.setLevel(next.log.level)
      corridor = makeHouse(next, upstream)
      metrics.configReloaded()
    },
    reloadRefused: () => metrics.configRefused(),
    async stop() {
      stopping = true
      const { timeoutMs, toldMs } = shutdownSlice(config)
      const telling = clock.after(toldMs, () => governor.drain())
      await listener.drain(timeoutMs)
      telling.cancel()
      await Promise.all([listener.close(), admin.stop()])
      observers.flush()
      forward.close()
      journal.stop()
      shield.flush()
      await observers.close()
      await treasury?.close()
      await shared.close()
    },
  }
}
