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

/** How much later than its last window a call may still be out. */
const STATE_MARGIN_MS = 60_000

export function stateSlice({ state, limits, upstream }: Config) {
  const windowMs = Math.max(limits.hour.window, limits.burst.window) * 1000
  return {
    kind: state.kind,
    path: state.path,
    fsync: state.fsync,
    keepMs: windowMs + upstream.responseTimeout * 1000 + STATE_MARGIN_MS,
  }
}
