import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../base/clock.js'
import { fault, json, send, type Answer } from './answer.js'
import { hasBody, readBody } from './body.js'
import {
  answerCapture,
  captureOf,
  deleteCapture,
  listCaptures,
  sendCapture,
  type CaptureParts,
} from './captures.js'
import { makeEvents } from './events.js'
import { makeGate, type GateConfig } from './gate.js'
import { makePort, PORT_LIMITS } from './port.js'
import { answerPurge, type PurgeAsk } from './purge.js'
import { answerQuote, type Quoted, type QuoteAsk } from './quote.js'

export interface AdminConfig extends GateConfig {
  /** 0 takes any free port. */
  readonly port: number
}

/** What the port shows; each is asked when a request asks. */
export interface AdminParts extends CaptureParts {
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  status(): unknown
  quote(ask: QuoteAsk): Quoted
  /** Who would pass DocuSign's review, and who must change what. */
  golive(): unknown
  /** How many copies are gone, from memory and from the vault, when it returns. */
  purge(ask: PurgeAsk): number
  /** The live page: 401 where whoever asks has shown no token, and the page must ask him for it. It holds no figures. */
  page(status: 200 | 401): Answer
  /** What its listeners are told once a second; not asked while there are none. */
  snapshot(): unknown
  /** The reason is shown to whoever asks, without a token. */
  ready(): { readonly ready: boolean; readonly reason?: string }
}

export interface AdminLog {
  unexpected(error: unknown): void
}

export interface Admin {
  /** Resolves to the port listened on; rejects where the address cannot be had, saying which and why. */
  start(): Promise<{ readonly port: number }>
  /** Resolves when every connection is closed: idle ones at once, an answer under way has a second. */
  stop(): Promise<void>
  /** Takes the names and the token at once; the listener stays where it is. */
  configure(config: GateConfig): void
}

/** One path of the port. */
interface Page {
  readonly methods: readonly string[]
  readonly maxBodyBytes: number
  /** `undefined`: it is being answered already. */
  answer(
    req: IncomingMessage,
    body: Buffer,
    res: ServerResponse,
  ): Answer | undefined | Promise<Answer | undefined>
}

/** What is only read needs no body; one that comes all the same is read past, so that its connection goes on. */
const READ = { methods: ['GET', 'HEAD'], maxBodyBytes: 64 * 1024 }
const ASK = { methods: ['POST'], maxBodyBytes: 4 * 1024 }

/** The second listener: health, metrics, status, quotes and purges, for the operator and for nobody's web page. */
export function makeAdmin(
  config: AdminConfig,
  parts: AdminParts,
  log: AdminLog,
  clock: Clock,
  limits = PORT_LIMITS,
): Admin {
  let gate = makeGate(config)
  let stopping = false
  let scrape: Promise<string> | undefined
  const port = makePort(
    (req, res) => void serve(req, res),
    error => log.unexpected(error),
    limits,
    clock,
  )

  const events = makeEvents(
    () => parts.snapshot(),
    error => log.unexpected(error),
    clock,
  )

  const pages = new Map<string, Page>([
    ['/', { ...READ, answer: () => parts.page(200) }],
    ['/events', { ...READ, methods: ['GET'], answer: (_req, _body, res) => events.listen(res) }],
    ['/healthz', { ...READ, answer: () => json(200, { status: 'ok' }) }],
    ['/readyz', { ...READ, answer: readiness }],
    ['/metrics', { ...READ, answer: metrics }],
    ['/status', { ...READ, answer: () => json(200, parts.status()) }],
    ['/golive', { ...READ, answer: () => json(200, parts.golive()) }],
    ['/captures', { methods: ['GET', 'POST'], maxBodyBytes: ASK.maxBodyBytes, answer: capturing }],
    ['/quote', { ...ASK, answer: quote }],
    ['/cache/purge', { ...ASK, answer: purge }],
  ])

  function readiness(): Answer {
    const { ready, reason = 'not ready' } = parts.ready()
    return ready ? json(200, { status: 'ready' }) : fault(503, 'GOVERNOR_NOT_READY', reason)
  }

  /** A scrape holds up every call while it is written, so those who ask together share one. */
  async function metrics(): Promise<Answer> {
    scrape ??= parts.metrics.text().finally(() => {
      scrape = undefined
    })
    return { status: 200, contentType: parts.metrics.contentType, body: await scrape }
  }

  function quote({ headers }: IncomingMessage, body: Buffer): Answer {
    return answerQuote(headers['content-type'], body, ask => parts.quote(ask), clock.wallMs())
  }

  function purge({ headers }: IncomingMessage, body: Buffer): Answer {
    return answerPurge(headers['content-type'], body, ask => parts.purge(ask))
  }

  function capturing({ method, headers }: IncomingMessage, body: Buffer): Answer {
    if (method === 'GET') return listCaptures(parts.captures)
    return answerCapture(headers['content-type'], body, parts.captures)
  }

  /** One capture: its ZIP, or its end. */
  function capturePage(path: string): Page | undefined {
    const asked = captureOf(path)
    if (!asked) return undefined
    const { id, isZip } = asked
    if (!isZip) return { ...READ, methods: ['DELETE'], answer: () => deleteCapture(id, parts.captures) }
    return { ...READ, answer: ({ method }, _body, res) => sendCapture(id, parts, res, method === 'HEAD') }
  }

  async function answerTo(req: IncomingMessage, res: ServerResponse): Promise<Answer | undefined> {
    const [path = ''] = (req.url ?? '').split('?', 1)
    const denial = gate({ path, headers: req.headers, hosts: req.headersDistinct['host'] ?? [] })
    if (denial) {
      const challenge = denial.status === 401 ? { 'WWW-Authenticate': 'Bearer realm="admin"' } : {}
      // A browser cannot send a token when it opens a page, so the page comes without, and asks for it.
      if (denial.status === 401 && path === '/' && READ.methods.includes(req.method ?? '')) {
        const page = parts.page(401)
        return { ...page, headers: { ...page.headers, ...challenge } }
      }
      return fault(denial.status, denial.errorCode, denial.message, challenge)
    }
    const page = pages.get(path) ?? capturePage(path)
    if (!page) return fault(404, 'GOVERNOR_NOT_FOUND', 'The admin port has no such page.')
    const { methods, maxBodyBytes } = page
    if (!methods.includes(req.method ?? '')) {
      const allow = methods.join(', ')
      return fault(405, 'GOVERNOR_METHOD_NOT_ALLOWED', `This page knows ${allow} only.`, { Allow: allow })
    }
    const body = await readBody(req, maxBodyBytes)
    if (!body) return fault(413, 'GOVERNOR_TOO_LARGE', `A body may have ${maxBodyBytes} bytes here.`)
    return await page.answer(req, body, res)
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const answer = await answerTo(req, res)
      if (!answer) return
      send(res, answer, stopping || (hasBody(req) && !req.complete))
    } catch (error) {
      log.unexpected(error)
      if (res.headersSent) res.destroy()
      else
        send(
          res,
          fault(500, 'GOVERNOR_INTERNAL_ERROR', 'The governor failed at this; its log says where.'),
          true,
        )
    }
  }

  return {
    start: () => port.listen(config.host, config.port),
    stop() {
      stopping = true
      events.close()
      return port.close()
    },
    configure(newConfig) {
      gate = makeGate(newConfig)
      // Whoever listens has shown the old token.
      events.close()
    },
  }
}
