/** Who may see a copy: what DocuSign has said of a credential, and not one word more. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { makeIdentify } from '../src/identify/identify.js'
import { bearerKey, readCredential, type Credential } from '../src/shield/credential.js'
import { makeIntrospection, type Introspected } from '../src/shield/introspect.js'
import { makeOAuthTraffic, type OAuthExchange } from '../src/shield/oauth-traffic.js'
import { readTokenGrant, type TokenRequest } from '../src/shield/token-grant.js'
import { makeTokens, type Tokens } from '../src/shield/tokens.js'
import { readUserinfo } from '../src/shield/userinfo.js'
import { makeManualClock } from './fixtures/clock.js'

const RECHECK_MS = 300_000
const USER = '4799e5e9-0000-4000-8000-cf4713bbcacc'
const VICTIM = '11111111-0000-4000-8000-cf4713bbcacc'
const ACCOUNT = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const OTHER = '71799c95-8417-4b16-90d5-86ff24a91d09'
const KEY = '3f1c2a4e-1111-4222-8333-944455556666'

function credentialOf(headers: IncomingHttpHeaders): Credential {
  const credential = readCredential(headers)
  if (!credential) throw new Error('no credential was read')
  return credential
}

const bearer = (token: string, more: IncomingHttpHeaders = {}) =>
  credentialOf({ authorization: `Bearer ${token}`, ...more })
const actingFor = (user: string) => ({ 'x-docusign-act-on-behalf': user })

function jws(claims: unknown, secret = 'true'): string {
  const part = (value: unknown) =>
    (Buffer.isBuffer(value)
      ? value
      : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
    ).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

void t.test('a credential is told apart from every other, and unread where nobody can say what it is', t => {
  const legacy = { 'x-docusign-authentication': '{"Username":"a"}' }
  const heads: IncomingHttpHeaders[] = [
    { authorization: 'Bearer a' },
    { authorization: 'Bearer a', ...legacy },
    legacy,
    { authorization: 'Bearer a', ...actingFor('x') },
    { authorization: 'Bearer a', ...actingFor('y') },
    { authorization: 'Bearer a', 'x-docusign-act-as-user': 'x' },
    { authorization: 'Bearer a', 'x-docusign-act-as-user': 'x', ...actingFor('x') },
    { authorization: 'Bearer a', 'x-docusign-allow-organization': 'x' },
    { authorization: 'Bearer a, Bearer b' },
    { authorization: 'Bearer a', 'x-docusign-authentication': '{"Username":"a"}, {"Username":"b"}' },
  ]
  const tokens = makeTokens({ recheckMs: RECHECK_MS })
  const viewers = new Set(heads.map(head => tokens.viewerOf(credentialOf(head))))
  t.equal(viewers.size, heads.length)
  t.match([...viewers].join(' '), /^(?:[\w-]{22} ?)+$/)

  for (const name of [
    'authorization',
    'x-docusign-authentication',
    'x-docusign-act-on-behalf',
    'x-docusign-act-as-user',
  ]) {
    const whole = { authorization: 'Bearer a', 'x-docusign-authentication': 'b' }
    for (const odd of ['', ' ', ['x', 'y'], ['x']]) {
      t.equal(readCredential({ ...whole, [name]: odd }), undefined, `${name}: ${String(odd)}`)
    }
  }
  t.equal(readCredential({}), undefined)
  t.equal(readCredential(actingFor('x')), undefined, 'acting is no credential')
  t.equal(bearer('a').hasBearer, true)
  t.equal(credentialOf({ authorization: 'bearer a' }).hasBearer, true)
  t.equal(credentialOf({ authorization: 'Basic a' }).hasBearer, false)
  t.equal(credentialOf(legacy).hasBearer, false)
  t.equal(bearer('a').token, bearerKey('a'))
  t.notMatch(
    JSON.stringify(credentialOf({ authorization: 'Bearer CANARY', 'x-docusign-authentication': 'CANARY' })),
    'CANARY',
  )
  t.end()
})

void t.test('a forged token is never proven by the true one, nor its user’s', t => {
  const truth = jws({ sub: USER, exp: 1 })
  const [head = '', claims = '', signature = ''] = truth.split('.')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  const forged = [
    ...[jws({ sub: USER, exp: 1 }, 'another'), `${none}.${claims}.`, `${none}.${claims}.${signature}`],
    ...[`${head}.${claims}`, `${head}.${claims}.`, truth.slice(0, -1), truth.slice(0, 40)],
    ...[
      truth.toUpperCase(),
      truth.toLowerCase(),
      `${truth}.`,
      `${truth}=`,
      ` ${truth}`,
      `${truth} `,
      `${truth},`,
    ],
  ].map(token => `Bearer ${token}`)
  forged.push(
    `bearer ${truth}`,
    `BEARER ${truth}`,
    truth,
    `Bearer${truth}`,
    `Bearer ${truth}, Bearer x`,
    `Token ${truth}`,
  )
  const tokens = makeTokens({ recheckMs: RECHECK_MS })
  tokens.issued(bearerKey(truth), { user: USER, integrationKey: KEY }, 0)
  tokens.told(bearerKey(truth), { user: USER, accounts: [ACCOUNT] }, 0)
  tokens.accepted(bearer(truth), 0, ACCOUNT)
  t.ok(tokens.isProvenOn(bearer(truth), ACCOUNT, 1))
  t.equal(new Set(forged).size, forged.length)
  for (const authorization of forged) {
    const credential = credentialOf({ authorization })
    t.notOk(tokens.isProven(credential, 1), authorization)
    t.notOk(tokens.isProvenOn(credential, ACCOUNT, 1))
    t.not(tokens.viewerOf(credential), tokens.viewerOf(bearer(truth)))
    t.equal(tokens.integrationKeyOf(credential), undefined)
  }
  t.end()
})

void t.test('a refreshed token finds its user’s copies', t => {
  const tokens = makeTokens({ recheckMs: RECHECK_MS })
  t.not(tokens.viewerOf(bearer('old')), tokens.viewerOf(bearer('new')))
  tokens.told(bearerKey('old'), { user: USER, accounts: [] }, 0)
  tokens.issued(bearerKey('new'), { user: USER, integrationKey: KEY }, 1)
  t.equal(tokens.viewerOf(bearer('old')), tokens.viewerOf(bearer('new')))
  t.notOk(tokens.isProven(bearer('new'), 1), 'but only once DocuSign has taken it')
  tokens.accepted(bearer('new'), 2, ACCOUNT)
  t.ok(tokens.isProven(bearer('new'), 3))
  t.equal(typeof tokens.integrationKeyOf(bearer('new')), 'string')
  t.not(tokens.integrationKeyOf(bearer('new')), KEY)
  tokens.told(bearerKey('new'), { user: VICTIM, accounts: [] }, 3)
  tokens.issued(bearerKey('new'), { user: USER }, 4)
  tokens.told(bearerKey('third'), { user: VICTIM, accounts: [] }, 3)
  t.equal(tokens.viewerOf(bearer('new')), tokens.viewerOf(bearer('third')), 'userinfo has the last word')
  t.end()
})

void t.test(
  'who acts for another sees that other’s copies only once DocuSign let this very token act so',
  t => {
    const tokens = makeTokens({ recheckMs: RECHECK_MS })
    for (const token of ['a', 'b']) tokens.told(bearerKey(token), { user: USER, accounts: [ACCOUNT] }, 0)
    const [a, b] = [bearer('a', actingFor('x')), bearer('b', actingFor('x'))]
    t.equal(tokens.viewerOf(a), tokens.viewerOf(b), 'one user, one other: one viewer')
    t.not(tokens.viewerOf(a), tokens.viewerOf(bearer('a')))
    t.notOk(tokens.isProven(a, 1), 'userinfo has said nothing of x')
    tokens.accepted(bearer('a'), 1, ACCOUNT)
    t.notOk(tokens.isProven(a, 2), 'nor has a 2xx without x')
    tokens.accepted(a, 2, ACCOUNT)
    t.ok(tokens.isProven(a, 3))
    t.ok(tokens.isProvenOn(a, ACCOUNT, 3))
    t.notOk(tokens.isProven(bearer('a', actingFor('y')), 3))
    t.notOk(tokens.isProven(b, 3), 'what one token may, another of the same user need not')
    t.notOk(tokens.isProvenOn(b, ACCOUNT, 3))

    tokens.accepted(bearer('c', actingFor('x')), 5, OTHER)
    t.ok(tokens.isProven(bearer('c'), 6), 'who was let in as x was let in')
    t.notOk(tokens.isProvenOn(bearer('c'), OTHER, 6), 'but was on the account as x alone')
    t.end()
  },
)

void t.test('two credentials in one request are a third, and a 401 for them leaves nothing of either', t => {
  const tokens = makeTokens({ recheckMs: RECHECK_MS })
  const legacy = { 'x-docusign-authentication': 'l' }
  const [alone, both, old] = [bearer('a'), bearer('a', legacy), credentialOf(legacy)]
  tokens.told(alone.token, { user: USER, accounts: [ACCOUNT] }, 0)
  t.notOk(tokens.isProven(both, 1))
  t.notOk(tokens.knowsUser(both), 'userinfo saw one of them')
  tokens.accepted(both, 1, ACCOUNT)
  tokens.accepted(old, 1, ACCOUNT)
  t.same(
    [alone, both, old].map(one => tokens.isProvenOn(one, ACCOUNT, 2)),
    [true, true, true],
  )
  tokens.forget(both, 2)
  t.same(
    [alone, both, old].map(one => tokens.isProven(one, 3)),
    [false, false, true],
  )
  tokens.forget(old, 3)
  t.notOk(tokens.isProven(old, 4))
  tokens.accepted(alone, 5, ACCOUNT)
  t.notOk(tokens.isProven(both, 6), 'the proof of what was forgotten does not come back with the token')
  t.end()
})

void t.test('a proof is as old as its call, and none outlives a 401 that was seen after it was sent', t => {
  const tokens = makeTokens({ recheckMs: RECHECK_MS })
  tokens.accepted(bearer('a'), 1_000, ACCOUNT)
  t.ok(tokens.isProven(bearer('a'), 1_000 + RECHECK_MS - 1))
  t.notOk(tokens.isProven(bearer('a'), 1_000 + RECHECK_MS))
  tokens.accepted(bearer('a'), 500, ACCOUNT)
  t.ok(tokens.isProven(bearer('a'), RECHECK_MS + 600), 'an older answer that comes late takes nothing back')
  t.ok(tokens.isProvenOn(bearer('a'), ACCOUNT, RECHECK_MS + 600))
  tokens.forget(bearer('a'), 2_000)
  tokens.accepted(bearer('a'), 1_999, ACCOUNT)
  tokens.told(bearerKey('a'), { user: USER, accounts: [ACCOUNT] }, 2_000)
  t.notOk(tokens.isProven(bearer('a'), 2_001))
  t.notOk(tokens.knowsUser(bearer('a')))
  tokens.accepted(bearer('a'), 2_001, ACCOUNT)
  t.ok(tokens.isProven(bearer('a'), 2_002))
  tokens.configure({ recheckMs: 0 })
  t.notOk(tokens.isProven(bearer('a'), 2_001))
  t.end()
})

/** What happened, as a list; every question goes through all of it. */
type Event =
  | { readonly kind: '2xx'; readonly who: number; readonly sentMs: number; readonly account: string }
  | {
      readonly kind: 'told'
      readonly who: number
      readonly sentMs: number
      readonly user: string
      readonly accounts: readonly string[]
    }
  | { readonly kind: 'issued'; readonly who: number; readonly sentMs: number; readonly user: string }
  | { readonly kind: '401'; readonly who: number; readonly atMs: number }

