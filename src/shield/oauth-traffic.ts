/** What apps' own OAuth calls teach on their way through: whose a token is, without a call of ours. */
import type { IncomingHttpHeaders } from 'node:http'
import { decoded } from '../base/content-coding.js'
import type { Call } from '../base/types.js'
import { readCredential } from './credential.js'
import { MAX_GRANT_BYTES, readTokenGrant } from './token-grant.js'
import type { Tokens } from './tokens.js'
import { MAX_USERINFO_BYTES, readUserinfo } from './userinfo.js'

/** A call to the OAuth host and its 200. */
export interface OAuthExchange {
  /** As they went up. */
  readonly headers: IncomingHttpHeaders
  /** The request's; `undefined` where it has none, or it was not kept. */
  readonly body: Buffer | undefined
  /** `Clock.nowMs` at the send. */
  readonly sentMs: number
  /** DocuSign's own body: not the one in which the base URIs are ours. */
  readonly answer: Buffer
  /** Its `Content-Encoding`; '' without one. */
  readonly encoding: string
}

export interface OAuthTraffic {
  /** How much of the answer's body to keep for `learn`; `undefined` where there is nothing to learn. */
  wantsBytes(call: Call): number | undefined
  /** Whatever is no such call or answer teaches nothing. Never throws. */
  learn(call: Call, exchange: OAuthExchange): void
}

export function makeOAuthTraffic(tokens: Tokens): OAuthTraffic {
  function learnGrant(call: Call, { headers, body, sentMs, answer, encoding }: OAuthExchange): void {
    const plain = decoded(answer, encoding, MAX_GRANT_BYTES)
    const grant = plain && readTokenGrant({ query: call.query, headers, body }, plain)
    if (grant) tokens.issued(grant.token, grant, sentMs)
  }

  function learnUser(call: Call, { headers, body, sentMs, answer, encoding }: OAuthExchange): void {
    // RFC 6750 knows a token in the query and in a body; a browser has a session. The answer may be about those.
    if (call.query !== '' || headers.cookie !== undefined || (body !== undefined && body.length > 0)) return
    const credential = readCredential(headers)
    if (!credential?.hasBearer || credential.legacy !== '' || credential.acting !== '') return
    const plain = decoded(answer, encoding, MAX_USERINFO_BYTES)
    const told = plain && readUserinfo(plain)
    if (told) tokens.told(credential.token, told, sentMs)
  }

  return {
    wantsBytes(call) {
      switch (kindOf(call)) {
        case 'grant':
          return MAX_GRANT_BYTES
        case 'userinfo':
          return MAX_USERINFO_BYTES
        default:
          return undefined
      }
    },
    learn(call, exchange) {
      const kind = kindOf(call)
      if (kind === 'grant') learnGrant(call, exchange)
      else if (kind === 'userinfo') learnUser(call, exchange)
    },
  }
}

function kindOf({ method, resource }: Call): 'grant' | 'userinfo' | undefined {
  if (method === 'POST' && resource === '/oauth/token') return 'grant'
  return method === 'GET' && resource === '/oauth/userinfo' ? 'userinfo' : undefined
}
