import type { Clock } from '../base/clock.js'

/** Resolves after `ms`, or as soon as `stop` is aborted. */
export function rest(clock: Clock, ms: number, stop?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const over = () => {
      timer.cancel()
      stop?.removeEventListener('abort', over)
      resolve()
    }
    const timer = clock.after(ms, over)
    stop?.addEventListener('abort', over)
    if (stop?.aborted) over()
  })
}
