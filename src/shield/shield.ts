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
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock, Turns } from '../base/clock.js'
import type { Notebook } from '../base/notebook.js'
import type { Call, PollResult, Refusal } from '../base/types.js'
import type { Vault } from '../base/vault.js'
import { keyOf } from '../base/key.js'
import { makeStore } from '../base/store.js'
import { Asking, type Errand, type Flow } from './asking.js'
import { BYPASS } from './cache-status.js'
import { makeCopies, type Copy, type Opened, type Which } from './copies.js'
import { readCredential } from './credential.js'
import { makeDiary } from './diary.js'
import { Fetch, type Follower, type Shared } from './fetch.js'
import { makeIntrospection, type IntrospectionNeeds } from './introspect.js'
import { makeLearning, type Visitor } from './learn.js'
import { makePolls, MAX_POLLED } from './polls.js'
import { envelopeKey, pollKeyOf, questionOf, type Question } from './question.js'
import { remembered, shared, type Reply } from './reply.js'
import { makeTerminal, MAX_TERMINAL } from './terminal.js'
import { makeTokens } from './tokens.js'

export interface ShieldConfig {
  readonly polling: {
    readonly intervalMs: number
    readonly mode: 'enforce' | 'observe'
    readonly withoutCopy: 'refuse' | 'pass'
    readonly lists: boolean
  }
  readonly cache: {
    readonly enabled: boolean
    readonly terminalMaxAgeMs: number
    readonly maxBytes: number
    readonly maxEntryBytes: number
    readonly staleIfErrorMs: number
    readonly share: 'viewer' | 'account'
  }
  readonly identity: { readonly introspect: boolean; readonly recheckMs: number }
}

export interface ShieldParts {
  readonly clock: Clock
  readonly turns: Turns
  readonly vault: Vault
  readonly notebook: Notebook
  /** `GET /oauth/userinfo` with this `Authorization`. */
  readonly askUserinfo: IntrospectionNeeds['ask']
  /** One name for an account, whichever of its two was used. */
  nameOf(account: string): string
}

/** What becomes of a question without DocuSign, or that it must be asked. */
export type Recalled =
  | {
      readonly kind: 'remembered'
      readonly reply: Reply
      readonly saved: 'terminal' | 'poll'
      readonly poll: PollResult | undefined
    }
  | { readonly kind: 'follow'; readonly follower: Follower; replyOf(shared: Extract<Shared, { kind: 'shared' }>): Reply }
  | Asking
  | { readonly kind: 'too-soon'; readonly refusal: Refusal }

export interface Shield {
  /** Reads who calls. @param headers those that go up @param body what it sends, where that was received whole */
  visit(call: Call, headers: IncomingHttpHeaders, body: Buffer | undefined): Visitor
  /**
   * Need DocuSign be asked? `undefined`: it is none of the shield's business, and the call goes on.
   *
   * @param untilMs for how long it may be held, nowMs scale
   */
  recall(visitor: Visitor, untilMs: number): Recalled | Promise<Recalled | undefined> | undefined
  /** For a call that no question stands for: what is told of its attempts, and what is wanted of its answer. */
  pass(visitor: Visitor): Passing
  /** A final copy past its age, where DocuSign cannot be asked and the operator allows it. */
  stale(visitor: Visitor): Promise<Reply | undefined>
  /** DocuSign's own answer to `GET /oauth/userinfo`, sent at `sentMs`: the client gets another. */
  userinfo(visitor: Visitor, lines: readonly string[], body: Buffer, sentMs: number): void
  /** Removes copies, from memory and vault alike. Returns how many there were. */
  purge(which: { readonly account?: string | undefined; readonly envelope?: string | undefined }): number
  tally(): { readonly entries: number; readonly bytes: number; readonly evictions: number }
  configure(config: ShieldConfig): void
  /** Writes down what is not written yet. */
  flush(): void
}

/** A call that goes up whatever the shield knows. */
export interface Passing extends Errand {
  flows(lines: readonly string[]): Flow | undefined
}

const MAX_DENIED = 10_000
const MAX_ACCOUNT_KEYS = 50_000

