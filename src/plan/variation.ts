/**
 * More traffic, or less, or on other accounts: whole envelopes are drawn again, with all their calls, and calls of no
 * envelope one by one. Scaled counts would leave out what bursts and polls do to each other.
 */
import type { TraceRecord } from '../base/trace.js'
import { drawOf } from './draw.js'
import { makeHeap } from './heap.js'
import type { Batches } from './order.js'

export interface Variation {
  readonly seed: number
  /** 1: as it was. */
  readonly grow: number
  /** By an app's name in the trace: how much of its traffic there is. */
  readonly apps: ReadonlyMap<string, number>
  /** On so many accounts instead of one. */
  readonly split: number
  /** How much later at most a call that was drawn again comes: not all at once, because customers do not know of each other. */
  readonly spreadMs: number
}

/** @param records by the time they came, and so they stay */
export function varied(records: Batches, variation: Variation): Batches {
  return isPlain(variation) ? records : drawn(records, variation)
}

async function* drawn(batches: Batches, variation: Variation): AsyncGenerator<readonly TraceRecord[]> {
  const later = makeHeap<{ readonly record: TraceRecord; readonly nth: number }>(
    (a, b) => a.record.atMs - b.record.atMs || a.nth - b.nth,
  )
  let nth = 0
  let calls = 0
  for await (const batch of batches) {
    const more: TraceRecord[] = []
    for (const record of batch) {
      for (let due = later.first(); due && due.record.atMs <= record.atMs; due = later.first()) {
        later.take()
        more.push(due.record)
      }
      const unit = record.envelope === '' ? `call ${calls++}` : record.envelope
      const times = timesOf(record, unit, variation)
      for (let copy = 0; copy < times; copy++) {
        const one = split(copy === 0 ? record : again(record, unit, copy, variation), unit, variation)
        if (copy === 0) more.push(one)
        else later.add({ record: one, nth: nth++ })
      }
    }
    yield more
  }
  for (let due = later.take(); due; due = later.take()) yield [due.record]
}

function isPlain({ grow, apps, split: accounts }: Variation): boolean {
  return grow === 1 && apps.size === 0 && accounts === 1
}

/** One draw for one envelope, whatever the factor: what there is at 1.2 there is at 1.4, too. */
function timesOf({ app }: TraceRecord, unit: string, { seed, grow, apps }: Variation): number {
  const factor = grow * (apps.get(app) ?? 1)
  const whole = Math.floor(factor)
  return whole + (drawOf(seed, 'again', unit) < factor - whole ? 1 : 0)
}

function again(record: TraceRecord, unit: string, copy: number, { seed, spreadMs }: Variation): TraceRecord {
  const mark = `~${copy}`
  const marked = (name: string) => (name === '' ? '' : name + mark)
  return {
    ...record,
    atMs: record.atMs + Math.floor(drawOf(seed, 'later', unit, mark) * spreadMs),
    envelope: marked(record.envelope),
    resource: marked(record.resource),
    representation: marked(record.representation),
    // What others spent is told once.
    limits: undefined,
  }
}

function split(record: TraceRecord, unit: string, { seed, split: accounts }: Variation): TraceRecord {
  if (accounts === 1 || record.account === '') return record
  const nth = Math.floor(drawOf(seed, 'account', unit) * accounts)
  return nth === 0 ? record : { ...record, account: `${record.account}~a${nth}` }
}

/** The trace, again and again under other names, until so much time is full; cut off where it is longer. */
export async function* lasting(
  source: () => Batches,
  lengthMs: number,
  stepMs: number,
): AsyncGenerator<readonly TraceRecord[]> {
  let firstMs: number | undefined
  let shiftMs = 0
  for (let round = 0; ; round++) {
    let lastMs = -Infinity
    for await (const batch of source()) {
      const more: TraceRecord[] = []
      for (const record of batch) {
        firstMs ??= record.atMs
        const atMs = record.atMs + shiftMs
        if (atMs >= firstMs + lengthMs) {
          yield more
          return
        }
        lastMs = Math.max(lastMs, atMs)
        more.push(round === 0 ? record : { ...renamed(record, `~r${round}`), atMs })
      }
      yield more
    }
    if (firstMs === undefined || lastMs === -Infinity) return
    // The next one begins at the same minute of an hour, because hours turn by the clock.
    shiftMs = Math.ceil((lastMs + 1 - firstMs) / stepMs) * stepMs
  }
}

function renamed(record: TraceRecord, mark: string): TraceRecord {
  if (record.envelope === '') return record
  return { ...record, envelope: record.envelope + mark, resource: record.resource + mark }
}
