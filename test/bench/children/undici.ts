/** undici's fastest forwarder: a pool's `stream`, which writes each answer straight into its response. */
import http, { type IncomingHttpHeaders } from 'node:http'
import { Pool } from 'undici'
import { serveParent } from './child.js'

const pool = new Pool(process.argv[2] ?? '', { connections: 64 })
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect']

const server = http.createServer((req, res) => {
  const { method = 'GET', url = '/' } = req
  const headers: IncomingHttpHeaders = { ...req.headers }
  for (const name of HOP_BY_HOP) delete headers[name]
  const hasBody = req.headers['content-length'] !== undefined || 'transfer-encoding' in req.headers
  pool.stream(
    { path: url, method: method as 'GET', headers, body: hasBody ? req : null },
    ({ statusCode, headers: answered }) => res.writeHead(statusCode, answered),
    error => {
      if (error !== null) res.destroy(error)
    },
  )
})
server.keepAliveTimeout = 60_000
serveParent(server)
