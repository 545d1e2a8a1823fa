/** Writes into the notebook: that a GET goes up stands there before it leaves, all else soon after it happened. */
import type { Clock, Timer, Turns } from '../base/clock.js'
import type { Note, Notebook } from '../base/notebook.js'

export interface Diary {
  /** Written at the end of this turn of the event loop, before anything is sent that is sent after this call. */
  asked(key: string, nowMs: number): void
  answered(key: string, nowMs: number): void
  unanswered(key: string, nowMs: number): void
  written(envelope: string, nowMs: number): void
  terminal(envelope: string, nowMs: number): void
  /** What is not written yet, now. */
  flush(): void
}

/** How long a note may wait for the next `asked` to take it along. */
const SOON_MS = 50

/** @param notebook `undefined`: nobody will ever read it */
export function makeDiary(notebook: Notebook | undefined, clock: Clock, turns: Turns): Diary {
  return notebook ? makeWritten(notebook, clock, turns) : UNWRITTEN
}

const UNWRITTEN: Diary = {
  asked: () => undefined,
  answered: () => undefined,
  unanswered: () => undefined,
  written: () => undefined,
  terminal: () => undefined,
  flush: () => undefined,
}

function makeWritten(notebook: Notebook, clock: Clock, turns: Turns): Diary {
  // On a scale that a step of the wall clock does not touch, as the ledger's lines are.
  const scaleMs = clock.wallMs() - clock.nowMs()
  let notes: Note[] = []
  let isTurnTaken = false
  let timer: Timer | undefined

  function flush(): void {
    isTurnTaken = false
    timer?.cancel()
    timer = undefined
    if (notes.length === 0) return
    const due = notes
    notes = []
    // Where it cannot be kept the store says so itself; what happens now is then known in memory only.
    notebook.write(due)
  }

  function note(kind: Note['kind'], key: string, nowMs: number): void {
    notes.push({ kind, key, wallMs: scaleMs + nowMs })
  }

  function soon(kind: Note['kind'], key: string, nowMs: number): void {
    note(kind, key, nowMs)
    timer ??= clock.after(SOON_MS, flush)
  }

  return {
    asked(key, nowMs) {
      note('asked', key, nowMs)
      if (isTurnTaken) return
      isTurnTaken = true
      turns.atEnd(flush)
    },
    answered: (key, nowMs) => soon('answered', key, nowMs),
    unanswered: (key, nowMs) => soon('unanswered', key, nowMs),
    written: (envelope, nowMs) => soon('written', envelope, nowMs),
    terminal: (envelope, nowMs) => soon('terminal', envelope, nowMs),
    flush,
  }
}
