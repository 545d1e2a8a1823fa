/** What stands in an answer in the very places where an envelope's status stands, and nowhere else. */
import type { Listener } from './walk-json.js'

/** One envelope's status, as an answer of DocuSign's showed it. */
export interface Sighting {
  /** Its GUID as a key: lower case, 36 characters. */
  readonly envelope: string
  /** Lower case: 1 to 32 letters. */
  readonly status: string
  /** Lower case (facts 6.3); absent where the answer does not say. */
  readonly purgeState?: string
}

/** `envelope`: the fields stand in the root. `list`: in the items of one of its lists. */
export type Place = 'envelope' | 'list'

type Field = 'envelopeId' | 'status' | 'purgeState'
type Found = { [field in Field]?: string | null | undefined }

/** Envelopes in lists and folders; `folderItems` in search folders. */
const LISTS: ReadonlySet<string | undefined> = new Set(['envelopes', 'folderItems'])
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const STATUS = /^[a-z]{1,32}$/
const PURGE_STATE = /^[a-z_]{1,64}$/

export interface Gleaner extends Listener {
  /** Asked once the document is known to be whole. An envelope of which it says two things is not in it. */
  sightings(): readonly Sighting[]
}

/** @param items what an item of a list is called: by its element in XML, nothing (`undefined`) in JSON */
export function makeGleaner(place: Place, items: ReadonlySet<string | undefined>): Gleaner {
  const fieldsAt = place === 'envelope' ? 0 : 2
  const lists = new Set<string | undefined>()
  const seen = new Map<string, Sighting | undefined>()
  let depth = 0
  let found: Found = {}
  let field: Field = 'status'
  let isTwice = false
  /** The list itself stood there twice: which of the two DocuSign meant is not for us to say. */
  let isSpoiled = false

  function enterField(name: string | undefined): boolean {
    if (name !== 'envelopeId' && name !== 'status' && name !== 'purgeState') return false
    if (name in found) isTwice = true
    field = name
    return true
  }

  function enterList(name: string | undefined): boolean {
    if (!LISTS.has(name)) return false
    if (lists.has(name)) isSpoiled = true
    lists.add(name)
    return true
  }

  function enterItem(name: string | undefined): boolean {
    if (!items.has(name)) return false
    found = {}
    isTwice = false
    return true
  }

  function conclude(): void {
    const sighting = isTwice ? undefined : read(found)
    if (!sighting) return
    const known = seen.get(sighting.envelope)
    const isNews = !seen.has(sighting.envelope)
    seen.set(sighting.envelope, isNews || (known && isSame(known, sighting)) ? sighting : undefined)
  }

  return {
    enter(name) {
      const goesIn =
        depth === fieldsAt
          ? enterField(name)
          : depth < fieldsAt && (depth === 0 ? enterList(name) : enterItem(name))
      if (goesIn) depth++
      return goesIn
    },
    leave(text) {
      depth--
      if (depth === fieldsAt) found[field] = text
      else if (depth === 1) conclude()
    },
    sightings() {
      if (place === 'envelope') conclude()
      return isSpoiled ? [] : [...seen.values()].filter(sighting => sighting !== undefined)
    },
  }
}

/** What is `null` is not said. Anything else that is no word in one of the three places is not understood, so nothing is believed. */
function read(found: Found): Sighting | undefined {
  const envelope = found.envelopeId?.toLowerCase() ?? ''
  const status = found.status?.toLowerCase() ?? ''
  if (!GUID.test(envelope) || !STATUS.test(status)) return undefined
  if (!('purgeState' in found) || found.purgeState === null) return { envelope, status }
  const purgeState = found.purgeState?.toLowerCase() ?? ''
  return PURGE_STATE.test(purgeState) ? { envelope, status, purgeState } : undefined
}

function isSame(one: Sighting, other: Sighting): boolean {
  return one.status === other.status && one.purgeState === other.purgeState
}
