/** How an answer is begun: in one write, where it is small. */
import type { ServerResponse } from 'node:http'

/** Up to this size a piece is worth copying to save a vector. */
export const ONE_WRITE_BYTES = 16_384

/**
 * The head and the first, small piece of the body in one plain write. As a buffer the piece would make it a vector
 * of two; left to Node, the end of the answer would join them and make it one again.
 */
export function writeOpening(res: ServerResponse, chunk: Buffer): boolean {
  res.cork()
  const flows = res.write(chunk.toString('latin1'), 'latin1')
  res.uncork()
  return flows
}
