/**
 * Promise 4: what becomes of a call that DocuSign itself refuses for a limit, because its limits were changed, or others
 * spent them, behind the governor's back.
 */
import { PassThrough } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  AT_ONCE,
  errorCode,
  many,
  numberIn,
  open,
  skewToTurnIn,
  statuses,
  type Governed,
  type Told,
} from './fixtures/governed.js'
import { until } from './fixtures/upstream.js'

const BURST = 'BURST_APIINVOCATION_LIMIT_EXCEEDED'
/** Of DocuSign's answers, those lines that differ from one to the next. */
const OWN_EACH = /^(?:date|x-docusign-tracetoken|x-(?:rate|burst)limit-remaining)$/i

const MOST_DOWNLOADS = [
  ['combined', 3],
  ['1', 10],
] as const

/** An envelope to send. @param bytes about how large its body shall be */
function envelope(subject: string, bytes = 0) {
  const document = { documentId: '1', name: 'a.pdf', documentBase64: 'QUJD'.repeat(Math.ceil(bytes / 4)) }
  const body = Buffer.from(
    JSON.stringify({ emailSubject: subject, status: 'created', documents: [document] }),
  )
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body }
}

/** How many envelopes of this subject there are. */
async function created(house: Governed, subject: string): Promise<number> {
  const told = await house.askDirectly('/envelopes?from_date=2020-01-01&count=1000')
  const { envelopes = [] } = JSON.parse(told.body.toString()) as { envelopes?: { emailSubject: string }[] }
  return envelopes.filter(({ emailSubject }) => emailSubject === subject).length
}

function arrivalsAt(house: Governed, mark: string): number {
  return house.arrivals.filter(({ target }) => target.includes(mark)).length
}

/** DocuSign's lines, those aside that no two of its answers share. */
function linesOf({ raw }: Told): string[] {
  const lines: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const isOurs = /^(?:cache-status|x-governor-.*|connection|keep-alive)$/i.test(name)
    if (!isOurs) lines.push(OWN_EACH.test(name) ? name : `${name}: ${raw[i + 1]}`)
  }
  return lines
}

function isSameAnswer(t: Test, told: Told, direct: Told): void {
  t.equal(told.status, direct.status)
  t.same(linesOf(told), linesOf(direct), 'its head is DocuSign’s')
  t.ok(told.body.equals(direct.body), 'and its body to the byte')
  t.equal(told.headers['x-governor-outcome'], 'forwarded')
  t.equal(told.headers['x-governor-refusal'], undefined)
}

for (const limitStatus of [429, 400] as const) {
  void t.test(`refused for a limit with ${limitStatus}, a call is held and sent again`, async t => {
    const limits = { hourLimit: 1_000, hourWindow: 4, burstLimit: 100, burstWindow: 0.5, limitStatus }
    const house = await open(t, { docusign: { ...limits, clockSkew: skewToTurnIn(3.5, 4) } })
    for (let i = 0; i < 4; i++) await house.ask(`?known=${i}`)

    // The burst: a read, then a write.
    await house.control('/limits', { burst: 3 })
    const read = await house.ask('?read')
    t.equal(read.status, 200)
    t.ok(read.endedMs - read.askedMs >= 500 && numberIn(read, 'x-governor-wait') > 0.4, 'it was held')
    t.equal(arrivalsAt(house, '?read'), 2, 'it was sent twice')
    await house.control('/limits', { burst: 1 })
    const write = await house.ask('/envelopes?write', envelope('once', 300))
    t.equal(write.status, 201)
    t.equal(arrivalsAt(house, '?write'), 2, 'the write as well')
    t.equal(house.simulator.report().blocked, 2)

    // The hour, of which nothing is left.
    const { hour } = { hour: house.arrivals.length }
    await house.control('/limits', { hour, burst: 100 })
    await until('the burst window to pass', () => performance.now() > write.endedMs + 550)
    const later = await house.ask('/envelopes?later', envelope('later', 300))
    t.equal(later.status, 201)
    t.equal(arrivalsAt(house, '?later'), 2)
    const turns = house.arrivals.map(({ wallMs }) => Math.floor(wallMs / 4_000))
    t.equal(turns.at(-1), (turns[0] ?? 0) + 1, 'it was sent again in the next hour')

    const { blocked, callsWhileBlocked } = house.simulator.report()
    t.equal(blocked, 3)
    t.equal(callsWhileBlocked, 0, 'nothing was sent before the end of a block')
    t.equal(await created(house, 'once'), 1)
    t.equal(await created(house, 'later'), 1)
  })
}

