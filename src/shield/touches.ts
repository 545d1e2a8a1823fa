/** What a write through us may have changed, so that what we remember of it is dropped (facts 6.3, 6.4). */
import type { Call } from '../base/types.js'
import { readMove } from './moves.js'

export type Touch =
  | { readonly kind: 'none' }
  /** These, by their GUIDs as keys: 1 or more. */
  | { readonly kind: 'envelopes'; readonly envelopes: readonly string[] }
  /** Envelopes that it does not name, or who may see them: anything remembered of the account may be wrong. */
  | { readonly kind: 'account' }

const NONE: Touch = { kind: 'none' }
const ACCOUNT: Touch = { kind: 'account' }

const A = '/v2.1/accounts/{accountId}'
const FOLDER = `${A}/folders/{folderId}`

/** Route → the methods with which it reaches envelopes that it does not name. */
const WIDE: ReadonlyMap<string, readonly string[]> = new Map([
  // Void, resend or correct every envelope of a batch; send from a draft. What bulk processes do is not documented.
  [`${A}/bulk_send_batch/{bulkSendBatchId}/{bulkAction}`, ['PUT']],
  [`${A}/bulk_send_lists/{bulkSendListId}/send`, ['POST']],
  [`${A}/bulk_process_data/actions/{processAction}`, ['POST', 'DELETE']],
  [`${A}/bulk_process_data/actions/{processAction}/{bulkProcessListId}`, ['POST', 'PUT', 'DELETE']],
  [`${A}/bulk_process_data/actions/{processAction}/{bulkProcessListId}/send`, ['POST', 'PUT', 'DELETE']],
  // Whose envelopes they are.
  [`${A}/envelopes/transfer_rules`, ['POST', 'PUT']],
  [`${A}/envelopes/transfer_rules/{envelopeTransferRuleId}`, ['PUT', 'DELETE']],
  // What is in them: retention, the disclosure that signers are shown, their signatures, the watermark on documents.
  [A, ['DELETE']],
  [`${A}/settings`, ['PUT']],
  [`${A}/settings/envelope_purge_configuration`, ['PUT']],
  [`${A}/consumer_disclosure/{langCode}`, ['PUT']],
  [`${A}/captive_recipients/{recipientPart}`, ['DELETE']],
  [`${A}/watermark`, ['PUT']],
  [`${A}/workspaces/{workspaceId}`, ['DELETE']],
  [`${A}/workspaces/{workspaceId}/folders/{folderId}`, ['DELETE']],
  // Who may see them: what takes a right away must not leave its copies behind.
  [`${A}/shared_access`, ['PUT']],
  [`${A}/users`, ['PUT', 'DELETE']],
  [`${A}/users/{userId}`, ['PUT']],
  [`${A}/users/{userId}/settings`, ['PUT']],
  [`${A}/users/{userId}/authorization/{authorizationId}`, ['PUT', 'DELETE']],
  [`${A}/users/{userId}/authorizations`, ['POST', 'DELETE']],
  [`${A}/permission_profiles/{permissionProfileId}`, ['PUT', 'DELETE']],
  [`${A}/groups`, ['PUT', 'DELETE']],
  [`${A}/groups/{groupId}/users`, ['PUT', 'DELETE']],
  [`${A}/signing_groups`, ['PUT', 'DELETE']],
  [`${A}/signing_groups/{signingGroupId}`, ['PUT']],
  [`${A}/signing_groups/{signingGroupId}/users`, ['PUT', 'DELETE']],
])

/**
 * @param body the request's, whole; `undefined` where it streamed by, and so could not be read
 * @param contentType the request's
 */
export function touchOf(call: Call, body: Buffer | undefined, contentType?: string): Touch {
  const { method, methodClass, service, account, envelope, route } = call
  if (methodClass !== 'write' || service !== 'api' || account === undefined) return NONE
  if (envelope !== undefined) return { kind: 'envelopes', envelopes: [envelope] }
  if (route === FOLDER && method === 'PUT') {
    const envelopes = readMove(body, contentType)
    return envelopes ? { kind: 'envelopes', envelopes } : ACCOUNT
  }
  // Older versions have the same operations under other paths, and newer ones have more: neither is in the table.
  if (route === 'other') return call.resource.startsWith('/restapi/') ? ACCOUNT : NONE
  return WIDE.get(route)?.includes(method) ? ACCOUNT : NONE
}
