/**
 * Downloads of one document in progress at once (facts 1.6): 3 of the combined one, 10 of any other, all accounts and
 * apps together. DocuSign lets a few more be in progress where some began over an hour ago; no download of ours lasts
 * so long, so the lower number is the number.
 */
import type { Call } from '../base/types.js'

const MOST_COMBINED = 3
const MOST_OTHER = 10

/** The document that a call downloads, as a key; `undefined` for a call that downloads none. */
export function documentOf({ method, envelope, resource }: Call): string | undefined {
  if (method !== 'GET' || envelope === undefined) return undefined
  // /restapi/v2.1/accounts/ACCOUNT/envelopes/ENVELOPE/documents/DOCUMENT
  const segments = resource.split('/')
  const document = segments[8]
  const isDownload = segments.length === 9 && segments[7] === 'documents' && document !== ''
  return isDownload && document !== undefined ? `${envelope}/${document}` : undefined
}

export interface Downloads {
  /**
   * Calls `start` when one more download of this document may be in progress: at once, or when another one ends, in
   * order of arrival. The function returned says that it has ended, or leaves the queue; calling it twice is harmless.
   */
  take(document: string, start: () => void): () => void
  /** Documents with a download in progress or waiting. */
  readonly size: number
}

interface Row {
  taken: number
  readonly most: number
  readonly waiting: Set<() => void>
}

export function makeDownloads(): Downloads {
  // Bounded by the calls that are under way: a row leaves with the last of its document.
  const rows = new Map<string, Row>()

  function rowOf(document: string): Row {
    const found = rows.get(document)
    if (found) return found
    const most = document.endsWith('/combined') ? MOST_COMBINED : MOST_OTHER
    const row = { taken: 0, most, waiting: new Set<() => void>() }
    rows.set(document, row)
    return row
  }

  function free(document: string, row: Row): void {
    row.taken--
    const next = row.waiting.values().next()
    if (!next.done) {
      row.waiting.delete(next.value)
      next.value()
    } else if (row.taken === 0) {
      rows.delete(document)
    }
  }

  return {
    take(document, start) {
      const row = rowOf(document)
      let state: 'waiting' | 'going' | 'over' = 'waiting'
      const go = () => {
        state = 'going'
        row.taken++
        start()
      }
      if (row.taken < row.most) go()
      else row.waiting.add(go)
      return () => {
        const was = state
        state = 'over'
        if (was === 'waiting') row.waiting.delete(go)
        else if (was === 'going') free(document, row)
      }
    },
    get size() {
      return rows.size
    },
  }
}
