import { spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import docusign from 'docusign-esign'
import type { Test } from 'tap'
import t from 'tap'
import { makeSystemClock } from '../src/base/clock.js'
import type { SimulatorOptions } from '../src/simulator/options.js'
import { makeSimulator } from '../src/simulator/simulator.js'
import { ROOT, startGovernor } from './fixtures/governor.js'

/** What the SDK hands to a callback: its own reading of the answer, and axios' answer beneath it. */
interface Response {
  readonly status: number
  readonly headers: Record<string, string>
  readonly data: unknown
  readonly request: { readonly path: string; readonly method: string }
}
type SdkError = Error & { readonly code?: string; readonly response?: Response }
type Heard = (error: SdkError | null, data: unknown, response: Response) => void
type Api = Record<string, (...args: unknown[]) => unknown>
type Family = 'EnvelopesApi' | 'AccountsApi' | 'TemplatesApi' | 'FoldersApi' | 'DiagnosticsApi' | 'UsersApi'
const sdk = docusign as typeof docusign & Record<Family, new (client: unknown) => Api>

/** One answer, as an app gets it. */
interface Told {
  readonly status: number
  readonly headers: Record<string, string>
  readonly data: unknown
  readonly path: string
  readonly method: string
}

interface Asking {
  readonly url: string
  readonly token: string
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

/** Calls an operation of the official SDK; an error of DocuSign's is an answer, too. Rejects where there is none. */
function ask(how: Asking, family: Family, operation: string, ...args: unknown[]): Promise<Told> {
  const client = new sdk.ApiClient()
  client.setBasePath(`${how.url}/restapi`)
  client.timeout = how.timeoutMs ?? 20_000
  client.addDefaultHeader('Authorization', `Bearer ${how.token}`)
  for (const [name, value] of Object.entries(how.headers ?? {})) client.addDefaultHeader(name, value)
  const api = new sdk[family](client)
  return new Promise((resolve, reject) => {
    const heard: Heard = (error, data, response) => {
      const answer = error ? error.response : response
      // A 200 that broke off is an error, too, and has its head with it.
      if (!answer || (error && answer.status < 400)) return reject(error ?? new Error('no answer'))
      const { status, headers, request } = answer
      const { path, method } = request
      const told = { status, headers: { ...headers }, path, method }
      if (!error) return resolve({ ...told, data })
      // The error of a download is a stream that nobody has read.
      if (!(answer.data instanceof Readable)) return resolve({ ...told, data: answer.data })
      buffer(answer.data).then(data => resolve({ ...told, data: data.toString() }), reject)
    }
    api[operation]?.(...args, heard)
  })
}

interface Wire {
  readonly status: number | undefined
  /** Name and value in turn, as they came. */
  readonly lines: readonly string[]
  readonly bytes: Buffer
}

/** One request without a client's help: what comes back is what was on the wire. */
function wire(url: string, method: string, headers: Record<string, string>, body?: Readable): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, answer => {
      const { statusCode: status, rawHeaders: lines } = answer
      buffer(answer).then(bytes => resolve({ status, lines, bytes }), reject)
    })
    request.on('error', reject)
    if (body) body.pipe(request)
    else request.end()
  })
}

const OURS = ['cache-status', 'x-governor-outcome']
/** Beside an error that can be explained. */
const HINT = 'x-governor-hint'
/** Of one connection, or of one moment. */
const ELSEWHERE = new Set(['connection', 'keep-alive', 'date', 'x-docusign-tracetoken'])
const COUNTERS = ['x-ratelimit-remaining', 'x-burstlimit-remaining']
const AN_ENVELOPE = /\/envelopes\/[0-9a-f-]{36}\b/i
/** `cache.maxEntryBytes`. */
const MOST_KEPT = 16_777_216

/** What the governor says of an answer that went up for it. */
function forwarded({ method, path, status, headers }: Told): Record<string, string> {
  const isKept = status === 200 && !(Number(headers['content-length']) > MOST_KEPT)
  const isTracked = method === 'GET' && AN_ENVELOPE.test(path)
  const how = isTracked ? (isKept ? 'fwd=miss; stored' : 'fwd=miss') : 'fwd=bypass'
  return { 'cache-status': `docusign-governor; ${how}`, 'x-governor-outcome': 'forwarded' }
}

