import type { Clock } from '../base/clock.js'
import type { Credentials } from '../simulator/credentials.js'
import type { Simulator } from '../simulator/simulator.js'
import { live } from './apps.js'
import { makeDashboard } from './dashboard.js'
import { makeDownloader } from './downloader.js'
import { readFigures } from './figures.js'
import { makePoller } from './poller.js'
import { rest } from './rest.js'
import { makeSender } from './sender.js'
import { logIn, type Sdk } from './session.js'
import { tellEnd, tellProgress, tellStart, type Places } from './telling.js'

export interface ShowNeeds {
  readonly clock: Clock
  say(text: string): void
  readonly interrupted: Promise<unknown>
  readonly sdk: Sdk
  readonly simulator: Simulator
  readonly places: Places
  readonly timeFactor: number
  /** Until it ends by itself. */
  readonly seconds: number | undefined
}

const SECOND_MS = 1000
/** What an app that is in the middle of a round is given to finish it. */
const GRACE_MS = 1000

/**
 * Lets the apps live, tells a line a second, and sums up at the end.
 *
 * @throws LoginFailed when an app cannot log in
 */
export async function show(needs: ShowNeeds): Promise<void> {
  const { clock, places, simulator, timeFactor, seconds } = needs
  // Asked for before the time runs, because making the keys takes a moment.
  const credentials = simulator.credentials()
  const stopping = new AbortController()
  const stop = stopping.signal
  const startedMs = clock.nowMs()
  const elapsedSeconds = () => (clock.nowMs() - startedMs) / SECOND_MS

  async function tellEachSecond(): Promise<void> {
    for (let second = 1; ; second += 1) {
      await rest(clock, startedMs + second * SECOND_MS - clock.nowMs(), stop)
      if (stop.aborted) return
      const { all } = readFigures(await askMetrics(places))
      needs.say(tellProgress(elapsedSeconds(), all, simulator.report().arrivals))
    }
  }

  needs.say(tellStart(places, timeFactor))
  const apps = Promise.all([...livesOf(needs, credentials, stop), tellEachSecond()])
  const ends = [needs.interrupted, ...(seconds === undefined ? [] : [rest(clock, seconds * SECOND_MS, stop)])]
  try {
    // The apps never end by themselves, save by an error, which ends the demo.
    await Promise.race([apps, ...ends])
  } finally {
    stopping.abort()
  }
  await Promise.race([apps, rest(clock, GRACE_MS)])
  const { byApp } = readFigures(await askMetrics(places))
  needs.say(tellEnd(byApp, simulator.report(), elapsedSeconds(), timeFactor))
}

function livesOf(
  { sdk, clock, places, timeFactor }: ShowNeeds,
  { integrationKeys, users, audience }: Credentials,
  stop: AbortSignal,
): Promise<void>[] {
  return [makePoller(), makeSender(), makeDownloader(), makeDashboard()].map(async (app, n) => {
    const key = integrationKeys[n]
    // One user for all, who administers the account and so sees what the others send.
    const userId = users[0]?.userId
    if (!key || userId === undefined) throw new Error('the simulator has fewer people than the demo has apps')
    const url = `${places.governor}/apps/${app.name}`
    const session = await logIn({ sdk, url, identity: { ...key, userId, audience }, clock })
    await live(app, session, { clock, timeFactor, stop })
  })
}

async function askMetrics({ admin, adminToken }: Places): Promise<string> {
  const headers = adminToken === undefined ? {} : { Authorization: `Bearer ${adminToken}` }
  const answer = await fetch(`${admin}/metrics`, { headers })
  if (!answer.ok) throw new Error(`${admin}/metrics answered ${answer.status}`)
  return answer.text()
}
