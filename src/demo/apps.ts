import type { Clock } from '../base/clock.js'
import { readFailure } from './failures.js'
import { rest } from './rest.js'
import type { Session } from './session.js'

/** One of the sample apps: what it does again and again. */
export interface SampleApp {
  readonly name: string
  /** Between two rounds, in seconds of DocuSign's time. */
  readonly restSeconds: number
  round(session: Session, wallMs: number): Promise<void>
}

export interface Pace {
  readonly clock: Clock
  readonly timeFactor: number
  /** Aborts at the end of the demo. */
  readonly stop: AbortSignal
}

/**
 * Lives an app's life until `stop`. A call that fails costs the app a round, as it would in many a real one, and the
 * next one is tried after the usual rest.
 *
 * @throws what is no failure of a call: a mistake of ours
 */
export async function live(
  app: SampleApp,
  session: Session,
  { clock, timeFactor, stop }: Pace,
): Promise<void> {
  while (!stop.aborted) {
    try {
      await session.refresh()
      await app.round(session, clock.wallMs())
    } catch (error) {
      const failure = readFailure(error)
      if (!failure) throw error
      if (failure.status === 401) session.distrust()
    }
    await rest(clock, (app.restSeconds * 1000) / timeFactor, stop)
  }
}
