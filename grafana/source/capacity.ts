import { bars, lines, shares, stat, type Dashboard } from './panels.js'
import { account, app, constant, datasource, whatIf } from './variables.js'

const ACCOUNT = 'account=~"$account"'
const APP = 'app=~"$app"'
const PEAK_OF_DAY = `account:docusign_governor_hour_used:max1d{${ACCOUNT}}`
const PEAK = `account:docusign_governor_hour_used:max1h{${ACCOUNT}}`
const LIMIT = `account:docusign_governor_hour_limit:max{${ACCOUNT}}`
const LIMITS = ['limit_a', 'limit_b', 'limit_c'] as const
const NOT_YET = 'Believe it once two weeks have been seen.'

export const capacity: Dashboard = {
  uid: 'docusign-governor-capacity',
  title: 'Capacity',
  description: 'Is the limit enough, until when, and what would another one change?',
  from: 'now-28d',
  refresh: '5m',
  variables: [
    datasource,
    account,
    app,
    whatIf('limit_a', '1000'),
    whatIf('limit_b', '3000'),
    whatIf('limit_c', '5000'),
    constant('trend', '28d'),
    // As often as the peaks are recorded.
    constant('step', '4m'),
  ],
  rows: [
    {
      question: 'Is the limit enough?',
      panels: [
        lines({
          title: 'The fullest hour of each day, against the limit',
          tells:
            'The most that was spent of an hour in the 24 hours before, others’ calls included. An hour that is spent shows the limit, not the demand: look at the refusals below.',
          act: 'where it touches the limit, ask DocuSign for more, or move work out of that hour.',
          unit: 'short',
          noValue: 'no hour yet',
          min: 0,
          width: 16,
          queries: [
            { expr: PEAK_OF_DAY, legend: '{{account}}' },
            { expr: LIMIT, legend: '{{account}} limit', dashed: true },
          ],
        }),
        bars({
          title: 'The fullest hour in 28 days',
          tells: 'As a share of the limit there is now.',
          act: 'above three quarters there is no room for a bad day: plan for more.',
          unit: 'percentunit',
          noValue: 'no hour yet',
          min: 0,
          max: 1,
          worry: [0.75, 0.9],
          width: 8,
          queries: [{ expr: `max_over_time(${PEAK_OF_DAY}[$trend]) / ${LIMIT}`, legend: '{{account}}' }],
        }),
        bars({
          title: 'How full hours are, 95 of 100',
          tells: 'Of all hours in 28 days, how full the fullest in twenty are.',
          act: 'far below the fullest hour: it was one job, which can be spread. Near it: the account is busy, and needs more.',
          unit: 'percentunit',
          noValue: 'no hour yet',
          min: 0,
          max: 1,
          worry: [0.75, 0.9],
          width: 8,
          queries: [{ expr: `quantile_over_time(0.95, ${PEAK}[$trend]) / ${LIMIT}`, legend: '{{account}}' }],
        }),
        lines({
          title: 'Refused for want of calls, a day',
          tells: 'Refusals for a spent hour or burst window and a full queue, in the 24 hours before.',
          act: 'these calls would have needed a higher limit, or another hour.',
          unit: 'short',
          noValue: 'none yet',
          min: 0,
          width: 16,
          queries: [
            {
              expr: `sum by (reason) (increase(docusign_governor_refusals_total{mode="enforce",reason=~"hour-spent|burst-spent|queue-full",${APP}}[1d]))`,
              legend: '{{reason}}',
            },
          ],
        }),
      ],
    },
    {
      question: 'Until when?',
      panels: [
        stat({
          title: 'The limit is reached',
          tells: `When the fullest hour of a day reaches the limit, by the trend of 28 days; nothing where that is more than a year away. ${NOT_YET}`,
          act: 'ask DocuSign for more some weeks before: its review takes time.',
          unit: 'dateTimeFromNow',
          noValue: 'not within a year',
          width: 8,
          queries: [
            {
              expr: `1000 * ((time() + clamp_min(${LIMIT} - ${PEAK_OF_DAY}, 0) / (deriv(${PEAK_OF_DAY}[$trend]) > 0)) < time() + 31536000)`,
              legend: '{{account}}',
            },
          ],
        }),
        stat({
          title: 'Growth a week',
          tells: `By how many calls the fullest hour grows in a week, by the trend of 28 days. ${NOT_YET}`,
          act: 'compare it with what you expect of the business; an app that retries grows, too.',
          unit: 'short',
          noValue: 'not enough days yet',
          width: 8,
          queries: [{ expr: `604800 * deriv(${PEAK_OF_DAY}[$trend])`, legend: '{{account}}' }],
        }),
        stat({
          title: 'The fullest hour, in four weeks',
          tells: `Where the trend of 28 days leads. ${NOT_YET}`,
          act: 'above the limit, see "The limit is reached".',
          unit: 'short',
          noValue: 'not enough days yet',
          width: 8,
          queries: [{ expr: `predict_linear(${PEAK_OF_DAY}[$trend], 2419200)`, legend: '{{account}}' }],
        }),
      ],
    },
    {
      question: 'What if the limit were another one?',
      panels: [
        lines({
          title: 'The fullest hours, against other limits',
          tells: 'What was spent of each hour; dashed, the limits chosen above.',
          act: 'a line that the hours never reach would be enough, as long as nothing was refused at the limit there is.',
          unit: 'short',
          noValue: 'no hour yet',
          min: 0,
          width: 16,
          queries: [
            { expr: PEAK, legend: '{{account}}' },
            ...LIMITS.map(name => ({ expr: `vector($${name})`, legend: `$${name}`, dashed: true })),
          ],
        }),
        bars({
          title: 'Share of the time over other limits',
          tells:
            'Of 28 days, how much of the time the hour before would have been over each of the limits chosen above.',
          act: 'a thousandth is some forty minutes in four weeks: calls wait. A twentieth is every working day: take the higher limit.',
          unit: 'percentunit',
          noValue: 'no hour yet',
          min: 0,
          max: 1,
          worry: [0.001, 0.05],
          width: 8,
          queries: LIMITS.map(name => ({
            expr: `avg_over_time((${PEAK} > bool $${name})[$trend:$step])`,
            legend: `{{account}} over $${name}`,
          })),
        }),
      ],
    },
    {
      question: 'Whose is it?',
      panels: [
        shares({
          title: 'Calls to DocuSign, by app',
          tells: 'Who spent them, in the time chosen above.',
          act: 'a single app with most of it is where a change pays.',
          unit: 'short',
          noValue: 'no call yet',
          width: 8,
          queries: [
            {
              expr: `sum by (app) (increase(docusign_governor_upstream_requests_total{${ACCOUNT},${APP}}[$__range]))`,
              legend: '{{app}}',
            },
          ],
        }),
        lines({
          title: 'Calls to DocuSign a day, and those it was spared',
          tells:
            'In the 24 hours before. Spared by kind: copies of what is over, copies inside the interval, twins in flight.',
          act: 'without the second part the first would be that much higher: reckon with it before you turn copies off.',
          unit: 'short',
          noValue: 'no call yet',
          min: 0,
          width: 16,
          stacked: true,
          queries: [
            {
              expr: `sum(increase(docusign_governor_upstream_requests_total{${APP}}[1d]))`,
              legend: 'sent',
            },
            {
              expr: `sum by (by) (increase(docusign_governor_calls_saved_total{${APP}}[1d]))`,
              legend: 'spared: {{by}}',
            },
          ],
        }),
      ],
    },
  ],
}
