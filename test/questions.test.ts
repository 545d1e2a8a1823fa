/** The shield alone, under whatever may happen to questions on their way: before a naive model of what it promises. */
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import type { Vault } from '../src/base/vault.js'
import { makeIdentify } from '../src/identify/identify.js'
import { makeRoutes } from '../src/identify/routes.js'
import type { Asking } from '../src/shield/asking.js'
import type { Question } from '../src/shield/question.js'
import type { Recalled, Remembered } from '../src/shield/recall.js'
import type { Reply } from '../src/shield/reply.js'
import { makeShield, type ShieldConfig } from '../src/shield/shield.js'
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

function configOf(cacheEnabled: boolean): ShieldConfig {
  return {
    polling: { intervalMs: INTERVAL_MS, mode: 'enforce', withoutCopy: 'refuse', lists: false },
    cache: {
      enabled: cacheEnabled,
      terminalMaxAgeMs: 86_400_000,
      maxBytes: 1e8,
      maxEntryBytes: 1e6,
      staleIfErrorMs: 0,
      share: 'viewer',
    },
    identity: { introspect: false, recheckMs: 1e9 },
  }
}

/** One run of the shield; each thing it does is held against what it may. Throws where it may not. */
function makeWorld() {
  const clock = makeHandClock()
  const shield = makeShield(configOf(true), {
    clock,
    turns: { atEnd: run => void setImmediate(run) },
    vault: makeClosedVault(),
    notebook: makeMemoryNotebook(),
    askUserinfo: () => Promise.resolve(undefined),
    nameOf: account => account,
    namesOf: account => [account],
  })
  const rules = new Map<string, Rule>()
  /** Envelope and caller → the last time that DocuSign refused him something of it. */
  const losses = new Map<string, { readonly place: number; readonly ms: number }>()
  const led: Led[] = []
  const followers: (() => void)[] = []
  const waiting = new Set<string>()
  const envelopes = GUIDS.map(() => ({ writes: 0, writtenAt: -1, writtenMs: -Infinity, ended: false }))
  let place = 0
  let asks = 0
  const seen = { forwarded: 0, told: 0, refused: 0, afterWrite: 0, glanced: 0, sentOn: 0 }
  /** Questions that a copy has answered, as they are kept for when the same is asked again. */
  const answered = new Map<string, Question>()

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
      const before = answered.get(`${index} ${path}`)
      const glanced = before && shield.glance(before)
      const recalled = await shield.recall(visitor, untilMs)
      if (before) judgeGlance(name, glanced, recalled)
      if (recalled?.kind === 'remembered' && recalled.again) answered.set(`${index} ${path}`, recalled.again)
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

  /** At a glance comes what would have come the long way, or nothing; and where there is a copy, it is enough. */
  function judgeGlance(name: string, glanced: Remembered | undefined, recalled: Recalled | undefined): void {
    const isCopy = recalled?.kind === 'remembered'
    must(isCopy === (glanced !== undefined), `${name}: ${glanced?.kind} at a glance, else ${recalled?.kind}`)
    if (!isCopy || !glanced) return void seen.sentOn++
    const { again, ...long } = recalled
    const { again: none, ...short } = glanced
    must(JSON.stringify(short) === JSON.stringify(long) && !none && !!again, `${name}: told otherwise`)
    seen.glanced++
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
    if (!flow) return
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
      const isGoingOn = () => waiting.size > 0 || led.some(({ state }) => state !== 'over')
      for (let rounds = 0; rounds < 100 && isGoingOn(); rounds++) {
        await settled()
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
    const sum = { forwarded: 0, told: 0, refused: 0, afterWrite: 0, glanced: 0, sentOn: 0 }
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
        for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += world.seen[name]
      }),
      // Shrinking a run of 300 steps takes longer than anybody waits: the seed finds it again.
      { numRuns: 300, endOnFailure: true },
    )
    t.ok(Math.min(...Object.values(sum)) > 3, `all of it happened: ${JSON.stringify(sum)}`)
  },
)

/* What takes a certain order of things to happen, one by one. */

interface Shelf {
  readonly vault: Vault
  /** Ids that were removed, in order. */
  readonly removed: string[]
  /** Commits that this took. */
  removals: number
  /** Withdrawals that are open. */
  open: number
  /** Lets a withdrawal, or a deposit, go on. */
  release: () => void
  /** Until when they wait. */
  gate: Promise<void>
}

