/**
 * What several shields know together, kept in Redis (`shield-prelude.ts` says as what). A question costs one round trip;
 * its end one more, which nobody waits for.
 */
import type { Clock, Turns } from '../../base/clock.js'
import type { Commons, Inquiry, Subject, Word } from '../../base/commons.js'
import type { Vault } from '../../base/vault.js'
import { RedisLost, type RedisArg, type RedisConnection, type Script } from './connection.js'
import { makeHomes } from './homes.js'
import { makeNames } from './names.js'
import { makeNewsroom } from './news.js'
import { makeOutbox } from './outbox.js'
import { makePatience } from './patience.js'
import { makeRoom } from './room.js'
import { ACCOUNT, ASK, CONFIRM, OVER, PUT, RENEW } from './shield-questions.js'
import { makeTokenRecords } from './token-records.js'
import { makeSharedVault, type Shelved } from './vault.js'

export interface CommonsConfig {
  /** 32 bytes; without them no body is kept, and names are hashed without a key. */
  readonly vaultKey: Buffer | undefined
  /** A script sees the keys of one tag alone. */
  readonly isCluster: boolean
  /** How long a call waits for one answer: a token's, a question's and a copy's must come to less than a second. */
  readonly patienceMs: number
  /** How long a question is on its way before it is renewed, or counts as answered: three renewals (5 s each) long. */
  readonly leaseMs?: number
  /** How long what is known of a subject may matter: as old as a copy may be, and as long as an interval. */
  readonly keepMs: number
  /** The same of a copy that is not final. */
  readonly intervalMs: number
}

export interface CommonsParts {
  readonly connection: RedisConnection
  readonly clock: Clock
  readonly turns: Turns
  /** A mistake of ours. */
  readonly unexpected?: (error: unknown) => void
}

export interface SharedShield {
  readonly commons: Commons
  readonly vault: Vault
}

const LEASE_MS = 15_000
const MIN_KEEP_MS = 86_400_000

