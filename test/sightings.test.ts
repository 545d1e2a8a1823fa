/** What the shield learns from what passes: who has reached the end, what a write may have changed, what is ever final. */
import { readFileSync } from 'node:fs'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import type { Call } from '../src/base/types.js'
import { makeIdentify } from '../src/identify/identify.js'
import { makeRoutes } from '../src/identify/routes.js'
import { isNeverFinal, isShieldable } from '../src/shield/never.js'
import {
  isTerminal,
  MAX_SIGHT_BYTES,
  readSightings,
  sightRoute,
  type Sighting,
} from '../src/shield/statuses.js'
import { makeTerminal } from '../src/shield/terminal.js'
import { touchOf } from '../src/shield/touches.js'
import { MAX_DEPTH, MAX_PIECES, walkJson } from '../src/shield/walk-json.js'
import { MAX_ELEMENTS } from '../src/shield/walk-xml.js'
import { toXml } from '../src/simulator/xml.js'
import { ROOT } from './fixtures/governor.js'

const TABLE = readFileSync(new URL('config/docusign-routes.tsv', ROOT), 'utf8')
const identify = makeIdentify({ apps: [], isOurs: () => false }, makeRoutes(TABLE))

const A = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const E = '7a5f1e05-6b6b-445e-9ec0-b8531bacca38'
const OTHER = '93be49ab-afa0-4adf-933c-f752070d71ec'
const ACCOUNT = `/restapi/v2.1/accounts/${A}`
const JSON_TYPE = 'application/json; charset=utf-8'
const XML_TYPE = 'application/xml; charset=utf-8'

function callOf(method: string, path: string): Call {
  const read = identify(method, path)
  if (read.kind === 'refusal') throw new Error(`${path} was refused: ${read.message}`)
  return read
}

const THE_ENVELOPE = callOf('GET', `${ACCOUNT}/envelopes/${E}?include=recipients`)
const A_LIST = callOf('GET', `${ACCOUNT}/envelopes?from_date=2026-01-01`)

function shown(call: Call, body: string | Buffer | object, type = JSON_TYPE, coding?: string) {
  const isText = typeof body === 'string' || Buffer.isBuffer(body)
  return readSightings(call, Buffer.from(isText ? body : JSON.stringify(body)), type, coding)
}

/** Facts 6.1, the official example (its GUID made whole). */
const SENT = {
  allowMarkup: 'false',
  autoNavigation: 'true',
  certificateUri: `/envelopes/${E}/documents/certificate`,
  createdDateTime: '2016-10-05T01:04:58.1830000Z',
  emailSubject: 'Please sign the NDA',
  enableWetSign: 'true',
  envelopeId: E,
  envelopeIdStamping: 'true',
  envelopeUri: `/envelopes/${E}`,
  initialSentDateTime: '2016-10-05T01:04:58.7770000Z',
  lastModifiedDateTime: '2016-10-05T01:04:58.1830000Z',
  purgeState: 'unpurged',
  status: 'sent',
  statusChangedDateTime: '2016-10-05T01:04:58.7770000Z',
}

/** Facts 6.1, the recorded one of 2022. */
const COMPLETED = {
  status: 'completed',
  documentsUri: '/envelopes/7a5f…/documents',
  emailSubject: 'Please DocuSign: a.pdf',
  envelopeId: E,
  signingLocation: 'online',
  completedDateTime: '2022-09-22T15:22:52.92Z',
  expireAfter: '120',
  sender: { userName: 'S. Ender', accountId: 'ebeffd2b-d050-4e1a-beae-787ac2aab843' },
  recipients: {
    signers: [
      { name: 'S. Igner', recipientId: '98969862', status: 'completed', completedCount: '1', note: '' },
    ],
    agents: [],
    recipientCount: '1',
  },
  envelopeDocuments: [
    { documentId: '1', name: 'a.pdf', order: '1', pages: [{ pageId: '4663…', sequence: '1' }] },
  ],
  purgeState: 'unpurged',
  envelopeMetadata: { allowAdvancedCorrect: 'true' },
  anySigner: null,
  isDynamicEnvelope: 'false',
}

const DONE: Sighting = { envelope: E, status: 'completed', purgeState: 'unpurged' }

void t.test('an answer that shows an envelope shows its status, in JSON and XML, however it is coded', t => {
  t.strictSame(shown(THE_ENVELOPE, SENT), [{ envelope: E, status: 'sent', purgeState: 'unpurged' }])
  t.strictSame(shown(THE_ENVELOPE, COMPLETED), [DONE])
  const xml = toXml(COMPLETED, 'envelope')
  t.strictSame(shown(THE_ENVELOPE, xml, XML_TYPE), [DONE])
  const json = Buffer.from(JSON.stringify(COMPLETED))
  t.strictSame(shown(THE_ENVELOPE, gzipSync(json), JSON_TYPE, 'gzip'), [DONE])
  t.strictSame(shown(THE_ENVELOPE, deflateSync(json), 'application/json', 'deflate'), [DONE])
  t.strictSame(shown(THE_ENVELOPE, brotliCompressSync(xml), 'text/xml', 'br'), [DONE])
  const queued = {
    ...COMPLETED,
    envelopeId: E.toUpperCase(),
    status: 'Completed',
    purgeState: 'documents_queued',
  }
  t.strictSame(shown(THE_ENVELOPE, queued), [{ ...DONE, purgeState: 'documents_queued' }])
  const unsaid = [{ envelope: E, status: 'voided' }]
  t.strictSame(shown(THE_ENVELOPE, { envelopeId: E, status: 'voided' }), unsaid)
  t.strictSame(shown(THE_ENVELOPE, { envelopeId: E, status: 'voided', purgeState: null }), unsaid)
  t.strictSame(shown(THE_ENVELOPE, `{"\\u0073tatus":"void\\u0065d", "envelopeId":"${E}"}`), unsaid)
  const created = callOf('POST', `${ACCOUNT}/envelopes`)
  const summary = { envelopeId: E, uri: `/envelopes/${E}`, statusDateTime: '2026-01-01', status: 'completed' }
  t.strictSame(
    shown(created, summary),
    [{ envelope: E, status: 'completed' }],
    'and one that was made just now',
  )
  t.end()
})

