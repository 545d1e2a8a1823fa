/** The ledger in the durable store. */
import type { Learned, Ledger, Page, Remembered, Spent } from '../../base/ledger.js'
import type { Contents, Home } from './home.js'
import {
  accountOfKey,
  chunkKey,
  decodeLines,
  encodeLines,
  LINES_PER_CHUNK,
  nameInKeys,
  sliceOfKey,
} from './lines.js'
import { inheritedSkewMs, SCALE, SKEW_KEY } from './scale.js'
import type { Entry, Table } from './store.js'

export interface LedgerConfig {
  /** How long a line matters: the longest window, and how long a call may be in flight. */
  readonly keepMs: number
}

const SPENT = 'spent'
const LEARNED = 'learned'
/** What was learned of an account is forgotten when nothing was heard of it for so long. */
const LEARNED_KEEP_MS = 30 * 24 * 3_600_000
/** A write takes so many old chunks away: it adds one at most, so the file stops growing. */
const PRUNED_PER_WRITE = 4

/** The ledger, and what a file of this run begins with. */
export interface EmbeddedLedger {
  readonly ledger: Ledger
  readonly contents: Contents
}

/** Reads what the last run left. @param wallMs now */
export function makeEmbeddedLedger(config: LedgerConfig, home: Home, wallMs: number): EmbeddedLedger {
  /** Lines of one slice grow old together. */
  const sliceMs = Math.ceil(config.keepMs / 2)
  const sliceOf = (atMs: number) => Math.max(0, Math.floor(atMs / sliceMs))
  let remembered = readBack(home, wallMs, config)
  const contents = contentsOf(remembered, sliceOf)
  let oldest = -1

  /** The lines of a slice that ended `keepMs` ago say nothing any more. */
  function prune(table: Table, atMs: number): void {
    const keep = sliceOf(atMs - config.keepMs)
    if (oldest >= keep) return
    for (const key of table.firstKeys(PRUNED_PER_WRITE)) {
      oldest = sliceOfKey(key)
      if (oldest >= keep) return
      table.remove(key)
    }
  }

  function open(account: string): Page {
    const name = nameInKeys(account)
    let slice = -1
    let chunk = 0
    let lines = 0

    /** A page of this account may have been open before, and its lines are not to be written over. */
    function firstFree(table: Table, inSlice: number, from: number): number {
      let free = from
      while (table.get(chunkKey(inSlice, name, free))) free++
      return free
    }

    return {
      append(line) {
        const next = { slice: sliceOf(line.wallMs), chunk, lines: lines + 1 }
        const kept = home.write(tables => {
          const table = tables(SPENT)
          if (next.slice !== slice || next.lines > LINES_PER_CHUNK) {
            next.chunk = firstFree(table, next.slice, next.slice === slice ? chunk + 1 : 0)
            next.lines = 1
          }
          table.append(chunkKey(next.slice, name, next.chunk), encodeLines([line]))
          prune(table, line.wallMs)
        })
        if (kept) ({ slice, chunk, lines } = next)
        return kept
      },
      learn: learned =>
        home.write(tables => tables(LEARNED).put(Buffer.from(name), Buffer.from(JSON.stringify(learned)))),
    }
  }

  const ledger: Ledger = {
    load() {
      const all = remembered
      remembered = []
      return all
    },
    open,
    together: work => home.together(work),
    skewed: byMs => home.write(tables => tables(SCALE).put(SKEW_KEY, Buffer.from(String(byMs)))),
    health: () => home.health(),
    close: () => home.close(),
  }
  return { ledger, contents }
}

function readBack(home: Home, wallMs: number, { keepMs }: LedgerConfig): Remembered[] {
  const skewMs = inheritedSkewMs(home)
  const spent = new Map<string, Spent[]>()
  home.inherited(SPENT, (key, value) => {
    const account = accountOfKey(key)
    const lines = spent.get(account) ?? []
    spent.set(account, lines)
    for (const line of decodeLines(value)) {
      // The wall clock may have been set back between two runs: nothing was written later than now.
      const atMs = Math.min(line.wallMs + skewMs, wallMs)
      if (atMs > wallMs - keepMs) lines.push(atMs === line.wallMs ? line : { ...line, wallMs: atMs })
    }
  })
  const learned = new Map<string, Learned>()
  home.inherited(LEARNED, (key, value) => {
    const said = moveLearned(JSON.parse(value.toString('utf8')) as Learned, skewMs)
    if (said.wallMs > wallMs - LEARNED_KEEP_MS) learned.set(key.toString('utf8'), said)
  })
  return [...new Set([...spent.keys(), ...learned.keys()])]
    .map(account => ({
      account,
      spent: settled(spent.get(account) ?? [], wallMs),
      learned: learned.get(account),
    }))
    .filter(({ spent: lines, learned: said }) => lines.length > 0 || said)
}

/** What was out when the last run ended has come to its end by now, and no one saw when. */
function settled(lines: readonly Spent[], wallMs: number): readonly Spent[] {
  const last = lines.at(-1)
  return last === undefined || last.pending === 0
    ? lines
    : [...lines, { ...last, wallMs, completed: last.pending, pending: 0 }]
}

function moveLearned(learned: Learned, skewMs: number): Learned {
  const { wallMs, blockedUntilWallMs } = learned
  return {
    ...learned,
    wallMs: wallMs + skewMs,
    blockedUntilWallMs: blockedUntilWallMs === undefined ? undefined : blockedUntilWallMs + skewMs,
  }
}

/** The same, in as few entries as can be: each chunk in the slice of its newest line. */
function contentsOf(remembered: readonly Remembered[], sliceOf: (atMs: number) => number): Contents {
  const spent: Entry[] = []
  const learned: Entry[] = []
  for (const { account, spent: lines, learned: said } of remembered) {
    const name = nameInKeys(account)
    let [slice, chunk] = [-1, 0]
    for (let at = 0; at < lines.length; at += LINES_PER_CHUNK) {
      const some = lines.slice(at, at + LINES_PER_CHUNK)
      const newest = sliceOf(some.at(-1)?.wallMs ?? 0)
      chunk = newest === slice ? chunk + 1 : 0
      slice = newest
      spent.push({ key: chunkKey(slice, name, chunk), value: encodeLines(some) })
    }
    if (said) learned.push({ key: Buffer.from(name), value: Buffer.from(JSON.stringify(said)) })
  }
  return new Map([
    [SPENT, spent.sort((a, b) => Buffer.compare(a.key, b.key))],
    [LEARNED, learned],
    [SCALE, []],
  ])
}