void t.test(
  'once DocuSign blocks, all calls of the account wait; who cannot hears DocuSign’s own word',
  async t => {
    const limits = { hourLimit: 1_000, hourWindow: 4, burstLimit: 100, burstWindow: 0.8 }
    const house = await open(t, { docusign: limits })
    for (let i = 0; i < 4; i++) await house.ask(`?known=${i}`)
    await house.control('/limits', { burst: 3 })
    const told = await house.ask('?refused', AT_ONCE)
    t.equal(errorCode(told), BURST)
    const late = await house.ask('?late', AT_ONCE)
    t.equal(late.headers['x-governor-refusal'], 'burst-spent', 'the next one is not even sent')
    t.equal(late.headers['retry-after'], '1')
    t.same(statuses(await Promise.all(many(3, i => house.ask(`?n=${i}`)))), { 200: 3 })
    const { blocked, callsWhileBlocked } = house.simulator.report()
    t.same({ blocked, callsWhileBlocked }, { blocked: 1, callsWhileBlocked: 0 })

    await house.control('/limits', { hour: 0, burst: 100 })
    await until('the burst window to pass', () => performance.now() > late.endedMs + 1_700)
    isSameAnswer(t, await house.ask('?own', AT_ONCE), await house.askDirectly('?own'))
  },
)

void t.test(
  'an upload is sent again where it was kept; DocuSign’s refusal passes where it was not',
  async t => {
    const limits = { hourLimit: 1_000, hourWindow: 4, burstLimit: 3, burstWindow: 0.6 }
    const settings = { GOVERNOR_LIMITS_BURST_LIMIT: '100', GOVERNOR_LIMITS_LEARN: 'false' }
    const house = await open(t, { docusign: limits, settings })
    const fill = () => Promise.all(many(3, () => house.askDirectly('?fill')))
    const chunked = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
    const kept = [
      envelope('a', 200_000),
      { ...envelope('b', 200_000), headers: chunked },
      envelope('c', 700_000),
    ]
    for (const [i, asking] of kept.entries()) {
      await fill()
      const told = await house.ask(`/envelopes?kept=${i}`, asking)
      t.equal(told.status, 201, `${asking.body.length} bytes`)
      t.equal(arrivalsAt(house, `?kept=${i}`), 2, 'sent twice')
    }
    await fill()
    const large = await house.ask('/envelopes?large', envelope('d', 5_000_000))
    const direct = await house.askDirectly('/envelopes?large', envelope('d', 5_000_000))
    t.equal(errorCode(large), BURST)
    isSameAnswer(t, large, direct)
    await until('the burst window to pass', () => performance.now() > direct.endedMs + 650)
    t.same(await Promise.all(['a', 'b', 'c', 'd'].map(subject => created(house, subject))), [1, 1, 1, 0])
  },
)

void t.test('444 stops everything to that host, for every account', async t => {
  const house = await open(t, { docusign: {} })
  const [one, other] = house.accounts
  await Promise.all([one, other].map(account => house.ask(`//accounts/${account?.id}`)))
  house.simulator.faults.set([{ kind: 'status', status: 444, body: 'html', times: 1 }])
  const told = await house.ask('?blocked')
  t.equal(told.status, 444, 'DocuSign’s own word passes')
  const before = house.simulator.report().arrivals
  const after = await Promise.all([
    house.ask(''),
    house.ask(`//accounts/${other?.id}`),
    house.ask('/envelopes', envelope('never')),
    house.ask('//diagnostics/request_logs'),
  ])
  for (const refused of after) {
    t.equal(refused.status, 503)
    t.equal(refused.headers['x-governor-refusal'], 'upstream-blocked')
    t.equal(errorCode(refused), 'GOVERNOR_UPSTREAM_BLOCKED')
    const seconds = numberIn(refused, 'retry-after')
    t.ok(seconds > 50 && seconds <= 60, `for ${seconds} s more`)
  }
  t.equal(house.simulator.report().arrivals, before, 'and nothing has gone there')
})

