/** DocuSign's errors in words that say what to do, and how often each app met them. */
import type { Clock } from '../base/clock.js'
import { makeStore } from '../base/store.js'
import type { Hint, Seen } from '../base/types.js'
import { shownAppName } from './labels.js'
import { Rolling } from './rolling.js'

export interface Hints {
  seen(seen: Seen): void
  /** Of the last 24 hours; what was met last comes first. */
  met(): readonly Met[]
}

export interface Met {
  readonly hint: Hint
  readonly app: string
  readonly calls: number
  /** Epoch milliseconds. */
  readonly lastMs: number
  readonly meaning: string
}

const MEANINGS: Readonly<Record<Hint, string>> = {
  'hour-limit':
    'The calls of this hour are spent, by all apps of the account together. Nothing goes up until X-RateLimit-Reset.',
  'burst-limit':
    'Too many calls of the account in 30 seconds. Spread them; the governor does so in limits.mode enforce.',
  'envelope-polling-limit':
    'Too many GETs of one envelope and what is below it. Use Connect, or ask for many at once with PUT …/envelopes/status.',
  'envelope-update-limit':
    'Too many PUTs of one envelope. Use advanced_update=true to change several things in one call.',
  'download-limit':
    'Too many downloads of one document are in progress, by all apps together. Let them end, and keep what came.',
  'recipient-limit':
    'The account may not add more recipients now. No waiting of the governor mends it: see the account’s plan.',
  'envelope-send-limit':
    'The account may not send more envelopes now. No waiting of the governor mends it: see the account’s plan.',
  'freeform-signing':
    'A signer has no signature tab, and the account’s settings (Document Visibility, for one) forbid signing without. ' +
    'Place one for each signer; on templates, roleName and routingOrder must match exactly.',
  'duplicate-recipients':
    'Two recipients have one name, e-mail and routing order. With templates: roleName and routingOrder must match the ' +
    'template’s, else a second recipient is made.',
  'token-not-accepted':
    'DocuSign does not take this access token: it has expired, was revoked, is cut short, or is of the other environment ' +
    '(demo or production, see upstream.environment). Get a new one before it ends.',
  'integration-key-not-found':
    'The integration key is unknown or disabled here, or it is of demo and has not gone live. Legacy header ' +
    'authentication (X-DocuSign-Authentication) says it for a wrong key, too.',
  'not-a-member':
    'The user behind the token is no member of the account in the path. Take the account from his own /oauth/userinfo.',
  'envelope-not-found':
    'There is no such envelope in this account, or the user has no rights to it: DocuSign says the same of both. Look at ' +
    'the account in the path, and at what is shared with the user.',
  'envelope-of-others':
    'The envelope was made in another account, or its recipient is no embedded one: a recipient view needs the ' +
    'clientUserId that the recipient was given.',
  'consent-required':
    'The user has not consented to this integration key. Send him to /oauth/auth with scope "signature impersonation" once, ' +
    'or let an administrator consent for the organization.',
  'grant-user-not-found':
    'The "sub" of the assertion is no user of this environment. Is it a user’s GUID, and of demo or production?',
  'grant-invalid-subject':
    'The "sub" of the assertion is missing or is no GUID. It must be the user’s API id, not an e-mail.',
  'grant-issuer-not-found': 'The "iss" of the assertion is no integration key of this environment.',
  'grant-no-valid-keys':
    'The signature was not accepted: another private key, no "exp", a "nbf" in the future, or an "aud" with https:// or a slash. ' +
    '"aud" is account-d.docusign.com or account.docusign.com.',
  'grant-expired':
    'The assertion or code is too old. Make a new one for each token, and look at this machine’s clock.',
  'grant-invalid':
    'The grant was not accepted. A code or refresh token works once; a refresh answers with a new one to keep.',
  'user-not-found':
    'DocuSign does not find the user behind a token that is valid: a known issue of userinfo. Try again; if it stays, get a new token.',
}
const MAX_MET = 200
const SHOWN = 8
const HOURS = 24
const HOUR_MS = 3_600_000

export function makeHints(clock: Clock): Hints {
  const met = makeStore<{
    readonly hint: Hint
    readonly app: string
    readonly calls: Rolling
    lastMs: number
  }>(MAX_MET)
  return {
    seen({ call, hint }) {
      if (hint === undefined || !call) return
      const app = shownAppName(call.app) ?? call.app.label
      const key = `${hint} ${app}`
      let one = met.get(key)
      if (!one) met.set(key, (one = { hint, app, calls: new Rolling(HOURS, HOUR_MS), lastMs: 0 }))
      one.calls.add(1, clock.nowMs())
      one.lastMs = clock.wallMs()
    },
    met: () =>
      [...met.values()]
        .map(({ hint, app, calls, lastMs }) => ({
          hint,
          app,
          calls: calls.sum(clock.nowMs()),
          lastMs,
          meaning: MEANINGS[hint],
        }))
        .filter(({ calls }) => calls > 0)
        .slice(0, SHOWN),
  }
}
