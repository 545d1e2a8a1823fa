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
import { buildStatus } from './admin/status.js'
import { makeTurns, type Clock } from './base/clock.js'
import type { Seen } from './base/types.js'
import type { Config } from './config/settings.js'
import {
  forwardSlice,
  governorSlice,
  listenerSlice,
  shieldSlice,
  settingsShown,
  stateSlice,
} from './config/slices.js'
import { vaultKeyOf } from './config/vault-key.js'
import { makeCorridor, type Corridor, type Rooms } from './entry/corridor.js'
import { makeOwnNames } from './entry/public-url.js'
import { makeAskUserinfo } from './entry/userinfo.js'
import { makeListener, type TlsPair } from './entry/listener.js'
import { makeAccounts, rewriteUserinfo, type AccountsConfig } from './forward/accounts.js'
import { mayRepeat, readOrigin } from './forward/exchange.js'
import { makeForward, type Forward } from './forward/forward.js'
import { requestHeaders } from './forward/hygiene.js'
import { makeGovernor, type AccountStanding } from './governor/governor.js'
import { makeJournal } from './governor/journal.js'
import { makeIdentify } from './identify/identify.js'
import { makeRoutes } from './identify/routes.js'
import { shownAccount } from './observe/labels.js'
import type { Log } from './observe/log.js'
import { makeMetrics } from './observe/metrics.js'
import { makeWouldHaveHeld } from './observe/would.js'
import { makeShield } from './shield/shield.js'
import { openState } from './state/open.js'

