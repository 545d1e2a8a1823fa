/** The notebook in the durable store: two logs, because what ends an envelope matters for longer than what is asked of it. */
import type { Note, Notebook } from '../../base/notebook.js'
import type { Contents, Home } from './home.js'
import { isWorthKeeping, makeLog, writeDown, type Coding, type Left } from './log.js'
import { decodeNotes, encodeNotes, NOTE_BYTES } from './notes.js'
import { inheritedScale } from './scale.js'

export interface NotebookConfig {
  /** How long a note on a resource matters: the polling interval, and how long its call may be in flight. */
  readonly keepNotesMs: number
}

/** The notebook, and what a file of this run begins with. */
export interface EmbeddedNotebook {
  readonly notebook: Notebook
  readonly contents: Contents
}

const NOTES = 'notes'
const TERMINAL = 'terminal'
/** The reads of a year are compared with each other; after that, one read more tells it again. */
const TERMINAL_KEEP_MS = 400 * 24 * 3_600_000
const TERMINAL_SLICE_MS = 24 * 3_600_000
const MAX_TERMINAL = 500_000

const CODING: Coding<Note> = {
  bytesOf: () => NOTE_BYTES,
  encode: encodeNotes,
  atMs: ({ wallMs }) => wallMs,
}

/** Reads what the last run left. @param wallMs now @param maxTerminal envelopes whose end is known, some 70 more at most */
export function makeEmbeddedNotebook(
  { keepNotesMs }: NotebookConfig,
  home: Home,
  wallMs: number,
  maxTerminal = MAX_TERMINAL,
): EmbeddedNotebook {
  const scale = inheritedScale(home, wallMs)
  const notes = readBack(home, NOTES, scale, wallMs - keepNotesMs)
  const endings = readBack(home, TERMINAL, scale, wallMs - TERMINAL_KEEP_MS)
  const unseen = followed(notes.notes, wallMs)
  const terminal = lastOfEach(endings.notes, maxTerminal)
  const isSaidOnce = terminal.size === endings.notes.length
  // Notes of one slice grow old together.
  const { log, entries } = makeLog(
    [...notes.rows.map(row => leftOf(row)), unseen],
    CODING,
    { table: NOTES, sliceMs: Math.ceil(keepNotesMs / 2), keepMs: keepNotesMs, maxBytes: Infinity },
    home,
  )
  const { log: ends, entries: lastOnes } = makeLog(
    endings.rows.map(row => leftOf(row, isSaidOnce ? undefined : terminal)),
    CODING,
    {
      table: TERMINAL,
      sliceMs: TERMINAL_SLICE_MS,
      keepMs: TERMINAL_KEEP_MS,
      maxBytes: maxTerminal * NOTE_BYTES,
    },
    home,
  )
  let remembered: readonly Note[] = [...terminal.values(), ...notes.notes, ...unseen]

  const notebook: Notebook = {
    load() {
      const all = remembered
      remembered = []
      return all
    },
    write(noted) {
      const [ended, others] = [true, false].map(is =>
        noted.filter(({ kind }) => (kind === 'terminal') === is),
      )
      return writeDown(home, [ends.draft(ended ?? []), log.draft(others ?? [])])
    },
  }
  return {
    notebook,
    contents: new Map([
      [NOTES, entries],
      [TERMINAL, lastOnes],
    ]),
  }
}

/** A row of the last run that still matters. */
interface Row {
  readonly bytes: Buffer
  /** Those of it that still matter. */
  readonly notes: readonly Note[]
  /** These are all of it, and on the scale of this run. */
  readonly isAsItStands: boolean
}

function readBack(home: Home, table: string, scale: (atMs: number) => number, afterMs: number) {
  const rows: Row[] = []
  const notes: Note[] = []
  home.inherited(table, (_, bytes) => {
    let isAsItStands = isWorthKeeping(bytes)
    const all = decodeNotes(bytes, atMs => {
      const scaledMs = scale(atMs)
      if (scaledMs !== atMs || atMs <= afterMs) isAsItStands = false
      return scaledMs
    })
    const young = isAsItStands ? all : all.filter(({ wallMs }) => wallMs > afterMs)
    if (young.length > 0) rows.push({ bytes, notes: young, isAsItStands })
    for (const note of young) notes.push(note)
  })
  return { rows, notes }
}

/** @param known where it is given, only what is said there is still of interest */
function leftOf({ bytes, notes, isAsItStands }: Row, known?: ReadonlyMap<string, Note>): Left<Note> {
  const left = known ? notes.filter(note => known.get(note.key) === note) : notes
  if (!isAsItStands || left.length < notes.length) return left
  return { bytes, atMs: notes.reduce((latest, { wallMs }) => Math.max(latest, wallMs), -Infinity) }
}

/** What was asked and never answered came to its end by now, and no one saw how. */
function followed(notes: readonly Note[], wallMs: number): readonly Note[] {
  const underWay = new Set<string>()
  /** How many more of those are, where a resource is asked for more than once at a time. */
  const more = new Map<string, number>()
  for (const { kind, key } of notes) {
    if (kind === 'asked') {
      const { size } = underWay
      if (underWay.add(key).size === size) more.set(key, (more.get(key) ?? 0) + 1)
    }
    if (kind !== 'answered' && kind !== 'unanswered') continue
    const left = more.size > 0 ? (more.get(key) ?? 0) : 0
    if (left > 0) more.set(key, left - 1)
    else underWay.delete(key)
  }
  const now = (key: string): Note => ({ kind: 'answered', key, wallMs })
  return [...underWay].flatMap(key => Array.from({ length: 1 + (more.get(key) ?? 0) }, () => now(key)))
}

/** The last note on each envelope, of those that were noted last. */
function lastOfEach(notes: readonly Note[], atMost: number): ReadonlyMap<string, Note> {
  const last = new Map<string, Note>()
  for (const note of notes) {
    const { size } = last
    if (last.set(note.key, note).size > size) continue
    // It goes behind those that came since.
    last.delete(note.key)
    last.set(note.key, note)
  }
  return last.size <= atMost ? last : new Map([...last].slice(-atMost))
}
