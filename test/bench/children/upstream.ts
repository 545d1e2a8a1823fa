/** Answers like DocuSign, at once: `/…?bytes=N` with N bytes of JSON-sized body, as fast as they are read. */
import http from 'node:http'
import { serveParent } from './child.js'

const CHUNK = Buffer.alloc(65_536, 'a')
/**
 * What is written at once is 'drained' in the same turn of the loop: who went on then would pour megabytes into one
 * connection before he heard of another, and be late himself for whoever asks him next.
 */
const FLOWS_PER_TURN = 8

let waiting: (() => void)[] = []

function inTurn(flow: () => void): void {
  if (waiting.push(flow) === 1) setImmediate(nextTurn)
}

function nextTurn(): void {
  const next = waiting.slice(0, FLOWS_PER_TURN)
  waiting = waiting.slice(FLOWS_PER_TURN)
  if (waiting.length > 0) setImmediate(nextTurn)
  for (const flow of next) flow()
}

const server = http.createServer((req, res) => {
  let left = Number(/[?&]bytes=(\d+)/.exec(req.url ?? '')?.[1] ?? 2048)
  res.writeHead(200, {
    'Cache-Control': 'no-cache',
    'Content-Length': left,
    'Content-Type': 'application/json; charset=utf-8',
    Vary: 'Accept-Encoding',
    'X-RateLimit-Reset': String((Math.floor(Date.now() / 3_600_000) + 1) * 3600),
    'X-RateLimit-Limit': '3000',
    'X-RateLimit-Remaining': '2900',
    'X-BurstLimit-Limit': '500',
    'X-BurstLimit-Remaining': '499',
    'X-DocuSign-TraceToken': '37c068f5-3768-4760-8284-df4611185918',
    'X-DocuSign-Node': 'DA2DFE188',
  })
  const flow = () => {
    while (left > CHUNK.length) {
      left -= CHUNK.length
      if (!res.write(CHUNK)) return
    }
    res.end(CHUNK.subarray(0, left))
    left = 0
  }
  res.on('drain', () => left > 0 && inTurn(flow))
  flow()
})
server.keepAliveTimeout = 60_000
serveParent(server)
