import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Answer } from './answer.js'
import { EMPTY, data, failure } from './answer.js'
import { judgeAssertion } from './assertion.js'
import type { SimulatorOptions } from './options.js'
import type { Pace } from './pace.js'
import type { Account, App, People, User } from './people.js'
import type { Tokens } from './tokens.js'

/** Facts 5, in seconds. */
const JWT_LIFE = 3600
const CODE_GRANT_LIFE = 28_800
const REFRESH_LIFE = 30 * 86_400
const CODE_LIFE = 120

/** A request to the OAuth host. */
export interface OAuthCall {
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly headers: IncomingHttpHeaders
}

export interface OAuthNeeds {
  readonly options: SimulatorOptions
  readonly pace: Pace
  readonly people: People
  readonly tokens: Tokens
  readonly baseUri: (account: Account) => string
}

/** `account-d.docusign.com` (facts 5): its calls count against no limit of an account. */
export function makeOAuth({ options, pace, people, tokens, baseUri }: OAuthNeeds) {
  const unconsented = new Set<string>()
  const userinfoCalls = new Map<string, { hour: number; calls: number }>()
  const consentKey = (user: User, app: App) => `${user.id} ${app.integrationKey}`
  const hasConsent = (user: User, app: App) => !unconsented.has(consentKey(user, app))

  function grant(user: User, app: App, scope: string, lifeSeconds: number, refreshable: boolean): Answer {
    const lifeMs = pace.lengthMs(lifeSeconds)
    return data({
      access_token: tokens.issue(user, app, scope, lifeMs),
      token_type: 'Bearer',
      ...(refreshable && {
        refresh_token: tokens.issueRefresh(user, app, scope, pace.lengthMs(REFRESH_LIFE)),
      }),
      expires_in: Math.max(1, Math.floor(lifeMs / 1000)),
    })
  }

  /** The app behind `Authorization: Basic`, or the one that is named where PKCE stands for the secret. */
  function clientOf({ headers, form }: OAuthCall): { app: App; isProven: boolean } | undefined {
    const basic = /^basic (.+)$/i.exec(headers.authorization ?? '')?.[1]
    const [key = '', secret = ''] = basic ? Buffer.from(basic, 'base64').toString('utf8').split(':') : []
    const app = people.app(key || (form.get('client_id') ?? ''))
    return app && { app, isProven: basic !== undefined && secret === app.secret }
  }

  function byCode(call: OAuthCall): Answer {
    const client = clientOf(call)
    const code = tokens.redeemCode(call.form.get('code') ?? '')
    if (!client) return refused('invalid_client')
    if (!code || code.app !== client.app) return refused('invalid_grant')
    const verifier = call.form.get('code_verifier')
    const isPkce = code.challenge !== undefined && verifier !== null && hash(verifier) === code.challenge
    if (code.challenge !== undefined && !isPkce) return refused('invalid_grant')
    if (!client.isProven && !isPkce) return refused('invalid_client')
    return grant(code.user, code.app, code.scope, CODE_GRANT_LIFE, true)
  }

  function byRefresh(call: OAuthCall): Answer {
    const client = clientOf(call)
    if (!client?.isProven) return refused('invalid_client')
    const session = tokens.redeemRefresh(call.form.get('refresh_token') ?? '')
    if (!session || session.app !== client.app) return refused('invalid_grant')
    return grant(session.user, session.app, session.scope, CODE_GRANT_LIFE, true)
  }

  return {
    setConsent(user: User, app: App, granted: boolean): void {
      if (granted) unconsented.delete(consentKey(user, app))
      else unconsented.add(consentKey(user, app))
    },

    token(call: OAuthCall): Answer {
      switch (call.form.get('grant_type') ?? '') {
        case 'urn:ietf:params:oauth:grant-type:jwt-bearer': {
          const wallMs = pace.wallMs() - options.clockSkew * 1000
          const verdict = judgeAssertion(call.form.get('assertion') ?? '', people, hasConsent, wallMs)
          if (verdict.kind === 'refused') return refused(verdict.error, verdict.description)
          return grant(verdict.user, verdict.app, verdict.scope, JWT_LIFE, false)
        }
        case 'authorization_code':
          return byCode(call)
        case 'refresh_token':
          return byRefresh(call)
        default:
          return refused('unsupported_grant_type')
      }
    },

    /** The consent page, for which everyone has already clicked yes: as `login_hint`, or the first user. */
    authorize({ query }: OAuthCall): Answer {
      const app = people.app(query.get('client_id') ?? '')
      const hint = query.get('login_hint')
      const user = hint ? (people.userByEmail(hint) ?? people.user(hint)) : people.users[0]
      const back = query.get('redirect_uri') ?? ''
      if (!app || !user || query.get('response_type') !== 'code' || !URL.canParse(back)) {
        return refused('invalid_request')
      }
      unconsented.delete(consentKey(user, app))
      const scope = query.get('scope') ?? 'signature'
      const challenge = query.get('code_challenge') ?? undefined
      const to = new URL(back)
      to.searchParams.set('code', tokens.issueCode(user, app, scope, pace.lengthMs(CODE_LIFE), challenge))
      const state = query.get('state')
      if (state !== null) to.searchParams.set('state', state)
      return { status: 302, headers: { Location: to.href }, body: EMPTY }
    },

    userinfo({ headers }: OAuthCall): Answer {
      const token = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
      const session = tokens.session(token)
      // The body of this refusal is in no stored copy; the OAuth host's own error shape is the plain guess.
      if (!session) return refused('invalid_token', 'The access token is expired, revoked or malformed.', 401)
      const { user } = session
      const hour = Math.floor(pace.wallMs() / pace.hourMs)
      const seen = userinfoCalls.get(user.id)
      const calls = seen?.hour === hour ? seen.calls + 1 : 1
      userinfoCalls.set(user.id, { hour, calls })
      if (options.enforce && options.userinfoLimit > 0 && calls > options.userinfoLimit) {
        const message = `The maximum number of hourly API invocations has been exceeded. The hourly limit is ${options.userinfoLimit}.`
        return failure(options.limitStatus, 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED', message)
      }
      return data(describeUser(user, baseUri))
    },
  }
}

export type OAuth = ReturnType<typeof makeOAuth>

/** Facts 4: `base_uri` without `/restapi` and without a slash at its end. */
function describeUser(user: User, baseUri: (account: Account) => string) {
  return {
    sub: user.id,
    name: user.name,
    given_name: user.givenName,
    family_name: user.familyName,
    created: '2019-05-06T09:30:00.00',
    email: user.email,
    accounts: user.accounts.map((account, at) => ({
      account_id: account.id,
      is_default: at === 0,
      account_name: account.name,
      base_uri: baseUri(account),
    })),
  }
}

function refused(error: string, description?: string, status = 400): Answer {
  return data(
    { error, ...(description !== undefined && { error_description: description }) },
    'error',
    status,
  )
}

const hash = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')