const CREDENTIALS = ['a', 'b', 'c'].flatMap(token => [
  bearer(token),
  bearer(token, actingFor('x')),
  bearer(token, { 'x-docusign-authentication': 'l' }),
])
const sameToken = (one: number, other: number) => Math.floor(one / 3) === Math.floor(other / 3)

/** Of the same token, not undone by a 401 that was seen before, or later than it was sent. */
function standing(events: readonly Event[], who: number): Exclude<Event, { kind: '401' }>[] {
  const refused = events
    .map((event, at) => ({ event, at }))
    .filter(({ event }) => event.kind === '401' && sameToken(event.who, who))
  return events.flatMap((event, at) => {
    if (event.kind === '401' || !sameToken(event.who, who)) return []
    const isUndone = refused.some(
      no => no.at > at || (no.event.kind === '401' && event.sentMs <= no.event.atMs),
    )
    return isUndone ? [] : [event]
  })
}

function naivelyProven(events: readonly Event[], who: number, nowMs: number, account?: string): boolean {
  return standing(events, who).some(event => {
    if (event.kind === 'issued' || nowMs - event.sentMs >= RECHECK_MS) return false
    if (event.kind === 'told')
      return who % 3 === 0 && (account === undefined || event.accounts.includes(account))
    if (account !== undefined) return event.who === who && event.account === account
    return event.who === who || (who % 3 === 0 && event.who % 3 === 1)
  })
}

