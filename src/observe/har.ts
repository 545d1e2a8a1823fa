/** Recorded calls as others read them: as DocuSign's own request log has them (facts 8), and as HAR 1.2. */
import { STATUS_CODES } from 'node:http'
import type { Kept, Recorded } from './recording.js'

/** `03_Created_PostEnvelopes.txt`: the name of a call's file, as DocuSign names it. */
export function fileNameOf(
  recorded: Recorded,
  n: number,
  digits: number,
  operation: string | undefined,
): string {
  return `${String(n).padStart(digits, '0')}_${statusName(recorded.status)}_${operation ?? 'Unknown'}.txt`
}

export function textOf(recorded: Recorded): string {
  const { method, requestHeaders, requestBody, status, answerHeaders, answerBody } = recorded
  const head = [`Timestamp: ${timeOf(recorded.atMs)}`, `Duration: ${Math.round(recorded.durationMs)} ms`]
  if (recorded.traceToken !== undefined) head.unshift(`TraceToken: ${recorded.traceToken}`)
  const answer =
    status === undefined ? 'no answer reached the client' : `${status} ${STATUS_CODES[status] ?? ''}`
  const parts = [
    head.join('\n'),
    `${method} ${urlOf(recorded)}\n${linesOf(requestHeaders)}`,
    bodyOf(requestBody),
    '-'.repeat(60),
    answer.trimEnd(),
    linesOf(answerHeaders),
    bodyOf(answerBody),
  ]
  return `${parts.filter(part => part !== '').join('\n\n')}\n`
}

/** One element of a HAR's `log.entries`. */
export function harEntryOf(recorded: Recorded): unknown {
  const { method, status = 0, requestBody, answerBody, waitMs, durationMs } = recorded
  const url = urlOf(recorded)
  return {
    startedDateTime: timeOf(recorded.atMs),
    time: durationMs,
    request: {
      method,
      url,
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: recorded.requestHeaders.map(([name, value]) => ({ name, value })),
      queryString: queryOf(url),
      ...(requestBody.bytes > 0 && {
        postData: { mimeType: requestBody.type, text: requestBody.text ?? '', comment: requestBody.note },
      }),
      headersSize: -1,
      bodySize: requestBody.bytes,
    },
    response: {
      status,
      statusText: STATUS_CODES[status] ?? '',
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: recorded.answerHeaders.map(([name, value]) => ({ name, value })),
      content: {
        size: answerBody.bytes,
        mimeType: answerBody.type,
        ...(answerBody.text !== undefined && { text: answerBody.text }),
        comment: answerBody.note,
      },
      redirectURL: '',
      headersSize: -1,
      bodySize: answerBody.bytes,
    },
    cache: {},
    timings: { send: 0, wait: waitMs, receive: Math.max(0, durationMs - waitMs) },
  }
}

/** What stands before and after the entries. */
export function harEnds(version: string): readonly [before: string, after: string] {
  const creator = { name: 'docusign-governor', version }
  return [`{"log":{"version":"1.2","creator":${JSON.stringify(creator)},"pages":[],"entries":[\n`, '\n]}}\n']
}

/** As .NET, and so DocuSign, spells it: `OK`, `BadRequest`, `TooManyRequests`. */
function statusName(status: number | undefined): string {
  if (status === undefined) return 'NoAnswer'
  return STATUS_CODES[status]?.replace(/[^A-Za-z]/g, '') ?? String(status)
}

function urlOf({ requestHeaders, target }: Recorded): string {
  const host = requestHeaders.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? 'localhost'
  return target.startsWith('/') ? `http://${host}${target}` : target
}

function queryOf(url: string): { name: string; value: string }[] {
  if (!URL.canParse(url)) return []
  return [...new URL(url).searchParams].map(([name, value]) => ({ name, value }))
}

function linesOf(headers: readonly [string, string][]): string {
  return headers.map(([name, value]) => `${name}: ${value}`).join('\n')
}

function bodyOf({ text, note, bytes, type }: Kept): string {
  if (bytes === 0) return ''
  const said = note === '' ? '' : `[${[type, `${bytes} bytes`, note].filter(Boolean).join(', ')}]`
  return [text ?? '', said].filter(Boolean).join('\n')
}

function timeOf(wallMs: number): string {
  return new Date(wallMs).toISOString()
}
