/** What `GET /golive` says of an app, against what DocuSign's reviewers would have seen. */
import t, { type Test } from 'tap'
import type { Call, Seen } from '../src/base/types.js'
import { makeGoLive } from '../src/observe/golive.js'
import { makeHandClock } from './fixtures/hand-clock.js'
import { many, open, type Governed } from './fixtures/governed.js'

interface Told {
  readonly integration: string | null
  readonly app: string
  readonly ready: boolean
  readonly run: number
  readonly mustChange: readonly string[]
  readonly couldChange: readonly string[]
  readonly broken: { readonly status: number; readonly why: string } | null
  readonly flaggedPolls: number
  readonly pairs: readonly { resource: string; firstAt: string; secondAt: string; seconds: number }[]
  readonly callsWhileBlocked: number
  readonly busyEnvelopes: readonly { what: string; times: number }[]
  readonly repeatedDownloads: readonly { what: string; times: number }[]
}

async function golive({ governor }: Governed, app: string): Promise<Told> {
  const told = (await (await fetch(`${governor.adminUrl}/golive`)).json()) as { integrations: Told[] }
  const found = told.integrations.find(one => one.app === app)
  if (!found) throw new Error(`nothing is said of ${app}`)
  return found
}

/** A day long, so that no hour turns in the middle. */
const DAY = { hourWindow: 86_400, burstWindow: 600, burstLimit: 1000 }

async function house(t: Test, docusign: object, settings: Record<string, string> = {}): Promise<Governed> {
  return open(t, { docusign: { ...DAY, envelopes: [{ status: 'sent', count: 3 }], ...docusign }, settings })
}

async function envelopesOf(governed: Governed): Promise<string[]> {
  const told = await governed.askDirectly('/envelopes?from_date=2020-01-01')
  const { envelopes } = JSON.parse(told.body.toString()) as { envelopes: { envelopeId: string }[] }
  return envelopes.map(({ envelopeId }) => envelopeId)
}

void t.test(
  'twenty good calls in a row are ready; one that fails begins anew; logging in is not counted',
  async t => {
    const governed = await house(t, {})
    const app = 'crm'
    for (const n of many(19, i => i)) await governed.ask(`/folders?n=${n}`, { app })
    await fetch(`${governed.governor.url}/apps/crm/oauth/userinfo`, {
      headers: { authorization: `Bearer ${governed.token}` },
    })
    await governed.ask('//login_information', { app })
    const before = await golive(governed, app)
    t.equal(before.ready, false)
    t.match(before, {
      run: 19,
      mustChange: [/^20 consecutive successful API calls .* 19 are there: make 1 more/],
    })
    await governed.ask('/folders?n=20', { app })
    t.match(await golive(governed, app), { ready: true, run: 20, mustChange: [] })
    await governed.ask('/envelopes/00000000-0000-4000-8000-000000000000', { app })
    const after = await golive(governed, app)
    t.match(after, { ready: false, run: 0, broken: { status: 404, why: 'failed' } })
    t.match(
      after.mustChange[1],
      /envelopes\/\{envelopeId\} answered 404: the most recent calls must all complete/,
    )
  },
)

void t.test('a poll that would be flagged is shown with its pair and their distance', async t => {
  const governed = await house(t, {}, { GOVERNOR_POLLING_MODE: 'observe', GOVERNOR_CACHE_ENABLED: 'false' })
  const [envelope = ''] = await envelopesOf(governed)
  const app = 'poller'
  await governed.ask(`/envelopes/${envelope}`, { app })
  await new Promise(resolve => setTimeout(resolve, 300))
  await governed.ask(`/envelopes/${envelope}`, { app })
  const told = await golive(governed, app)
  t.match(told, { ready: false, run: 0, flaggedPolls: 1, broken: { why: 'polled' } })
  const [pair] = told.pairs
  t.equal(pair?.resource, `/envelopes/${envelope.slice(0, 8)}…`)
  t.match(told.mustChange[0], /^GET calls to the same envelope resource .* once every 15 minutes: 1 call /)
  const [flagged, ...others] = governed.simulator.report().polls
  t.strictSame(others, [], 'and DocuSign has flagged as many')
  t.ok(pair && flagged && Math.abs(pair.seconds - flagged.secondsSinceLast) < 0.2, 'as far apart')
})

