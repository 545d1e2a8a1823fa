/** At the end of the day: who is told what a copy holds, though DocuSign would tell him nothing? */
import { setTimeout as pause } from 'node:timers/promises'
import type { Simulator } from '../../src/simulator/simulator.js'
import { ask, type Diary, type Town } from './day-clients.js'
import { recheckMs } from './day-contenders.js'
import { APPS, type App, type DaySize } from './day-plan.js'

/** Copies told to strangers and forgers, and to those whose token DocuSign had revoked. */
export interface Leaks {
  readonly leaks: number
  readonly leaksToRevoked: number
}

const PROBES = 60
const PROBE_WAIT_MS = 1_500

/**
 * Copies that were given to somebody whom DocuSign would have told nothing: a user who is no member of the account, a
 * forger who changed the last letter of a token, and the poller itself when it has been turned away.
 */
export async function leaksOf(
  simulator: Simulator,
  url: string,
  town: Town,
  diary: Diary,
  size: DaySize,
): Promise<Leaks> {
  const seen = new Map(diary.reads.map(read => [`${read.app} ${read.path}${read.query}`, read]))
  const own = [...seen.values()].filter(({ path }) => path.includes(town.accounts[0] ?? ''))
  const copies = own.slice(-PROBES)
  const others = simulator.users().find(({ accounts }) => !accounts.includes(town.accounts[0] ?? ''))
  const stranger = simulator.issueToken(others?.userId ?? '', { expiresIn: 1e9 })
  const forged = (token: string) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
  const given = async (token: string, app: string, target: string) => {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
    const path = `/apps/${app}/restapi/v2.1${target}`
    const told = await ask(town.port, { method: 'GET', path, headers, waitMs: PROBE_WAIT_MS })
    return told?.status === 200
  }
  const targets = copies.map(({ app, path, query }) => ({ app, target: `${path}${query}` }))
  const tokenOf = (app: string) => town.tokens[app as App]
  const first = await Promise.all(
    targets.flatMap(({ app, target }) => [
      given(stranger, app, target),
      given(forged(tokenOf(app)), app, target),
    ]),
  )
  for (const app of APPS) {
    const body = JSON.stringify({ token: town.tokens[app] })
    await fetch(`${url}/_sim/tokens/revoke`, { method: 'POST', body })
  }
  await pause(recheckMs(size) + 200)
  const second = await Promise.all(targets.map(({ app, target }) => given(tokenOf(app), app, target)))
  const count = (given: readonly boolean[]) => given.filter(isGiven => isGiven).length
  return { leaks: count(first), leaksToRevoked: count(second) }
}
