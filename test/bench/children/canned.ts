/**
 * The same 2 KiB answer to every GET, without reading what it says: the cheaper the upstream, the more of the
 * machine is left for what is measured.
 */
import net from 'node:net'
import { serveParent } from './child.js'

const BODY = 'a'.repeat(2048)
const ANSWER = Buffer.from(
  [
    'HTTP/1.1 200 OK',
    'Cache-Control: no-cache',
    `Content-Length: ${BODY.length}`,
    'Content-Type: application/json; charset=utf-8',
    'Vary: Accept-Encoding',
    'X-RateLimit-Reset: 1631174400',
    'X-RateLimit-Limit: 3000',
    'X-RateLimit-Remaining: 2900',
    'X-BurstLimit-Limit: 500',
    'X-BurstLimit-Remaining: 499',
    'X-DocuSign-TraceToken: 37c068f5-3768-4760-8284-df4611185918',
    'X-DocuSign-Node: DA2DFE188',
    'Date: Thu, 09 Sep 2021 07:30:49 GMT',
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
