/** Recordings of calls: what is in them, what is not, and what they cost nobody. */
import { unzipSync } from 'fflate'
import t, { type Test } from 'tap'
import type { Call } from '../src/base/types.js'
import { makeCaptures } from '../src/observe/captures.js'
import { redactHeaders, redactText } from '../src/observe/redact.js'
import { many, open, type Governed } from './fixtures/governed.js'
import { makeHandClock } from './fixtures/hand-clock.js'

const SECRETS = [
  'hunter2',
  'eyJhbGciOiJSUzI1NiJ9.cGF5bG9hZA.c2lnbmF0dXJl',
  'a-cookie-of-theirs',
  'one-time-code-77',
]

interface Shown {
  readonly id: string
  readonly recorded: number
  readonly state: string
}

async function start({ governor }: Governed, ask: object): Promise<{ status: number; shown: Shown }> {
  const answer = await fetch(`${governor.adminUrl}/captures`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ask),
  })
  return { status: answer.status, shown: (await answer.json()) as Shown }
}

async function unzip({ governor }: Governed, id: string): Promise<Map<string, string>> {
  const answer = await fetch(`${governor.adminUrl}/captures/${id}.zip`)
  if (answer.status !== 200) throw new Error(`the ZIP answered ${answer.status}`)
  const files = unzipSync(new Uint8Array(await answer.arrayBuffer()))
  return new Map(Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString()]))
}

interface Har {
  readonly log: {
    readonly version: string
    readonly creator: { readonly name: string; readonly version: string }
    readonly entries: readonly {
      readonly startedDateTime: string
      readonly time: number
      readonly request: {
        method: string
        url: string
        postData?: { text: string }
        headers: { name: string; value: string }[]
      }
      readonly response: { status: number; content: { size: number; text?: string; mimeType: string } }
      readonly timings: { send: number; wait: number; receive: number }
    }[]
  }
}

function house(t: Test, docusign: object = {}): Promise<Governed> {
  return open(t, { docusign: { envelopes: [{ status: 'completed', count: 1 }], ...docusign } })
}

