/**
 * Makes the README's pictures of the live page: an hour of traffic through the real governor to the simulator, on a clock
 * that runs faster, and then what Chromium shows. `npm run pictures [FOLDER]`
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasChromium, openChromium } from './fixtures/browser.js'
import { AT_ONCE, startGoverned, type Governed } from './fixtures/governed.js'
import { ROOT } from './fixtures/governor.js'
import { makeWarpClock } from './fixtures/warp-clock.js'

const HOUR_MS = 3_600_000
/** The clock of the hour in the picture: a few minutes before a full one, so that the story is told. */
const BEGINS_MS = Date.UTC(2026, 10, 25, 9, 55)
const FACTOR = 90
const MINUTES = 43

interface Habit {
  readonly app: string
  readonly account: number
  /** In an hour. */
  readonly calls: number
  readonly ask: (house: Governed, account: string, n: number) => Promise<unknown>
}

const ids = new Map<string, string[]>()

async function envelopesOf(house: Governed, account: string): Promise<string[]> {
  const told = await house.askDirectly(`//accounts/${account}/envelopes?from_date=2020-01-01`)
  const { envelopes } = JSON.parse(told.body.toString()) as { envelopes: { envelopeId: string }[] }
  return envelopes.map(({ envelopeId }) => envelopeId)
}

const HABITS: readonly Habit[] = [
  {
    app: 'crm',
    account: 0,
    calls: 900,
    ask: (house, account, n) =>
      house.ask(`//accounts/${account}/templates?start_position=${n}`, { app: 'crm' }),
  },
  {
    app: 'poller',
    account: 0,
    calls: 700,
    ask: (house, account, n) =>
      house.ask(`//accounts/${account}/envelopes/${idAt(account, n % 3)}`, { app: 'poller' }),
  },
  {
    app: 'archive',
    account: 1,
    calls: 620,
    ask: (house, account, n) =>
      house.ask(`//accounts/${account}/envelopes/${idAt(account, n % 460)}/documents/combined`, {
        app: 'archive',
      }),
  },
  {
    app: 'billing',
    account: 2,
    calls: 420,
    ask: (house, account, n) =>
      house.ask(`//accounts/${account}/envelopes?from_date=2026-01-01&start_position=${n}`, {
        app: 'billing',
      }),
  },
  {
    app: 'onboarding',
    account: 3,
    calls: 1500,
    ask: (house, account, n) =>
      house.ask(`//accounts/${account}/users?start_position=${n}`, {
        app: 'onboarding',
        ...(n % 3 ? {} : AT_ONCE),
      }),
  },
  {
    app: 'crm',
    account: 4,
    calls: 240,
    ask: (house, account, n) => house.ask(`//accounts/${account}/folders?n=${n}`, { app: 'crm' }),
  },
  {
    app: 'onboarding',
    account: 3,
    calls: 12,
    // The assertion of somebody's test.
    ask: house =>
      fetch(`${house.governor.url}/apps/onboarding/oauth/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          assertion: 'a.b.c',
        }),
      }),
  },
  {
    app: 'poller',
    account: 2,
    calls: 260,
    ask: (house, account, n) =>
      house.ask(`//accounts/${account}/envelopes/${idAt(account, n % 2)}/recipients`, { app: 'poller' }),
  },
]

function idAt(account: string, n: number): string {
  return ids.get(account)?.[n] ?? '00000000-0000-4000-8000-000000000000'
}

async function live(
  house: Governed,
  habit: Habit,
  clock: { nowMs(): number },
  until: AbortSignal,
): Promise<void> {
  const account = house.accounts[habit.account]?.id ?? ''
  const paceMs = HOUR_MS / habit.calls
  let dueMs = clock.nowMs()
  for (let n = 0; !until.aborted; n++) {
    void habit.ask(house, account, n).catch(() => undefined)
    dueMs += paceMs * (0.5 + Math.random())
    while (!until.aborted && clock.nowMs() < dueMs) await new Promise(resolve => setTimeout(resolve, 4))
  }
}

async function main(folder: string): Promise<void> {
  const clock = makeWarpClock(BEGINS_MS)
  const house = await startGoverned({
    docusign: {
      accounts: 5,
      hourLimit: 1000,
    },
    // On a clock as fast as this an answer takes seconds.
    settings: { GOVERNOR_LOG_LEVEL: 'silent', GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '600' },
    files: [fileURLToPath(new URL('test/fixtures/pictured-apps.yaml', ROOT))],
    clock,
    docusignClock: clock,
  })
  const userId = house.simulator.users()[0]?.userId
  for (const [i, { id }] of house.accounts.entries()) {
    // What is at its end is read once; what still lives is polled.
    await house.control(
      '/envelopes',
      i === 1
        ? { account: id, userId, status: 'completed', count: 460 }
        : { account: id, userId, status: 'sent', count: 6 },
    )
  }
  for (const { id } of house.accounts) ids.set(id, await envelopesOf(house, id))
  const ending = new AbortController()
  const lives = HABITS.map(habit => live(house, habit, clock, ending.signal))
  clock.goAt(FACTOR)
  while (clock.wallMs() < BEGINS_MS + MINUTES * 60_000) await new Promise(resolve => setTimeout(resolve, 20))
  clock.goAt(1)
  await fetch(`${house.governor.adminUrl}/captures`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ app: 'crm', requests: 50 }),
  })

  const browser = await openChromium()
  const shots = [
    { name: 'live-light', colorScheme: 'light', width: 1440, height: 900 },
    { name: 'live-dark', colorScheme: 'dark', width: 1440, height: 900 },
    { name: 'live-narrow', colorScheme: 'light', width: 390, height: 844 },
  ] as const
  mkdirSync(folder, { recursive: true })
  for (const { name, colorScheme, ...viewport } of shots) {
    const page = await browser.newPage({ colorScheme, viewport, timezoneId: 'UTC' })
    page.on('console', message => process.stderr.write(`${name}: ${message.text()}\n`))
    page.on('pageerror', error => process.stderr.write(`${name}: ${error.message}\n`))
    await page.goto(`${house.governor.adminUrl}/`)
    await page.waitForSelector('#account-rows tr')
    await page.waitForTimeout(2_500)
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: viewport.width > 800 })
    await page.close()
  }
  await browser.close()
  ending.abort()
  await Promise.all(lives)
  await house.stop()
  clock.silence()
}

if (!hasChromium) throw new Error('the pictures are taken with /usr/bin/chromium, which is not there')
await main(process.argv[2] ?? fileURLToPath(new URL('config/pictures/', ROOT)))
process.exit()