void t.test('a list shows the status of each of its envelopes', t => {
  const two = [COMPLETED, { ...SENT, envelopeId: OTHER }]
  const both = [DONE, { envelope: OTHER, status: 'sent', purgeState: 'unpurged' }]
  const page = {
    resultSetSize: '2',
    totalSetSize: '2',
    nextUri: '',
    envelopes: two,
    folders: [{ status: 'x' }],
  }
  const lists: [string, string][] = [
    ['GET', 'envelopes?from_date=2026-01-01'],
    ['GET', `envelopes/status?envelope_ids=${E},${OTHER}`],
    ['PUT', 'envelopes/status?envelope_ids=request_body'],
    ['GET', 'folders/sentitems'],
    ['GET', `bulk_send_batch/${OTHER}/envelopes`],
  ]
  for (const [method, path] of lists) {
    const call = callOf(method, `${ACCOUNT}/${path}`)
    t.strictSame(shown(call, page), both, `${method} ${path}`)
    t.strictSame(shown(call, toXml(page, 'envelopesInformation'), XML_TYPE), both, `${method} ${path}, XML`)
  }
  const search = callOf('GET', `${ACCOUNT}/search_folders/completed`)
  const items = { folderItems: [{ envelopeId: E, status: 'completed', subject: 'x' }, { templateId: OTHER }] }
  t.strictSame(shown(search, items), [{ envelope: E, status: 'completed' }])
  t.strictSame(shown(search, toXml(items, 'folderItemResponse'), XML_TYPE), [
    { envelope: E, status: 'completed' },
  ])
  t.strictSame(shown(A_LIST, { envelopes: [...two, COMPLETED] }), both, 'twice the same is once')
  t.strictSame(
    shown(A_LIST, { envelopes: [...two, { ...COMPLETED, status: 'sent' }] }),
    [both[1]],
    'of whom two things are said, nothing is known',
  )
  const many = {
    envelopes: Array.from({ length: 1000 }, (_, i) => ({ ...COMPLETED, envelopeId: guidOf(i) })),
  }
  t.equal(shown(A_LIST, many).length, 1000, 'the largest page there is')
  t.equal(shown(A_LIST, toXml(many, 'envelopesInformation'), XML_TYPE).length, 1000)
  t.end()
})

function guidOf(number: number): string {
  return `4b728be4-0000-4000-8000-${String(number).padStart(12, '0')}`
}

void t.test('only certain answers are looked at, and only completed, declined and voided are an end', t => {
  const kinds = new Map<string, string>()
  for (const [method, template] of rows()) {
    const call = callOf(method, pathOf(template))
    for (const status of [200, 201, 202, 204, 206, 304, 400, 404, 429, 500]) {
      const kind = sightRoute(call, status)
      if (kind !== undefined)
        kinds.set(`${method} ${template.replace('/v2.1/accounts/{accountId}', '…')} ${status}`, kind)
    }
  }
  t.strictSame(Object.fromEntries(kinds), {
    'GET …/bulk_send_batch/{bulkSendBatchId}/envelopes 200': 'list',
    'GET …/envelopes 200': 'list',
    'POST …/envelopes 201': 'envelope',
    'PUT …/envelopes/status 200': 'list',
    'GET …/envelopes/{envelopeId} 200': 'envelope',
    'GET …/folders/{folderId} 200': 'list',
    'GET …/search_folders/{searchFolderId} 200': 'list',
    'GET …/envelopes/status 200': 'list',
  })
  for (const [method, path] of [
    ['HEAD', `envelopes/${E}`],
    ['constructor', `envelopes/${E}`],
    ['GET', `envelopes/${E}/recipients`],
  ] as const) {
    t.equal(sightRoute(callOf(method, `${ACCOUNT}/${path}`), 200), undefined, `${method} ${path}`)
    t.strictSame(shown(callOf(method, `${ACCOUNT}/${path}`), COMPLETED), [])
  }
  const words =
    'created sent delivered signed correct template deleted timedout processing Completed constructor'
  t.strictSame(words.split(' ').filter(isTerminal), [])
  t.ok(['completed', 'declined', 'voided'].every(isTerminal))
  t.end()
})

void t.test('a lookalike shows nothing', t => {
  const json = JSON.stringify(COMPLETED)
  const id = `"envelopeId":"${E}"`
  const lookalikes: Record<string, string | object> = {
    'the status of a recipient': { envelopeId: E, recipients: { status: 'completed' } },
    'of a signer': { envelopeId: E, recipients: { signers: [{ status: 'completed' }] } },
    'a custom field by that name': {
      envelopeId: E,
      customFields: { textCustomFields: [{ status: 'completed' }] },
    },
    'a field that names it': { envelopeId: E, customFields: [{ name: 'status', value: 'completed' }] },
    'one level too deep': { envelope: COMPLETED },
    'in a list': [COMPLETED],
    'a page of envelopes': { envelopes: [COMPLETED] },
    'another letter case': { EnvelopeId: E, Status: 'completed' },
    'another envelope': { ...COMPLETED, envelopeId: OTHER },
    'no envelope': { status: 'completed' },
    'no GUID': { ...COMPLETED, envelopeId: '7a5f1e05' },
    braces: { ...COMPLETED, envelopeId: `{${E}}` },
    'JSON in a string': JSON.stringify(json),
    'JSON in a string in an object': { envelopeId: E, emailBlurb: `","status":"completed","x":"` },
    'a number': { ...COMPLETED, status: 3 },
    true: { ...COMPLETED, status: true },
    null: { ...COMPLETED, status: null },
    'a list of one': { ...COMPLETED, status: ['completed'] },
    'an object': { ...COMPLETED, status: { value: 'completed' } },
    'two words': { ...COMPLETED, status: 'completed sent' },
    'a purge state that is none': { ...COMPLETED, purgeState: ['unpurged'] },
    'a long one': { ...COMPLETED, purgeState: 'unpurged'.repeat(40) },
    'two statuses': `{${id},"status":"completed","status":"sent"}`,
    'twice the same': `{${id},"status":"completed","status":"completed"}`,
    'one of them hidden': `{${id},"status":"completed","st\\u0061tus":"sent"}`,
    'one of them no text': `{${id},"status":"completed","status":null}`,
    'two envelopes': `{${id},"status":"completed","envelopeId":"${OTHER}"}`,
    'two purge states': `{${id},"status":"completed","purgeState":"unpurged","purgeState":"documents_purged"}`,
    'cut off': json.slice(0, -1),
    'more than one': `${json}${json}`,
    'a comma too many': `{${id},"status":"completed",}`,
    'no quotes': `{envelopeId:"${E}",status:"completed"}`,
    'a byte order mark': `\ufeff${json}`,
    nothing: '',
  }
  for (const [name, body] of Object.entries(lookalikes)) t.strictSame(shown(THE_ENVELOPE, body), [], name)
  for (const type of [
    'text/html',
    'application/pdf',
    'application/jsonx',
    'application/json; charset=utf-16',
    '',
    XML_TYPE,
  ]) {
    t.strictSame(shown(THE_ENVELOPE, json, type), [], type)
  }
  t.strictSame(readSightings(THE_ENVELOPE, Buffer.from(json), undefined, undefined), [], 'no type')
  for (const coding of ['gzip', 'br', 'compress', 'gzip, gzip']) {
    t.strictSame(shown(THE_ENVELOPE, json, JSON_TYPE, coding), [], coding)
  }
  const list = JSON.stringify({ envelopes: [COMPLETED] })
  const lists: Record<string, string | object> = {
    'two lists': `{"envelopes":[],${list.slice(1)}`,
    'a list of lists': { envelopes: [[COMPLETED]] },
    'an object for a list': { envelopes: { envelope: COMPLETED, 0: COMPLETED } },
    'another list': { envelopeTransactionStatuses: [COMPLETED] },
    'one level too deep': { page: { envelopes: [COMPLETED] } },
    'the envelope itself': COMPLETED,
    'a list itself': [COMPLETED],
    'one envelope in another': { envelopes: [{ status: 'completed', envelope: COMPLETED }] },
  }
  for (const [name, body] of Object.entries(lists)) t.strictSame(shown(A_LIST, body), [], `list: ${name}`)
  t.end()
})

