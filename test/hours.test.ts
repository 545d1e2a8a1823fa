/**
 * Promise 1 under load: clients who ask for ten times what their accounts may have, for three hours of 4 s. At full size:
 * `npm run bench hours`.
 */
import t from 'tap'
import { poorestShare, rush, worstStart } from './fixtures/hours.js'

/** A burst window of ⅓ s, and up to 0.3 s on the way. */
const CROWDED = { hourLimit: 50, hourWindow: 4, burstLimit: 30, burstWindow: 1 / 3, jitterMs: 300 }
const PATIENT = { GOVERNOR_QUEUE_MAX_WAIT: '3.2', GOVERNOR_UPSTREAM_MAX_SOCKETS: '512' }
const SLIDING = { ...PATIENT, GOVERNOR_LIMITS_HOUR_ALIGNMENT: 'sliding' }
const TEN_TIMES = { times: 12, hours: 3 }

const [onTheClock, wherever] = await Promise.all([
  rush({ docusign: { ...CROWDED, accounts: 3 }, settings: PATIENT }, { ...TEN_TIMES, clients: 100 }),
  rush({ docusign: { ...CROWDED, accounts: 1 }, settings: SLIDING }, { ...TEN_TIMES, clients: 40 }),
])

void t.test('ten times too many calls: none is over a limit, and hardly one is given away', t => {
  t.ok(onTheClock.offered >= 10, `${onTheClock.offered} times the limit was asked for`)
  t.equal(onTheClock.violations.hour, 0, 'no clock hour had more than its limit')
  t.equal(onTheClock.violations.burst, 0, 'nor any burst window, wherever it begins')
  t.equal(onTheClock.refusedByDocusign, 0, 'no client heard of a limit from DocuSign')
  const share = poorestShare(onTheClock.hours, CROWDED.hourLimit)
  t.ok(share >= 0.99 && share <= 1, `of the poorest hour ${share} was used`)
  const start = worstStart(onTheClock.hours, CROWDED.hourWindow * 1000)
  t.ok(start <= 0.02, `the first call came ${start} of an hour after its turn`)
  t.end()
})

void t.test('where the hour slides, no hour has more than its limit, wherever it begins', t => {
  t.ok(wherever.offered >= 10, `${wherever.offered} times the limit was asked for`)
  t.equal(wherever.violations.slidingHour, 0)
  t.equal(wherever.violations.burst, 0)
  t.equal(wherever.refusedByDocusign, 0)
  // A place comes back an hour after its answer, and a tenth of such an hour is the way of an answer.
  const share = poorestShare(wherever.hours, CROWDED.hourLimit)
  t.ok(share > 0.7, `of the poorest hour ${share} was used`)
  t.end()
})
