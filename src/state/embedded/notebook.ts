/** The notebook in the durable store: two logs, because what ends an envelope matters for longer than what is asked of it. */
import type { Note, Notebook } from '../../base/notebook.js'
import type { Contents, Home } from './home.js'
import { makeLog, writeDown, type Coding } from './log.js'
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
  const read = (table: string, keepMs: number): Note[] => {
    const notes: Note[] = []
    home.inherited(table, (_, row) => {
      for (const note of decodeNotes(row, scale)) if (note.wallMs > wallMs - keepMs) notes.push(note)
    })
    return notes
  }
  const notes = followed(read(NOTES, keepNotesMs), wallMs)
  const terminal = lastOfEach(read(TERMINAL, TERMINAL_KEEP_MS)).slice(-maxTerminal)
  // Notes of one slice grow old together.
  const { log, entries } = makeLog(
    notes,
    CODING,
    { table: NOTES, sliceMs: Math.ceil(keepNotesMs / 2), keepMs: keepNotesMs, maxBytes: Infinity },
    home,
  )
  const { log: ends, entries: endings } = makeLog(
    terminal,
    CODING,
    {
      table: TERMINAL,
      sliceMs: TERMINAL_SLICE_MS,
      keepMs: TERMINAL_KEEP_MS,
      maxBytes: maxTerminal * NOTE_BYTES,
    },
    home,
  )
  let remembered: readonly Note[] = [...terminal, ...notes]

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
      [TERMINAL, endings],
    ]),
  }
}

/** What was asked and never answered came to its end by now, and no one saw how. */
function followed(notes: readonly Note[], wallMs: number): readonly Note[] {
  const underWay = new Map<string, number>()
  for (const { kind, key } of notes) {
    if (kind === 'asked') underWay.set(key, (underWay.get(key) ?? 0) + 1)
    if (kind !== 'answered' && kind !== 'unanswered') continue
    const left = (underWay.get(key) ?? 0) - 1
    if (left > 0) underWay.set(key, left)
    else underWay.delete(key)
  }
  const now = (key: string): Note => ({ kind: 'answered', key, wallMs })
  return [...notes, ...[...underWay].flatMap(([key, count]) => Array.from({ length: count }, () => now(key)))]
}

function lastOfEach(notes: readonly Note[]): readonly Note[] {
  const last = new Map<string, Note>()
  for (const note of notes) {
    last.delete(note.key)
    last.set(note.key, note)
  }
  return [...last.values()]
}
