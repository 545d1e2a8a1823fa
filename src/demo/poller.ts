import type { SampleApp } from './apps.js'

const DAY_MS = 86_400_000
const AT_MOST = '6'

/**
 * Asks for the status of each of its open envelopes every minute or two, those first that have been open longest, as many
 * an app does that was written in a day. DocuSign allows one such question in fifteen minutes (facts 2).
 */
export function makePoller(): SampleApp {
  let open: string[] = []
  return {
    name: 'poller',
    restSeconds: 15,
    async round({ envelopes, accountId }, wallMs) {
      const id = open.shift()
      if (id === undefined) {
        const fromDate = new Date(wallMs - DAY_MS).toISOString()
        const options = { fromDate, status: 'sent,delivered', count: AT_MOST, order: 'asc' as const }
        const list = await envelopes.listStatusChanges(accountId, options)
        open = (list.envelopes ?? []).map(envelope => envelope.envelopeId)
        return
      }
      const { status } = await envelopes.getEnvelope(accountId, id)
      if (status === 'sent' || status === 'delivered') open.push(id)
    },
  }
}