function naiveUser(events: readonly Event[], who: number): string | undefined {
  if (who % 3 === 2) return undefined
  const known = standing(events, who).filter(event => event.kind === 'told' || event.kind === 'issued')
  return (known.findLast(event => event.kind === 'told') ?? known[0])?.user
}

void t.test('in any order of answers, what is believed is what a list of them says', t => {
  const step = fc.record({
    kind: fc.constantFrom('2xx', '2xx', 'told', 'issued', '401', 'failed'),
    who: fc.nat(8),
    user: fc.constantFrom(USER, VICTIM),
    accounts: fc.subarray([ACCOUNT, OTHER]),
    passMs: fc.constantFrom(0, 1, 1_000, 60_000, 150_000, RECHECK_MS),
    tookMs: fc.constantFrom(0, 1, 500, 50_000, 200_000),
  })
  const seen = { proven: 0, users: 0 }
  function judge(tokens: Tokens, events: readonly Event[], at: number, nowMs: number): void {
    const one = CREDENTIALS[at] as Credential
    const proven = tokens.isProven(one, nowMs)
    if (proven !== naivelyProven(events, at, nowMs)) throw new Error(`isProven of ${at} is ${proven}`)
    for (const on of [ACCOUNT, OTHER]) {
      const provenOn = tokens.isProvenOn(one, on, nowMs)
      if (provenOn !== naivelyProven(events, at, nowMs, on))
        throw new Error(`isProvenOn of ${at} is ${provenOn}`)
    }
    if (proven) seen.proven++
    if (tokens.knowsUser(one)) seen.users++
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 24 }), steps => {
      const tokens = makeTokens({ recheckMs: RECHECK_MS, max: 100 })
      const events: Event[] = []
      let nowMs = 1_000_000
      for (const { kind, who, user, accounts, passMs, tookMs } of steps) {
        nowMs += passMs
        const sentMs = nowMs - tookMs
        const credential = CREDENTIALS[who] as Credential
        const account = accounts[0] ?? OTHER
        if (kind === '2xx') {
          tokens.accepted(credential, sentMs, account)
          events.push({ kind, who, sentMs, account })
        } else if (kind === 'told') {
          tokens.told(credential.token, { user, accounts }, sentMs)
          events.push({ kind, who, sentMs, user, accounts })
        } else if (kind === 'issued') {
          tokens.issued(credential.token, { user }, sentMs)
          events.push({ kind, who, sentMs, user })
        } else if (kind === '401') {
          tokens.forget(credential, nowMs)
          events.push({ kind, who, atMs: nowMs })
        }
        for (let at = 0; at < 9; at++) if (sameToken(at, who)) judge(tokens, events, at, nowMs)
      }
      for (let at = 0; at < 9; at++) judge(tokens, events, at, nowMs)
      const named = CREDENTIALS.map((_, at) => `${naiveUser(events, at) ?? at} ${at % 3}`)
      const viewers = CREDENTIALS.map(one => tokens.viewerOf(one))
      const firsts = (list: readonly string[]) => list.map(one => list.indexOf(one))
      if (firsts(viewers).join() !== firsts(named).join())
        throw new Error(`viewers ${firsts(viewers).join()}`)
    }),
    { numRuns: 400 },
  )
  t.ok(seen.proven > 1_000 && seen.users > 1_000, 'and both were often so')
  t.end()
})

