import { BlockList, isIP } from 'node:net'
import type { Config, SettingPath } from './settings.js'

/** A condition on several settings at once. */
export interface Rule {
  /** The settings it reads. With one of them refused, it cannot be judged. */
  readonly reads: readonly SettingPath[]
  /** What is wrong, or `undefined`. */
  readonly broken: (config: Config) => string | undefined
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

export const RULES: readonly Rule[] = [
  {
    reads: ['listen.tlsCert', 'listen.tlsKey'],
    broken: ({ listen }) =>
      (listen.tlsCert === undefined) !== (listen.tlsKey === undefined)
        ? 'listen.tlsCert and listen.tlsKey work together only: set both or neither'
        : undefined,
  },
  {
    reads: ['admin.host', 'admin.token', 'admin.open'],
    broken: ({ admin }) =>
      !isLoopback(admin.host) && admin.token === undefined && !admin.open
        ? `admin.host ${admin.host} is reachable from other machines: set admin.token, or admin.open: true to do without one`
        : undefined,
  },
  {
    reads: ['listen.host', 'listen.port', 'admin.host', 'admin.port'],
    broken: ({ listen, admin }) =>
      listen.port !== 0 && listen.port === admin.port && listen.host === admin.host
        ? `listen and admin are both at ${listen.host} port ${listen.port}: give one of them another port`
        : undefined,
  },
  {
    // Node refuses to build a server otherwise, with an exception.
    reads: ['listen.headersTimeout', 'listen.requestTimeout'],
    broken: ({ listen }) =>
      listen.headersTimeout > listen.requestTimeout
        ? `listen.headersTimeout (${listen.headersTimeout}) must not be longer than listen.requestTimeout (${listen.requestTimeout})`
        : undefined,
  },
]

function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family === 0 ? host === 'localhost' : LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
