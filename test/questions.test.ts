/** The shield alone, under whatever may happen to questions on their way: before a naive model of what it promises. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { makeIdentify } from '../src/identify/identify.js'
import { makeRoutes } from '../src/identify/routes.js'
import type { Asking } from '../src/shield/asking.js'
import type { Reply } from '../src/shield/reply.js'
import { makeShield } from '../src/shield/shield.js'
import { makeClosedVault, makeMemoryNotebook } from '../src/state/memory.js'
import { ROOT } from './fixtures/governor.js'
import { makeHandClock } from './fixtures/hand-clock.js'

const TABLE = readFileSync(new URL('config/docusign-routes.tsv', ROOT), 'utf8')
const identify = makeIdentify({ apps: [], isOurs: () => false }, makeRoutes(TABLE))
const ACCOUNT = '/restapi/v2.1/accounts/a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const GUIDS = ['7a5f1e05-6b6b-445e-9ec0-b8531bacca38', '93be49ab-afa0-4adf-933c-f752070d71ec'] as const
const INTERVAL_MS = 900_000
const LINES = ['Content-Type', 'application/json; charset=utf-8']

/** What a body says of itself. */
interface Said {
  readonly who: string
  readonly path: string
  /** Writes to its envelope that had been answered when its GET was sent. */
  readonly writes: number
  /** Whether its envelope had ended by then. */
  readonly ended: boolean
  readonly headMs: number
}

interface Client {
  readonly who: string
  readonly app: string
}

const CLIENTS: readonly Client[] = ['ann', 'bob'].flatMap(who => ['', '/apps/x'].map(app => ({ who, app })))

type Step =
  | {
      readonly do: 'ask'
      readonly client: number
      readonly part: number
      readonly query: string
      readonly waitMs: number
    }
  | {
      readonly do: 'send' | 'answer' | 'cut' | 'fail' | 'requeue' | 'leave'
      readonly which: number
      readonly status: number
    }
  | { readonly do: 'unfollow'; readonly which: number }
  | { readonly do: 'write' | 'end'; readonly envelope: 0 | 1 }
  | { readonly do: 'pass'; readonly ms: number }

const which = fc.nat(30)
const status = fc.constantFrom(200, 200, 200, 404, 500)
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      client: fc.nat(CLIENTS.length - 1),
      part: fc.nat(2),
      query: fc.constantFrom('', '', '?include=tabs'),
      waitMs: fc.constantFrom(0, 1_000, 45_000),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('send', 'send', 'answer', 'answer', 'answer', 'cut', 'fail', 'requeue', 'leave'),
      which,
      status,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unfollow' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('write' as const), envelope: fc.constantFrom(0, 1) }),
  },
  {
    // What has ended is not written to any more, so it should not end at once.
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 40 }).map(n => {
      return n < 2 ? { do: 'end' as const, envelope: n as 0 | 1 } : { do: 'pass' as const, ms: n }
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(0, 1, 2_000, 2_000, 100_000, INTERVAL_MS - 1, INTERVAL_MS),
    }),
  },
)

/** A question that leads. */
interface Led {
  readonly asking: Asking
  readonly envelope: number
  readonly key: string
  readonly path: string
  readonly who: string
  state: 'held' | 'sent' | 'over'
  /** What DocuSign would say, and where it was sent in the order of all that happens. */
  said: Omit<Said, 'headMs'>
  sentAt: number
  readonly ledMs: number
}

interface Rule {
  isUnderWay: boolean
  headMs: number
  readAt: number
  /** How often it passed inside one interval, because a refusal had taken its caller's copies. */
  regained: number
}

/** Of one envelope, in one interval, so many new refusals let their caller read what he lost. */
const MOST_REGAINED = 4