export function makeShield(initial: ShieldConfig, parts: ShieldParts): Shield {
  const { clock, turns, vault, notebook, nameOf } = parts
  let config = initial
  const copies = makeCopies(config.cache, vault, clock)
  const polls = makePolls({ intervalMs: config.polling.intervalMs, max: MAX_POLLED })
  const terminal = makeTerminal(MAX_TERMINAL)
  const tokens = makeTokens({ recheckMs: config.identity.recheckMs })
  const introspection = makeIntrospection({
    ask: parts.askUserinfo,
    tokens,
    clock,
    isOn: config.identity.introspect,
  })
  const diary = makeDiary(notebook, clock, turns)
  const askings = new Set<Asking>()
  const twins = new Map<string, Asking>()
  const pending = new Map<string, Asking>()
  /** Viewers to whom DocuSign has refused an envelope: what everybody may see, they may not. */
  const denied = makeStore<object>(MAX_DENIED)
  const accountKeys = makeStore<{ readonly key: string }>(MAX_ACCOUNT_KEYS)
  const learning = makeLearning({ clock, tokens, terminal, polls, copies, diary, denied, voidFetches })
  const askingParts = { clock, polls, diary, copies, learning, ahead: { count: 0 }, viewerOfCopy, over }

  restore()

  function restore(): void {
    const scaleMs = clock.wallMs() - clock.nowMs()
    const notes = notebook.load()
    polls.restore(notes, wallMs => wallMs - scaleMs)
    for (const { kind, key, wallMs } of notes) if (kind === 'terminal') terminal.know(key, wallMs - scaleMs)
  }

  function accountKey(account: string | undefined): string {
    if (account === undefined) return ''
    const name = nameOf(account)
    let entry = accountKeys.get(name)
    if (!entry) accountKeys.set(name, (entry = { key: keyOf('account', name) }))
    return entry.key
  }

  function voidFetches({ account, envelope, viewer }: Which): void {
    for (const { question, fetch } of askings) {
      if (account !== undefined && question.account !== account) continue
      if (envelope !== undefined && question.envelope !== envelope) continue
      if (viewer !== undefined && tokens.viewerOf(question.credential) !== viewer) continue
      fetch.isVoid = true
    }
  }

  /** Acting for another, or by a password, is never everybody's. */
  function mayBeEverybodys({ credential, isNeverFinal }: Question): boolean {
    return config.cache.share === 'account' && credential.acting === '' && credential.legacy === '' && !isNeverFinal
  }

  function idOf({ account, representation }: Question, viewer: string): string {
    return keyOf(account, viewer, representation)
  }

  function viewerOfCopy(question: Question, { isPrivate }: { readonly isPrivate: boolean }) {
    const viewer = mayBeEverybodys(question) && !isPrivate ? '' : tokens.viewerOf(question.credential)
    return { id: idOf(question, viewer), viewer }
  }

  /** The best copy that this caller may see, now. */
  function copyFor(question: Question, ownId: string, nowMs: number): Copy | undefined {
    if (!question.mayAnswer || !config.cache.enabled) return undefined
    const { credential, call, account } = question
    const own = tokens.isProven(credential, nowMs) ? copies.find(ownId) : undefined
    if (!mayBeEverybodys(question) || denied.get(`${question.envelope} ${tokens.viewerOf(credential)}`)) return own
    const isAccepted =
      tokens.isProvenOn(credential, call.account ?? '', nowMs) || tokens.isProvenOn(credential, account, nowMs)
    const common = isAccepted ? copies.find(idOf(question, '')) : undefined
    return own && common ? (own.answeredMs > common.answeredMs ? own : common) : (own ?? common)
  }

  function appOf({ call, credential }: Question, viewer: string): string {
    if (call.app.name !== '') return `app ${call.app.name}`
    return tokens.integrationKeyOf(credential) ?? viewer
  }

  function decide(question: Question, untilMs: number): Recalled | Promise<Recalled | undefined> | undefined {
    const nowMs = clock.nowMs()
    const { call, credential } = question
    const viewer = tokens.viewerOf(credential)
    const ownId = question.mayAnswer ? idOf(question, viewer) : ''
    const copy = copyFor(question, ownId, nowMs)
    const ageMs = copy ? nowMs - copy.answeredMs : Infinity
    const { terminalMaxAgeMs } = config.cache
    if (copy?.isFinal && ageMs < terminalMaxAgeMs) {
      return remember(question, copy, { saved: 'terminal', poll: undefined, ttlMs: terminalMaxAgeMs - ageMs }, untilMs)
    }
    const { intervalMs, mode, withoutCopy } = config.polling
    if (call.method === 'HEAD') {
      // Not a GET, so no poll; but what a GET of his would be told from a copy, he is told from it.
      return copy && ageMs < intervalMs && mode === 'enforce'
        ? remember(question, copy, { saved: 'poll', poll: undefined, ttlMs: intervalMs - ageMs }, untilMs)
        : undefined
    }
    const twin = question.mayLead ? twins.get(ownId) : undefined
    if (twin && (twin.question.credential.id === credential.id || tokens.isProven(credential, nowMs))) {
      return follow(twin, credential.id, untilMs)
    }
    const twinKey = question.mayLead && !twin ? ownId : ''
    if (!question.isTracked) return twinKey === '' ? undefined : lead(question, twinKey, '', undefined)

    const pollKey = pollKeyOf(question, appOf(question, viewer))
    const verdict = polls.ask(pollKey, question.envelope === '' ? question.account : question.envelope, nowMs)
    if (verdict.kind !== 'pending' && verdict.kind !== 'inside') {
      return lead(question, twinKey, pollKey, verdict.kind)
    }
    if (mode === 'observe') return lead(question, twinKey, pollKey, 'observed')
    if (verdict.kind === 'pending') {
      const before = pending.get(pollKey)
      return before ? follow(before, '', untilMs) : lead(question, twinKey, pollKey, 'first')
    }
    if (copy && ageMs < intervalMs) {
      return remember(question, copy, { saved: 'poll', poll: 'remembered', ttlMs: verdict.restMs }, untilMs)
    }
    if (withoutCopy === 'pass') return lead(question, twinKey, pollKey, 'observed')
    return { kind: 'too-soon', refusal: tooSoon(verdict.restMs) }
  }

  function remember(
    question: Question,
    copy: Copy,
    { ttlMs, ...what }: { saved: 'terminal' | 'poll'; poll: PollResult | undefined; ttlMs: number },
    untilMs: number,
  ): Recalled | Promise<Recalled | undefined> {
    const told = (opened: Opened): Recalled => ({
      kind: 'remembered',
      reply: remembered(question, copy, opened, ttlMs, clock.nowMs()),
      ...what,
    })
    const opened = copies.open(copy)
    if (!(opened instanceof Promise)) return told(opened)
    // One that cannot be read is gone, so the second look finds another way.
    return opened.then(read => (read ? told(read) : decide(question, untilMs)))
  }

  function follow(asking: Asking, credential: string, untilMs: number): Recalled {
    return { kind: 'follow', follower: asking.fetch.follow(credential, untilMs, clock), replyOf: shared }
  }

  function lead(
    question: Question,
    twin: string,
    poll: string,
    result: PollResult | undefined,
  ): Asking {
    const mayKeep = question.isTracked && question.mayKeep && config.cache.enabled
    const fetch = new Fetch(question.credential.id, mayKeep && poll !== '' && config.polling.mode === 'enforce')
    const asking = new Asking(askingParts, question, fetch, { twin, poll }, { poll: result, mayKeep })
    askings.add(asking)
    if (twin !== '') twins.set(twin, asking)
    if (poll !== '' && !pending.has(poll)) pending.set(poll, asking)
    return asking
  }

  function over(asking: Asking): void {
    askings.delete(asking)
    if (twins.get(asking.twinKey) === asking) twins.delete(asking.twinKey)
    if (pending.get(asking.pollKey) === asking) pending.delete(asking.pollKey)
  }

  return {
    visit(call, headers, body) {
      const credential = readCredential(headers)
      const envelope = call.envelope === undefined ? '' : envelopeKey(call.envelope)
      return { call, headers, credential, account: accountKey(call.account), envelope, body }
    },

    recall(visitor, untilMs) {
      const question = questionOf(visitor, config.polling)
      if (!question) return undefined
      // Whose it is decides what may answer it, and which app asks.
      const { authorization } = visitor.headers
      const told =
        authorization !== undefined && (question.isTracked || visitor.call.method === 'HEAD')
          ? introspection.resolve(question.credential, authorization)
          : undefined
      return told ? told.then(() => decide(question, untilMs)) : decide(question, untilMs)
    },

    pass(visitor) {
      let sentMs = 0
      let status = 0
      return {
        sending: () => void (sentMs = clock.nowMs()),
        leaving: () => undefined,
        failed: left => learning.failed(visitor, left),
        answered(code) {
          status = code
          learning.answered(visitor, code, sentMs)
        },
        flows(lines) {
          const ear = learning.ear(visitor, status, lines)
          return (
            ear && {
              take: chunk => ear.take(chunk),
              end: isWhole => void (isWhole && learning.heard(visitor, ear, sentMs)),
              runsAhead: false,
              how: BYPASS,
            }
          )
        },
      }
    },

    async stale(visitor) {
      const { staleIfErrorMs, terminalMaxAgeMs } = config.cache
      const question = staleIfErrorMs > 0 ? questionOf(visitor, config.polling) : undefined
      if (!question) return undefined
      const nowMs = clock.nowMs()
      const copy = copyFor(question, idOf(question, tokens.viewerOf(question.credential)), nowMs)
      if (!copy?.isFinal) return undefined
      const leftMs = copy.answeredMs + terminalMaxAgeMs - nowMs
      if (leftMs + staleIfErrorMs <= 0) return undefined
      const opened = await copies.open(copy)
      return opened && remembered(question, copy, opened, leftMs, nowMs)
    },

    userinfo(visitor, lines, body, sentMs) {
      const ear = learning.ear(visitor, 200, lines)
      ear?.take(body)
      if (ear) learning.heard(visitor, ear, sentMs)
    },

    purge({ account, envelope }) {
      const which = {
        account: account === undefined ? undefined : accountKey(account),
        envelope: envelope === undefined ? undefined : envelopeKey(envelope),
      }
      voidFetches(which)
      return copies.drop(which).length
    },

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

function tooSoon(restMs: number): Refusal {
  const seconds = Math.max(1, Math.ceil(restMs / 1000))
  return {
    kind: 'refusal',
    reason: 'poll-too-soon',
    message: `This app has read this resource of the envelope already, DocuSign allows one GET of it in 15 minutes, and no copy may answer this caller. This one was not sent; it can be in ${seconds} s.`,
    retryAfterMs: restMs,
  }
}
