/** XML text → what a listener hears of it: the only file that knows the parser. */
import { SaxesParser } from 'saxes'
import { MAX_DEPTH, type Listener } from './walk-json.js'

/** An element says its name twice, so it is longer than a value of JSON: one for every 32 bytes of the largest body that is read. */
export const MAX_ELEMENTS = 131_072
/** An attribute costs the parser as much as this many elements. */
const ATTRIBUTE = 4

/**
 * Elements are heard under their own names if they are of the root's namespace (prefixes do not matter), and as
 * `undefined` if they are of another.
 *
 * @returns whether the text was one whole XML document of at most MAX_DEPTH levels and MAX_ELEMENTS elements, attributes
 * and references, without a document type: nothing that DocuSign writes has one. Never throws by itself.
 */
export function walkXml(document: string, listener: Listener): boolean {
  // These two the parser would go through before it says a word of them.
  if (document.includes('<!DOCTYPE') || countsOver(document, '&', MAX_ELEMENTS)) return false
  const parser = new SaxesParser({ xmlns: true })
  /** How deep the parser is, and how deep the listener. They part where the listener did not go in. */
  let depth = 0
  let heard = 0
  let namespace = ''
  let text: string | null | undefined = null
  let isWhole = true
  let pieces = 0

  const stop = (): never => {
    isWhole = false
    // Depth is what costs the parser time (it looks for a namespace from level to level), so it must not go on.
    throw new Stopped()
  }
  const count = (cost: number) => {
    pieces += cost
    if (pieces > MAX_ELEMENTS) stop()
  }
  const hear = (piece: string) => {
    if (heard > 0 && depth === heard && text !== undefined) text = (text ?? '') + piece
  }
  parser.on('error', stop)
  parser.on('text', hear)
  parser.on('cdata', piece => {
    count(1)
    hear(piece)
  })
  parser.on('attribute', () => count(ATTRIBUTE))
  parser.on('opentag', ({ local, uri }) => {
    count(1)
    if (depth === 0) namespace = uri
    if (depth === MAX_DEPTH) stop()
    if (depth === heard) {
      text = undefined
      if (depth === 0 || listener.enter(uri === namespace ? local : undefined)) {
        heard++
        text = null
      }
    }
    depth++
  })
  parser.on('closetag', () => {
    if (depth === heard) {
      if (depth > 1) listener.leave(text)
      heard--
      text = undefined
    }
    depth--
  })
  try {
    parser.write(document).close()
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
  }
  return isWhole
}

class Stopped extends Error {}

function countsOver(document: string, mark: string, max: number): boolean {
  let count = 0
  for (let at = document.indexOf(mark); at !== -1; at = document.indexOf(mark, at + 1)) {
    if (++count > max) return true
  }
  return false
}
