import type { Fault } from './faults.js'
import type { EnvelopeSeed } from './seeding.js'

/** Every knob of the simulator. Durations are in seconds of DocuSign's life, before the time factor, unless named `Ms`. */
export interface SimulatorOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** PEM texts; with both, the simulator speaks TLS only. */
  readonly tlsKey: string | undefined
  readonly tlsCert: string | undefined
  /** Calls an account may make in a clock hour, and its length (facts 1.1, 1.2). */
  readonly hourLimit: number
  readonly hourWindow: number
  /** Calls an account may make in a sliding burst window, and its length. */
  readonly burstLimit: number
  readonly burstWindow: number
  readonly pollInterval: number
  /** 0 is off, which is the default because DocuSign does not publish these thresholds (facts 1.1). */
  readonly envelopePollingLimit: number
  readonly envelopePollingBurst: number
  readonly envelopeUpdateLimit: number
  readonly envelopeUpdateBurst: number
  /** `/oauth/userinfo` calls of one user in a clock hour; 0 is off, because the number is not published (facts 1.3). */
  readonly userinfoLimit: number
  /** The status of a limit error: 429 since 2026, 400 before (facts 1.5). */
  readonly limitStatus: 400 | 429
  /** `false` only counts: no call is ever refused for a limit. */
  readonly enforce: boolean
  /** Divides every duration: with 60, an hour of limits passes in a minute. Epochs stay real ones. */
  readonly timeFactor: number
  readonly seed: number
  readonly latencyMs: number
  /** Up to so much is added to each answer's latency. */
  readonly jitterMs: number
  /** How far DocuSign's clock is ahead of ours. */
  readonly clockSkew: number
  readonly accounts: number
  /** Users in each account; the first one administers it. */
  readonly users: number
  /** Integration keys. */
  readonly apps: number
  /** Private keys (PEM) of the integration keys, in order; where one is missing, it is made. */
  readonly integrationKeyPems: readonly string[]
  /** Base URIs of the accounts, in order; where one is missing, it is the simulator's own URL. */
  readonly baseUris: readonly string[]
  /** Who may act for whom (`X-DocuSign-Act-On-Behalf`), by user id. */
  readonly sharing: readonly { readonly userId: string; readonly actsFor: string }[]
  /** How long after the sending a recipient opens an envelope, and after that finishes it: the middle of the draw. */
  readonly deliverAfter: number
  readonly finishAfter: number
  readonly gzip: boolean
  /** Facts 1.6. */
  readonly maxBodyBytes: number
  readonly envelopes: readonly EnvelopeSeed[]
  readonly faults: readonly Fault[]
  /** `--help` was asked for: print `SIMULATOR_USAGE` and leave. */
  readonly help: boolean
}

export const SIMULATOR_DEFAULTS: SimulatorOptions = {
  host: '127.0.0.1',
  port: 0,
  tlsKey: undefined,
  tlsCert: undefined,
  hourLimit: 1000,
  hourWindow: 3600,
  burstLimit: 500,
  burstWindow: 30,
  pollInterval: 900,
  envelopePollingLimit: 0,
  envelopePollingBurst: 0,
  envelopeUpdateLimit: 0,
  envelopeUpdateBurst: 0,
  userinfoLimit: 0,
  limitStatus: 429,
  enforce: true,
  timeFactor: 1,
  seed: 1,
  latencyMs: 0,
  jitterMs: 0,
  clockSkew: 0,
  accounts: 2,
  users: 3,
  apps: 2,
  integrationKeyPems: [],
  baseUris: [],
  sharing: [],
  deliverAfter: 300,
  finishAfter: 900,
  gzip: true,
  maxBodyBytes: 35_651_584,
  envelopes: [],
  faults: [],
  help: false,
}
