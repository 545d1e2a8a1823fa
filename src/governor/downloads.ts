/**
 * Downloads of one document in progress at once (facts 1.6): 3 of the combined one, 10 of any other, all accounts and
 * apps together. DocuSign lets a few more be in progress where some began over an hour ago; no download of ours lasts
 * so long, so the lower number is the number.
 */
import { Pigeonholes } from '../base/pigeonholes.js'
import type { Call } from '../base/types.js'

const MOST_COMBINED = 3
const MOST_OTHER = 10

/** The document that a call downloads, as a key; `undefined` for a call that downloads none. */
export function documentOf({ method, envelope, resource }: Call): string | undefined {
  if (method !== 'GET' || envelope === undefined) return undefined
  // Most are told by the word before their last one.
  if (!resource.endsWith('/documents', resource.lastIndexOf('/'))) return undefined
  // /restapi/v2.1/accounts/ACCOUNT/envelopes/ENVELOPE/documents/DOCUMENT
  const segments = resource.split('/')
  const document = segments[8]
  return segments.length === 9 && document !== '' ? `${envelope}/${document}` : undefined
}

/** Who asks: while its connection takes an answer, there is somebody to download for. */
export interface Caller {
  readonly writable: boolean
}

export interface Downloads {
  /**
   * Calls `start` when one more download of this document may be in progress: at once, or when another one ends, in
   * order of arrival; never for a waiting caller who has left. The function returned says that it has ended, or leaves
   * the queue; calling it twice is harmless.
   */
  take(document: string, caller: Caller, start: () => void): () => void
  /** The same, at once or not at all. */
  tryTake(document: string): (() => void) | undefined
  /** Documents with a download in progress or waiting. */
  readonly size: number
}

interface Row {
  taken: number
  readonly most: number
  /** In order of arrival. */
  readonly waiting: Map<() => void, Caller>
}

const HERE: Caller = { writable: true }

export function makeDownloads(): Downloads {
  // Bounded by the calls that are under way: a row leaves with the last of its document.
  const rows = new Pigeonholes<Row>()

  function rowOf(document: string): Row {
    const found = rows.get(document)
    if (found) return found
    const most = document.endsWith('/combined') ? MOST_COMBINED : MOST_OTHER
    const row = { taken: 0, most, waiting: new Map<() => void, Caller>() }
    rows.set(document, row)
    return row
  }

  function free(document: string, row: Row): void {
    row.taken--
    for (const [go, caller] of row.waiting) {
      row.waiting.delete(go)
      // Where many leave at once, their sockets have all ended before the first of them says so.
      if (caller.writable) return go()
    }
    if (row.taken === 0) rows.delete(document)
  }

  function take(document: string, caller: Caller, start: () => void): () => void {
    const row = rowOf(document)
    let state: 'waiting' | 'going' | 'over' = 'waiting'
    const go = () => {
      state = 'going'
      row.taken++
      start()
    }
    if (row.taken < row.most) go()
    else row.waiting.set(go, caller)
    return () => {
      const was = state
      state = 'over'
      if (was === 'waiting') row.waiting.delete(go)
      else if (was === 'going') free(document, row)
    }
  }

  return {
    take,
    tryTake(document) {
      const row = rowOf(document)
      return row.taken < row.most ? take(document, HERE, () => undefined) : undefined
    },
    get size() {
      return rows.size
    },
  }
}
