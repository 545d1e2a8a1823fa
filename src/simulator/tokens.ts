import { randomBytes, randomUUID } from 'node:crypto'
import { rememberAtMost } from './bounded.js'
import type { Pace } from './pace.js'
import type { App, User } from './people.js'

/** Whom a token lets in. */
export interface Session {
  readonly user: User
  readonly app: App
  readonly scope: string
  readonly expiresMs: number
}

const MOST_TOKENS = 100_000

/** Access and refresh tokens, authorization codes: texts that stand for a session and say nothing by themselves. */
export function makeTokens(pace: Pace) {
  const access = new Map<string, Session>()
  const refresh = new Map<string, Session>()
  const codes = new Map<string, Session & { readonly challenge: string | undefined }>()

  function issue(user: User, app: App, scope: string, lifeMs: number): string {
    const token = makeTokenText()
    rememberAtMost(access, token, { user, app, scope, expiresMs: pace.nowMs() + lifeMs }, MOST_TOKENS)
    return token
  }

  /** A token that works once: reading it ends it. */
  function redeem<S extends Session>(held: Map<string, S>, text: string): S | undefined {
    const session = held.get(text)
    held.delete(text)
    return session && session.expiresMs > pace.nowMs() ? session : undefined
  }

  return {
    issue,
    issueRefresh(user: User, app: App, scope: string, lifeMs: number): string {
      const text = makeTokenText()
      rememberAtMost(refresh, text, { user, app, scope, expiresMs: pace.nowMs() + lifeMs }, MOST_TOKENS)
      return text
    },
    issueCode(user: User, app: App, scope: string, lifeMs: number, challenge: string | undefined): string {
      const text = makeTokenText()
      const session = { user, app, scope, expiresMs: pace.nowMs() + lifeMs, challenge }
      rememberAtMost(codes, text, session, MOST_TOKENS)
      return text
    },
    session(token: string): Session | undefined {
      const session = access.get(token)
      return session && session.expiresMs > pace.nowMs() ? session : undefined
    },
    redeemRefresh: (text: string) => redeem(refresh, text),
    redeemCode: (text: string) => redeem(codes, text),
    /** Whether there was such a token. */
    revoke: (token: string) => access.delete(token),
  }
}

export type Tokens = ReturnType<typeof makeTokens>

/**
 * Looks like a JWS, as DocuSign's do, with bytes that are no JSON for a payload (facts 5): whoever would read a user
 * or an expiry out of the text must fail here as there.
 */
function makeTokenText(): string {
  const head = Buffer.from(JSON.stringify({ typ: 'MT', alg: 'RS256', kid: randomUUID() })).toString(
    'base64url',
  )
  return `${head}.${randomBytes(96).toString('base64url')}.${randomBytes(256).toString('base64url')}`
}
