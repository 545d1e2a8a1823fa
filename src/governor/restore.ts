/** From the ledger's lines to what a budget needs to go on as if nothing had happened. */
import type { Remembered, Spent } from '../base/ledger.js'
import type { Facts } from './journal.js'

/** One account as earlier runs left it. Times are on the clock of `nowMs`, and none is later than now. */
export interface Restored {
  /** The key that its other names lead to. */
  readonly account: string
  /** The other keys of the same account. */
  readonly alsoKnownAs: readonly string[]
  /** When its calls were answered, oldest first: as late as it may have been, never earlier than it was. */
  readonly completions: readonly number[]
  /** DocuSign's own word, as last heard, and when. */
  readonly remaining: number | undefined
  readonly resetAtSeconds: number | undefined
  readonly heardMs: number | undefined
  readonly facts: Facts | undefined
}

/** A chain of names is never longer: GUID and number are all there are. */
const MAX_NAMES = 4

/** @param wallMs @param nowMs the same moment on both clocks */
export function restoreAccounts(
  remembered: readonly Remembered[],
  wallMs: number,
  nowMs: number,
): readonly Restored[] {
  const byName = new Map(remembered.map(one => [one.account, one]))
  const groups = new Map<string, Remembered[]>()
  for (const one of remembered) {
    const account = leads(one.account, byName)
    const group = groups.get(account)
    if (group) group.push(one)
    else groups.set(account, [one])
  }
  const atMs = (lineMs: number) => nowMs - Math.max(0, wallMs - lineMs)
  return [...groups].map(([account, names]) => restoreOne(account, names, atMs, wallMs, nowMs))
}

/** Where `sameAs` leads to; a ring of names ends somewhere in it. */
function leads(from: string, byName: ReadonlyMap<string, Remembered>): string {
  let account = from
  for (let step = 0; step < MAX_NAMES; step++) {
    const next = byName.get(account)?.learned?.sameAs
    if (next === undefined || next === from) return account
    account = next
  }
  return account
}

function restoreOne(
  account: string,
  names: readonly Remembered[],
  atMs: (lineMs: number) => number,
  wallMs: number,
  nowMs: number,
): Restored {
  const [only] = names
  const all = names.length === 1 && only ? only.spent : names.flatMap(one => one.spent)
  const lines = isInOrder(all) ? all : all.toSorted((a, b) => a.wallMs - b.wallMs)
  const heard = lines.findLast(line => line.remaining !== undefined || line.resetAtSeconds !== undefined)
  const learned = (names.find(one => one.account === account) ?? names[0])?.learned
  return {
    account,
    alsoKnownAs: names.map(one => one.account).filter(name => name !== account),
    completions: timesOf(lines, atMs),
    remaining: heard?.remaining,
    resetAtSeconds: heard?.resetAtSeconds,
    heardMs: heard && atMs(heard.wallMs),
    facts: learned && factsOf(learned, wallMs, nowMs),
  }
}

/** As they are but where the wall clock was set back between two runs. */
function isInOrder(lines: readonly Spent[]): boolean {
  let lastMs = -Infinity
  for (const { wallMs } of lines) {
    if (wallMs < lastMs) return false
    lastMs = wallMs
  }
  return true
}

function timesOf(lines: readonly Spent[], atMs: (lineMs: number) => number): number[] {
  const times: number[] = []
  for (const { completed, wallMs } of lines) {
    const time = atMs(wallMs)
    for (let i = 0; i < completed; i++) times.push(time)
  }
  return times
}

function factsOf(learned: NonNullable<Remembered['learned']>, wallMs: number, nowMs: number): Facts {
  const { hourLimit, burstLimit, blockedBy, sameAs, blockedUntilWallMs } = learned
  const blockedUntilMs = blockedUntilWallMs === undefined ? undefined : nowMs + blockedUntilWallMs - wallMs
  return { hourLimit, burstLimit, blockedBy, sameAs, blockedUntilMs }
}