function introspection(answer: (authorization: string) => Promise<Introspected | undefined>) {
  const clock = makeManualClock(1_000)
  const tokens = makeTokens({ recheckMs: RECHECK_MS })
  const asked: string[] = []
  const rooms = makeIntrospection({
    ask(authorization) {
      asked.push(authorization)
      return answer(authorization)
    },
    tokens,
    clock,
    isOn: true,
  })
  const resolve = (token: string, more: IncomingHttpHeaders = {}) =>
    rooms.resolve(bearer(token, more), `Bearer ${token}`)
  return { clock, tokens, asked, rooms, resolve }
}

const bodyOf = (value: unknown) => Buffer.from(JSON.stringify(value))
const USERINFO = bodyOf({
  sub: USER.toUpperCase(),
  accounts: [{ account_id: ACCOUNT, base_uri: 'https://x' }],
})
const TOLD: Introspected = { status: 200, body: USERINFO }

void t.test('fifty callers of one token ask once, and all of them know', async t => {
  let tell: (answer: Introspected) => void = () => undefined
  const { asked, tokens, resolve, clock, rooms } = introspection(() => new Promise(answer => (tell = answer)))
  const waits = Array.from(
    { length: 50 },
    () => resolve('a') ?? Promise.reject(new Error('nobody was asked')),
  )
  tell(TOLD)
  await Promise.all(waits)
  t.same(asked, ['Bearer a'])
  t.ok(tokens.knowsUser(bearer('a')))
  t.ok(tokens.isProvenOn(bearer('a'), ACCOUNT, clock.nowMs()))
  t.equal(resolve('a'), undefined, 'and then there is nothing to learn')
  t.equal(rooms.sizes.inFlight, 0)
  t.equal(clock.pending, 0)

  await clock.advance(RECHECK_MS)
  const again = resolve('a')
  t.ok(again, 'until the proof is too old')
  tell(TOLD)
  await again
  t.ok(tokens.isProven(bearer('a'), clock.nowMs()))
})

