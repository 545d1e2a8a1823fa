/**
 * What has come to pass here and all must know: told at the end of the turn in which it happened, or before the next
 * question, whichever is first. What could not be told is kept until it can be; and what was told in the last minute is
 * told again when Redis comes back, because a failover forgets what its old master was told last.
 */
import type { Clock, Turns } from '../../base/clock.js'
import type { News, Scope } from '../../base/commons.js'
import { makeStore } from '../../base/store.js'
import { RedisLost, type RedisConnection } from './connection.js'
import type { Names } from './names.js'
import type { Newsroom } from './news.js'
import { TELL } from './shield-tellings.js'

export interface Outbox {
  drop(scope: Scope): void
  written(key: string): void
  lost(envelope: string, viewer: string): void
  terminal(envelope: string): void
  denied(envelope: string, viewers: readonly string[], resource: string): void
  lifted(envelope: string, viewers: readonly string[]): void
  removed(subject: string, id: string): void
  /** A GET of this poll was answered so long ago: told again only where Redis has lost it. */
  answered(subject: string, pollKey: string, agoMs: number): void
  /** Sends what is due, in order before whatever is sent next. */
  flush(): void
}

export interface OutboxParts {
  readonly connection: RedisConnection
  readonly newsroom: Newsroom
  readonly names: Names
  readonly clock: Clock
  readonly turns: Turns
  /** How long what is told must be known. */
  readonly ttlMs: number
  /** Nobody will ask for the bodies of these names. */
  readonly discard: (names: readonly string[]) => void
  readonly unexpected: (error: unknown) => void
}

/** One thing that came to pass, to one subject (s) or account (a). */
interface Happening {
  readonly subject: string
  readonly hash: 's' | 'a'
  readonly what: 'd' | 'v' | 'w' | 'l' | 'r' | 't' | 'y' | 'n' | 'b'
  readonly of: string
  readonly atMs: number
  readonly news?: News | undefined
}

/** As long as a failover may take, and what it may lose. */
const AGAIN_MS = 60_000
const MAX_AGAIN = 10_000
/** What makes a copy untrue. The rest is learned again. */
const AGAIN: ReadonlySet<string> = new Set(['d', 'v', 'w', 'l', 'y'])
/** Beyond so many owed none is true any more. */
const MAX_OWED = 20_000
/** A script's arguments in one go. */
const MAX_TOLD = 500

