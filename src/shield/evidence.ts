/**
 * Whether a 2xx proves the credential that its call came with. What DocuSign tells anybody proves nobody, and neither
 * does what a second credential may have earned, in a place where none is looked for.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Call } from '../base/types.js'

/** The methods of its operations: a preflight (`OPTIONS`) is answered before anyone asks who calls. */
const OPERATIONS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
/** RFC 6750, 2.2 and 2.3: a token in a form, or in the query. */
const FORM = /^\s*application\/x-www-form-urlencoded/i
const TOKEN_IN_QUERY = /(?:^|&)access(?:_|%5f)token(?:=|&|$)/i

/**
 * The path must name an account and be the API's, because others on the same host are pages, and
 * `/service_information` is shown to whoever comes.
 *
 * @param headers those that went up
 */
export function isEvidence(call: Call, headers: IncomingHttpHeaders): boolean {
  const { service, method, account, resource, query } = call
  if (service !== 'api' || account === undefined || !resource.startsWith('/restapi/')) return false
  if (!OPERATIONS.has(method)) return false
  if (headers.cookie !== undefined || FORM.test(headers['content-type'] ?? '')) return false
  if (query !== '' && TOKEN_IN_QUERY.test(query)) return false
  for (const name in headers) if (hyphened(name)?.startsWith('x-docusign-') === true) return false
  return true
}

/** What a server makes of a name that takes `_` for `-`, as CGI does; `undefined` where there is no other reading. */
export function hyphened(name: string): string | undefined {
  return name.includes('_') ? name.replaceAll('_', '-') : undefined
}
