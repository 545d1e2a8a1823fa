/** What the house is built of, and what is done with it from outside. */
import type { Clock } from './base/clock.js'
import type { Config } from './config/settings.js'
import type { Log } from './observe/log.js'
import type { Inspected } from './state/embedded/apart.js'

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
