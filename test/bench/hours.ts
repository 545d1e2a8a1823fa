/**
 * Promise 1 at full size: 100 clients, three accounts, jitter to 0.3 s, an hour of 36 s with a burst of 3 s, three whole
 * hours. The hour by the clock and the sliding one run side by side.
 */
import { poorestShare, rush, worstStart, type Rushed } from '../fixtures/hours.js'
import type { Result } from './main.js'

const DOCUSIGN = {
  hourLimit: 300,
  hourWindow: 36,
  burstLimit: 100,
  burstWindow: 3,
  jitterMs: 300,
  accounts: 3,
}
const PATIENT = { GOVERNOR_QUEUE_MAX_WAIT: '28', GOVERNOR_UPSTREAM_MAX_SOCKETS: '512' }
const TEN_TIMES = { clients: 100, times: 11, hours: 3 }

export async function hours(say: (text: string) => void): Promise<Result[]> {
  const kinds = ['auto', 'sliding'] as const
  const rushes = kinds.map(alignment => {
    const settings = { ...PATIENT, GOVERNOR_LIMITS_HOUR_ALIGNMENT: alignment }
    return rush({ docusign: DOCUSIGN, settings }, TEN_TIMES)
  })
  const rushed = await Promise.all(rushes)
  return kinds.flatMap((alignment, i) => judged(alignment, rushed[i] as Rushed, say))
}

function judged(alignment: 'auto' | 'sliding', rushed: Rushed, say: (text: string) => void): Result[] {
  const { violations, refusedByDocusign, offered } = rushed
  const over = violations.burst + (alignment === 'auto' ? violations.hour : violations.slidingHour)
  const answers = [...rushed.answers].map(([word, count]) => `${count} × ${word}`).join(', ')
  const starts = rushed.hours.map(({ firstMs, noiseMs }) => `${Math.round(firstMs)} (${Math.round(noiseMs)})`)
  say(`hours, ${alignment}: ${offered.toFixed(2)} times the limit offered; answers: ${answers}`)
  say(`hours, ${alignment}: calls in each whole hour: ${rushed.hours.map(({ calls }) => calls).join(' ')}`)
  say(
    `hours, ${alignment}: first call after each turn, ms (of which the machine was late): ${starts.join(', ')}`,
  )
  const counted: Result[] = [
    { what: `calls over a limit, ${alignment}`, against: 'none', ratio: over, mark: 0 },
    {
      what: `refusals by DocuSign that a client saw, ${alignment}`,
      against: 'none',
      ratio: refusedByDocusign,
      mark: 0,
    },
    {
      what: `calls given away in the poorest hour, ${alignment}`,
      against: 'its limit',
      ratio: 1 - poorestShare(rushed.hours, DOCUSIGN.hourLimit),
      mark: 0.01,
    },
  ]
  if (alignment === 'sliding') return counted
  const ratio = worstStart(rushed.hours, DOCUSIGN.hourWindow * 1000)
  return [
    ...counted,
    { what: 'first call after the hour’s turn, the latest', against: 'the hour', ratio, mark: 0.02 },
  ]
}
