/** Request → Call: whose call is it, and which resource does it mean? Pure, and asked once per request. */
import { keyOf } from '../base/key.js'
import type { App, Call, MethodClass, Refusal } from '../base/types.js'
import type { NameRoute } from './routes.js'
import { isGuid, readTarget, resourceSegments } from './target.js'

export interface IdentifyConfig {
  /** The app names of the settings. */
  readonly apps: readonly string[]
  /** Whether an authority (`host:port`, lower case) in an absolute-form target means this listener. */
  readonly isOurs: (authority: string) => boolean
}

const APPS = /^\/apps\//i
const APP_PREFIX = /^\/apps\/([^/]+)(?=\/)/i
const APP_NAME = /^[A-Za-z0-9._~-]{1,64}$/
/** DocuSign's own paths are shorter, and what it calls an account has 36 characters at most. */
const USUAL_PATH_CHARS = 256
const MAX_RESOURCE_CHARS = 512
const MAX_ACCOUNT_CHARS = 64
const READS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
const NO_APP: App = { name: '', label: 'other', prefix: '' }

/** `identify(method, target)`: the call, or the refusal that its target deserves. */
export function makeIdentify(config: IdentifyConfig, nameRoute: NameRoute) {
  const configured = new Map(config.apps.map(name => [name.toLowerCase(), name]))

  function readApp(path: string): App | undefined {
    if (!APPS.test(path)) return NO_APP
    const prefix = APP_PREFIX.exec(path)
    if (!prefix) return undefined
    const sent = prefix[1] ?? ''
    if (!APP_NAME.test(sent)) return undefined
    const name = configured.get(sent.toLowerCase())
    return { name: name ?? sent.toLowerCase(), label: name ?? 'other', prefix: prefix[0] }
  }

  return function identify(method: string, rawTarget: string): Call | Refusal {
    const target = readTarget(rawTarget, config.isOurs)
    if (target.kind === 'malformed') return badRequest(`${target.message}.`)

    const app = readApp(target.path)
    if (!app) {
      return badRequest(
        '/apps/NAME must name an app (1 to 64 of A-Z a-z 0-9 . _ ~ -) and be followed by a path.',
      )
    }
    const path = target.path.slice(app.prefix.length)
    const segments = resourceSegments(path)
    if (!segments) return badRequest('the path has an escape that is not UTF-8.')

    const account = accountOf(segments)
    const envelope = account === undefined ? undefined : envelopeOf(segments)
    const resource = segments.join('/')
    // Much is kept by these. A piece of a text keeps all of it alive, and a request line may have 16 KB.
    const isUsual = path.length <= USUAL_PATH_CHARS
    return {
      kind: 'call',
      method,
      methodClass: methodClassOf(method, segments),
      target: target.bytes.slice(app.prefix.length),
      path,
      query: target.query,
      resource: isUsual ? resource : bounded(resource, MAX_RESOURCE_CHARS),
      route: nameRoute(resource),
      service: segments[1] === 'oauth' ? 'oauth' : 'api',
      account: isUsual || account === undefined ? account : bounded(account, MAX_ACCOUNT_CHARS),
      envelope: isUsual || envelope === undefined ? envelope : bounded(envelope, MAX_ACCOUNT_CHARS),
      app,
    }
  }
}

/** `/FAMILY/VERSION/accounts/ACCOUNT/…`, the shape that eSignature, Click and Rooms share. */
function accountOf(segments: readonly string[]): string | undefined {
  const account = segments[4]
  if (segments[3] !== 'accounts' || !account) return undefined
  // The one word in that place that is an operation (GET /v2.1/accounts/provisioning), not an account.
  return account === 'provisioning' ? undefined : account
}

/** Only GUIDs are envelope ids: `status`, `shared` and `transfer_rules` stand in the same place (facts 6.4). */
function envelopeOf(segments: readonly string[]): string | undefined {
  const envelope = segments[6]
  return segments[5] === 'envelopes' && envelope !== undefined && isGuid(envelope) ? envelope : undefined
}

function methodClassOf(method: string, segments: readonly string[]): MethodClass {
  if (READS.has(method)) return 'read'
  // `PUT …/envelopes/status` asks for many statuses at once; its body is the question (facts 2).
  const asksStatus = segments.length === 7 && segments[5] === 'envelopes' && segments[6] === 'status'
  return method === 'PUT' && asksStatus ? 'query' : 'write'
}

/** The same text, alone; of a longer one the beginning, and in place of the rest what tells it from any other. */
function bounded(text: string, maxChars: number): string {
  const kept = text.length <= maxChars ? text : `${text.slice(0, maxChars / 2)} ${keyOf(text)}`
  return Buffer.from(kept).toString()
}

function badRequest(message: string): Refusal {
  return { kind: 'refusal', reason: 'bad-request', message: `This request was not forwarded: ${message}` }
}
