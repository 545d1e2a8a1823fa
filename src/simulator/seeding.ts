import type { Envelopes } from './envelopes.js'
import { EXPIRE_AFTER_DAYS } from './envelopes.js'
import type { Given } from './given.js'
import { textOf } from './given.js'
import type { Course, Lives } from './life.js'
import { COURSES } from './life.js'
import type { Pace } from './pace.js'
import type { People } from './people.js'

/** Many envelopes at once. */
export interface EnvelopeSeed {
  /** GUID or number; the first account without it. */
  readonly account?: string
  /** The sender's GUID; the account's first user without it. */
  readonly userId?: string
  /** 1 without it. */
  readonly count?: number
  /** `lives` without it: sent now, then along the schedule. Every other status is one it keeps. */
  readonly status?: Course
  /** The size of each envelope's first document, made of pseudo-random bytes; a small PDF without it. */
  readonly documentBytes?: number
}

const MOST_AT_ONCE = 200_000
/** Neighbours are made a second apart, so that a list has an order. */
const APART_SECONDS = 1

export interface Soil {
  readonly people: People
  readonly envelopes: Envelopes
  readonly lives: Lives
  readonly pace: Pace
}

/** Makes the envelopes of a seed; their ids, or what is wrong with it. */
export function sow(
  { people, envelopes, lives, pace }: Soil,
  seed: EnvelopeSeed,
): readonly string[] | string {
  const account = seed.account === undefined ? people.accounts[0] : people.account(seed.account)
  if (!account) return 'account is the GUID or the number of an account'
  const members = people.users.filter(user => user.accounts.includes(account))
  const owner = members.find(user => user.administers === account)
  const sender =
    seed.userId === undefined ? owner : members.find(user => user.id === seed.userId?.toLowerCase())
  if (!sender) return 'userId is the GUID of a user of that account'
  const { count = 1, status = 'lives', documentBytes = 0 } = seed
  if (!Number.isInteger(count) || count < 1 || count > MOST_AT_ONCE)
    return `count is from 1 to ${MOST_AT_ONCE}`
  if (!Number.isInteger(documentBytes) || documentBytes < 0) return 'documentBytes is a whole number'
  const nowMs = pace.wallMs()
  return Array.from({ length: count }, (_, n) => {
    const ageMs = lives.ageMs(envelopes.nextNumber(), status, EXPIRE_AFTER_DAYS)
    const spreadMs = status === 'lives' ? 0 : pace.lengthMs(APART_SECONDS) * (count - n)
    const createdMs = Math.floor(nowMs - ageMs - spreadMs)
    const sentMs = status === 'created' ? undefined : createdMs
    return envelopes.add({ account, sender, createdMs, sentMs, course: status, documentBytes }).id
  })
}

/** Reads a seed that came as JSON; what is wrong with it, else. */
export function readSeed(given: Given): EnvelopeSeed | string {
  const status = COURSES.find(course => course === (given['status'] ?? 'lives'))
  if (!status) return `status is one of ${COURSES.join(', ')}`
  const account = textOf(given, 'account')
  const userId = textOf(given, 'userId')
  return {
    status,
    count: Number(given['count'] ?? 1),
    documentBytes: Number(given['documentBytes'] ?? 0),
    ...(account !== undefined && { account }),
    ...(userId !== undefined && { userId }),
  }
}
