/** The shield as the rest of the house sees it, and what it is made of. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock, Turns } from '../base/clock.js'
import type { Commons } from '../base/commons.js'
import type { Notebook } from '../base/notebook.js'
import type { ShieldMarks } from '../base/trace.js'
import type { Call } from '../base/types.js'
import type { Vault } from '../base/vault.js'
import type { IntrospectionNeeds } from './introspect.js'
import type { Passing } from './passing.js'
import type { Question } from './question.js'
import type { Looked, Remembered } from './recall.js'
import type { Reply } from './reply.js'
import type { Visitor } from './visitor.js'

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
  /** `undefined`: nothing of it has to be known after this run. */
  readonly notebook: Notebook | undefined
  /** What other nodes know, where there are any. */
  readonly commons?: Commons | undefined
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
  /**
   * The same at once, for a question that a copy has answered before (`Remembered.again`): nothing is begun, and
   * `undefined` says no more than that it has to be asked the long way.
   */
  glance(question: Question): Remembered | undefined
  /** For a call that no question stands for: what is told of its attempts, and what is wanted of its answer. */
  pass(visitor: Visitor): Passing
  /** A final copy past its age, where DocuSign cannot be asked and the operator allows it. */
  stale(visitor: Visitor): Promise<Reply | undefined>
  /** DocuSign's own answer to `GET /oauth/userinfo`, sent at `sentMs`: the client gets another. */
  userinfo(visitor: Visitor, lines: readonly string[], body: Buffer, sentMs: number): void
  /** A message of DocuSign Connect, signed by it. @returns whether it said anything */
  connected(message: Buffer): boolean
  /** Removes copies, from memory and vault alike. Returns how many there were. */
  purge(which: { readonly account?: string | undefined; readonly envelope?: string | undefined }): number
  tally(): { readonly entries: number; readonly bytes: number; readonly evictions: number }
  configure(config: ShieldConfig): void
  /** Writes down what is not written yet. */
  flush(): void
}