void t.test('XML is read as XML, and its lookalikes show nothing either', t => {
  const NS = 'http://www.docusign.com/restapi'
  const id = `<envelopeId>${E}</envelopeId>`
  const status = '<status>Completed</status>'
  const one = [{ envelope: E, status: 'completed' }]
  const plain = (inside: string) => `<envelope xmlns="${NS}">${inside}</envelope>`
  const alike = {
    capitalised: plain(id + status),
    'the other way round, with a declaration and room': `<?xml version="1.0" encoding="utf-8"?>\n${plain(`\n  ${status}\n  ${id}\n`)}\n`,
    'a prefix': `<d:envelope xmlns:d="${NS}"><d:envelopeId>${E}</d:envelopeId><d:status>completed</d:status></d:envelope>`,
    'no namespace': `<envelope>${id}${status}</envelope>`,
    'references and sections': plain(`${id}<status>&#67;omp<![CDATA[let]]>e<!-- x -->d</status>`),
    attributes: plain(`${id}<status a="b">completed</status>`),
    'nothing of a purge': plain(`${id}${status}<purgeState/>`),
    'a stranger by that name': plain(`${id}${status}<status xmlns="urn:x">sent</status>`),
    recipients: plain(`<recipients><signer><status>sent</status></signer></recipients>${id}${status}`),
  }
  for (const [name, body] of Object.entries(alike))
    t.strictSame(shown(THE_ENVELOPE, body, XML_TYPE), one, name)
  const unlike = {
    'the status of a recipient': plain(`${id}<recipients><signer>${status}</signer></recipients>`),
    'only a stranger': plain(`${id}<status xmlns="urn:x">completed</status>`),
    'two statuses': plain(id + status + status),
    'two envelopes': plain(`${id}${status}<envelopeId>${OTHER}</envelopeId>`),
    'an element inside': plain(`${id}<status>completed<x/></status>`),
    'an element inside, first': plain(`${id}<status><x/>completed</status>`),
    empty: plain(`${id}<status/>`),
    'as an attribute': `<envelope status="completed">${id}</envelope>`,
    'one level too deep': `<x>${plain(id + status)}</x>`,
    'in a comment': plain(`${id}<!--${status}-->`),
    'in a section': plain(`${id}<![CDATA[${status}]]>`),
    escaped: plain(`${id}&lt;status&gt;completed&lt;/status&gt;`),
    'a document type': `<!DOCTYPE envelope [<!ENTITY s "completed">]>${plain(`${id}<status>&s;</status>`)}`,
    'a document type that says nothing': `<!DOCTYPE envelope>${plain(id + status)}`,
    'an entity from nowhere': plain(`${id}<status>&s;</status>`),
    'a prefix from nowhere': plain(`${id}<q:x/>${status}`),
    'no end': plain(id + status).slice(0, -1),
    'crossed tags': `<envelope>${id}<status>completed</envelope></status>`,
    'two roots': plain(id + status) + plain(id + status),
    JSON: JSON.stringify(COMPLETED),
    nothing: '',
  }
  for (const [name, body] of Object.entries(unlike))
    t.strictSame(shown(THE_ENVELOPE, body, XML_TYPE), [], name)
  const stranger = `<r xmlns="${NS}"><envelopes><template>${id}${status}</template></envelopes></r>`
  t.strictSame(shown(A_LIST, stranger, XML_TYPE), [], 'an item that is no envelope')
  t.end()
})

/** A JSON document with its members in order, so that a name can stand there twice. */
type Doc =
  | { readonly kind: 'leaf'; readonly value: string | number | boolean | null }
  | { readonly kind: 'list'; readonly items: readonly Doc[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, Doc])[] }

const leaf = (value: string | number | boolean | null): Doc => ({ kind: 'leaf', value })
const NAMES = [
  'status',
  'envelopeId',
  'purgeState',
  'envelopes',
  'folderItems',
  'Status',
  '__proto__',
  '',
  'recipients',
  'é"\\',
]
const VALUES = [
  E,
  E.toUpperCase(),
  OTHER,
  'completed',
  'Voided',
  'sent',
  'unpurged',
  'documents_queued',
  '',
  '{"status":"completed"}',
  'a"\\\n\u2028😀',
]
const aLeaf = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES).map(leaf) },
  { weight: 1, arbitrary: fc.constantFrom(null, true, false, 0, -1.5e-7, 12).map(leaf) },
)
const { doc: aDoc } = fc.letrec<{ doc: Doc }>(tie => ({
  doc: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'doc' },
    aLeaf,
    fc.array(tie('doc'), { maxLength: 4 }).map((items): Doc => ({ kind: 'list', items })),
    fc
      .array(fc.tuple(fc.constantFrom(...NAMES), tie('doc')), { maxLength: 5 })
      .map((members): Doc => ({ kind: 'object', members })),
  ),
}))
const aName = fc.constantFrom(...NAMES)
/** An object that shows an envelope, with lookalikes among its members that may or may not spoil it. */
const aPlanted = fc
  .tuple(
    fc.constantFrom(E, OTHER),
    fc.constantFrom('completed', 'sent', 'Declined'),
    fc.array(fc.tuple(aName, aDoc), { maxLength: 3 }),
  )
  .chain(([id, status, others]) =>
    fc.shuffledSubarray(
      [['envelopeId', leaf(id)], ['status', leaf(status)], ...others] as (readonly [string, Doc])[],
      { minLength: others.length + 2 },
    ),
  )
  .map((members): Doc => ({ kind: 'object', members }))
