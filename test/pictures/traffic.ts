/** The traffic in the pictures: five apps with five habits on five accounts. */
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../src/base/clock.js'
import { AT_ONCE, type Governed } from '../fixtures/governed.js'
import { ROOT } from '../fixtures/governor.js'

export const APPS = fileURLToPath(new URL('test/pictures/apps.yaml', ROOT))
export const ACCOUNTS = 5

interface Habit {
  readonly app: string
  readonly account: number
  /** In an hour of DocuSign's. */
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
  clock: Pick<Clock, 'nowMs'>,
  hourMs: number,
  until: AbortSignal,
): Promise<void> {
  const account = house.accounts[habit.account]?.id ?? ''
  const paceMs = hourMs / habit.calls
  let dueMs = clock.nowMs()
  for (let n = 0; !until.aborted; n++) {
    void habit.ask(house, account, n).catch(() => undefined)
    dueMs += paceMs * (0.5 + Math.random())
    while (!until.aborted && clock.nowMs() < dueMs) await new Promise(resolve => setTimeout(resolve, 4))
  }
}

/** What still lives is polled; what is at its end is read once. */
async function seed(house: Governed): Promise<void> {
  const userId = house.simulator.users()[0]?.userId
  for (const [i, { id: account }] of house.accounts.entries()) {
    const wanted = i === 1 ? { status: 'completed', count: 460 } : { status: 'sent', count: 6 }
    await house.control('/envelopes', { account, userId, ...wanted })
    ids.set(account, await envelopesOf(house, account))
  }
}

/** @param hourMs how long an hour of DocuSign's lasts on that clock. @returns what ends it */
export async function startTraffic(
  house: Governed,
  clock: Pick<Clock, 'nowMs'>,
  hourMs: number,
): Promise<() => Promise<void>> {
  await seed(house)
  const ending = new AbortController()
  const kept = HABITS.filter(({ account }) => account < house.accounts.length)
  const lives = kept.map(habit => live(house, habit, clock, hourMs, ending.signal))
  return async () => {
    ending.abort()
    await Promise.all(lives)
  }
}
