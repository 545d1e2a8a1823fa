import type { SampleApp } from './apps.js'

const DAY_MS = 86_400_000
const AT_MOST = '4'

/**
 * Shows how the latest envelopes stand, in two panels that know nothing of each other: each asks for the list and for
 * every envelope of it, both at once, and again at every refresh.
 */
export function makeDashboard(): SampleApp {
  return {
    name: 'dashboard',
    restSeconds: 30,
    async round({ envelopes, accountId }, wallMs) {
      const fromDate = new Date(wallMs - DAY_MS).toISOString()
      const panel = async () => {
        const options = { fromDate, status: 'delivered,completed', count: AT_MOST }
        const list = await envelopes.listStatusChanges(accountId, options)
        const shown = list.envelopes ?? []
        await Promise.all(shown.map(({ envelopeId }) => envelopes.getEnvelope(accountId, envelopeId)))
      }
      await Promise.all([panel(), panel()])
    },
  }
}
