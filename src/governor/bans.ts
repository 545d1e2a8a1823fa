/** Until when DocuSign refuses everything of an account, by what it named. nowMs scale. */
import type { Window } from '../base/types.js'
import type { Forecast } from './standing.js'

type Kind = Window | 'unknown'

export const BAN_KINDS = ['hour', 'burst', 'unknown'] as const satisfies readonly Kind[]

export class Bans {
  readonly #untilMs: Record<Kind, number> = { hour: -Infinity, burst: -Infinity, unknown: -Infinity }

  ban(kind: Kind, untilMs: number): void {
    this.#untilMs[kind] = Math.max(this.#untilMs[kind], untilMs)
  }

  /** `undefined`: nothing is refused. */
  endMs(nowMs: number): number | undefined {
    const { hour, burst, unknown } = this.#untilMs
    const untilMs = Math.max(hour, burst, unknown)
    return nowMs < untilMs ? untilMs : undefined
  }

  /** Of one kind; `undefined` where it is over. */
  endOfMs(kind: Kind, nowMs: number): number | undefined {
    const untilMs = this.#untilMs[kind]
    return nowMs < untilMs ? untilMs : undefined
  }

  /** How much longer, of each kind; `undefined`: nothing is refused. */
  leftMs(nowMs: number): Partial<Record<Kind, number | undefined>> | undefined {
    if (this.endMs(nowMs) === undefined) return undefined
    const left = (kind: Kind) => {
      const untilMs = this.endOfMs(kind, nowMs)
      return untilMs === undefined ? undefined : Math.ceil(untilMs - nowMs)
    }
    return { hour: left('hour'), burst: left('burst'), unknown: left('unknown') }
  }

  forecast(nowMs: number): Forecast | undefined {
    const untilMs = this.endMs(nowMs)
    if (untilMs === undefined) return undefined
    const { hour, burst } = this.#untilMs
    const by = hour === untilMs ? 'hour' : burst === untilMs ? 'burst' : 'blocked'
    return { waitMs: untilMs - nowMs, by }
  }
}
