/**
 * The port to what several nodes know together: who has asked for what, which copies there are, whose a token is. Keys are
 * those of `base/key.ts`; times are told as ages, because the nodes' clocks are their own. Nothing here rejects, and
 * nothing waits long: where the others cannot be reached in time, the answer is `undefined`, and the node goes on alone.
 */
/** What a word is about: an envelope, or, where `envelope` is '', what belongs to none of the account's. */
export interface Subject {
  readonly account: string
  readonly envelope: string
}

/** A copy that would answer. */
export interface Candidate {
  readonly id: string
  /** Whose it is; '' is everybody's on the account. */
  readonly viewer: string
}

/**
 * May this GET go up? `claim`: by the rule, and if so it is noted as on its way; `force`: it goes whatever the rule says,
 * and is noted as far as there is room beside another one.
 */
export interface Inquiry extends Subject {
  readonly how: 'claim' | 'force'
  /** Under which its end is told. No two are alike. */
  readonly lease: string
  readonly pollKey: string
  /** Those that its asker may read, the best first; none where none may answer him. */
  readonly candidates: readonly Candidate[]
  /** All names of who asks. */
  readonly askers: readonly string[]
  /** Others who want the same copy had better wait for what it brings. */
  readonly isShared: boolean
  /** How long ago this node last saw a 2xx to it. */
  readonly answeredAgoMs: number | undefined
  readonly intervalMs: number
  /** How old a final copy may be, and one that is not. */
  readonly finalMs: number
  readonly freshMs: number
}

export type Word = {
  /** How the world stands: what is kept of the answer is true while it stands so. */
  readonly stamp: string
  /** How long its envelope has been known to have reached its end. */
  readonly terminalAgoMs: number | undefined
} & (
  | { readonly kind: 'go'; readonly isAfterWrite: boolean }
  /** Another node holds a copy that may answer. @property restMs of the interval; 0 where it is final */
  | { readonly kind: 'copy'; readonly copy: SharedCopy; readonly restMs: number }
  | { readonly kind: 'inside'; readonly restMs: number }
  /** Another one has it on its way. @property leftMs when to ask again, at the latest */
  | { readonly kind: 'pending'; readonly leftMs: number }
)

export interface SharedCopy extends Candidate {
  readonly sentAgoMs: number
  readonly answeredAgoMs: number
  readonly isFinal: boolean
  readonly bytes: number
}

/** A copy in this node's hands: has anything come to pass that makes it untrue? */
export interface Claimed extends Subject, Candidate {
  /** '' where the node was alone when it was fetched. */
  readonly stamp: string
  readonly sentAgoMs: number
  readonly askers: readonly string[]
  /** Nothing that the others told has been missed since it was fetched or confirmed. */
  readonly isUnbroken: boolean
}

/** How it ended. */
export interface Outcome extends Subject {
  readonly lease: string
  readonly pollKey: string
  readonly id: string
  /** How long ago its 2xx came; `undefined`: it began no interval. */
  readonly answeredAgoMs: number | undefined
}

export type Lease = Omit<Outcome, 'answeredAgoMs'>

/** Whose copies are true no more. What is left out means all. */
export interface Scope {
  readonly account?: string | undefined
  readonly envelope?: string | undefined
  readonly viewer?: string | undefined
}

/** What is known of a token: keys, and how long ago DocuSign said so. */
export interface Acquaintance {
  readonly user?: string | undefined
  readonly integrationKey?: string | undefined
  readonly toldAgoMs?: number | undefined
  /** By the keys that were asked for. */
  readonly proofs: ReadonlyMap<string, number>
  /** A 401 was seen. */
  readonly refusedAgoMs?: number | undefined
}

/** What another node has seen. */
export type News =
  | ({ readonly kind: 'dropped' } & Scope)
  /** @property key as in `Commons.written` */
  | { readonly kind: 'written'; readonly key: string }
  /** `viewers` were refused the envelope, or a part of it: what is everybody's is not theirs. */
  | {
      readonly kind: 'denied'
      readonly envelope: string
      readonly viewers: readonly string[]
      readonly resource: string
    }
  /** A 401. */
  | { readonly kind: 'refused'; readonly token: string }
  /** What was on its way is there, or came to nothing. @property keys of polls, and ids of copies */
  | { readonly kind: 'over'; readonly keys: readonly string[] }
  /** Something may have been missed: what rests on having heard all is to be asked for again. */
  | { readonly kind: 'missed' }

export interface Commons {
  /** The others can be reached. False: nothing waits for them. */
  readonly isUp: boolean
  /** What they tell comes through at this moment. */
  readonly isHearing: boolean
  ask(inquiry: Inquiry): Promise<Word | undefined>
  /** The stamp under which it is true; '' where it is not, or nobody can say. */
  confirm(claimed: Claimed): Promise<string | undefined>
  over(outcome: Outcome): void
  /** They are on their way still: whose lease runs out counts as answered then, because nobody saw how it ended. */
  renew(leases: readonly Lease[]): void
  /** Where the others cannot be reached, it is told when they can; and again after each loss for a while. */
  drop(scope: Scope): void
  /** @param key of an envelope, or of an account: of what belongs to none of its envelopes */
  written(key: string): void
  /** Refused, he lost his copies of it, and may read each once more. */
  lost(envelope: string, viewer: string): void
  terminal(envelope: string): void
  denied(envelope: string, viewers: readonly string[], resource: string): void
  lifted(envelope: string, viewers: readonly string[]): void
  /** @param token root of the credential @param proofs keys of what is to be known */
  acquaint(token: string, proofs: readonly string[]): Promise<Acquaintance | undefined>
  /** What DocuSign said in an answer to a call that was sent `sentAgoMs` ago. */
  vouch(token: string, what: Vouched, sentAgoMs: number): void
  refuse(token: string): void
  /** An account lives there. */
  settle(account: string, baseUri: string): void
  /** Where another node has found that it lives. */
  homeOf(account: string): string | undefined
  hear(tell: (news: News) => void): void
  readonly close: () => Promise<void>
}

export interface Vouched {
  readonly user?: string | undefined
  readonly integrationKey?: string | undefined
  readonly isTold?: boolean
  readonly proofs: readonly string[]
}
