/**
 * The sixty lines that a good developer writes: http-proxy, a Bottleneck reservoir for each window of each account with
 * its priorities, and an LRU cache that knows a copy by its token and goes after the end of an envelope.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import Bottleneck from 'bottleneck'
import httpProxy from 'http-proxy'
import { LRUCache } from 'lru-cache'
import { serveParent } from './child.js'

const [target = '', ...numbers] = process.argv.slice(2)
const [hourMs = 0, hourLimit = 0, burstMs = 0, burstLimit = 0, intervalMs = 0] = numbers.map(Number)
const PRIORITY: Record<string, number> = { desk: 1, poller: 5, job: 9 }
const ENVELOPE = /^\/restapi\/v2\.1\/accounts\/[^/]+(\/envelopes\/[0-9a-f]+-[0-9a-f-]+)/

interface Copy {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

const copies = new LRUCache<string, Copy>({
  maxSize: 256 << 20,
  sizeCalculation: ({ body }) => body.length + 1,
})
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
const proxy = httpProxy.createProxyServer({ target, agent, selfHandleResponse: true })
const limiters = new Map<string, Bottleneck>()
const keys = new WeakMap<IncomingMessage, string>()

function limiterOf(account: string): Bottleneck {
  let limiter = limiters.get(account)
  if (!limiter) {
    const windowOf = (reservoir: number, reservoirRefreshInterval: number) =>
      new Bottleneck({ reservoir, reservoirRefreshAmount: reservoir, reservoirRefreshInterval })
    limiter = windowOf(hourLimit, hourMs).chain(windowOf(burstLimit, burstMs))
    limiters.set(account, limiter)
  }
  return limiter
}

proxy.on('proxyRes', (answer, req, res) => {
  const chunks: Buffer[] = []
  answer.on('data', (chunk: Buffer) => chunks.push(chunk))
  answer.on('end', () => {
    const copy = { status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(chunks) }
    const key = keys.get(req)
    const hasEnded = /"status":"(completed|declined|voided)"/.test(copy.body.toString('latin1', 0, 65_536))
    if (key !== undefined && copy.status === 200)
      copies.set(key, copy, { ttl: hasEnded ? 86_400_000 : intervalMs })
    give(copy, res)
  })
})
proxy.on('error', (_error, _req, res) => res instanceof http.ServerResponse && res.writeHead(502).end())

function give({ status, headers, body }: Copy, res: ServerResponse): void {
  res.writeHead(status, { ...headers, connection: 'keep-alive' }).end(body)
}

const server = http.createServer((req, res) => {
  const [, app = '', path = ''] = /^\/apps\/([^/]+)(\/.*)$/.exec(req.url ?? '') ?? ['', 'other', req.url]
  req.url = path
  const envelope = ENVELOPE.exec(path)?.[1]
  const key = `${req.headers.authorization} ${req.headers.accept} ${path}`
  const copy = req.method === 'GET' && envelope !== undefined ? copies.get(key) : undefined
  if (copy) return give(copy, res)
  if (req.method === 'GET' && envelope !== undefined) keys.set(req, key)
  if (req.method !== 'GET' && envelope !== undefined)
    for (const other of copies.keys()) if (other.includes(envelope)) copies.delete(other)
  const done = () => new Promise<void>(resolve => void res.once('close', resolve))
  void limiterOf(path.split('/')[4] ?? '').schedule({ priority: PRIORITY[app] ?? 5 }, () => {
    proxy.web(req, res)
    return done()
  })
})
server.keepAliveTimeout = 60_000
serveParent(server)