export function makeOutbox(parts: OutboxParts): Outbox {
  const { connection, newsroom, names, clock, turns, ttlMs, discard, unexpected } = parts
  let due: Happening[] = []
  let owed: Happening[] = []
  let again: Happening[] = []
  /** What Redis would have to be told anew, had it lost its data. */
  const polls = makeStore<Happening>(MAX_AGAIN)
  let isTurnTaken = false
  let isAllOwed = false

  function happened(happening: Omit<Happening, 'atMs'>): void {
    due.push({ ...happening, atMs: clock.nowMs() })
    if (isTurnTaken) return
    isTurnTaken = true
    turns.atEnd(() => {
      isTurnTaken = false
      flush()
    })
  }

  function owe(some: readonly Happening[]): void {
    owed.push(...some.filter(({ what }) => what !== 'b'))
    if (owed.length <= MAX_OWED) return
    owed = []
    isAllOwed = true
  }

  function flush(): void {
    if (due.length === 0) return
    const now = due
    due = []
    if (connection.isUp) tell(now)
    else owe(now)
  }

  function tell(some: readonly Happening[]): void {
    const accounts = new Set(some.filter(({ hash }) => hash === 'a').map(({ subject }) => subject))
    const bySubject = new Map<string, Happening[]>()
    for (const one of some) {
      const key = `${one.hash} ${one.subject}`
      const before = bySubject.get(key)
      if (before) before.push(one)
      else bySubject.set(key, [one])
    }
    for (const all of bySubject.values()) {
      // Of an account that was dropped and written to, all envelopes are: they need not be told one by one.
      const isWriteAlone = all.every(({ what, hash }) => what === 'w' && hash === 's')
      if (isWriteAlone && accounts.size > 0 && !accounts.has(all[0]?.subject ?? '')) continue
      for (let i = 0; i < all.length; i += MAX_TOLD) void send(all.slice(i, i + MAX_TOLD))
    }
    const sinceMs = clock.nowMs() - AGAIN_MS
    const told = some.filter(({ what }) => AGAIN.has(what))
    again = [...again.filter(({ atMs }) => atMs > sinceMs), ...told].slice(-MAX_AGAIN)
  }

  async function send(all: readonly Happening[]): Promise<void> {
    const [{ subject, hash }] = all as [Happening]
    const nowMs = clock.nowMs()
    const ops = all.flatMap(({ what, of, atMs }): (string | number)[] => {
      const ago = Math.max(0, Math.floor(nowMs - atMs))
      if (what === 't') return [what, ago]
      if (what === 'b') return [what, `${of}|${ago}`]
      return [what, of]
    })
    const news = all.flatMap(one => one.news ?? [])
    const message = news.length > 0 ? newsroom.numbered(news) : ''
    const key = connection.key(names.of(subject), hash)
    try {
      const told = await connection.eval(TELL, [key], [ttlMs, newsroom.channel, message, ...ops])
      discard(told as string[])
    } catch (error) {
      if (error instanceof RedisLost) owe(all)
      else unexpected(error)
    }
  }

  newsroom.onReturn(() => {
    if (isAllOwed) void dropAll()
    const sinceMs = clock.nowMs() - AGAIN_MS
    const all = [...again.filter(({ atMs }) => atMs > sinceMs), ...owed, ...polls.values()]
    owed = []
    again = []
    if (all.length > 0) tell(all)
  })

  async function dropAll(): Promise<void> {
    isAllOwed = !(await newsroom.remark([{ kind: 'dropped' }]))
  }

  const dropped = (scope: Scope): News => ({ kind: 'dropped', ...scope })

  return {
    drop({ account, envelope, viewer }) {
      if (envelope !== undefined && envelope !== '') {
        const news = dropped({ envelope, viewer })
        if (viewer === undefined) happened({ subject: envelope, hash: 's', what: 'd', of: '', news })
        else happened({ subject: envelope, hash: 's', what: 'v', of: names.of(viewer), news })
      } else if (account !== undefined) {
        const news = dropped({ account, envelope })
        happened({ subject: account, hash: 's', what: 'd', of: '', news })
        if (envelope === undefined) happened({ subject: account, hash: 'a', what: 'd', of: '' })
      } else {
        void dropAll()
      }
    },
    written(key) {
      happened({ subject: key, hash: 's', what: 'w', of: '', news: { kind: 'written', key } })
      const isWide = due.some(({ subject, hash, what }) => subject === key && hash === 'a' && what === 'd')
      if (isWide) happened({ subject: key, hash: 'a', what: 'w', of: '' })
    },
    lost: (envelope, viewer) => happened({ subject: envelope, hash: 's', what: 'l', of: names.of(viewer) }),
    terminal: envelope => happened({ subject: envelope, hash: 's', what: 't', of: '' }),
    denied(envelope, viewers, resource) {
      const news: News = { kind: 'denied', envelope, viewers, resource }
      for (const [i, viewer] of viewers.entries()) {
        happened({
          subject: envelope,
          hash: 's',
          what: 'y',
          of: names.of(viewer),
          news: i === 0 ? news : undefined,
        })
      }
    },
    lifted(envelope, viewers) {
      for (const viewer of viewers)
        happened({ subject: envelope, hash: 's', what: 'n', of: names.of(viewer) })
    },
    removed: (subject, id) => happened({ subject, hash: 's', what: 'r', of: names.of(id) }),
    answered(subject, pollKey, agoMs) {
      const atMs = clock.nowMs() - agoMs
      polls.set(pollKey, { subject, hash: 's', what: 'b', of: names.of(pollKey), atMs })
    },
    flush,
  }
}
