import type { Router } from '../router.js'
import { makeRouter } from '../router.js'
import type { Operation } from '../world.js'
import { ACCOUNT_OPERATIONS } from './account.js'
import { CUSTOM_FIELD_OPERATIONS } from './custom-fields.js'
import { DIAGNOSTIC_OPERATIONS } from './diagnostics.js'
import { DOCUMENT_OPERATIONS } from './documents.js'
import { ENVELOPE_OPERATIONS } from './envelopes.js'
import { FOLDER_OPERATIONS } from './folders.js'
import { HISTORY_OPERATIONS } from './history.js'
import { LIST_OPERATIONS } from './lists.js'
import { RECIPIENT_OPERATIONS } from './recipients.js'
import { TEMPLATE_OPERATIONS } from './templates.js'
import { VIEW_OPERATIONS } from './views.js'

/** Method, path template below `/restapi`, DocuSign's name of the operation, and what it does. */
export type Row = readonly [method: string, route: string, name: string, operation: Operation]

export interface Named {
  readonly name: string
  readonly operation: Operation
}

/** Every REST operation the simulator knows. */
export function makeRoutes(): Router<Named> {
  const router = makeRouter<Named>()
  const rows = [
    ...ACCOUNT_OPERATIONS,
    ...LIST_OPERATIONS,
    ...ENVELOPE_OPERATIONS,
    ...RECIPIENT_OPERATIONS,
    ...DOCUMENT_OPERATIONS,
    ...CUSTOM_FIELD_OPERATIONS,
    ...HISTORY_OPERATIONS,
    ...VIEW_OPERATIONS,
    ...TEMPLATE_OPERATIONS,
    ...FOLDER_OPERATIONS,
    ...DIAGNOSTIC_OPERATIONS,
  ]
  for (const [method, route, name, operation] of rows) router.add(method, route, { name, operation })
  return router
}
