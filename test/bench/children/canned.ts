/**
 * The same answer to every GET, without reading what it says: the cheaper the upstream, the more of the machine is left
 * for what is measured. Of 2 KiB, where its parent names no other size.
 */
import net from 'node:net'
import { serveParent } from './child.js'

/** As large as settings may be: what is measured is what keeping limits costs, not waiting for them. */
const CALLS = 10_000_000
const HOUR_SECONDS = 3600
const RESET = (Math.floor(Date.now() / 1000 / HOUR_SECONDS) + 1) * HOUR_SECONDS

const BODY = 'a'.repeat(Number(process.argv[2] ?? 2048))
const ANSWER = Buffer.from(
  [
    'HTTP/1.1 200 OK',
    'Cache-Control: no-cache',
    `Content-Length: ${BODY.length}`,
    'Content-Type: application/json; charset=utf-8',
    'Vary: Accept-Encoding',
    `X-RateLimit-Reset: ${RESET}`,
    `X-RateLimit-Limit: ${CALLS}`,
    `X-RateLimit-Remaining: ${CALLS - 1}`,
    `X-BurstLimit-Limit: ${CALLS}`,
    `X-BurstLimit-Remaining: ${CALLS - 1}`,
    'X-DocuSign-TraceToken: 37c068f5-3768-4760-8284-df4611185918',
    'X-DocuSign-Node: DA2DFE188',
    `Date: ${new Date().toUTCString()}`,
    '',
    BODY,
  ].join('\r\n'),
)
const END = Buffer.from('\r\n\r\n')

serveParent(
  net.createServer(socket => {
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    let tail = Buffer.alloc(0)
    socket.on('data', chunk => {
      let seen = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk
      for (let end = seen.indexOf(END); end !== -1; end = seen.indexOf(END)) {
        seen = seen.subarray(end + END.length)
        socket.write(ANSWER)
      }
      tail = seen
    })
  }),
)