export interface AppParts {
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  /** The text of `config/docusign-routes.tsv`. */
  readonly routeTable: string
  /** Reads a PEM file. @throws when it cannot. */
  readFile(path: string): string
  /** The program of Node itself: a durable store is looked at in a process of its own before it is opened. */
  readonly execPath: string
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

/** Of the time to shut down, when those who still wait are sent away; at most so long before its end. */
const TOLD_SHARE = 0.8
const MAX_TOLD_MS = 2_000

export function makeApp(initial: Config, parts: AppParts): App {
  const { clock, log, version } = parts
  const startedMs = clock.nowMs()
  const turns = makeTurns()
  let config = initial
  let ports: Ports | undefined
  let stopping = false

  const nameRoute = makeRoutes(parts.routeTable)
  const homes = makeAccounts(homesConfig(config))
  const stateFaults = { damaged: 0, degraded: 0 }
  const vaultKey = vaultKeyOf(config, parts.readFile)
  const { ledger, notebook, vault } = openState(
    { ...stateSlice(config), vaultKey },
    {
      clock,
      turns,
      execPath: parts.execPath,
      tell({ kind, ...fields }) {
        if (kind !== 'recovered') stateFaults[kind]++
        log.event(kind === 'recovered' ? 'info' : 'error', `state-${kind}`, fields)
      },
    },
  )
  const journal = makeJournal(ledger, clock)
  const governor = makeGovernor(governorSlice(config), journal, clock)
  let forward = makeForward(forwardSlice(config), clock, turns)
  const originOf: Rooms['originOf'] = (service, account) => homes.originOf(service, account)
  const learnResidences: Rooms['learnResidences'] = found => homes.learn(found)
  const askUserinfo = makeAskUserinfo(
    {
      governor,
      originOf,
      send: (shipment, leave) => forward.send(shipment, leave),
      rewriteUserinfo,
      learnResidences,
      asked: (call, attempt) => metrics.asked(attempt, call),
    },
    clock,
  )
  const shield = makeShield(shieldSlice(config), {
    clock,
    turns,
    vault,
    notebook,
    askUserinfo,
    nameOf: account => governor.nameOf(account),
  })
  const metrics = makeMetrics(
    { version, maxAccounts: config.metrics.maxAccounts },
    {
      accounts: () => governor.standings(),
      health: () => ledger.health(),
      stateFaults: () => stateFaults,
      cache: () => shield.tally(),
      blocked: () => governor.blocked(),
      settings: () => settingsShown(config),
      connections: () => ({ ...listener.load(), upstream: forward.connections() }),
      log: () => log.counts(),
    },
    clock,
  )
  const wouldHaveHeld = makeWouldHaveHeld(fields => log.event('info', 'would-have-held', fields), clock)
  const names = makeOwnNames(initial)
  let corridor = makeHouse(config, forward)

  function observe(seen: Seen): void {
    log.call(seen)
    metrics.seen(seen)
    wouldHaveHeld.seen(seen)
  }

  function makeHouse(settings: Config, upstream: Forward): Corridor {
    const identify = makeIdentify({ apps: Object.keys(settings.apps), isOurs: names.isOurs }, nameRoute)
    return makeCorridor(
      {
        identify,
        governor,
        shield,
        headers: requestHeaders,
        originOf,
        send: (shipment, leave) => upstream.send(shipment, leave),
        mayRepeat,
        rewriteUserinfo,
        learnResidences,
        publicUrl: names.publicUrl,
        observe,
      },
      clock,
      turns,
    )
  }

  const listener = makeListener(
    {
      host: config.listen.host,
      port: config.listen.port,
      tls: readTls(config),
      ...listenerSlice(config),
    },
    { corridor: () => corridor, observe, unexpected: error => log.unexpected(error) },
    clock,
  )

  const admin = makeAdmin(
    {
      host: config.admin.host,
      port: config.admin.port,
      token: config.admin.token,
      hosts: config.admin.hosts,
    },
    {
      metrics,
      ready: () => (stopping ? { ready: false, reason: 'shutting down' } : { ready: ports !== undefined }),
      status() {
        const { hits, misses, remembered, coalesced } = metrics.tally()
        return buildStatus({
          version,
          startedMs,
          nowMs: clock.nowMs(),
          mode: config.limits.mode,
          accounts: shownOf(governor.standings()),
          cache: { ...shield.tally(), hits, misses },
          saved: { remembered, coalesced },
        })
      },
      quote: ({ account, calls, priority }) => governor.quote(account, calls, priority),
      purge: which => shield.purge(which),
    },
    log,
    clock,
  )

  function readTls({ listen }: Config): TlsPair | undefined {
    if (listen.tlsCert === undefined || listen.tlsKey === undefined) return undefined
    return { cert: parts.readFile(listen.tlsCert), key: parts.readFile(listen.tlsKey) }
  }

  return {
    async start() {
      try {
        const port = await listener.start()
        const adminPort = (await admin.start()).port
        names.listensOn(port)
        ports = { port, adminPort, publicUrl: names.publicUrl(undefined) }
      } catch (error) {
        await listener.close()
        await vault.close()
        await ledger.close()
        throw error
      }
      metrics.configReloaded()
      return ports
    },
    reload(next) {
      const tls = readTls(next)
      const upstream = makeForward(forwardSlice(next), clock, turns)
      if (tls) listener.setTls(tls)
      listener.setLimits(listenerSlice(next))
      // Calls under way keep the old connections until they end.
      forward.close()
      forward = upstream
      config = next
      names.configure(next)
      homes.configure(homesConfig(next))
      governor.configure(governorSlice(next))
      shield.configure(shieldSlice(next))
      admin.configure({ host: initial.admin.host, token: next.admin.token, hosts: next.admin.hosts })
      metrics.setMaxAccounts(next.metrics.maxAccounts)
      log.setLevel(next.log.level)
      corridor = makeHouse(next, upstream)
      metrics.configReloaded()
    },
    reloadRefused: () => metrics.configRefused(),
    async stop() {
      stopping = true
      const timeoutMs = config.shutdown.timeout * 1000
      // Who waits is served as long as there is time to answer him; the rest are told.
      const toldMs = Math.max(timeoutMs * TOLD_SHARE, timeoutMs - MAX_TOLD_MS)
      const telling = clock.after(toldMs, () => governor.drain())
      await listener.drain(timeoutMs)
      telling.cancel()
      await Promise.all([listener.close(), admin.stop()])
      wouldHaveHeld.flush()
      forward.close()
      journal.stop()
      shield.flush()
      await vault.close()
      await ledger.close()
    },
  }
}

/** A caller writes whatever he likes where an account belongs. */
function* shownOf(standings: Iterable<AccountStanding>): Iterable<AccountStanding> {
  for (const standing of standings) {
    if (standing.account === '' || shownAccount(standing.account) !== undefined) yield standing
  }
}

function homesConfig({ upstream }: Config): AccountsConfig {
  return { api: readOrigin(upstream.api), oauth: readOrigin(upstream.oauth) }
}
