/** The answer that a copy or a twin gives in DocuSign's place, ready to be written. */
import type { Readable } from 'node:stream'
import { COLLAPSED, hit, staleHit } from './cache-status.js'
import type { Copy, Opened } from './copy.js'
import type { Shared } from './fetch.js'
import type { Question } from './question.js'
import { replay } from './replay.js'

export interface Reply {
  readonly status: number
  /** Raw pairs, `Content-Length` among them where there is one. */
  readonly lines: readonly string[]
  /** `undefined`: none is sent. */
  readonly body: Buffer | Readable | undefined
  /** The parameters of `Cache-Status`. */
  readonly how: string
}

/** @param ttlMs how long the copy may still answer; less than 0: how far it is past its age */
export function remembered(
  { call, headers }: Question,
  copy: Copy,
  opened: Opened,
  ttlMs: number,
  nowMs: number,
): Reply {
  const { head } = opened
  const { status, lines, range, hasBody } = replay(
    { lines: head.lines, bytes: copy.bytes, etag: head.etag, ageMs: nowMs - copy.answeredMs },
    call.method,
    headers,
  )
  const how = ttlMs < 0 ? staleHit(-ttlMs) : hit(ttlMs)
  // HTTP counts the last byte in.
  const part = range && { start: range.start, end: range.end + 1 }
  if (opened.kind === 'stream') {
    if (!hasBody) opened.source.close()
    return { status, lines, body: hasBody ? opened.source.body(part) : undefined, how }
  }
  const bytes = part ? opened.body.subarray(part.start, part.end) : opened.body
  return { status, lines, body: hasBody ? bytes : undefined, how }
}

/** As it came to the one who led, but for what was only his: those lines were not kept. */
export function shared({ status, lines, body }: Extract<Shared, { kind: 'shared' }>): Reply {
  const told: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string
    if (!OF_THE_LEADER.test(name)) told.push(name, lines[i + 1] as string)
  }
  told.push('Content-Length', String(body.length))
  return { status, lines: told, body, how: COLLAPSED }
}

const OF_THE_LEADER =
  /^(?:content-length|x-docusign-tracetoken|x-docusign-timetrack|x-ratelimit-.*|x-burstlimit-.*|x-governor-.*|cache-status|age)$/i
