/**
 * HAR 1.2, entry by entry: a recording may be larger than memory, or have been cut off, and what came before that is good.
 * So the document is not parsed; its entries are cut out of it, and each is.
 */
import { fault, millisOf, OTHER, type ReadEntry } from './entry.js'

const MAX_ENTRY_CHARS = 64 * 1024 * 1024

/** An entry's text, and the line on which it began. */
export interface HarEntry {
  /** `undefined`: it is too long, or was cut off. */
  readonly text: string | undefined
  readonly line: number
}

/** Takes the document in pieces, and hands out its entries as they end. */
export function makeHarCutter() {
  let depth = 0
  let isInString = false
  let isEscaped = false
  /** The last string that ended, for it may be a name; long ones are no names. */
  let name = ''
  let isNamed = false
  /** Of the list of entries; 0 outside of it. */
  let listDepth = 0
  let line = 1
  let entry: { text: string; readonly line: number; isLong: boolean } | undefined

  return {
    take(piece: string): readonly HarEntry[] {
      const found: HarEntry[] = []
      let from = 0
      for (let i = 0; i < piece.length; i++) {
        const char = piece[i] as string
        if (char === '\n') line++
        if (isInString) {
          if (isEscaped) isEscaped = false
          else if (char === '\\') isEscaped = true
          else if (char === '"') isInString = false
          else if (name.length < NAME.length + 1) name += char
          continue
        }
        if (char === '"') {
          isInString = true
          name = ''
          isNamed = false
        } else if (char === ':') isNamed = name === NAME
        else if (char === '[' || char === '{') {
          if (char === '[' && isNamed && listDepth === 0) listDepth = depth + 1
          else if (char === '{' && listDepth > 0 && depth === listDepth) {
            entry = { text: '', line, isLong: false }
            from = i
          }
          depth++
          isNamed = false
        } else if (char === ']' || char === '}') {
          depth--
          if (entry && depth === listDepth) {
            const text = entry.isLong ? undefined : entry.text + piece.slice(from, i + 1)
            found.push({ text, line: entry.line })
            entry = undefined
          } else if (depth < listDepth) listDepth = 0
        }
      }
      if (entry) {
        entry.isLong ||= entry.text.length + piece.length > MAX_ENTRY_CHARS
        entry.text = entry.isLong ? '' : entry.text + piece.slice(from)
      }
      return found
    },
    /** The document ends. @returns the entry that it ends in */
    end: (): HarEntry | undefined => entry && { text: undefined, line: entry.line },
  }
}

const NAME = 'entries'

/** @param text of one of `log.entries` */
export function readHarEntry(text: string | undefined): ReadEntry {
  let entry: unknown
  try {
    entry = JSON.parse(text ?? '')
  } catch {
    return fault('begins an entry that is damaged, cut off, or too long')
  }
  const request = within(entry, 'request')
  const response = within(entry, 'response')
  const [method, url] = [within(request, 'method'), within(request, 'url')]
  const atMs = Date.parse(textOf(within(entry, 'startedDateTime')))
  if (typeof method !== 'string' || typeof url !== 'string' || Number.isNaN(atMs))
    return fault('begins an entry without method, URL or time')
  if (!/^https?:\/\//i.test(url)) return OTHER
  const status = numberOf(within(response, 'status'))
  const timings = within(entry, 'timings')
  return {
    kind: 'request',
    atMs,
    method,
    target: url,
    // 0: the browser was told nothing.
    status: status !== undefined && status >= 100 && status <= 599 ? status : undefined,
    bytes: numberOf(within(within(response, 'content'), 'size')) ?? numberOf(within(response, 'bodySize')),
    durationMs: rounded(numberOf(within(entry, 'time'))),
    upstreamMs: rounded(numberOf(within(timings, 'wait'))),
    viewer: undefined,
    app: undefined,
  }
}

function within(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** -1 is HAR's "does not apply". */
function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : millisOf(ms / 1000)
}
