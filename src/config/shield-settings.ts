/** The settings of the shield: which calls need not be made, and who may be answered from a copy. */
import { file, flag, key, oneOf, seconds, whole } from './kinds.js'
import { leaf, optional, type Table } from './shape.js'

const DAY_SECONDS = 86_400
const YEAR_SECONDS = 365 * DAY_SECONDS
/** More than any machine gives one process. */
const MOST_BYTES = 2 ** 40
/** The default, a sixteenth of the cache's: one large document does not drive everything else out. */
export const USUAL_ENTRY_BYTES = 16_777_216

export const SHIELD = {
  'polling.interval': leaf(
    seconds(0, DAY_SECONDS),
    900,
    'one GET of each app for each resource of an envelope goes up in this time; 0: as many as there are',
  ),
  'polling.mode': leaf(
    oneOf(['enforce', 'observe']),
    'enforce',
    'whether that is kept, or (observe) only counted: a GET inside the interval passes',
  ),
  'polling.withoutCopy': leaf(
    oneOf(['refuse', 'pass']),
    'refuse',
    'what becomes of a GET inside the interval whose caller may see no copy: refused with the time that is left, or passed and counted',
  ),
  'polling.lists': leaf(flag(), false, 'take identical list queries (GET /envelopes?…) for polls too'),
  'cache.enabled': leaf(flag(), true, 'whether copies of answers are kept'),
  'cache.terminalMaxAge': leaf(
    seconds(0, YEAR_SECONDS),
    DAY_SECONDS,
    'how long a copy of a completed, declined or voided envelope may answer',
  ),
  'cache.maxBytes': leaf(
    whole('bytes', 1, MOST_BYTES),
    268_435_456,
    'what copies may take, a quarter of it for those on their way in',
  ),
  'cache.maxEntryBytes': leaf(
    whole('bytes', 1, MOST_BYTES),
    USUAL_ENTRY_BYTES,
    'the largest body of which a copy is kept; never more than cache.maxBytes',
  ),
  'cache.staleIfError': leaf(
    seconds(0, YEAR_SECONDS),
    0,
    'how far past its age such a copy may still answer while DocuSign blocks or is down',
  ),
  'cache.encryptionKey': optional(
    key(32),
    'with a key, copies are kept in state.path too (AES-256-GCM) and outlive a restart; none: in memory only; read at start only',
  ),
  'cache.encryptionKeyFile': optional(
    file(),
    'file that holds the key, in the place of cache.encryptionKey; read at start only',
  ),
  'cache.share': leaf(
    oneOf(['viewer', 'account']),
    'viewer',
    'who may be answered from a copy: the viewer it was fetched for, or every token that DocuSign has accepted on the account',
  ),
  'identity.introspect': leaf(
    flag(),
    true,
    'learn whose a new token is by one /oauth/userinfo call, so that the copies of a user survive his token',
  ),
  'identity.recheck': leaf(
    seconds(0, DAY_SECONDS),
    300,
    "how long DocuSign's acceptance of a token is believed; after it a copy answers only once the token was accepted again",
  ),
} as const satisfies Table
