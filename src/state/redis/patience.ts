/** How long a call waits for Redis: not as long as a command may take, because it may need several, and its app waits. */
import type { Clock, Turns } from '../../base/clock.js'
import { RedisLost } from './connection.js'

export interface Patience {
  /** Somebody has waited in vain a moment ago: nobody else shall. */
  readonly isOut: boolean
  /** `undefined`: not in time, or not at all. */
  readonly inTime: <T>(work: Promise<T>) => Promise<T | undefined>
  /** The same of what no call waits for: it has a command's own deadline. */
  readonly inItsTime: <T>(work: Promise<T>) => Promise<T | undefined>
}

const OUT_MS = 500

export function makePatience(
  patienceMs: number,
  { clock, turns }: { readonly clock: Clock; readonly turns: Turns },
  unexpected: (error: unknown) => void,
): Patience {
  let outUntilMs = -Infinity

  function failed(error: unknown): undefined {
    // What Redis refuses of a command of ours is our mistake.
    if (!(error instanceof RedisLost)) unexpected(error)
  }

  return {
    inItsTime: work => work.catch(failed),
    get isOut() {
      return clock.nowMs() < outUntilMs
    },
    inTime: work =>
      new Promise(resolve => {
        let isOver = false
        // When this process itself was held up, the reply has come by now, and only waits to be read.
        const timer = clock.after(patienceMs, () =>
          turns.atEnd(() => {
            if (isOver) return
            outUntilMs = clock.nowMs() + OUT_MS
            resolve(undefined)
          }),
        )
        const end = () => {
          isOver = true
          timer.cancel()
        }
        work.then(
          told => {
            end()
            resolve(told)
          },
          (error: unknown) => {
            end()
            resolve(failed(error))
          },
        )
      }),
  }
}