function pick(headers: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)))
}

/** Whatever must be the same on both ways. */
function steady(headers: Record<string, string>): Record<string, string> {
  const moving = new Set([...ELSEWHERE, ...COUNTERS, ...OURS, HINT])
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !moving.has(name)))
}

/** `through` was asked right after `direct`, so that DocuSign has counted one call more. */
function areSame(t: Test, direct: Told, through: Told): void {
  t.equal(through.status, direct.status, 'status')
  if (Buffer.isBuffer(direct.data)) t.ok(direct.data.equals(through.data as Buffer), 'bytes')
  else t.strictSame(through.data, direct.data, 'data')
  t.strictSame(steady(through.headers), steady(direct.headers), 'headers')
  t.strictSame(pick(through.headers, OURS), forwarded(through), 'with two lines of the governor')
  t.match(through.headers, { date: /GMT$/, 'x-docusign-tracetoken': /^[0-9a-f-]{36}$/ })
  for (const name of COUNTERS) {
    const before = direct.headers[name]
    t.equal(
      through.headers[name],
      before && String(Math.max(0, Number(before) - 1)),
      `${name} has moved by one`,
    )
  }
}

/** The bytes of the body and the lines of the head: their spelling, their order, nothing lost and nothing added. */
function areSameOnTheWire(t: Test, direct: Wire, through: Wire): void {
  const shown = ({ lines }: Wire) => {
    const pairs = lines.flatMap((name, at) => (at % 2 === 0 ? [[name, lines[at + 1] ?? ''] as const] : []))
    return pairs.flatMap(([name, value]) => {
      const key = name.toLowerCase()
      if (key === 'connection' || key === 'keep-alive' || OURS.includes(key)) return []
      return [ELSEWHERE.has(key) || COUNTERS.includes(key) ? name : `${name}: ${value}`]
    })
  }
  t.equal(through.status, direct.status)
  t.strictSame(shown(through), shown(direct), 'the same lines on the wire')
  t.ok(through.bytes.equals(direct.bytes), `the same ${direct.bytes.length} bytes on the wire`)
}

const PEM = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()
/** No window ends during a test, so that the counters only fall. */
const ENDLESS = { hourLimit: 100_000, hourWindow: 1e9, burstLimit: 100_000, burstWindow: 1e9 }
/** Whatever is asked goes up, be it asked again and again: what passes is looked at here, and what is spared elsewhere. */
const NO_INTERVAL = { GOVERNOR_POLLING_INTERVAL: '0' }

async function open(t: Test, some: Partial<SimulatorOptions> = {}, variables: Record<string, string> = {}) {
  const options = { ...ENDLESS, apps: 1, integrationKeyPems: [PEM], ...some }
  const simulator = makeSimulator(options, makeSystemClock())
  const { url } = await simulator.start()
  t.teardown(() => simulator.stop())
  const governor = await startGovernor(url, { ...NO_INTERVAL, ...variables })
  t.teardown(() => governor.stop())
  const { users, accounts } = simulator.credentials()
  const account = accounts[0]?.accountId ?? ''
  const userId = users[0]?.userId ?? ''
  const token = simulator.issueToken(userId)
  const control = (path: string, body: unknown) =>
    fetch(`${url}/_sim${path}`, { method: 'POST', body: JSON.stringify(body) })
  /** Asks DocuSign, then DocuSign through the governor. */
  const both = async (family: Family, operation: string, ...args: unknown[]) => {
    const direct = await ask({ url, token }, family, operation, ...args)
    return { direct, through: await ask({ url: governor.url, token }, family, operation, ...args) }
  }
  return { simulator, governor, url, account, accounts, userId, token, control, both }
}

const SIGNER = { name: 'Sue Igner', email: 'sue@example.com', clientUserId: '1001' }
function definition(document: Buffer, status = 'sent') {
  return {
    status,
    emailSubject: 'Please sign: Grüße',
    documents: [{ documentId: '1', name: 'NDA', documentBase64: document.toString('base64') }],
    recipients: {
      signers: [{ recipientId: '1', ...SIGNER, tabs: { textTabs: [{ tabLabel: 'City', value: 'Graz' }] } }],
    },
    customFields: { textCustomFields: [{ name: 'Deal', value: '4711' }] },
  }
}
const viewRequest = {
  recipientViewRequest: {
    returnUrl: 'https://app.example.com/back',
    authenticationMethod: 'none',
    userName: SIGNER.name,
    email: SIGNER.email,
    clientUserId: SIGNER.clientUserId,
  },
}
const envelopeIdOf = (told: Told) => (told.data as { envelopeId: string }).envelopeId
const pdf = Buffer.concat([Buffer.from('%PDF-1.4\n'), randomBytes(40_000)])

