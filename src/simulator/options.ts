import { parseArgs } from 'node:util'
import type { SimulatorOptions } from './knobs.js'
import { SIMULATOR_DEFAULTS } from './knobs.js'

export type { SimulatorOptions }
export { SIMULATOR_DEFAULTS }

type Numeric = {
  [K in keyof SimulatorOptions]: SimulatorOptions[K] extends number ? K : never
}[keyof SimulatorOptions]

interface NumberFlag {
  readonly option: Numeric
  readonly min: number
  readonly max: number
  readonly whole: boolean
  readonly says: string
}

const BILLION = 1_000_000_000
const whole = (option: Numeric, min: number, max: number, says: string): NumberFlag => {
  return { option, min, max, whole: true, says }
}
const real = (option: Numeric, min: number, max: number, says: string): NumberFlag => {
  return { option, min, max, whole: false, says }
}

const NUMBERS: Readonly<Record<string, NumberFlag>> = {
  port: whole('port', 0, 65_535, 'port to listen on; 0 takes a free one (9090)'),
  'hour-limit': whole('hourLimit', 0, BILLION, 'calls an account may make in a clock hour'),
  'hour-window': real('hourWindow', 0.001, BILLION, 'seconds of that hour'),
  'burst-limit': whole('burstLimit', 0, BILLION, 'calls an account may make in a burst window'),
  'burst-window': real('burstWindow', 0.001, BILLION, 'seconds of the burst window'),
  'poll-interval': real(
    'pollInterval',
    0,
    BILLION,
    'seconds between two GETs of one resource; recorded only',
  ),
  'envelope-polling-limit': whole(
    'envelopePollingLimit',
    0,
    BILLION,
    'GETs on one envelope an hour; 0 is off',
  ),
  'envelope-polling-burst': whole('envelopePollingBurst', 0, BILLION, 'the same in a burst window; 0 is off'),
  'envelope-update-limit': whole('envelopeUpdateLimit', 0, BILLION, 'PUTs on one envelope an hour; 0 is off'),
  'envelope-update-burst': whole('envelopeUpdateBurst', 0, BILLION, 'the same in a burst window; 0 is off'),
  'userinfo-limit': whole('userinfoLimit', 0, BILLION, 'userinfo calls of one user an hour; 0 is off'),
  'time-factor': real('timeFactor', 0.001, 1_000_000, 'divides every duration'),
  seed: whole('seed', 0, 0xffff_ffff, 'ids and fates follow from it'),
  latency: real('latencyMs', 0, 600_000, 'milliseconds before each answer'),
  jitter: real('jitterMs', 0, 600_000, 'milliseconds added at most to the latency'),
  accounts: whole('accounts', 1, 1000, 'how many accounts there are'),
  users: whole('users', 1, 1000, 'users in each account; the first one administers it'),
  apps: whole('apps', 1, 100, 'how many integration keys there are'),
  'clock-skew': real('clockSkew', -BILLION, BILLION, "seconds that DocuSign's clock is ahead"),
  'deliver-after': real('deliverAfter', 0, BILLION, 'seconds until an envelope is opened, about'),
  'finish-after': real('finishAfter', 0, BILLION, 'seconds after that until it is finished, about'),
}

const OTHERS = {
  host: 'address to listen on (127.0.0.1)',
  'limit-status': 'status of a limit error: 400 or 429 (429)',
  'no-enforce': 'count, but never refuse for a limit',
  'no-gzip': 'never compress answers',
  help: 'print this and leave',
} as const

export const SIMULATOR_USAGE = [
  'Usage: docusign-governor simulator [options]',
  '',
  'A DocuSign eSignature API that runs on this machine. Its own questions are answered under /_sim/.',
  '',
  ...Object.entries(NUMBERS).map(([name, flag]) => {
    const usual = name === 'port' ? '' : ` (${SIMULATOR_DEFAULTS[flag.option]})`
    return `  ${`--${name} N`.padEnd(28)}${flag.says}${usual}`
  }),
  ...Object.entries(OTHERS).map(([name, says]) => {
    const value = name === 'host' ? ' ADDRESS' : name === 'limit-status' ? ' N' : ''
    return `  ${`--${name}${value}`.padEnd(28)}${says}`
  }),
  '',
].join('\n')

const COMMAND_LINE_PORT = 9090

/** Reads the arguments after `simulator`. Every fault is told at once, each with what the flag takes. */
export function parseSimulatorArgs(
  argv: readonly string[],
): SimulatorOptions | { readonly faults: string[] } {
  const faults: string[] = []
  const chosen: Record<string, unknown> = { port: COMMAND_LINE_PORT }
  const flags: Record<string, { type: 'string' | 'boolean' }> = {}
  for (const name of [...Object.keys(NUMBERS), 'host', 'limit-status']) flags[name] = { type: 'string' }
  for (const name of ['no-enforce', 'no-gzip', 'help']) flags[name] = { type: 'boolean' }
  // A negative number after a flag looks like a flag to parseArgs, so it is tied to its own with '='.
  const tied = [...argv].flatMap((word, at, all) => {
    if (at > 0 && /^-\.?\d/.test(word) && all[at - 1]?.startsWith('--')) return []
    const next = all[at + 1]
    return word.startsWith('--') && !word.includes('=') && next && /^-\.?\d/.test(next)
      ? `${word}=${next}`
      : word
  })
  const { tokens } = parseArgs({ args: tied, options: flags, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') faults.push(`${JSON.stringify(token.value)}: a flag was expected here`)
    if (token.kind !== 'option') continue
    const number = NUMBERS[token.name]
    if (number) readNumber(token.name, number, token.value, chosen, faults)
    else readOther(token.rawName, token.name, token.value, chosen, faults)
  }
  return faults.length > 0 ? { faults } : { ...SIMULATOR_DEFAULTS, ...chosen }
}

function readNumber(
  name: string,
  flag: NumberFlag,
  text: string | undefined,
  chosen: Record<string, unknown>,
  faults: string[],
): void {
  const value = text === undefined || text.trim() === '' ? NaN : Number(text)
  const fits = Number.isFinite(value) && value >= flag.min && value <= flag.max
  if (fits && (!flag.whole || Number.isInteger(value))) {
    chosen[flag.option] = value
    return
  }
  const kind = flag.whole ? 'a whole number' : 'a number'
  faults.push(`--${name} takes ${kind} from ${flag.min} to ${flag.max}, not ${shown(text)}`)
}

function readOther(
  rawName: string,
  name: string,
  text: string | undefined,
  chosen: Record<string, unknown>,
  faults: string[],
): void {
  switch (name) {
    case 'host':
      if (text) chosen['host'] = text
      else faults.push(`--host takes an address, not ${shown(text)}`)
      return
    case 'limit-status':
      if (text === '400' || text === '429') chosen['limitStatus'] = Number(text)
      else faults.push(`--limit-status takes 400 or 429, not ${shown(text)}`)
      return
    case 'no-enforce':
    case 'no-gzip':
    case 'help':
      if (text !== undefined) faults.push(`--${name} takes no value, not ${shown(text)}`)
      else if (name === 'help') chosen['help'] = true
      else chosen[name === 'no-gzip' ? 'gzip' : 'enforce'] = false
      return
    default:
      faults.push(`${rawName} is no flag of the simulator`)
  }
}

function shown(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text)
}
