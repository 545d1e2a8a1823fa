/** What we are called by. */
import type { Config } from '../config/settings.js'

// What may stand in a Host line as a name or an address: nothing that could break out of a JSON string or a URL.
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function scheme({ listen }: Config): 'http' | 'https' {
  return listen.tlsCert === undefined ? 'http' : 'https'
}

function authority(host: string, port: number): string {
  const reachable = isWildcard(host) ? 'localhost' : host
  return `${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

export interface OwnNames {
  /** What apps call us by, for a call that came with this `Host`: `http://host:port`. */
  readonly publicUrl: (host: string | undefined) => string
  /** An absolute-form target may name us as the settings do, or by any address of this machine and our port. */
  readonly isOurs: (named: string) => boolean
  listensOn(port: number): void
  configure(config: Config): void
}

/**
 * Where nothing was set and we listen on every address, the name the caller used is the one that reaches us.
 * It can only mislead the caller who chose it. Where and how we listen is as it was at the start, whatever a
 * reload says; only the name given to us may change.
 */
export function makeOwnNames(initial: Config): OwnNames {
  const { listen } = initial
  let given = listen.publicUrl
  let { port } = listen

  function publicUrl(host: string | undefined): string {
    if (given !== undefined) return given
    const named = isWildcard(listen.host) && host !== undefined && AUTHORITY.test(host)
    return `${scheme(initial)}://${named ? host : authority(listen.host, port)}`
  }

  return {
    publicUrl,
    isOurs: named =>
      named === new URL(publicUrl(undefined)).host ||
      named === `localhost:${port}` ||
      named === `127.0.0.1:${port}` ||
      named === `[::1]:${port}`,
    listensOn: actual => void (port = actual),
    configure: next => void (given = next.listen.publicUrl),
  }
}
