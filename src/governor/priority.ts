/** Which calls go first where an account has not enough for all. */
import type { Call, Priority } from '../base/types.js'

export type { Priority } from '../base/types.js'

/** What the settings say of an app; `undefined` is "not set". */
export interface AppPriority {
  readonly priority: Priority | undefined
  readonly maxPriority: Priority | undefined
}

const RANK: Record<Priority, number> = { low: 0, normal: 1, high: 2 }

/**
 * An app with a priority of its own has exactly that, whatever it calls; any other call goes by its route. The caller
 * may lower that with `X-Governor-Priority`, and raise it up to the app's `maxPriority` (without one: not at all).
 *
 * @param asked the header; a value that is none of the three words changes nothing, because a call that is otherwise
 * fine must not fail over a hint
 */
export function priorityOf(call: Call, app: AppPriority | undefined, asked: string | undefined): Priority {
  const own = app?.priority ?? routePriority(call)
  const wanted = asked === undefined ? undefined : readPriority(asked)
  if (wanted === undefined) return own
  return lower(wanted, higher(own, app?.maxPriority ?? own))
}

/** One of the three words, in any case. */
export function readPriority(text: string): Priority | undefined {
  switch (text.trim().toLowerCase()) {
    case 'high':
      return 'high'
    case 'normal':
      return 'normal'
    case 'low':
      return 'low'
    default:
      return undefined
  }
}

/**
 * By what a call is for. Writes are high: sending, signing, correcting and the views that open them are done while
 * somebody waits. Reads are normal. Low is what programs do by themselves and in masses: bulk sending, lists, asking
 * for many statuses at once, documents and their page images.
 */
export function routePriority({ route, methodClass }: Call): Priority {
  if (route.includes('/bulk_') || methodClass === 'query') return 'low'
  if (methodClass === 'write') return 'high'
  return isList(route) || isDocument(route) ? 'low' : 'normal'
}

const ACCOUNT = '/v2.1/accounts/{accountId}/'

/**
 * One thing has its id in the path; an account's path without a further id asks for all of a kind, as do the folders'.
 * The few that are one thing all the same (settings, the watermark) are read when an app starts.
 */
function isList(route: string): boolean {
  if (!route.startsWith(ACCOUNT)) return false
  const id = route.indexOf('{', ACCOUNT.length)
  return id === -1 || route.endsWith('/folders/{folderId}') || route.endsWith('/{searchFolderId}')
}

function isDocument(route: string): boolean {
  return route.endsWith('/documents/{documentId}') || route.endsWith('/page_image')
}

function lower(a: Priority, b: Priority): Priority {
  return RANK[a] < RANK[b] ? a : b
}

function higher(a: Priority, b: Priority): Priority {
  return RANK[a] > RANK[b] ? a : b
}