const aPage = fc
  .tuple(
    fc.constantFrom('envelopes', 'folderItems'),
    fc.array(fc.oneof(aPlanted, aDoc), { maxLength: 4 }),
    fc.array(fc.tuple(aName, aDoc), { maxLength: 2 }),
  )
  .map(([name, items, others]): Doc => ({
    kind: 'object',
    members: [...others, [name, { kind: 'list', items }]],
  }))
const aDocument = fc.oneof(aPlanted, aPage, aDoc)

/** Writes it as `pick` will have it: white space anywhere, any character as its escape. */
function write(doc: Doc, pick: () => number): string {
  const gap = () => ['', '', '', ' ', '\n\t', '\r\n  '][pick() % 6] ?? ''
  const text = (value: string) =>
    `"${[...value]
      .map(char => {
        if (pick() % 8 !== 0) return JSON.stringify(char).slice(1, -1)
        return [...Array(char.length).keys()]
          .map(i => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`)
          .join('')
      })
      .join('')}"`
  const go = (one: Doc): string => {
    switch (one.kind) {
      case 'leaf':
        return typeof one.value === 'string' ? text(one.value) : String(one.value)
      case 'list':
        return `[${gap()}${one.items.map(item => gap() + go(item) + gap()).join(',')}]`
      case 'object':
        return `{${gap()}${one.members.map(([name, inner]) => `${gap()}${text(name)}${gap()}:${gap()}${go(inner)}${gap()}`).join(',')}}`
    }
  }
  return gap() + go(doc) + gap()
}

function picker(seed: number): () => number {
  let state = seed
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) >>> 8
}

/** The rule itself, on the tree. */
function naive(doc: Doc, call: Call): Sighting[] {
  const all = (one: Doc | undefined, name: string) =>
    one?.kind === 'object' ? one.members.filter(([key]) => key === name).map(([, value]) => value) : []
  const sightingOf = (one: Doc): Sighting[] => {
    const [ids, statuses, purges] = ['envelopeId', 'status', 'purgeState'].map(name => all(one, name)) as [
      Doc[],
      Doc[],
      Doc[],
    ]
    if (ids.length !== 1 || statuses.length !== 1 || purges.length > 1) return []
    const texts = [ids, statuses, purges].map(([found]) =>
      found?.kind === 'leaf' ? found.value : found && 0,
    )
    const [envelope, status, purge] = texts.map(value =>
      typeof value === 'string' ? value.toLowerCase() : value,
    )
    if (envelope !== E && envelope !== OTHER) return []
    if (typeof status !== 'string' || !/^[a-z]{1,32}$/.test(status)) return []
    if (purge === undefined || purge === null) return [{ envelope, status }]
    return typeof purge === 'string' && /^[a-z_]{1,64}$/.test(purge)
      ? [{ envelope, status, purgeState: purge }]
      : []
  }
  if (call === THE_ENVELOPE) return sightingOf(doc).filter(({ envelope }) => envelope === E)
  const lists = ['envelopes', 'folderItems'].map(name => all(doc, name))
  if (lists.some(found => found.length > 1)) return []
  const found = lists.flat().flatMap(list => (list.kind === 'list' ? list.items.flatMap(sightingOf) : []))
  const words = new Map<string, Set<string>>()
  for (const one of found)
    words.set(one.envelope, (words.get(one.envelope) ?? new Set()).add(JSON.stringify(one)))
  return [...words.values()].flatMap(said =>
    said.size === 1 ? [JSON.parse([...said][0] ?? '') as Sighting] : [],
  )
}

const sorted = (sightings: readonly Sighting[]) => [...sightings].map(one => JSON.stringify(one)).sort()

void t.test(
  'in any document, exactly what stands in the right place is found, and its beginning shows nothing else',
  t => {
    const found = { some: 0, none: 0 }
    fc.assert(
      fc.property(aDocument, fc.nat(), fc.nat(), (doc, seed, cut) => {
        const text = write(doc, picker(seed))
        for (const call of [THE_ENVELOPE, A_LIST]) {
          const expected = sorted(naive(doc, call))
          found[expected.length > 0 ? 'some' : 'none']++
          const seen = sorted(shown(call, text))
          if (seen.join() !== expected.join()) throw new Error(`${text}\n${seen.join()}\n${expected.join()}`)
          const beginning = Buffer.from(text).subarray(0, cut % (Buffer.byteLength(text) + 1))
          const less = shown(call, beginning)
          // Only white space may be missing from it.
          if (less.length > 0 && text.slice(beginning.toString().length).trim() !== '') throw new Error(text)
        }
      }),
      { numRuns: 3000 },
    )
    t.ok(found.some > 500 && found.none > 500, JSON.stringify(found))
    t.end()
  },
)

void t.test('what is JSON is what JSON.parse takes for it', t => {
  const heard = { enter: () => true, leave: () => undefined }
  const isJson = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  const agree = (text: string) => {
    const bytes = Buffer.from(text)
    if (walkJson(bytes, heard) !== isJson(bytes.toString())) throw new Error(`not agreed: ${text}`)
  }
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '"a"',
    '\\u00',
    'é',
    '0',
    '1',
    '-',
    '+',
    '.',
    'e',
    'E',
    'true',
    'null',
    'nul',
    ' ',
    '\n',
    '\t',
    '\v',
    '\0',
    '\u007f',
  ]
  const changed = fc
    .tuple(aDoc, fc.nat(), fc.nat(), fc.constantFrom('', ...pieces), fc.nat(1))
    .map(([doc, seed, at, piece, gone]) => {
      const text = write(doc, picker(seed))
      const where = at % (text.length + 1)
      return text.slice(0, where) + piece + text.slice(where + gone)
    })
  const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map(some => some.join(''))
  fc.assert(fc.property(fc.oneof(changed, soup), agree), { numRuns: 5000 })
  const texts =
    '0 -0 01 1. .5 1.5 1e5 1E+5 1e -1e-1 - +1 NaN 1_0 "\\x" "\\u12" "\\uD800" tru nullx {} {,} {"a"} {"a":} [1,] [,1]'
  for (const text of texts.split(' ')) agree(text)
  t.ok(walkJson(Buffer.from('['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH)), heard))
  t.notOk(walkJson(Buffer.from('['.repeat(MAX_DEPTH + 1) + ']'.repeat(MAX_DEPTH + 1)), heard))
  t.end()
})

