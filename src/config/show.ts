import { stringify } from 'yaml'
import type { ConfigFault } from './fault.js'
import { SETTINGS, type Config, type Setting } from './settings.js'

const SECRETS = new Set(SETTINGS.filter(setting => setting.secret).map(setting => setting.path))
const MAPS = new Set(SETTINGS.filter(setting => setting.kind === 'map, by name').map(setting => setting.path))

/** The settings in force as YAML, ready to be a settings file again, but for secrets: `'***'` where one is set. */
export function showConfig(config: Config): string {
  return stringify(masked(config, ''), { lineWidth: 0, aliasDuplicateObjects: false })
}

/** A line for each fault: `WHERE  PATH: MESSAGE`. */
export function showFaults(faults: readonly ConfigFault[]): string {
  return faults
    .map(({ where, path, message }) => `${where}  ${path === '' ? '' : `${path}: `}${message}`)
    .map(visible)
    .join('\n')
}

/** The settings table for the README: setting, default, meaning (with type, unit and bounds). */
export function settingsTable(): string {
  const rows = SETTINGS.map(setting => [`\`${setting.path}\``, defaultOf(setting), described(setting)])
  return [['setting', 'default', 'meaning'], ['---', '---', '---'], ...rows]
    .map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

/** What a setting means and what it accepts, in one line. */
export function described({ meaning, kind }: Setting): string {
  return `${meaning} (${kind})`
}

/** Of the settings that differ, those that a running process cannot take over. TLS files may change, TLS itself not. */
export function changedAtStartOnly(before: Config, after: Config): readonly string[] {
  const differs: Readonly<Record<string, boolean>> = {
    'listen.host': before.listen.host !== after.listen.host,
    'listen.port': before.listen.port !== after.listen.port,
    'listen.tlsCert': isUnset(before.listen.tlsCert) !== isUnset(after.listen.tlsCert),
    'listen.tlsKey': isUnset(before.listen.tlsKey) !== isUnset(after.listen.tlsKey),
    'admin.host': before.admin.host !== after.admin.host,
    'admin.port': before.admin.port !== after.admin.port,
    'cache.encryptionKey': before.cache.encryptionKey !== after.cache.encryptionKey,
    'cache.encryptionKeyFile': before.cache.encryptionKeyFile !== after.cache.encryptionKeyFile,
    'state.path': before.state.path !== after.state.path,
    'state.kind': before.state.kind !== after.state.kind,
    'state.fsync': before.state.fsync !== after.state.fsync,
    'trace.path': before.trace.path !== after.trace.path,
    'trace.maxBytes': before.trace.maxBytes !== after.trace.maxBytes,
  }
  return Object.keys(differs).filter(path => differs[path])
}

function isUnset(value: string | undefined): boolean {
  return value === undefined
}

function masked(value: unknown, path: string): unknown {
  if (value === undefined) return null
  if (SECRETS.has(path)) return '***'
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const inner = (key: string) => (MAPS.has(path) ? `${path}.<name>` : path === '' ? key : `${path}.${key}`)
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, masked(entry, inner(key))]))
}

function defaultOf({ default: fallback, byEnvironment }: Setting): string {
  if (byEnvironment) {
    return `${code(byEnvironment.demo)} (production: ${code(byEnvironment.production)})`
  }
  return fallback === undefined ? 'none' : code(fallback)
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

/** A file's name or a key may hold line ends and terminal commands; a fault stays one harmless line. */
function visible(line: string): string {
  return line.replace(/\p{C}/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
