/** What the questions that come with a body have in common: one JSON object, and how accounts and envelopes are named in it. */
import { fault } from './answer.js'

const JSON_TYPE = /^application\/json *(?:;|$)/i
const NUMBER = /^\d{1,18}$/
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const NOT_JSON = fault(415, 'GOVERNOR_NOT_JSON', 'Send the header Content-Type: application/json.')

/** No web page can send this type to another origin without asking first. */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && JSON_TYPE.test(contentType)
}

export function readObject(body: Buffer): Partial<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The number or the GUID of an account as a key, lower case. */
export function accountKey(value: unknown): string | undefined {
  return typeof value === 'string' && NUMBER.test(value) ? value : guidKey(value)
}

/** A GUID of 36 characters as a key, lower case. */
export function guidKey(value: unknown): string | undefined {
  const key = typeof value === 'string' ? value.toLowerCase() : ''
  return GUID.test(key) ? key : undefined
}
