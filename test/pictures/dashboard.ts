/**
 * A dashboard: the real Prometheus scrapes the real governor and is asked every query of the panels, and a page of our own
 * draws what it says at the panels' places, with their titles, units and thresholds. Grafana itself is not on npm.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { makeSystemClock } from '../../src/base/clock.js'
import { AT_ONCE, many, startGoverned, type Governed } from '../fixtures/governed.js'
import { ROOT } from '../fixtures/governor.js'
import { startPrometheus, type Drawn, type Prometheus } from '../fixtures/prometheus.js'
import { APPS, startTraffic } from './traffic.js'

/** DocuSign's hour in the picture, and its other times with it: a thirtieth of what they are, so that three of it are seen. */
const HOUR = 120
const SHRUNK = HOUR / 3600
const SHOWN = 2.4 * HOUR
/** Where in an hour the picture is taken. */
const ENDS_AT = 0.7 * HOUR
const TOKEN = 'a-token-of-the-admin-port'
/** Down to, and without, this question: a picture of all of them would be too long to look at. */
const UNTIL = 'Who is hurt?'

interface Target {
  readonly expr: string
  readonly legendFormat: string
  readonly instant: boolean
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly y: number }
  readonly targets?: readonly Target[]
}

interface Dashboard {
  readonly title: string
  readonly panels: readonly Panel[]
}

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const wallSeconds = () => Date.now() / 1000

export async function takeDashboard(browser: Browser, folder: string): Promise<void> {
  const house = await startGoverned({
    docusign: {
      accounts: 4,
      hourLimit: 1000,
      hourWindow: HOUR,
      burstLimit: 60,
      burstWindow: 2,
      pollInterval: 900 * SHRUNK,
    },
    settings: {
      GOVERNOR_LOG_LEVEL: 'silent',
      GOVERNOR_ADMIN_TOKEN: TOKEN,
      GOVERNOR_QUEUE_MAX_WAIT: '15',
      GOVERNOR_SHUTDOWN_TIMEOUT: '0.1',
    },
    files: [APPS],
  })
  const prometheus = await startPrometheus([`127.0.0.1:${house.governor.adminPort}`], TOKEN)
  const clock = makeSystemClock()
  const endMs = endOf(clock.wallMs())
  const end = await startTraffic(house, clock, HOUR * 1000)
  const others = setInterval(() => void disturb(house), 26_000)
  await pause(endMs - clock.wallMs())

  const dashboard = JSON.parse(read('grafana/dashboards/now.json')) as Dashboard
  const { y = Infinity } = dashboard.panels.find(({ title }) => title === UNTIL)?.gridPos ?? {}
  const panels = dashboard.panels.filter(({ gridPos }) => gridPos.y < y)
  const to = wallSeconds()
  const given = await Promise.all(
    panels.map(async panel => ({
      ...panel,
      answers: await Promise.all((panel.targets ?? []).map(target => answerOf(prometheus, target, to))),
    })),
  )
  clearInterval(others)
  await end()
  await prometheus.stop()
  await house.stop()

  const library = createRequire(import.meta.url)
    .resolve('uplot')
    .replace(/uPlot\.\w+\.js$/, '')
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({
      colorScheme,
      viewport: { width: 1440, height: 900 },
      timezoneId: 'UTC',
    })
    page.on('pageerror', error => process.stderr.write(`dashboard: ${error.message}\n`))
    await page.setContent(`<!doctype html><title>${dashboard.title}</title><main></main>`)
    await page.addStyleTag({ path: join(library, 'uPlot.min.css') })
    await page.addStyleTag({ content: read('test/pictures/dashboard-page.css') })
    await page.addScriptTag({ path: join(library, 'uPlot.iife.min.js') })
    await page.addScriptTag({ content: read('test/pictures/dashboard-page.js') })
    const shown = JSON.stringify({ title: dashboard.title, panels: given, from: to - SHOWN, to })
    await page.evaluate(`drawDashboard(${shown})`)
    await page.screenshot({ path: join(folder, `dashboard-${colorScheme}.png`), fullPage: true })
    await page.close()
  }
}

/** The first moment that leaves all that is shown behind it, and stands where it should in its hour. Epoch ms. */
function endOf(nowMs: number): number {
  const least = nowMs / 1000 + SHOWN + 10
  return (Math.ceil((least - ENDS_AT) / HOUR) * HOUR + ENDS_AT) * 1000
}

/** What befalls a house now and then: a batch at once, and somebody who calls past the governor. */
async function disturb(house: Governed): Promise<void> {
  const [, one, two] = house.accounts.map(({ id }) => `//accounts/${id}`)
  const batch = many(70, n => house.ask(`${one}/templates?batch=${n}`, { app: 'billing' }))
  const past = many(30, n => house.askDirectly(`${two}/users?past=${n}`))
  const urgent = house.ask(`${one}/folders?urgent`, { app: 'billing', ...AT_ONCE })
  await Promise.allSettled([...batch, ...past, urgent])
}

async function answerOf(
  prometheus: Prometheus,
  { expr, instant }: Target,
  to: number,
): Promise<readonly Drawn[]> {
  const filled = expr.replaceAll('$__rate_interval', '8s').replace(/\$(?:account|app)\b/g, '.*')
  return instant ? prometheus.over(filled, to, to, 1) : prometheus.over(filled, to - SHOWN, to, 1)
}
