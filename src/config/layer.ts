import { quoted, type ConfigFault } from './fault.js'
import { judge, type Kind } from './kinds.js'

/** Where a source said something, and what that source calls it (`listen.port`, `GOVERNOR_LISTEN_PORT`). */
export interface Origin {
  readonly where: string
  readonly path: string
}

/** A value that its setting accepts, and where it came from. */
export interface Entry extends Origin {
  readonly value: unknown
}

/** All that one source (a file, the environment) says. Later layers overlay earlier ones, setting by setting. */
export interface Layer {
  /** By setting path. */
  readonly values: Map<string, Entry>
  /** Names under maps such as `apps`, in the order in which they were written. */
  readonly names: { readonly map: string; readonly name: string; readonly origin: Origin }[]
  readonly faults: ConfigFault[]
  /** Paths whose value was refused: what hangs on them cannot be judged. */
  readonly refused: Set<string>
  /** Whether the source could be read at all. If not, nothing that hangs on several settings can be judged. */
  legible: boolean
}

export function makeLayer(): Layer {
  return { values: new Map(), names: [], faults: [], refused: new Set(), legible: true }
}

/** The layer of a source that could not be read. */
export function illegible(...faults: readonly ConfigFault[]): Layer {
  return { ...makeLayer(), faults: [...faults], legible: false }
}

/** Takes a written value into the layer if its setting accepts it, else the fault. */
export function put<V>(layer: Layer, path: string, kind: Kind<V>, written: unknown, origin: Origin): void {
  const verdict = judge(kind, written)
  if (verdict.kind === 'value') {
    layer.values.set(path, { ...origin, value: verdict.value })
    return
  }
  layer.refused.add(path)
  layer.faults.push({ ...origin, message: verdict.message + not(kind, written, verdict.item) })
}

function not<V>(kind: Kind<V>, written: unknown, item: number | undefined): string {
  if (Array.isArray(written) && kind.form === 'list') {
    return item === undefined ? '' : `; item ${item + 1} is ${quoted(written[item])}`
  }
  // That a list or a map stands in the place of one value may be said even of a secret.
  return kind.shown === 'always' || typeof written === 'object' ? `, not ${quoted(written)}` : ''
}
