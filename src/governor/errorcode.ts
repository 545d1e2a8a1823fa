/** The `errorCode` of an answer: DocuSign says with it, and not with the status, what is spent (facts 1.5). */
import { decoded } from '../base/content-coding.js'

/** More than any error of DocuSign's; the recorded one has 153 bytes (facts 1.5). */
export const MAX_ERROR_BYTES = 16_384

const CODE = /^[A-Za-z0-9_]{1,100}$/
const JSON_TYPE = /^[a-z]+\/(?:[\w.-]+\+)?json$/
const XML_TYPE = /^[a-z]+\/(?:[\w.-]+\+)?xml$/
const ROOT = /^\s*(?:<\?xml[^<>]*\?>\s*)?<errorDetails(?:\s[^<>]*)?>/
const CHILD = /\s*<([A-Za-z]\w*)(?:\s[^<>]*)?>([^<]*)<\/\1\s*>/y

/**
 * Whether an answer of this status may say that a limit is spent, so that its body is worth holding back: 400 until
 * 2026, 429 since, 444 from DocuSign's traffic management (facts 1.5).
 */
export function mayBeBlock(status: number): boolean {
  return status === 429 || status === 400 || status === 444
}

/**
 * The code of an error body, as it stands there: JSON's `errorCode` at the top, or the `<errorCode>` right under
 * `<errorDetails>`. Never throws; what is nested deeper, longer than MAX_ERROR_BYTES, no error body or no code is none.
 */
export function readErrorCode(
  body: Buffer,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): string | undefined {
  const form = formOf(contentType)
  if (form === 'other') return undefined
  const text = decoded(body, contentEncoding ?? '', MAX_ERROR_BYTES)
    ?.toString('utf8')
    .replace(/^\uFEFF/, '')
  if (text === undefined) return undefined
  const isXml = form === 'xml' || (form === 'unsaid' && text.trimStart().startsWith('<'))
  const code = isXml ? codeInXml(text) : codeInJson(text)
  return typeof code === 'string' && CODE.test(code) ? code : undefined
}

/** `unsaid`: only the body itself can tell. DocuSign's errors may be HTML, too, and hold no code then (facts 1.5). */
function formOf(contentType: string | undefined): 'json' | 'xml' | 'unsaid' | 'other' {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type === '' || type === 'text/plain') return 'unsaid'
  if (JSON_TYPE.test(type)) return 'json'
  return XML_TYPE.test(type) && !type.includes('html') ? 'xml' : 'other'
}

function codeInJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null
    return isObject ? (value as { readonly errorCode?: unknown }).errorCode : undefined
  } catch {
    return undefined
  }
}

/** Walks the root's children one by one, because a search would also find a code that somebody wrote into a message. */
function codeInXml(text: string): string | undefined {
  const root = ROOT.exec(text)
  if (!root) return undefined
  // Its place in the text is the expression's own state, so each walk has its own expression.
  const child = new RegExp(CHILD)
  child.lastIndex = root[0].length
  for (let found = child.exec(text); found; found = child.exec(text)) {
    if (found[1] === 'errorCode') return found[2]?.trim()
  }
  return undefined
}