/** A vault in memory, whose disk is as slow as the test wants it. */
function makeSlowShelf(): Shelf {
  const kept = new Map<string, { readonly head: Buffer; readonly body: Buffer }>()
  const shelf: Shelf = {
    removed: [],
    removals: 0,
    open: 0,
    release: () => undefined,
    gate: Promise.resolve(),
    vault: {
      ...makeClosedVault(),
      isOpen: true,
      deposit(id, head) {
        const chunks: Buffer[] = []
        return {
          write(chunk) {
            chunks.push(chunk)
            return Promise.resolve()
          },
          async keep() {
            await shelf.gate
            kept.set(id, { head, body: Buffer.concat(chunks) })
            return true
          },
          discard: () => undefined,
        }
      },
      async withdraw(id) {
        await shelf.gate
        const found = kept.get(id)
        if (!found) return undefined
        shelf.open++
        let isOpen = true
        const close = () => {
          if (isOpen) shelf.open--
          isOpen = false
        }
        return { head: found.head, body: () => Readable.from([found.body]), close }
      },
      remove(ids) {
        shelf.removals++
        for (const id of ids) {
          kept.delete(id)
          shelf.removed.push(id)
        }
      },
    },
  }
  return shelf
}

function slowly(shelf: Shelf): void {
  shelf.gate = new Promise(resolve => (shelf.release = resolve))
}

/** A shield, and calls by their path. */
function makeScene(vault: Vault = makeClosedVault(), cacheEnabled = true) {
  const clock = makeHandClock()
  const shield = makeShield(configOf(cacheEnabled), {
    clock,
    turns: { atEnd: run => void setImmediate(run) },
    vault,
    notebook: makeMemoryNotebook(),
    askUserinfo: () => Promise.resolve(undefined),
    nameOf: account => account,
    namesOf: account => [account],
  })

  function visit(method: string, below: string, who = 'ann') {
    const call = identify(method, `${ACCOUNT}/envelopes/${GUIDS[0]}${below}`)
    if (call.kind === 'refusal') throw new Error(call.message)
    return shield.visit(call, { authorization: `Bearer ${who}` }, undefined)
  }

  const scene = {
    clock,
    shield,
    recall: async (below: string, who?: string) =>
      shield.recall(visit('GET', below, who), clock.nowMs() + 45_000),
    /** One that must be asked for. */
    async lead(below: string, who?: string): Promise<Asking> {
      const recalled = await scene.recall(below, who)
      if (recalled?.kind !== 'ask') throw new Error(`not asked: ${recalled?.kind}`)
      return recalled
    },
    async read(below: string, code = 200, body = '{}'): Promise<void> {
      const asking = await scene.lead(below)
      asking.sending()
      asking.leaving()
      scene.answer(asking, code, body)
      await settled()
    },
    answer(asking: Asking, code: number, body: string): void {
      asking.answered(code)
      const flow = asking.flows(LINES)
      flow?.take(Buffer.from(body))
      flow?.end(true)
    },
    /** One that passes. */
    pass(method: string, below: string, code: number): void {
      const passing = shield.pass(visit(method, below))
      passing.sending()
      passing.answered(code)
    },
  }
  return scene
}

const LARGE = 'x'.repeat(300_000)

void t.test('who is refused a part of an envelope reads what he lost once, whatever its query', async t => {
  const scene = makeScene()
  await scene.read('')
  scene.pass('GET', '/lock', 404)
  const again = await scene.lead('')
  const other = await scene.recall('?include=tabs')
  t.equal(other?.kind, 'follow', 'while that one waits for its leave')
  again.sending()
  scene.answer(again, 200, '{}')
  t.equal((await scene.recall('?include=tabs'))?.kind, 'too-soon')
})

void t.test('an error from before a write is told to nobody who asks after it', async t => {
  const scene = makeScene()
  const asking = await scene.lead('/lock')
  asking.sending()
  scene.pass('POST', '/lock', 201)
  const late = await scene.recall('/lock')
  if (late?.kind !== 'follow') throw new Error('he does not wait along')
  asking.answered(404)
  asking.told(LINES, Buffer.from('{}'))
  t.strictSame(await late.follower.result, { kind: 'free' })
})

void t.test('nobody who comes after a 401 is told what his token was shown before it', async t => {
  const scene = makeScene()
  const asking = await scene.lead('')
  asking.sending()
  scene.clock.pass(10)
  scene.pass('GET', '/recipients', 401)
  const late = await scene.recall('')
  if (late?.kind !== 'follow') throw new Error('he does not wait along')
  scene.answer(asking, 200, '{}')
  t.strictSame(await late.follower.result, { kind: 'free' })
})