void t.test('the calls of one app are recorded, without a secret, and open as text and as HAR', async t => {
  const governed = await house(t)
  const { status, shown } = await start(governed, { app: 'crm', requests: 6, bodies: true })
  t.equal(status, 201)
  const app = 'crm'
  const secret = {
    cookie: `session=${SECRETS[2]}`,
    'x-docusign-authentication': `{"Password":"${SECRETS[0]}"}`,
  }
  const type = { 'content-type': 'application/json' }
  await governed.ask('/folders?n=1', { app: 'another' })
  await governed.ask('/folders?n=1&token=' + SECRETS[0], { app })
  const definition = {
    status: 'created',
    emailSubject: 'A draft',
    accessCode: SECRETS[0],
    note: `Bearer ${SECRETS[1]}`,
  }
  await governed.ask('/envelopes', {
    app,
    method: 'POST',
    headers: { ...secret, ...type },
    body: JSON.stringify(definition),
  })
  await governed.ask('/envelopes/00000000-0000-4000-8000-000000000000', { app })
  await governed.ask('/no//such', { app })
  await fetch(`${governed.governor.url}/apps/crm/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: SECRETS[1] ?? '',
      code: SECRETS[3] ?? '',
    }),
  })
  const told = await governed.askDirectly('/envelopes?from_date=2020-01-01')
  const { envelopes } = JSON.parse(told.body.toString()) as { envelopes: { envelopeId: string }[] }
  const pdf = `/envelopes/${envelopes.at(-1)?.envelopeId}/documents/1`
  await governed.ask(pdf, { app, headers: { accept: 'application/pdf' } })
  await governed.ask(pdf, { app, headers: { accept: 'application/pdf' } })
  await governed.ask('/folders?n=7', { app })

  const files = await unzip(governed, shown.id)
  t.strictSame(
    [...files.keys()],
    [
      '00_OK_GetFolders.txt',
      '01_Created_PostEnvelopes.txt',
      '02_NotFound_GetEnvelope.txt',
      '03_BadRequest_Unknown.txt',
      '04_OK_GetDocument.txt',
      '05_OK_GetDocument.txt',
      'calls.har',
    ],
    'six of its calls and no more, named as DocuSign names them; what is no call at all is none',
  )
  const all = [...files.values()].join('\n')
  for (const word of [...SECRETS, governed.token]) t.notOk(all.includes(word), 'no secret is in it')
  t.match(files.get('01_Created_PostEnvelopes.txt'), 'A draft')
  t.match(
    files.get('01_Created_PostEnvelopes.txt'),
    /\nPOST http:\/\/127\.0\.0\.1:\d+\/apps\/crm\/restapi\/v2\.1\/accounts\//,
  )
  t.match(files.get('01_Created_PostEnvelopes.txt'), /\nauthorization: \[omitted\]\n/i)
  t.match(
    files.get('05_OK_GetDocument.txt'),
    /X-Governor-Outcome: remembered/i,
    'what the governor answered is there, too',
  )
  t.match(files.get('05_OK_GetDocument.txt'), /\[application\/pdf.* bytes, not a text\]/)

  const { log } = JSON.parse(files.get('calls.har') ?? '') as Har
  t.match(log, { version: '1.2', creator: { name: 'docusign-governor', version: /./ } })
  t.equal(log.entries.length, 6)
  for (const { startedDateTime, time, request, response, timings } of log.entries) {
    t.ok(Math.abs(Date.parse(startedDateTime) - Date.now()) < 60_000)
    t.ok(URL.canParse(request.url))
    t.ok(Math.abs(time - timings.send - timings.wait - timings.receive) < 0.01)
    t.ok(Number.isInteger(response.status) && typeof response.content.mimeType === 'string')
  }
  t.match(log.entries[1]?.request.postData?.text, 'A draft')
  t.match(log.entries[1]?.response.content.text, 'envelopeId')

  const gone = await fetch(`${governed.governor.adminUrl}/captures/${shown.id}`, { method: 'DELETE' })
  t.equal(gone.status, 200)
  t.equal((await fetch(`${governed.governor.adminUrl}/captures/${shown.id}.zip`)).status, 404)
})

void t.test('bodies come as they would without a recording, and are kept only if asked for', async t => {
  const governed = await house(t)
  const plain = await governed.ask('/folders?same')
  const { shown } = await start(governed, { account: governed.accounts[0]?.id, requests: 1000 })
  const recorded = await governed.ask('/folders?same')
  t.strictSame(recorded.body, plain.body)
  t.equal(recorded.status, plain.status)
  await Promise.all(many(40, n => governed.ask(`/folders?n=${n}`)))
  const files = await unzip(governed, shown.id)
  t.equal(files.size, 42)
  t.match(files.get('00_OK_GetFolders.txt'), 'bodies were not asked for')
  const wrong = [
    {},
    { requests: 0 },
    { requests: 1001 },
    { requests: 1.5 },
    { requests: 5, all: true },
    { requests: 5, app: '<b>' },
  ]
  for (const ask of wrong) t.equal((await start(governed, ask)).status, 400, JSON.stringify(ask))
  for (let i = 0; i < 7; i++) t.equal((await start(governed, { requests: 1 })).status, 201)
  t.equal((await start(governed, { requests: 1 })).status, 409, 'as many as are kept are there')
})

void t.test('a recording is bounded in bytes and in calls under way, and passes over the rest', t => {
  const call = {
    app: { name: 'crm', label: 'crm', prefix: '' },
    account: '42',
    service: 'api',
    method: 'POST',
    route: '/x',
  } as unknown as Call
  const limits = { captures: 2, bytes: 20_000, bodyBytes: 1_000, underWay: 3 }
  const captures = makeCaptures(name => name, makeHandClock(), limits)
  t.equal(captures.record(call), undefined, 'nobody records')
  const one = captures.start({ requests: 1000, bodies: true })
  const recorders = many(5, () => captures.record(call))
  t.strictSame(recorders.map(Boolean), [true, true, true, false, false])
  t.equal(one?.passedOver, 2)
  const big = Buffer.from(`{"text":"${'x'.repeat(5_000_000)}"}`)
  for (const recorder of recorders) {
    recorder?.asked('POST', '/x', ['Content-Type', 'application/json'])
    recorder?.sent(big)
    recorder?.told(200, ['Content-Type', 'application/json'])
    for (let i = 0; i < 10; i++) recorder?.passed(big)
    recorder?.ended()
  }
  t.equal(one?.recorded.length, 3)
  t.match(one?.recorded[0]?.answerBody.note, /^the first 1000 of \d+ bytes$/)
  for (let i = 0; i < 10; i++) captures.record(call)?.ended()
  t.equal(one?.state, 'full')
  t.ok((one?.bytes ?? 0) <= limits.bytes)
  t.equal(captures.record(call), undefined)
  captures.delete(one?.id ?? '')
  const two = captures.start({ requests: 1, bodies: false, account: '43' })
  t.equal(captures.record(call), undefined, 'another account')
  t.equal(two?.state, 'recording')
  t.end()
})

void t.test('secrets are removed wherever they stand, and cut off as they may be', t => {
  const texts = [
    `{"access_token":"${SECRETS[0]}","expires_in":3600}`,
    `{"a":{"refreshToken" : "${SECRETS[0]}\\"more"}}`,
    `{"clientSecret":"${SECRETS[0]}`,
    `grant_type=refresh_token&refresh_token=${SECRETS[0]}`,
    `https://demo.docusign.net/Signing/StartInSession.aspx?t=1&slt=${SECRETS[0]}`,
    `{"url":"https://demo.docusign.net/Signing/?slt=${SECRETS[0]}&x=1"}`,
    `<Password>${SECRETS[0]}</Password>`,
    `<ds:IntegratorKey a="b">${SECRETS[0]}`,
    `Authorization: Bearer ${SECRETS[0]}`,
    `free text ${SECRETS[1]} and more`,
    `?%61ccess_token=${SECRETS[0]}`,
  ]
  for (const text of texts) {
    const clean = redactText(text)
    t.match(clean, '[omitted]', text)
    for (const secret of SECRETS) t.notOk(clean.includes(secret), text)
  }
  t.equal(redactText('{"status":"sent","count":"3"}'), '{"status":"sent","count":"3"}')
  t.equal(redactText('/envelopes?from_date=2020-01-01&count=5'), '/envelopes?from_date=2020-01-01&count=5')
  const raw = [
    'Set-Cookie',
    SECRETS[2] ?? '',
    'X-DocuSign-Edit',
    `{"LockToken":"${SECRETS[0]}"}`,
    'Accept',
    'a/b',
  ]
  t.strictSame(redactHeaders(raw), [
    ['Set-Cookie', '[omitted]'],
    ['X-DocuSign-Edit', '[omitted]'],
    ['Accept', 'a/b'],
  ])
  t.end()
})
