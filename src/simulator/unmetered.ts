import type { IncomingMessage } from 'node:http'
import type { Answer } from './answer.js'
import { NO_ROUTE } from './answer.js'
import type { House } from './house.js'
import type { OAuthCall } from './oauth.js'
import { answerSigning } from './signing.js'
import { readAll } from './upload.js'

const MOST_FORM_BYTES = 65_536
const OAUTH_ROUTES = ['/oauth/token', '/oauth/auth', '/oauth/userinfo'] as const

/** The route of a path on the OAuth host, where it is one. */
export function oauthRouteOf(path: string): (typeof OAUTH_ROUTES)[number] | undefined {
  const plain = path.toLowerCase().replace(/\/+$/, '')
  return OAUTH_ROUTES.find(route => route === plain)
}

/** What counts against no account: OAuth (facts 1.3) and the signing page. */
export async function answerUnmetered(
  house: House,
  req: IncomingMessage,
  path: string,
  query: string,
): Promise<Answer> {
  if (/^\/signing\//i.test(path)) return answerSigning(house, path, query)
  const route = oauthRouteOf(path)
  if (!route || req.method !== (route === '/oauth/token' ? 'POST' : 'GET')) return NO_ROUTE
  const bytes = req.method === 'POST' ? await readAll(req, MOST_FORM_BYTES) : undefined
  const form = new URLSearchParams(bytes?.toString('utf8') ?? '')
  const call: OAuthCall = { query: new URLSearchParams(query), form, headers: req.headers }
  switch (route) {
    case '/oauth/token':
      return house.oauth.token(call)
    case '/oauth/auth':
      return house.oauth.authorize(call)
    case '/oauth/userinfo':
      return house.oauth.userinfo(call)
  }
}
