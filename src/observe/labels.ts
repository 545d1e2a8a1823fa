/**
 * What may be said of a call, in the log, in the metrics and on `/status`. Whatever a caller can write freely is
 * one of a closed set, or of a shape that cannot carry a credential, or is not said at all.
 */
import type { App, Priority } from '../base/types.js'

export const PRIORITY_LABELS = ['high', 'normal', 'low'] as const satisfies readonly Priority[]

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const NUMBER = /^\d{1,18}$/
// No longer than this because an access token is: one that was pasted where the app's name belongs stays unsaid.
const APP_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/

/** A method of DocuSign's API, or `other`: a caller may invent methods, but no series. */
export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : 'other'
}

/** An HTTP status, or `none` where no answer came (or what came is no status). */
export function codeLabel(status: number | undefined): string {
  return status !== undefined && isStatus(status) ? String(status) : 'none'
}

export function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 100 && status <= 599
}

/** The account as it may be shown: a GUID or the short number (facts 4), else nothing. */
export function shownAccount(account: string | undefined): string | undefined {
  return account !== undefined && (GUID.test(account) || NUMBER.test(account)) ? account : undefined
}

/** Those that may be shown; '' stands for the calls that name none. */
export function* shownOf<One extends { readonly account: string }>(all: Iterable<One>): Iterable<One> {
  for (const one of all) if (one.account === '' || shownAccount(one.account) !== undefined) yield one
}

/** The name an app gave itself, where its label does not say it already and its spelling hides nothing. */
export function shownAppName(app: App): string | undefined {
  return app.name !== app.label && APP_NAME.test(app.name) ? app.name : undefined
}

/** DocuSign's trace token is a GUID (facts 1.4); anything else in its place came from somewhere else. */
export function shownTraceToken(token: string | undefined): string | undefined {
  return token !== undefined && GUID.test(token) ? token : undefined
}
