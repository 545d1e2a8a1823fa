/** http-proxy alone, with a keep-alive agent: what a developer writes first, and the measure of what safety costs. */
import http from 'node:http'
import httpProxy from 'http-proxy'
import { serveParent } from './child.js'

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
const proxy = httpProxy.createProxyServer({ target: process.argv[2] ?? '', agent })
serveParent(http.createServer((req, res) => proxy.web(req, res)))