void t.test('calls while blocked, busy envelopes and repeated downloads are counted', async t => {
  const settings = {
    GOVERNOR_LIMITS_MODE: 'observe',
    GOVERNOR_POLLING_MODE: 'observe',
    GOVERNOR_CACHE_ENABLED: 'false',
  }
  const governed = await house(t, { hourLimit: 12 }, settings)
  const app = 'archive'
  const [one = ''] = await envelopesOf(governed)
  for (const part of [
    '/recipients',
    '/documents',
    '/custom_fields',
    '/notification',
    '/documents/1',
    '/documents/1',
  ]) {
    await governed.ask(`/envelopes/${one}${part}`, { app })
  }
  t.match(await golive(governed, app), {
    busyEnvelopes: [{ what: `${one.slice(0, 8)}…`, times: 6 }],
    repeatedDownloads: [{ what: `/envelopes/${one.slice(0, 8)}…/documents/1`, times: 2 }],
    callsWhileBlocked: 0,
    couldChange: [/^Use five API calls or fewer/, /^Download a document once/],
  })
  for (const n of many(9, i => i)) await governed.ask(`/folders?n=${n}`, { app })
  const refused = governed.arrivals.length - 12
  t.equal(refused, 4)
  const told = await golive(governed, app)
  t.equal(told.callsWhileBlocked, refused - 1, 'the first refusal came as news')
  t.equal(told.callsWhileBlocked, governed.simulator.report().callsWhileBlocked, 'as DocuSign counts them')
  t.ok(told.mustChange.some(text => text.startsWith('3 calls went to DocuSign while it blocked')))
})

void t.test('a day later nothing is left of it, and a key is told from an app', t => {
  const hand = makeHandClock()
  const config = { hourWindowMs: 3_600_000, burstWindowMs: 30_000, pollIntervalMs: 900_000 }
  const goLive = makeGoLive(config, hand)
  for (let i = 0; i < 25; i++) goLive.seen(seenOf({ integration: 'the-key-of-it' }))
  goLive.seen(seenOf({}))
  t.match(goLive.report().integrations, [
    { integration: undefined, app: 'crm', run: 1 },
    { integration: 'the-key-of-it', app: 'crm', run: 25, ready: true },
  ])
  goLive.seen(seenOf({ attempts: [], outcome: 'remembered' }))
  t.equal(goLive.report().integrations[0]?.run, 1, 'a copy is no call')
  hand.pass(86_400_001)
  t.match(goLive.report().integrations[1], { run: 0, ready: false, flaggedPolls: 0 })
  t.end()

  function seenOf(more: Partial<Seen>): Seen {
    const app = { name: 'crm', label: 'crm', prefix: '/apps/crm' }
    const call: Call = {
      kind: 'call',
      method: 'GET',
      methodClass: 'read',
      target: '/restapi/v2.1/accounts/1/folders',
      path: '/restapi/v2.1/accounts/1/folders',
      query: '',
      resource: '/restapi/v2.1/accounts/1/folders',
      route: '/v2.1/accounts/{accountId}/folders',
      service: 'api',
      account: '1',
      envelope: undefined,
      app,
    }
    return {
      atMs: hand.wallMs(),
      call,
      method: 'GET',
      outcome: 'forwarded',
      status: 200,
      reason: undefined,
      durationMs: 1,
      overheadMs: 1,
      waitMs: 0,
      attempts: [{ status: 200, durationMs: 1 }],
      bytesOut: 1,
      cut: false,
      traceToken: undefined,
      ...more,
    }
  }
})
