/** The ledger in the durable store. */
import type { Learned, Ledger, Page, Remembered, Spent } from '../../base/ledger.js'
import type { Contents, Home } from './home.js'
import { accountOf, codeOf, eachLine, encodeLines, lineBytes, nameInKeys, type CodedLine } from './lines.js'
import { isWorthKeeping, makeLog, writeDown, type Coding, type Left } from './log.js'
import { inheritedSkewMs, SCALE, SKEW_KEY } from './scale.js'

export interface LedgerConfig {
  /** How long a line matters: the longest window, and how long a call may be in flight. */
  readonly keepMs: number
}

const SPENT = 'spent'
const LEARNED = 'learned'
/** What was learned of an account is forgotten when nothing was heard of it for so long. */
const LEARNED_KEEP_MS = 30 * 24 * 3_600_000

const CODING: Coding<CodedLine> = {
  bytesOf: lineBytes,
  encode: encodeLines,
  atMs: ({ line }) => line.wallMs,
}

/** The ledger, and what a file of this run begins with. */
export interface EmbeddedLedger {
  readonly ledger: Ledger
  readonly contents: Contents
}

/** Reads what the last run left. @param wallMs now */
export function makeEmbeddedLedger(config: LedgerConfig, home: Home, wallMs: number): EmbeddedLedger {
  const { keepMs } = config
  const inherited = readBack(home, wallMs, keepMs)
  let { remembered } = inherited
  // Lines of one slice grow old together.
  const { log, entries } = makeLog(
    inherited.left,
    CODING,
    { table: SPENT, sliceMs: Math.ceil(keepMs / 2), keepMs, maxBytes: Infinity },
    home,
  )
  const learned = remembered.flatMap(({ account, learned: said }) =>
    said ? [{ key: Buffer.from(nameInKeys(account)), value: Buffer.from(JSON.stringify(said)) }] : [],
  )

  /** The lines that are kept together, while `together` runs. */
  let gathering: CodedLine[] | undefined

  function open(account: string): Page {
    const name = nameInKeys(account)
    const code = codeOf(account)
    return {
      append(line) {
        if (!gathering) return writeDown(home, [log.draft([{ code, line }])])
        gathering.push({ code, line })
        return true
      },
      learn: said =>
        home.write(tables => tables(LEARNED).put(Buffer.from(name), Buffer.from(JSON.stringify(said)))),
    }
  }

  const ledger: Ledger = {
    load() {
      const all = remembered
      remembered = []
      return all
    },
    open,
    together(work) {
      const lines: CodedLine[] = (gathering = [])
      try {
        work()
      } finally {
        gathering = undefined
      }
      return writeDown(home, [log.draft(lines)])
    },
    skewed: byMs => home.write(tables => tables(SCALE).put(SKEW_KEY, Buffer.from(String(byMs)))),
    health: () => home.health(),
    close: () => home.close(),
  }
  const contents = new Map([
    [SPENT, entries],
    [LEARNED, learned],
    [SCALE, []],
  ])
  return { ledger, contents }
}

interface Inherited {
  readonly remembered: readonly Remembered[]
  readonly left: readonly Left<CodedLine>[]
}

function readBack(home: Home, wallMs: number, keepMs: number): Inherited {
  const skewMs = inheritedSkewMs(home)
  const left: Left<CodedLine>[] = []
  const spent = new Map<string, Spent[]>()
  const add = (code: string, line: Spent) => {
    const known = spent.get(code)
    if (known) known.push(line)
    else spent.set(code, [line])
  }
  home.inherited(SPENT, (_, row) => {
    const young = youngLines(row, skewMs, wallMs, wallMs - keepMs, add)
    if (young) left.push(young)
  })
  const ended: CodedLine[] = []
  for (const [code, known] of spent) {
    const line = settled(known.at(-1), wallMs)
    if (!line) continue
    known.push(line)
    ended.push({ code, line })
  }
  left.push(ended)
  const spentBy = new Map(Array.from(spent, ([code, known]) => [accountOf(code), known]))
  const learned = new Map<string, Learned>()
  home.inherited(LEARNED, (key, value) => {
    const said = moveLearned(JSON.parse(value.toString('utf8')) as Learned, skewMs)
    if (said.wallMs > wallMs - LEARNED_KEEP_MS) learned.set(key.toString('utf8'), said)
  })
  const remembered = [...new Set([...spentBy.keys(), ...learned.keys()])].map(account => ({
    account,
    spent: spentBy.get(account) ?? [],
    learned: learned.get(account),
  }))
  return { remembered, left }
}

/** Those of one row that still matter, each shown to `add`: the row itself where its lines are on the scale of this run. */
function youngLines(
  row: Buffer,
  skewMs: number,
  wallMs: number,
  afterMs: number,
  add: (code: string, line: Spent) => void,
): Left<CodedLine> | undefined {
  let youngestMs = afterMs
  let isAsItStands = isWorthKeeping(row)
  const young: CodedLine[] = []
  // A row is read once where it is taken over, as most are, and twice where not.
  const eachYoung = (visit: (code: string, line: Spent) => void) =>
    eachLine(row, (code, line) => {
      // The wall clock may have been set back between two runs: nothing was written later than now.
      const atMs = Math.min(line.wallMs + skewMs, wallMs)
      if (atMs !== line.wallMs) isAsItStands = false
      if (atMs > afterMs) visit(code, atMs === line.wallMs ? line : { ...line, wallMs: atMs })
    })
  eachYoung((code, line) => {
    youngestMs = Math.max(youngestMs, line.wallMs)
    add(code, line)
  })
  if (youngestMs === afterMs) return undefined
  if (isAsItStands) return { bytes: row, atMs: youngestMs }
  eachYoung((code, line) => young.push({ code, line }))
  return young
}

/** What was out when the last run ended has come to its end by now, and no one saw when. */
function settled(last: Spent | undefined, wallMs: number): Spent | undefined {
  if (last === undefined || last.pending === 0) return undefined
  return { ...last, wallMs, completed: last.pending, pending: 0 }
}

function moveLearned(learned: Learned, skewMs: number): Learned {
  const { wallMs, blockedUntilWallMs } = learned
  return {
    ...learned,
    wallMs: wallMs + skewMs,
    blockedUntilWallMs: blockedUntilWallMs === undefined ? undefined : blockedUntilWallMs + skewMs,
  }
}
