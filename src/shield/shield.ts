/**
 * The shield: need we ask DocuSign at all? A copy that its asker may see, or the same question under way, answers in its
 * place; a poll inside its interval that neither can answer is refused, with the second at which it need not be.
 *
 *   question ──▶ whose? ──▶ final copy? ──▶ the same under way? ──▶ inside the interval? ──▶ ask
 *                (token,      remembered      joins it                copy: remembered        │
 *                 user)                                                none: refused          │
 *                   ▲              ▲                ▲                      ▲                  │
 *                   └── accepted ──┴──── kept ──────┴─── shared ───────────┴──── begun ◀──────┘
 */
import { keyOf } from '../base/key.js'
import { makeStore } from '../base/store.js'
import { makeAcquaint } from './acquaint.js'
import { makeCopies } from './copies.js'
import { readCredential } from './credential.js'
import { makeDenials } from './denials.js'
import { makeDiary } from './diary.js'
import { makeFellows } from './fellows.js'
import { makeIntrospection } from './introspect.js'
import { makeLearning } from './learn.js'
import { listen } from './listening.js'
import { makeLosses } from './losses.js'
import { marksOf } from './marks.js'
import { pass } from './passing.js'
import { makePolls, MAX_POLLED } from './polls.js'
import { questionOf, type Question } from './question.js'
import { makeRecall } from './recall.js'
import type { Shield, ShieldConfig, ShieldParts } from './shield-parts.js'
import { makeTelling } from './telling.js'
import { makeTerminal } from './terminal.js'
import { makeTokens } from './tokens.js'
import { makeUnderWay } from './under-way.js'
import { Caller, envelopeKey } from './visitor.js'
import { makeWhose } from './whose.js'

export type { Passing } from './passing.js'
export type { Shield, ShieldConfig, ShieldParts } from './shield-parts.js'

/** Few, because 250 bytes spare a microsecond, and whoever calls may name any. */
const MAX_ACCOUNT_KEYS = 5_000

