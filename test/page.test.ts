/** The live page, as an operator's Chromium shows it. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import type { Browser, Page } from 'playwright-core'
import { makeAdmin, type AdminParts } from '../src/admin/admin.js'
import { EVENTS_LIMITS, makeEvents } from '../src/admin/events.js'
import { makePage } from '../src/admin/page.js'
import { buildSnapshot } from '../src/admin/snapshot.js'
import { makeSystemClock } from '../src/base/clock.js'
import { makeCaptures } from '../src/observe/captures.js'
import { makeLive } from '../src/observe/live.js'
import { hasChromium, openChromium } from './fixtures/browser.js'
import { AT_ONCE, open as openHouse } from './fixtures/governed.js'
import { makeHandClock } from './fixtures/hand-clock.js'

const clock = makeSystemClock()
const readFile = (path: string) => readFileSync(path, 'utf8')
const skip = hasChromium || process.env['CI'] === 'true' ? false : 'there is no /usr/bin/chromium'

let browser: Browser | undefined
t.teardown(() => browser?.close())

/** What a page did beside showing figures. */
interface Watched {
  readonly page: Page
  readonly hosts: Set<string>
  readonly faults: string[]
}

async function open(t: Test, url: string, options: { width?: number } = {}): Promise<Watched> {
  browser ??= await openChromium()
  const { width = 1280 } = options
  const page = await browser.newPage({ viewport: { width, height: 800 } })
  t.teardown(() => page.close())
  const hosts = new Set<string>()
  const faults: string[] = []
  page.on('request', request => void hosts.add(new URL(request.url()).host))
  page.on('pageerror', error => void faults.push(error.message))
  page.on('dialog', dialog => void faults.push(`a dialog: ${dialog.message()}`))
  page.on('console', message => {
    // A 401 and a 503 are said on the console by the browser itself.
    if (message.type() === 'error' && !message.text().includes('the server responded with a status'))
      faults.push(message.text())
  })
  await page.addInitScript(
    `window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI))`,
  )
  await page.goto(url)
  return { page, hosts, faults }
}

async function isClean(t: Test, { page, hosts, faults }: Watched, url: string): Promise<void> {
  t.strictSame(await page.evaluate('violations'), [], 'the policy is kept')
  t.strictSame(
    [...hosts].filter(host => host !== '' && host !== new URL(url).host),
    [],
    'no other host is asked',
  )
  t.strictSame(faults, [], 'nothing went wrong')
}

type Snapshot = ReturnType<typeof buildSnapshot>

/** An admin port whose snapshots are made up. */
async function startAdmin(t: Test, snapshot: () => unknown, token?: string): Promise<string> {
  const parts: AdminParts = {
    metrics: { text: () => Promise.resolve(''), contentType: 'text/plain' },
    status: () => ({}),
    page: makePage(readFile),
    snapshot,
    quote: () => ({ startMs: 0, finishMs: 61_000, remaining: 40 }),
    purge: () => 0,
    captures: makeCaptures(name => name, clock),
    archive: () => Readable.from([]),
    golive: () => ({ wantedCalls: 20, integrations: [] }),
    ready: () => ({ ready: true }),
  }
  const log = { unexpected: (error: unknown) => t.fail(String(error)) }
  const admin = makeAdmin({ host: '127.0.0.1', port: 0, token, hosts: [] }, parts, log, clock)
  t.teardown(() => admin.stop())
  return `http://127.0.0.1:${(await admin.start()).port}/`
}

function snapshotOf(accounts: readonly string[], used: (i: number) => number): Snapshot {
  const live = makeLive({ hourWindowMs: 3_600_000 }, name => name, clock)
  const wallMs = Date.now()
  return buildSnapshot({
    status: {
      version: '1.2.3',
      startedMs: 0,
      nowMs: 1000,
      mode: 'enforce',
      accounts: accounts.map((account, i) => ({
        account,
        hour: { limit: 1000, used: used(i), remaining: 1000 - used(i), resetAtSeconds: wallMs / 1000 + 600 },
        burst: { limit: 500, used: 10, remaining: 490 },
        queue: { length: i % 7, oldestWaitMs: 100 * i, byPriority: { high: 0, normal: i % 7, low: 0 } },
        blockedUntilMs: i % 50 === 3 ? wallMs + 30_000 : undefined,
        foreign: i,
        source: 'learned',
      })),
      cache: { entries: 1, bytes: 2, hits: 3, misses: 4 },
      saved: { remembered: 5, coalesced: 6 },
    },
    wallMs,
    hourWindowMs: 3_600_000,
    spentBy: () => new Array<number>(60).fill(1),
    lastHour: live.figures(),
    blockedHosts: [],
    captures: [],
    hints: [],
  })
}

