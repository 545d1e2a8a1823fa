import type { Answer } from '../answer.js'
import { badParameter, data, failure, file, fileOf } from '../answer.js'
import { fractionOf } from '../chance.js'
import type { Paper } from '../content.js'
import { readPapers } from '../definition.js'
import { describePapers } from '../describe-parts.js'
import type { Envelope } from '../envelopes.js'
import { fill } from '../filler.js'
import { listOf, textOf } from '../given.js'
import { stamp } from '../pace.js'
import { makePdf } from '../pdf.js'
import { isBase64 } from '../upload.js'
import type { Visit } from '../world.js'
import { makeZip } from '../zip.js'
import { INVALID_STATUS, onEnvelope, onLivingEnvelope } from './found.js'
import type { Row } from './table.js'

const D = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}/documents'

export const DOCUMENT_OPERATIONS: readonly Row[] = [
  ['GET', D, 'GetEnvelopeDocuments', onEnvelope(list)],
  ['PUT', D, 'UpdateEnvelopeDocuments', onLivingEnvelope(putAll)],
  ['DELETE', D, 'DeleteEnvelopeDocuments', onLivingEnvelope(remove)],
  ['GET', `${D}/{documentId}`, 'GetEnvelopeDocument', onEnvelope(download)],
  ['PUT', `${D}/{documentId}`, 'UpdateEnvelopeDocument', onLivingEnvelope(putOne)],
]

/** The code is official; that a purged or hidden document gets the same one is a guess, as is its 404. */
const NO_DOCUMENT = failure(404, 'DOCUMENT_DOES_NOT_EXIST', 'The document specified does not exist.')

function list({ world, user }: Visit, envelope: Envelope): Answer {
  return data(
    { envelopeId: envelope.id, envelopeDocuments: describePapers(world, envelope, user) },
    'envelopeDocumentsResult',
  )
}

function download(visit: Visit, envelope: Envelope): Answer {
  const { world, user, params } = visit
  const documentId = (params['documentId'] ?? '').toLowerCase()
  envelope.views += 1
  if (documentId === 'certificate') return pdf('Summary.pdf', 'certificate', certificate(visit, envelope))
  if (world.envelopes.isPurged(envelope)) return NO_DOCUMENT
  const hidden = world.envelopes.hiddenPapers(envelope, user)
  const papers = world.envelopes.contentOf(envelope).papers.filter(one => !hidden.includes(one.documentId))
  if (documentId === 'combined') return combined(visit, envelope, papers)
  if (documentId === 'archive') return archive(visit, envelope, papers)
  // A PDF portfolio is a format of its own, which a stand-in need not write: its plain answer is the combined PDF.
  if (documentId === 'portfolio') return combined(visit, envelope, papers)
  const paper = papers.find(one => one.documentId.toLowerCase() === documentId)
  return paper ? single(envelope, paper) : NO_DOCUMENT
}

function single(envelope: Envelope, paper: Paper): Answer {
  const disposition = dispositionOf(fileName(paper), paper.documentId)
  const { documentBytes, number } = envelope
  if (documentBytes === 0) return file('application/pdf', disposition, bytesOf(envelope, paper))
  const salt = fractionOf(number, 0, 31) * 0x1_0000_0000
  return fileOf('application/pdf', disposition, documentBytes, () => fill(documentBytes, salt))
}

/** What was uploaded, byte for byte; else a page that says whose it is. */
function bytesOf(envelope: Envelope, paper: Paper): Buffer {
  if (paper.bytes) return paper.bytes
  return makePdf([[paper.name, `Document ${paper.documentId}`, `Envelope ID: ${envelope.id}`]])
}

/** One page a document. Uploaded pages are not merged in: that is a PDF library's work and no limit's. */
function combined(visit: Visit, envelope: Envelope, papers: readonly Paper[]): Answer {
  const pages = papers.map(paper => [
    paper.name,
    `Document ${paper.documentId}`,
    `Envelope ID: ${envelope.id}`,
    `${paper.bytes?.length ?? 0} bytes uploaded`,
  ])
  const withCertificate = visit.query.get('certificate') === 'true'
  const all = withCertificate ? [...pages, certificateLines(visit, envelope)] : pages
  const { emailSubject } = visit.world.envelopes.contentOf(envelope)
  return pdf(`${emailSubject}.pdf`, 'combined', makePdf(all.length > 0 ? all : [['No documents']]))
}