void t.test('no bytes make it throw', t => {
  const calls = [THE_ENVELOPE, A_LIST]
  const types = [JSON_TYPE, XML_TYPE]
  const codings = [undefined, 'gzip', 'deflate', 'br', 'x']
  const markup = [
    '<a>',
    '</a>',
    '<envelopes>',
    '</envelopes>',
    '<envelope>',
    '</envelope>',
    '<status>',
    '</status>',
    'completed',
    '&amp;',
    '&#0;',
    '&',
    '<',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<?xml version="1.0"?>',
    '<?x',
    ' xmlns="u"',
    ' xmlns:a="u"',
    '<a:b>',
    '\0',
    '\ufffe',
    E,
    '<envelopeId>',
    '</envelopeId>',
    '<x/>',
  ]
  const xml = fc.array(fc.constantFrom(...markup), { maxLength: 12 }).map(some => Buffer.from(some.join('')))
  const bytes = fc.uint8Array({ maxLength: 200 }).map(some => Buffer.from(some))
  fc.assert(
    fc.property(
      fc.oneof(xml, bytes),
      fc.constantFrom(...types),
      fc.constantFrom(...codings),
      fc.boolean(),
      (body, type, coding, isCoded) => {
        const coded = isCoded && coding === 'gzip' ? gzipSync(body) : body
        for (const call of calls) readSightings(call, coded, type, coding)
        touchOf(callOf('PUT', `${ACCOUNT}/folders/recyclebin`), body, type)
      },
    ),
    { numRuns: 3000 },
  )
  const whole = toXml({ envelopes: [COMPLETED] }, 'envelopesInformation')
  for (let cut = 0; cut < whole.length; cut++) {
    if (shown(A_LIST, whole.slice(0, cut), XML_TYPE).length > 0) t.fail(`cut at ${cut}`)
  }
  t.strictSame(shown(A_LIST, whole, XML_TYPE), [DONE])
  t.end()
})

void t.test('what is too large, too deep or too much shows nothing, and soon', t => {
  const full = (before: string, piece: string, after: string) =>
    Buffer.from(
      before + piece.repeat((MAX_SIGHT_BYTES - before.length - after.length) / piece.length) + after,
    )
  const end = `"envelopeId":"${E}","status":"completed"}`
  const fits = full('{', ' ', end)
  t.equal(shown(THE_ENVELOPE, fits).length, 1, 'just not too large')
  t.strictSame(shown(THE_ENVELOPE, Buffer.concat([Buffer.from(' '), fits])), [], 'just too large')
  t.strictSame(shown(THE_ENVELOPE, gzipSync(Buffer.concat([Buffer.from(' '), fits])), JSON_TYPE, 'gzip'), [])
  const ones = (count: number) => `{"x":[${'1,'.repeat(count - 1)}1],${end}`
  t.equal(
    shown(THE_ENVELOPE, ones(MAX_PIECES - 4)).length,
    1,
    'just not too much: the root and three members',
  )
  t.strictSame(shown(THE_ENVELOPE, ones(MAX_PIECES - 3)), [], 'just too much')
  const elements = (count: number) =>
    `<e><envelopeId>${E}</envelopeId><status>completed</status>${'<x/>'.repeat(count)}</e>`
  t.equal(shown(THE_ENVELOPE, elements(MAX_ELEMENTS - 3), XML_TYPE).length, 1)
  t.strictSame(shown(THE_ENVELOPE, elements(MAX_ELEMENTS - 2), XML_TYPE), [])
  const strewn = (piece: string, count: number) =>
    elements(0).replace('</e>', `<x>${piece.repeat(count)}</x></e>`)
  t.equal(shown(THE_ENVELOPE, strewn('<x a=""/>', MAX_ELEMENTS / 5 - 1), XML_TYPE).length, 1)
  t.strictSame(shown(THE_ENVELOPE, strewn('<x a=""/>', MAX_ELEMENTS / 5 + 1), XML_TYPE), [])
  t.equal(shown(THE_ENVELOPE, strewn('&amp;', MAX_ELEMENTS), XML_TYPE).length, 1)
  t.strictSame(shown(THE_ENVELOPE, strewn('&amp;', MAX_ELEMENTS + 1), XML_TYPE), [])
  // A gigabyte in a megabyte: sixteen members, which a gzip file may have.
  const bomb = Buffer.concat(Array<Buffer>(16).fill(gzipSync(Buffer.alloc(67_108_864, '['), { level: 9 })))
  const hostile: [name: string, body: Buffer, type: string, coding?: string][] = [
    ['50 MB', Buffer.alloc(50_000_000, '[1,'), JSON_TYPE],
    ['deep', Buffer.from('['.repeat(200_000) + ']'.repeat(200_000)), JSON_TYPE],
    [
      'deep where it is listened to',
      Buffer.from(`{"envelopes":[{"status":${'{"a":'.repeat(200_000)}`),
      JSON_TYPE,
    ],
    ['bomb', bomb, JSON_TYPE, 'gzip'],
    ['bomb, XML', bomb, XML_TYPE, 'gzip'],
    ['lists', full('[', '[],', '[]]'), JSON_TYPE],
    ['items', full('{"envelopes":[', '{},', '{}]}'), JSON_TYPE],
    ['statuses', full('{"envelopes":[{', '"\\u0073tatus":1,', '"status":1}]}'), JSON_TYPE],
    ['escapes', full('{"status":"', '\\u0041', '"}'), JSON_TYPE],
    ['deep XML', Buffer.from('<a>'.repeat(200_000) + '</a>'.repeat(200_000)), XML_TYPE],
    ['elements', full('<a><envelopes>', '<envelope/>', '</envelopes></a>'), XML_TYPE],
    ['namespaces', full('<a>', '<b xmlns:x="u"/>', '</a>'), XML_TYPE],
    [
      'attributes',
      Buffer.from(`<a ${[...Array(200_000).keys()].map(i => `a${i}=""`).join(' ')}/>`),
      XML_TYPE,
    ],
    ['references', full('<a>', '&#65;', '</a>'), XML_TYPE],
    ['sections', full('<a>', '<![CDATA[x]]>', '</a>'), XML_TYPE],
    ['entities', full('<!DOCTYPE a [', '<!ENTITY b "c">', ']><a/>'), XML_TYPE],
  ]
  for (const [name, body, type, coding] of hostile) {
    // CPU, not time: what else the machine does must not fail this. Some 75 ms at most where it was measured.
    const before = process.cpuUsage()
    t.strictSame(shown(A_LIST, body, type, coding), [], name)
    const spentMs = process.cpuUsage(before).user / 1000
    t.ok(spentMs < 400, `${name}: ${spentMs} ms`)
  }
  t.end()
})

function rows(): [method: string, template: string][] {
  return TABLE.trimEnd()
    .split('\n')
    .map(line => line.split('\t').slice(0, 2) as [string, string])
}

function pathOf(template: string): string {
  return `/restapi${template.replace(/\{(\w+)\}/g, (_, name: string) => (name === 'accountId' ? A : name === 'envelopeId' ? E : '7'))}`
}

