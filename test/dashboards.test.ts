/**
 * What an operator sees and is woken by, with the real Prometheus: every query of every dashboard finds what it asks
 * for, and every metric, label and word in dashboards and alerts is one that the governor tells.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { parse } from 'yaml'
import { DASHBOARDS } from '../grafana/source/make.js'
import { many, startGoverned, type Governed } from './fixtures/governed.js'
import { ROOT, startGovernor, type Governor } from './fixtures/governor.js'
import { CONFIG, isThere, startPrometheus, writeConfig, type Prometheus } from './fixtures/prometheus.js'
import { mentionsOf } from './fixtures/promql.js'

interface Target {
  readonly expr: string
  readonly legendFormat: string
  readonly instant: boolean
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number }
  readonly datasource?: { readonly uid: string }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string; readonly noValue?: string } }
  readonly targets?: readonly Target[]
}

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly templating: { readonly list: readonly { readonly name: string; readonly query?: unknown }[] }
  readonly panels: readonly Panel[]
}

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const dashboards = readdirSync(new URL('grafana/dashboards/', ROOT)).map(
  name => JSON.parse(read(`grafana/dashboards/${name}`)) as Dashboard,
)
const rules = readdirSync(new URL('rules/', CONFIG)).flatMap(name =>
  (
    parse(readFileSync(new URL(`rules/${name}`, CONFIG), 'utf8')) as { groups: { rules: Rule[] }[] }
  ).groups.flatMap(group => group.rules),
)
const queries = dashboards.flatMap(({ title, panels }) =>
  panels.flatMap(panel =>
    (panel.targets ?? []).map(target => ({ where: `${title} > ${panel.title}`, ...target })),
  ),
)

const missing = ['prometheus', 'promtool'].filter(program => !isThere(program))
// In CI a check that was not made is a failure: there the tool is installed by the run itself.
const skip =
  missing.length > 0 &&
  process.env['CI'] !== 'true' &&
  `${missing.join(' and ')} (Debian: prometheus) not on the PATH`

void t.test('the dashboards are what their source says', async t => {
  const kept = readdirSync(new URL('grafana/dashboards/', ROOT))
  t.strictSame(kept.sort(), Object.keys(DASHBOARDS).sort())
  for (const [name, text] of Object.entries(DASHBOARDS))
    t.equal(read(`grafana/dashboards/${name}`), text, name)
  t.strictSame(dashboards.map(({ title }) => title).sort(), ['Capacity', 'Governor: now', 'Service'])
})

void t.test('every panel has a unit, says what to do, and shows what is unknown as unknown', async t => {
  for (const { title, schemaVersion, templating, panels } of dashboards) {
    t.ok(schemaVersion >= 39, 'Grafana 11')
    const names = templating.list.map(({ name }) => name)
    for (const name of ['datasource', 'account', 'app']) t.ok(names.includes(name), `${title}: $${name}`)
    t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    for (const panel of panels) {
      const where = `${title} > ${panel.title}`
      const { x, y, w, h } = panel.gridPos
      const over = panels.filter(({ gridPos: other }) => {
        const beside = other.x >= x + w || x >= other.x + other.w
        return !beside && other.y < y + h && y < other.y + other.h
      })
      t.equal(over.length, 1, `${where} stands alone`)
      if (panel.type === 'row') continue
      t.match(panel.description, /^\S[^]{20,}\n\n\*\*What to do:\*\* \S[^]{20,}\.$/, where)
      t.equal(panel.datasource?.uid, '${datasource}', where)
      const { unit = '', noValue = '' } = panel.fieldConfig?.defaults ?? {}
      t.ok(unit !== '', `${where}: unit`)
      t.match(noValue, /^[a-zA-Z][a-z A-Z-]+$/, `${where}: a word where there is no number`)
      for (const { expr } of panel.targets ?? []) t.notMatch(expr, /\bor\b|vector\(\s*\d/, where)
    }
  }
})

void t.test('promtool finds nothing to say about configuration and rules', { skip }, async t => {
  const promtool = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' })
    t.equal(status, 0, `promtool ${args.slice(0, 2).join(' ')}: ${stdout}${stderr}`)
  }
  promtool('check', 'config', '--syntax-only', new URL('prometheus.yml', CONFIG).pathname)
  const folder = writeConfig(['127.0.0.1:1'], 'a token')
  promtool('check', 'config', join(folder, 'prometheus.yml'))
  rmSync(folder, { recursive: true })
  for (const name of readdirSync(new URL('tests/', CONFIG))) {
    promtool('test', 'rules', new URL(`tests/${name}`, CONFIG).pathname)
  }
})

void t.test('every alert is tested both ways, and the README says what to do', async t => {
  const readme = read('README.md')
  const tests = readdirSync(new URL('tests/', CONFIG)).flatMap(
    name =>
      (
        parse(readFileSync(new URL(`tests/${name}`, CONFIG), 'utf8')) as {
          tests: { alert_rule_test: { alertname: string; exp_alerts?: object[] }[] }[]
        }
      ).tests,
  )
  const alerts = rules.filter(rule => rule.alert !== undefined)
  t.ok(alerts.length >= 9, `${alerts.length} alerts`)
  for (const { alert = '', labels = {}, annotations = {} } of alerts) {
    const cases = tests.flatMap(test => test.alert_rule_test.filter(({ alertname }) => alertname === alert))
    t.ok(
      cases.some(({ exp_alerts: fired = [] }) => fired.length > 0),
      `${alert} fires in its case`,
    )
    const beside = tests
      .filter(test => test.alert_rule_test.some(({ alertname }) => alertname === alert))
      .some(test => JSON.stringify(test).includes('beside'))
    const silent = cases.some(({ exp_alerts: fired = [] }) => fired.length === 0)
    t.ok(silent || beside, `${alert} is silent beside it`)
    t.match(labels['severity'], /^(?:page|ticket)$/, alert)
    t.ok((annotations['summary'] ?? '').length > 20, alert)
    t.equal(annotations['runbook'], `README.md#${alert.toLowerCase()}`)
    const [, told = ''] = new RegExp(`^#+ ${alert}\\n\\n([^#]+)`, 'm').exec(readme) ?? []
    t.ok(told.length > 100, `the README says what to do about ${alert}`)
  }
})

const TOKEN = 'a-token-of-the-admin-port'
/**
 * Seconds of an hour that began before now and lasts beyond this test by both clocks, DocuSign's and Prometheus's:
 * a reset is told in DocuSign's time, and a skewed clock would have it pass before its hour does.
 */