void t.test('only what userinfo can tell is asked of it', t => {
  const { asked, rooms, resolve, tokens } = introspection(() => new Promise(() => undefined))
  const legacy = { 'x-docusign-authentication': 'l' }
  t.equal(rooms.resolve(credentialOf(legacy), ''), undefined)
  t.equal(rooms.resolve(credentialOf({ authorization: 'Basic a' }), 'Basic a'), undefined)
  t.equal(resolve('a', legacy), undefined)
  tokens.told(bearerKey('known'), { user: USER, accounts: [] }, 0)
  t.equal(resolve('known', actingFor('x')), undefined, 'it cannot prove that a token may act for x')
  rooms.configure({ isOn: false })
  t.equal(resolve('a'), undefined)
  t.same(asked, [])
  rooms.configure({ isOn: true })
  t.ok(resolve('b', actingFor('x')), 'but whose it is')
  t.end()
})

void t.test('a slow userinfo holds no call longer than 2 s, and its late answer still counts', async t => {
  let tell: (answer: Introspected) => void = () => undefined
  const { asked, tokens, resolve, clock } = introspection(() => new Promise(answer => (tell = answer)))
  const sentMs = clock.nowMs()
  let isHeld = true
  void resolve('a')?.then(() => (isHeld = false))
  await clock.advance(1_999)
  t.ok(isHeld)
  await clock.advance(1)
  t.notOk(isHeld)
  t.equal(resolve('a'), undefined, 'nobody else waits for it')
  t.equal(asked.length, 1)
  await clock.advance(20_000)
  tell(TOLD)
  await clock.settle()
  t.ok(tokens.isProven(bearer('a'), sentMs + RECHECK_MS - 1))
  t.notOk(tokens.isProven(bearer('a'), sentMs + RECHECK_MS), 'and is as old as its call')
})

void t.test('eight calls are in flight at most; the others go on as mere hashes', async t => {
  const tells: ((answer: Introspected) => void)[] = []
  const { asked, resolve, rooms } = introspection(() => new Promise(answer => tells.push(answer)))
  const waits = Array.from({ length: 20 }, (_, at) => resolve(`t${at}`))
  t.equal(waits.filter(wait => wait !== undefined).length, 8)
  t.equal(asked.length, 8)
  tells[3]?.(TOLD)
  await waits[3]
  t.equal(rooms.sizes.inFlight, 7)
  t.ok(resolve('t19'))
})

void t.test('a token that userinfo did not answer for is left alone for a minute', async t => {
  const odd = [
    { status: 500 },
    { status: 200 },
    { status: 200, body: Buffer.from('{"sub":') },
    { status: 200, body: bodyOf({ sub: 'someone', accounts: [] }) },
    { status: 200, body: bodyOf({ sub: USER, accounts: [], more: 'x'.repeat(1_048_576) }) },
    { status: 400, body: bodyOf({ errorCode: 'INVALID_REQUEST' }) },
    undefined,
    'throws' as const,
  ]
  for (const answer of odd) {
    const { asked, resolve, clock, tokens } = introspection(() =>
      answer === 'throws' ? Promise.reject(new Error('reset')) : Promise.resolve(answer),
    )
    tokens.accepted(bearer('a'), clock.nowMs(), ACCOUNT)
    await resolve('a')
    t.ok(tokens.isProven(bearer('a'), clock.nowMs()), 'it says nothing against the token')
    await clock.advance(59_999)
    t.equal(resolve('a'), undefined)
    t.ok(resolve('b'), 'another token is another matter')
    await clock.advance(1)
    t.ok(resolve('a'))
    t.same(asked, ['Bearer a', 'Bearer b', 'Bearer a'])
  }
})

void t.test('a 401 of userinfo forgets the token at once', async t => {
  const { asked, resolve, clock, tokens } = introspection(() => Promise.resolve({ status: 401 }))
  tokens.issued(bearerKey('a'), { user: USER }, 0)
  tokens.accepted(bearer('a', actingFor('x')), 1_000 - RECHECK_MS, ACCOUNT)
  await resolve('a')
  t.notOk(tokens.knowsUser(bearer('a')))
  t.notOk(tokens.isProven(bearer('a', actingFor('x')), 0))
  t.equal(resolve('a'), undefined)
  await clock.advance(60_000)
  await resolve('a')
  t.equal(asked.length, 2)
})