void t.test('whatever the SDK reads, it reads the same through the governor, to the byte', async t => {
  const { simulator, governor, url, account, token, both } = await open(t)
  simulator.addEnvelopes({ count: 30, status: 'completed' })
  const how = { url, token }
  await ask(how, 'DiagnosticsApi', 'updateRequestLogSettings', {
    diagnosticsSettingsInformation: { apiRequestLogging: 'true', apiRequestLogMaxEntries: '50' },
  })
  const options = { envelopeDefinition: definition(pdf) }
  const id = envelopeIdOf(await ask(how, 'EnvelopesApi', 'createEnvelope', account, options))
  const templates = (await ask(how, 'TemplatesApi', 'listTemplates', account, {})).data as {
    envelopeTemplates: { templateId: string }[]
  }
  const logs = (await ask(how, 'DiagnosticsApi', 'listRequestLogs', {})).data as {
    apiRequestLogs: { requestLogId: string }[]
  }
  const templateId = templates.envelopeTemplates[0]?.templateId
  const requestLogId = logs.apiRequestLogs[0]?.requestLogId

  const reads: [Family, string, ...unknown[]][] = [
    ['EnvelopesApi', 'getEnvelope', account, id, {}],
    [
      'EnvelopesApi',
      'getEnvelope',
      account,
      id.toUpperCase(),
      { include: 'recipients,documents,custom_fields' },
    ],
    ['EnvelopesApi', 'listStatusChanges', account, { fromDate: '2000-01-01T00:00:00+00:00' }],
    ['EnvelopesApi', 'listStatusChanges', account, { envelopeIds: `${id},${id}`, include: 'recipients' }],
    ['EnvelopesApi', 'listRecipients', account, id, { includeTabs: 'true' }],
    ['EnvelopesApi', 'listDocuments', account, id, {}],
    ['EnvelopesApi', 'getDocument', account, id, '1', {}],
    ['EnvelopesApi', 'getDocument', account, id, 'combined', { certificate: 'true' }],
    ['EnvelopesApi', 'getDocument', account, id, 'certificate', {}],
    ['EnvelopesApi', 'getDocument', account, id, 'archive', {}],
    ['EnvelopesApi', 'listCustomFields', account, id],
    ['EnvelopesApi', 'getFormData', account, id],
    ['EnvelopesApi', 'getNotificationSettings', account, id],
    ['EnvelopesApi', 'listAuditEvents', account, id, {}],
    ['TemplatesApi', 'listTemplates', account, {}],
    ['TemplatesApi', 'get', account, templateId, {}],
    ['AccountsApi', 'getAccountInformation', account, { includeAccountSettings: 'true' }],
    ['UsersApi', 'list', account, {}],
    ['FoldersApi', 'list', account, {}],
    ['FoldersApi', 'listItems', account, 'sentitems', {}],
    ['DiagnosticsApi', 'listRequestLogs', {}],
    ['DiagnosticsApi', 'getRequestLog', requestLogId],
    ['DiagnosticsApi', 'getRequestLogSettings'],
  ]
  for (const [family, operation, ...args] of reads) {
    await t.test(`${family}.${operation}`, async t => {
      const { direct, through } = await both(family, operation, ...args)
      t.equal(direct.status, 200)
      areSame(t, direct, through)
      const headers = {
        authorization: `Bearer ${token}`,
        'accept-encoding': 'gzip',
        accept: operation === 'getDocument' ? 'application/pdf' : 'application/json',
      }
      const plain = await wire(url + direct.path, 'GET', headers)
      areSameOnTheWire(t, plain, await wire(governor.url + direct.path, 'GET', headers))
    })
  }

  await t.test('a list large enough is compressed, and passes as it was compressed', async t => {
    const path = `/restapi/v2.1/accounts/${account}/envelopes?from_date=2000-01-01`
    const gzip = { authorization: `Bearer ${token}`, 'accept-encoding': 'gzip' }
    const packed = await wire(governor.url + path, 'GET', gzip)
    const bare = await wire(governor.url + path, 'GET', { ...gzip, 'accept-encoding': 'identity' })
    t.ok(packed.lines.includes('gzip') && packed.bytes.length < bare.bytes.length)
    t.ok(gunzipSync(packed.bytes).equals(bare.bytes))
  })

  await t.test('PUT /envelopes/status, a read in the clothes of a write', async t => {
    const request = { envelopeIds: 'request_body', envelopeIdsRequest: { envelopeIds: [id] } }
    const { direct, through } = await both('EnvelopesApi', 'listStatus', account, request)
    t.match(direct, { status: 200, data: { envelopes: [{ envelopeId: id, status: 'sent' }] } })
    areSame(t, direct, through)
  })

  await t.test('a document in base64', async t => {
    const base64 = { token, headers: { 'Content-Transfer-Encoding': 'base64' } }
    const read = ['EnvelopesApi', 'getDocument', account, id, '1', {}] as const
    const direct = await ask({ ...base64, url }, ...read)
    t.equal(direct.data, pdf.toString('base64'))
    t.equal(direct.headers['content-transfer-encoding'], 'base64')
    areSame(t, direct, await ask({ ...base64, url: governor.url }, ...read))
  })

  await t.test('the base URI with an app in it leads to the same', async t => {
    const direct = await ask({ url, token }, 'EnvelopesApi', 'getEnvelope', account, id, {})
    const app = { url: `${governor.url}/apps/mine`, token }
    areSame(t, direct, await ask(app, 'EnvelopesApi', 'getEnvelope', account, id, {}))
  })
})

