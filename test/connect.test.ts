/** DocuSign Connect: whose word is believed at `POST /connect`, and what it changes. */
import { createHmac } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { makeCheck } from '../src/connect/signature.js'
import { readMessage } from '../src/shield/connect-message.js'
import { startGoverned, type Governed } from './fixtures/governed.js'

const KEYS = ['the-first-of-two-keys', 'test-hmac-secret'] as const
const ENVELOPE = '44c5ad6c-0000-4000-8000-ebda5e2dfe15'
const INTERVAL_S = 1

function signed(key: string, body: string | Buffer): string {
  return createHmac('sha256', key).update(body).digest('base64')
}

function sim(event: string, envelopeId: string, data: object = {}): string {
  return JSON.stringify({ event, apiVersion: 'v2.1', retryCount: 0, data: { envelopeId, ...data } })
}

async function open(test: Test, settings: Readonly<Record<string, string>> = {}): Promise<Governed> {
  const house = await startGoverned({
    docusign: {},
    settings: {
      GOVERNOR_CONNECT_HMAC_KEYS: KEYS.join(','),
      GOVERNOR_POLLING_INTERVAL: String(INTERVAL_S),
      ...settings,
    },
  })
  test.teardown(() => house.stop())
  return house
}

function deliver(house: Governed, body: string | Buffer, headers: Record<string, string>) {
  return fetch(`${house.governor.url}/connect`, { method: 'POST', body, headers })
}

const told = (house: Governed, body: string) =>
  deliver(house, body, { 'x-docusign-signature-1': signed(KEYS[1], body) })

void t.test('the signature is over the raw bytes, by any key, in any of its lines', t => {
  const body =
    '{"event":"envelope-completed","apiVersion":"v2.1","data":{"envelopeId":"44c5ad6c-0000-0000-0000-ebda5e2dfe15"}}'
  const vector = 'Q2U6g3hR+IEMy2k18AzPpyzAH+KTv6RU5qUONPUo2DQ='
  const isSigned = (bytes: string, headers: Record<string, string>, keys: readonly string[] = KEYS) => {
    const check = makeCheck(keys, headers)
    for (const piece of [bytes.slice(0, 7), bytes.slice(7)]) check?.take(Buffer.from(piece))
    return check?.isSigned() ?? false
  }
  t.ok(isSigned(body, { 'x-docusign-signature-1': vector }), 'the vector of the facts sheet')
  t.ok(
    isSigned(body, { 'x-docusign-signature-1': signed('another', body), 'x-docusign-signature-7': vector }),
  )
  t.notOk(isSigned(`${body}\n`, { 'x-docusign-signature-1': vector }), 'one more line end')
  t.notOk(isSigned(body, { 'x-docusign-signature-1': vector }, [KEYS[0]]), 'another key')
  t.notOk(isSigned(body, { 'x-docusign-signature': vector }), 'another header')
  t.notOk(isSigned(body, { 'x-docusign-signature-1': vector.slice(0, 20) }), 'a part of it')
  t.end()
})

void t.test('a message says of its envelope what stands in its own places, and nothing else', t => {
  const end = { envelope: ENVELOPE, isTerminal: true, isGone: false }
  for (const event of ['envelope-completed', 'envelope-declined', 'envelope-voided'])
    t.strictSame(readMessage(Buffer.from(sim(event, ENVELOPE.toUpperCase()))), end, event)
  const xml = (status: string) =>
    `<?xml version="1.0" encoding="utf-8"?><DocuSignEnvelopeInformation xmlns="http://www.docusign.net/API/3.0"><EnvelopeStatus><RecipientStatuses><RecipientStatus><Status>Completed</Status></RecipientStatus></RecipientStatuses><EnvelopeID>${ENVELOPE}</EnvelopeID><Status>${status}</Status></EnvelopeStatus></DocuSignEnvelopeInformation>`
  t.strictSame(readMessage(Buffer.from(xml('Completed'))), end, 'XML')
  t.equal(readMessage(Buffer.from(xml('Sent'))), undefined, "a recipient's status is not the envelope's")
  const gone = { envelope: ENVELOPE, isTerminal: false, isGone: true }
  t.strictSame(readMessage(Buffer.from(sim('envelope-purge', ENVELOPE))), gone)
  const summary = { envelopeSummary: { status: 'voided', recipients: { signers: [{ status: 'sent' }] } } }
  t.strictSame(readMessage(Buffer.from(sim('recipient-sent', ENVELOPE, summary))), end, 'its summary')
  const nothing: string[] = [
    sim('envelope-sent', ENVELOPE),
    sim('recipient-completed', ENVELOPE),
    sim('envelope-completed', 'not-an-envelope'),
    sim('envelope-completed', ENVELOPE, { envelopeSummary: { envelopeId: ENVELOPE.replace('44', '45') } }),
    sim('envelope-completed', ENVELOPE).replace('{', '{"event":"envelope-sent",'),
    sim('envelope-completed', ENVELOPE).slice(0, -1),
    JSON.stringify({ data: { envelopeId: ENVELOPE, custom: { event: 'envelope-completed' } } }),
    '',
    '[]',
  ]
  for (const text of nothing) t.equal(readMessage(Buffer.from(text)), undefined, text)
  t.end()
})

