/** JSON of the OAuth host, read for a few fields. Never throws, whatever the bytes are. */

export type Fields = Readonly<Record<string, unknown>>

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The object that the body is; `undefined` where it is none, or larger than `maxBytes`. */
export function fieldsOf(body: Buffer, maxBytes: number): Fields | undefined {
  return body.length > maxBytes ? undefined : fieldsIn(body.toString('utf8'))
}

export function fieldsIn(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A GUID of 36 characters, in lower case: users, accounts and integration keys are such (facts 4, 5). */
export function guidIn(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.toLowerCase() : ''
  return GUID.test(text) ? text : undefined
}
