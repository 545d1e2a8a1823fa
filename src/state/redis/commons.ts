/**
 * What several shields know together, kept in Redis (`shield-scripts.ts` says as what). A question costs one round trip;
 * its end one more, which nobody waits for. Whoever is not answered within PATIENCE_MS goes on alone.
 */
import type { Clock, Turns } from '../../base/clock.js'
import type { Acquaintance, Commons, Inquiry, Subject, Word } from '../../base/commons.js'
import { makeStore } from '../../base/store.js'
import type { Vault } from '../../base/vault.js'
import { RedisLost, type RedisArg, type RedisConnection, type Script } from './connection.js'
import { makeHomes } from './homes.js'
import { makeNames } from './names.js'
import { makeNewsroom } from './news.js'
import { makeOutbox } from './outbox.js'
import { ACCOUNT, ACQUAINT, ASK, CONFIRM, OVER, PUT, REFUSE, RENEW, VOUCH } from './shield-scripts.js'
import { makeSharedVault, type Shelved } from './vault.js'

export interface CommonsConfig {
  /** 32 bytes; without them no body is kept, and names are hashed without a key. */
  readonly vaultKey: Buffer | undefined
  /** A script sees the keys of one tag alone. */
  readonly isCluster: boolean
  /** How long what is known of a subject may matter: as old as a copy may be, and as long as an interval. */
  readonly keepMs: number
}

export interface CommonsParts {
  readonly connection: RedisConnection
  readonly clock: Clock
  readonly turns: Turns
  readonly unexpected: (error: unknown) => void
}

export interface SharedShield {
  readonly commons: Commons
  readonly vault: Vault
}

/** Three of them, a token's, a question's and a copy's, are less than a second. */
const PATIENCE_MS = 250
/** For so long nothing waits for a Redis that was too slow for somebody. */
const SLOW_MS = 500
/** Renewed three times before it runs out. */
const LEASE_MS = 15_000
const MIN_KEEP_MS = 86_400_000
/** As long as an access token by JWT lives; each proof of it renews this. */
const TOKEN_MS = 3_600_000
/** As the outbox has it. */
const AGAIN_MS = 60_000
const MAX_REFUSALS = 10_000

export function makeCommons(config: CommonsConfig, parts: CommonsParts): SharedShield {
  const { connection, clock, turns, unexpected } = parts
  const names = makeNames(config.vaultKey)
  let slowUntilMs = -Infinity
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
  const { vault, shelf, meet } = makeSharedVault({
    key: config.vaultKey,
    connection,
    inTime,
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
    keepMs: config.keepMs,
    clock,
  })
  const homes = makeHomes(connection, names, clock)
  const refusals = makeStore<{ readonly token: string; readonly atMs: number; isTold: boolean }>(MAX_REFUSALS)
  newsroom.onReturn(() => {
    void homes.load()
    // As the outbox does: those that could not be told, and those that a failover may have lost.
    for (const { token, atMs, isTold } of [...refusals.values()]) {
      if (!isTold || clock.nowMs() - atMs < AGAIN_MS) refuse(token)
    }
  })

  /** `undefined`: not in time, or not at all. */
  function inTime<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise(resolve => {
      const timer = clock.after(PATIENCE_MS, () => {
        slowUntilMs = clock.nowMs() + SLOW_MS
        resolve(undefined)
      })
      work.then(
        told => {
          timer.cancel()
          resolve(told)
        },
        (error: unknown) => {
          timer.cancel()
          if (!(error instanceof RedisLost)) unexpected(error)
          resolve(undefined)
        },
      )
    })
  }

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
      return connection.isUp && newsroom.mark !== '' && clock.nowMs() >= slowUntilMs
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
          LEASE_MS,
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
      return told === undefined ? undefined : wordOf(inquiry, told)
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
      return told === undefined ? undefined : String(told)
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
        const args = [ttlMs, names.of(lease.pollKey), lease.lease, LEASE_MS, names.of(lease.id)]
        send(RENEW, subjectKey(lease), args)
      }
    },
    drop: scope => outbox.drop(scope),
    written: key => outbox.written(key),
    lost: (envelope, viewer) => outbox.lost(envelope, viewer),
    terminal: envelope => outbox.terminal(envelope),
    denied: (envelope, viewers, resource) => outbox.denied(envelope, viewers, resource),
    lifted: (envelope, viewers) => outbox.lifted(envelope, viewers),
    async acquaint(token, proofs) {
      const fields = ['u', 'k', 'o', 'r', ...proofs.map(proof => `p${names.of(proof)}`)]
      const told = await inTime(connection.eval(ACQUAINT, [tokenKey(token)], fields))
      if (told === undefined) return undefined
      const [now, values] = told as [number, (string | null)[]]
      const [user, integrationKey, toldAt, refusedAt, ...provenAt] = values
      const ago = (at: string | null | undefined) => (at == null ? undefined : Math.max(0, now - Number(at)))
      const known = new Map<string, number>()
      for (const [i, at] of provenAt.entries()) if (at !== null) known.set(proofs[i] ?? '', now - Number(at))
      return {
        user: user == null ? undefined : names.unseal(user),
        integrationKey: integrationKey == null ? undefined : names.unseal(integrationKey),
        toldAgoMs: ago(toldAt),
        refusedAgoMs: ago(refusedAt),
        proofs: known,
      } satisfies Acquaintance
    },
    vouch(token, { user, integrationKey, isTold, proofs }, sentAgoMs) {
      const fields = proofs.flatMap(proof => [`p${names.of(proof)}`, ''])
      if (user !== undefined) fields.push('u', names.seal(user))
      if (integrationKey !== undefined) fields.push('k', names.seal(integrationKey))
      if (isTold === true) fields.push('o', '')
      send(VOUCH, tokenKey(token), [TOKEN_MS, Math.max(0, Math.ceil(sentAgoMs)), ...fields])
    },
    refuse,
    settle: (account, baseUri) => homes.settle(account, baseUri),
    homeOf: account => homes.homeOf(account),
    hear: tell => newsroom.hear(tell),
    async close() {
      newsroom.close()
      outbox.flush()
      await vault.close()
    },
  }

  function refuse(token: string): void {
    const refusal = { token, atMs: refusals.get(token)?.atMs ?? clock.nowMs(), isTold: false }
    refusals.set(token, refusal)
    if (!connection.isUp) return
    const message = newsroom.numbered([{ kind: 'refused', token }])
    connection.eval(REFUSE, [tokenKey(token)], [TOKEN_MS, newsroom.channel, message]).then(
      () => (refusal.isTold = true),
      () => undefined,
    )
  }

  function tokenKey(token: string): string {
    return connection.key(names.of(token), 't')
  }

  return { commons, vault }
}
