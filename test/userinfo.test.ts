/**
 * When userinfo is asked again of a token whose user is known: only where what it says can change what becomes of the
 * call. Held against a world in which everybody knows at every call what userinfo would say.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { makeIdentify } from '../src/identify/identify.js'
import { makeRoutes } from '../src/identify/routes.js'
import type { Asking } from '../src/shield/asking.js'
import type { Recalled } from '../src/shield/recall.js'
import type { Reply } from '../src/shield/reply.js'
import { makeShield, type ShieldConfig } from '../src/shield/shield.js'
import type { Visitor } from '../src/shield/visitor.js'
import { makeClosedVault, makeMemoryNotebook } from '../src/state/memory.js'
import { startGoverned } from './fixtures/governed.js'
import { ROOT } from './fixtures/governor.js'
import { makeHandClock } from './fixtures/hand-clock.js'

const TABLE = readFileSync(new URL('config/docusign-routes.tsv', ROOT), 'utf8')
const identify = makeIdentify({ apps: [], isOurs: () => false }, makeRoutes(TABLE))
const ACCOUNT = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const GUIDS = ['7a5f1e05-6b6b-445e-9ec0-b8531bacca38', '93be49ab-afa0-4adf-933c-f752070d71ec'] as const
const USERS = { ann: '11111111-2222-4333-8444-555555555555', bob: '66666666-7777-4888-9999-aaaaaaaaaaaa' }
const INTERVAL_MS = 60_000
const RECHECK_MS = 20_000
const JSON_LINES = ['Content-Type', 'application/json']

/** One user has two tokens, and two apps use them. */
const TOKENS = { ann1: 'ann', ann2: 'ann', bob1: 'bob' } as const
type Token = keyof typeof TOKENS
const CALLERS = (['ann1', 'ann2', 'bob1'] as const).flatMap(token =>
  ['', '/apps/x'].map(app => ({ token, app })),
)

interface Policy {
  readonly share: 'viewer' | 'account'
  readonly staleIfErrorMs: number
  readonly mode: 'enforce' | 'observe'
  readonly withoutCopy: 'refuse' | 'pass'
}

type Step =
  | {
      readonly do: 'ask'
      readonly caller: number
      readonly envelope: 0 | 1
      readonly method: 'GET' | 'HEAD'
      readonly query: string
    }
  | { readonly do: 'land' | 'fail'; readonly which: number }
  | { readonly do: 'write' | 'end'; readonly envelope: 0 | 1 }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'revoke'; readonly token: Token }

const envelope = fc.constantFrom<0 | 1>(0, 1)
const POLICY: fc.Arbitrary<Policy> = fc.record({
  share: fc.constantFrom('viewer', 'account'),
  staleIfErrorMs: fc.constantFrom(0, 0, 1e9),
  mode: fc.constantFrom('enforce', 'enforce', 'observe'),
  withoutCopy: fc.constantFrom('refuse', 'refuse', 'pass'),
})
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      caller: fc.nat(CALLERS.length - 1),
      envelope,
      method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD'),
      query: fc.constantFrom('', '', '?include=tabs'),
    }),
  },
  { weight: 9, arbitrary: fc.record({ do: fc.constant('land' as const), which: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fail' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('write' as const), envelope }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 2_000, RECHECK_MS - 1, RECHECK_MS, INTERVAL_MS),
    }),
  },
  {
    // What has ended stays so, and what was revoked: one in a history or none.
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 24 }).map(n => {
      if (n < 2) return { do: 'end' as const, envelope: n as 0 | 1 }
      return n === 2 ? { do: 'revoke' as const, token: 'ann2' as const } : { do: 'pass' as const, ms: n }
    }),
  },
)

interface Led {
  readonly number: number
  readonly visitor: Visitor
  readonly token: Token
  readonly envelope: 0 | 1
  readonly asking: Asking
  readonly status: number
}

function configOf({ share, staleIfErrorMs, mode, withoutCopy }: Policy): ShieldConfig {
  return {
    polling: { intervalMs: INTERVAL_MS, mode, withoutCopy, lists: false },
    cache: {
      enabled: true,
      terminalMaxAgeMs: 2 * INTERVAL_MS,
      maxBytes: 1e8,
      maxEntryBytes: 1e6,
      staleIfErrorMs,
      share,
    },
    identity: { introspect: true, recheckMs: RECHECK_MS },
  }
}

