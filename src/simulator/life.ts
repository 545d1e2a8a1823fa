import { fractionOf } from './chance.js'
import type { SimulatorOptions } from './options.js'
import type { Pace } from './pace.js'

/** Facts 6.2. `signed` and `correct` pass too quickly, or need a person, to be seen here. */
export type Status = 'created' | 'sent' | 'delivered' | 'completed' | 'declined' | 'voided'

/** `lives` follows the seeded schedule; every other word is where the envelope stays, once and for all. */
export const COURSES = [
  'lives',
  'created',
  'sent',
  'delivered',
  'completed',
  'declined',
  'voided',
  'expired',
] as const
export type Course = (typeof COURSES)[number]

/** A step that somebody took, whatever the schedule said. */
export interface Turn {
  readonly status: Status
  readonly atMs: number
  readonly reason?: string
}

/** What an envelope's life follows from. */
export interface Birth {
  /** Its place in the order of creation. */
  readonly number: number
  readonly createdMs: number
  /** Undefined for a draft. */
  readonly sentMs: number | undefined
  readonly course: Course
  readonly turn: Turn | undefined
  readonly expireAfterDays: number
}

export interface Life {
  readonly status: Status
  readonly changedMs: number
  readonly sentMs?: number
  readonly deliveredMs?: number
  readonly completedMs?: number
  readonly declinedMs?: number
  readonly voidedMs?: number
  readonly voidedReason?: string
}

/** Completed, voided, declined (facts 6.2): no path leads out. */
export function isTerminal(status: Status): boolean {
  return status === 'completed' || status === 'voided' || status === 'declined'
}

interface Fate {
  readonly deliverMs: number
  readonly finishMs: number
  readonly end: 'completed' | 'declined' | 'voided' | 'expired'
}

/** Lives as a plain function of the time: 200,000 envelopes need no timer. */
export function makeLives(options: SimulatorOptions, pace: Pace) {
  const { seed } = options

  /** Most are signed; one in fourteen is declined, one in twenty voided by its sender, one in thirty left to expire. */
  function fateOf({ number, course }: Pick<Birth, 'number' | 'course'>): Fate {
    const around = (seconds: number, question: number) =>
      pace.lengthMs(seconds) * (0.5 + fractionOf(seed, number, question))
    const draw = fractionOf(seed, number, 13)
    const drawn = draw < 0.07 ? 'declined' : draw < 0.12 ? 'voided' : draw < 0.15 ? 'expired' : 'completed'
    const fixed =
      course === 'completed' || course === 'declined' || course === 'voided' || course === 'expired'
    return {
      deliverMs: course === 'sent' ? Infinity : around(options.deliverAfter, 11),
      finishMs: course === 'delivered' ? Infinity : around(options.finishAfter, 12),
      end: fixed ? course : drawn,
    }
  }

  function scheduled(birth: Birth, nowMs: number): Life {
    const { sentMs } = birth
    if (sentMs === undefined || sentMs > nowMs) return { status: 'created', changedMs: birth.createdMs }
    const fate = fateOf(birth)
    const expiresMs = sentMs + pace.daysMs(birth.expireAfterDays)
    const deliveredMs = sentMs + fate.deliverMs
    const endMs = fate.end === 'expired' ? Infinity : deliveredMs + fate.finishMs
    const isOpened = deliveredMs <= nowMs && deliveredMs < expiresMs
    const opened = isOpened ? { sentMs, deliveredMs } : { sentMs }
    if (endMs <= nowMs && endMs < expiresMs && fate.end !== 'expired') {
      return ended(opened, { status: fate.end, atMs: endMs, reason: 'Voided by its sender' })
    }
    // Nobody expires a thing that its seed pinned to a status.
    const isPinned = birth.course === 'sent' || birth.course === 'delivered'
    if (expiresMs <= nowMs && !isPinned) {
      return ended(opened, { status: 'voided', atMs: expiresMs, reason: 'Envelope has expired.' })
    }
    return isOpened
      ? { status: 'delivered', changedMs: deliveredMs, ...opened }
      : { status: 'sent', changedMs: sentMs, ...opened }
  }

  return {
    lifeOf(birth: Birth, nowMs: number): Life {
      const { turn } = birth
      if (!turn || turn.atMs > nowMs) return scheduled(birth, nowMs)
      const before = scheduled(birth, turn.atMs)
      return isTerminal(before.status) ? before : ended(before, turn)
    },
    /** How long before now an envelope must have been sent to have reached the end of its course. */
    ageMs(number: number, course: Course, expireAfterDays: number): number {
      const fate = fateOf({ number, course })
      switch (course) {
        case 'lives':
        case 'created':
        case 'sent':
          return 0
        case 'delivered':
          return fate.deliverMs
        case 'expired':
          return pace.daysMs(expireAfterDays)
        case 'completed':
        case 'declined':
        case 'voided':
          return fate.deliverMs + fate.finishMs
      }
    },
  }
}

export type Lives = ReturnType<typeof makeLives>

function ended(before: Pick<Life, 'sentMs' | 'deliveredMs'>, turn: Turn): Life {
  const { status, atMs } = turn
  const { sentMs = atMs, deliveredMs } = before
  const life = { status, changedMs: atMs, sentMs, ...(deliveredMs !== undefined && { deliveredMs }) }
  switch (status) {
    case 'created':
      return { status, changedMs: atMs }
    case 'sent':
      return life
    case 'delivered':
      return { ...life, deliveredMs: atMs }
    case 'completed':
      return { ...life, deliveredMs: deliveredMs ?? atMs, completedMs: atMs }
    case 'declined':
      return { ...life, deliveredMs: deliveredMs ?? atMs, declinedMs: atMs }
    case 'voided':
      return { ...life, voidedMs: atMs, voidedReason: turn.reason ?? 'Voided by its sender' }
  }
}