/** `METHOD METHOD …/template` a line → `METHOD /template`. */
function policy(lines: string): string[] {
  return lines
    .trim()
    .split('\n')
    .flatMap(line => {
      const words = line.trim().split(' ')
      const template = (words.pop() ?? '')
        .replace(/^E/, '…/envelopes/{envelopeId}')
        .replace('…', '/v2.1/accounts/{accountId}')
      return words.map(method => `${method} ${template}`)
    })
}

/** They may change any envelope of the account, or who may see it. */
const TOUCHES_ACCOUNT = policy(`
  DELETE …
  POST DELETE …/bulk_process_data/actions/{processAction}
  POST PUT DELETE …/bulk_process_data/actions/{processAction}/{bulkProcessListId}
  POST PUT DELETE …/bulk_process_data/actions/{processAction}/{bulkProcessListId}/send
  PUT …/bulk_send_batch/{bulkSendBatchId}/{bulkAction}
  POST …/bulk_send_lists/{bulkSendListId}/send
  DELETE …/captive_recipients/{recipientPart}
  PUT …/consumer_disclosure/{langCode}
  POST PUT …/envelopes/transfer_rules
  PUT DELETE …/envelopes/transfer_rules/{envelopeTransferRuleId}
  PUT DELETE …/groups
  PUT DELETE …/groups/{groupId}/users
  PUT DELETE …/permission_profiles/{permissionProfileId}
  PUT …/settings
  PUT …/settings/envelope_purge_configuration
  PUT …/shared_access
  PUT DELETE …/signing_groups
  PUT …/signing_groups/{signingGroupId}
  PUT DELETE …/signing_groups/{signingGroupId}/users
  PUT DELETE …/users
  PUT …/users/{userId}
  PUT DELETE …/users/{userId}/authorization/{authorizationId}
  POST DELETE …/users/{userId}/authorizations
  PUT …/users/{userId}/settings
  PUT …/watermark
  DELETE …/workspaces/{workspaceId}
  DELETE …/workspaces/{workspaceId}/folders/{folderId}
`)

/** The one that is named in the path. */
const TOUCHES_ENVELOPE = policy(`
  PUT E
  PUT DELETE E/attachments
  PUT E/attachments/{attachmentId}
  POST E/comments
  POST PUT DELETE E/custom_fields
  PUT E/docGenFormFields
  PUT DELETE E/documents
  PUT E/documents/{documentId}
  POST PUT DELETE E/documents/{documentId}/fields
  DELETE E/documents/{documentId}/pages/{pageNumber}
  PUT E/documents/{documentId}/pages/{pageNumber}/page_image
  POST E/documents/{documentId}/responsive_html_preview
  POST PUT DELETE E/documents/{documentId}/tabs
  POST E/documents/{documentId}/templates
  DELETE E/documents/{documentId}/templates/{templateId}
  POST PUT DELETE E/email_settings
  POST PUT DELETE E/lock
  PUT E/notification
  POST PUT DELETE E/recipients
  PUT E/recipients/document_visibility
  DELETE E/recipients/{recipientId}
  PUT E/recipients/{recipientId}/document_visibility
  POST E/recipients/{recipientId}/identity_proof
  POST E/recipients/{recipientId}/identity_proof_token
  PUT E/recipients/{recipientId}/initials_image
  PUT E/recipients/{recipientId}/signature_image
  POST PUT DELETE E/recipients/{recipientId}/tabs
  POST E/recipients/{recipientId}/views/identity_manual_review
  POST E/responsive_html_preview
  POST PUT DELETE E/shares
  PUT DELETE E/shares/{shareId}
  PUT E/tabs_blob
  POST E/templates
  POST DELETE E/views/correct
  POST E/views/edit
  POST E/views/recipient
  POST E/views/recipient_preview
  POST E/views/sender
  POST E/views/shared
  PUT DELETE E/workflow
  PUT DELETE E/workflow/scheduledSending
  POST E/workflow/steps
  PUT DELETE E/workflow/steps/{workflowStepId}
  PUT DELETE E/workflow/steps/{workflowStepId}/delayedRouting
`)

/** Those that are named in the body; all where it cannot be read. */
const TOUCHES_NAMED = policy('PUT …/folders/{folderId}')