export function makeCommons(config: CommonsConfig, parts: CommonsParts): SharedShield {
  const { connection, clock, turns, unexpected = () => undefined } = parts
  const names = makeNames(config.vaultKey)
  const leaseMs = config.leaseMs ?? LEASE_MS
  const patience = makePatience(config.patienceMs, parts, unexpected)
  const { inTime, inItsTime } = patience
  const newsroom = makeNewsroom(connection, clock)
  const ttlMs = Math.max(config.keepMs, MIN_KEEP_MS)
  const outbox = makeOutbox({
    connection,
    newsroom,
    names,
    clock,
    turns,
    ttlMs,
    discard: some => shelf.discard(some),
    unexpected,
  })
  const room = config.vaultKey && makeRoom(connection, clock)
  const { vault, shelf, meet } = makeSharedVault({
    key: config.vaultKey,
    connection,
    hasRoom: () => room?.isLeft === true,
    inTime,
    inItsTime,
    removed: (subject, id) => outbox.removed(subject, id),
    async put(facts, { name, headBytes }, stamp) {
      outbox.flush()
      const told = await onSubject(PUT, facts, [
        stamp,
        names.of(facts.id),
        names.of(facts.viewer),
        Math.max(0, Math.ceil(facts.answeredAgoMs)),
        facts.isFinal ? 1 : 0,
        facts.bytes,
        headBytes,
        name,
      ])
      return typeof told === 'string' ? { replaced: told } : undefined
    },
    subjectOf: ({ envelope, account }) => envelope || account,
    lifeMs: ({ isFinal }) => (isFinal ? config.keepMs : config.intervalMs),
    clock,
  })
  const homes = makeHomes(connection, names, clock)
  const tokens = makeTokenRecords({ connection, newsroom, names, clock, inTime, send })
  newsroom.onReturn(() => void homes.load())

  const subjectKey = ({ envelope, account }: Subject) => connection.key(names.of(envelope || account), 's')

  /** A script that sees a subject and its account: in a Cluster, after asking how that stands. */
  async function onSubject(script: Script, subject: Subject, args: readonly RedisArg[]): Promise<unknown> {
    const own = subjectKey(subject)
    const account = connection.key(names.of(subject.account), 'a')
    const { mark } = newsroom
    if (!config.isCluster) return connection.eval(script, [own, account], [`|||${mark}`, ttlMs, ...args])
    const standing = (await connection.eval(ACCOUNT, [account], [ttlMs])) as string
    return connection.eval(script, [own], [`${standing}|${mark}`, ttlMs, ...args])
  }

  function send(script: Script, key: string, args: readonly RedisArg[]): void {
    if (!connection.isUp) return
    connection.eval(script, [key], args).catch((error: unknown) => {
      if (!(error instanceof RedisLost)) unexpected(error)
    })
  }

  function wordOf(inquiry: Inquiry, told: unknown): Word {
    const [stamp, ended, kind, ...rest] = told as [string, number, Word['kind'], ...(string | number)[]]
    const is = { stamp, terminalAgoMs: ended < 0 ? undefined : ended }
    const numbers = rest.slice(0, 6).map(Number)
    const [first = 0, restMs = 0, sentAgoMs = 0, answeredAgoMs = 0, final = 0, bytes = 0] = numbers
    if (kind === 'go') return { ...is, kind, isAfterWrite: first === 1 }
    if (kind === 'inside') return { ...is, kind, restMs: first }
    if (kind === 'pending') return { ...is, kind, leftMs: first }
    const candidate = inquiry.candidates[first]
    if (!candidate) throw new Error('a copy that nobody asked for')
    const shelved: Shelved = {
      subject: inquiry.envelope || inquiry.account,
      headBytes: Number(rest[6]),
      bodyBytes: bytes,
      name: String(rest[7]),
    }
    meet(candidate.id, shelved)
    const copy = { ...candidate, sentAgoMs, answeredAgoMs, isFinal: final === 1, bytes }
    return { ...is, kind, copy, restMs }
  }

  const commons: Commons = {
    get isUp() {
      return connection.isUp && newsroom.mark !== '' && !patience.isOut
    },
    get isHearing() {
      return newsroom.isHearing
    },
    async ask(inquiry) {
      outbox.flush()
      const { candidates, askers, answeredAgoMs } = inquiry
      const told = await inTime(
        onSubject(ASK, inquiry, [
          inquiry.how,
          names.of(inquiry.pollKey),
          inquiry.lease,
          leaseMs,
          answeredAgoMs === undefined ? -1 : Math.max(0, Math.floor(answeredAgoMs)),
          Math.ceil(inquiry.intervalMs),
          Math.floor(inquiry.finalMs),
          Math.floor(inquiry.freshMs),
          inquiry.isShared && vault.isOpen ? 1 : 0,
          askers.length,
          ...askers.map(asker => names.of(asker)),
          ...candidates.flatMap(({ id, viewer }) => [names.of(id), viewer === '' ? 1 : 0]),
        ]),
      )
      try {
        return told === undefined ? undefined : wordOf(inquiry, told)
      } catch (error) {
        // Whoever waits for the answer must not wait for ever.
        unexpected(error)
        return undefined
      }
    },
    async confirm(claimed) {
      outbox.flush()
      const isCommon = claimed.viewer === ''
      const askers = isCommon ? claimed.askers.map(asker => names.of(asker)) : []
      const told = await inTime(
        onSubject(CONFIRM, claimed, [
          claimed.stamp,
          Math.max(0, Math.ceil(claimed.sentAgoMs)),
          claimed.isUnbroken ? 1 : 0,
          names.of(claimed.viewer),
          askers.length,
          ...askers,
        ]),
      )
      return typeof told === 'string' ? told : undefined
    },
    over({ answeredAgoMs, ...lease }) {
      const subject = lease.envelope || lease.account
      if (answeredAgoMs !== undefined) outbox.answered(subject, lease.pollKey, answeredAgoMs)
      outbox.flush()
      send(OVER, subjectKey(lease), [
        ttlMs,
        names.of(lease.pollKey),
        lease.lease,
        answeredAgoMs === undefined ? -1 : Math.max(0, Math.floor(answeredAgoMs)),
        names.of(lease.id),
        newsroom.channel,
        newsroom.plain({ kind: 'over', keys: [lease.pollKey, lease.id] }),
      ])
    },
    renew(leases) {
      for (const lease of leases) {
        const args = [ttlMs, names.of(lease.pollKey), lease.lease, leaseMs, names.of(lease.id)]
        send(RENEW, subjectKey(lease), args)
      }
    },
    drop: scope => outbox.drop(scope),
    written: key => outbox.written(key),
    lost: (envelope, viewer) => outbox.lost(envelope, viewer),
    terminal: envelope => outbox.terminal(envelope),
    denied: (envelope, viewers, resource) => outbox.denied(envelope, viewers, resource),
    lifted: (envelope, viewers) => outbox.lifted(envelope, viewers),
    acquaint: (token, proofs) => tokens.acquaint(token, proofs),
    vouch: (token, what, sentAgoMs) => tokens.vouch(token, what, sentAgoMs),
    refuse: token => tokens.refuse(token),
    settle: (account, baseUri) => homes.settle(account, baseUri),
    homeOf: account => homes.homeOf(account),
    hear: tell => newsroom.hear(tell),
    async close() {
      newsroom.close()
      room?.close()
      outbox.flush()
      await vault.close()
    },
  }

  return { commons, vault }
}
