/**
 * The door for DocuSign Connect: `POST /connect` on the traffic port. What a message says is believed if one of our keys
 * has signed its raw bytes, and goes to the shield; it is acknowledged at once, because DocuSign takes a receiver that is
 * late for one that is down (facts 7). Deliveries come twice and out of order, and what is learned of them bears both.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { makeCheck } from './signature.js'

export interface ConnectConfig {
  /** None: nobody listens here, and the answer is 404. */
  readonly keys: readonly string[]
}

/** What became of a message. */
export type Delivery =
  /** It told of an envelope's end, or that it is gone. */
  | 'learned'
  /** It was signed, and said nothing of that. */
  | 'nothing'
  /** It was signed, and is too large to be read: with its documents in it, as a rule. */
  | 'unread'
  /** No key of ours has signed it. */
  | 'unsigned'
  /** Too many at once, or longer than a message is; or its sender left. */
  | 'turned-away'

export const DELIVERIES = [
  'learned',
  'nothing',
  'unread',
  'unsigned',
  'turned-away',
] as const satisfies Delivery[]

export interface ConnectParts {
  /** Reads a whole message. @returns whether it said anything */
  readonly learn: (message: Buffer) => boolean
  readonly told: (delivery: Delivery) => void
}

export interface Connect {
  /** Whether this request is for this door. */
  isFor(req: IncomingMessage): boolean
  /** Answers it. Resolves when it is answered; never rejects. */
  receive(req: IncomingMessage, res: ServerResponse): Promise<void>
  configure(config: ConnectConfig): void
}

const PATH = /^\/connect\/?(?:\?|$)/
/** Messages with documents in them are "25 MB and more" (facts 7). Longer ones are none. */
const MOST_BYTES = 67_108_864
/** Up to here a message is read; without documents it has some kilobytes. */
const READ_BYTES = 4_194_304
/** Whoever may send to us can be anybody until the last byte has come: these many cost 32 MiB. */
const MOST_AT_ONCE = 8

export function makeConnect(initial: ConnectConfig, { learn, told }: ConnectParts): Connect {
  let { keys } = initial
  let atOnce = 0

  function judge(message: Buffer | undefined): Delivery {
    if (!message) return 'unread'
    return learn(message) ? 'learned' : 'nothing'
  }

  return {
    isFor: req => PATH.test(req.url ?? ''),

    async receive(req, res) {
      if (keys.length === 0) return answer(res, 404, NOT_HERE)
      if (req.method !== 'POST') return answer(res, 405, POST_ONLY, { Allow: 'POST' })
      const check = makeCheck(keys, req.headers)
      if (!check) {
        told('unsigned')
        return answer(res, 401, UNSIGNED)
      }
      if (atOnce >= MOST_AT_ONCE) {
        told('turned-away')
        return answer(res, 503, BUSY, { 'Retry-After': '5' })
      }
      atOnce++
      const came = await bodyOf(req, chunk => check.take(chunk))
      atOnce--
      if (came.kind !== 'whole') {
        told('turned-away')
        return answer(res, 413, TOO_LONG)
      }
      if (!check.isSigned()) {
        told('unsigned')
        return answer(res, 401, UNSIGNED)
      }
      told(judge(came.message))
      return answer(res, 200, undefined)
    },

    configure(config) {
      ;({ keys } = config)
    },
  }
}

type Came =
  /** `message`: `undefined` where it is longer than what is read. */
  { readonly kind: 'whole'; readonly message: Buffer | undefined } | { readonly kind: 'too-long' | 'left' }

function bodyOf(req: IncomingMessage, heard: (chunk: Buffer) => void): Promise<Came> {
  return new Promise(resolve => {
    let chunks: Buffer[] = []
    let bytes = 0
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MOST_BYTES) {
        req.pause()
        return resolve({ kind: 'too-long' })
      }
      heard(chunk)
      if (bytes <= READ_BYTES) chunks.push(chunk)
      else chunks = []
    })
    req.once('end', () =>
      resolve({ kind: 'whole', message: bytes <= READ_BYTES ? Buffer.concat(chunks) : undefined }),
    )
    req.once('close', () => resolve({ kind: 'left' }))
  })
}

const NOT_HERE = fault(
  'GOVERNOR_NO_CONNECT',
  'No messages of DocuSign Connect are taken here: connect.hmacKeys is not set.',
)
const POST_ONLY = fault('GOVERNOR_BAD_REQUEST', 'Messages of DocuSign Connect come by POST.')
const UNSIGNED = fault(
  'GOVERNOR_CONNECT_UNSIGNED',
  'None of the keys in connect.hmacKeys has signed this message (X-DocuSign-Signature-1, -2, …).',
)
const BUSY = fault('GOVERNOR_CONNECT_BUSY', 'Other messages are being received. Send this one again.')
const TOO_LONG = fault('GOVERNOR_BAD_REQUEST', `A message has at most ${MOST_BYTES} bytes.`)

function fault(errorCode: string, message: string): string {
  return `${JSON.stringify({ errorCode, message })}\n`
}

function answer(
  res: ServerResponse,
  status: number,
  body: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.destroyed) return
  // What has not been read by now is not read any more.
  if (status >= 400) res.shouldKeepAlive = false
  res.writeHead(status, {
    'Cache-Status': 'docusign-governor; fwd=bypass',
    'Cache-Control': 'no-store',
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
    'Content-Length': Buffer.byteLength(body ?? ''),
    ...headers,
  })
  res.end(body)
}
