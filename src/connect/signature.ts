/**
 * Is it DocuSign that speaks? A Connect message carries an HMAC-SHA256 of its raw bytes for each active key (facts 7):
 * `X-DocuSign-Signature-1`, `-2`, …; any of them will do, because keys are exchanged one at a time.
 */
import { createHmac, timingSafeEqual, type Hmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** DocuSign has at most so many keys of one account (facts 7). */
const MOST_SIGNATURES = 100
const SIGNATURE = /^x-docusign-signature-\d{1,3}$/
const DIGEST_BYTES = 32

export interface Check {
  /** The next bytes of the body, as they came. */
  take(chunk: Buffer): void
  /** Whether one of the keys has made one of the signatures. Asked once, behind the last byte. */
  isSigned(): boolean
}

/** @returns `undefined` where there is nothing that could be a signature: its body need not be read */
export function makeCheck(keys: readonly string[], headers: IncomingHttpHeaders): Check | undefined {
  const signatures = signaturesIn(headers)
  if (signatures.length === 0) return undefined
  const sums: readonly Hmac[] = keys.map(key => createHmac('sha256', key))
  return {
    take(chunk) {
      for (const sum of sums) sum.update(chunk)
    },
    isSigned() {
      const digests = sums.map(sum => sum.digest())
      // All are compared, whichever fits: how long it takes says nothing of the keys.
      const fits = signatures.map(one => digests.filter(digest => timingSafeEqual(digest, one)).length)
      return fits.some(count => count > 0)
    },
  }
}

function signaturesIn(headers: IncomingHttpHeaders): Buffer[] {
  const found: Buffer[] = []
  for (const name in headers) {
    if (!SIGNATURE.test(name) || found.length >= MOST_SIGNATURES) continue
    const value = headers[name]
    const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
    // Of another length it is no signature, and `timingSafeEqual` would throw.
    if (bytes?.length === DIGEST_BYTES) found.push(bytes)
  }
  return found
}
