/** Server-sent events: one snapshot a second, written once for all who listen, and none while nobody does. */
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../base/clock.js'
import { fault, GUARD, type Answer } from './answer.js'

export interface Events {
  /** Takes a listener on, who is answered by this from now on; or says why not. */
  listen(res: ServerResponse): Answer | undefined
  /** Ends every listener's answer. */
  close(): void
}

export interface EventsLimits {
  readonly listeners: number
  readonly periodMs: number
  /** A listener who has not taken the last snapshot gets no other; after so many that he missed he is dropped. */
  readonly missed: number
}

export const EVENTS_LIMITS: EventsLimits = { listeners: 32, periodMs: 1_000, missed: 5 }

/** @param snapshot what to tell, as it is now; whatever it throws ends the listeners and goes to `failed` */
export function makeEvents(
  snapshot: () => unknown,
  failed: (error: unknown) => void,
  clock: Clock,
  limits = EVENTS_LIMITS,
): Events {
  /** How many snapshots each has missed in a row. */
  const listeners = new Map<ServerResponse, number>()
  let timer: Timer | undefined
  let latest: { readonly text: string; readonly atMs: number } | undefined

  /** Those who come within one period share what the first of them was told. */
  function text(): string {
    const nowMs = clock.nowMs()
    if (!latest || nowMs - latest.atMs >= limits.periodMs)
      latest = { text: `data: ${JSON.stringify(snapshot())}\n\n`, atMs: nowMs }
    return latest.text
  }

  function tick(): void {
    timer = undefined
    if (listeners.size === 0) return void (latest = undefined)
    latest = undefined
    try {
      const news = text()
      for (const [res, missed] of listeners) tell(res, missed, news)
    } catch (error) {
      failed(error)
      return close()
    }
    timer = clock.after(limits.periodMs, tick)
  }

  function tell(res: ServerResponse, missed: number, news: string): void {
    if (!res.writableNeedDrain) {
      listeners.set(res, 0)
      res.write(news)
    } else if (missed + 1 >= limits.missed) res.destroy()
    else listeners.set(res, missed + 1)
  }

  function close(): void {
    timer?.cancel()
    timer = undefined
    latest = undefined
    for (const res of listeners.keys()) res.end()
    listeners.clear()
  }

  return {
    listen(res) {
      if (listeners.size >= limits.listeners) {
        return fault(503, 'GOVERNOR_TOO_MANY_LISTENERS', `At most ${limits.listeners} may listen at a time.`)
      }
      const news = text()
      listeners.set(res, 0)
      res.on('close', () => listeners.delete(res))
      // Buffered by a proxy in between, a second's news would come with the next minute's.
      res.writeHead(200, { ...GUARD, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
      res.write(news)
      timer ??= clock.after(limits.periodMs, tick)
      return undefined
    },
    close,
  }
}
