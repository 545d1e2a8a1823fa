import { folder, whole } from './kinds.js'
import { leaf, optional, type Table } from './shape.js'

/** Less would be closed and packed every few hundred calls. */
const LEAST_BYTES = 1024 * 1024
const MOST_BYTES = 2 ** 40

/** What `plan` is fed with. */
export const TRACE = {
  'trace.path': optional(
    folder(),
    'where a line for every call is written, without names, tokens or content, for plan to replay; none: nowhere; one folder for each governor; read at start only',
  ),
  'trace.maxBytes': leaf(
    whole('bytes', LEAST_BYTES, MOST_BYTES),
    1_073_741_824,
    'what its files may take; beyond it the oldest are deleted; read at start only',
  ),
} as const satisfies Table
