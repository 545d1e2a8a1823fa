/** What we are called by. */
import type { Config } from '../config/settings.js'

// What may stand in a Host line as a name or an address: nothing that could break out of a JSON string or a URL.
export const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

export function scheme({ listen }: Config): 'http' | 'https' {
  return listen.tlsCert === undefined ? 'http' : 'https'
}

export function authority(host: string, port: number): string {
  const reachable = isWildcard(host) ? 'localhost' : host
  return `${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