void t.test('once userinfo says that a limit is spent, nobody is asked for until it ends', async t => {
  const code = bodyOf({ errorCode: 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED', message: '' })
  const lengths: readonly (readonly [Introspected, number])[] = [
    [{ status: 429, retryAfterMs: 1_234_567 }, 1_234_567],
    [{ status: 400, body: code, retryAfterMs: 5_000 }, 5_000],
    [{ status: 429 }, 60_000],
    [{ status: 400, body: code }, 120_000],
    [{ status: 429, retryAfterMs: 0 }, 240_000],
    [{ status: 429 }, 480_000],
    [{ status: 429 }, 960_000],
    [{ status: 429 }, 1_920_000],
    [{ status: 429 }, 3_600_000],
    [{ status: 429 }, 3_600_000],
    [TOLD, 0],
    [{ status: 429 }, 60_000],
    [{ status: 429, retryAfterMs: 1e15 }, 86_400_000],
  ]
  let at = 0
  const { asked, resolve, clock } = introspection(() => Promise.resolve(lengths[at++]?.[0]))
  for (const [, pauseMs] of lengths) {
    const before = asked.length
    await resolve(`t${at}`)
    t.equal(asked.length, before + 1)
    if (pauseMs === 0) continue
    await clock.advance(pauseMs - 1)
    t.equal(resolve(`other${at}`), undefined)
    await clock.advance(1)
  }
})

void t.test('refusals that were under way together are one: the pause is not doubled by each', async t => {
  const tells: ((answer: Introspected) => void)[] = []
  const { asked, resolve, clock } = introspection(() => new Promise(answer => tells.push(answer)))
  for (let at = 0; at < 8; at++) void resolve(`t${at}`)
  for (const tell of tells) tell({ status: 429 })
  await clock.settle()
  await clock.advance(59_999)
  t.equal(resolve('x'), undefined)
  await clock.advance(1)
  t.ok(resolve('x'))
  t.equal(asked.length, 9)
})

void t.test('an answer to what was asked before the pause does not shorten the next one', async t => {
  const tells: ((answer: Introspected) => void)[] = []
  const { resolve, clock } = introspection(() => new Promise(answer => tells.push(answer)))
  for (const token of ['slow', 'a']) void resolve(token)
  tells[1]?.({ status: 429 })
  await clock.settle()
  tells[0]?.(TOLD)
  await clock.advance(60_000)
  void resolve('b')
  tells[2]?.({ status: 429 })
  await clock.settle()
  await clock.advance(119_999)
  t.equal(resolve('c'), undefined)
  await clock.advance(1)
  t.ok(resolve('c'))
})

const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const GRANTED = bodyOf({ access_token: 'new', token_type: 'Bearer', expires_in: 3600 })
const basic = (key: string) => ({
  ...FORM,
  authorization: `Basic ${Buffer.from(`${key}:secret`).toString('base64')}`,
})
const requestOf = (body: string | Buffer, headers: IncomingHttpHeaders = FORM, query = ''): TokenRequest => ({
  query,
  headers,
  body: Buffer.from(body),
})
const jwtForm = (claims: unknown) =>
  new URLSearchParams({ grant_type: JWT_GRANT, assertion: jws(claims) }).toString()

void t.test('a token endpoint’s answer says whose the token is', t => {
  const token = bearer('new').token
  const claims = {
    iss: KEY.toUpperCase(),
    sub: USER,
    aud: 'account-d.docusign.com',
    scope: 'signature impersonation',
  }
  t.same(readTokenGrant(requestOf(jwtForm(claims)), GRANTED), { token, user: USER, integrationKey: KEY })
  const utf8 = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }
  t.same(readTokenGrant(requestOf(jwtForm(claims), utf8), GRANTED)?.user, USER)
  const byKey = { token, integrationKey: KEY }
  t.same(readTokenGrant(requestOf('grant_type=authorization_code&code=c%2Fd', basic(KEY)), GRANTED), byKey)
  t.same(readTokenGrant(requestOf('grant_type=refresh_token&refresh_token=a=', basic(KEY)), GRANTED), byKey)
  const publicClient = `grant_type=authorization_code&code=c&code_verifier=v&client_id=${KEY}`
  t.same(readTokenGrant(requestOf(publicClient), GRANTED), byKey)
  t.equal(readTokenGrant(requestOf(publicClient, basic(OTHER)), GRANTED), undefined, 'two names are none')
  t.end()
})

void t.test('a request that another reader could take for another says nothing of the user', t => {
  const mine = { iss: KEY, sub: USER }
  const theirs = jws({ iss: KEY, sub: VICTIM })
  const honest = jwtForm(mine)
  const payloads = [
    `{"iss":"${KEY}","sub":"${USER}","sub":"${VICTIM}"}`,
    `{"iss":"${KEY}","sub":"${USER}","SUB" : "${VICTIM}"}`,
    `{"iss":"${KEY}","\\u0073ub":"${USER}","sub":"${VICTIM}"}`,
    `{"iss":"${KEY}","sub":"${VICTIM}","x":{"sub":"${USER}"}}`,
    `{"iss":"${KEY}","iss":"${OTHER}","sub":"${VICTIM}"}`,
    `{"iss":"${KEY}","sub":["${VICTIM}"]}`,
    `{"iss":"${KEY}","sub":"${VICTIM} "}`,
    `{"iss":"${KEY}"}`,
    `\ufeff{"iss":"${KEY}","sub":"${VICTIM}"}`,
    `{"iss":"${KEY}","x":{"sub":"${VICTIM}"}}`,
    // A quote in two bytes where one would do: some readers take it for one.
    Buffer.from(`{"iss":"${KEY}","sub":"${VICTIM}","x":"\xc0\xa2"}`, 'latin1'),
    `[{"iss":"${KEY}","sub":"${VICTIM}"}]`,
  ]
  const requests: readonly (readonly [string, TokenRequest])[] = [
    ...payloads.map(payload => [String(payload), requestOf(jwtForm(payload))] as const),
    ['twice', requestOf(`${honest}&assertion=${theirs}`)],
    ['twice, in other letters', requestOf(`Assertion=${theirs}&${honest}`)],
    ['twice, escaped', requestOf(`${honest}&%61ssertion=${theirs}`)],
    ['another separator', requestOf(honest.replace('&', `&scope=x;assertion=${theirs}&`))],
    ['another separator, later', requestOf(honest.replace('&', `&scope=x=y;assertion=${theirs}&`))],
    ['no value', requestOf(`${honest}&scope`)],
    ['in the query too', requestOf(honest, FORM, `assertion=${theirs}`)],
    ['another charset', requestOf(honest, { 'content-type': `${FORM['content-type']}; charset=utf-7` })],
    ['no form', requestOf(honest, { 'content-type': 'application/json' })],
    ['no type', requestOf(honest, {})],
    ['compressed', requestOf(honest, { ...FORM, 'content-encoding': 'gzip' })],
    ['another grant', requestOf(honest.replace('jwt-bearer', 'saml2-bearer'))],
    ['no body kept', { query: '', headers: FORM, body: undefined }],
    ['too long', requestOf(`${honest}&scope=${'x'.repeat(65_536)}`)],
    ['bad escape', requestOf(`${honest}&scope=%zz`)],
    ['no JWS', requestOf(`grant_type=${JWT_GRANT}&assertion=${theirs}.x`)],
  ]
  for (const [name, request] of requests) t.equal(readTokenGrant(request, GRANTED), undefined, name)
  const answers = ['', '[]', 'null', '{"access_token":"new"}', '{"access_token":"a b","token_type":"Bearer"}']
  answers.push('{"access_token":["new"],"token_type":"Bearer"}', '{"access_token":"new","token_type":"mac"}')
  answers.push(
    '{"__proto__":{"access_token":"new","token_type":"Bearer"}}',
    `{"access_token":"${'x'.repeat(70_000)}","token_type":"Bearer"}`,
  )
  for (const answer of answers) t.equal(readTokenGrant(requestOf(honest), Buffer.from(answer)), undefined)
  t.ok(readTokenGrant(requestOf(honest), GRANTED), 'where the plain one is read')
  t.end()
})

void t.test('nothing that is sent or answered makes a reader throw', t => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map(array => Buffer.from(array))
  const json = fc.json({ maxDepth: 3 }).map(text => Buffer.from(text))
  const entry = fc.oneof(
    fc.jsonValue(),
    fc.record({ account_id: fc.oneof(fc.constant(ACCOUNT), fc.jsonValue()) }),
  )
  const info = fc
    .record({ sub: fc.oneof(fc.constant(USER), fc.jsonValue()), accounts: fc.array(entry) })
    .map(bodyOf)
  const form = fc
    .array(fc.tuple(fc.constantFrom('grant_type', 'assertion', 'client_id', '__proto__'), fc.string()))
    .map(fields => Buffer.from(fields.map(field => field.join('=')).join('&')))
  const headers = fc.record({
    'content-type': fc.constantFrom(FORM['content-type'], 'x'),
    authorization: fc.oneof(fc.string(), fc.constant('Basic OjoO')),
  })
  fc.assert(
    fc.property(
      fc.oneof(bytes, json, info, form),
      fc.oneof(bytes, json, info),
      headers,
      (body, answer, sent) => {
        const grant = readTokenGrant({ query: '', headers: sent, body }, answer)
        const told = readUserinfo(answer)
        if (told && told.user !== USER) throw new Error('a user out of nothing')
        return grant === undefined && (told?.accounts.every(account => account === ACCOUNT) ?? true)
      },
    ),
    { numRuns: 2_000 },
  )
  t.same(readUserinfo(USERINFO), { user: USER, accounts: [ACCOUNT] })
  t.end()
})

