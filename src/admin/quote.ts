import type { Priority } from '../base/types.js'
import { fault, json, type Answer } from './answer.js'
import { accountKey, isJson, NOT_JSON, readObject } from './asked.js'
import { moment } from './status.js'

export interface QuoteAsk {
  /** The account's number or GUID, lower case. */
  readonly account: string
  readonly calls: number
  readonly priority: Priority
}

/** When so many calls could be done, in milliseconds from now, and what may be sent in this hour. */
export interface Quoted {
  readonly startMs: number
  readonly finishMs: number
  readonly remaining: number
}

const MAX_CALLS = 1_000_000
const FIELDS: ReadonlySet<string> = new Set(['account', 'calls', 'priority'])

/** The answer to `POST /quote`: 400 or 415 with what is wrong in words, none of them the sender's. */
export function answerQuote(
  contentType: string | undefined,
  body: Buffer,
  quote: (ask: QuoteAsk) => Quoted,
  wallMs: number,
): Answer {
  if (!isJson(contentType)) return NOT_JSON
  const ask = readAsk(body)
  if (typeof ask === 'string') return fault(400, 'GOVERNOR_BAD_REQUEST', ask)
  const { startMs, finishMs, remaining } = quote(ask)
  return json(200, {
    startAt: moment(wallMs + startMs),
    finishAt: moment(wallMs + finishMs),
    seconds: Math.round(finishMs) / 1000,
    remaining,
  })
}

/** What is asked, or what is wrong with it. */
function readAsk(body: Buffer): QuoteAsk | string {
  const fields = readObject(body)
  if (!fields) return 'The body is no JSON object. It looks like {"account":"12345678","calls":500}.'
  if (Object.keys(fields).some(name => !FIELDS.has(name))) {
    return 'The body has a field that is unknown here. There are account, calls and priority.'
  }
  const { account, calls, priority = 'normal' } = fields
  const key = accountKey(account)
  if (key === undefined) return '"account" must be the number or the GUID of an account, as a string.'
  if (typeof calls !== 'number' || !Number.isInteger(calls) || calls < 1 || calls > MAX_CALLS) {
    return `"calls" must be a whole number from 1 to ${MAX_CALLS}.`
  }
  if (!isPriority(priority)) return '"priority" must be one of "high", "normal" and "low".'
  return { account: key, calls, priority }
}

function isPriority(value: unknown): value is Priority {
  return value === 'high' || value === 'normal' || value === 'low'
}
