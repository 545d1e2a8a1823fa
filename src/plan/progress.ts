/** How far a replay is, on a terminal: a bar, and the time that is left. */

export interface Progress {
  /** @param share 0 to 1 of this replay */
  at(what: string, share: number): void
  /** Takes it off the terminal. */
  done(): void
}

const BAR = 24
const EACH_MS = 200
const CLEAR = '\r\x1b[2K'

/** @param write to the terminal; `undefined` where there is none, and nothing is shown */
export function makeProgress(write: ((text: string) => void) | undefined, nowMs: () => number): Progress {
  let shownMs = -Infinity
  let what = ''
  let beganMs = 0
  if (!write) return { at: () => undefined, done: () => undefined }
  return {
    at(name, share) {
      const atMs = nowMs()
      if (name !== what) {
        what = name
        beganMs = atMs
      }
      if (atMs - shownMs < EACH_MS) return
      shownMs = atMs
      const done = Math.round(Math.min(1, share) * BAR)
      const leftMs = share > 0 ? ((atMs - beganMs) / share) * (1 - share) : NaN
      const left = Number.isNaN(leftMs) ? '' : `, ${Math.ceil(leftMs / 1000)} s left`
      write(
        `${CLEAR}${'█'.repeat(done)}${'░'.repeat(BAR - done)} ${Math.floor(share * 100)} %${left}  ${name}`,
      )
    },
    done() {
      if (shownMs > -Infinity) write(CLEAR)
      shownMs = -Infinity
    },
  }
}