void t.test(
  'whatever the SDK writes through the governor is done as if it had been written directly',
  async t => {
    const { governor, url, account, token, both } = await open(t)
    const twins = async (status: string) => {
      const made = await both('EnvelopesApi', 'createEnvelope', account, {
        envelopeDefinition: definition(pdf, status),
      })
      return { ...made, directId: envelopeIdOf(made.direct), throughId: envelopeIdOf(made.through) }
    }
    /** The answers of two writes, where each speaks of its own envelope. */
    const areTwins = (
      t: Test,
      { direct, through, directId, throughId }: Awaited<ReturnType<typeof twins>>,
    ) => {
      const text = JSON.stringify(through.data).replaceAll(throughId, directId)
      const data = JSON.parse(text.replace(/"(\w*DateTime)":"[^"]*"/g, '"$1":"then"')) as unknown
      const then = JSON.stringify(direct.data).replace(/"(\w*DateTime)":"[^"]*"/g, '"$1":"then"')
      const length = direct.headers['content-length']
      t.equal(through.headers['content-length'], length)
      areSame(t, { ...direct, data: JSON.parse(then) as unknown }, { ...through, data })
    }
    /** Reads the same envelope both ways. */
    const read = async (t: Test, id: string) => {
      const { direct, through } = await both('EnvelopesApi', 'getEnvelope', account, id, {
        include: 'recipients,folders',
      })
      areSame(t, direct, through)
      return through.data as Record<string, unknown>
    }

    await t.test('create', async t => {
      const made = await twins('sent')
      t.equal(made.through.status, 201)
      areTwins(t, made)
      t.match(await read(t, made.throughId), { status: 'sent', emailSubject: 'Please sign: Grüße' })
      const { data } = await ask(
        { url, token },
        'EnvelopesApi',
        'getDocument',
        account,
        made.throughId,
        '1',
        {},
      )
      t.ok(pdf.equals(data as Buffer), 'the document arrived as it was')
    })

    await t.test('send a draft, then void it', async t => {
      const made = await twins('created')
      for (const envelope of [{ status: 'sent' }, { status: 'voided', voidedReason: 'wrong price' }]) {
        const direct = await ask({ url, token }, 'EnvelopesApi', 'update', account, made.directId, {
          envelope,
        })
        const how = { url: governor.url, token }
        const through = await ask(how, 'EnvelopesApi', 'update', account, made.throughId, { envelope })
        t.equal(through.status, 200)
        areTwins(t, { ...made, direct, through })
      }
      t.match(await read(t, made.throughId), { status: 'voided', voidedReason: 'wrong price' })
    })

    await t.test('put the bytes of a document into a draft', async t => {
      const { throughId } = await twins('created')
      const bytes = randomBytes(20_000)
      const put = await both('EnvelopesApi', 'updateDocument', bytes, account, throughId, '2')
      t.equal(put.direct.status, 200)
      areSame(t, put.direct, put.through)
      const { data } = await ask({ url, token }, 'EnvelopesApi', 'getDocument', account, throughId, '2', {})
      t.ok(bytes.equals(data as Buffer))
    })

    await t.test('add custom fields', async t => {
      const made = await twins('sent')
      const fields = { customFields: { textCustomFields: [{ fieldId: '7', name: 'Region', value: 'EU' }] } }
      const added = await both('EnvelopesApi', 'createCustomFields', account, made.throughId, fields)
      t.equal(added.direct.status, 201)
      areSame(t, added.direct, added.through)
    })

    await t.test('ask for a page to sign on', async t => {
      const { throughId } = await twins('sent')
      const { direct, through } = await both(
        'EnvelopesApi',
        'createRecipientView',
        account,
        throughId,
        viewRequest,
      )
      const page = (told: Told) => (told.data as { url: string }).url
      t.equal(through.status, 201)
      t.match(page(through), new RegExp(`^${url}/Signing/`), 'the page is DocuSign, not the governor')
      const hidden = (told: Told) => ({ ...told, data: page(told).replace(/[^/]+$/, 'ticket') })
      areSame(t, hidden(direct), hidden(through))
      const signed = await fetch(page(through), { redirect: 'manual' })
      t.equal(signed.headers.get('location'), 'https://app.example.com/back?event=signing_complete')
      t.match(await read(t, throughId), { status: 'completed' })
    })

    await t.test('move to the recycle bin', async t => {
      const made = await twins('sent')
      const how = { url: governor.url, token }
      const bin = (id: string) => ({ foldersRequest: { envelopeIds: [id] } })
      const move = ['FoldersApi', 'moveEnvelopes', account, 'recyclebin'] as const
      const direct = await ask({ url, token }, ...move, bin(made.directId))
      const through = await ask(how, ...move, bin(made.throughId))
      t.equal(through.status, 200)
      areTwins(t, { ...made, direct, through })
      t.match(await read(t, made.throughId), { status: 'voided' })
    })
  },
)

void t.test("DocuSign's errors reach the SDK as DocuSign gave them", async t => {
  // Limits kept, a block would be waited for before the next call goes up.
  const observed = { GOVERNOR_LIMITS_MODE: 'observe' }
  const { simulator, governor, url, account, control, both } = await open(t, {}, observed)
  const [id = ''] = simulator.addEnvelopes({ status: 'completed' })
  const none = '00000000-0000-4000-8000-000000000000'

  await t.test('401 for a token that is none', async t => {
    const read = ['EnvelopesApi', 'getEnvelope', account, id, {}] as const
    const direct = await ask({ url, token: 'expired' }, ...read)
    t.match(direct, { status: 401, data: { errorCode: 'AUTHORIZATION_INVALID_TOKEN' } })
    areSame(t, direct, await ask({ url: governor.url, token: 'expired' }, ...read))
  })
  await t.test('400 with an errorCode for a read', async t => {
    const { direct, through } = await both('EnvelopesApi', 'listStatusChanges', account, { status: 'sent' })
    t.match(direct, { status: 400, data: { errorCode: 'INVALID_REQUEST_PARAMETER', message: /from_date/ } })
    areSame(t, direct, through)
  })
  await t.test('400 with an errorCode for a write', async t => {
    const envelope = { status: 'voided', voidedReason: 'too late' }
    const { direct, through } = await both('EnvelopesApi', 'update', account, id, { envelope })
    t.match(direct, { status: 400, data: { errorCode: 'ENVELOPE_CANNOT_VOID_INVALID_STATE' } })
    areSame(t, direct, through)
  })
  await t.test('404 in the place of a PDF', async t => {
    const { direct, through } = await both('EnvelopesApi', 'getDocument', account, none, '1', {})
    t.equal(direct.status, 404)
    t.match(direct.data, /"errorCode":"ENVELOPE_DOES_NOT_EXIST"/)
    areSame(t, direct, through)
  })
  await t.test('404 for an envelope', async t => {
    const { direct, through } = await both('EnvelopesApi', 'getEnvelope', account, none, {})
    t.match(direct, { status: 404, data: { errorCode: 'ENVELOPE_DOES_NOT_EXIST' } })
    areSame(t, direct, through)
  })
  for (const body of ['html', 'json', 'empty'] as const) {
    await t.test(`503 with a body of ${body}`, async t => {
      simulator.faults.set([{ kind: 'status', status: 503, body, times: 2 }])
      const { direct, through } = await both('EnvelopesApi', 'getEnvelope', account, id, {})
      t.equal(direct.status, 503)
      areSame(t, direct, through)
    })
  }
  await t.test('444 of its traffic management', async t => {
    simulator.faults.set([{ kind: 'status', status: 444, body: 'html', headers: 'missing', times: 2 }])
    const { direct, through } = await both('EnvelopesApi', 'getEnvelope', account, id, {})
    t.equal(direct.status, 444)
    areSame(t, direct, through)
  })
  for (const [window, limits, code] of [
    ['hour', { hour: 0 }, 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED'],
    ['burst', { burst: 0, hour: 100_000 }, 'BURST_APIINVOCATION_LIMIT_EXCEEDED'],
  ] as const) {
    await t.test(`429 for the ${window}`, async t => {
      await control('/limits', { account, ...limits })
      const { direct, through } = await both('EnvelopesApi', 'getEnvelope', account, id, {})
      t.match(direct, { status: 429, data: { errorCode: code } })
      t.match(direct.headers, { 'x-ratelimit-reset': /^\d{10}$/ })
      areSame(t, direct, through)
    })
  }
})

void t.test('silence and broken answers look to the SDK as they do without the governor', async t => {
  const { simulator, governor, url, account, token } = await open(t)
  // Each asks for its own: what was asked stays asked when an impatient SDK has left, and brings what others get.
  const [slow = '', broken = '', silent = ''] = simulator.addEnvelopes({ count: 3, status: 'completed' })
  const failure = async (how: Asking, id: string) => {
    try {
      const told = await ask(how, 'EnvelopesApi', 'getEnvelope', account, id, {})
      return { code: `an answer ${told.status}`, message: '' }
    } catch (error) {
      const { code, message } = error as SdkError
      return { code, message }
    }
  }

  await t.test("an SDK's own timeout", async t => {
    simulator.faults.set([{ kind: 'stall' }])
    const direct = await failure({ url, token, timeoutMs: 300 }, slow)
    t.strictSame(direct, { code: 'ECONNABORTED', message: 'timeout of 300ms exceeded' })
    t.strictSame(await failure({ url: governor.url, token, timeoutMs: 300 }, slow), direct)
  })
  await t.test('an answer that breaks off', async t => {
    simulator.faults.set([{ kind: 'reset-mid-body' }])
    const direct = await failure({ url, token }, broken)
    t.equal(direct.code, 'ECONNRESET')
    const through = await failure({ url: governor.url, token }, broken)
    t.equal(through.code, direct.code, 'what an app acts on')
    // Node 24 has another word for a reset than for an early end, and the governor ends what it cuts.
    if (Number(process.versions.node.split('.')[0]) <= 20) t.strictSame(through, direct)
    const path = `/restapi/v2.1/accounts/${account}/envelopes/${broken}/documents/combined`
    const headers = { authorization: `Bearer ${token}` }
    await t.rejects(wire(url + path, 'GET', headers))
    await t.rejects(wire(governor.url + path, 'GET', headers), 'half a PDF never ends as a whole one')
  })
  await t.test("DocuSign's silence beyond upstream.responseTimeout is a 504 that names itself", async t => {
    const impatient = await startGovernor(url, { GOVERNOR_UPSTREAM_RESPONSE_TIMEOUT: '0.2' })
    t.teardown(() => impatient.stop())
    simulator.faults.set([{ kind: 'stall' }])
    const told = await ask({ url: impatient.url, token }, 'EnvelopesApi', 'getEnvelope', account, silent, {})
    t.match(told, {
      status: 504,
      data: { errorCode: 'GOVERNOR_UPSTREAM_TIMEOUT', message: /did not answer in time/ },
      headers: {
        'content-type': 'application/json',
        'x-governor-outcome': 'failed',
        'x-governor-refusal': 'upstream-timeout',
        'cache-status': 'docusign-governor; detail=upstream-timeout',
        'retry-after': /^[1-9]/,
      },
    })
  })
})

void t.test('30 MB go up and come back, and the governor holds none of it', async t => {
  const { simulator, url, account, token } = await open(t)
  const governor = await serve(t, url)
  const how = { url: governor.url, token }
  const document = randomBytes(22_600_000)
  const options = { envelopeDefinition: definition(document) }
  t.ok(JSON.stringify(options.envelopeDefinition).length > 30_000_000, '30 MB on the wire')
  // What is warm now is no growth later.
  await ask(how, 'EnvelopesApi', 'createEnvelope', account, { envelopeDefinition: definition(pdf) })
  const nobody = `/restapi/v2.1/accounts/${account}/envelopes/00000000-0000-4000-8000-000000000000/documents/1`
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/pdf' }
  await wire(governor.url + nobody, 'PUT', headers, Readable.from(megabytes(30)))
  const restMb = await governor.residentMb()

  const watch = governor.watch()
  const others = Array.from({ length: 4 }, () =>
    wire(governor.url + nobody, 'PUT', headers, Readable.from(megabytes(30))),
  )
  const made = await ask(how, 'EnvelopesApi', 'createEnvelope', account, options)
  for (const other of await Promise.all(others)) t.equal(other.status, 404, 'heard to its end')
  const read = ['EnvelopesApi', 'getDocument', account, envelopeIdOf(made), '1', {}] as const
  const direct = await ask({ url, token }, ...read)
  const through = await ask(how, ...read)
  const growthMb = (await watch.end()) - restMb
  const hash = (bytes: unknown) =>
    createHash('sha256')
      .update(bytes as Buffer)
      .digest('hex')
  t.equal(hash(through.data), hash(document), 'all bytes, both ways')
  areSame(t, direct, through)
  t.equal(simulator.report().calls.byStatus['201'], 2, 'and it went up once')
  t.ok(growthMb < 75, `150 MB on their way at once made the governor ${growthMb.toFixed(0)} MB larger`)
})

void t.test(
  '/oauth/userinfo gives each account the base URI of the governor, and nothing else changes',
  async t => {
    const { governor, url, token, accounts } = await open(t)
    const headers = { authorization: `Bearer ${token}` }
    const direct = await wire(`${url}/oauth/userinfo`, 'GET', headers)
    t.equal(accounts.length, 2)
    t.match(JSON.parse(direct.bytes.toString()), {
      accounts: [{ is_default: true, base_uri: url }, { base_uri: url }],
    })
    for (const prefix of ['', '/apps/mine', '/apps/Someone-Else']) {
      const through = await wire(`${governor.url}${prefix}/oauth/userinfo`, 'GET', headers)
      t.equal(through.status, 200)
      t.equal(
        through.bytes.toString(),
        direct.bytes.toString().replaceAll(`"base_uri":"${url}"`, `"base_uri":"${governor.url}${prefix}"`),
        'types, order and all else are kept',
      )
      const head = (lines: readonly string[]) => lines.filter((_, at) => at % 2 === 0).sort()
      const added = ['Cache-Status', 'X-Governor-Outcome']
      t.strictSame(head(through.lines), [...head(direct.lines), ...added].sort())
    }
    const refused = await wire(`${governor.url}/oauth/userinfo`, 'GET', { authorization: 'Bearer none' })
    const plain = await wire(`${url}/oauth/userinfo`, 'GET', { authorization: 'Bearer none' })
    t.equal(plain.status, 401)
    areSameOnTheWire(t, plain, refused)
  },
)

void t.test(
  'an account goes to its own data centre once userinfo named it, an unheard one to upstream.api',
  async t => {
    const away = await open(t)
    const home = await open(t, { baseUris: [away.url] })
    const { governor } = home
    const [first = '', second = ''] = home.accounts.map(account => account.accountId)
    const read = (token: string, account: string) =>
      ask({ url: governor.url, token }, 'AccountsApi', 'getAccountInformation', account, {})
    const counted = () => [home, away].map(({ simulator }) => simulator.report().calls.byAccount)

    t.equal((await read(home.token, first)).status, 200)
    t.strictSame(counted(), [{ [first]: 1 }, {}], 'nothing is known yet')

    await wire(`${governor.url}/oauth/userinfo`, 'GET', { authorization: `Bearer ${home.token}` })
    const told = await read(away.token, first)
    t.match(told, { status: 200, data: { accountIdGuid: first } })
    t.equal((await read(away.token, first.toUpperCase())).status, 200, 'in whatever case')
    t.equal((await read(home.token, second)).status, 200)
    t.strictSame(counted(), [{ [first]: 1, [second]: 1 }, { [first]: 2 }])

    const stranger = await read(home.token, '00000000-0000-4000-8000-000000000000')
    t.equal(stranger.status, 400)
    t.strictSame(
      [home, away].map(({ simulator }) => simulator.report().calls.total),
      [3, 2],
      'an account nobody has heard of goes to upstream.api',
    )
  },
)

void t.test('a request of the SDK arrives at DocuSign as it would have without the governor', async t => {
  const arrived: { line: string; headers: http.IncomingHttpHeaders; body: Buffer }[] = []
  const upstream = http.createServer((req, res) => {
    void buffer(req).then(body => {
      arrived.push({ line: `${req.method} ${req.url}`, headers: req.headers, body })
      res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
  })
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => upstream.close())
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  // It would ask this upstream whose the token is.
  const governor = await startGovernor(url, { GOVERNOR_IDENTITY_INTROSPECT: 'false' })
  t.teardown(() => governor.stop())

  const headers = { 'X-DocuSign-Act-On-Behalf': 'someone', 'X-DocuSign-TimeTrack': 'now' }
  const calls: [Family, string, ...unknown[]][] = [
    ['EnvelopesApi', 'getEnvelope', 'a', 'b c d', { include: 'tabs,recipients' }],
    [
      'EnvelopesApi',
      'listStatusChanges',
      'a',
      { fromDate: '2026-01-01T00:00:00+02:00', searchText: 'ä & b' },
    ],
    ['EnvelopesApi', 'createEnvelope', 'a', { envelopeDefinition: definition(randomBytes(200_000)) }],
    ['EnvelopesApi', 'updateDocument', randomBytes(10_000), 'a', 'b', '1'],
    ['FoldersApi', 'moveEnvelopes', 'a', 'recyclebin', { foldersRequest: { envelopeIds: ['b'] } }],
  ]
  for (const [family, operation, ...args] of calls) {
    arrived.length = 0
    for (const base of [url, governor.url, `${governor.url}/apps/mine`]) {
      await ask({ url: base, token: 'secret', headers }, family, operation, ...args)
    }
    const [direct, plain, named] = arrived
    t.ok(direct && direct.headers['x-docusign-sdk'] === 'Node')
    t.strictSame(plain, direct, operation)
    t.strictSame(named, direct, `${operation}, by an app with a name`)
  }
})

function* megabytes(count: number): Iterable<Buffer> {
  for (let n = 0; n < count; n += 1) yield Buffer.alloc(1_000_000, n)
}

/** The governor in a process of its own, as `serve` runs it. */
async function serve(t: Test, upstream: string) {
  const main = fileURLToPath(new URL('build/src/main.js', ROOT))
  const child = spawn(process.execPath, [main, 'serve'], {
    env: {
      GOVERNOR_LISTEN_PORT: '0',
      GOVERNOR_ADMIN_PORT: '0',
      GOVERNOR_UPSTREAM_API: upstream,
      GOVERNOR_UPSTREAM_OAUTH: upstream,
      GOVERNOR_STATE_KIND: 'memory',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    child.kill()
    if (child.exitCode === null) await once(child, 'exit')
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { url, adminPort } = JSON.parse(line) as { url: string; adminPort: number }
  async function residentMb(): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / 1e6
  }
  return {
    url,
    residentMb,
    /** Looks again and again, until it is ended, and remembers the most. */
    watch() {
      let most = 0
      let over = false
      const watched = (async () => {
        while (!over) {
          most = Math.max(most, await residentMb())
        }
      })()
      return {
        async end() {
          over = true
          await watched
          return most
        },
      }
    },
  }
}
