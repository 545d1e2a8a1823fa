/** How far a long piece of work is, and how long it will still take: one line of a terminal, written over and over. */
export interface Progress {
  /** So much of it is done, of the total. */
  at(done: number): void
  /** Takes the line away. */
  end(): void
}

export interface ProgressParts {
  /** What it is, in a word or two. */
  readonly title: string
  /** `undefined`: nobody knows, and only what is done is said. */
  readonly total: number | undefined
  readonly nowMs: () => number
  readonly write: (text: string) => void
  /** 0: not a terminal, and nothing is written. */
  readonly columns: number
}

const EVERY_MS = 100
const WIDEST_BAR = 30
const NONE: Progress = { at: () => undefined, end: () => undefined }

export function makeProgress({ title, total, nowMs, write, columns }: ProgressParts): Progress {
  if (columns === 0) return NONE
  const startedMs = nowMs()
  let saidMs = -Infinity
  return {
    at(done) {
      const now = nowMs()
      if (now - saidMs < EVERY_MS) return
      saidMs = now
      write(`\r\x1b[K${progressLine(title, done, total, now - startedMs, columns)}`)
    },
    end: () => void (saidMs > -Infinity && write('\r\x1b[K')),
  }
}

/** @param columns it is cut to: a line that wraps could not be written over */
export function progressLine(
  title: string,
  done: number,
  total: number | undefined,
  takenMs: number,
  columns: number,
): string {
  const room = columns - 1
  if (total === undefined) return `${title}  ${done.toLocaleString('en')}`.slice(0, room)
  const share = total <= 0 ? 1 : Math.min(1, done / total)
  const leftMs = share > 0 ? (takenMs * (1 - share)) / share : undefined
  const left = leftMs === undefined ? '' : `  ${timeText(leftMs)} left`
  const percent = `${String(Math.floor(share * 100)).padStart(3)} %`
  const width = Math.min(WIDEST_BAR, room - title.length - percent.length - left.length - 5)
  const full = Math.round(share * width)
  const bar = width < 5 ? '' : `  [${'#'.repeat(full)}${'.'.repeat(width - full)}]`
  return `${title}${bar} ${percent}${left}`.slice(0, room)
}

function timeText(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`
}