function archive(visit: Visit, envelope: Envelope, papers: readonly Paper[]): Answer {
  const entries = papers.map(paper => ({ name: fileName(paper), bytes: bytesOf(envelope, paper) }))
  const summary = { name: 'Summary.pdf', bytes: certificate(visit, envelope) }
  return file('application/zip', dispositionOf('envelope.zip', 'archive'), makeZip([...entries, summary]))
}

function certificate(visit: Visit, envelope: Envelope): Buffer {
  return makePdf([certificateLines(visit, envelope)])
}

function certificateLines({ world }: Visit, envelope: Envelope): string[] {
  const { status, changedMs } = world.envelopes.lifeOf(envelope)
  const { emailSubject, recipients } = world.envelopes.contentOf(envelope)
  return [
    'Certificate Of Completion',
    `Envelope ID: ${envelope.id}`,
    `Subject: ${emailSubject}`,
    `Status: ${status}, ${stamp(changedMs)}`,
    ...recipients.map(recipient => `${recipient.name} <${recipient.email}>`),
  ]
}

const pdf = (name: string, documentId: string, bytes: Buffer): Answer =>
  file('application/pdf', dispositionOf(name, documentId), bytes)

/** Facts 6.5, for instance `file; filename="NDA.pdf"; documentid="1"`. */
function dispositionOf(name: string, documentId: string): string {
  const safe = name.replace(/[^\x20-\x7e]|["\\]/g, '_')
  return `file; filename="${safe}"; documentid="${documentId}"`
}

function fileName({ name, extension }: Paper): string {
  return name.toLowerCase().endsWith(`.${extension}`) ? name : `${name}.${extension}`
}

function putAll({ world, upload, pace }: Visit, envelope: Envelope): Answer {
  if (world.envelopes.lifeOf(envelope).status !== 'created') return INVALID_STATUS
  const papers = readPapers(upload.given, upload.files)
  write(world.envelopes.writable(envelope), papers, pace.wallMs())
  return data({ envelopeId: envelope.id }, 'envelopeDocumentsResult')
}

/** The bytes may come bare, with their name in `Content-Disposition`. */
function putOne({ world, upload, params, headers, pace }: Visit, envelope: Envelope): Answer {
  if (world.envelopes.lifeOf(envelope).status !== 'created') return INVALID_STATUS
  if (upload.bytes.length === 0) return badParameter('The document has no content.')
  const documentId = params['documentId'] ?? '1'
  const name = /filename="?([^";]+)"?/i.exec(headers['content-disposition'] ?? '')?.[1] ?? documentId
  const isText = isBase64(headers)
  const bytes = isText ? Buffer.from(upload.bytes.toString('latin1'), 'base64') : upload.bytes
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? 'pdf'
  write(world.envelopes.writable(envelope), [{ documentId, name, extension, bytes }], pace.wallMs())
  return data(
    { documentId, name, uri: `/envelopes/${envelope.id}/documents/${documentId}` },
    'envelopeDocument',
  )
}

function remove({ world, upload, pace }: Visit, envelope: Envelope): Answer {
  if (world.envelopes.lifeOf(envelope).status !== 'created') return INVALID_STATUS
  const gone = listOf(upload.given, 'documents').map(one => textOf(one, 'documentId'))
  const content = world.envelopes.writable(envelope)
  content.papers = content.papers.filter(paper => !gone.includes(paper.documentId))
  content.modifiedMs = pace.wallMs()
  return data({ envelopeId: envelope.id }, 'envelopeDocumentsResult')
}

function write(
  content: { papers: readonly Paper[]; modifiedMs: number },
  next: readonly Paper[],
  nowMs: number,
): void {
  const ids = next.map(paper => paper.documentId)
  content.papers = [...content.papers.filter(paper => !ids.includes(paper.documentId)), ...next]
  content.modifiedMs = nowMs
}
