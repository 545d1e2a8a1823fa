/** The live page: most of an hour of traffic on a clock that runs faster, and then what Chromium shows. */
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { startGoverned } from '../fixtures/governed.js'
import { makeWarpClock } from '../fixtures/warp-clock.js'
import { ACCOUNTS, APPS, startTraffic } from './traffic.js'

const HOUR_MS = 3_600_000
/** The clock of the hour in the picture: a few minutes before a full one, so that the story is told. */
const BEGINS_MS = Date.UTC(2026, 10, 25, 9, 55)
const FACTOR = 90
const MINUTES = 43

const SHOTS = [
  { name: 'live-light', colorScheme: 'light', width: 1440, height: 900 },
  { name: 'live-dark', colorScheme: 'dark', width: 1440, height: 900 },
  { name: 'live-narrow', colorScheme: 'light', width: 390, height: 844 },
] as const

export async function takeLivePage(browser: Browser, folder: string): Promise<void> {
  const clock = makeWarpClock(BEGINS_MS)
  const house = await startGoverned({
    docusign: { accounts: ACCOUNTS, hourLimit: 1000 },
    // On a clock as fast as this an answer takes seconds.
    settings: { GOVERNOR_LOG_LEVEL: 'silent', GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '600' },
    files: [APPS],
    clock,
    docusignClock: clock,
  })
  const end = await startTraffic(house, clock, HOUR_MS)
  clock.goAt(FACTOR)
  while (clock.wallMs() < BEGINS_MS + MINUTES * 60_000) await new Promise(resolve => setTimeout(resolve, 20))
  clock.goAt(1)
  await fetch(`${house.governor.adminUrl}/captures`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ app: 'crm', requests: 50 }),
  })

  for (const { name, colorScheme, ...viewport } of SHOTS) {
    const page = await browser.newPage({ colorScheme, viewport, timezoneId: 'UTC' })
    page.on('console', message => process.stderr.write(`${name}: ${message.text()}\n`))
    page.on('pageerror', error => process.stderr.write(`${name}: ${error.message}\n`))
    await page.goto(`${house.governor.adminUrl}/`)
    await page.waitForSelector('#account-rows tr')
    await page.waitForTimeout(2_500)
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: viewport.width > 800 })
    await page.close()
  }
  await end()
  await house.stop()
  clock.silence()
}
