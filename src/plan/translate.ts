/** One request of an access log → the call of a trace. */
import type { Disguise } from '../base/disguise.js'
import { makeStore } from '../base/store.js'
import type { TraceRecord } from '../base/trace.js'
import type { Call, Refusal } from '../base/types.js'
import type { LogEntry } from './logs/entry.js'
import type { OwnEntry } from './logs/ours.js'
import { PASSED_ON, recordIn } from './record.js'

export interface TranslateParts {
  /** Whose call, which resource: as the governor reads it. */
  readonly identify: (method: string, target: string) => Call | Refusal
  readonly disguise: Disguise
}

/** In how many calls something had to be filled in that the log does not tell. */
export interface Filled {
  /** One for each app and account. */
  viewer: number
  /** `USUAL_MS`. */
  time: number
  /** All the time that the request took. */
  wholeTime: number
  /** `USUAL_BYTES`. */
  bytes: number
  /** By what became of the call. */
  envelope: number
}

/** DocuSign's time, where the log has no times at all. */
export const USUAL_MS = 400
/** Of an answer, where the log has no sizes. */
export const USUAL_BYTES = 2_000
const MAX_GROUPS = 10_000
/** From here to the end it is a path of DocuSign's, wherever a gateway has put it. */
const OURS = /(?:\/apps\/[^/?#]+)?(?:\/restapi(?=\/)|(?=\/oauth\/(?:auth|token|userinfo|logout)\b)).*/i
/** Some gateways remove the base path. */
const BARE = /^\/v2(?:\.1)?\/accounts(?=[/?]|$)/i

/** @returns the record; `undefined` where it is no call of DocuSign's API; or what is wrong with it */
export function makeTranslate({ identify, disguise }: TranslateParts, filled: Filled) {
  /** The envelope that was asked for last, by app, account and route. */
  const lastOf = makeStore<{ readonly name: string }>(MAX_GROUPS)
  let envelopes = 0

  function viewerOf(app: string, account: string, name: string | undefined): string {
    if (name === undefined) filled.viewer++
    return disguise.of('viewer', name ?? `of ${app} ${account}`)
  }

  function fromRequest(entry: LogEntry): TraceRecord | undefined {
    const method = entry.method.toUpperCase()
    const call = identify(method, targetOf(entry.target))
    if (call.kind === 'refusal' || !isDocusign(call)) return undefined
    const { account = '', envelope = '', resource, query } = call
    const app = (call.app.name === '' ? (entry.app ?? '') : call.app.name).toLowerCase()
    const upstreamMs = entry.upstreamMs ?? entry.durationMs ?? USUAL_MS
    if (entry.upstreamMs === undefined) filled[entry.durationMs === undefined ? 'time' : 'wholeTime']++
    if (entry.bytes === undefined) filled.bytes++
    const isRead = call.service === 'api' && (method === 'GET' || method === 'HEAD')
    return {
      ...PASSED_ON,
      atMs: entry.atMs,
      app: disguise.of('app', app),
      account: disguise.of('account', account),
      envelope: disguise.of('envelope', envelope),
      resource: disguise.of(
        'resource',
        envelope === '' ? resource : resource.slice(resource.indexOf('/envelopes/')),
      ),
      representation: isRead ? disguise.of('representation', `${resource}?${query}`) : '',
      viewer: viewerOf(app, account, entry.viewer),
      route: call.route,
      service: call.service,
      method,
      methodClass: call.methodClass,
      sharing: isRead ? 'all' : 'none',
      status: entry.status,
      durationMs: Math.max(entry.durationMs ?? upstreamMs, upstreamMs),
      attempts: [{ status: entry.status, ms: upstreamMs, refusedFor: undefined }],
      bytes: entry.bytes ?? USUAL_BYTES,
    }
  }

  /**
   * Our own log names no envelope. What was spared, or refused as too soon, is taken for a repetition of the last read of
   * its kind, for that is what made it one; any other call is of an envelope of its own.
   */
  function fromOwn(entry: OwnEntry): TraceRecord | string {
    const { app, account, route, method } = entry
    const group = `${app} ${account} ${route}`
    const isRepeated = entry.saved !== undefined || entry.poll === 'refused' || entry.poll === 'observed'
    const last = isRepeated ? lastOf.get(group) : undefined
    const name = last?.name ?? `${group} ${++envelopes}`
    if (!last) lastOf.set(group, { name })
    const isEnvelopes = route.includes('{envelopeId}')
    if (isEnvelopes) filled.envelope++
    const isRead = method === 'GET' || method === 'HEAD'
    const service = route.startsWith('/oauth/') ? 'oauth' : 'api'
    const isQuery = method === 'PUT' && route.endsWith('/envelopes/status')
    const each = entry.attempts === 0 ? 0 : entry.upstreamMs / entry.attempts
    const attempts = Array.from({ length: entry.attempts }, (_, i) => {
      const why = entry.refusedFor[i]
      const status = why === undefined ? entry.status : 429
      return [status ?? 0, each, ...(why === undefined ? [] : [why])]
    })
    const words = { outcome: entry.outcome, reason: entry.reason, saved: entry.saved, poll: entry.poll }
    const line = recordIn({
      at: entry.atMs,
      app: hashOr(disguise.of('app', app.toLowerCase())),
      account: hashOr(disguise.of('account', account)),
      envelope: hashOr(isEnvelopes ? disguise.of('envelope', name) : ''),
      resource: disguise.of('resource', name),
      representation: hashOr(isRead ? disguise.of('representation', name) : ''),
      viewer: viewerOf(app, account, undefined),
      route,
      service,
      method,
      class: isRead ? 'read' : isQuery ? 'query' : 'write',
      priority: entry.priority,
      sharing: isRead && service === 'api' ? 'all' : 'none',
      ...words,
      status: entry.status,
      waitMs: entry.waitMs,
      heldBy: entry.heldBy,
      durationMs: entry.durationMs,
      attempts,
      bytes: entry.bytes,
      cut: entry.cut,
      kept: isRead && isEnvelopes && entry.outcome === 'forwarded' && entry.status === 200,
      ended: entry.saved === 'terminal' ? 'before' : undefined,
    })
    return line.kind === 'record' ? line.record : line.message
  }

  return (entry: LogEntry | OwnEntry) => (entry.kind === 'own' ? fromOwn(entry) : fromRequest(entry))
}

function hashOr(hash: string): string | undefined {
  return hash === '' ? undefined : hash
}

function targetOf(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/, '')
  return BARE.test(path) ? `/restapi${path}` : (OURS.exec(path)?.[0] ?? path)
}

function isDocusign({ service, resource }: Call): boolean {
  return service === 'oauth' || resource.startsWith('/restapi/')
}
