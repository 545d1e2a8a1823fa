/** Issue-sized: what a working day over 2,000 envelopes costs DocuSign, and what thirty lives that end in a kill forget. */
import { killPolling } from '../fixtures/kills.js'
import { workday } from '../fixtures/workday.js'
import type { Result } from './main.js'

const ENVELOPES = 2_000
const WALL_MS = 120_000
const LIVES = 30

export async function spared(say: (text: string) => void): Promise<Result[]> {
  const day = await workday(ENVELOPES, WALL_MS, Math.random, say)
  say(`spared: ${JSON.stringify(day)}`)
  const lives = await killPolling(LIVES, Math.random, say)
  return [
    {
      what: `GETs at DocuSign in eight hours over ${ENVELOPES} envelopes`,
      against: 'the fewest that could have answered them',
      ratio: day.upstream / day.least,
      mark: 1.02,
    },
    {
      what: 'the same',
      against: `the ${day.asked} that were asked`,
      ratio: day.upstream / day.asked,
      mark: 1,
    },
    {
      what: 'polls, second reads of what had ended, stale answers and calls without one on that day',
      against: 'none',
      ratio: day.pollsTotal + day.terminalRereadsTotal + day.stale + day.unanswered,
      mark: 0,
    },
    {
      what: `polls in ${LIVES} lives, each killed under load`,
      against: 'none',
      ratio: lives.pollsTotal,
      mark: 0,
    },
  ]
}
