/** Bodies of answers that must be read before anything is passed on. */
import type { Readable } from 'node:stream'

interface Flowing {
  readonly body: Readable
  isWhole(): boolean
}

/**
 * The body, if it is whole and has at most `maxBytes`. `undefined` otherwise: a longer one can still be passed on as it
 * flows, from its first byte; one that broke off is destroyed.
 */
export function readUpTo(flowing: Flowing, maxBytes: number): Promise<Buffer | undefined> {
  const { body } = flowing
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    let bytes = 0
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes <= maxBytes) return
      body.pause()
      settle(undefined)
      body.unshift(Buffer.concat(chunks))
    }
    const onEnd = () => settle(flowing.isWhole() ? Buffer.concat(chunks) : undefined)
    const onClose = () => settle(undefined)
    const settle = (read: Buffer | undefined) => {
      body.off('data', onData).off('end', onEnd).off('close', onClose)
      resolve(read)
    }
    body.on('data', onData).on('end', onEnd).on('close', onClose)
    if (body.destroyed) onClose()
  })
}