const TOUCHES_NOTHING = policy(`
  POST /v2.1/accounts
  POST …/billing_payments
  PUT …/billing_plan
  PUT …/billing_plan/downgrade
  PUT …/billing_plan/purchased_envelopes
  POST DELETE …/brands
  PUT DELETE …/brands/{brandId}
  PUT DELETE …/brands/{brandId}/logos/{logoType}
  PUT …/brands/{brandId}/resources/{resourceContentType}
  PUT …/bulk_send_batch/{bulkSendBatchId}
  POST …/bulk_send_lists
  PUT DELETE …/bulk_send_lists/{bulkSendListId}
  POST …/bulk_send_lists/{bulkSendListId}/test
  POST …/chunked_uploads
  PUT DELETE …/chunked_uploads/{chunkedUploadId}
  PUT …/chunked_uploads/{chunkedUploadId}/{chunkedUploadPartSeq}
  POST PUT …/connect
  POST …/connect/envelopes/publish/historical
  PUT …/connect/envelopes/retry_queue
  PUT …/connect/envelopes/{envelopeId}/retry_queue
  DELETE …/connect/failures/{failureId}
  DELETE …/connect/logs
  DELETE …/connect/logs/{logId}
  PUT DELETE …/connect/mobile_notifiers
  POST PUT DELETE …/connect/oauth
  POST …/connect/secret
  DELETE …/connect/secret/{keyId}
  DELETE …/connect/{connectId}
  POST PUT DELETE …/contacts
  DELETE …/contacts/{contactId}
  POST …/custom_fields
  PUT DELETE …/custom_fields/{customFieldId}
  POST …/envelopes
  PUT …/envelopes/status
  PUT DELETE …/favorite_templates
  POST …/groups
  PUT DELETE …/groups/{groupId}/brands
  POST …/permission_profiles
  POST DELETE …/powerforms
  PUT DELETE …/powerforms/{powerFormId}
  POST …/settings/bcc_email_archives
  DELETE …/settings/bcc_email_archives/{bccEmailArchiveId}
  PUT DELETE …/settings/enote_configuration
  PUT …/settings/notification_defaults
  PUT …/settings/password_rules
  PUT …/settings/tabs
  POST PUT …/signatures
  PUT DELETE …/signatures/{signatureId}
  PUT DELETE …/signatures/{signatureId}/{imageType}
  POST …/signing_groups
  POST …/tab_definitions
  PUT DELETE …/tab_definitions/{customTabId}
  POST PUT …/templates
  PUT …/templates/auto_match
  PUT …/templates/{templateId}
  POST PUT DELETE …/templates/{templateId}/custom_fields
  PUT DELETE …/templates/{templateId}/documents
  PUT …/templates/{templateId}/documents/{documentId}
  POST PUT DELETE …/templates/{templateId}/documents/{documentId}/fields
  DELETE …/templates/{templateId}/documents/{documentId}/pages/{pageNumber}
  PUT …/templates/{templateId}/documents/{documentId}/pages/{pageNumber}/page_image
  POST …/templates/{templateId}/documents/{documentId}/responsive_html_preview
  POST PUT DELETE …/templates/{templateId}/documents/{documentId}/tabs
  POST PUT DELETE …/templates/{templateId}/lock
  PUT …/templates/{templateId}/notification
  POST PUT DELETE …/templates/{templateId}/recipients
  PUT …/templates/{templateId}/recipients/document_visibility
  DELETE …/templates/{templateId}/recipients/{recipientId}
  PUT DELETE …/templates/{templateId}/recipients/{recipientId}/bulk_recipients
  PUT …/templates/{templateId}/recipients/{recipientId}/document_visibility
  POST PUT DELETE …/templates/{templateId}/recipients/{recipientId}/tabs
  POST …/templates/{templateId}/responsive_html_preview
  POST …/templates/{templateId}/views/edit
  POST …/templates/{templateId}/views/recipient_preview
  PUT DELETE …/templates/{templateId}/workflow
  PUT DELETE …/templates/{templateId}/workflow/scheduledSending
  POST …/templates/{templateId}/workflow/steps
  PUT DELETE …/templates/{templateId}/workflow/steps/{workflowStepId}
  PUT DELETE …/templates/{templateId}/workflow/steps/{workflowStepId}/delayedRouting
  PUT DELETE …/templates/{templateId}/{templatePart}
  POST …/users
  POST …/users/{userId}/authorization
  POST DELETE …/users/{userId}/cloud_storage
  DELETE …/users/{userId}/cloud_storage/{serviceId}
  PUT DELETE …/users/{userId}/custom_settings
  PUT …/users/{userId}/profile
  PUT DELETE …/users/{userId}/profile/image
  POST PUT …/users/{userId}/signatures
  PUT DELETE …/users/{userId}/signatures/{signatureId}
  PUT DELETE …/users/{userId}/signatures/{signatureId}/{imageType}
  PUT DELETE …/users/{userId}/social
  POST …/views/console
  PUT …/watermark/preview
  POST …/workspaces
  PUT …/workspaces/{workspaceId}
  POST …/workspaces/{workspaceId}/folders/{folderId}/files
  PUT …/workspaces/{workspaceId}/folders/{folderId}/files/{fileId}
  POST PUT /v2.1/current_user/notary
  POST /v2.1/current_user/notary/jurisdictions
  PUT DELETE /v2.1/current_user/notary/jurisdictions/{jurisdictionId}
  DELETE /v2.1/diagnostics/request_logs
  PUT /v2.1/diagnostics/settings
  PUT /v2.1/login_information/{loginPart}
  POST /v2.1/oauth2/revoke
  POST /v2.1/oauth2/token
  POST /v2.1/signature/completesignhash
  POST /v2.1/signature/healthcheck
  POST /v2.1/signature/signhashsessioninfo
  POST /v2.1/signature/updatetransaction
`)

void t.test('every write of the table touches what the lists above say, and every read nothing', t => {
  const lists = { account: TOUCHES_ACCOUNT, envelopes: TOUCHES_ENVELOPE, none: TOUCHES_NOTHING }
  const expected = new Map(Object.entries(lists).flatMap(([kind, list]) => list.map(row => [row, kind])))
  for (const row of TOUCHES_NAMED) expected.set(row, 'account')
  const seen = new Map<string, string>()
  for (const [method, template] of rows()) {
    const touch = touchOf(callOf(method, pathOf(template)), undefined)
    if (touch.kind === 'envelopes') t.strictSame(touch.envelopes, [E], template)
    if (method === 'GET') t.equal(touch.kind, 'none', template)
    else seen.set(`${method} ${template}`, touch.kind)
  }
  t.strictSame(Object.fromEntries([...seen].sort()), Object.fromEntries([...expected].sort()))
  t.end()
})

void t.test('a write that no table knows touches the account, if it is one of the API', t => {
  const kindOf = (method: string, path: string) => touchOf(callOf(method, path), undefined).kind
  t.equal(kindOf('PUT', `/restapi/v2/accounts/${A}/folders/recyclebin`), 'account')
  t.equal(kindOf('POST', `${ACCOUNT}/things/of/tomorrow`), 'account')
  t.equal(kindOf('PATCH', `${ACCOUNT}/envelopes/${E}/things`), 'envelopes')
  t.equal(kindOf('POST', `/restapi/v2/accounts/${A}/envelopes/${E}/views/recipient`), 'envelopes')
  t.equal(kindOf('GET', `${ACCOUNT}/things/of/tomorrow`), 'none')
  t.equal(kindOf('POST', `/clickapi/v1/accounts/${A}/clickwraps`), 'none')
  t.equal(kindOf('POST', '/oauth/token'), 'none')
  t.equal(
    kindOf('PUT', `${ACCOUNT}/envelopes/status?envelope_ids=request_body`),
    'none',
    'a read, whatever its method',
  )
  t.end()
})

void t.test('a move touches the envelopes that its body names, and all where that is not plain', t => {
  const call = callOf('PUT', `${ACCOUNT}/folders/recyclebin`)
  const touched = (body: string | object | undefined, type?: string) => {
    const text = typeof body === 'object' ? JSON.stringify(body) : body
    const touch = touchOf(call, text === undefined ? undefined : Buffer.from(text), type)
    return touch.kind === 'envelopes' ? touch.envelopes : touch.kind
  }
  const ids = [E, OTHER]
  t.strictSame(touched({ envelopeIds: ids, fromFolderId: 'sentitems' }, JSON_TYPE), ids)
  t.strictSame(touched({ envelopeIds: ids.map(id => id.toUpperCase()) }), ids)
  t.strictSame(touched({ EnvelopeIDs: [E, E] }, JSON_TYPE), [E], 'DocuSign reads names in any case')
  t.strictSame(
    touched(
      `<foldersRequest><envelopeIds><envelopeId>${E}</envelopeId></envelopeIds></foldersRequest>`,
      XML_TYPE,
    ),
    [E],
  )
  const unclear: Record<string, string | object | undefined> = {
    'it streamed by': undefined,
    empty: '',
    'no list': {},
    'an empty list': { envelopeIds: [] },
    'no list of ids': { envelopeIds: E },
    'one is no GUID': { envelopeIds: [E, '7'] },
    'one is in another form': { envelopeIds: [E, `{${OTHER}}`] },
    'one is no text': { envelopeIds: [E, 7] },
    'one has an inside': { envelopeIds: [E, [OTHER]] },
    folders: { envelopeIds: [E], folders: [{ folderId: '7' }] },
    'two lists': `{"envelopeIds":["${E}"],"ENVELOPEIDS":["${OTHER}"]}`,
    'cut off': `{"envelopeIds":["${E}"]`,
    'no JSON': `envelopeIds=${E}`,
  }
  for (const [name, body] of Object.entries(unclear)) t.equal(touched(body, JSON_TYPE), 'account', name)
  t.equal(touched({ envelopeIds: ids }, XML_TYPE), 'account', 'not what it says it is')
  t.end()
})

