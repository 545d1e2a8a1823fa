/** What is seen of a call → its line in a trace. An allow-list: what is not named here is never written. */
import type { Disguise } from '../base/disguise.js'
import type { TraceRecord } from '../base/trace.js'
import type { Call, Seen } from '../base/types.js'
import { isStatus } from './labels.js'

/**
 * @param nameOf one name for an account, whichever of its two was used
 * @returns `undefined` where the request could not be read as a call: a replay could not read it either
 */
export function traceRecordOf(
  seen: Seen,
  disguise: Disguise,
  nameOf: (account: string) => string,
): TraceRecord | undefined {
  const { call, marks } = seen
  if (!call) return undefined
  return {
    atMs: seen.atMs,
    app: appOf(call, seen.integration, disguise),
    account: call.account === undefined ? '' : disguise.of('account', nameOf(call.account)),
    envelope: disguise.of('envelope', call.envelope ?? ''),
    resource: disguise.of('resource', resourceOf(call)),
    representation: disguise.of('representation', marks?.representation ?? ''),
    viewer: disguise.of('viewer', marks?.viewer ?? ''),
    route: call.route,
    service: call.service,
    method: seen.method,
    methodClass: call.methodClass,
    priority: marks?.priority,
    patienceMs: marks?.patienceMs,
    sharing: marks?.sharing ?? 'none',
    neverFinal: marks?.neverFinal ?? false,
    outcome: seen.outcome,
    status: seen.status !== undefined && isStatus(seen.status) ? seen.status : undefined,
    reason: seen.reason,
    waitMs: seen.waitMs,
    heldBy: seen.heldBy,
    durationMs: seen.durationMs,
    attempts: seen.attempts.map(({ status, durationMs, refusedFor }) => ({
      status: status !== undefined && isStatus(status) ? status : undefined,
      ms: durationMs,
      refusedFor,
    })),
    saved: seen.saved,
    poll: seen.poll,
    bytes: seen.bytesOut,
    cut: seen.cut,
    kept: marks?.kept ?? false,
    ended: marks?.ended,
    limits: marks?.limits,
  }
}

/** By the name it gives itself, in any case, so that who knows the name and the key can find it; else by what is behind its token. */
function appOf(call: Call, integration: string | undefined, disguise: Disguise): string {
  if (call.app.name !== '') return disguise.of('app', call.app.name.toLowerCase())
  return disguise.of('integration', integration ?? '')
}

const ENVELOPES = '/envelopes/'

/** As the polling rule names it: an envelope's own is the same in any version of the API and by either name of its account. */
function resourceOf({ resource, envelope }: Call): string {
  return envelope === undefined ? resource : resource.slice(resource.indexOf(ENVELOPES))
}
