import { makeLayer, put, type Layer } from './layer.js'
import type { Kind } from './kinds.js'
import { suggestion } from './nearest.js'
import { TABLE, variableOf } from './settings.js'
import type { Table } from './shape.js'

const WHERE = 'environment'
const PREFIX = 'GOVERNOR_'

/**
 * What Kubernetes puts into every pod for a service whose name begins with `governor`, in memory of Docker links:
 * GOVERNOR_SERVICE_HOST, GOVERNOR_PORT_8080_TCP_ADDR, … Nobody wrote them, so they must not keep the governor
 * from starting. No setting may have a name of this form.
 */
const SERVICE_LINK =
  /^GOVERNOR(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)$/

/** What the variables called `GOVERNOR_*` say. An empty one counts as not set. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Layer {
  const layer = makeLayer()
  const settings = settingsByVariable()
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || text === undefined || text === '' || isServiceLink(name, text)) continue
    const setting = settings.get(name)
    if (setting) {
      put(layer, setting.path, setting.kind, writtenIn(text, setting.kind), { where: WHERE, path: name })
    } else {
      layer.faults.push({ where: WHERE, path: name, message: whyUnknown(name, [...settings.keys()]) })
    }
  }
  return layer
}

/** GOVERNOR_PORT and GOVERNOR_ADMIN_PORT may be a service link or a person's; only the former holds a `tcp://` URL. */
function isServiceLink(name: string, text: string): boolean {
  return SERVICE_LINK.test(name) || (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(text))
}

function whyUnknown(name: string, known: readonly string[]): string {
  const map = Object.entries<Table[string]>(TABLE).find(
    ([path, row]) => row.type === 'named' && `${name}_`.startsWith(`${variableOf(path)}_`),
  )
  if (map) return `${map[0]} can be set in YAML only`
  const candidates = known.map(name => ({ word: withoutPrefix(name), name }))
  return `no setting has this variable${suggestion(withoutPrefix(name), candidates, '_')}`
}

function withoutPrefix(name: string): string {
  return name.slice(PREFIX.length)
}

/** Text that has not the form of its kind stays text, for the setting to refuse. */
function writtenIn(text: string, { form }: Kind<unknown>): unknown {
  switch (form) {
    case 'text':
      return text
    case 'number':
      return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'list':
      return text.split(',').map(item => item.trim())
  }
}

function settingsByVariable(): Map<string, { path: string; kind: Kind<unknown> }> {
  const settings = new Map<string, { path: string; kind: Kind<unknown> }>()
  for (const [path, row] of Object.entries<Table[string]>(TABLE)) {
    if (row.type === 'leaf') settings.set(variableOf(path), { path, kind: row.kind })
  }
  return settings
}