void t.test('whatever the bytes, reading a message ends and throws nothing', t => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
        fc.json().map(text => Buffer.from(text)),
        fc.string().map(text => Buffer.from(`<a>${text}`)),
      ),
      bytes => {
        const message = readMessage(bytes)
        return message === undefined || message.isTerminal || message.isGone
      },
    ),
    { numRuns: 500 },
  )
  t.pass('over random bytes, JSON and XML')
  t.end()
})

void t.test('only what one of our keys has signed is taken', async t => {
  const house = await open(t)
  const body = sim('envelope-completed', ENVELOPE)
  const status = async (headers: Record<string, string>, bytes: string | Buffer = body) =>
    (await deliver(house, bytes, headers)).status
  t.equal(await status({}), 401, 'without a signature')
  t.equal(await status({ 'x-docusign-signature-1': signed('forged', body) }), 401, 'with a forged one')
  for (const key of KEYS) t.equal(await status({ 'x-docusign-signature-1': signed(key, body) }), 200, key)
  const large = Buffer.from(sim('envelope-completed', ENVELOPE, { documents: 'x'.repeat(5_000_000) }))
  t.equal(await status({ 'x-docusign-signature-1': signed(KEYS[0], large) }, large), 200, 'a large one')
  const got = await fetch(`${house.governor.url}/connect`)
  t.equal(got.status, 405)
  t.equal(got.headers.get('allow'), 'POST')
  const metrics = await (await fetch(`http://127.0.0.1:${house.governor.adminPort}/metrics`)).text()
  for (const [result, count] of [
    ['unsigned', 2],
    ['learned', 2],
    ['unread', 1],
  ] as const)
    t.match(metrics, `docusign_governor_connect_messages_total{result="${result}"} ${count}`)
  t.equal(house.simulator.report().calls.total, 0, 'and none of it went up')
})

void t.test('without keys nobody listens, and nothing goes up', async t => {
  const house = await startGoverned({ docusign: {} })
  t.teardown(() => house.stop())
  const answer = await deliver(house, '{}', { 'x-docusign-signature-1': signed(KEYS[0], '{}') })
  t.equal(answer.status, 404)
  t.match(await answer.json(), { errorCode: 'GOVERNOR_NO_CONNECT' })
})

void t.test('what Connect says is over is read once more, and then never again', async t => {
  const house = await open(t)
  const [over = '', quiet = ''] = house.simulator.addEnvelopes({ status: 'completed', count: 2 })
  const up = async (id: string) => {
    const answer = await house.ask(`/envelopes/${id}/recipients`)
    return answer.headers['x-governor-outcome']
  }
  t.equal((await told(house, sim('envelope-completed', over))).status, 200)
  t.equal((await told(house, sim('envelope-sent', over))).status, 200, 'an older one comes after it')
  t.equal((await told(house, sim('envelope-completed', over))).status, 200, 'and the first once more')
  t.equal(await up(over), 'forwarded')
  t.equal(await up(quiet), 'forwarded')
  await pause(1000 * INTERVAL_S + 100)
  t.equal(await up(over), 'remembered', 'it was read when its end was known')
  t.equal(await up(quiet), 'forwarded', 'of this one nobody has told')
})

void t.test('what Connect says is gone is answered from no copy', async t => {
  const house = await open(t, { GOVERNOR_POLLING_INTERVAL: '900', GOVERNOR_POLLING_WITHOUT_COPY: 'pass' })
  const [purged = ''] = house.simulator.addEnvelopes({ status: 'completed' })
  const outcome = async () =>
    (await house.ask(`/envelopes/${purged}/documents/combined`)).headers['x-governor-outcome']
  await told(house, sim('envelope-completed', purged))
  t.equal(await outcome(), 'forwarded')
  t.equal(await outcome(), 'remembered')
  t.equal((await told(house, sim('envelope-purge', purged))).status, 200)
  t.equal(await outcome(), 'forwarded')
})
