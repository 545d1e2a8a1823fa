/** What a client sent, as far as JSON goes: nothing in it is known to be anything. */
export type Given = Readonly<Record<string, unknown>>

/** The value if it is a JSON object. */
export function asGiven(value: unknown): Given | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Given) : undefined
}

/** DocuSign writes numbers and booleans as strings, and takes both (facts 6.1). */
export function textOf(given: Given, key: string): string | undefined {
  const value = given[key]
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** The objects of a list; anything else in it is left out. */
export function listOf(given: Given, key: string): Given[] {
  const value: unknown = given[key]
  const items: unknown[] = Array.isArray(value) ? value : []
  return items.map(asGiven).filter(item => item !== undefined)
}

/** The texts of a list. */
export function textsOf(given: Given, key: string): string[] {
  const value: unknown = given[key]
  const items: unknown[] = Array.isArray(value) ? value : []
  return items.filter(item => typeof item === 'string')
}
