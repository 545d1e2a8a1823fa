/** Which envelopes a move between folders names. Into the recycle bin it voids those in process (facts 6.2). */
import { MAX_SIGHT_BYTES } from './statuses.js'
import { walkJson, type Listener } from './walk-json.js'
import { walkXml } from './walk-xml.js'

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * @returns the ids as keys (1 or more), or `undefined` where the body is not there, not understood, or could mean more than the ids
 * in it: DocuSign may understand what we do not. Never throws.
 */
export function readMove(
  body: Buffer | undefined,
  contentType: string | undefined,
): readonly string[] | undefined {
  if (!body || body.length > MAX_SIGHT_BYTES) return undefined
  const ids = new Set<string>()
  let depth = 0
  let lists = 0
  let isClear = true
  const listener: Listener = {
    enter(name) {
      if (depth === 0) {
        // DocuSign reads names without regard to case; `folders` would be a second way to say what moves.
        const word = name?.toLowerCase()
        if (word === 'folders') isClear = false
        if (word !== 'envelopeids') return false
        lists++
      }
      depth++
      return true
    },
    leave(text) {
      depth--
      if (depth === 0) return
      const id = text?.toLowerCase() ?? ''
      if (GUID.test(id)) ids.add(id)
      else isClear = false
    },
  }
  const isWhole = /\bxml\b/i.test(contentType ?? '')
    ? walkXml(body.toString('utf8'), listener)
    : walkJson(body, listener)
  return isWhole && isClear && lists === 1 && ids.size > 0 ? [...ids] : undefined
}
