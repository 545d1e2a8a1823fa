/**
 * The demo: a DocuSign simulator, the whole governor, and sample apps that are pointed at it, in one process.
 *
 *   poller, sender, downloader, dashboard (official SDK) ──▶ governor ──▶ simulator
 *                                                               │            │
 *                                    one line a second ◀── its metrics   its report
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { App, Ports } from '../app.js'
import type { Clock } from '../base/clock.js'
import type { Config } from '../config/settings.js'
import { makeSimulator, type Simulator } from '../simulator/simulator.js'
import { localUrl, whyNotStarted } from './addresses.js'
import { DEMO_USAGE, parseDemoArguments, type DemoOptions } from './arguments.js'
import type { Sdk } from './session.js'
import { show } from './show.js'
import type { Places } from './telling.js'

export interface DemoParts {
  readonly clock: Clock
  say(text: string): void
  complain(text: string): void
  /** The settings with files and variables over them; `undefined` when they are wrong, which has then been said. */
  loadConfig(files: readonly string[], variables: Readonly<Record<string, string>>): Config | undefined
  makeGovernor(config: Config): App
  /** Resolves when the user wants an end. */
  readonly interrupted: Promise<unknown>
}

/** `bad-usage`: nothing was started. */
export type DemoEnd = 'done' | 'failed' | 'bad-usage'

const NO_SDK =
  'The demo needs the development dependencies, the official SDK among them: run it in a checkout, after `npm ci`.'
/** A call that hangs may not keep the demo from ending. */
const DRAIN_SECONDS = 2

/** Runs until the time given is over or the user ends it; whatever was started is stopped again. */
export async function runDemo(argv: readonly string[], parts: DemoParts): Promise<DemoEnd> {
  const given = parseDemoArguments(argv)
  if (given.kind === 'help') {
    parts.say(DEMO_USAGE)
    return 'done'
  }
  if (given.kind === 'faults') {
    parts.complain(`${given.faults.join('\n')}\n\n${DEMO_USAGE}`)
    return 'bad-usage'
  }
  const { options } = given
  const { port, trace } = options
  const variables = {
    ...(port === undefined ? {} : { GOVERNOR_LISTEN_PORT: String(port) }),
    ...(trace === undefined ? {} : { GOVERNOR_TRACE_PATH: trace }),
  }
  const config = parts.loadConfig(options.config === undefined ? [] : [options.config], variables)
  if (!config) return 'bad-usage'
  const sdk = await loadSdk()
  if (!sdk) {
    parts.complain(NO_SDK)
    return 'failed'
  }

  const simulator = makeDocuSign(options, parts.clock)
  const { url } = await simulator.start()
  try {
    return await runBefore(url, config, options.timeFactor, parts, places =>
      show({ ...parts, ...options, sdk, simulator, places: { ...places, simulator: url } }),
    )
  } finally {
    await simulator.stop()
  }
}

/** Runs the governor in front of what is at `url` for as long as `use` takes. */
async function runBefore(
  url: string,
  config: Config,
  timeFactor: number,
  parts: DemoParts,
  use: (places: Omit<Places, 'simulator'>) => Promise<void>,
): Promise<DemoEnd> {
  const settings = pointedAt(url, config, timeFactor)
  const governor = parts.makeGovernor(settings)
  if (settings.trace.path !== undefined) writeSettings(settings.trace.path, settings)
  const { listen, admin } = config
  try {
    const ports = await started(governor, config, parts)
    if (!ports) return 'failed'
    await use({
      governor: localUrl(listen.tlsCert === undefined ? 'http' : 'https', listen.host, ports.port),
      admin: localUrl('http', admin.host, ports.adminPort),
      adminToken: admin.token,
    })
    return 'done'
  } finally {
    await governor.stop()
  }
}

/** What its traffic was served under, as a file for `plan --config`: hours are shorter here. */
function writeSettings(folder: string, { limits, polling, apps }: Config): void {
  const { hour, burst } = limits
  const settings = {
    limits: {
      hour: { limit: hour.limit, window: hour.window },
      burst: { limit: burst.limit, window: burst.window },
    },
    polling: { interval: polling.interval },
    apps,
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'settings.yaml'), `${JSON.stringify(settings, null, 2)}\n`)
}

async function started(governor: App, config: Config, parts: DemoParts): Promise<Ports | undefined> {
  try {
    return await governor.start()
  } catch (error) {
    parts.complain(whyNotStarted(error, config))
    return undefined
  }
}

/** Imported here and not above, because an installation for production comes without it. */
async function loadSdk(): Promise<Sdk | undefined> {
  try {
    return (await import('docusign-esign')).default
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function makeDocuSign({ timeFactor }: DemoOptions, clock: Clock): Simulator {
  return makeSimulator(
    {
      timeFactor,
      accounts: 1,
      apps: 4,
      latencyMs: 20,
      jitterMs: 20,
      envelopes: [
        { status: 'completed', count: 12 },
        { status: 'lives', count: 6 },
      ],
    },
    clock,
  )
}

/**
 * Whatever the settings say of DocuSign's address: a demo makes no call to DocuSign. What they say of its times is meant
 * in its own seconds, which are shorter here.
 */
function pointedAt(url: string, config: Config, timeFactor: number): Config {
  const { hour, burst } = config.limits
  return {
    ...config,
    upstream: { ...config.upstream, api: url, oauth: url },
    limits: {
      ...config.limits,
      hour: { ...hour, window: hour.window / timeFactor },
      burst: { ...burst, window: burst.window / timeFactor },
    },
    polling: { ...config.polling, interval: config.polling.interval / timeFactor },
    shutdown: { ...config.shutdown, timeout: Math.min(config.shutdown.timeout, DRAIN_SECONDS) },
  }
}