/** @param knowsAll DocuSign's word of every token is heard before each of its calls, so that nobody needs to ask */
function makeWorld(policy: Policy, knowsAll: boolean) {
  const clock = makeHandClock()
  const revoked = new Set<Token>()
  const ended = new Set<number>()
  const met = new Set<Token>()
  /** Of each question, in order: what became of it. */
  const fates: string[][] = []
  const led: Led[] = []
  const seen = { asked: 0, revoked: 0, idle: 0, spared: 0 }
  let asking = ''

  const userinfoOf = (token: Token) =>
    Buffer.from(JSON.stringify({ sub: USERS[TOKENS[token]], accounts: [{ account_id: ACCOUNT }] }))
  const shield = makeShield(configOf(policy), {
    clock,
    turns: { atEnd: run => void setImmediate(run) },
    vault: makeClosedVault(),
    notebook: makeMemoryNotebook(),
    askUserinfo(authorization) {
      const token = authorization.replace('Bearer ', '') as Token
      if (met.has(token) && !revoked.has(token)) asking = token
      met.add(token)
      seen.asked++
      if (revoked.has(token)) seen.revoked++
      return Promise.resolve(revoked.has(token) ? { status: 401 } : { status: 200, body: userinfoOf(token) })
    },
    nameOf: account => account,
    namesOf: account => [account],
  })

  function visit({ token, app }: { token: Token; app: string }, method: string, path: string) {
    const call = identify(method, app + path)
    if (call.kind === 'refusal') throw new Error(call.message)
    return shield.visit(call, { authorization: `Bearer ${token}` }, undefined)
  }

  function hear(token: Token): void {
    const passing = shield.pass(visit({ token, app: '' }, 'GET', '/oauth/userinfo'))
    passing.sending()
    passing.answered(revoked.has(token) ? 401 : 200)
    const flow = passing.flows(JSON_LINES)
    flow?.take(userinfoOf(token))
    flow?.end(true)
  }

  const pathOf = (index: 0 | 1) => `/restapi/v2.1/accounts/${ACCOUNT}/envelopes/${GUIDS[index]}`
  const textOf = ({ status, body }: Reply) => (body instanceof Buffer ? body.toString() : String(status))

  async function ask({ caller, envelope, method, query }: Extract<Step, { do: 'ask' }>): Promise<void> {
    const { token, app } = CALLERS[caller] ?? { token: 'ann1' as const, app: '' }
    const number = fates.length
    const fate: string[] = []
    fates.push(fate)
    for (;;) {
      if (knowsAll) hear(token)
      const visitor = visit({ token, app }, method, pathOf(envelope) + query)
      const before = seen.asked
      const recalled: Recalled | undefined = await shield.recall(visitor, clock.nowMs() + 1e9)
      fate.push(recalled?.kind ?? 'on')
      if (recalled?.kind === 'remembered') fate.push(textOf(recalled.reply))
      if (recalled?.kind === 'too-soon') fate.push(String(recalled.restMs))
      const isUp = recalled === undefined || recalled.kind === 'ask'
      if (isUp && seen.asked === before) seen.spared++
      // A token whose user was known was asked about, and DocuSign all the same.
      if (isUp && asking === token) seen.idle++
      asking = ''
      if (recalled?.kind === 'ask') {
        recalled.sending()
        recalled.leaving()
        led.push({
          number,
          visitor,
          token,
          envelope,
          asking: recalled,
          status: revoked.has(token) ? 401 : 200,
        })
      }
      if (recalled?.kind !== 'follow') return
      const shared = await recalled.follower.result
      fate.push(shared.kind === 'shared' ? textOf(recalled.replyOf(shared)) : shared.kind)
      if (shared.kind !== 'free') return
    }
  }

  function land({ number, token, envelope, asking, status }: Led): void {
    const said = { envelopeId: GUIDS[envelope], status: ended.has(envelope) ? 'completed' : 'sent' }
    const body = { ...said, for: TOKENS[token], number }
    asking.answered(status)
    if (status === 401) return asking.ended()
    const flow = asking.flows(JSON_LINES)
    flow?.take(Buffer.from(JSON.stringify(body)))
    flow?.end(true)
  }

  async function fail({ visitor, asking, number }: Led): Promise<void> {
    asking.failed('maybe')
    asking.ended()
    const stale = await shield.stale(visitor)
    fates[number]?.push(stale ? `stale ${textOf(stale)}` : 'failed')
  }

  /** Before time passes, because a proof may grow old meanwhile: whoever waits along then is another matter. */
  async function landAll(): Promise<void> {
    for (let one = led.shift(); one; one = led.shift()) {
      land(one)
      await settled()
    }
  }

  return {
    fates,
    seen,
    async take(step: Step): Promise<void> {
      if (step.do === 'ask') void ask(step)
      if (step.do === 'pass' || step.do === 'revoke') await landAll()
      if (step.do === 'pass') clock.pass(step.ms)
      if (step.do === 'end') ended.add(step.envelope)
      if (step.do === 'revoke') {
        revoked.add(step.token)
        // Until then its last acceptance is believed.
        clock.pass(RECHECK_MS)
      }
      if (step.do === 'write' && !ended.has(step.envelope)) {
        const passing = shield.pass(visit({ token: 'bob1', app: '' }, 'PUT', pathOf(step.envelope)))
        passing.sending()
        passing.answered(200)
      }
      if (step.do === 'land' || step.do === 'fail') {
        led.sort((a, b) => a.number - b.number)
        const [one] = led.splice(step.which % Math.max(1, led.length), 1)
        if (one) await (step.do === 'land' ? land(one) : fail(one))
      }
      await settled()
    },
  }
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 6; turns++) await new Promise(resolve => setImmediate(resolve))
}

