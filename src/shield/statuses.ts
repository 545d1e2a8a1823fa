/** Which answers show the status of envelopes, and what they show: so that the shield knows who has reached the end. */
import { decoded } from '../base/content-coding.js'
import type { Call } from '../base/types.js'
import { makeGleaner, type Place, type Sighting } from './glean.js'
import { walkJson } from './walk-json.js'
import { walkXml } from './walk-xml.js'

export type { Sighting } from './glean.js'

/**
 * The most that a body may hold, decoded, to be read: a page of 1,000 envelopes (the largest there is, facts 2) has
 * 1.8 MB as DocuSign writes them, and twice that with their recipients. A larger one is not read at all, because its
 * beginning cannot say what is said a second time at its end.
 */
export const MAX_SIGHT_BYTES = 4_194_304

const A = '/v2.1/accounts/{accountId}'

/** Method and route → the answer's status and where in it envelopes stand. A `PUT …/envelopes/{envelopeId}` is answered without one. */
const SIGHTS: ReadonlyMap<
  string,
  Partial<Record<string, { readonly status: number; readonly place: Place }>>
> = new Map([
  [`${A}/envelopes/{envelopeId}`, { GET: { status: 200, place: 'envelope' } }],
  [`${A}/envelopes`, { GET: { status: 200, place: 'list' }, POST: { status: 201, place: 'envelope' } }],
  [`${A}/envelopes/status`, { GET: { status: 200, place: 'list' }, PUT: { status: 200, place: 'list' } }],
  [`${A}/folders/{folderId}`, { GET: { status: 200, place: 'list' } }],
  [`${A}/search_folders/{searchFolderId}`, { GET: { status: 200, place: 'list' } }],
  [`${A}/bulk_send_batch/{bulkSendBatchId}/envelopes`, { GET: { status: 200, place: 'list' } }],
])

const TERMINAL = new Set(['completed', 'declined', 'voided'])
const JSON_TYPE = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?;?\s*$/i
const XML_TYPE = /^(?:application|text)\/xml\s*(?:;\s*charset="?utf-8"?\s*)?;?\s*$/i
const JSON_ITEMS = new Set([undefined])
const XML_ITEMS = new Set(['envelope', 'folderItem'])

/** Whether no path leads out of it (facts 6.2). @param status lower case */
export function isTerminal(status: string): boolean {
  return TERMINAL.has(status)
}

/** Whether an answer of this status to this call shows envelopes' statuses, and in which way. Asked of every answer. */
export function sightRoute({ method, route }: Call, status: number): Place | undefined {
  const sight = SIGHTS.get(route)?.[method]
  return sight?.status === status ? sight.place : undefined
}

/**
 * What such an answer shows; none where the body is no such answer, is damaged or cut off, is larger than
 * MAX_SIGHT_BYTES, or speaks of another envelope than the one that was asked for. What says a thing twice, or says it
 * in a form it never has, is not believed. Never throws.
 *
 * @param body as it came, with its coding
 */
export function readSightings(
  call: Call,
  body: Buffer,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): readonly Sighting[] {
  const place = SIGHTS.get(call.route)?.[call.method]?.place
  const isJson = JSON_TYPE.test(contentType ?? '')
  if (place === undefined || !(isJson || XML_TYPE.test(contentType ?? ''))) return []
  const bytes = decoded(body, contentEncoding ?? '', MAX_SIGHT_BYTES)
  if (!bytes) return []
  const gleaner = makeGleaner(place, isJson ? JSON_ITEMS : XML_ITEMS)
  const isWhole = isJson ? walkJson(bytes, gleaner) : walkXml(bytes.toString('utf8'), gleaner)
  if (!isWhole) return []
  const sightings = gleaner.sightings()
  const isCreated = call.method === 'POST'
  return place === 'list' || isCreated
    ? sightings
    : sightings.filter(({ envelope }) => envelope === call.envelope)
}
