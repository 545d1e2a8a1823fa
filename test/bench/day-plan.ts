/**
 * A day of three apps on two accounts, the same for every contender: an interactive desk that creates, looks and voids; a
 * poller that asks of every envelope every five minutes; and a job that creates 900 envelopes at once and fetches, every
 * hour, what the ended ones hold.
 */

export interface DaySize {
  /** How long an hour of the day lasts here. */
  readonly hourMs: number
  readonly hours: number
  readonly hourLimit: number
  readonly burstMs: number
  readonly burstLimit: number
  /** Of each account, at the start. */
  readonly envelopes: number
  /** Of those, the ones that live until the desk voids some of them. */
  readonly lasting: number
  readonly voids: number
  readonly batch: number
  /** Until the day begins, with an hour: by then its contender is up. */
  readonly leadMs: number
  /** What is not answered so long after its end is not waited for. */
  readonly graceMs: number
  /** Between the starts of two contenders. */
  readonly apartMs: number
}

export const WHOLE_DAY: DaySize = {
  hourMs: 36_000,
  hours: 3,
  hourLimit: 700,
  burstMs: 3_000,
  burstLimit: 150,
  envelopes: 30,
  lasting: 8,
  voids: 5,
  batch: 900,
  leadMs: 12_000,
  graceMs: 3_000,
  apartMs: 3_000,
}

export const APPS = ['desk', 'poller', 'job'] as const
export type App = (typeof APPS)[number]

/** Something an app sets out to do, at its moment of the day. Accounts and envelopes by their number. */
export type Errand = { readonly atMs: number; readonly account: number } & (
  | { readonly does: 'create' | 'batch' | 'fetch' }
  | { readonly does: 'poll' | 'look' | 'void'; readonly envelope: number }
)

/** How much faster than the sun. */
export function factorOf({ hourMs }: DaySize): number {
  return 3_600_000 / hourMs
}

/** The quarter of an hour in which an app may look once. */
export function intervalMs(size: DaySize): number {
  return size.hourMs / 4
}

/** When the job comes with all of its calls: in the second hour, on the first account. */
export function batchAtMs({ hourMs, hours }: DaySize): number {
  return hourMs * (hours > 1 ? 1.2 : 0.2)
}

/** @param random in [0, 1) */
export function planDay(size: DaySize, random: () => number): Errand[] {
  const { hourMs, hours, envelopes, lasting, voids, batch } = size
  const dayMs = hours * hourMs
  const minuteMs = hourMs / 60
  const errands: Errand[] = []
  for (const account of [0, 1]) {
    for (let envelope = 0; envelope < envelopes; envelope++) {
      const firstMs = ((account * envelopes + envelope) / (2 * envelopes)) * 5 * minuteMs
      for (let atMs = firstMs; atMs < dayMs; atMs += 5 * minuteMs)
        errands.push({ atMs, account, does: 'poll', envelope })
    }
    for (let atMs = 0; atMs < dayMs; atMs += 2 * 2.5 * minuteMs * random())
      errands.push({ atMs, account, does: 'create' })
    for (let atMs = 0; atMs < dayMs; atMs += 2 * 2 * minuteMs * random())
      errands.push({ atMs, account, does: 'look', envelope: Math.floor(random() * envelopes) })
    for (let n = 0; n < voids; n++) {
      const atMs = dayMs * (0.1 + (0.8 * (n + random())) / voids)
      // The lasting ones are the last.
      errands.push({ atMs, account, does: 'void', envelope: envelopes - 1 - (n % lasting) })
    }
    for (let hour = 0; hour < hours; hour++)
      errands.push({ atMs: (hour + 0.9) * hourMs, account, does: 'fetch' })
  }
  for (let n = 0; n < batch; n++) errands.push({ atMs: batchAtMs(size), account: 0, does: 'batch' })
  return errands.toSorted((a, b) => a.atMs - b.atMs)
}

/** A generator that gives every contender the same day (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
