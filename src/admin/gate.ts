import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'

export interface GateConfig {
  /** What the port listens on; where it is a name, that name may be called. */
  readonly host: string
  /** When set, everything but the two health questions needs it. */
  readonly token: string | undefined
  /** Other names this port is called by: a service's name, a name in front of a reverse proxy. */
  readonly hosts: readonly string[]
}

/** What a request shows of itself at the gate. */
export interface Visitor {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Every `Host` line of the request. */
  readonly hosts: readonly string[]
}

export interface Denial {
  readonly status: 401 | 403
  readonly errorCode: string
  readonly message: string
}

interface Authority {
  readonly name: string
  readonly port: string
}

const FOREIGN_HOST: Denial = {
  status: 403,
  errorCode: 'GOVERNOR_FOREIGN_HOST',
  message: 'This port is not called by that name. Use an IP address, localhost or a name from the settings.',
}
const CROSS_SITE: Denial = {
  status: 403,
  errorCode: 'GOVERNOR_CROSS_SITE',
  message: 'A page of another origin may not call this port.',
}
const UNAUTHORIZED: Denial = {
  status: 401,
  errorCode: 'GOVERNOR_UNAUTHORIZED',
  message: 'This needs the header Authorization: Bearer with the token of the setting admin.token.',
}
/** An orchestrator asks these, and it has no token. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz'])
const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(\d{1,5}))?$/
const BEARER = /^bearer +/i

/**
 * Who may ask. The order is the point: a page in the operator's browser must get nothing out of this port, not even
 * the difference between "no token" and "no such page", so names come first, then origins, then the token.
 */
export function makeGate(config: GateConfig): (visitor: Visitor) => Denial | undefined {
  const names = new Set([config.host, ...config.hosts].map(name => name.toLowerCase().replace(/\.$/, '')))
  const token = config.token === undefined ? undefined : sha256(config.token, 'utf8')

  /** DNS rebinding needs a name that its attacker owns: an address cannot be one, and localhost is nobody's. */
  function isOurs(name: string): boolean {
    const address = name.startsWith('[') ? name.slice(1, -1) : name
    return isIP(address) !== 0 || name === 'localhost' || name.endsWith('.localhost') || names.has(name)
  }

  return ({ path, headers, hosts }) => {
    const host = hosts.length === 1 ? parseAuthority(hosts[0] ?? '') : undefined
    if (!host || !isOurs(host.name)) return FOREIGN_HOST
    if (headers['sec-fetch-site'] === 'cross-site') return CROSS_SITE
    if (headers.origin !== undefined && !isSameOrigin(headers.origin, host)) return CROSS_SITE
    if (token && !OPEN_PATHS.has(path) && !isBearerOf(token, headers.authorization)) return UNAUTHORIZED
    return undefined
  }
}

function parseAuthority(text: string): Authority | undefined {
  const [, name, port = ''] = AUTHORITY.exec(text.toLowerCase()) ?? []
  return name === undefined ? undefined : { name, port }
}

/** The port counts too: whatever else serves pages on this machine is another origin. */
function isSameOrigin(origin: string, host: Authority): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, hostname, port } = new URL(origin)
  const usual = protocol === 'https:' ? '443' : '80'
  return hostname === host.name && (port || usual) === (host.port || usual)
}

/** Digests are compared, because they are of one length: the time taken says nothing of the token. */
function isBearerOf(token: Buffer, authorization: string | undefined): boolean {
  if (authorization === undefined || !BEARER.test(authorization)) return false
  return timingSafeEqual(token, sha256(authorization.replace(BEARER, ''), 'latin1'))
}

/** Node reads header bytes as latin1; written back so, they are the bytes the client sent. */
function sha256(text: string, encoding: 'utf8' | 'latin1'): Buffer {
  return createHash('sha256').update(text, encoding).digest()
}
