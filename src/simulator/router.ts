export interface Match<T> {
  /** The template, as it was registered: the label of the route. */
  readonly route: string
  readonly target: T
  readonly params: Readonly<Record<string, string>>
}

export interface Router<T> {
  /** `route` may hold parameters, as in `/accounts/{accountId}`. */
  add(method: string, route: string, target: T): void
  find(method: string, path: string): Match<T> | undefined
}

interface Node<T> {
  readonly words: Map<string, Node<T>>
  parameter: { readonly name: string; readonly node: Node<T> } | undefined
  readonly methods: Map<string, { readonly route: string; readonly target: T }>
}

const makeNode = <T>(): Node<T> => ({ words: new Map(), parameter: undefined, methods: new Map() })

/** Finds what stands at a path. A word beats a parameter; case and a trailing slash make no other resource. */
export function makeRouter<T>(): Router<T> {
  const root = makeNode<T>()
  return {
    add(method: string, route: string, target: T): void {
      let node = root
      for (const segment of segmentsOf(route)) node = step(node, segment)
      node.methods.set(method, { route, target })
    },
    find(method: string, path: string): Match<T> | undefined {
      const segments = segmentsOf(path)
      const params: Record<string, string> = {}
      const node = walk(root, segments, 0, params)
      const found = node?.methods.get(method) ?? (method === 'HEAD' ? node?.methods.get('GET') : undefined)
      return found && { ...found, params }
    },
  }
}

const segmentsOf = (path: string): string[] => path.split('/').filter(segment => segment !== '')

function step<T>(node: Node<T>, segment: string): Node<T> {
  if (segment.startsWith('{')) {
    node.parameter ??= { name: segment.slice(1, -1), node: makeNode() }
    return node.parameter.node
  }
  const word = segment.toLowerCase()
  const next = node.words.get(word) ?? makeNode<T>()
  node.words.set(word, next)
  return next
}

function walk<T>(
  node: Node<T>,
  segments: readonly string[],
  at: number,
  params: Record<string, string>,
): Node<T> | undefined {
  const segment = segments[at]
  if (segment === undefined) return node.methods.size > 0 ? node : undefined
  const word = node.words.get(segment.toLowerCase())
  const byWord = word && walk(word, segments, at + 1, params)
  if (byWord || !node.parameter) return byWord
  const byParameter = walk(node.parameter.node, segments, at + 1, params)
  if (byParameter) params[node.parameter.name] = segment
  return byParameter
}
