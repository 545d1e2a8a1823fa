import { lines, stat, type Dashboard } from './panels.js'
import { account, app, datasource } from './variables.js'

const JOB = 'job="docusign-governor"'

export const service: Dashboard = {
  uid: 'docusign-governor-service',
  title: 'Service',
  description: 'How the process itself is.',
  from: 'now-3h',
  refresh: '15s',
  variables: [datasource, account, app],
  rows: [
    {
      question: 'The process',
      panels: [
        stat({
          title: 'Answers',
          tells: 'Whether Prometheus gets an answer from each node.',
          act: 'none: GovernorDown in the README.',
          unit: 'none',
          noValue: 'no governor',
          worry: [1, 1],
          falling: true,
          words: { '0': 'silent', '1': 'answers' },
          width: 6,
          queries: [{ expr: `up{${JOB}}`, legend: '{{instance}}' }],
        }),
        stat({
          title: 'Running for',
          tells: 'Time since the process began.',
          act: 'short where nobody restarted it: look at the last lines of the log before, and at the memory below.',
          unit: 's',
          noValue: 'no governor',
          width: 6,
          queries: [
            {
              expr: `time() - max by (instance) (process_start_time_seconds{${JOB}})`,
              legend: '{{instance}}',
            },
          ],
        }),
        stat({
          title: 'Calls in the house',
          tells: 'Calls that have come and are not over, those that wait included.',
          act: 'many with an empty queue are waiting for DocuSign.',
          unit: 'short',
          noValue: 'no governor',
          width: 6,
          queries: [
            { expr: 'sum by (instance) (docusign_governor_calls_in_flight)', legend: '{{instance}}' },
          ],
        }),
        stat({
          title: 'A scrape takes',
          tells: 'How long the governor took to tell its metrics; every call is held up for as long.',
          act: 'above 50 ms lower `metrics.maxAccounts`.',
          unit: 's',
          noValue: 'no governor',
          worry: [0.05, 0.2],
          width: 6,
          queries: [{ expr: `max by (instance) (scrape_duration_seconds{${JOB}})`, legend: '{{instance}}' }],
        }),
        lines({
          title: 'CPU',
          tells: 'Of one core: the calls share a single one.',
          act: 'near 1 calls queue for the process itself: spread the apps over more nodes.',
          unit: 'percentunit',
          noValue: 'no governor',
          min: 0,
          width: 8,
          queries: [
            {
              expr: `sum by (instance) (rate(process_cpu_seconds_total{${JOB}}[$__rate_interval]))`,
              legend: '{{instance}}',
            },
          ],
        }),
        lines({
          title: 'Event loop',
          tells: 'How long whatever is due must wait for its turn.',
          act: 'a p99 above 100 ms is felt by every call: look for CPU, or for a scrape or a log reader that is slow.',
          unit: 's',
          noValue: 'no governor',
          min: 0,
          width: 8,
          queries: [
            {
              expr: `max by (instance) (nodejs_eventloop_lag_p50_seconds{${JOB}})`,
              legend: '{{instance}} p50',
            },
            {
              expr: `max by (instance) (nodejs_eventloop_lag_p99_seconds{${JOB}})`,
              legend: '{{instance}} p99',
            },
          ],
        }),
        lines({
          title: 'Collecting garbage',
          tells: 'Share of the time that goes into it, by kind.',
          act: 'above a tenth with a heap near its bound: give it more memory, or lower `cache.maxBytes`.',
          unit: 'percentunit',
          noValue: 'none yet',
          min: 0,
          width: 8,
          queries: [
            {
              expr: `sum by (kind) (rate(nodejs_gc_duration_seconds_sum{${JOB}}[$__rate_interval]))`,
              legend: '{{kind}}',
            },
          ],
        }),
      ],
    },
    {
      question: 'Memory',
      panels: [
        lines({
          title: 'Memory',
          tells: 'All that the process has, its heap, and the buffers outside it, in which copies are.',
          act: 'all of it together must stay below what the container may have, with a quarter to spare.',
          unit: 'bytes',
          noValue: 'no governor',
          min: 0,
          width: 12,
          queries: [
            {
              expr: `max by (instance) (process_resident_memory_bytes{${JOB}})`,
              legend: '{{instance}} in all',
            },
            { expr: `max by (instance) (nodejs_heap_size_used_bytes{${JOB}})`, legend: '{{instance}} heap' },
            {
              expr: `max by (instance) (nodejs_external_memory_bytes{${JOB}})`,
              legend: '{{instance}} buffers',
            },
          ],
        }),
        lines({
          title: 'Copies',
          tells: 'What the copies of answers take.',
          act: 'at `cache.maxBytes` the oldest go: see evictions.',
          unit: 'bytes',
          noValue: 'no governor',
          min: 0,
          width: 6,
          queries: [{ expr: 'sum by (instance) (docusign_governor_cache_bytes)', legend: '{{instance}}' }],
        }),
        lines({
          title: 'Copies, and those that had to go',
          tells: 'How many there are; dashed, how many made room for others in the hour before.',
          act: 'where most of them go within the hour, raise `cache.maxBytes`.',
          unit: 'short',
          noValue: 'no governor',
          min: 0,
          width: 6,
          queries: [
            { expr: 'sum by (instance) (docusign_governor_cache_entries)', legend: '{{instance}}' },
            {
              expr: 'sum by (instance) (increase(docusign_governor_cache_evictions_total[1h]))',
              legend: '{{instance}} gone',
              dashed: true,
            },
          ],
        }),
      ],
    },
    {
      question: 'Sockets',
      panels: [
        lines({
          title: 'Connections of the apps',
          tells: 'Those that are open, used or not.',
          act: 'a rise without more calls is an app that opens one for each call: let it keep them alive.',
          unit: 'short',
          noValue: 'no governor',
          min: 0,
          width: 8,
          queries: [
            { expr: 'sum by (instance) (docusign_governor_client_connections)', legend: '{{instance}}' },
          ],
        }),
        lines({
          title: 'Connections to DocuSign',
          tells: 'In use, and kept for the next call.',
          act: 'in use at `upstream.maxSockets` for long: DocuSign is slow, or the bound too low.',
          unit: 'short',
          noValue: 'no governor',
          min: 0,
          width: 8,
          queries: [{ expr: 'sum by (state) (docusign_governor_upstream_connections)', legend: '{{state}}' }],
        }),
        lines({
          title: 'Open files',
          tells: 'Sockets and files, as a share of what the system allows.',
          act: 'above a half, raise the limit (`ulimit -n`), or find what leaves them open.',
          unit: 'percentunit',
          noValue: 'not told by this system',
          min: 0,
          width: 8,
          queries: [
            {
              expr: `max by (instance) (process_open_fds{${JOB}} / process_max_fds{${JOB}})`,
              legend: '{{instance}}',
            },
          ],
        }),
      ],
    },
    {
      question: 'Errors',
      panels: [
        lines({
          title: 'Lines of the log, a minute',
          tells: 'By level. A line of each call is `info`; `warn` where we had to answer with a 5xx.',
          act: 'read the `error` lines: none of them is normal.',
          unit: 'short',
          noValue: 'no governor',
          min: 0,
          width: 8,
          queries: [
            {
              expr: '60 * sum by (level) (rate(docusign_governor_log_lines_total[$__rate_interval]))',
              legend: '{{level}}',
            },
          ],
        }),
        lines({
          title: 'Lines that were lost or summed up, in an hour',
          tells: 'Lost because nobody read stdout in time; summed up because the same fault struck again.',
          act: 'lost: make the reader of the log faster. Summed up: read the line of that fault, it tells how often.',
          unit: 'short',
          noValue: 'no governor',
          min: 0,
          width: 8,
          queries: [
            { expr: 'sum(increase(docusign_governor_log_lines_lost_total[1h]))', legend: 'lost' },
            { expr: 'sum(increase(docusign_governor_log_events_repeated_total[1h]))', legend: 'summed up' },
          ],
        }),
        lines({
          title: 'Faults of the store, in an hour',
          tells:
            '`degraded`: writing began to fail. `damaged`: what was there could not be read, and was moved aside.',
          act: 'look at the disk of `state.path`: GovernorStateDegraded in the README.',
          unit: 'short',
          noValue: 'no governor',
          min: 0,
          width: 8,
          queries: [
            {
              expr: 'sum by (kind) (increase(docusign_governor_state_faults_total[1h]))',
              legend: '{{kind}}',
            },
          ],
        }),
      ],
    },
  ],
}
