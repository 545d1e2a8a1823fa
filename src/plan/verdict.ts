/** What a scenario comes to, in sentences for somebody who has no time for the table. */
import type { Figures } from './figures.js'
import { count, limitText, percent, reachedText, seconds } from './wording.js'

export interface Verdict {
  readonly mood: 'good' | 'warn' | 'bad'
  readonly headline: string
  readonly sentences: readonly string[]
}

/** Above it there is no room for a bad day: as the Capacity dashboard has it. */
const FULL_SHARE = 0.75
const LONG_SECONDS = 1
/** Refused for want of calls, of all that had to be asked. */
const MANY_SHARE = 0.01
/** A quarter of a year is what it takes to ask for more, and to get it. */
const SOON_WEEKS = 13
/** Refused for want of calls: what a higher limit would have let through. */
const FOR_LIMITS = ['hour-spent', 'burst-spent', 'queue-full'] as const

export function verdictOf(figures: Figures): Verdict {
  const { calls, saved, held, wait, delay, peak, reached, advice } = figures
  const refused = FOR_LIMITS.reduce((sum, reason) => sum + (figures.refused[reason] ?? 0), 0)
  const share = peak.hour?.share ?? 0
  const isSoon = reached?.week !== undefined && reached.week <= SOON_WEEKS
  const isBad = delay.p95 > LONG_SECONDS || refused > calls.asked * MANY_SHARE
  const isTight = refused > 0 || share >= FULL_SHARE || isSoon
  const mood = isBad ? 'bad' : isTight ? 'warn' : 'good'
  const sentences = [
    `${count(calls.in)} calls came in, and ${count(calls.up)} went to DocuSign: ${percent(saved.share)} were saved.`,
  ]
  if (peak.hour)
    sentences.push(
      `The fullest hour of an account asked for ${count(peak.hour.calls)} of ${count(peak.hour.limit)} calls (${percent(share)}).`,
    )
  if (held.total > 0)
    sentences.push(`${count(held.total)} calls were held, the longest for ${seconds(wait.max)}.`)
  if (refused > 0) sentences.push(`${count(refused)} were refused for want of calls.`)
  if (reached) sentences.push(growthSentence(figures, reached.grow))
  if (figures.limitForOneSecond)
    sentences.push(
      `For 95 of 100 calls to go within a second, the hourly limit would have to be ${limitText(figures)}.`,
    )
  if (advice.statusPolls > 0 && advice.statusPolls >= calls.up / 20)
    sentences.push(
      `${count(advice.statusPolls)} of the calls that went up asked how far an envelope is: Connect would push that.`,
    )
  return { mood, headline: HEADLINES[mood], sentences }
}

function growthSentence(figures: Figures, grow: number): string {
  const when = reachedText(figures)
  if (when === 'now') return 'The limit is reached as it is, before any growth.'
  const isReached = figures.reached?.week !== undefined
  return `At ${grow} times the traffic a year the limit is ${isReached ? '' : 'not '}reached ${when.replace(/^not /, '')}.`
}

const HEADLINES = {
  good: 'It fits.',
  warn: 'It fits, with little room.',
  bad: 'It does not fit.',
} as const
