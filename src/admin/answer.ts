import { STATUS_CODES, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
  readonly headers?: OutgoingHttpHeaders
}

/** On every answer: nothing of this port is kept, guessed at, framed, embedded or told to another site. */
export const GUARD = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
} as const

export function json(status: number, value: unknown, headers?: OutgoingHttpHeaders): Answer {
  return {
    status,
    contentType: 'application/json; charset=utf-8',
    body: `${JSON.stringify(value)}\n`,
    ...(headers && { headers }),
  }
}

/** An error in the shape DocuSign's clients know. */
export function fault(
  status: number,
  errorCode: string,
  message: string,
  headers?: OutgoingHttpHeaders,
): Answer {
  return json(status, { errorCode, message }, headers)
}

/** `last` closes the connection behind the answer: what the client still sends is not worth reading. */
export function send(res: ServerResponse, answer: Answer, last: boolean): void {
  res.writeHead(answer.status, {
    ...GUARD,
    'Content-Type': answer.contentType,
    'Content-Length': Buffer.byteLength(answer.body),
    ...answer.headers,
    ...(last && { Connection: 'close' }),
  })
  res.end(answer.body)
}

/** The same as bytes, for a connection on which no request could be read. */
export function toBytes(answer: Answer): string {
  const headers = Object.entries({
    ...GUARD,
    'Content-Type': answer.contentType,
    'Content-Length': Buffer.byteLength(answer.body),
    Connection: 'close',
  })
  const head = [`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}`, ...headers.map(h => h.join(': '))]
  return `${head.join('\r\n')}\r\n\r\n${answer.body.toString()}`
}
