import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Seconds until it ends by itself; without it, at a signal. */
  readonly seconds: number | undefined
  /** `listen.port`, above every other source. */
  readonly port: number | undefined
  /** A settings file that overlays the defaults and the demo's own. */
  readonly config: string | undefined
  /** Folder of a trace of its traffic. */
  readonly trace: string | undefined
  /** How much faster than DocuSign's the time goes by, 1 or more. */
  readonly timeFactor: number
}

export type DemoArguments =
  | { readonly kind: 'options'; readonly options: DemoOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'faults'; readonly faults: readonly string[] }

export const DEMO_USAGE = `Usage: docusign-governor demo [options]

A DocuSign simulator, the governor in front of it, and four sample apps built with the official SDK, all in one
process on this machine: no account and no network are needed.

  --for SECONDS      end by itself after so long
  --port N           port of the governor (listen.port); 0 takes a free one
  --config FILE      settings over config/default.yaml and config/demo.yaml
  --trace FOLDER     write a trace of the traffic there, for plan, and the settings that it was made under
  --time-factor N    how much faster the time goes by, 1 to 600 (60: an hour of limits passes in a minute)
  --help             print this and leave

Environment variables hold here too: GOVERNOR_LISTEN_PORT, GOVERNOR_ADMIN_PORT, GOVERNOR_LOG_LEVEL, …
limits.hour.window, limits.burst.window and polling.interval are in DocuSign's seconds, and pass as much faster.
`

const OPTIONS = {
  for: { type: 'string' },
  port: { type: 'string' },
  config: { type: 'string', short: 'c' },
  trace: { type: 'string' },
  'time-factor': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const A_DAY = 86_400
const TIME_FACTOR = 60

/** Reads what follows `demo`. Every wrong value is told at once. */
export function parseDemoArguments(argv: readonly string[]): DemoArguments {
  let values
  try {
    ;({ values } = parseArgs({ args: [...argv], options: OPTIONS }))
  } catch (error) {
    return { kind: 'faults', faults: [(error as Error).message] }
  }
  if (values.help) return { kind: 'help' }
  const faults: string[] = []
  const read = (name: 'for' | 'port' | 'time-factor', what: string, fits: (value: number) => boolean) => {
    const text = values[name]
    if (text === undefined) return undefined
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
    if (fits(value)) return value
    faults.push(`--${name} takes ${what}, not ${JSON.stringify(text)}`)
    return undefined
  }
  const options = {
    seconds: read('for', 'seconds, more than 0 and at most a day', value => value > 0 && value <= A_DAY),
    port: read('port', 'a port, 0 to 65535', value => Number.isInteger(value) && value <= 65_535),
    config: values.config,
    trace: values.trace,
    timeFactor:
      read('time-factor', 'a number from 1 to 600', value => value >= 1 && value <= 600) ?? TIME_FACTOR,
  }
  return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'options', options }
}
