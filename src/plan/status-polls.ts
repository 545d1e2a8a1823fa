/** Calls that ask how far an envelope is: what Connect pushes as it happens, nobody has to ask. */
import type { TraceRecord } from '../base/trace.js'

const A = '/v2.1/accounts/{accountId}'
const E = `${A}/envelopes/{envelopeId}`
const ASKED = new Map([
  [E, 'GET'],
  [`${E}/recipients`, 'GET'],
  [`${A}/envelopes`, 'GET'],
])
const MANY = `${A}/envelopes/status`

export function isStatusPoll({ method, route }: TraceRecord): boolean {
  return ASKED.get(route) === method || (route === MANY && (method === 'GET' || method === 'PUT'))
}
