/**
 * The polling rule (facts 2): one GET of an app for an envelope's resource in an interval, whatever its query. DocuSign
 * counts a GET when it arrives, and nobody but DocuSign knows when that was: no earlier than it was sent, no later than
 * its answer came. So the interval runs from the answer to the next send; exactly one interval apart complies.
 *
 * Only a 2xx begins an interval. What failed leaves the one from before as it was.
 */
import type { Note } from '../base/notebook.js'
import { makeAging, type Aging } from './aging.js'

/** What may become of a GET now. */
export type Ask =
  /** `read_after_write`: inside the interval, but of something that was written to since it was read. */
  | { readonly kind: 'first' | 'read_after_write' }
  /** Another one is on its way; how it ends decides. */
  | { readonly kind: 'pending' }
  /** @property restMs how long the interval still lasts, above 0 */
  | { readonly kind: 'inside'; readonly restMs: number }

/** Keys are those of `base/key.ts`: of the app and the envelope's resource, and of the envelope. */
export interface Polls {
  /** Changes nothing, so a GET that is refused, or whose caller leaves, has spent nothing. */
  ask(key: string, envelopeKey: string, nowMs: number): Ask
  /** A GET goes up, be it that the rule allows it or that it is only observed. Each must be followed by an `answered`. */
  sent(key: string, nowMs: number): void
  /** @param ok with a 2xx; false also where no answer came */
  answered(key: string, ok: boolean, nowMs: number): void
  /** When a 2xx to it last came; `undefined` where none is remembered. */
  answeredMs(key: string): number | undefined
  /** Another node has read it then; what was written before is no news. */
  heard(key: string, answeredMs: number): void
  /** A write to the envelope has ended, whatever its answer: each of its resources may be read once more by each app. */
  written(envelopeKey: string, nowMs: number): void
  /** What began keeps its time and is judged by the new interval. What the shorter one let go is not brought back. */
  configure(intervalMs: number): void
  /** What earlier runs noted, in order; before anything else. @param toNowMs from a note's scale to that of `nowMs` */
  restore(notes: readonly Note[], toNowMs: (wallMs: number) => number): void
  /** Resources and envelopes that are remembered. */
  readonly size: number
}

export interface PollsConfig {
  /** 0: every GET is a first one. */
  readonly intervalMs: number
  /** Resources that are remembered, 1 or more; the one asked for longest ago is let go for a new one. */
  readonly max: number
}

/** 100 MB at the worst, of 22-character keys; a caller chooses how many there are. */
export const MAX_POLLED = 500_000
/** A write costs a call of an account's hour, so there are fewer of them. */
const MAX_WRITTEN = 100_000
/** Of what has had its time, so many are let go at each send: more than come in, and never enough to be felt. */
const LET_GO = 2

/** All that happens has its place in one order, because two things may happen in one millisecond. */
type Place = number

interface Read {
  /** GETs that have no answer yet: more than one only where the rule is observed and not kept. */
  underWay: number
  /** Where the first of those was sent. */
  sentAt: Place
  /** Where the last one was sent that got its 2xx; nothing a write before that place did is news. */
  readAt: Place
  /** When that 2xx came. */
  answeredMs: number
}

interface Write {
  readonly endedAt: Place
  readonly endedMs: number
}

const FIRST: Ask = { kind: 'first' }
const READ_AFTER_WRITE: Ask = { kind: 'read_after_write' }
const PENDING: Ask = { kind: 'pending' }

export function makePolls({ intervalMs, max }: PollsConfig): Polls {
  /** By the last send, and by the last write: what has had its time is the oldest of them. */
  const reads = makeAging<Read>(max)
  const writes = makeAging<Write>(Math.min(max, MAX_WRITTEN))
  let place: Place = 0

  function isWrittenSince({ readAt }: Read, envelopeKey: string, nowMs: number): boolean {
    const write = writes.get(envelopeKey)
    return write !== undefined && write.endedAt > readAt && nowMs < write.endedMs + intervalMs
  }

  function letGo(nowMs: number): void {
    drop(reads, read => read.underWay === 0 && nowMs >= read.answeredMs + intervalMs)
    drop(writes, ({ endedMs }) => nowMs >= endedMs + intervalMs)
  }

  return {
    ask(key, envelopeKey, nowMs) {
      const read = reads.get(key)
      if (!read || intervalMs === 0) return FIRST
      if (read.underWay > 0) return PENDING
      const untilMs = read.answeredMs + intervalMs
      if (nowMs >= untilMs) return FIRST
      if (isWrittenSince(read, envelopeKey, nowMs)) return READ_AFTER_WRITE
      return { kind: 'inside', restMs: untilMs - nowMs }
    },

    sent(key, nowMs) {
      letGo(nowMs)
      const read = reads.get(key) ?? { underWay: 0, sentAt: 0, readAt: 0, answeredMs: -Infinity }
      place++
      if (read.underWay++ === 0) read.sentAt = place
      reads.put(key, read)
    },

    answered(key, ok, nowMs) {
      // One that was let go for others while it was under way comes back with its answer.
      const read = reads.get(key) ?? { underWay: 1, sentAt: place, readAt: 0, answeredMs: -Infinity }
      if (read.underWay > 0) read.underWay--
      if (ok) {
        read.readAt = read.sentAt
        read.answeredMs = Math.max(read.answeredMs, nowMs)
        if (!reads.get(key)) reads.put(key, read)
      } else if (read.underWay === 0 && read.answeredMs === -Infinity) reads.delete(key)
    },

    answeredMs(key) {
      const atMs = reads.get(key)?.answeredMs
      return atMs === -Infinity ? undefined : atMs
    },

    heard(key, answeredMs) {
      const read = reads.get(key)
      const readAt = ++place
      if (!read) reads.put(key, { underWay: 0, sentAt: readAt, readAt, answeredMs })
      else if (answeredMs > read.answeredMs) {
        read.readAt = readAt
        read.answeredMs = answeredMs
      }
    },

    written(envelopeKey, nowMs) {
      writes.put(envelopeKey, { endedAt: ++place, endedMs: nowMs })
    },

    configure(newIntervalMs) {
      intervalMs = newIntervalMs
    },

    restore(notes, toNowMs) {
      const sentAt = new Map<string, Place>()
      for (const { kind, key, wallMs } of notes) {
        place++
        if (kind === 'asked') sentAt.set(key, place)
        if (kind === 'unanswered') sentAt.delete(key)
        if (kind === 'answered') {
          const readAt = sentAt.get(key) ?? place
          sentAt.delete(key)
          reads.put(key, { underWay: 0, sentAt: readAt, readAt, answeredMs: toNowMs(wallMs) })
        }
        if (kind === 'written') writes.put(key, { endedAt: place, endedMs: toNowMs(wallMs) })
      }
    },

    get size() {
      return reads.size + writes.size
    },
  }
}

function drop<V>(from: Aging<V>, isOver: (value: V) => boolean): void {
  for (let left = LET_GO; left > 0; left--) {
    const oldest = from.oldest()
    if (!oldest || !isOver(oldest[1])) return
    from.delete(oldest[0])
  }
}