export function makeShield(initial: ShieldConfig, parts: ShieldParts): Shield {
  const { clock, turns, vault, notebook, commons, nameOf, namesOf } = parts
  let config = initial
  const hearing = { session: 0 }
  const telling = commons && makeTelling({ commons, clock, hearing, config: () => config })
  const ownCopies = makeCopies(config.cache, vault, clock)
  const copies = telling?.copies(ownCopies) ?? ownCopies
  const polls = makePolls({ intervalMs: config.polling.intervalMs, max: MAX_POLLED })
  const terminal = makeTerminal()
  const ownTokens = makeTokens({ recheckMs: config.identity.recheckMs })
  const tokens = telling?.tokens(ownTokens) ?? ownTokens
  const introspection = makeIntrospection({
    ask: parts.askUserinfo,
    tokens,
    clock,
    isOn: config.identity.introspect,
  })
  const ownDiary = makeDiary(notebook, clock, turns)
  const diary = telling?.diary(ownDiary) ?? ownDiary
  const ownDenials = makeDenials()
  const denials = telling?.denials(ownDenials) ?? ownDenials
  const accountKeys = makeStore<{ readonly key: string }>(MAX_ACCOUNT_KEYS)
  const whose = makeWhose({ clock, tokens, copies, denials, namesOf, config: () => config.cache })
  const learning = makeLearning({
    clock,
    tokens,
    terminal,
    polls,
    copies,
    diary,
    denials,
    losses: makeLosses(() => config.polling.intervalMs),
    voidFetches: which => underWay.void(which),
    accountKeysOf,
  })
  const underWay = makeUnderWay({
    tokens,
    turns,
    asking: { clock, polls, diary, copies, learning, whose, ahead: { count: 0 } },
    mayKeep: () => config.cache.enabled,
  })
  const ours = { clock, hearing, polls, copies: ownCopies, tokens: ownTokens, denials: ownDenials, underWay }
  const fellows =
    commons &&
    makeFellows({
      ...ours,
      commons,
      terminal,
      whose,
      config: () => config,
      again: (question, untilMs) => memory.recall(question, untilMs),
    })
  if (commons && fellows) listen({ ...ours, commons, fellows })
  const acquaint = commons && makeAcquaint({ ...ours, commons, whose, namesOf })
  const memory = makeRecall({ clock, polls, copies, whose, underWay, fellows, config: () => config })

  restore()

  function restore(): void {
    const scaleMs = clock.wallMs() - clock.nowMs()
    const notes = notebook?.load() ?? []
    polls.restore(notes, wallMs => wallMs - scaleMs)
    for (const { kind, key, wallMs } of notes) if (kind === 'terminal') terminal.know(key, wallMs - scaleMs)
  }

  /** Whose it is decides what may answer it, and which app asks. */
  function introspect(question: Question): Promise<void> | undefined {
    const { authorization } = question.headers
    if (authorization === undefined) return undefined
    if (!question.isTracked && question.call.method !== 'HEAD') return undefined
    const { credential } = question
    const isEnough = () => whose.mayRead(question)
    if (!introspection.mayResolve(credential, isEnough)) return undefined
    // Its own answer will tell whether the token is still taken: nobody need wait for userinfo, nor spend its limit on it.
    if (tokens.knowsUser(credential) && memory.goesUpAnyway(question)) return undefined
    return introspection.resolve(credential, authorization, isEnough)
  }

  function accountKey(account: string | undefined): string {
    return account === undefined ? '' : keyOfName(nameOf(account))
  }

  function keyOfName(name: string): string {
    let entry = accountKeys.get(name)
    if (!entry) accountKeys.set(name, (entry = { key: keyOf('account', name) }))
    return entry.key
  }

  /** All keys under which something of it may be kept. */
  function accountKeysOf(account: string): readonly string[] {
    const name = account.toLowerCase()
    return [...new Set([...namesOf(name), nameOf(name)])].map(keyOfName)
  }

  return {
    visit(call, headers, body) {
      const credential = readCredential(headers)
      return new Caller(call, headers, credential, accountKey, body)
    },

    integrationOf: ({ credential }) => credential && tokens.integrationKeyOf(credential),

    marksOf: visitor => ({
      ...marksOf(visitor, tokens),
      endedSinceMs: visitor.envelope === '' ? undefined : terminal.sinceMs(visitor.envelope),
    }),

    recall(visitor, untilMs) {
      const question = questionOf(visitor, config.polling)
      if (!question) return undefined
      const met = acquaint?.(question)
      const told = met ? met.then(() => introspect(question)) : introspect(question)
      return told ? told.then(() => memory.recall(question, untilMs)) : memory.recall(question, untilMs)
    },

    glance(question) {
      const { call, account, credential } = question
      // The account may have another name by now, and its copies with it.
      if (accountKey(call.account) !== account) return undefined
      if (introspection.mayResolve(credential, () => whose.mayRead(question))) return undefined
      return memory.glance(question)
    },

    pass: visitor => pass(visitor, learning, clock),

    async stale(visitor) {
      const question = questionOf(visitor, config.polling)
      return question && memory.stale(question)
    },

    userinfo(visitor, lines, body, sentMs) {
      const ear = learning.ear(visitor, 200, lines)
      ear?.take(body)
      if (ear) learning.heard(visitor, ear, sentMs)
    },

    purge({ account, envelope }) {
      const keys = account === undefined ? [undefined] : accountKeysOf(account)
      const which = { envelope: envelope === undefined ? undefined : envelopeKey(envelope) }
      for (const key of keys) underWay.void({ ...which, account: key })
      return keys.reduce((sum, key) => sum + copies.drop({ ...which, account: key }).length, 0)
    },

    connected: message => learning.connected(message),
    tally: () => copies.tally(),

    configure(next) {
      config = next
      copies.configure(next.cache)
      polls.configure(next.polling.intervalMs)
      tokens.configure(next.identity)
      introspection.configure({ isOn: next.identity.introspect })
    },

    flush: () => diary.flush(),
  }
}
