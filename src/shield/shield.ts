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
import { keyOf } from '../base/key.js'
import type { Notebook } from '../base/notebook.js'
import { makeStore } from '../base/store.js'
import type { ShieldMarks } from '../base/trace.js'
import type { Call } from '../base/types.js'
import type { Vault } from '../base/vault.js'
import type { Errand } from './asking.js'
import { BYPASS } from './cache-status.js'
import { makeCopies } from './copies.js'
import { readCredential } from './credential.js'
import { makeDenials } from './denials.js'
import { makeDiary } from './diary.js'
import type { Flow } from './flow.js'
import { makeIntrospection, type IntrospectionNeeds } from './introspect.js'
import { makeLearning } from './learn.js'
import { makeLosses } from './losses.js'
import { marksOf } from './marks.js'
import { makePolls, MAX_POLLED } from './polls.js'
import { questionOf } from './question.js'
import { makeRecall, type Looked } from './recall.js'
import type { Reply } from './reply.js'
import { makeTerminal } from './terminal.js'
import { makeTokens } from './tokens.js'
import { makeUnderWay } from './under-way.js'
import { Caller, envelopeKey, type Visitor } from './visitor.js'
import { makeWhose } from './whose.js'

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
  readonly nameOf: (account: string) => string
  /** Every name that is known of an account: what was kept before both were known is kept by the other one. */
  readonly namesOf: (account: string) => readonly string[]
}

export interface Shield {
  /** Reads who calls. @param headers those that go up @param body what it sends, where that was received whole */
  visit(call: Call, headers: IncomingHttpHeaders, body: Buffer | undefined): Visitor
  /** The key of the integration key behind its token, where a token endpoint told it. */
  integrationOf(visitor: Visitor): string | undefined
  /** For a trace, when the call is over. */
  marksOf(visitor: Visitor): ShieldMarks & { readonly endedSinceMs: number | undefined }
  /**
   * Need DocuSign be asked? `undefined`: it is none of the shield's business, and the call goes on.
   *
   * @param untilMs for how long it may be held, nowMs scale
   */
  recall(visitor: Visitor, untilMs: number): Looked
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

const MAX_ACCOUNT_KEYS = 50_000

export function makeShield(initial: ShieldConfig, parts: ShieldParts): Shield {
  const { clock, turns, vault, notebook, nameOf, namesOf } = parts
  let config = initial
  const copies = makeCopies(config.cache, vault, clock)
  const polls = makePolls({ intervalMs: config.polling.intervalMs, max: MAX_POLLED })
  const terminal = makeTerminal()
  const tokens = makeTokens({ recheckMs: config.identity.recheckMs })
  const introspection = makeIntrospection({
    ask: parts.askUserinfo,
    tokens,
    clock,
    isOn: config.identity.introspect,
  })
  const diary = makeDiary(notebook, clock, turns)
  const denials = makeDenials()
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
  const memory = makeRecall({ clock, polls, copies, whose, underWay, config: () => config })

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

  /** All keys under which something of it may be kept. */
  function accountKeysOf(account: string): readonly string[] {
    const name = account.toLowerCase()
    return [...new Set([...namesOf(name), nameOf(name)])].map(one => keyOf('account', one))
  }

  return {
    visit(call, headers, body) {
      const credential = readCredential(headers)
      return new Caller(call, headers, credential, accountKey(call.account), body)
    },

    integrationOf: ({ credential }) => credential && tokens.integrationKeyOf(credential),

    marksOf: visitor => ({
      ...marksOf(visitor, tokens),
      endedSinceMs: visitor.envelope === '' ? undefined : terminal.sinceMs(visitor.envelope),
    }),

    recall(visitor, untilMs) {
      const question = questionOf(visitor, config.polling)
      if (!question) return undefined
      // Whose it is decides what may answer it, and which app asks.
      const { authorization } = visitor.headers
      const told =
        authorization !== undefined && (question.isTracked || visitor.call.method === 'HEAD')
          ? introspection.resolve(question.credential, authorization, whose.mayRead(question))
          : undefined
      return told ? told.then(() => memory.recall(question, untilMs)) : memory.recall(question, untilMs)
    },

    pass(visitor) {
      let sentMs = 0
      let status = 0
      return {
        held: () => undefined,
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
