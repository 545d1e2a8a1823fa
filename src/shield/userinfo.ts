/** What `/oauth/userinfo` says of a token (facts 4): whose it is, and in which accounts that user is. */
import { fieldsOf, guidIn, isFields } from './oauth-json.js'
import type { Told } from './tokens.js'

/** A user of 2,000 accounts has less. */
export const MAX_USERINFO_BYTES = 1_048_576

/**
 * Ids in lower case; accounts without a GUID are left out.
 *
 * @param body DocuSign's own, without a content coding
 * @returns `undefined` where it is no such answer, or larger than MAX_USERINFO_BYTES. Never throws
 */
export function readUserinfo(body: Buffer): Told | undefined {
  const fields = fieldsOf(body, MAX_USERINFO_BYTES)
  const user = guidIn(fields?.['sub'])
  const listed: unknown = fields?.['accounts']
  if (user === undefined || !Array.isArray(listed)) return undefined
  const accounts = (listed as readonly unknown[]).flatMap(entry => {
    const account = isFields(entry) ? guidIn(entry['account_id']) : undefined
    return account === undefined ? [] : [account]
  })
  return { user, accounts }
}