void t.test('an envelope that was asked for too often rests alone', async t => {
  const limits = { hourLimit: 1_000, hourWindow: 4, burstLimit: 100, burstWindow: 0.8 }
  // Its own rule of polls would spare the envelope those that DocuSign is to refuse.
  const settings = { GOVERNOR_POLLING_MODE: 'observe' }
  const docusign = { ...limits, envelopePollingBurst: 2, envelopeUpdateBurst: 1 }
  const house = await open(t, { docusign, settings })
  const [tired = '', fresh = ''] = house.simulator.addEnvelopes({ count: 2, status: 'sent' })
  const read = (id: string, what = '') => house.ask(`/envelopes/${id}${what}`)
  const update = { ...envelope(''), method: 'PUT', body: Buffer.from('{"emailSubject":"new"}') }
  for (let i = 0; i < 2; i++) await read(tired, '/recipients')
  const startedMs = performance.now()
  const held = read(tired)
  await until('DocuSign to refuse it', () => house.simulator.report().blocked === 1)
  const early = await house.ask(`/envelopes/${tired}/documents`, AT_ONCE)
  t.equal(early.headers['x-governor-refusal'], 'poll-too-soon')
  t.equal(errorCode(early), 'HOURLY_ENVELOPE_POLLING_LIMIT_EXCEEDED')
  const others = await Promise.all([read(fresh), house.ask(`/envelopes/${tired}`, update), house.ask('')])
  t.same(statuses(others), { 200: 3 }, 'another one, a write to it, and the account’s other calls pass')
  for (const other of others) t.equal(other.headers['x-governor-wait'], undefined, 'at once')
  const told = await held
  t.equal(told.status, 200)
  t.ok(told.endedMs - startedMs >= 800, 'the refused one went again when its window had passed')
  // Its writes have a limit of their own.
  const again = await house.ask(`/envelopes/${tired}?again`, update)
  t.equal(again.status, 200)
  const { blocked, callsWhileBlocked } = house.simulator.report()
  t.ok(blocked <= 2 && callsWhileBlocked === 0, `${blocked} were refused`)
})

void t.test('of one document, no more downloads are in progress than DocuSign allows', async t => {
  // Each is another's question, so that none is answered by what another brings, nor goes on when its asker has left.
  const settings = { GOVERNOR_POLLING_MODE: 'observe', GOVERNOR_CACHE_ENABLED: 'false' }
  const house = await open(t, { docusign: {}, settings })
  const [id = ''] = house.simulator.addEnvelopes({ status: 'completed', documentBytes: 100_000 })
  await house.ask('')
  for (const [document, most] of MOST_DOWNLOADS) {
    const path = `/envelopes/${id}/documents/${document}`
    house.simulator.faults.set([{ kind: 'stall-mid-body' }])
    const downloads = many(most + 4, i => house.send(`${path}?n=${i}`))
    await until(`${most} to be in progress`, () => arrivalsAt(house, path) === most)
    await until(
      'all to have come in',
      () => house.entries.filter(one => one.includes(path)).length === most + 4,
    )
    await house.ask('?meanwhile', { ...AT_ONCE, method: 'HEAD' })
    t.equal(arrivalsAt(house, path), most, `${most} of ${document} are in progress; the others wait`)
    downloads[0]?.leave()
    await until('the next one to begin', () => arrivalsAt(house, path) === most + 1)
    house.simulator.faults.clear()
    for (const { leave } of downloads.slice(1, most + 1)) leave()
    const rest = await Promise.all(downloads.slice(most + 1).map(({ told }) => told))
    t.same(statuses(rest), { 200: 3 })
  }
  const { worstCombined, worstOther, blocked } = house.simulator.report().inProgressDownloads
  t.same({ worstCombined, worstOther, blocked }, { worstCombined: 3, worstOther: 10, blocked: 0 })
})

