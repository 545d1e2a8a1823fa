import { bars, lines, stat, type Dashboard } from './panels.js'
import { account, app, datasource } from './variables.js'

const ACCOUNT = 'account=~"$account"'
const APP = 'app=~"$app"'
/** Calls a minute: an hour of 1,000 calls is too slow to be read by the second. */
const perMinute = (by: string, counter: string) => `60 * sum by (${by}) (rate(${counter}[$__rate_interval]))`
const quantile = (share: number, by: string, histogram: string) =>
  `histogram_quantile(${share}, sum by (${by}) (rate(docusign_governor_${histogram}[$__rate_interval])))`

export const now: Dashboard = {
  uid: 'docusign-governor-now',
  title: 'Governor: now',
  description: 'Can we call now, until when, who is spending it, what did we save, who is hurt?',
  from: 'now-3h',
  refresh: '15s',
  variables: [datasource, account, app],
  rows: [
    {
      question: 'Can we call?',
      panels: [
        bars({
          title: 'Left of the hour',
          tells: 'What each account may still send before its reset, as a share of its limit.',
          act: 'nothing above a quarter. Below it, look under "Who spends it?" for the app, and lower its priority or stop it.',
          unit: 'percentunit',
          noValue: 'no account yet',
          min: 0,
          max: 1,
          worry: [0.25, 0.1],
          falling: true,
          width: 8,
          queries: [
            {
              expr: `account:docusign_governor_hour_remaining:min{${ACCOUNT}} / account:docusign_governor_hour_limit:max{${ACCOUNT}}`,
              legend: '{{account}}',
            },
          ],
        }),
        lines({
          title: 'Calls left of the hour, and what would be left at its reset',
          tells:
            'Dashed: what remains at the reset if calls go on as they did since the hour began. Below 0 it is spent before. It starts anew at each reset.',
          act: 'while the dashed line is below 0, hold back what can wait (`X-Governor-Priority: low`, `apps.NAME.reserve`), or ask DocuSign for more.',
          unit: 'short',
          noValue: 'no account yet',
          width: 16,
          queries: [
            { expr: `account:docusign_governor_hour_remaining:min{${ACCOUNT}}`, legend: '{{account}} left' },
            {
              expr: `account:docusign_governor_hour_remaining:projection{${ACCOUNT}}`,
              legend: '{{account}} at its reset',
              dashed: true,
            },
            {
              expr: `min by (account) (docusign_governor_remaining{window="hour",source="upstream",${ACCOUNT}})`,
              legend: '{{account}} by DocuSign',
            },
          ],
        }),
        stat({
          title: 'To the reset',
          tells: "How long until the account's hour turns, by DocuSign's own reset.",
          act: 'nothing. It is how long an account whose hour is spent must wait.',
          unit: 's',
          noValue: 'DocuSign has not said',
          width: 6,
          queries: [
            { expr: `account:docusign_governor_hour_left:seconds{${ACCOUNT}}`, legend: '{{account}}' },
          ],
        }),
        stat({
          title: 'Spent before its reset, in',
          tells: 'How long until the hour is spent, where that comes before its reset.',
          act: 'see GovernorHourWillBeSpent in the README: find who spends it, and let what can wait, wait.',
          unit: 's',
          noValue: 'not in this hour',
          worry: [1800, 600],
          falling: true,
          width: 6,
          queries: [
            {
              expr:
                `(account:docusign_governor_hour_remaining:min{${ACCOUNT}} / (account:docusign_governor_hour_used:max > 0) ` +
                '* (- account:docusign_governor_hour_left:seconds + on () group_left () max(docusign_governor_window_seconds{window="hour"}))) ' +
                'and account:docusign_governor_hour_remaining:projection < 0',
              legend: '{{account}}',
            },
          ],
        }),
        stat({
          title: 'DocuSign refuses',
          tells: 'How many accounts, envelopes and hosts DocuSign has blocked, now.',
          act: 'nothing at once: the governor stops by itself until the block ends. Then find out who ran into it: GovernorBlockedByDocusign in the README.',
          unit: 'none',
          noValue: 'no governor',
          worry: [1, 1],
          width: 6,
          queries: [{ expr: 'sum by (what) (docusign_governor_blocked)', legend: '{{what}}' }],
        }),
        stat({
          title: 'Blocked for another',
          tells: 'How long DocuSign goes on refusing an account that it has blocked.',
          act: 'wait; each call that comes to DocuSign meanwhile makes it worse, and the governor sends none.',
          unit: 's',
          noValue: 'no account is blocked',
          worry: [0, 60],
          width: 6,
          queries: [
            {
              expr: `(max by (account) (docusign_governor_blocked_until_timestamp_seconds{${ACCOUNT}}) - time()) > 0`,
              legend: '{{account}}',
            },
          ],
        }),
        lines({
          title: 'Left of the burst window',
          tells: 'What each account may still send at this moment, of some 30 seconds.',
          act: 'nothing while it comes back. Where it lies at 0, calls wait for it: spread what comes in batches.',
          unit: 'short',
          noValue: 'no account yet',
          min: 0,
          width: 8,
          queries: [
            {
              expr: `min by (account) (docusign_governor_remaining{window="burst",source="local",${ACCOUNT}})`,
              legend: '{{account}}',
            },
          ],
        }),
        lines({
          title: 'Calls that wait',
          tells:
            'Calls that are held until a window has room, by priority; beyond `queue.maxLength` the next one is refused.',
          act: 'look at "Left of the hour": a queue for the burst window empties by itself, one for the hour only at its reset.',
          unit: 'short',
          noValue: 'no account yet',
          min: 0,
          width: 8,
          stacked: true,
          queries: [
            {
              expr: `sum by (priority) (docusign_governor_queue_length{${ACCOUNT}})`,
              legend: '{{priority}}',
            },
          ],
        }),
        lines({
          title: 'The longest wait',
          tells: 'How long the call has been held that is held longest. Dashed: `queue.maxWait`.',
          act: 'near the dashed line clients are about to give up: see GovernorQueueNearItsEnd in the README.',
          unit: 's',
          noValue: 'no account yet',
          min: 0,
          width: 8,
          queries: [
            {
              expr: `max by (account) (docusign_governor_queue_oldest_wait_seconds{${ACCOUNT}})`,
              legend: '{{account}}',
            },
            { expr: 'max(docusign_governor_queue_max_wait_seconds)', legend: 'the most', dashed: true },
          ],
        }),
      ],
    },
    {
      question: 'Who spends it?',
      panels: [
        lines({
          title: 'Calls to DocuSign a minute, by app',
          tells: 'What DocuSign counts, by the app that asked.',
          act: 'the app at the top is the one to talk to. `other` names itself once its base URI has `/apps/NAME`.',
          unit: 'short',
          noValue: 'no call yet',
          min: 0,
          width: 12,
          stacked: true,
          queries: [
            {
              expr: perMinute('app', `docusign_governor_upstream_requests_total{${ACCOUNT},${APP}}`),
              legend: '{{app}}',
            },
          ],
        }),
        bars({
          title: 'Calls to DocuSign in the last hour, by route',
          tells: 'The ten operations that spent most.',
          act: 'GETs of envelopes at the top are polls: let Connect tell instead. Many small POSTs are a case for bulk sending.',
          unit: 'short',
          noValue: 'no call yet',
          min: 0,
          width: 12,
          queries: [
            {
              expr: `topk(10, sum by (method, route) (increase(docusign_governor_upstream_requests_total{${ACCOUNT},${APP}}[1h])))`,
              legend: '{{method}} {{route}}',
            },
          ],
        }),
        lines({
          title: "Others' calls in this hour",
          tells:
            "Calls on the account that did not come through the governor, as DocuSign's headers prove them; dashed, all that is spent.",
          act: 'find who calls past the governor and point it here: GovernorForeignCalls in the README.',
          unit: 'short',
          noValue: 'DocuSign has not said',
          min: 0,
          width: 12,
          queries: [
            {
              expr: `max by (account) (docusign_governor_foreign_calls_this_hour{${ACCOUNT}})`,
              legend: '{{account}} by others',
            },
            {
              expr: `account:docusign_governor_hour_used:max{${ACCOUNT}}`,
              legend: '{{account}} in all',
              dashed: true,
            },
          ],
        }),
        bars({
          title: 'The fullest hours',
          tells: 'The ten accounts that have spent most of their hour.',
          act: 'look at these first; choose one as `account` above to see it alone.',
          unit: 'percentunit',
          noValue: 'no account yet',
          min: 0,
          max: 1,
          worry: [0.75, 0.9],
          width: 12,
          queries: [
            {
              expr: `topk(10, account:docusign_governor_hour_used:max{${ACCOUNT}} / account:docusign_governor_hour_limit:max{${ACCOUNT}})`,
              legend: '{{account}}',
            },
          ],
        }),
      ],
    },
    {
      question: 'What did we save?',
      panels: [
        stat({
          title: 'Calls saved in the last hour',
          tells:
            'Calls that DocuSign did not get: `terminal`, a copy of what has reached its end; `poll`, a copy inside the interval; `coalesce`, a twin in flight.',
          act: 'nothing. Where `terminal` is large, an app asks again and again for what is over: its own store would serve it better.',
          unit: 'short',
          noValue: 'none yet',
          width: 6,
          queries: [
            {
              expr: `sum by (by) (increase(docusign_governor_calls_saved_total{${APP}}[1h]))`,
              legend: '{{by}}',
            },
          ],
        }),
        stat({
          title: 'Calls saved in 7 days',
          tells: 'The same, of a week: by what answered in the place of DocuSign.',
          act: 'nothing: it is the number for whoever asks what the governor is good for.',
          unit: 'short',
          noValue: 'none yet',
          width: 6,
          queries: [
            {
              expr: `sum by (by) (increase(docusign_governor_calls_saved_total{${APP}}[7d]))`,
              legend: '{{by}}',
            },
          ],
        }),
        lines({
          title: 'Share of calls that DocuSign was spared',
          tells: 'Of every hundred calls that would have gone up, how many did not.',
          act: 'a fall means that copies answer less: look at cache evictions in *Service*, and whether callers share tokens.',
          unit: 'percentunit',
          noValue: 'none yet',
          min: 0,
          max: 1,
          width: 12,
          queries: [
            {
              expr:
                `sum(rate(docusign_governor_calls_saved_total{${APP}}[$__rate_interval])) / ` +
                `(sum(rate(docusign_governor_calls_saved_total{${APP}}[$__rate_interval])) + ` +
                `sum(rate(docusign_governor_upstream_requests_total{${APP}}[$__rate_interval])))`,
              legend: 'spared',
            },
          ],
        }),
      ],
    },
    {
      question: 'Who is hurt?',
      panels: [
        lines({
          title: 'Refusals a minute, by reason',
          tells: 'Answers of ours instead of DocuSign’s, by `X-Governor-Refusal`.',
          act: 'the table "Answers" in the README says for each reason what to do; `poll-too-soon` is an app that polls.',
          unit: 'short',
          noValue: 'none yet',
          min: 0,
          width: 12,
          stacked: true,
          queries: [
            {
              expr: perMinute('reason', `docusign_governor_refusals_total{mode="enforce",${APP}}`),
              legend: '{{reason}}',
            },
          ],
        }),
        bars({
          title: 'Refusals in the last hour, by app',
          tells: 'Which apps got them, and for which reason; the ten that got most.',
          act: 'an app that is refused often needs a reserve, a higher priority, or fewer calls.',
          unit: 'short',
          noValue: 'none yet',
          min: 0,
          width: 12,
          queries: [
            {
              expr: `topk(10, sum by (app, reason) (increase(docusign_governor_refusals_total{mode="enforce",${APP}}[1h])))`,
              legend: '{{app}} {{reason}}',
            },
          ],
        }),
        lines({
          title: 'How long calls were held',
          tells:
            'Of the calls that were held back for a window: the median, and the slowest in 20 and in 100.',
          act: 'above 45 s clients give up: lower `queue.maxWait`, or move what can wait out of the busy hour.',
          unit: 's',
          noValue: 'none was held',
          min: 0,
          width: 12,
          queries: [
            { expr: quantile(0.5, 'le', 'queue_wait_seconds_bucket'), legend: 'p50' },
            { expr: quantile(0.95, 'le', 'queue_wait_seconds_bucket'), legend: 'p95' },
            { expr: quantile(0.99, 'le', 'queue_wait_seconds_bucket'), legend: 'p99' },
          ],
        }),
        lines({
          title: 'What observe mode would have refused, a minute',
          tells: 'Calls that passed and would not have, were limits kept.',
          act: 'when it is as you want it, set `limits.mode: enforce`.',
          unit: 'short',
          noValue: 'limits are kept',
          min: 0,
          width: 12,
          queries: [
            {
              expr: perMinute('reason', `docusign_governor_refusals_total{mode="observe",${APP}}`),
              legend: '{{reason}}',
            },
          ],
        }),
      ],
    },
    {
      question: 'Do we keep the rules?',
      panels: [
        stat({
          title: 'Polls inside the interval, 24 h',
          tells:
            'GETs of one resource that went up within the 15 minutes: what DocuSign flags at a go-live review.',
          act: 'set `polling.mode: enforce` and `polling.withoutCopy: refuse`, or mend the app: GovernorPollsInsideInterval in the README.',
          unit: 'short',
          noValue: 'none',
          worry: [1, 1],
          width: 6,
          queries: [
            {
              expr: `sum by (app) (increase(docusign_governor_polls_total{result="observed",${APP}}[24h]))`,
              legend: '{{app}}',
            },
          ],
        }),
        stat({
          title: 'Calls while blocked, 24 h',
          tells: 'Calls that DocuSign refused for what it had refused before.',
          act: 'a few were under way together. More means observe mode, or callers past the governor: GovernorCallsWhileBlocked in the README.',
          unit: 'short',
          noValue: 'no governor',
          worry: [1, 10],
          width: 6,
          queries: [
            { expr: 'sum(increase(docusign_governor_calls_while_blocked_total[24h]))', legend: 'calls' },
          ],
        }),
        lines({
          title: 'Polls a minute, by what became of them',
          tells:
            '`first` and `read_after_write` went up, `remembered` got a copy, `refused` none, `observed` went up against the rule.',
          act: '`refused`: its caller may not see the copy that is there, or there is none. Let it wait for the interval, or use Connect.',
          unit: 'short',
          noValue: 'none yet',
          min: 0,
          width: 12,
          stacked: true,
          queries: [
            { expr: perMinute('result', `docusign_governor_polls_total{${APP}}`), legend: '{{result}}' },
          ],
        }),
        lines({
          title: 'Calls held back or refused for a limit, a minute',
          tells:
            '`governor`: by us, in time. `docusign`: that came too late, by window (`other` is no window of the account).',
          act: '`docusign` should lie at nothing. If it does not, somebody else calls on the account, or `limits.mode` is `observe`.',
          unit: 'short',
          noValue: 'none yet',
          min: 0,
          width: 24,
          queries: [
            {
              expr: perMinute('origin, window', `docusign_governor_throttled_total{${ACCOUNT}}`),
              legend: '{{origin}} {{window}}',
            },
          ],
        }),
      ],
    },
    {
      question: 'Who is slow, we or DocuSign?',
      panels: [
        lines({
          title: 'What the governor adds',
          tells:
            'From the head of a request to the head of its answer, without DocuSign and without waiting for a limit.',
          act: 'above some milliseconds the process is short of CPU: look at the event loop in *Service*.',
          unit: 's',
          noValue: 'no call yet',
          min: 0,
          width: 8,
          queries: [
            { expr: quantile(0.5, 'le', 'overhead_seconds_bucket'), legend: 'p50' },
            { expr: quantile(0.99, 'le', 'overhead_seconds_bucket'), legend: 'p99' },
          ],
        }),
        lines({
          title: 'What DocuSign takes',
          tells: 'From the send of an attempt to the head of its answer.',
          act: 'look at status.docusign.com; nothing here makes it faster but asking less.',
          unit: 's',
          noValue: 'no call yet',
          min: 0,
          width: 8,
          queries: [
            { expr: quantile(0.5, 'le', 'upstream_duration_seconds_bucket'), legend: 'p50' },
            { expr: quantile(0.95, 'le', 'upstream_duration_seconds_bucket'), legend: 'p95' },
            { expr: quantile(0.99, 'le', 'upstream_duration_seconds_bucket'), legend: 'p99' },
          ],
        }),
        lines({
          title: 'What the apps see, 95 of 100',
          tells: 'From the head of a request to the last byte of its answer, by what became of it.',
          act: '`forwarded` far above what DocuSign takes is waiting: look at "How long calls were held".',
          unit: 's',
          noValue: 'no call yet',
          min: 0,
          width: 8,
          queries: [
            {
              expr: quantile(0.95, 'le, outcome', 'request_duration_seconds_bucket'),
              legend: '{{outcome}}',
            },
          ],
        }),
      ],
    },
    {
      question: 'State and settings',
      panels: [
        stat({
          title: 'Durable store',
          tells: 'Whether what is spent is written down.',
          act: 'not there, or failing: GovernorStateDegraded in the README. The calls go on.',
          unit: 'none',
          noValue: 'no governor',
          worry: [1, 1],
          falling: true,
          words: { '0': 'failing', '1': 'writes' },
          width: 6,
          queries: [
            {
              expr: 'min by (instance) (docusign_governor_state_up * (1 - docusign_governor_state_degraded))',
              legend: '{{instance}}',
            },
          ],
        }),
        stat({
          title: 'Settings offered last',
          tells: 'Whether the last reload was taken.',
          act: 'refused: run `docusign-governor check`, mend what it says, send SIGHUP again.',
          unit: 'none',
          noValue: 'no governor',
          worry: [1, 1],
          falling: true,
          words: { '0': 'refused', '1': 'in force' },
          width: 6,
          queries: [
            {
              expr: 'min by (instance) (docusign_governor_config_last_reload_successful)',
              legend: '{{instance}}',
            },
          ],
        }),
        stat({
          title: 'Settings in force for',
          tells: 'How long ago the settings in force were taken.',
          act: 'nothing; it tells whether a change came before or after a reload.',
          unit: 's',
          noValue: 'no governor',
          width: 4,
          queries: [
            {
              expr: 'time() - min by (instance) (docusign_governor_config_reload_success_timestamp_seconds)',
              legend: '{{instance}}',
            },
          ],
        }),
        stat({
          title: 'Modes',
          tells: 'Whether limits and the polling rule are kept, or only counted.',
          act: '`observe` keeps nobody from a limit; go back to `enforce` when you have seen enough.',
          unit: 'none',
          noValue: 'no governor',
          width: 4,
          names: true,
          queries: [
            {
              expr: 'max by (limits, polling) (docusign_governor_mode_info)',
              legend: 'limits {{limits}}, polling {{polling}}',
            },
          ],
        }),
        stat({
          title: 'Version',
          tells: 'The version of the governor that runs, on any of its nodes.',
          act: 'two versions at once are a rollout under way; if it stays so, one node was forgotten.',
          unit: 'none',
          noValue: 'no governor',
          width: 4,
          names: true,
          queries: [{ expr: 'max by (version) (docusign_governor_build_info)', legend: '{{version}}' }],
        }),
      ],
    },
  ],
}
