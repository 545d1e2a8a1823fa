/** How a request comes in: its framing, its size, and its body before anything is spent on it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Transform, type Readable } from 'node:stream'
import type { Refusal } from '../base/types.js'

/** DocuSign's own limit for one HTTP request (facts 1.6). */
export const MAX_REQUEST_BYTES = 35_651_584
/** Up to here a body that streams is kept while it flows: DocuSign may refuse the call for a limit, and then it goes up again. */
const KEPT_BODY_BYTES = 1_048_576
/** Up to here a body is received whole before a connection or budget is taken; a larger one streams. */
export const WHOLE_BODY_BYTES = 65_536
const MAX_HEADER_LINES = 100
const PLAIN_NUMBER = /^(?:0|[1-9]\d*)$/

export type Received =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | {
      readonly kind: 'stream'
      readonly stream: Readable
      readonly size: SizeWatch
      /** Keeps what flows by. */
      readonly note: (chunk: Buffer) => void
      /** The whole of it, once it has come in and if that was not too much to keep. */
      readonly kept: () => Promise<Buffer | undefined>
    }

/** A body of undeclared length may outgrow the limit while it flows. */
export interface SizeWatch {
  exceeded: boolean
  onExceeded: () => void
}

/** What is wrong with the message as a message, before anyone asks what it wants; `undefined` when nothing is. */
export function framingFault(req: IncomingMessage): Refusal | undefined {
  if (req.rawHeaders.length > 2 * MAX_HEADER_LINES) {
    return bad(431, `This request has more than ${MAX_HEADER_LINES} header lines.`)
  }
  const { httpVersion } = req
  // Node's parser takes a request line without a version for one of 1991, header lines and all.
  if (httpVersion !== '1.1' && httpVersion !== '1.0')
    return bad(505, 'HTTP/1.1 and HTTP/1.0 are spoken here.')
  if (httpVersion === '1.1') {
    if (countOf('host', req.rawHeaders) !== 1)
      return bad(400, 'A request has one Host line, no more and no less.')
    const { expect } = req.headers
    if (expect !== undefined && expect.toLowerCase() !== '100-continue')
      return bad(417, 'The only expectation understood here is "100-continue".')
  }
  const coding = req.headers['transfer-encoding']
  if (coding !== undefined) {
    // Node's parser lets `gzip, chunked` through; whoever reads it otherwise than we do sees another message.
    if (coding.toLowerCase() !== 'chunked')
      return bad(501, 'The only transfer coding understood here is "chunked".')
    if (httpVersion === '1.0') return bad(400, 'HTTP/1.0 knows no transfer coding.')
  }
  const length = req.headers['content-length']
  if (length === undefined) return undefined
  // Leading zeros are read differently by different servers.
  if (!PLAIN_NUMBER.test(length)) return bad(400, 'Content-Length is not a plain decimal number.')
  return Number(length) > MAX_REQUEST_BYTES ? TOO_LARGE : undefined
}

function countOf(name: string, raw: readonly string[]): number {
  let count = 0
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.length === name.length && raw[i]?.toLowerCase() === name) count++
  }
  return count
}

export const TOO_LARGE = bad(
  413,
  `This request is larger than ${MAX_REQUEST_BYTES} bytes, the most that DocuSign accepts in one request.`,
)

function bad(status: number, message: string): Refusal {
  return { kind: 'refusal', reason: 'bad-request', status, message }
}

export const NO_BODY: Received = { kind: 'none' }

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * Takes the body in: whole where it is small, else from the moment it flows.
 * `undefined` when the client left before that.
 */
export function receive(req: IncomingMessage, res: ServerResponse): Promise<Received | undefined> {
  const { headers } = req
  const chunked = headers['transfer-encoding'] !== undefined
  // Only now: until here a refusal would have spared the client its upload.
  if (req.httpVersion !== '1.0' && headers.expect?.toLowerCase() === '100-continue') res.writeContinue()

  return new Promise(resolve => {
    const chunks: Buffer[] = []
    let bytes = 0
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > WHOLE_BODY_BYTES) done(streaming(req, chunks, chunked))
    }
    const onEnd = () =>
      done({ kind: 'whole', bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) })
    const onClose = () => done(undefined)
    const done = (received: Received | undefined) => {
      req.off('data', onData).off('end', onEnd).off('close', onClose)
      resolve(received)
    }
    req.on('data', onData).on('end', onEnd).on('close', onClose)
    if (req.destroyed && !req.complete) onClose()
  })
}

function streaming(req: IncomingMessage, begun: readonly Buffer[], chunked: boolean): Received {
  req.pause()
  req.unshift(Buffer.concat(begun))
  const size: SizeWatch = { exceeded: false, onExceeded: () => undefined }
  // A declared length was judged by its number, and the parser holds the client to it.
  if (!chunked)
    return { kind: 'stream', stream: req, size, ...keep(req, Number(req.headers['content-length'])) }
  let bytes = 0
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length
      if (bytes <= MAX_REQUEST_BYTES) return next(null, chunk)
      // Not another byte passes, and no end either: the upstream must see a broken request, not a shorter one.
      size.exceeded = true
      size.onExceeded()
    },
  })
  req.pipe(watch)
  return { kind: 'stream', stream: watch, size, ...keep(watch, 0) }
}

/** @param declaredBytes how long it will be; 0 where nobody has said */
function keep(stream: Readable, declaredBytes: number) {
  let chunks: Buffer[] = []
  let bytes = 0
  return {
    note(chunk: Buffer) {
      bytes += chunk.length
      if (bytes <= KEPT_BODY_BYTES) chunks.push(chunk)
      else chunks = []
    },
    kept(): Promise<Buffer | undefined> {
      if (Math.max(bytes, declaredBytes) > KEPT_BODY_BYTES) return Promise.resolve(undefined)
      if (stream.readableEnded) return Promise.resolve(Buffer.concat(chunks))
      // Refused while it was still coming in: the rest is kept as well, and goes up with the next try.
      stream.unpipe()
      return new Promise(resolve => {
        const onData = () => {
          if (bytes > KEPT_BODY_BYTES) settle(undefined)
        }
        const onEnd = () => settle(Buffer.concat(chunks))
        const onClose = () => settle(undefined)
        const settle = (whole: Buffer | undefined) => {
          stream.off('data', onData).off('end', onEnd).off('close', onClose)
          resolve(whole)
        }
        stream.on('data', onData).on('end', onEnd).on('close', onClose).resume()
        if (stream.destroyed) onClose()
      })
    },
  }
}
