import { fault, json, type Answer } from './answer.js'
import { accountKey, guidKey, isJson, NOT_JSON, readObject } from './asked.js'

/** Whose copies shall go; with neither, all of them. */
export interface PurgeAsk {
  /** The account's number or GUID, lower case. */
  readonly account?: string
  /** The envelope's GUID, lower case. */
  readonly envelope?: string
}

const FIELDS: ReadonlySet<string> = new Set(['account', 'envelope'])

/** The answer to `POST /cache/purge`: 400 or 415 with what is wrong in words, none of them the sender's. */
export function answerPurge(
  contentType: string | undefined,
  body: Buffer,
  purge: (ask: PurgeAsk) => number,
): Answer {
  if (!isJson(contentType)) return NOT_JSON
  const ask = readAsk(body)
  if (typeof ask === 'string') return fault(400, 'GOVERNOR_BAD_REQUEST', ask)
  return json(200, { removed: purge(ask) })
}

/** What is asked, or what is wrong with it. */
function readAsk(body: Buffer): PurgeAsk | string {
  const fields = readObject(body)
  if (!fields) return 'The body is no JSON object. It looks like {"account":"12345678"}; {} means every copy.'
  // Passed over, a misspelt field would mean every copy.
  if (Object.keys(fields).some(name => !FIELDS.has(name))) {
    return 'The body has a field that is unknown here. There are account and envelope.'
  }
  const account = accountKey(fields['account'])
  if ('account' in fields && account === undefined) {
    return '"account" must be the number or the GUID of an account, as a string.'
  }
  const envelope = guidKey(fields['envelope'])
  if ('envelope' in fields && envelope === undefined) {
    return '"envelope" must be the GUID of an envelope, as a string of 36 characters.'
  }
  return { ...(account !== undefined && { account }), ...(envelope !== undefined && { envelope }) }
}
