/** The operations of the eSignature API: the only source of route labels, because labels come from closed sets. */
import FindMyWay from 'find-my-way'

/** Names a resource's operation by its template; `other` when DocuSign's table has none like it. */
export type NameRoute = (resource: string) => string

const OAUTH = ['/oauth/auth', '/oauth/token', '/oauth/userinfo', '/oauth/logout']

/**
 * Reads the route table (`config/docusign-routes.tsv`: METHOD, template without `/restapi`, operationId, tag).
 * The template is the same for every method of a path, so HEAD, or a method DocuSign would refuse, is labelled alike.
 *
 * @throws when a line is not of that form: the table is part of the product, not of the settings.
 */
export function makeRoutes(table: string): NameRoute {
  const router = FindMyWay({ maxParamLength: 256 })
  const shapes = new Set<string>()
  const add = (path: string, template: string) => {
    const shape = path.replace(/\{[^}]+\}/g, '*')
    if (shapes.has(shape)) return
    shapes.add(shape)
    // Resource keys are lower case already, so the router need not fold each one again.
    router.on('GET', path.replace(/\{([^}]+)\}/g, ':$1').toLowerCase(), () => undefined, { template })
  }
  for (const line of table.split('\n')) {
    if (line.trim() === '') continue
    const template = line.split('\t')[1]
    if (!template?.startsWith('/')) throw new Error(`not a line of the route table: ${line}`)
    add(`/restapi${template}`, template)
  }
  for (const path of OAUTH) add(path, path)

  return resource => {
    const found = router.find('GET', resource)
    return found ? (found.store as { template: string }).template : 'other'
  }
}