void t.test(
  'asked only where it can matter, userinfo decides no call otherwise than asked of everybody',
  async t => {
    const sum = { asked: 0, spared: 0 }
    const kinds = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(POLICY, fc.array(STEP, { minLength: 60, maxLength: 120 }), async (policy, steps) => {
        const world = makeWorld(policy, false)
        const reference = makeWorld(policy, true)
        for (const [at, step] of steps.entries()) {
          await world.take(step)
          await reference.take(step)
          const [got, wanted] = [world.fates, reference.fates].map(one => JSON.stringify(one))
          if (got !== wanted) throw new Error(`after step ${at}: ${got} but for whoever knows all ${wanted}`)
        }
        if (reference.seen.asked > reference.seen.revoked) throw new Error('who knows all has asked')
        const mayBeStale = policy.staleIfErrorMs > 0
        if (!mayBeStale && world.seen.idle > 0) throw new Error(`${world.seen.idle} asked for nothing`)
        for (const fate of world.fates) {
          const kind = fate[0]?.split(' ')[0] ?? ''
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
        }
        sum.asked += world.seen.asked
        sum.spared += world.seen.spared
      }),
      { numRuns: 300, endOnFailure: true },
    )
    t.comment(JSON.stringify([sum, Object.fromEntries(kinds)]))
    t.ok(Math.min(sum.asked, sum.spared) > 1_000, 'both happened')
    for (const kind of ['ask', 'remembered', 'follow', 'too-soon', 'on']) {
      t.ok((kinds.get(kind) ?? 0) > 20, `some: ${kind}`)
    }
  },
)

void t.test('a token that was idle costs userinfo nothing where DocuSign has to be asked anyway', async t => {
  const house = await startGoverned({
    docusign: { hourLimit: 1e5, burstLimit: 1e5, pollInterval: 0.3 },
    settings: { GOVERNOR_IDENTITY_RECHECK: '0.2' },
  })
  t.teardown(house.stop)
  const asked = () => house.simulator.report().oauth.byRoute['/oauth/userinfo'] ?? 0
  const [living = '', other = ''] = house.simulator.addEnvelopes({ count: 2, status: 'sent' })
  const [done = ''] = house.simulator.addEnvelopes({ status: 'completed' })
  const outcome = async (id: string) =>
    String((await house.ask(`/envelopes/${id}`)).headers['x-governor-outcome'])
  t.equal(await outcome(done), 'forwarded')
  t.equal(await outcome(living), 'forwarded')
  t.equal(asked(), 1, 'whose it is')
  // Past the interval, the recheck, and the second in which it is not asked again.
  await pause(1_200)
  t.equal(await outcome(living), 'forwarded', 'polled again')
  t.equal(asked(), 1)
  await pause(400)
  t.equal(await outcome(other), 'forwarded', 'read for the first time')
  t.equal(asked(), 1)
  await pause(400)
  t.equal(await outcome(done), 'remembered')
  t.equal(asked(), 2, 'before a copy answers')
})
