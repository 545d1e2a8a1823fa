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
/** A quarter of a year is what it takes to ask for more, and to get it. */
const SOON_WEEKS = 13
/** Refused for want of calls: what a higher limit would have let through. */
const FOR_LIMITS = ['hour-spent', 'burst-spent', 'queue-full'] as const

export function verdictOf(figures: Figures): Verdict {
  const { calls, saved, held, wait, peak, reached, advice } = figures
  const refused = FOR_LIMITS.reduce((sum, reason) => sum + (figures.refused[reason] ?? 0), 0)
  const share = peak.hour?.share ?? 0
  const isSoon = reached?.week !== undefined && reached.week <= SOON_WEEKS
  const mood =
    refused > 0 || wait.p95 > LONG_SECONDS
      ? 'bad'
      : share >= FULL_SHARE || isSoon || share > 1
        ? 'warn'
        : 'good'
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
  if (reached)
    sentences.push(
      `At ${reached.grow} times the traffic a year the limit is reached ${reachedText(figures)}.`.replace(
        'reached not',
        'not reached',
      ),
    )
  if (figures.limitForOneSecond)
    sentences.push(`Limit at which 95 of 100 would wait a second at most: ${limitText(figures)}.`)
  if (advice.statusPolls > 0 && advice.statusPolls >= calls.up / 20)
    sentences.push(
      `${count(advice.statusPolls)} of the calls that went up asked how far an envelope is: Connect would push that.`,
    )
  return { mood, headline: HEADLINES[mood], sentences }
}

const HEADLINES = {
  good: 'It fits.',
  warn: 'It fits, with little room.',
  bad: 'It does not fit.',
} as const
