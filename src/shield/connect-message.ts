/**
 * A message of DocuSign Connect → what it says of an envelope: that it has reached its end, or that it is gone. JSON
 * (`restv2.1`) and the older XML (facts 7). What stands there twice is not believed. Pure.
 */
import { isTerminal } from './statuses.js'
import { walkJson, type Listener } from './walk-json.js'
import { walkXml } from './walk-xml.js'

export interface Message {
  /** Its GUID, lower case. */
  readonly envelope: string
  /** Completed, declined or voided: it stays so. */
  readonly isTerminal: boolean
  /** Deleted, or about to lose its documents: no copy of it is true any more. */
  readonly isGone: boolean
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** The event → the status that it announces. */
const ENDS: ReadonlyMap<string, string> = new Map([
  ['envelope-completed', 'completed'],
  ['envelope-declined', 'declined'],
  ['envelope-voided', 'voided'],
])
const GONE = new Set(['envelope-purge', 'envelope-deleted'])

const JSON_PLACES = {
  event: 'event',
  'data/envelopeId': 'envelope',
  'data/envelopeSummary/envelopeId': 'summaryOf',
  'data/envelopeSummary/status': 'status',
  'data/envelopeSummary/purgeState': 'purgeState',
} as const
const XML_PLACES = {
  'EnvelopeStatus/EnvelopeID': 'envelope',
  'EnvelopeStatus/Status': 'status',
} as const

type Field = (typeof JSON_PLACES)[keyof typeof JSON_PLACES]
const SPACES = new Set(Buffer.from(' \t\r\n\ufeff'))

/** @returns `undefined` where it is no such message, is damaged, or says nothing of an end. Never throws. */
export function readMessage(body: Buffer): Message | undefined {
  const first = body.find(byte => !SPACES.has(byte))
  const isXml = first === 0x3c
  const places = new Places(isXml ? XML_PLACES : JSON_PLACES)
  const isWhole = isXml
    ? walkXml(body.toString('utf8').replace(/^\ufeff/, ''), places)
    : walkJson(body, places)
  if (!isWhole || places.isTwice) return undefined
  const { event = '', envelope: id, summaryOf, status: said = '', purgeState = 'unpurged' } = places.found
  const envelope = id ?? summaryOf ?? ''
  if (!GUID.test(envelope) || (summaryOf !== undefined && summaryOf !== envelope)) return undefined
  const isEnd = isTerminal(ENDS.get(event) ?? '') || isTerminal(said)
  const isGone = GONE.has(event) || purgeState !== 'unpurged'
  return isEnd || isGone ? { envelope, isTerminal: isEnd, isGone } : undefined
}

/** Hears what stands in these places, and nothing else. */
class Places implements Listener {
  readonly #places: Readonly<Partial<Record<string, Field>>>
  readonly #path: string[] = []
  /** All in lower case. */
  readonly found: Partial<Record<Field, string>> = {}
  isTwice = false

  constructor(places: Readonly<Partial<Record<string, Field>>>) {
    this.#places = places
  }

  enter(name: string | undefined): boolean {
    const path = [...this.#path, name ?? ''].join('/')
    const isOnTheWay = Object.keys(this.#places).some(place => place.startsWith(`${path}/`))
    if (!isOnTheWay && this.#places[path] === undefined) return false
    this.#path.push(name ?? '')
    return true
  }

  leave(text: string | null | undefined): void {
    const field = this.#places[this.#path.join('/')]
    this.#path.pop()
    if (field === undefined) return
    if (this.found[field] !== undefined) this.isTwice = true
    // Anything else than a text in one of these places is not understood.
    if (text !== null) this.found[field] = text?.trim().toLowerCase() ?? ''
  }
}