void t.test('one snapshot a second is written for all, and none while nobody listens', async t => {
  const hand = makeHandClock()
  let written = 0
  const listeners = 2
  const events = makeEvents(
    () => ({ n: ++written }),
    error => t.fail(String(error)),
    hand,
    {
      ...EVENTS_LIMITS,
      listeners,
    },
  )
  const heard: Fake[] = []
  hand.pass(10_000)
  t.equal(written, 0, 'nobody listens')
  for (let i = 0; i < listeners; i++) {
    const fake = makeFake()
    heard.push(fake)
    t.equal(events.listen(fake.res), undefined)
  }
  t.equal(written, 1, 'who comes within one second is told the same')
  t.match(events.listen(makeFake().res), { status: 503 }, 'there is no room for a third')
  hand.pass(3_000)
  t.equal(written, 4)
  t.strictSame(
    heard.map(({ texts }) => texts.length),
    [4, 4],
  )
  const [slow, quick] = heard as [Fake, Fake]
  slow.res.writableNeedDrain = true
  hand.pass(4_000)
  t.notOk(slow.isGone)
  hand.pass(1_000)
  t.ok(slow.isGone, 'who does not read is dropped')
  t.equal(slow.texts.length, 4, 'and was written nothing more meanwhile')
  t.equal(quick.texts.length, 9)
  quick.close()
  const before = written
  hand.pass(10_000)
  t.equal(written, before, 'nobody listens any more')
})

interface Fake {
  readonly res: Parameters<ReturnType<typeof makeEvents>['listen']>[0] & { writableNeedDrain: boolean }
  readonly texts: string[]
  isGone: boolean
  close(): void
}

function makeFake(): Fake {
  let closed: () => void = () => undefined
  const fake = {
    texts: [] as string[],
    isGone: false,
    close: () => closed(),
    res: {
      writableNeedDrain: false,
      on: (_event: string, listener: () => void) => void (closed = listener),
      writeHead: () => undefined,
      write: (text: string) => void fake.texts.push(text),
      end: () => undefined,
      destroy: () => {
        fake.isGone = true
        closed()
      },
    },
  }
  return fake as unknown as Fake
}

void t.test('figures on the page are those of /status, within two seconds', { skip }, async t => {
  const day = { hourWindow: 86_400, burstWindow: 600, accounts: 3, hourLimit: 500 }
  const house = await openHouse(t, { docusign: day })
  const watched = await open(t, house.governor.adminUrl)
  const { page } = watched
  await page.waitForSelector('#no-accounts:not([hidden])')
  for (const [i, { id }] of house.accounts.entries()) {
    for (let n = 0; n < 5 + 3 * i; n++)
      await house.ask(`//accounts/${id}/folders?n=${n}`, { app: 'crm', ...AT_ONCE })
  }
  await page.waitForTimeout(2_000)
  const status = (await (await fetch(`${house.governor.adminUrl}/status`)).json()) as Snapshot
  const shown = await page.evaluate<
    object[]
  >(`[...document.querySelectorAll('#account-rows tr')].map(row => ({
    account: row.querySelector('th').title,
    hour: row.querySelector('.hour .text').textContent,
    burst: row.querySelector('.burst .text').textContent,
    others: row.cells[5].textContent,
    waiting: row.cells[6].textContent,
  }))`)
  const wanted = status.accounts
    .map(({ account, hour, burst, foreignCalls, queue }) => ({
      account,
      hour: `${hour.used} of ${hour.limit}${hour.remaining} left`,
      burst: `${burst.used} of ${burst.limit}${burst.remaining} left`,
      others: String(foreignCalls),
      waiting: String(queue.length),
    }))
    .sort((a, b) => (a.account < b.account ? -1 : 1))
  t.equal(shown.length, 3)
  t.strictSame(shown, wanted)
  t.match(await page.textContent('#apps tbody'), /^crm2400$|^other2400$/, 'and the app that spent it')
  t.match(await page.textContent('#legend'), 'forwarded 24')
  await isClean(t, watched, house.governor.adminUrl)
})

void t.test('hostile names of accounts, apps, routes and resources run nothing', { skip }, async t => {
  const evil = `"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script><b class=evil>\u202e</b>`
  const spender = { name: evil, calls: 3, sent: 3, saved: 1, refused: 1 }
  const plain = snapshotOf([evil, `${evil}2`, '__proto__', 'constructor'], i => 1000 * (i % 2))
  const hostile = {
    ...plain,
    version: evil,
    blockedHosts: [{ host: evil, seconds: 5 }],
    hints: [{ hint: evil, app: evil, calls: 1, lastAt: plain.at, meaning: evil }],
    lastHour: {
      ...plain.lastHour,
      refusals: [{ reason: evil, calls: 2 }],
      apps: [spender, { ...spender, name: '__proto__' }],
      routes: [spender],
      polled: [{ resource: evil, app: evil, polls: 2, sent: 1, flagged: 1 }],
    },
  }
  const url = await startAdmin(t, () => hostile)
  const watched = await open(t, url, { width: 360 })
  const { page } = watched
  await page.waitForSelector('#account-rows tr')
  await page.waitForTimeout(1_500)
  t.equal(await page.evaluate('window.pwned'), undefined)
  t.equal(await page.evaluate(`document.querySelectorAll('main img, main script, .evil').length`), 0)
  t.equal(
    await page.evaluate(`document.querySelectorAll('#account-rows tr').length`),
    4,
    'all of them are shown',
  )
  t.match(await page.textContent('#apps tbody'), '<script>', 'as text')
  t.ok(
    await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
    'and break out of no column',
  )
  await isClean(t, watched, url)
})

