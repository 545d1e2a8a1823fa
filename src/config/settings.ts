import { APP, LIMITS } from './limit-settings.js'
import {
  file,
  flag,
  folder,
  host,
  hosts,
  oneOf,
  origin,
  port,
  seconds,
  secret,
  stateKind,
  whole,
} from './kinds.js'
import { SHIELD } from './shield-settings.js'
import { leaf, optional, perEnvironment, type Environment, type Table, type Tree } from './shape.js'
import { TRACE } from './trace-settings.js'

/** Every setting there is, by its path: what it accepts, its default, and what it means. */
export const TABLE = {
  'listen.host': leaf(host(), '127.0.0.1', 'where apps send their calls; read at start only'),
  'listen.port': leaf(port(), 8080, 'where apps send their calls; 0 takes any free port; read at start only'),
  'listen.tlsCert': optional(
    file(),
    'PEM file of the certificate chain; with it and listen.tlsKey the listener speaks TLS only',
  ),
  'listen.tlsKey': optional(file(), 'PEM file of the private key that goes with listen.tlsCert'),
  'listen.publicUrl': optional(
    origin(),
    'what apps call us by, used where a base URI is rewritten; none: from host and port',
  ),
  'listen.headersTimeout': leaf(
    seconds(0.01, 3600),
    20,
    'how long a client may take to send the head of a request',
  ),
  'listen.requestTimeout': leaf(
    seconds(0.01, 86_400),
    300,
    'how long a client may take to send a whole request',
  ),
  'listen.keepAliveTimeout': leaf(seconds(0.01, 3600), 75, 'how long an idle connection of a client is kept'),
  'admin.host': leaf(
    host(),
    '127.0.0.1',
    'where metrics, health, status and the live page are; read at start only',
  ),
  'admin.port': leaf(
    port(),
    9464,
    'where metrics, health, status and the live page are; 0 takes any free port; read at start only',
  ),
  'admin.token': optional(
    secret(16),
    'when set, everything but /healthz and /readyz needs Authorization: Bearer TOKEN',
  ),
  'admin.open': leaf(flag(), false, 'allow admin.host beyond loopback without admin.token'),
  'admin.hosts': leaf(
    hosts(100),
    [],
    'further names the admin port may be called by in a Host header, such as a Kubernetes service name; IP addresses, localhost and admin.host always may',
  ),
  'upstream.environment': leaf(
    oneOf(['demo', 'production']),
    'demo',
    'which DocuSign; gives upstream.api and upstream.oauth their defaults',
  ),
  'upstream.api': perEnvironment(
    origin(),
    { demo: 'https://demo.docusign.net', production: 'https://www.docusign.net' },
    'where calls go; none: by upstream.environment',
  ),
  'upstream.oauth': perEnvironment(
    origin(),
    { demo: 'https://account-d.docusign.com', production: 'https://account.docusign.com' },
    'where /oauth/* goes; none: by upstream.environment',
  ),
  'upstream.connectTimeout': leaf(seconds(0.01, 600), 5, 'how long connecting to DocuSign may take'),
  'upstream.responseTimeout': leaf(seconds(0.01, 3600), 55, 'how long DocuSign may take to begin an answer'),
  'upstream.maxSockets': leaf(
    whole('connections', 2, 10_000),
    64,
    'kept-alive connections per upstream host; one account uses at most half of them',
  ),
  ...LIMITS,
  ...SHIELD,
  apps: {
    type: 'named',
    name: {
      pattern: /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}$/,
      // The label of all apps that the settings do not name: a configured one could not be told from them.
      reserved: ['other'],
      error:
        'must be a name of 1 to 64 characters of A-Z a-z 0-9 . _ ~ - (not "." or ".."), as it stands in /apps/NAME',
    },
    settings: APP,
    meaning: 'the apps that get a label of their own, by their name in /apps/NAME; a name alone is enough',
  },
  'state.path': leaf(
    folder(),
    './data',
    'the embedded durable store, which remembers every call that was sent; read at start only',
  ),
  'state.kind': leaf(
    stateKind(),
    'embedded',
    'where that is kept: embedded in state.path, or memory, which a restart forgets; read at start only',
  ),
  'state.fsync': leaf(
    flag(),
    false,
    'survive power loss, not only kill -9: every write waits for the disk; read at start only',
  ),
  'shutdown.timeout': leaf(seconds(0, 3600), 30, 'on SIGTERM: what is in flight finishes, exit 0 by then'),
  ...TRACE,
  'metrics.maxAccounts': leaf(whole('accounts', 0, 10_000), 200, 'accounts with a label of their own'),
  'log.level': leaf(
    oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    'info',
    'the least level that is logged',
  ),
} as const satisfies Table

export type SettingPath = keyof typeof TABLE

/** The settings in force, deeply frozen, in the settings' own units (seconds, bytes). Defaults are filled in. */
export type Config = Tree<typeof TABLE>

/** One row of the settings table, for documents and for `check`. */
export interface Setting {
  readonly path: string
  /** `seconds, 0.01 to 3600`, `port, 0 to 65535`, … */
  readonly kind: string
  /** As YAML would hold it; `undefined` is none. */
  readonly default: unknown
  /** The defaults of the two environments, where the default hangs on `upstream.environment`. */
  readonly byEnvironment: Readonly<Record<Environment, unknown>> | undefined
  readonly meaning: string
  /** `undefined` for what can be set in YAML only. */
  readonly env: string | undefined
  readonly secret: boolean
}

export const SETTINGS: readonly Setting[] = Object.freeze(rowsOf(TABLE, ''))

/** What is in a map has the path `apps.<name>.priority` and no variable. */
function rowsOf(table: Table, map: string): Setting[] {
  return Object.entries(table).flatMap(([key, row]): Setting[] => {
    const path = map + key
    const { meaning } = row
    if (row.type === 'named') {
      const own = {
        path,
        kind: 'map, by name',
        default: {},
        byEnvironment: undefined,
        meaning,
        env: undefined,
      }
      return [{ ...own, secret: false }, ...rowsOf(row.settings, `${path}.<name>.`)]
    }
    const { kind, fallback, byEnvironment } = row
    const secret = kind.shown === 'never'
    const env = map === '' ? variableOf(path) : undefined
    return [{ path, kind: kind.text, default: fallback, byEnvironment, meaning, env, secret }]
  })
}

/** `listen.publicUrl` → `GOVERNOR_LISTEN_PUBLIC_URL`. */
export function variableOf(path: string): string {
  const words = path.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll('.', '_')
  return `GOVERNOR_${words.toUpperCase()}`
}
