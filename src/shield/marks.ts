/** What a trace wants to know of a visitor: enough to ask the same again of another shield, and nothing of what was said. */
import { keyOf } from '../base/key.js'
import type { Sharing, ShieldMarks } from '../base/trace.js'
import { mayAnswer, mayKeep, mayLead } from './keepable.js'
import { isNeverFinal } from './never.js'
import { representationOf } from './representation.js'
import type { Tokens } from './tokens.js'
import type { Visitor } from './visitor.js'

/** To be asked when the call is over: only then is it known whose a new token is. */
export function marksOf(visitor: Visitor, tokens: Tokens): ShieldMarks {
  const { call, headers, credential } = visitor
  const isRead = call.service === 'api' && (call.method === 'GET' || call.method === 'HEAD')
  return {
    viewer: credential ? tokens.viewerOf(credential) : '',
    representation: isRead ? keyOf('representation', representationOf(call, headers)) : '',
    sharing: isRead ? sharingOf(visitor) : 'none',
    neverFinal: isRead && call.envelope !== undefined && isNeverFinal(call),
  }
}

function sharingOf({ call, headers, credential }: Visitor): Sharing {
  if (!credential || !mayAnswer(call, headers)) return 'none'
  // A HEAD leads nobody and is not kept, and a replay knows that of it already.
  if (call.method === 'HEAD') return 'all'
  if (!mayLead(call, headers)) return 'answer'
  return mayKeep(call, headers) ? 'all' : 'unkept'
}