void t.test('OAuth calls that pass teach whose tokens are, and only what they are about', t => {
  const identify = makeIdentify({ apps: [], isOurs: () => false }, () => 'other')
  const callOf = (method: string, target: string) => {
    const call = identify(method, target)
    if (call.kind !== 'call') throw new Error(call.message)
    return call
  }
  const userinfo: OAuthExchange = {
    headers: { authorization: 'Bearer a' },
    body: undefined,
    sentMs: 5,
    answer: gzipSync(USERINFO),
    encoding: 'gzip',
  }
  function knows(method: string, target: string, exchange: OAuthExchange, token: string) {
    const tokens = makeTokens({ recheckMs: RECHECK_MS })
    makeOAuthTraffic(tokens).learn(callOf(method, target), exchange)
    return (
      tokens.knowsUser(bearer(token)) && (tokens.isProvenOn(bearer(token), ACCOUNT, 5) ? 'proven' : 'known')
    )
  }
  t.equal(knows('GET', '/oauth/userinfo', userinfo, 'a'), 'proven')
  t.equal(knows('GET', '/apps/crm/oauth/userinfo', userinfo, 'a'), 'proven')
  t.notOk(knows('GET', '/oauth/userinfo?access_token=b', userinfo, 'a'))
  t.notOk(knows('GET', '/oauth/userinfo', { ...userinfo, body: Buffer.from('access_token=b') }, 'a'))
  for (const more of [{ cookie: 'session' }, { 'x-docusign-authentication': 'l' }, actingFor('x')]) {
    const headers = { ...userinfo.headers, ...more }
    t.notOk(knows('GET', '/oauth/userinfo', { ...userinfo, headers }, 'a'))
  }
  t.notOk(knows('GET', '/restapi/v2.1/accounts/x/users', userinfo, 'a'))
  t.notOk(knows('POST', '/oauth/userinfo', userinfo, 'a'))
  t.notOk(knows('GET', '/oauth/userinfo', { ...userinfo, encoding: '' }, 'a'))

  const grant: OAuthExchange = {
    headers: FORM,
    body: Buffer.from(jwtForm({ iss: KEY, sub: USER })),
    sentMs: 5,
    answer: GRANTED,
    encoding: '',
  }
  t.equal(knows('POST', '/oauth/token', grant, 'new'), 'known')
  t.notOk(knows('POST', '/oauth/token?x=y', grant, 'new'))
  t.notOk(knows('GET', '/oauth/token', grant, 'new'))
  const traffic = makeOAuthTraffic(makeTokens({ recheckMs: RECHECK_MS }))
  t.ok(traffic.wantsBytes(callOf('POST', '/oauth/token')))
  t.ok(traffic.wantsBytes(callOf('GET', '/oauth/userinfo')))
  t.equal(traffic.wantsBytes(callOf('GET', '/oauth/auth')), undefined)
  t.end()
})

