/** A run that was lived, and its plan: in a file of its own, because it lasts as long as all else that is said of `plan`. */
import t, { type Test } from 'tap'
import { capacity } from '../grafana/source/capacity.js'
import type { TraceRecord } from '../src/base/trace.js'
import { live, sumOf } from './fixtures/lived.js'
import { replayed, stream } from './fixtures/replayed.js'

/** Of counts, one more or less is always allowed. */
const isNear = (t: Test, is: number, was: number, share: number, what: string) =>
  t.ok(Math.abs(is - was) <= Math.max(1, was * share), `${what}: ${is} replayed, ${was} lived`)

void t.test('a run that was lived is replayed as it was', async t => {
  const { records: lived, metrics, fullest, settings, stoodMs } = await live()
  const figures = await replayed(stream(lived), settings)
  const count = (is: (record: TraceRecord) => boolean) => lived.filter(is).length
  t.equal(
    figures.calls.in,
    count(({ service }) => service === 'api'),
    'every call',
  )
  const up = lived
    .filter(({ service }) => service === 'api')
    .reduce((sum, one) => sum + one.attempts.length, 0)
  isNear(t, figures.calls.up, up, 0.01, 'calls up')
  for (const by of ['terminal', 'poll', 'coalesce'] as const)
    isNear(
      t,
      figures.saved[by],
      count(one => one.saved === by),
      0.02,
      by,
    )
  isNear(
    t,
    figures.saved.total,
    count(one => one.saved !== undefined),
    0.01,
    'saved',
  )
  isNear(
    t,
    figures.refused.total,
    count(one => one.outcome === 'refused'),
    0.01,
    'refused',
  )
  const waits = lived.filter(({ attempts }) => attempts.length > 0).map(({ waitMs }) => waitMs)
  waits.sort((a, b) => a - b)
  const p95 = (waits[Math.ceil(0.95 * waits.length) - 1] ?? 0) / 1000
  t.ok(Math.abs(figures.wait.p95 - p95) <= 0.05 * p95, `p95: ${figures.wait.p95} replayed, ${p95} lived`)
  t.ok(p95 > 2, `waits were of seconds: ${p95}`)
  t.comment(JSON.stringify({ ...figures, course: undefined }), `stood still for ${stoodMs} ms`)

  // What the Capacity dashboard shows of the same run: its increases over all of it are what the counters hold.
  const shown = JSON.stringify(capacity)
  const sum = (name: string, labels = '') => {
    t.match(shown, `docusign_governor_${name}`, `the dashboard shows ${name}`)
    return sumOf(metrics, name, labels)
  }
  const own = sum('upstream_requests_total', 'route="/oauth')
  isNear(t, figures.calls.up, sum('upstream_requests_total') - own, 0.01, 'sent')
  for (const by of ['terminal', 'poll', 'coalesce'] as const)
    isNear(t, figures.saved[by], sum('calls_saved_total', `by="${by}"`), 0.02, `spared: ${by}`)
  const wants = ['hour-spent', 'burst-spent', 'queue-full'] as const
  isNear(
    t,
    wants.reduce((total, reason) => total + (figures.refused[reason] ?? 0), 0),
    wants.reduce((total, reason) => total + sum('refusals_total', `reason="${reason}"`), 0),
    0.01,
    'refused for want of calls',
  )
  t.match(shown, 'account:docusign_governor_hour_used:max1d', 'and the fullest hour')
  isNear(t, figures.counted.hour?.calls ?? 0, fullest, 0.01, 'the fullest hour')
})
