/** `Prefer: wait=SECONDS` (RFC 7240): how long a client is willing to be held. */

/**
 * The wait a client allows, in milliseconds, at most `maxWaitMs`; `undefined` where it asks for none that can be read.
 * Of several waits the first one counts, even if it cannot be read, as RFC 7240 has it. What else is preferred is no
 * business of ours, and `Preference-Applied` is not sent: the RFC leaves it to the server, and the held time is told in
 * `X-Governor-Wait` already.
 *
 * @param prefer the header's value, several lines joined by commas or one by one
 */
export function readWaitMs(
  prefer: string | readonly string[] | undefined,
  maxWaitMs: number,
): number | undefined {
  if (prefer === undefined) return undefined
  const text = typeof prefer === 'string' ? prefer : prefer.join(',')
  for (let at = 0; at < text.length;) {
    const end = endOf(text, at, text.length, ',')
    const word = text.slice(at, endOf(text, at, end, ';'))
    const mark = word.indexOf('=')
    const name = mark === -1 ? word : word.slice(0, mark)
    if (name.trim().toLowerCase() === 'wait') {
      const seconds = mark === -1 ? undefined : readSeconds(unquoted(word.slice(mark + 1).trim()))
      return seconds === undefined ? undefined : Math.min(Math.round(seconds * 1000), maxWaitMs)
    }
    at = end + 1
  }
  return undefined
}

/** Where the next `separator` outside of a quoted string stands; `to` where there is none before that. */
function endOf(text: string, from: number, to: number, separator: ',' | ';'): number {
  let quoted = false
  for (let i = from; i < to; i++) {
    const char = text[i]
    if (char === '"') quoted = !quoted
    else if (quoted && char === '\\') i++
    else if (!quoted && char === separator) return i
  }
  return to
}

function unquoted(word: string): string {
  if (word.length < 2 || !word.startsWith('"') || !word.endsWith('"')) return word
  return word.slice(1, -1).replace(/\\(.)/g, '$1')
}

/**
 * RFC 7240 has whole seconds; a fraction can be meant only one way, and to pass it over would hold its caller for as
 * long as the setting says. Too many digits are Infinity, which the setting bounds.
 */
function readSeconds(text: string): number | undefined {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}
