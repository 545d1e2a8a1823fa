/** An access log → a trace. What a log does not tell is filled in, always alike, and said. */
import { traceLine, type TraceRecord } from '../base/trace.js'
import { linesOf, piecesOf, type LinesParts } from './lines.js'
import { FORMATS, guessFormat, type Format } from './logs/formats.js'
import { makeHarCutter, readHarEntry } from './logs/har.js'
import { makeTranslate, type Filled, type TranslateParts } from './translate.js'

export interface ImportParts extends TranslateParts, Pick<LinesParts, 'onBytes'> {
  /** What cannot be used; a line from 1. */
  readonly onFault: (line: number, message: string) => void
}

/** What was read, and what had to be filled in, in calls. */
export interface ImportTally {
  lines: number
  calls: number
  /** Lines that are no calls of DocuSign's API. */
  others: number
  faults: number
  /** Epoch milliseconds. */
  fromMs: number
  toMs: number
  readonly filled: Filled
}

export function newTally(): ImportTally {
  const filled = { viewer: 0, time: 0, wholeTime: 0, bytes: 0, envelope: 0 }
  return { lines: 0, calls: 0, others: 0, faults: 0, fromMs: Infinity, toMs: -Infinity, filled }
}

/**
 * @param format `undefined`: it is guessed from the beginning
 * @returns lines of a trace, some at a time; `undefined` once, where nothing at the beginning has a known form
 */
export async function* importLog(
  source: AsyncIterable<Uint8Array>,
  format: Format | undefined,
  parts: ImportParts,
  tally: ImportTally,
): AsyncGenerator<string | undefined> {
  const translate = makeTranslate(parts, tally.filled)
  const bad = (line: number, message: string) => {
    tally.faults++
    parts.onFault(line, message)
  }
  let broken = ''
  const onBroken = (message: string) => void (broken = message)
  const pieces = piecesOf(source, { onBroken, onBytes: parts.onBytes })
  let head = ''
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    head += next.value
    if (head.includes('\n') || head.length > HEAD_CHARS) break
  }
  const known = format ?? guessFormat(head)
  if (!known) {
    if (broken === '') yield undefined
    else bad(1, broken)
    return
  }

  let number = 0
  const take = (read: ReturnType<Format['read']>, line: number): string => {
    if (read.kind === 'fault') bad(line, read.message)
    else if (read.kind === 'other') tally.others++
    else {
      const made = translate(read)
      if (typeof made === 'string') bad(line, made)
      else if (made === undefined) tally.others++
      else return counted(made, tally)
    }
    return ''
  }
  if (known === FORMATS.har) {
    const cutter = makeHarCutter()
    for await (const piece of chained(head, pieces)) {
      const found = cutter.take(piece)
      tally.lines += found.length
      yield found.map(({ text, line }) => take(readHarEntry(text), line)).join('')
    }
    const last = cutter.end()
    if (last) bad(last.line, 'begins an entry that is cut off')
  } else {
    for await (const lines of linesOf(chained(head, pieces))) {
      tally.lines += lines.length
      yield lines
        .map(text => {
          number++
          if (text === undefined) bad(number, 'is longer than any line of a log')
          return text === undefined || text.trim() === '' ? '' : take(known.read(text), number)
        })
        .join('')
    }
  }
  if (broken !== '') bad(number, broken)
}

const HEAD_CHARS = 1024 * 1024

async function* chained(head: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield head
  yield* rest
}

function counted(record: TraceRecord, tally: ImportTally): string {
  tally.calls++
  tally.fromMs = Math.min(tally.fromMs, record.atMs)
  tally.toMs = Math.max(tally.toMs, record.atMs)
  return traceLine(record)
}