void t.test(
  'with a token the page comes without figures, asks for it, and keeps it to its tab',
  { skip },
  async t => {
    const token = 'an operator knows it'
    const url = await startAdmin(t, () => snapshotOf(['42'], () => 7), token)
    const bare = await fetch(url)
    t.equal(bare.status, 401)
    t.match(bare.headers.get('content-security-policy'), "frame-ancestors 'none'")
    t.notMatch(await bare.text(), /\b42\b.*of 1,000/)
    t.equal((await fetch(`${url}events`)).status, 401)
    const watched = await open(t, url)
    const { page } = watched
    await page.waitForSelector('#gate:not([hidden])')
    t.ok(await page.isHidden('#main'))
    t.equal(await page.evaluate('document.activeElement.id'), 'token', 'it can be typed at once')
    await page.keyboard.type('a guess')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#gate-fault:not(:empty)')
    await page.fill('#token', token)
    await page.keyboard.press('Enter')
    await page.waitForSelector('#account-rows tr')
    t.match(await page.textContent('#account-rows'), '7 of 1,000')
    t.notOk((await page.content()).includes(token), 'it stands nowhere in the document')
    await page.reload()
    await page.waitForSelector('#account-rows tr')
    await page.click('#forget')
    await page.waitForSelector('#gate:not([hidden])')
    await page.reload()
    await page.waitForSelector('#gate:not([hidden])')
    await isClean(t, watched, url)
  },
)

void t.test('two hundred accounts change in place, and their rows stay', { skip }, async t => {
  const names = Array.from({ length: 200 }, (_, i) => String(10_000_000 + i))
  let tick = 0
  // In another order each time, as those called last come first.
  const url = await startAdmin(t, () => {
    tick++
    return snapshotOf(tick % 2 ? names : [...names].reverse(), i => Math.min(1000, (i * 5 + tick) % 1001))
  })
  const watched = await open(t, url)
  const { page } = watched
  await page.waitForSelector('#account-rows tr')
  await page.evaluate(`
    window.before = [...document.querySelectorAll('#account-rows tr')];
    window.moved = 0;
    new MutationObserver(list => moved += list.flatMap(m => [...m.addedNodes, ...m.removedNodes]).filter(n => n.nodeType === 1).length)
      .observe(document.getElementById('main'), { childList: true, subtree: true });
    document.getElementById('find').focus()`)
  const first = await page.textContent('#account-rows')
  await page.waitForTimeout(2_500)
  t.not(await page.textContent('#account-rows'), first, 'the figures have changed')
  t.equal(await page.evaluate('moved'), 0, 'no element came, went or moved')
  t.ok(
    await page.evaluate(
      `[...document.querySelectorAll('#account-rows tr')].every((row, i) => row === before[i])`,
    ),
  )
  t.equal(await page.evaluate('before.length'), 200)
  t.equal(await page.evaluate('document.activeElement.id'), 'find')

  // By keyboard alone: find one, those in trouble only, ask for a quote.
  await page.keyboard.type('10000003')
  t.equal(
    await page.evaluate(
      `[...document.querySelectorAll('#account-rows tr')].filter(row => !row.hidden).length`,
    ),
    1,
  )
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.press('Delete')
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Space')
  t.ok(await page.evaluate(`[...document.querySelectorAll('#account-rows tr')].some(row => row.hidden)`))
  await page.focus('#quote [name=account]')
  await page.keyboard.type('42')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#quote output:has-text("40 left")')
  await isClean(t, watched, url)
})

void t.test('on a telephone nothing is cut off at the side', { skip }, async t => {
  const url = await startAdmin(t, () => snapshotOf(['0b7c9b4e-33f4-4d50-a3a5-2ff6f9a5f4c4', '42'], () => 999))
  const { page } = await open(t, url)
  await page.waitForSelector('#account-rows tr')
  for (const width of [320, 390, 760, 1024]) {
    await page.setViewportSize({ width, height: 800 })
    await page.waitForTimeout(150)
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${width} pixels`)
  }
})

void t.test('new settings end the streams of the old token', async t => {
  const url = await startAdmin(t, () => ({}))
  const [answer] = (await once(get(`${url}events`), 'response')) as [IncomingMessage]
  t.equal(answer.headers['content-type'], 'text/event-stream')
  const [first] = (await once(answer, 'data')) as [Buffer]
  t.equal(String(first), 'data: {}\n\n')
  answer.destroy()
})
