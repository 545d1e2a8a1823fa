/**
 * JSON bytes → what a listener wants to hear of them. Of our own, because JSON.parse hides that a key stood there twice
 * and makes a million objects of 4 MiB of brackets (400 ms of a halted process); and a tokenizer leaves the grammar to
 * its caller, and builds every string that nobody asked for: @streamparser/json reads 65 MB of envelopes a second, 9 of
 * escapes. This one decodes what is listened to and walks over the rest once: 190 MB/s, and 75 ms for the worst 4 MiB that were thought of.
 */

/**
 * Hears a document as a tree: members of objects, items of lists, elements. Of the root only the inside is heard, and of
 * a document that turns out to be malformed, its beginning.
 */
export interface Listener {
  /** @param name `undefined` for an item of a JSON list. @returns whether the inside is to be heard; if not, no `leave` follows */
  enter(name: string | undefined): boolean
  /** @param text what stood there if that was a text; `null` for nothing; `undefined` for anything else, or a text too long to mean something */
  leave(text: string | null | undefined): void
}

/** DocuSign's answers are some eight levels deep. */
export const MAX_DEPTH = 64
/** DocuSign writes a value for every 20 bytes or more; these are one for every 16 of the largest body that is read. */
export const MAX_PIECES = 262_144
/** Sixfold what the longest word needs (`documents_and_metadata_and_redact_purged`), as each letter may be escaped. */
const MAX_TEXT_BYTES = 256

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d]
const [ZERO, NINE, MINUS, PLUS, POINT, LETTER_E, LETTER_U] = [0x30, 0x39, 0x2d, 0x2b, 0x2e, 0x65, 0x75]
const WORDS = ['true', 'false', 'null'].map(word => Buffer.from(word))
const ESCAPED = new Set(Buffer.from('"\\/bfnrtu'))

/** @returns whether the bytes were one whole JSON document (RFC 8259) of at most MAX_DEPTH levels and MAX_PIECES values. Never throws by itself. */
export function walkJson(bytes: Buffer, listener: Listener): boolean {
  let at = 0
  /** Of the value or key read last. */
  let text: string | null | undefined
  let pieces = 0

  /** The next byte that means something; `undefined` at the end. */
  function next(): number | undefined {
    let byte = bytes[at]
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++at]
    return byte
  }

  function value(depth: number, isHeard: boolean): boolean {
    if (++pieces > MAX_PIECES) return false
    const first = next()
    if (first === QUOTE) return string(isHeard)
    text = undefined
    if (first === OPEN_OBJECT) return depth < MAX_DEPTH && members(depth + 1, isHeard)
    if (first === OPEN_LIST) return depth < MAX_DEPTH && items(depth + 1, isHeard)
    return first === MINUS || isDigit(first) ? number() : word()
  }

  function members(depth: number, isHeard: boolean): boolean {
    at++
    for (let isFirst = true; isFirst || next() !== CLOSE_OBJECT; isFirst = false) {
      if (isFirst && next() === CLOSE_OBJECT) break
      if (!isFirst && bytes[at++] !== COMMA) return false
      if (next() !== QUOTE || !string(isHeard)) return false
      const name = text
      if (next() !== COLON) return false
      at++
      // Where nobody listens no name is there.
      const goesIn = typeof name === 'string' && listener.enter(name)
      if (!value(depth, goesIn)) return false
      if (goesIn) listener.leave(text)
    }
    at++
    text = undefined
    return true
  }

  function items(depth: number, isHeard: boolean): boolean {
    at++
    for (let isFirst = true; isFirst || next() !== CLOSE_LIST; isFirst = false) {
      if (isFirst && next() === CLOSE_LIST) break
      if (!isFirst && bytes[at++] !== COMMA) return false
      const goesIn = isHeard && listener.enter(undefined)
      if (!value(depth, goesIn)) return false
      if (goesIn) listener.leave(text)
    }
    at++
    text = undefined
    return true
  }

  function string(isHeard: boolean): boolean {
    const start = at
    let end = at + 1
    let isEscaped = false
    for (let byte = bytes[end]; byte !== QUOTE; byte = bytes[++end]) {
      if (byte === undefined || byte < 0x20) return false
      if (byte !== BACKSLASH) continue
      isEscaped = true
      const escape = bytes[++end]
      if (escape === undefined || !ESCAPED.has(escape)) return false
      if (escape !== LETTER_U) continue
      for (let i = 0; i < 4; i++) if (!isHex(bytes[++end])) return false
    }
    at = end + 1
    text = isHeard && at - start <= MAX_TEXT_BYTES ? decode(start, isEscaped) : undefined
    return true
  }

  function decode(start: number, isEscaped: boolean): string {
    return isEscaped
      ? (JSON.parse(bytes.toString('utf8', start, at)) as string)
      : bytes.toString('utf8', start + 1, at - 1)
  }

  function number(): boolean {
    if (bytes[at] === MINUS) at++
    if (bytes[at] === ZERO) at++
    else if (!digits()) return false
    if (bytes[at] === POINT) {
      at++
      if (!digits()) return false
    }
    if (((bytes[at] ?? 0) | 0x20) !== LETTER_E) return true
    at++
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++
    return digits()
  }

  /** One or more. */
  function digits(): boolean {
    const start = at
    while (isDigit(bytes[at])) at++
    return at > start
  }

  function word(): boolean {
    const found = WORDS.find(one => one.every((byte, i) => bytes[at + i] === byte))
    if (!found) return false
    at += found.length
    if (found === WORDS[2]) text = null
    return true
  }

  return value(0, true) && next() === undefined
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

function isHex(byte: number | undefined): boolean {
  const letter = (byte ?? 0) | 0x20
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x66)
}