/** Of all that can be read under an envelope: what may still change once it has reached its end. */
const NEVER_FINAL = policy(`
  GET E/audit_events
  GET E/comments/transcript
  GET E/display_appliance_info
  GET E/lock
  GET E/shares
  GET E/shares/{shareId}
`)

const FINAL = policy(`
  GET E
  GET E/attachments
  GET E/attachments/{attachmentId}
  GET E/custom_fields
  GET E/docGenFormFields
  GET E/documents
  GET E/documents/{documentId}
  GET E/documents/{documentId}/fields
  GET E/documents/{documentId}/html_definitions
  GET E/documents/{documentId}/pages
  GET E/documents/{documentId}/pages/{pageNumber}/page_image
  GET E/documents/{documentId}/pages/{pageNumber}/tabs
  GET E/documents/{documentId}/responsive_html
  GET E/documents/{documentId}/tabs
  GET E/documents/{documentId}/templates
  GET E/email_settings
  GET E/form_data
  GET E/html_definitions
  GET E/notification
  GET E/recipients
  GET E/recipients/{recipientId}/consumer_disclosure
  GET E/recipients/{recipientId}/consumer_disclosure/{langCode}
  GET E/recipients/{recipientId}/document_visibility
  GET E/recipients/{recipientId}/initials_image
  GET E/recipients/{recipientId}/signature
  GET E/recipients/{recipientId}/signature_image
  GET E/recipients/{recipientId}/tabs
  GET E/responsive_html
  GET E/tabs_blob
  GET E/templates
  GET E/workflow
  GET E/workflow/scheduledSending
  GET E/workflow/steps/{workflowStepId}
  GET E/workflow/steps/{workflowStepId}/delayedRouting
`)

void t.test('what is read under an envelope is final or not as the lists above say', t => {
  const reads = rows().filter(
    ([method, template]) =>
      method === 'GET' && template.includes('/accounts/{accountId}/envelopes/{envelopeId}'),
  )
  const verdict = (isNever: boolean) =>
    reads
      .filter(([method, template]) => isNeverFinal(callOf(method, pathOf(template))) === isNever)
      .map(row => row.join(' '))
  t.equal(reads.length, 40)
  t.strictSame(verdict(true).sort(), [...NEVER_FINAL].sort())
  t.strictSame(verdict(false).sort(), [...FINAL].sort())
  for (const path of [
    `${ACCOUNT}/envelopes/${E}/things`,
    `${ACCOUNT}/envelopes/${E}/views/sender`,
    `/restapi/v2/accounts/${A}/envelopes/${E}`,
    `${ACCOUNT}/envelopes/status`,
    `${ACCOUNT}/envelopes/shared`,
    `${ACCOUNT}/templates/${E}`,
    `${ACCOUNT}/envelopes/${E}?include=recipients,folders`,
    `${ACCOUNT}/envelopes/${E}?INCLUDE=%20Folders`,
    `${ACCOUNT}/envelopes/${E}?a=b&include=tabs&include=folders`,
  ]) {
    t.ok(isNeverFinal(callOf('GET', path)), path)
  }
  t.notOk(isNeverFinal(callOf('GET', `${ACCOUNT}/envelopes/${E}?include=recipients,tabs`)))
  t.notOk(isNeverFinal(callOf('HEAD', `${ACCOUNT}/envelopes/${E}/documents/combined?certificate=true`)))
  t.end()
})

void t.test('the shield has a say in reads of envelopes only', t => {
  const says: [boolean, string, string][] = [
    [true, 'GET', `${ACCOUNT}/envelopes/${E}`],
    [true, 'HEAD', `${ACCOUNT}/envelopes/${E}/documents/1`],
    [true, 'GET', `${ACCOUNT}/envelopes/${E}/things`],
    [true, 'GET', `/restapi/v2/accounts/${A}/envelopes/${E}`],
    [false, 'PUT', `${ACCOUNT}/envelopes/${E}`],
    [false, 'OPTIONS', `${ACCOUNT}/envelopes/${E}`],
    [false, 'GET', `${ACCOUNT}/envelopes`],
    [false, 'GET', `${ACCOUNT}/envelopes/status`],
    [false, 'GET', `${ACCOUNT}/templates/${E}`],
    [false, 'GET', '/oauth/userinfo'],
  ]
  for (const [expected, method, path] of says)
    t.equal(isShieldable(callOf(method, path)), expected, `${method} ${path}`)
  t.end()
})

void t.test('the first knowledge of an end stays, and of too many the one known longest is forgotten', t => {
  type Step = readonly ['know' | 'forget' | 'forgetAll' | 'restore', string, number]
  const key = fc.constantFrom(...'abcdefgh')
  const aStep: fc.Arbitrary<Step> = fc.tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.constant('know' as const) },
      fc.constant('forget' as const),
      fc.constant('restore' as const),
      fc.constant('forgetAll' as const),
    ),
    key,
    fc.nat(50),
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(aStep, { maxLength: 60 }), (max, steps) => {
      const terminal = makeTerminal(max)
      let model: { key: string; ms: number }[] = []
      for (const [what, name, ms] of steps) {
        const known = model.find(one => one.key === name)
        if (what === 'forget') {
          terminal.forget(name)
          model = model.filter(one => one !== known)
        } else if (what === 'forgetAll') {
          terminal.forgetAll()
          model = []
        } else {
          const isNews =
            what === 'know' ? terminal.know(name, ms) : terminal.restore([{ key: name, wallMs: ms }])
          if (what === 'know' && isNews !== !known) return false
          if (known) known.ms = Math.min(known.ms, ms)
          else model = [...model, { key: name, ms }].slice(-max)
        }
        const isSame = [...'abcdefgh'].every(
          one => terminal.sinceMs(one) === model.find(({ key }) => key === one)?.ms,
        )
        if (!isSame || terminal.size !== model.length) return false
      }
      return true
    }),
    { numRuns: 2000 },
  )
  t.end()
})
