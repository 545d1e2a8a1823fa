/** What an import has read, and what the log did not tell, for a person. */
import type { ImportTally } from './import.js'
import { USUAL_BYTES, USUAL_MS } from './translate.js'

export function importSummary(tally: ImportTally): string {
  const { lines, calls, others, faults, fromMs, toMs, filled } = tally
  const read = [
    `${many(lines, 'line')} read: ${many(calls, 'call')} to DocuSign`,
    `${many(others, 'other line')}, ${many(faults, 'damaged one')}`,
  ].join(', ')
  if (calls === 0) return `${read}.\n`
  const span = `From ${timeOf(fromMs)} to ${timeOf(toMs)}.`
  const assumed: [what: string, how: string][] = []
  const fill = (count: number, what: string, how: string) => {
    if (count > 0) assumed.push([what, count === calls ? how : `${how} (${many(count, 'call')})`])
  }
  fill(filled.viewer, 'who asks', 'one viewer for each app and account')
  fill(filled.wholeTime, "DocuSign's time", 'all the time that the request took')
  fill(filled.time, "DocuSign's time", `${USUAL_MS} ms`)
  fill(filled.bytes, 'size of the answer', `${USUAL_BYTES} bytes`)
  fill(
    filled.envelope,
    'which envelope',
    'the one read last where the call was spared or came too soon, else one of its own',
  )
  fill(calls, 'end of an envelope', 'not known: what copies of ended envelopes save comes on top')
  fill(calls, 'headers', 'none that forbid a copy; equal URLs are equal questions')
  fill(calls, "others' calls", 'none: nobody spends from the same accounts past this log')
  const width = Math.max(...assumed.map(([what]) => what.length))
  const filledIn = assumed.map(([what, how]) => `  ${what.padEnd(width)}  ${how}\n`).join('')
  return `${read}.\n${span}\nWhat the log does not tell was taken for this:\n${filledIn}`
}

function many(n: number, what: string): string {
  return `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ').concat(' UTC')
}
