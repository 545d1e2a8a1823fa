import type { SampleApp } from './apps.js'

const DAY_MS = 86_400_000
const AT_MOST = '3'

/** Shows the latest signed contracts: lists them and downloads their PDFs, every time anew, for it keeps nothing. */
export function makeDownloader(): SampleApp {
  return {
    name: 'downloader',
    restSeconds: 90,
    async round({ envelopes, accountId }, wallMs) {
      const fromDate = new Date(wallMs - DAY_MS).toISOString()
      const list = await envelopes.listStatusChanges(accountId, {
        fromDate,
        status: 'completed',
        count: AT_MOST,
      })
      for (const { envelopeId } of list.envelopes ?? []) {
        await envelopes.getDocument(accountId, envelopeId, 'combined')
      }
    },
  }
}
