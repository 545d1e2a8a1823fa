/** The rooms of one replay, and the way of a call through them: that of `entry/corridor.ts`, with nobody at either end. */
import type { TraceRecord } from '../base/trace.js'
import type { Call, Reason } from '../base/types.js'
import type { Config } from '../config/settings.js'
import { governorSlice, shieldSlice } from '../config/slices.js'
import { makeAsk, type Asked, type Notes } from '../entry/ask.js'
import { NO_BODY } from '../entry/receive.js'
import { mayRepeat, readOrigin } from '../forward/exchange.js'
import { makeGovernor } from '../governor/governor.js'
import type { Wish } from '../governor/visit.js'
import { makeWicket } from '../governor/wicket.js'
import { bodyOf, makeSender, WHOLE_TELLING } from '../plan/answers.js'
import { makeCalls, type Names, type Replayed } from '../plan/calls.js'
import { makeDocusign, type Granted } from '../plan/docusign.js'
import { Lately } from '../plan/lately.js'
import { isStatusPoll } from '../plan/status-polls.js'
import { Tally } from '../plan/tally.js'
import type { Variation } from '../plan/variation.js'
import { makeVirtualClock } from '../plan/virtual-clock.js'
import type { Asking } from '../shield/asking.js'
import { makeShield, type Passing } from '../shield/shield.js'
import type { Visitor } from '../shield/visitor.js'
import { Listener, NO_JOURNAL } from './nobody.js'
import { makeSpare, type Spared } from './spare.js'
import { makeClosedVault } from '../state/memory.js'

export interface ReplayScenario {
  readonly config: Config
  readonly hourLimit: Granted
  readonly burstLimit: Granted
  /** What DocuSign's Connect would push need not be asked for. */
  readonly connect: boolean
  readonly variation: Variation
}

export interface ReplayParts {
  readonly names: Names
  /** Calls back once no promise job is left to run. */
  readonly whenIdle: (run: () => void) => void
  /** Asked after every call: whether to go on. */
  readonly goesOn?: ((tally: Tally) => boolean) | undefined
}

const ORIGIN = readOrigin('https://docusign.invalid')
/** What never came to a room. */
const UNREAD: ReadonlySet<Reason | undefined> = new Set(['bad-request'])

interface Userinfo {
  readonly status: number
  readonly body: Buffer
}

export type House = ReturnType<typeof makeHouse>