/** One run of the shield; each thing it does is held against what it may. Throws where it may not. */
function makeWorld() {
  const clock = makeHandClock()
  const shield = makeShield(
    {
      polling: { intervalMs: INTERVAL_MS, mode: 'enforce', withoutCopy: 'refuse', lists: false },
      cache: {
        enabled: true,
        terminalMaxAgeMs: 86_400_000,
        maxBytes: 1e8,
        maxEntryBytes: 1e6,
        staleIfErrorMs: 0,
        share: 'viewer',
      },
      identity: { introspect: false, recheckMs: 1e9 },
    },
    {
      clock,
      turns: { atEnd: run => void run() },
      vault: makeClosedVault(),
      notebook: makeMemoryNotebook(),
      askUserinfo: () => Promise.resolve(undefined),
      nameOf: account => account,
      namesOf: account => [account],
    },
  )
  const rules = new Map<string, Rule>()
  /** Envelope and caller → the last time that DocuSign refused him something of it. */
  const losses = new Map<string, { readonly place: number; readonly ms: number }>()
  const led: Led[] = []
  const followers: (() => void)[] = []
  const waiting = new Set<string>()
  const envelopes = GUIDS.map(() => ({ writes: 0, writtenAt: -1, writtenMs: -Infinity, ended: false }))
  let place = 0
  let asks = 0
  const seen = { forwarded: 0, told: 0, refused: 0, afterWrite: 0 }

  function visit({ who, app }: Client, method: string, below: string) {
    const call = identify(method, `${app}${ACCOUNT}${below}`)
    if (call.kind === 'refusal') throw new Error(call.message)
    return shield.visit(call, { authorization: `Bearer ${who}` }, undefined)
  }

  function envelopeAt(index: number) {
    const envelope = envelopes[index]
    if (!envelope) throw new Error('no such envelope')
    return envelope
  }

  async function ask({ client: index, part, query, waitMs }: Extract<Step, { do: 'ask' }>): Promise<void> {
    const client = CLIENTS[index] ?? { who: '', app: '' }
    const at = part === 2 ? 1 : 0
    const resource = `/envelopes/${GUIDS[at]}${part === 1 ? '/recipients' : ''}`
    const path = resource + query
    const key = `${client.app === '' ? client.who : client.app} ${resource}`
    const name = `${asks++} ${client.who} ${path}`
    const { writes } = envelopeAt(at)
    const visitor = visit(client, 'GET', path)
    const untilMs = clock.nowMs() + waitMs
    const judge = ({ body }: Reply) => {
      const said = JSON.parse((body as Buffer).toString()) as Said
      must(said.who === client.who && said.path === path, `${name} was told ${JSON.stringify(said)}`)
      must(said.writes >= writes, `${name} was told of a time before a write`)
      const isOld = clock.nowMs() - said.headMs >= INTERVAL_MS
      must(!isOld || said.ended, `${name} was told what may have changed`)
      seen.told++
    }
    waiting.add(name)
    for (;;) {
      const recalled = await shield.recall(visitor, untilMs)
      if (!recalled) throw new Error('none of its business')
      if (recalled.kind === 'remembered') judge(recalled.reply)
      if (recalled.kind === 'too-soon') {
        const rule = rules.get(key)
        const restMs = (rule?.headMs ?? -Infinity) + INTERVAL_MS - clock.nowMs()
        must(recalled.restMs === restMs && restMs > 0, `${name}: ${restMs} ms are left`)
        seen.refused++
      }
      if (recalled.kind === 'ask') {
        const said = { who: client.who, path, writes: 0, ended: false }
        led.push({
          asking: recalled,
          envelope: at,
          key,
          path,
          who: client.who,
          state: 'held',
          said,
          sentAt: 0,
          ledMs: clock.nowMs(),
        })
      }
      if (recalled.kind !== 'follow') break
      followers.push(() => recalled.follower.leave())
      const shared = await recalled.follower.result
      if (shared.kind === 'free') continue
      if (shared.kind === 'shared' && shared.status === 200) judge(recalled.replyOf(shared))
      break
    }
    waiting.delete(name)
  }

  function send(one: Led): void {
    const nowMs = clock.nowMs()
    const { writes, writtenAt, writtenMs, ended } = envelopeAt(one.envelope)
    const rule = rules.get(one.key) ?? { isUnderWay: false, headMs: -Infinity, readAt: -1, regained: 0 }
    must(!rule.isUnderWay, `${one.key} was sent while it was under way`)
    const isInside = nowMs < rule.headMs + INTERVAL_MS
    // What it was led for was news when it was led; it may have been held since.
    const isNews = writtenAt > rule.readAt && one.ledMs < writtenMs + INTERVAL_MS
    const loss = losses.get(`${one.envelope} ${one.who}`)
    const isLost = loss !== undefined && loss.place > rule.readAt && one.ledMs < loss.ms + INTERVAL_MS
    must(!isInside || isNews || isLost, `${one.key} was sent ${nowMs - rule.headMs} ms after an answer`)
    rule.regained = isInside ? rule.regained + (isNews ? 0 : 1) : 0
    must(rule.regained <= MOST_REGAINED, `${one.key} was regained ${rule.regained} times`)
    if (isInside && isNews) seen.afterWrite++
    seen.forwarded++
    rule.isUnderWay = true
    rules.set(one.key, rule)
    one.state = 'sent'
    one.said = { ...one.said, writes, ended }
    one.sentAt = place++
    one.asking.sending()
    one.asking.leaving()
  }

  function landed(one: Led, isRead: boolean, headMs: number): void {
    const rule = rules.get(one.key)
    if (!rule) return
    rule.isUnderWay = false
    if (isRead) Object.assign(rule, { headMs, readAt: one.sentAt })
  }

  async function answer(one: Led, code: number, isCut: boolean): Promise<void> {
    const { asking, envelope, path, said } = one
    const headMs = clock.nowMs()
    one.state = 'over'
    const isEnvelope = path.startsWith(`/envelopes/${GUIDS[envelope]}`) && !path.includes('/recipients')
    const shown = isEnvelope && { envelopeId: GUIDS[envelope], status: said.ended ? 'completed' : 'sent' }
    const body = code === 200 ? JSON.stringify({ ...shown, ...said, headMs }) : '{"errorCode":"NO"}'
    asking.answered(code)
    if (code === 404) losses.set(`${envelope} ${one.who}`, { place: place++, ms: headMs })
    landed(one, code === 200 && !isCut, headMs)
    const flow = asking.flows(LINES)
    flow.take(Buffer.from(body.slice(0, 9)))
    await settled()
    if (!isCut) flow.take(Buffer.from(body.slice(9)))
    flow.end(!isCut)
  }

  function fail(one: Led): void {
    landed(one, false, 0)
    one.state = 'over'
    one.asking.failed('maybe')
    one.asking.ended()
  }

  const steps: Record<string, (one: Led, code: number) => Promise<void> | void> = {
    send: one => (one.state === 'held' ? send(one) : undefined),
    answer: (one, code) => (one.state === 'sent' ? answer(one, code, false) : undefined),
    cut: one => (one.state === 'sent' ? answer(one, 200, true) : undefined),
    fail: one => (one.state === 'sent' ? fail(one) : refuse(one)),
    requeue(one) {
      if (one.state !== 'sent') return
      landed(one, false, 0)
      one.state = 'held'
      one.asking.answered(429)
      one.asking.held()
    },
    leave(one) {
      one.asking.fetch.leaderLeft()
      if (one.asking.fetch.isWantedByOthers) return
      if (one.state === 'sent') fail(one)
      else refuse(one)
    },
  }

  function refuse(one: Led): void {
    one.state = 'over'
    one.asking.ended()
  }

  return {
    seen,
    async take(step: Step): Promise<void> {
      switch (step.do) {
        case 'ask':
          return void ask(step)
        case 'pass':
          return clock.pass(step.ms)
        case 'unfollow':
          return followers.splice(step.which % Math.max(1, followers.length), 1)[0]?.()
        case 'end':
          envelopeAt(step.envelope).ended = true
          return
        case 'write': {
          const envelope = envelopeAt(step.envelope)
          // What has ended is not written to.
          if (envelope.ended) return
          const passing = shield.pass(
            visit({ who: 'ann', app: '' }, 'PUT', `/envelopes/${GUIDS[step.envelope]}`),
          )
          passing.sending()
          passing.answered(200)
          Object.assign(envelope, {
            writes: envelope.writes + 1,
            writtenAt: place++,
            writtenMs: clock.nowMs(),
          })
          return
        }
        default: {
          const under = led.filter(({ state }) => state !== 'over')
          const one = under[step.which % Math.max(1, under.length)]
          if (one) await steps[step.do]?.(one, step.status)
        }
      }
    },
    /** All that is under way comes to its end, and whoever follows it to his. */
    async end(): Promise<void> {
      for (let rounds = 0; rounds < 100 && led.some(({ state }) => state !== 'over'); rounds++) {
        for (const one of [...led]) {
          if (one.state === 'held') send(one)
          await settled()
          if (one.state === 'sent') await answer(one, 200, false)
          await settled()
        }
      }
      must(waiting.size === 0, `for ever wait: ${[...waiting].join('; ')}`)
    },
  }
}

function must(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what)
}

function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

void t.test(
  'whatever happens: one GET in an interval, to each his own, and an end for everybody',
  async t => {
    const sum = { forwarded: 0, told: 0, refused: 0, afterWrite: 0 }
    const failures: unknown[] = []
    const note = (error: unknown) => void failures.push(error)
    process.on('unhandledRejection', note)
    t.teardown(() => process.off('unhandledRejection', note))
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 150, maxLength: 300 }), async steps => {
        const world = makeWorld()
        failures.length = 0
        for (const step of steps) {
          await world.take(step)
          await settled()
        }
        await world.end()
        await settled()
        if (failures.length > 0) throw failures[0]
        for (const name of ['forwarded', 'told', 'refused', 'afterWrite'] as const)
          sum[name] += world.seen[name]
      }),
      // Shrinking a run of 300 steps takes longer than anybody waits: the seed finds it again.
      { numRuns: 30, endOnFailure: true },
    )
    t.ok(Math.min(...Object.values(sum)) > 3, `all of it happened: ${JSON.stringify(sum)}`)
  },
)
