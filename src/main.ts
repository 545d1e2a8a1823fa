#!/usr/bin/env node
/** The command line: reads argv and the environment, starts one command, handles signals. The only user of `process`. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { App, AppParts } from './app.js'
import { makeSystemClock, type Clock } from './base/clock.js'
import { loadConfig } from './config/load.js'
import { RedisFileFault } from './config/redis-slice.js'
import { changedAtStartOnly, showConfig, showFaults } from './config/show.js'
import type { Config } from './config/settings.js'
import { VaultKeyFault } from './config/vault-key.js'
import type { DemoParts } from './demo/demo.js'
import { makeFileDestination } from './observe/destination.js'
import { makeLog, type Log } from './observe/log.js'
import { inspectAhead, type Inspected } from './state/embedded/apart.js'
import { USAGE } from './usage.js'

const DONE = 0
const FAILED = 1
const BAD_USAGE = 2
/** Of what is written where there is no terminal. */
const WIDTH = 120

const ROOT = new URL('../../', import.meta.url)
const pathOf = (name: string) => fileURLToPath(new URL(name, ROOT))

const say = (text: string) => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
const complain = (text: string) => void process.stderr.write(text.endsWith('\n') ? text : `${text}\n`)

function version(): string {
  const manifest = JSON.parse(readFileSync(pathOf('package.json'), 'utf8')) as { version: string }
  return manifest.version
}

function load(overlays: readonly string[], env: NodeJS.ProcessEnv = process.env): Config | undefined {
  const loaded = loadConfig({ files: [pathOf('config/default.yaml'), ...overlays], env })
  if (loaded.kind === 'config') return loaded.config
  complain(showFaults(loaded.faults))
  return undefined
}

function partsOf(clock: Clock, log: Log, inspected?: Inspected): AppParts {
  const routeTable = readFileSync(pathOf('config/docusign-routes.tsv'), 'utf8')
  const readFile = (path: string) => readFileSync(path, 'utf8')
  return { clock, log, version: version(), routeTable, readFile, execPath: process.execPath, inspected }
}

/** `--config FILE` or `--help` alone; an exit code where there is nothing left to do. */
function overlaysOf(argv: string[]): readonly string[] | number {
  try {
    const { values } = parseArgs({
      args: argv,
      options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
    })
    if (!values.help) return values.config === undefined ? [] : [values.config]
    say(USAGE)
    return DONE
  } catch (error) {
    complain(`${(error as Error).message}\n\n${USAGE}`)
    return BAD_USAGE
  }
}

/** What may be said of TLS files that cannot be used: nothing that stands in them. */
function tlsFault(error: unknown): string {
  return `listen.tlsCert, listen.tlsKey: ${(error as NodeJS.ErrnoException).code ?? 'not a pair'}`
}

async function serve(argv: string[]): Promise<number> {
  const overlays = overlaysOf(argv)
  if (typeof overlays === 'number') return overlays
  const config = load(overlays)
  if (!config) return BAD_USAGE

  const clock = makeSystemClock()
  const log = makeLog(config.log, makeFileDestination(process.stdout.fd, clock), clock)
  const crash = (error: unknown) => {
    log.unexpected(error)
    log.flush()
    process.exit(FAILED)
  }
  process.on('uncaughtException', crash).on('unhandledRejection', crash)

  // What the last run left is looked at by another process, while this one loads the rooms.
  const { state } = config
  const looking = state.kind === 'embedded' ? inspectAhead(process.execPath, state.path) : undefined
  const [inspected, { makeApp }] = await Promise.all([looking, import('./app.js')])
  let running: Config = config
  let app: App
  try {
    app = makeApp(config, partsOf(clock, log, inspected))
  } catch (error) {
    if (error instanceof VaultKeyFault || error instanceof RedisFileFault) complain(error.message)
    else if (config.listen.tlsCert === undefined) throw error
    else complain(tlsFault(error))
    return BAD_USAGE
  }
  try {
    const { publicUrl: url, adminPort } = await app.start()
    const upstream = config.upstream.api
    log.event('info', 'started', { version: version(), url, adminPort, upstream })
    // Whoever started it waits for this line.
    log.flush()
  } catch (error) {
    complain(`The governor could not start: ${(error as Error).message}`)
    log.flush()
    return FAILED
  }

  const refuse = (faults: string) => {
    log.event('error', 'config-refused', { faults, running: 'the settings from before' })
    app.reloadRefused()
  }
  process.on('SIGHUP', () => {
    const loaded = loadConfig({ files: [pathOf('config/default.yaml'), ...overlays], env: process.env })
    if (loaded.kind === 'faults') return refuse(showFaults(loaded.faults))
    const fixed = changedAtStartOnly(running, loaded.config)
    try {
      app.reload(loaded.config)
    } catch (error) {
      return refuse(tlsFault(error))
    }
    running = loaded.config
    log.event('info', 'config-reloaded', fixed.length === 0 ? {} : { onlyAtStart: fixed.join(', ') })
  })

  const signal = await nextSignal()
  log.event('info', 'stopping', { signal })
  void nextSignal().then(() => {
    log.flush()
    process.exit(FAILED)
  })
  await app.stop()
  log.event('info', 'stopped')
  log.flush()
  return DONE
}

