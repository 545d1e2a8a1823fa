import type { IncomingMessage } from 'node:http'

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** The whole body; `undefined` where it is larger than `maxBytes` (and then not read to its end) or its sender has left. */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  if (!hasBody(req)) return Promise.resolve(Buffer.alloc(0))
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(undefined)
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    let bytes = 0
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) return void chunks.push(chunk)
      req.pause()
      resolve(undefined)
    })
    req.once('end', () => resolve(Buffer.concat(chunks)))
    // A client that left is answered too, because whoever waits here must not wait for ever.
    req.once('close', () => resolve(undefined))
  })
}
