/** What DocuSign calls an operation: `GetEnvelope` for `GET /v2.1/accounts/{accountId}/envelopes/{envelopeId}`. */
export type NameOperation = (method: string, route: string) => string | undefined

/** Reads the route table: METHOD, template, operationId (`Envelopes_GetEnvelope`), tag. */
export function makeOperations(table: string): NameOperation {
  const names = new Map<string, string>()
  for (const line of table.split('\n')) {
    const [method, template, operation] = line.split('\t')
    if (method !== undefined && template !== undefined && operation !== undefined)
      names.set(`${method} ${template}`, operation.slice(operation.indexOf('_') + 1))
  }
  return (method, route) => names.get(`${method} ${route}`)
}
