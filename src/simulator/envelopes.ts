import { guidOf } from './chance.js'
import type { Content } from './content.js'
import { imagineContent } from './content.js'
import type { Birth, Course, Life, Lives, Turn } from './life.js'
import type { Pace } from './pace.js'
import type { Account, User } from './people.js'

export type PurgeQueue =
  | 'documents_queued'
  | 'documents_dequeued'
  | 'documents_and_metadata_queued'
  | 'documents_and_metadata_and_redact_queued'

/** Small on purpose: there may be 200,000 of them. */
export interface Envelope extends Birth {
  readonly id: string
  readonly account: Account
  readonly sender: User
  sentMs: number | undefined
  course: Course
  turn: Turn | undefined
  expireAfterDays: number
  /** Size of its first document where it is one long stream of made-up bytes; 0 is a PDF. */
  readonly documentBytes: number
  /** What clients wrote; without it the content follows from the number. */
  written: Content | undefined
  purge: { readonly queue: PurgeQueue; readonly atMs: number } | undefined
  /** The folder it was moved to. */
  folder: string | undefined
  /** Downloads so far: the audit trail of a terminal envelope grows with them (facts 6.3). */
  views: number
}

export interface NewEnvelope {
  readonly account: Account
  readonly sender: User
  readonly createdMs: number
  readonly sentMs: number | undefined
  readonly course: Course
  readonly documentBytes?: number
  readonly written?: Content
}

export const EXPIRE_AFTER_DAYS = 120
const PURGE_AFTER_DAYS = 14

/** All envelopes, and who may see which. */
export function makeEnvelopes(seed: number, pace: Pace, lives: Lives) {
  const byId = new Map<string, Envelope>()
  const byAccount = new Map<string, Envelope[]>()
  let made = 0

  return {
    /** The number the next envelope will have. */
    nextNumber: () => made,
    add(some: NewEnvelope): Envelope {
      const number = made
      made += 1
      const envelope: Envelope = {
        id: guidOf(seed, 'envelope', number),
        number,
        account: some.account,
        sender: some.sender,
        createdMs: some.createdMs,
        sentMs: some.sentMs,
        course: some.course,
        turn: undefined,
        expireAfterDays: EXPIRE_AFTER_DAYS,
        documentBytes: some.documentBytes ?? 0,
        written: some.written,
        purge: undefined,
        folder: undefined,
        views: 0,
      }
      byId.set(envelope.id, envelope)
      const shelf = byAccount.get(some.account.id) ?? []
      shelf.push(envelope)
      byAccount.set(some.account.id, shelf)
      return envelope
    },
    get: (id: string): Envelope | undefined => byId.get(id.toLowerCase()),
    /** In the order they were made. */
    of: (account: Account): readonly Envelope[] => byAccount.get(account.id) ?? [],
    count: () => byId.size,
    lifeOf: (envelope: Envelope): Life => lives.lifeOf(envelope, pace.wallMs()),
    contentOf,
    /** The content to be written to, kept from now on. */
    writable(envelope: Envelope): Content {
      envelope.written ??= contentOf(envelope)
      return envelope.written
    },
    /** Senders, administrators, and recipients who are users see an envelope. */
    canSee(envelope: Envelope, account: Account, user: User): boolean {
      if (envelope.account !== account) return false
      return seesAll(envelope, user) || recipientOf(envelope, user) !== undefined
    },
    /** The documents this user may see: a recipient can be kept from some (facts 6.4). */
    hiddenPapers(envelope: Envelope, user: User): readonly string[] {
      if (seesAll(envelope, user)) return []
      return recipientOf(envelope, user)?.excludedDocuments ?? []
    },
    /** Facts 6.3: what was queued is purged some two weeks later, without any further call. */
    purgeStateOf(envelope: Envelope): string {
      if (!envelope.purge) return 'unpurged'
      const { queue } = envelope.purge
      return isPurged(envelope) ? queue.replace('_queued', '_purged') : queue
    },
    isPurged,
    purgedMs,
    expiresMs: ({ sentMs, expireAfterDays }: Envelope): number | undefined =>
      sentMs === undefined ? undefined : sentMs + pace.daysMs(expireAfterDays),
  }

  function isPurged(envelope: Envelope): boolean {
    const atMs = purgedMs(envelope)
    return atMs !== undefined && atMs <= pace.wallMs()
  }

  function purgedMs({ purge }: Envelope): number | undefined {
    if (!purge || purge.queue === 'documents_dequeued') return undefined
    return purge.atMs + pace.daysMs(PURGE_AFTER_DAYS)
  }
}

export type Envelopes = ReturnType<typeof makeEnvelopes>

function contentOf(envelope: Envelope): Content {
  return envelope.written ?? imagineContent(envelope.number, envelope.createdMs)
}

function seesAll({ sender, account }: Envelope, user: User): boolean {
  return sender === user || user.administers === account
}

function recipientOf(envelope: Envelope, user: User) {
  // Imagined signers are nobody's users, so there is no need to imagine them for each question of a long list.
  return envelope.written?.recipients.find(recipient => recipient.email.toLowerCase() === user.email)
}