export function makeHouse(scenario: ReplayScenario, { names, whenIdle }: ReplayParts, epochMs: number) {
  const { config } = scenario
  const clock = makeVirtualClock(epochMs, whenIdle)
  const hourMs = config.limits.hour.window * 1000
  const burstMs = config.limits.burst.window * 1000
  const { hourLimit, burstLimit } = scenario
  const docusign = makeDocusign({ hourMs, burstMs, hourLimit, burstLimit }, clock)
  const governor = makeGovernor({ ...governorSlice(config), turnstile: makeWicket }, NO_JOURNAL, clock)
  const calls = makeCalls(names)
  const tally = new Tally({
    hourMs,
    burstMs,
    intervalMs: config.polling.interval * 1000,
    seed: scenario.variation.seed,
    limitOf: (account, window) => docusign.limitOf(account, window),
  })
  const shield = makeShield(shieldSlice(config), {
    clock,
    turns: clock.turns,
    vault: makeClosedVault(),
    notebook: undefined,
    askUserinfo: authorization => askUserinfo(authorization),
    nameOf: account => governor.nameOf(account),
    namesOf: account => governor.namesOf(account),
  })
  const sender = makeSender(docusign, clock)
  const ask = makeAsk({ governor, send: (shipment, leave) => sender.send(shipment, leave), mayRepeat }, clock)
  /** Envelopes that the shield has been told of. */
  const ended = new Lately<true>(MAX_ENDED)
  /** Of each token, what userinfo answers: a fifth of all calls ask, and it is the same each time. */
  const userinfos = new Lately<Userinfo>(MAX_USERINFOS)
  const spare = makeSpare({ shield, governor, tally, clock, origin: ORIGIN.text })
  let walking = 0

  /** A userinfo call takes as long as anything does of which nothing is known. */
  function askUserinfo(authorization: string): Promise<Userinfo> {
    tally.userinfo++
    let answer = userinfos.get(authorization)
    if (!answer) {
      const [, viewer = '', account = ''] = authorization.split(' ')
      const told = { sub: calls.guid(viewer), accounts: [{ account_id: account }] }
      userinfos.set(authorization, (answer = { status: 200, body: Buffer.from(JSON.stringify(told)) }))
    }
    return new Promise(resolve => clock.after(USERINFO_MS, () => resolve(answer)))
  }

  function comes(record: TraceRecord): void {
    const atMs = clock.wallMs()
    docusign.heard(record)
    if (record.service === 'oauth') {
      tally.oauth++
      return
    }
    const replayed = calls.of(record)
    const app = replayed.call.app.name
    tally.came(app, atMs)
    if (UNREAD.has(record.reason)) return tally.refuse('bad-request', app, atMs)
    if (record.ended === 'before' && record.envelope !== '') tellEnded(record.envelope, replayed)
    if (scenario.connect && isStatusPoll(record)) return tally.spare('connect', app, atMs)
    walk(record, replayed)
  }

  /** It was known then, by whatever answer had shown it; of lists, the trace does not say what they showed. */
  function tellEnded(hash: string, { call }: Replayed): void {
    if (ended.get(hash)) return
    ended.set(hash, true)
    const { envelope, account } = call
    const list = { ...call, envelope: undefined, method: 'GET', methodClass: 'read', route: LISTS } as const
    const visitor = shield.visit(list, { authorization: `Bearer list ${account ?? ''}` }, undefined)
    const passing = shield.pass(visitor)
    passing.sending()
    passing.answered(200)
    const flow = passing.flows(WHOLE_TELLING)
    flow?.take(Buffer.from(JSON.stringify({ envelopes: [{ envelopeId: envelope, status: 'completed' }] })))
    flow?.end(true)
  }

  function walk(record: TraceRecord, { call, headers }: Replayed): void {
    const wish = governor.wish(call, headers)
    const visitor = shield.visit(call, headers, undefined)
    const spared = spare(visitor, wish)
    if (spared === 'spared') return
    walking++
    void walkOn(record, visitor, wish, spared)
  }

  async function walkOn(
    record: TraceRecord,
    visitor: Visitor,
    wish: Wish,
    looked: Spared | Promise<Spared>,
  ): Promise<void> {
    let asking: Asking | undefined
    try {
      const spared = looked instanceof Promise ? await looked : looked
      if (spared === 'spared') return
      asking = spared === 'pass' ? undefined : spared
      const { call, headers } = visitor
      tally.asks(record, clock.wallMs())
      if (isStatusPoll(record)) tally.statusPollsUp++
      if (asking) tally.polled(record, asking.poll, clock.wallMs())
      const errand: Passing = asking ?? shield.pass(visitor)
      const notes: Notes = {
        attempts: [],
        priority: undefined,
        waitMs: 0,
        heldBy: undefined,
        would: undefined,
      }
      const listener = new Listener()
      // Whoever left while he was held leaves now, too.
      const leaves = record.status === undefined && record.attempts.length === 0
      const leaving = leaves ? clock.after(record.durationMs, () => listener.go()) : undefined
      const shipment = {
        method: call.method,
        target: call.target,
        headers: headers as Record<string, string>,
        body: NO_BODY,
        origin: ORIGIN,
        account: call.account ?? '',
        caller: STANDING,
        fresh: false,
        record,
      }
      const asked = await ask(call, wish, shipment, NO_BODY, listener, errand, notes)
      leaving?.cancel()
      over(record, call, asked, errand, asking, notes)
    } catch (error) {
      asking?.ended()
      throw error
    } finally {
      walking--
    }
  }

  function over(
    record: TraceRecord,
    call: Call,
    asked: Asked,
    errand: Passing,
    asking: Asking | undefined,
    notes: Notes,
  ): void {
    const app = call.app.name
    const atMs = clock.wallMs()
    for (let i = 0; i < notes.attempts.length; i++) tally.went(app, atMs)
    if (asked.kind === 'left') {
      asking?.ended()
      return
    }
    const restMs = asked.kind === 'refusal' ? (asked.retryAfterMs ?? 0) : undefined
    tally.waited(notes.waitMs, notes.heldBy, restMs, atMs)
    switch (asked.kind) {
      case 'refusal':
        asking?.ended()
        return tally.refuse(asked.reason, app, atMs)
      case 'failure':
        asking?.ended()
        tally.failed++
        return
      case 'told':
        asking?.told(asked.answer.headers, asked.body)
        return
      case 'flowing': {
        const flow = errand.flows(asked.answer.headers)
        flow?.take(bodyOf(record, call))
        flow?.end(true)
        asked.permit.over()
      }
    }
  }

  return {
    clock,
    tally,
    docusign,
    comes,
    get walking() {
      return walking
    },
  }
}

const MAX_ENDED = 200_000
const MAX_USERINFOS = 10_000
const USERINFO_MS = 150
const LISTS = '/v2.1/accounts/{accountId}/envelopes'
const STANDING = { writable: true }