/** Resolves at the next SIGTERM or SIGINT. */
function nextSignal(): Promise<string> {
  return new Promise(resolve => {
    const heard = (signal: string) => {
      process.off('SIGTERM', heard).off('SIGINT', heard)
      resolve(signal)
    }
    process.on('SIGTERM', heard).on('SIGINT', heard)
  })
}

function check(argv: string[]): number {
  const overlays = overlaysOf(argv)
  if (typeof overlays === 'number') return overlays
  const config = load(overlays)
  if (!config) return BAD_USAGE
  say(showConfig(config))
  return DONE
}

async function simulator(argv: string[]): Promise<number> {
  // Loaded only here: the process that carries the traffic need not hold a simulated DocuSign, nor a demo.
  const { runSimulator } = await import('./simulator/command.js')
  const parts = { say, complain, clock: makeSystemClock(), interrupted: nextSignal() }
  return (await runSimulator(argv, parts)) === 'done' ? DONE : BAD_USAGE
}

async function demo(argv: string[]): Promise<number> {
  const clock = makeSystemClock()
  const log = makeLog({ level: 'warn' }, makeFileDestination(process.stderr.fd, clock), clock)
  // The SDK's HTTP client would take the calls of the sample apps to the proxy that the environment names.
  process.env['no_proxy'] = '*'
  const { makeApp } = await import('./app.js')
  const parts: DemoParts = {
    clock,
    say,
    complain,
    loadConfig: (files, variables) =>
      load([pathOf('config/demo.yaml'), ...files], { ...process.env, ...variables }),
    makeGovernor(config) {
      log.setLevel(config.log.level)
      return makeApp(config, partsOf(clock, log))
    },
    interrupted: nextSignal(),
  }
  try {
    const { runDemo } = await import('./demo/demo.js')
    return { done: DONE, failed: FAILED, 'bad-usage': BAD_USAGE }[await runDemo(argv, parts)]
  } finally {
    log.flush()
  }
}

async function plan(argv: string[]): Promise<number> {
  const { runPlan } = await import('./replay/command.js')
  const { stdout, stderr, env } = process
  const show = (text: string) => void stderr.write(text)
  const columns = stderr.isTTY ? stderr.columns || 80 : 0
  const width = stdout.isTTY ? stdout.columns || 80 : WIDTH
  const whenIdle = (run: () => void) => process.nextTick(run)
  const parts = { say, complain, show, columns, width, clock: makeSystemClock(), whenIdle, env, pathOf }
  return { done: DONE, failed: FAILED, 'bad-usage': BAD_USAGE }[await runPlan(argv, parts)]
}

async function trace(argv: string[]): Promise<number> {
  const { runTrace } = await import('./trace-command.js')
  const { stdin, stdout, stderr } = process
  const show = (text: string) => void stderr.write(text)
  // A terminal that does not say how wide it is has been 80 columns for as long as there are any.
  const columns = stderr.isTTY ? stderr.columns || 80 : 0
  const routeTable = readFileSync(pathOf('config/docusign-routes.tsv'), 'utf8')
  const parts = { clock: makeSystemClock(), say, complain, show, stdin, stdout, columns, routeTable }
  return { done: DONE, failed: FAILED, 'bad-usage': BAD_USAGE }[await runTrace(argv, parts)]
}

async function main([command, ...argv]: string[]): Promise<number> {
  switch (command) {
    case 'serve':
      return serve(argv)
    case 'check':
      return check(argv)
    case 'simulator':
      return simulator(argv)
    case 'demo':
      return demo(argv)
    case 'plan':
      return plan(argv)
    case 'trace':
      return trace(argv)
    case '--version':
    case '-v':
      say(version())
      return DONE
    case '--help':
    case '-h':
    case 'help':
      say(USAGE)
      return DONE
    default:
      complain(command === undefined ? USAGE : `There is no command "${command}".\n\n${USAGE}`)
      return BAD_USAGE
  }
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  complain(`docusign-governor failed: ${(error as Error).message}`)
  return FAILED
})
process.exit()