void t.test('however many tokens come, what is remembered of them has a bound', async t => {
  const max = 1_000
  const tokens = makeTokens({ recheckMs: RECHECK_MS, max })
  const clock = makeManualClock()
  const rooms = makeIntrospection({ ask: async () => undefined, tokens, clock, isOn: true })
  const mine = bearer('mine')
  tokens.accepted(mine, 1, ACCOUNT)
  const accounts = Array.from({ length: 500 }, () => randomUUID())
  for (let at = 0; at < 100_000; at++) {
    const token = randomBytes(12).toString('base64url')
    const credential = bearer(token, at % 2 === 0 ? {} : actingFor(token))
    tokens.forget(credential, 2)
    if (at === 50_000) t.ok(tokens.isProven(mine, 3), 'those that were refused push out none that was taken')
    if (at < 50_000) continue
    tokens.accepted(credential, 3, ACCOUNT)
    if (at % 100 === 0) tokens.told(credential.token, { user: USER, accounts }, 3)
    if (at % 4 === 0) await rooms.resolve(credential, token)
  }
  t.same(tokens.sizes, { tokens: max, proofs: max, refused: max })
  t.equal(rooms.sizes.inFlight, 0)
  t.equal(rooms.sizes.quiet, 10_000)
  t.notOk(tokens.isProven(mine, 3), 'what fell out is to be proven anew')
})
