/** One thing that is wrong with the settings, in words for the operator. Never holds a secret's value. */
export interface ConfigFault {
  /** `config/site.yaml:12:5` (line and column count from 1), `config/site.yaml`, or `environment`. */
  readonly where: string
  /** `listen.port` or `GOVERNOR_LISTEN_PORT`; '' where the fault is the file's as a whole. */
  readonly path: string
  readonly message: string
}

/** Long enough to recognise what was written, short enough to keep a fault on one line. */
const SHOWN_CHARACTERS = 60

/** A value as it may stand in a fault. Only for settings that hold no secret. */
export function quoted(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value === null) return 'nothing'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'number') return String(value)
  return shortened(JSON.stringify(value))
}

/**
 * A key as it may stand in a fault. What follows a colon or an equals sign is left out, because
 * `{token:abc}` (no space after the colon) is one key to YAML, and it carries the value.
 */
export function shownKey(key: string): string {
  const name = /^[^:=]*/.exec(key)?.[0] ?? ''
  if (name !== key) return `${shownKey(name)}…`
  return /^[\w.~-]{1,64}$/.test(key) ? key : shortened(JSON.stringify(key))
}

function shortened(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