const HOUR = Array.from({ length: 100 }, (_, i) => 120 + i).find(seconds => {
  const passed = (Date.now() / 1000) % seconds
  return passed > 3 && passed < seconds - 60
}) as number

/** Mixed calls, until `isOver`: of every kind that a panel tells of. */
async function drive(house: Governed, observer: Governor, isOver: () => boolean): Promise<void> {
  const [one = '', two = ''] = house.accounts.map(({ id }) => id)
  const [over = ''] = house.simulator.addEnvelopes({ status: 'completed' })
  const sent = house.simulator.addEnvelopes({ status: 'sent', count: 200 })
  const watch = house.simulator.addEnvelopes({ status: 'sent' })[0] ?? ''
  const draft = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ status: 'created', emailSubject: 'A draft' }),
  }
  const observed = (path: string) =>
    fetch(`${observer.url}/apps/legacy/restapi/v2.1/accounts/${path}`, {
      headers: { authorization: `Bearer ${house.token}`, prefer: 'wait=0' },
    }).then(res => res.arrayBuffer())
  const now = { app: 'billing', headers: { prefer: 'wait=0' } }
  await house.ask('')
  await house.ask(`//accounts/${two}/folders`)
  // Others spend the hour of the second account; who calls next is blocked.
  await house.control('/spend', { account: two, calls: 1e6 })
  for (let i = 0; !isOver(); i++) {
    const calls: Promise<unknown>[] = [
      house.ask(`/envelopes/${over}`, { app: 'crm' }),
      house.ask(`/envelopes/${watch}`, { app: 'crm' }),
      house.ask(`/envelopes/${watch}?include=recipients`, { app: 'crm' }),
      house.ask(`/envelopes/${sent[i % sent.length] ?? ''}`, { app: 'crm' }),
      house.ask(`/envelopes/${sent[i % sent.length] ?? ''}`, { app: 'crm' }),
      house.ask('/folders', now),
      house.askDirectly('/users'),
      house.ask(`//accounts/${two}/folders`, now),
      observed(`${two}/folders`),
      observed(`${two}/folders?again`),
      observed(`${one}/envelopes/${watch}`),
    ]
    if (i % 5 === 0) calls.push(house.ask('/envelopes', { ...draft, app: 'billing' }))
    // More than the burst window has room for: some wait, and who will not is refused.
    if (i % 5 === 0) {
      calls.push(...many(30, n => house.ask(`/templates?n=${i}-${n}`, { app: 'crm' })))
      calls.push(...many(10, n => house.ask(`/folders?n=${i}-${n}`, now)))
    }
    await Promise.all([...calls, pause(250)])
  }
}

