/** What each room needs of the settings, in the units it thinks in. */
import type { Config } from './settings.js'

/** How long a client may take. */
export function listenerSlice({ listen }: Config) {
  return {
    headersTimeoutMs: listen.headersTimeout * 1000,
    requestTimeoutMs: listen.requestTimeout * 1000,
    keepAliveTimeoutMs: listen.keepAliveTimeout * 1000,
  }
}

/** PEM texts, where the listener is to speak TLS. @param readFile throws where a file cannot be read */
export function tlsSlice({ listen }: Config, readFile: (path: string) => string) {
  const { tlsCert, tlsKey } = listen
  if (tlsCert === undefined || tlsKey === undefined) return undefined
  return { cert: readFile(tlsCert), key: readFile(tlsKey) }
}

export function homesSlice({ upstream }: Config) {
  return { api: upstream.api, oauth: upstream.oauth }
}

/** Of the time to shut down, when those who still wait are sent away; at most so long before its end. */
const TOLD_SHARE = 0.8
const MAX_TOLD_MS = 2_000

/** Who waits is served as long as there is time to answer him; the rest are told. */
export function shutdownSlice({ shutdown }: Config) {
  const timeoutMs = shutdown.timeout * 1000
  return { timeoutMs, toldMs: Math.max(timeoutMs * TOLD_SHARE, timeoutMs - MAX_TOLD_MS) }
}

export function forwardSlice({ upstream }: Config) {
  return {
    connectTimeoutMs: upstream.connectTimeout * 1000,
    responseTimeoutMs: upstream.responseTimeout * 1000,
    maxSockets: upstream.maxSockets,
  }
}

export function governorSlice({ limits, queue, apps }: Config) {
  const { hour, burst } = limits
  return {
    hour: { limit: hour.limit, windowMs: hour.window * 1000, alignment: hour.alignment },
    burst: { limit: burst.limit, windowMs: burst.window * 1000 },
    learn: limits.learn,
    margin: limits.safetyMargin,
    mode: limits.mode,
    accounts: new Map(
      Object.entries(limits.accounts).map(([name, own]) => [
        name.toLowerCase(),
        { hourLimit: own.hour.limit, burstLimit: own.burst.limit },
      ]),
    ),
    maxWaitMs: queue.maxWait * 1000,
    maxLength: queue.maxLength,
    apps: new Map(Object.entries(apps)),
  }
}

export function shieldSlice({ polling, cache, identity }: Config) {
  return {
    polling: {
      intervalMs: polling.interval * 1000,
      mode: polling.mode,
      withoutCopy: polling.withoutCopy,
      lists: polling.lists,
    },
    cache: {
      enabled: cache.enabled,
      terminalMaxAgeMs: cache.terminalMaxAge * 1000,
      maxBytes: cache.maxBytes,
      maxEntryBytes: Math.min(cache.maxEntryBytes, cache.maxBytes),
      staleIfErrorMs: cache.staleIfError * 1000,
      share: cache.share,
    },
    identity: { introspect: identity.introspect, recheckMs: identity.recheck * 1000 },
  }
}

/** How long a call may be held whose caller does not say. */
export function markSlice({ queue }: Config) {
  return { maxWaitMs: queue.maxWait * 1000 }
}

/** What the metrics tell of the settings. */
export function settingsShown({ limits, polling, queue }: Config) {
  return {
    limits: limits.mode,
    polling: polling.mode,
    hourSeconds: limits.hour.window,
    burstSeconds: limits.burst.window,
    maxLength: queue.maxLength,
    maxWaitSeconds: queue.maxWait,
  }
}

/** How much later than its last window a call may still be out. */
const STATE_MARGIN_MS = 60_000

export function stateSlice({ state, limits, polling, upstream }: Config) {
  const windowMs = Math.max(limits.hour.window, limits.burst.window) * 1000
  const outMs = upstream.responseTimeout * 1000 + STATE_MARGIN_MS
  return {
    kind: state.kind,
    path: state.path,
    fsync: state.fsync,
    /** Lines of calls that were sent. */
    keepMs: windowMs + outMs,
    /** Notes of what was asked for and written. */
    keepNotesMs: polling.interval * 1000 + outMs,
  }
}

export function observersSlice({ metrics, limits, polling, trace }: Config) {
  const { path, maxBytes } = trace
  return {
    trace: path === undefined ? undefined : { path, maxBytes },
    maxAccounts: metrics.maxAccounts,
    hourWindowMs: limits.hour.window * 1000,
    burstWindowMs: limits.burst.window * 1000,
    pollIntervalMs: polling.interval * 1000,
  }
}
