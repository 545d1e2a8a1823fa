/** Records one call: what came, and what its client was told, byte for byte. Only of calls that an operator asked for. */
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface Recording {
  /** @param rawHeaders `[name, value, …]` */
  asked(method: string, target: string, rawHeaders: readonly string[]): void
  /** What it sent, where that was received whole. */
  sent(body: Buffer): void
  told(status: number, rawHeaders: readonly string[]): void
  /** A piece of the answer's body. */
  passed(chunk: Buffer): void
  /** The client's connection is done with it. */
  ended(): void
}

/** Listens in on an answer at the one place that every answer passes, so that nobody who writes one need know of it. */
export function tape(recording: Recording, req: IncomingMessage, res: ServerResponse): void {
  recording.asked(req.method ?? '', req.url ?? '', req.rawHeaders)
  const [writeHead, write, end] = [res.writeHead.bind(res), res.write.bind(res), res.end.bind(res)]
  const take = (args: readonly unknown[]) => {
    const [chunk, encoding] = args
    if (chunk instanceof Uint8Array)
      recording.passed(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    else if (typeof chunk === 'string') recording.passed(Buffer.from(chunk, encodingOf(encoding)))
  }
  res.writeHead = (...args: unknown[]) => {
    const lines = args.at(-1)
    recording.told(Number(args[0]), Array.isArray(lines) ? (lines as string[]) : [])
    return Reflect.apply(writeHead, res, args) as ServerResponse
  }
  res.write = ((...args: unknown[]) => {
    take(args)
    return Reflect.apply(write, res, args) as boolean
  }) as ServerResponse['write']
  res.end = ((...args: unknown[]) => {
    take(args)
    return Reflect.apply(end, res, args) as ServerResponse
  }) as ServerResponse['end']
  res.once('close', () => recording.ended())
}

function encodingOf(encoding: unknown): BufferEncoding {
  return typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8'
}