void t.test(
  'who waits before a gate is counted among those who wait, and there is room for so many',
  async t => {
    const settings = { GOVERNOR_QUEUE_MAX_LENGTH: '2', GOVERNOR_QUEUE_MAX_WAIT: '10' }
    const limits = { hourLimit: 1_000, hourWindow: 60, burstLimit: 100, burstWindow: 3 }
    const off = { GOVERNOR_POLLING_MODE: 'observe', GOVERNOR_CACHE_ENABLED: 'false' }
    const docusign = { ...limits, envelopePollingBurst: 1 }
    const house = await open(t, { docusign, settings: { ...settings, ...off } })
    const [tired = ''] = house.simulator.addEnvelopes({ status: 'sent' })
    const read = (n: number) => house.send(`/envelopes/${tired}?n=${n}`)
    await read(0).told
    const held = [read(1)]
    await until('DocuSign to refuse it', () => house.simulator.report().blocked === 1)
    held.push(read(2))
    const status = async () => {
      const { accounts } = (await (await fetch(`${house.governor.adminUrl}/status`)).json()) as {
        accounts: { account: string; queue: { length: number; oldestWaitSeconds: number } }[]
      }
      return accounts.find(({ account }) => account === house.accounts[0]?.id)?.queue
    }
    for (let tries = 0; tries < 100 && (await status())?.length !== 2; tries++) await pause(5)
    t.match(await status(), { length: 2 })
    const third = await read(3).told
    t.equal(third.headers['x-governor-refusal'], 'queue-full')
    t.ok(numberIn(third, 'retry-after') >= 1 && numberIn(third, 'retry-after') <= 3)
    for (const { leave } of held) leave()
    for (let tries = 0; tries < 100 && (await status())?.length !== 0; tries++) await pause(5)
    t.match(await status(), { length: 0 }, 'and whoever leaves is gone')
  },
)

void t.test('an upload that DocuSign refuses before it has all come in is sent again as well', async t => {
  const limits = { hourLimit: 1_000, hourWindow: 4, burstLimit: 3, burstWindow: 0.6 }
  const settings = { GOVERNOR_LIMITS_BURST_LIMIT: '100', GOVERNOR_LIMITS_LEARN: 'false' }
  const house = await open(t, { docusign: limits, settings })
  await Promise.all(many(3, () => house.askDirectly('?fill')))
  const { headers, ...asking } = envelope('slow', 200_000)
  const body = new PassThrough()
  const length = { ...headers, 'content-length': String(asking.body.length) }
  const sending = house.ask('/envelopes?slow', { method: 'POST', headers: length, body })
  body.write(asking.body.subarray(0, 100_000))
  await until('DocuSign to refuse it', () => house.simulator.report().blocked === 1)
  await house.ask('?', { method: 'HEAD', headers: { prefer: 'wait=0' } })
  body.end(asking.body.subarray(100_000))
  const told = await sending
  t.equal(told.status, 201)
  t.equal(await created(house, 'slow'), 1)
})

void t.test('what is no limit of calls passes, whatever its status', async t => {
  const house = await open(t, { docusign: {} })
  await house.ask('')
  const signers = many(101, i => ({ recipientId: String(i + 1), name: 'A', email: 'a@example.com' }))
  const body = JSON.stringify({ emailSubject: 'crowd', status: 'sent', recipients: { signers } })
  const told = await house.ask('/envelopes', { ...envelope(''), body })
  t.equal(told.status, 400)
  t.equal(errorCode(told), 'RECIPIENT_LIMIT_EXCEEDED')
  t.equal((await house.ask('', AT_ONCE)).status, 200, 'and nobody waits for it')
})

void t.test(
  'what waits for a connection when DocuSign says no does not go up before the block ends',
  async t => {
    const docusign = { hourLimit: 1_000, burstLimit: 100, burstWindow: 1, latencyMs: 60 }
    // Half of the connections are one account's: four calls are on their way at once, the rest wait for those.
    const house = await open(t, { docusign, settings: { GOVERNOR_UPSTREAM_MAX_SOCKETS: '8' } })
    await house.ask('?known')
    await house.control('/limits', { burst: 1 })
    const told = many(24, i => house.ask(`?crowd=${i}`, AT_ONCE))
    await Promise.all(told)
    const { blocked } = house.simulator.report()
    t.ok(blocked >= 1, `DocuSign refused ${blocked}`)
    // A place is free when an answer has ended, and its word is read in the same moment: the next may just have gone.
    t.ok(blocked <= 8, `and hardly more than were on their way (${blocked})`)
    t.ok(arrivalsAt(house, '?crowd') <= 9, `${arrivalsAt(house, '?crowd')} of 24 went up`)
  },
)