/** `$account`, `[28d]`, …: as Grafana fills them, but for a Prometheus that is some seconds old. */
function filled(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '10s')
    .replaceAll('$__range', '60s')
    .replaceAll('$trend', '60s')
    .replaceAll('$step', '1s')
    .replace(/\$limit_([abc])/g, (_, name: string) => String({ a: 10, b: 1000, c: 5000 }[name]))
    .replace(/\$(?:account|app)\b/g, '.*')
}

void t.test('every query of every dashboard finds what it asks for', { skip, timeout: 60_000 }, async t => {
  const settings = {
    GOVERNOR_ADMIN_TOKEN: TOKEN,
    GOVERNOR_QUEUE_MAX_WAIT: '2',
    GOVERNOR_SHUTDOWN_TIMEOUT: '0.1',
  }
  const apps = join(t.testdir({ 'apps.yaml': 'apps: { crm: {}, billing: {}, legacy: {} }\n' }), 'apps.yaml')
  const house = await startGoverned({
    docusign: {
      accounts: 2,
      hourWindow: HOUR,
      hourLimit: 1000,
      burstLimit: 30,
      burstWindow: 1,
    },
    settings,
    files: [apps],
  })
  t.teardown(() => house.stop())
  const observer = await startGovernor(
    house.url,
    {
      ...settings,
      GOVERNOR_LIMITS_MODE: 'observe',
      GOVERNOR_POLLING_MODE: 'observe',
      GOVERNOR_LIMITS_HOUR_WINDOW: String(HOUR),
      GOVERNOR_LIMITS_BURST_WINDOW: '1',
    },
    [apps],
  )
  t.teardown(() => observer.stop())
  const admins = [house.governor, observer].map(({ adminPort }) => `127.0.0.1:${adminPort}`)
  const prometheus = await startPrometheus(admins, TOKEN)
  t.teardown(() => prometheus.stop())
  let isOver = false
  const driving = drive(house, observer, () => isOver)
  const deadlineMs = performance.now() + 25_000

  let empty = queries
  while (empty.length > 0 && performance.now() < deadlineMs) {
    await pause(500)
    const found = await Promise.all(empty.map(query => hasData(prometheus, query)))
    empty = empty.filter((_, at) => !found[at])
  }
  isOver = true
  await driving
  t.ok(queries.length > 60, `${queries.length} queries`)
  t.strictSame(
    empty.map(({ where, expr }) => `${where}: ${filled(expr)}`),
    [],
  )

  // What there is: the registry's own metrics, and what Prometheus makes of them by the rules.
  const known = new Map<string, Map<string, Set<string>>>()
  for (const { __name__: name = '', ...labels } of await prometheus.series()) {
    let own = known.get(name)
    if (!own) known.set(name, (own = new Map<string, Set<string>>()))
    for (const [label, value] of Object.entries(labels)) {
      own.set(label, (own.get(label) ?? new Set()).add(value))
    }
  }
  const words = read('src/base/types.ts')
  const exprs = [
    ...queries.map(({ where, expr, legendFormat }) => ({
      where,
      expr: filled(expr),
      said: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
    })),
    ...rules.map(({ alert, record, expr, annotations = {} }) => ({
      where: alert ?? record ?? '',
      expr,
      said: [...(annotations['summary'] ?? '').matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label),
    })),
  ]
  for (const { where, expr, said } of exprs) {
    const { metrics, grouping } = mentionsOf(expr)
    if (!expr.startsWith('vector(')) t.ok(metrics.length > 0, where)
    const all = new Set<string>()
    for (const { metric, labels } of metrics) {
      const own = known.get(metric)
      t.ok(own, `${where}: ${metric} is told`)
      for (const label of own?.keys() ?? []) all.add(label)
      for (const { name, value } of labels) {
        t.ok(own?.has(name), `${where}: ${metric} has the label ${name}`)
        for (const one of value === '.*' ? [] : value.split('|')) {
          const isWord = own?.get(name)?.has(one) === true || words.includes(`'${one}'`) || one === 'other'
          t.ok(isWord, `${where}: ${name}="${one}" is a word of ours`)
        }
      }
    }
    for (const label of grouping) t.ok(all.has(label), `${where}: the label ${label}`)
    const made = /label_replace\(/.test(expr) ? ['of'] : []
    const kept = grouping.length > 0 && /\bby \(/.test(expr) ? [...grouping, ...made] : [...all]
    for (const label of said) t.ok(kept.includes(label), `${where}: says ${label}`)
  }
})

async function hasData(prometheus: Prometheus, { expr, instant }: Target): Promise<boolean> {
  const sampled = await prometheus.ask(filled(expr), instant ? 'now' : 'lately')
  return sampled.some(({ values }) => values.some(value => Number.isFinite(value)))
}
