/**
 * A call of a trace → the call that the rooms are given in its place. Its names are hashes, so paths are written anew from
 * them: one path for one resource, with GUIDs where DocuSign has GUIDs, because the rooms read them by their letter.
 */
import type { TraceRecord } from '../base/trace.js'
import { keyOf } from '../base/key.js'
import type { App, Call } from '../base/types.js'
import { Lately } from './lately.js'

export interface Replayed {
  readonly call: Call
  /** Those that would go up. */
  readonly headers: Record<string, string>
}

/** What the settings call somebody whom the trace calls by a hash. */
export interface Names {
  /** A name of the settings, where one has this hash; else the hash. */
  app(hash: string): string
  account(hash: string): string
}

const ENVELOPE = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}'
const NO_APP: App = { name: '', label: 'other', prefix: '' }
const GUID_BYTES = 16
const GUID = Buffer.alloc(GUID_BYTES)

/** Makes calls. Not pure only in that it remembers apps, accounts and routes. */
export function makeCalls(names: Names) {
  const apps = new Lately<App>(1_000)
  const accounts = new Lately<string>(10_000)
  const routes = new Map<string, readonly string[]>()

  function appOf(hash: string): App {
    if (hash === '') return NO_APP
    let app = apps.get(hash)
    if (!app) {
      const name = names.app(hash)
      apps.set(hash, (app = { name, label: name, prefix: `/apps/${name}` }))
    }
    return app
  }

  function pathOf(record: TraceRecord, account: string, envelope: string): string {
    const { route, resource } = record
    if (route === 'other') {
      const place = envelope === '' ? '' : `/envelopes/${envelope}`
      return `/restapi/v2.1/accounts/${account}${place}/other/${resource}`
    }
    let parts = routes.get(route)
    if (!parts) routes.set(route, (parts = route.split('/')))
    let path = '/restapi'
    for (let i = 1; i < parts.length; i++) {
      const part = parts[i] as string
      if (part === '{accountId}') path += `/${account}`
      else if (part === '{envelopeId}') path += `/${envelope}`
      else path += part.startsWith('{') ? `/${resource.toLowerCase()}` : `/${part}`
    }
    return path
  }

  return {
    guid,

    of(record: TraceRecord): Replayed {
      const { method, methodClass, route, service, representation, viewer } = record
      const account = record.account === '' ? undefined : accountOf(record.account)
      const envelope = record.envelope === '' ? undefined : guid(record.envelope)
      const path = pathOf(record, account ?? 'none', envelope ?? '')
      let query = representation === '' ? '' : `is=${representation}`
      if (record.neverFinal && route === ENVELOPE) query += '&include=folders'
      const call: Call = {
        kind: 'call',
        method,
        methodClass,
        target: query === '' ? path : `${path}?${query}`,
        path,
        query,
        resource: path,
        route,
        service,
        account,
        envelope,
        app: appOf(record.app),
      }
      return { call, headers: headersOf(record, viewer, account ?? '') }
    },
  }

  function accountOf(hash: string): string {
    let account = accounts.get(hash)
    if (account === undefined) {
      const name = names.account(hash)
      accounts.set(hash, (account = name === hash ? guid(hash) : name))
    }
    return account
  }
}

/**
 * The name itself in hexadecimal, where it fits, as those of a trace do; else its key. Nothing is remembered, because of a
 * million envelopes that costs more than to write it again (measured).
 */
function guid(name: string): string {
  const bytes = GUID.fill(0)
  if (name.length <= GUID_BYTES) bytes.write(name, 'latin1')
  else bytes.write(keyOf(name), 'base64url')
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A token is one user's on one account here: what a real one says of other accounts, the trace does not tell. */
function headersOf(record: TraceRecord, viewer: string, account: string): Record<string, string> {
  const headers: Record<string, string> = {}
  if (viewer !== '') headers['authorization'] = `Bearer ${viewer} ${account}`
  if (record.patienceMs !== undefined) headers['prefer'] = `wait=${record.patienceMs / 1000}`
  // What is no read has no copies, and its headers say nothing of them.
  if (record.method !== 'GET' && record.method !== 'HEAD') return headers
  switch (record.sharing) {
    case 'none':
      headers['cookie'] = 'was=there'
      break
    case 'answer':
      headers['range'] = 'bytes=0-'
      break
    case 'unkept':
      headers['cache-control'] = 'no-store'
      break
    case 'all':
      break
  }
  return headers
}