void t.test('a GET that was answered has begun its interval, though all leave before its end', async t => {
  const scene = makeScene(makeClosedVault(), false)
  const asking = await scene.lead('')
  asking.sending()
  asking.leaving()
  const twin = await scene.recall('')
  if (twin?.kind !== 'follow') throw new Error('he does not wait along')
  asking.answered(200)
  const flow = asking.flows(LINES)
  flow?.take(Buffer.from('{'))
  asking.fetch.leader = { leave: () => flow?.end(false) }
  asking.fetch.leaderLeft()
  twin.follower.leave()
  t.equal((await scene.recall(''))?.kind, 'too-soon')
})

void t.test('what comes to light while a copy is being opened counts', async t => {
  for (const [name, change] of Object.entries({
    'a 401 of its asker': scene => scene.pass('GET', '/recipients', 401),
    'a write': scene => scene.pass('PUT', '', 200),
    'a purge': scene => void scene.shield.purge({}),
  } satisfies Record<string, (scene: ReturnType<typeof makeScene>) => void>)) {
    const shelf = makeSlowShelf()
    const scene = makeScene(shelf.vault)
    await scene.read('', 200, LARGE)
    const before = await scene.recall('')
    t.equal(before?.kind, 'remembered')
    if (before?.kind === 'remembered' && before.reply.body instanceof Readable) before.reply.body.destroy()
    const openBefore = shelf.open
    slowly(shelf)
    const recalled = scene.recall('')
    await settled()
    change(scene)
    shelf.release()
    t.not((await recalled)?.kind, 'remembered', name)
    t.equal(shelf.open, openBefore, `${name}: and it is let go`)
  }
})

void t.test('what is dropped while it is being written is gone from the vault at once', async t => {
  for (const body of ['{}', LARGE]) {
    const shelf = makeSlowShelf()
    const scene = makeScene(shelf.vault)
    slowly(shelf)
    await scene.read('', 200, body)
    scene.shield.purge({})
    t.equal(shelf.removed.length, 1, `${body.length} bytes`)
    shelf.release()
    await settled()
    t.equal((await scene.recall(''))?.kind, 'too-soon')
  }
})

void t.test(
  'a thousand who wait for one that is refused, and for the next, look a thousand times',
  async t => {
    const many = 1_000
    const scene = makeScene()
    const first = await scene.lead('')
    let looks = 0
    let led = 0
    const wait = async () => {
      for (;;) {
        const recalled = await scene.recall('')
        looks++
        if (recalled?.kind === 'ask') {
          led++
          return recalled.ended()
        }
        if (recalled?.kind !== 'follow' || (await recalled.follower.result).kind !== 'free') return
      }
    }
    const all = Promise.all(Array.from({ length: many }, wait))
    await settled()
    first.ended()
    await all
    t.equal(led, many, 'each in his turn')
    t.ok(looks <= 3 * many, `${looks} times`)
  },
)

void t.test('who leads after another is not told to those whom DocuSign has not accepted since', async t => {
  const scene = makeScene()
  const first = await scene.lead('')
  const [heir, third] = [await scene.recall(''), await scene.recall('')]
  if (heir?.kind !== 'follow' || third?.kind !== 'follow') throw new Error('they do not wait along')
  first.ended()
  t.strictSame(await heir.follower.result, { kind: 'free' })
  const next = await scene.lead('')
  next.sending()
  scene.clock.pass(10)
  scene.pass('GET', '/recipients', 401)
  scene.answer(next, 200, '{}')
  t.strictSame(await third.follower.result, { kind: 'free' })
})

void t.test('where the next one does not lead, those who wait with him look for themselves', async t => {
  const scene = makeScene()
  const first = await scene.lead('')
  const waiting = [await scene.recall(''), await scene.recall(''), await scene.recall('')]
  first.ended()
  for (const one of waiting) {
    if (one?.kind !== 'follow') throw new Error('he does not wait along')
    t.strictSame(await one.follower.result, { kind: 'free' })
  }
})

void t.test('one that makes many others go costs the store one commit', async t => {
  const shelf = makeSlowShelf()
  const scene = makeScene(shelf.vault)
  const keepOnly = (maxBytes: number) => {
    const { cache, ...config } = configOf(true)
    scene.shield.configure({ ...config, cache: { ...cache, maxBytes } })
  }
  // Three quarters of it are for copies that lie there.
  keepOnly(540_000)
  for (let i = 0; i < 300; i++) await scene.read(`/documents/${i}`)
  t.equal(shelf.removals, 0)
  await scene.read('/documents/combined', 200, LARGE)
  t.ok(shelf.removed.length > 150)
  t.equal(shelf.removals, 1)
  keepOnly(415_000)
  t.ok(shelf.removed.length > 200)
  t.equal(shelf.removals, 2)
})
