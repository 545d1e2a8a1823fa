/** Takes what opens doors out of what is recorded. What is doubtful is removed: a recording is made to be passed on. */

export const REMOVED = '[omitted]'

const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-docusign-authentication',
  'x-docusign-user-settings-key',
  'x-docusign-edit',
])
const SECRET_WORD =
  /token|secret|password|passwd|assertion|signature|credential|authori[sz]ation|access_?code|api_?key|integrator_?key|private_?key|^(?:code|code_verifier|slt|ti|pwd|key|state|jwt|sid|session_?id)$/i
/** A JWT, wherever it stands. */
const JWT = /eyJ[\w-]{8,}(?:\.[\w-]*){0,4}/g
const BEARER = /\b(bearer|basic)\s+[\w.~+/=-]+/gi
/** A field of JSON with a text in it, be it that its end was cut off. */
const JSON_FIELD = /"([\w.-]{1,64})"(\s*:\s*)"(?:[^"\\]|\\[^])*(?:"|\\?$)/g
const XML_FIELD = /<([\w:.-]{1,64})((?:\s[^<>]*)?)>[^<]*(?=<|$)/g
const PAIR = /(^|[?&])([^=&?#\s"'<>]{1,64})=([^&#\s"'<>\\]*)/g

/** Raw pairs, without the values that are secrets. */
export function redactHeaders(raw: readonly string[]): [name: string, value: string][] {
  const lines: [string, string][] = []
  for (let i = 0; i < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i], raw[i + 1]]
    lines.push([name, SECRET_HEADERS.has(name.toLowerCase()) ? REMOVED : redactText(value)])
  }
  return lines
}

/** A request target. Values that are percent-encoded are told by their names. */
export function redactTarget(target: string): string {
  return redactText(target)
}

/** Any text: JSON, XML, a form, a URL in a sentence. */
export function redactText(text: string): string {
  return text
    .replace(JSON_FIELD, (field: string, name: string, colon: string) =>
      SECRET_WORD.test(name) ? `"${name}"${colon}"${REMOVED}"` : field,
    )
    .replace(XML_FIELD, (field: string, name: string, attributes: string) =>
      SECRET_WORD.test(name) ? `<${name}${attributes}>${REMOVED}` : field,
    )
    .replace(PAIR, (pair: string, before: string, name: string) =>
      SECRET_WORD.test(decodedName(name)) ? `${before}${name}=${REMOVED}` : pair,
    )
    .replace(BEARER, `$1 ${REMOVED}`)
    .replace(JWT, REMOVED)
}

function decodedName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
