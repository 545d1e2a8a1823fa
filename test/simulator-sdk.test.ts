import https from 'node:https'
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createRequire } from 'node:module'
import { crc32 } from 'node:zlib'
import type { Test } from 'tap'
import t from 'tap'
import { makeSystemClock } from '../src/base/clock.js'
import type { SimulatorOptions } from '../src/simulator/options.js'
import { makeSimulator } from '../src/simulator/simulator.js'

/** The official SDK, as far as these tests use it: it comes without types. */
interface ApiClient {
  setBasePath(path: string): void
  setOAuthBasePath(host: string): void
  addDefaultHeader(name: string, value: string): void
  sendJWTTokenRequest(assertion: string): Promise<{ body: { access_token: string; expires_in: number } }>
  getUserInfo(token: string): Promise<{ sub: string; accounts: { accountId: string; baseUri: string }[] }>
}
interface Told {
  readonly status?: string | number
  readonly envelopeId?: string
  readonly [field: string]: unknown
}
type Operation =
  | 'createCustomFields'
  | 'createEnvelope'
  | 'createRecipientView'
  | 'deleteRecipient'
  | 'get'
  | 'getAccountInformation'
  | 'getDocument'
  | 'getEnvelope'
  | 'getFormData'
  | 'getNotificationSettings'
  | 'getRequestLogSettings'
  | 'list'
  | 'listAuditEvents'
  | 'listCustomFields'
  | 'listDocuments'
  | 'listItems'
  | 'listRecipients'
  | 'listRequestLogs'
  | 'listStatus'
  | 'listStatusChanges'
  | 'listTabs'
  | 'listTemplates'
  | 'login'
  | 'moveEnvelopes'
  | 'update'
  | 'updateRecipients'
  | 'updateRequestLogSettings'
/** Each API has some of them; asking one for another's is a failed test. */
type Api = Record<Operation, (...args: unknown[]) => Promise<Told>>
type ApiClass = new (client: ApiClient) => Api
interface Sdk {
  ApiClient: new () => ApiClient
  AccountsApi: ApiClass
  AuthenticationApi: ApiClass
  DiagnosticsApi: ApiClass
  EnvelopesApi: ApiClass
  FoldersApi: ApiClass
  TemplatesApi: ApiClass
  UsersApi: ApiClass
}
interface SdkError {
  response: { status: number; data: { errorCode: string; message: string }; headers: Record<string, string> }
}
const docusign = createRequire(import.meta.url)('docusign-esign') as Sdk

const FROM = '2000-01-01T00:00:00Z'
const PDF = Buffer.from('%PDF-1.4 whatever an app uploads')

const makePem = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
/** One key for all of them, because keys are dear. */
const PEM = makePem()

async function open(test: Test, options: Partial<SimulatorOptions> = {}) {
  const all = { hourLimit: 100_000, burstLimit: 100_000, apps: 1, integrationKeyPems: [PEM], ...options }
  const simulator = makeSimulator(all, makeSystemClock())
  const { url, port } = await simulator.start()
  test.teardown(() => simulator.stop())
  const { users, accounts, integrationKeys } = simulator.credentials()
  const account = accounts[0]?.accountId ?? ''
  const user = (n: number) => users[n]?.userId ?? ''
  const as = (n: number) => {
    const client = new docusign.ApiClient()
    client.setBasePath(`${url}/restapi`)
    client.addDefaultHeader('Authorization', `Bearer ${simulator.issueToken(user(n))}`)
    return client
  }
  const control = async (path: string, body: unknown) =>
    (await (await fetch(`${url}/_sim${path}`, { method: 'POST', body: JSON.stringify(body) })).json()) as Told
  const key = integrationKeys[0]
  if (!key) throw new Error('a simulator without an integration key')
  return { simulator, url, port, account, accounts, users, user, as, control, key }
}

function definition(status: 'sent' | 'created', extra: Record<string, unknown> = {}) {
  return {
    status,
    emailSubject: 'Please sign',
    documents: [
      { documentId: '7', name: 'NDA', fileExtension: 'pdf', documentBase64: PDF.toString('base64') },
    ],
    recipients: {
      signers: [
        {
          recipientId: '1',
          name: 'Sue Igner',
          email: 'sue@example.com',
          clientUserId: '1001',
          tabs: { textTabs: [{ tabLabel: 'City', value: 'Graz' }] },
        },
      ],
    },
    customFields: { textCustomFields: [{ name: 'Deal', value: '4711' }] },
    ...extra,
  }
}

function makeAssertion(
  key: { integrationKey: string; privateKeyPem: string },
  claims: Record<string, unknown>,
) {
  const seconds = Math.floor(Date.now() / 1000)
  const all = {
    iss: key.integrationKey,
    aud: 'account-d.docusign.com',
    iat: seconds,
    exp: seconds + 3600,
    scope: 'signature impersonation',
    ...claims,
  }
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(all)}`
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key.privateKeyPem).toString('base64url')}`
}

async function fails(call: Promise<unknown>): Promise<SdkError['response']> {
  try {
    await call
  } catch (error) {
    return (error as SdkError).response
  }
  throw new Error('the call was expected to fail')
}

void t.test('an envelope lives from draft to purge, as the SDK sees it', async t => {
  const { simulator, account, as, control } = await open(t)
  const envelopes = new docusign.EnvelopesApi(as(0))

  const made = await envelopes.createEnvelope(account, { envelopeDefinition: definition('created') })
  const id = made.envelopeId ?? ''
  t.equal(made.status, 'created')
  t.match(id, /^[0-9a-f-]{36}$/)
  await envelopes.update(account, id, { envelope: { status: 'sent', emailSubject: 'Now really' } })

  const sent = await envelopes.getEnvelope(account, id, {
    include: 'recipients,documents,custom_fields',
  })
  t.match(sent, {
    status: 'sent',
    emailSubject: 'Now really',
    allowMarkup: 'false',
    documentsUri: `/envelopes/${id}/documents`,
    sentDateTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/,
    recipients: { signers: [{ name: 'Sue Igner', status: 'sent' }], recipientCount: '1' },
    envelopeDocuments: [{ documentId: '7', name: 'NDA' }, { documentId: 'certificate' }],
    customFields: { textCustomFields: [{ name: 'Deal', value: '4711' }] },
  })
  t.equal(typeof sent['completedDateTime'], 'undefined')

  const view = await envelopes.createRecipientView(account, id, {
    recipientViewRequest: {
      returnUrl: 'https://app.example.com/back?of=1',
      authenticationMethod: 'none',
      userName: 'Sue Igner',
      email: 'sue@example.com',
      clientUserId: '1001',
    },
  })
  const signing = await fetch(String(view['url']), { redirect: 'manual' })
  t.equal(signing.headers.get('location'), 'https://app.example.com/back?of=1&event=signing_complete')
  t.equal((await fetch(String(view['url']))).status, 404, 'a signing page opens once')
  t.equal((await envelopes.getEnvelope(account, id)).status, 'completed')

  const tooLate = await fails(
    envelopes.update(account, id, { envelope: { status: 'voided', voidedReason: 'no' } }),
  )
  t.match(tooLate, { status: 400, data: { errorCode: 'ENVELOPE_CANNOT_VOID_INVALID_STATE' } })
  await envelopes.update(account, id, { envelope: { purgeState: 'documents_queued' } })
  t.equal((await envelopes.getEnvelope(account, id))['purgeState'], 'documents_queued')

  const voidedId = (await envelopes.createEnvelope(account, { envelopeDefinition: definition('sent') }))
    ?.envelopeId
  await envelopes.update(account, voidedId, {
    envelope: { status: 'voided', voidedReason: 'wrong price' },
  })
  t.match(await envelopes.getEnvelope(account, voidedId), {
    status: 'voided',
    voidedReason: 'wrong price',
  })
  const moved = (await envelopes.createEnvelope(account, { envelopeDefinition: definition('sent') }))
    ?.envelopeId
  await control('/envelopes/status', { envelopeId: moved, status: 'declined' })
  t.equal((await envelopes.getEnvelope(account, moved)).status, 'declined')
  t.equal(simulator.report().calls.byStatus['400'], 1)
})

void t.test('what is in an envelope can be read, and written while it lives', async t => {
  const { account, as } = await open(t)
  const envelopes = new docusign.EnvelopesApi(as(0))
  const made = await envelopes.createEnvelope(account, { envelopeDefinition: definition('sent') })
  const id = made.envelopeId

  await envelopes.updateRecipients(account, id, {
    recipients: { carbonCopies: [{ recipientId: '2', name: 'Cc', email: 'cc@example.com' }] },
  })
  t.match(await envelopes.listRecipients(account, id, { includeTabs: 'true' }), {
    signers: [{ recipientId: '1', tabs: { textTabs: [{ tabLabel: 'City', value: 'Graz' }] } }],
    carbonCopies: [{ recipientId: '2', recipientType: 'carboncopy' }],
    recipientCount: '2',
  })
  t.match(await envelopes.listTabs(account, id, '1'), { textTabs: [{ tabLabel: 'City' }] })
  await envelopes.deleteRecipient(account, id, '2')
  t.equal((await envelopes.listRecipients(account, id))['recipientCount'], '1')

  await envelopes.createCustomFields(account, id, {
    customFields: { textCustomFields: [{ name: 'Region', value: 'EU' }] },
  })
  t.match(await envelopes.listCustomFields(account, id), {
    textCustomFields: [{ name: 'Deal' }, { name: 'Region', value: 'EU' }],
  })
  t.match(await envelopes.getFormData(account, id), {
    formData: [{ name: 'City', value: 'Graz' }],
    status: 'sent',
    recipientFormData: [{ recipientId: '1' }],
  })
  t.match(await envelopes.getNotificationSettings(account, id), { expirations: { expireAfter: '120' } })

  const before = await envelopes.listAuditEvents(account, id)
  await envelopes.getDocument(account, id, '7')
  const after = await envelopes.listAuditEvents(account, id)
  const length = (told: Told) => (told['auditEvents'] as unknown[]).length
  t.equal(length(after), length(before) + 1, 'a download leaves its trace')

  const incomplete = definition('sent', { documents: [] })
  const refused = await fails(envelopes.createEnvelope(account, { envelopeDefinition: incomplete }))
  t.match(refused, { status: 400, data: { errorCode: 'ENVELOPE_IS_INCOMPLETE' } })
  const stranger = { userName: 'No One', email: 'sue@example.com', returnUrl: 'https://app.example.com' }
  const view = await fails(envelopes.createRecipientView(account, id, { recipientViewRequest: stranger }))
  t.match(view, { status: 400, data: { errorCode: 'UNKNOWN_ENVELOPE_RECIPIENT' } })
})

void t.test('documents come back byte for byte, and the made ones are whole', async t => {
  const { simulator, url, account, as, user } = await open(t)
  const envelopes = new docusign.EnvelopesApi(as(0))
  const big = randomBytes(22 * 1024 * 1024)
  const made = await envelopes.createEnvelope(account, {
    envelopeDefinition: definition('sent', {
      documents: [
        { documentId: '1', name: 'Small', documentBase64: PDF.toString('base64') },
        { documentId: '2', name: 'Big', documentBase64: big.toString('base64') },
        { documentId: '3', name: 'Made here' },
      ],
    }),
  })
  const id = made.envelopeId
  const get = async (n: string) => (await envelopes.getDocument(account, id, n)) as unknown as Buffer
  t.ok((await get('1')).equals(PDF))
  t.ok((await get('2')).equals(big), 'an upload of some 30 MB')
  isWholePdf(t, await get('3'), String(id))
  isWholePdf(t, await get('combined'), String(id))
  isWholePdf(t, await get('certificate'), String(id))
  const names = zipEntries(await get('archive'))
  t.match(names, [
    { name: 'Small.pdf', bytes: PDF },
    { name: 'Big.pdf' },
    { name: 'Made here.pdf' },
    { name: 'Summary.pdf' },
  ])
  t.match(await envelopes.listDocuments(account, id), {
    envelopeDocuments: [
      { documentId: '1', uri: `/envelopes/${id}/documents/1`, type: 'content' },
      {},
      {},
      { type: 'summary' },
    ],
  })

  const headers = {
    authorization: `Bearer ${simulator.issueToken(user(0))}`,
    'content-transfer-encoding': 'base64',
  }
  const plain = `${url}/restapi/v2.1/accounts/${account}/envelopes/${id}/documents`
  const base64 = await fetch(`${plain}/2`, { headers })
  t.equal(base64.headers.get('content-transfer-encoding'), 'base64')
  t.equal(base64.headers.get('content-disposition'), 'file; filename="Big.pdf"; documentid="2"')
  t.ok(Buffer.from(await base64.text(), 'base64').equals(big))

  const boundary = 'AAA'
  const json = JSON.stringify({ ...definition('sent'), documents: [{ documentId: '5', name: 'Part' }] })
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Type: application/json\r\n\r\n${json}\r\n`),
    Buffer.from(`--${boundary}\r\nContent-Disposition: file; filename="p.pdf"; documentid="5"\r\n\r\n`),
    big.subarray(0, 1_000_000),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  const multipart = await fetch(`${url}/restapi/v2.1/accounts/${account}/envelopes`, {
    method: 'POST',
    headers: {
      authorization: headers.authorization,
      'content-type': `multipart/form-data; boundary=${boundary}`,
    },
    body,
  })
  const other = (await multipart.json()) as Told
  const part = (await envelopes.getDocument(account, other.envelopeId, '5')) as unknown as Buffer
  t.ok(part.equals(big.subarray(0, 1_000_000)), 'a multipart upload')

  const [filler] = simulator.addEnvelopes({ documentBytes: 5_000_001, status: 'completed' })
  const first = (await envelopes.getDocument(account, filler, '1')) as unknown as Buffer
  const again = (await envelopes.getDocument(account, filler, '1')) as unknown as Buffer
  t.equal(first.length, 5_000_001)
  t.equal(hash(first), hash(again), 'made-up bytes are the same each time')
})

void t.test('a request may have 35,651,584 bytes and not one more', async t => {
  const { simulator, url, account, user } = await open(t)
  const tooLarge = Buffer.alloc(35_651_585, 32)
  const chunked = new ReadableStream({
    start(stream) {
      for (let at = 0; at < tooLarge.length; at += 1_000_000)
        stream.enqueue(tooLarge.subarray(at, at + 1_000_000))
      stream.close()
    },
  })
  const headers = {
    authorization: `Bearer ${simulator.issueToken(user(0))}`,
    'content-type': 'application/json',
  }
  const upload = (body: Buffer | ReadableStream) => {
    const init = { method: 'POST', headers, body, duplex: 'half' as const }
    return fetch(`${url}/restapi/v2.1/accounts/${account}/envelopes`, init)
  }
  t.equal((await upload(tooLarge)).status, 413)
  t.equal((await upload(chunked)).status, 413, 'also where its length is not said')
  t.equal((await upload(tooLarge.subarray(1))).status, 400, 'one byte less is heard, and is no JSON')
})

void t.test('lists page, filter and name their next page', async t => {
  const { simulator, account, as, accounts } = await open(t)
  const ids = simulator.addEnvelopes({ count: 2500, status: 'completed' })
  simulator.addEnvelopes({ count: 5, status: 'sent' })
  const envelopes = new docusign.EnvelopesApi(as(0))
  const list = (options: Record<string, string>) => envelopes.listStatusChanges(account, options)

  const first = await list({ fromDate: FROM })
  t.match(first, { resultSetSize: '1000', startPosition: '0', endPosition: '999', totalSetSize: '2505' })
  t.match(first['nextUri'], /^\/envelopes\?.*start_position=1000/)
  const last = await list({ fromDate: FROM, startPosition: '2000', status: 'completed' })
  t.match(last, {
    resultSetSize: '500',
    endPosition: '2499',
    nextUri: '',
    previousUri: /start_position=1000/,
  })
  t.match(await list({ fromDate: FROM, count: '2', status: 'sent' }), {
    resultSetSize: '2',
    totalSetSize: '5',
  })
  t.match(await list({ fromDate: '2100-01-01' }), { totalSetSize: '0', envelopes: [] })
  const few = ids.slice(0, 3)
  t.match(await list({ envelopeIds: few.join(',') }), { resultSetSize: '3' })
  t.match(
    await envelopes.listStatus(account, {
      envelopeIds: 'request_body',
      envelopeIdsRequest: { envelopeIds: few },
    }),
    {
      resultSetSize: '3',
      envelopes: [{ status: 'completed' }, { status: 'completed' }, { status: 'completed' }],
    },
  )
  t.match(await fails(list({ status: 'sent' })), {
    status: 400,
    data: { errorCode: 'INVALID_REQUEST_PARAMETER' },
  })
  t.match(await envelopes.listStatusChanges(accounts[0]?.number, { envelopeIds: few[0] ?? '' }), {
    resultSetSize: '1',
  })
})

void t.test('everyone sees what is theirs, and no more', async t => {
  const { users, account, accounts, as, simulator, url } = await open(t, { seed: 5 })
  const [admin, sender, other] = [0, 1, 2].map(n => new docusign.EnvelopesApi(as(n))) as [Api, Api, Api]
  const secret = { recipientId: '2', name: 'Other', email: users[2]?.email ?? '', excludedDocuments: ['1'] }
  const documents = ['1', '2'].map(documentId => ({ documentId, name: `D${documentId}` }))
  const made = async (recipients: unknown[]) => {
    const one = definition('sent', { documents, recipients: { signers: recipients } })
    return (await sender.createEnvelope(account, { envelopeDefinition: one })).envelopeId
  }
  const hidden = await made([{ recipientId: '1', name: 'Sue', email: 'sue@example.com' }])
  const shared = await made([secret])

  t.equal((await admin.getEnvelope(account, hidden)).status, 'sent', 'an administrator sees all')
  const foreign = await fails(other.getEnvelope(account, hidden))
  const absent = await fails(other.getEnvelope(account, users[0]?.userId))
  t.match(foreign, { status: 404, data: { errorCode: 'ENVELOPE_DOES_NOT_EXIST' } })
  t.same(foreign.data, absent.data, 'a foreign envelope cannot be told from none')
  t.equal((await other.listStatusChanges(account, { fromDate: FROM }))['totalSetSize'], '1')

  const listed = async (api: Api) => {
    const told = await api.listDocuments(account, shared)
    return (told['envelopeDocuments'] as Told[]).map(one => one['documentId'])
  }
  t.same(await listed(sender), ['1', '2', 'certificate'])
  t.same(await listed(other), ['2', 'certificate'], 'a recipient is kept from a document')
  // The SDK asks for documents as streams, so the body of their errors is one too.
  t.equal((await fails(other.getDocument(account, shared, '1'))).status, 404)

  const elsewhere = await fails(sender.getEnvelope(accounts[1]?.accountId, hidden))
  t.match(elsewhere, { status: 400, data: { errorCode: 'USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT' } })
  const gone = simulator.issueToken(users[1]?.userId ?? '')
  await fetch(`${url}/_sim/tokens/revoke`, { method: 'POST', body: JSON.stringify({ token: gone }) })
  const revoked = await fetch(`${url}/restapi/v2.1/accounts/${account}`, {
    headers: { authorization: `Bearer ${gone}` },
  })
  t.equal(revoked.status, 401)
  t.match(await revoked.json(), { errorCode: 'AUTHORIZATION_INVALID_TOKEN' })
})

void t.test(
  'a spent hour reaches the SDK with its code and its reset, under the status of either age',
  async t => {
    for (const limitStatus of [429, 400] as const) {
      const { account, as } = await open(t, { hourLimit: 1, limitStatus })
      const accounts = new docusign.AccountsApi(as(0))
      await accounts.getAccountInformation(account)
      const refused = await fails(accounts.getAccountInformation(account))
      t.match(refused, { status: limitStatus, data: { errorCode: 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED' } })
      t.equal(refused.headers['x-ratelimit-remaining'], '0')
      t.equal(Number(refused.headers['x-ratelimit-reset']) % 3600, 0)
    }
  },
)

void t.test('acting for another user takes a share', async t => {
  const people = makeSimulator({ apps: 1, integrationKeyPems: [PEM] }, makeSystemClock()).credentials().users
  const sharing = [{ userId: people[1]?.userId ?? '', actsFor: people[2]?.userId ?? '' }]
  const { account, as, user, simulator } = await open(t, { sharing })
  const [mine] = simulator.addEnvelopes({ userId: user(2), status: 'completed' })
  const acting = (n: number) => {
    const client = as(n)
    client.addDefaultHeader('X-DocuSign-Act-On-Behalf', user(2))
    return new docusign.EnvelopesApi(client)
  }
  t.equal((await acting(1).getEnvelope(account, mine)).status, 'completed')
  t.match(await fails(acting(0).getEnvelope(account, mine)), {
    status: 401,
    data: { errorCode: 'USER_LACKS_PERMISSIONS' },
  })
})

void t.test('accounts, users, templates, folders and request logs answer the SDK', async t => {
  const { account, accounts, as, user, simulator } = await open(t)
  const client = as(0)
  const envelopes = new docusign.EnvelopesApi(client)
  t.match(await new docusign.AccountsApi(client).getAccountInformation(account), {
    accountIdGuid: account,
    externalAccountId: accounts[0]?.number,
  })
  t.match(await new docusign.AuthenticationApi(client).login(), {
    loginAccounts: [
      { accountId: accounts[0]?.number, accountIdGuid: account, isDefault: 'true' },
      { isDefault: 'false' },
    ],
  })
  t.match(await new docusign.UsersApi(client).list(account), {
    totalSetSize: '3',
    users: [{ userId: user(0) }],
  })

  const templates = new docusign.TemplatesApi(client)
  const all = await templates.listTemplates(account)
  const templateId = (all['envelopeTemplates'] as Told[])[1]?.['templateId']
  t.match(await templates.get(account, templateId), {
    templateId,
    recipients: { signers: [{ roleName: 'signer' }] },
  })
  const cast = {
    status: 'sent',
    templateId,
    templateRoles: [{ roleName: 'signer', name: 'R', email: 'r@example.com' }],
  }
  const made = await envelopes.createEnvelope(account, { envelopeDefinition: cast })
  t.match(await envelopes.listRecipients(account, made.envelopeId), {
    signers: [{ roleName: 'signer', name: 'R' }],
  })
  t.match(await envelopes.listTemplates(account, made.envelopeId), { templates: [{ templateId }] })

  const folders = new docusign.FoldersApi(client)
  t.match(await folders.list(account), { folders: [{ type: 'draft' }] })
  await folders.moveEnvelopes(account, 'recyclebin', {
    foldersRequest: { envelopeIds: [made.envelopeId] },
  })
  t.equal((await envelopes.getEnvelope(account, made.envelopeId)).status, 'voided', 'the recycle bin voids')
  t.match(await folders.listItems(account, 'recyclebin'), { totalSetSize: '1' })

  const logs = new docusign.DiagnosticsApi(client)
  await logs.updateRequestLogSettings({
    diagnosticsSettingsInformation: { apiRequestLogging: 'true', apiRequestLogMaxEntries: '2' },
  })
  for (let n = 0; n < 3; n += 1) await envelopes.getEnvelope(account, made.envelopeId)
  t.match(await logs.getRequestLogSettings(), {
    apiRequestLogging: 'false',
    apiRequestLogRemainingEntries: '0',
  })
  const kept = await logs.listRequestLogs()
  t.match(kept, {
    apiRequestLogs: [{ status: 'OK', description: 'GetEnvelope' }, { description: 'GetEnvelope' }],
  })
  t.equal((kept['apiRequestLogs'] as unknown[]).length, 2, 'logging ends when it is full')
  t.notOk(simulator.report().calls.byRoute['GET other'], 'every call of the SDK found its route')
})

void t.test('a token is granted for a good assertion, and refused in the words of the FAQ', async t => {
  const { url, key, user, users, control } = await open(t)
  const ask = async (form: Record<string, string>, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers,
    })
    const told: Told = { status: answer.status, ...((await answer.json()) as Told) }
    return told
  }
  const jwt = (claims: Record<string, unknown>, by = key) =>
    ask({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: makeAssertion(by, claims) })
  const seconds = Math.floor(Date.now() / 1000)

  const good = await jwt({ sub: user(1) })
  t.match(good, { status: 200, token_type: 'Bearer', expires_in: 3600 })
  t.notOk(JSON.stringify(good).includes(user(1)), 'a token says nothing of its user')
  const grant = (description: string) => ({
    status: 400,
    error: 'invalid_grant',
    error_description: description,
  })
  t.same(await jwt({ sub: 'nobody' }), grant('invalid_subject'))
  t.same(await jwt({ sub: key.integrationKey }), grant('user_not_found'))
  t.same(await jwt({ sub: user(1), iss: user(1) }), grant('issuer_not_found'))
  t.same(
    await jwt({ sub: user(1), aud: 'https://account-d.docusign.com' }),
    grant('no_valid_keys_or_signatures'),
  )
  t.same(await jwt({ sub: user(1), exp: undefined }), grant('no_valid_keys_or_signatures'))
  t.same(await jwt({ sub: user(1), nbf: seconds + 600 }), grant('no_valid_keys_or_signatures'))
  t.same(await jwt({ sub: user(1), exp: seconds - 1 }), grant('expired_grant'))
  t.same(
    await jwt({ sub: user(1) }, { ...key, privateKeyPem: makePem() }),
    grant('no_valid_keys_or_signatures'),
  )
  await control('/consent', { userId: user(2), granted: false })
  t.same(await jwt({ sub: user(2) }), { status: 400, error: 'consent_required' })

  const back = 'https://app.example.com/callback'
  const authorize = async (extra: Record<string, string>) => {
    const query = new URLSearchParams({
      response_type: 'code',
      scope: 'signature',
      client_id: key.integrationKey,
      redirect_uri: back,
      ...extra,
    })
    const answer = await fetch(`${url}/oauth/auth?${query.toString()}`, { redirect: 'manual' })
    return new URL(answer.headers.get('location') ?? '').searchParams
  }
  const basic = {
    authorization: `Basic ${Buffer.from(`${key.integrationKey}:${key.secret}`).toString('base64')}`,
  }
  const asked = await authorize({ state: 's1', login_hint: users[2]?.email ?? '' })
  t.equal(asked.get('state'), 's1')
  const form = { grant_type: 'authorization_code', code: asked.get('code') ?? '' }
  const byCode = await ask(form, basic)
  t.match(byCode, { status: 200, expires_in: 28_800, refresh_token: String })
  t.match(await ask(form, basic), { status: 400, error: 'invalid_grant' }, 'a code works once')
  t.match(await jwt({ sub: user(2) }), { status: 200 }, 'and with the code came consent')
  const refreshed = await ask(
    { grant_type: 'refresh_token', refresh_token: String(byCode['refresh_token']) },
    basic,
  )
  t.match(refreshed, { status: 200, access_token: String })
  t.not(refreshed['refresh_token'], byCode['refresh_token'])
  const verifier = 'a-verifier-that-is-long-enough-for-pkce-0123456789'
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const pkce = await authorize({ code_challenge: challenge, code_challenge_method: 'S256' })
  const publicForm = {
    grant_type: 'authorization_code',
    code: pkce.get('code') ?? '',
    client_id: key.integrationKey,
  }
  t.match(await ask({ ...publicForm, code_verifier: verifier }), { status: 200 })
  t.match(await ask({ grant_type: 'password' }), { status: 400 })

  const info = await fetch(`${url}/oauth/userinfo`, {
    headers: { authorization: `Bearer ${String(byCode['access_token'])}` },
  })
  t.match(await info.json(), {
    sub: user(2),
    email: users[2]?.email,
    accounts: [{ is_default: true, base_uri: url }],
  })
  t.equal((await fetch(`${url}/oauth/userinfo`)).status, 401)
})

void t.test('over TLS, the SDK does its own OAuth', async t => {
  const { simulator, url, port, key, user, accounts } = await open(t, { tlsKey: KEY, tlsCert: CERT })
  const { ca } = https.globalAgent.options
  https.globalAgent.options.ca = CERT
  t.teardown(() => {
    https.globalAgent.options.ca = ca
    https.globalAgent.destroy()
  })
  const client = new docusign.ApiClient()
  client.setBasePath(`${url}/restapi`)
  client.setOAuthBasePath(`127.0.0.1:${port}`)
  const { body } = await client.sendJWTTokenRequest(makeAssertion(key, { sub: user(0) }))
  const info = await client.getUserInfo(body.access_token)
  t.equal(info.sub, user(0))
  t.match(info.accounts, [
    { accountId: accounts[0]?.accountId, baseUri: url },
    { accountId: accounts[1]?.accountId },
  ])
  client.addDefaultHeader('Authorization', `Bearer ${body.access_token}`)
  const [id] = simulator.addEnvelopes({ status: 'completed' })
  t.match(await new docusign.EnvelopesApi(client).getEnvelope(accounts[0]?.accountId, id), {
    status: 'completed',
  })
  t.match(simulator.report().oauth, { total: 2, byStatus: { 200: 2 } })
  t.equal(simulator.report().calls.total, 1, 'OAuth counts on no account')
})

void t.test('an answer can be XML, and compressed', async t => {
  const { simulator, url, account, user } = await open(t)
  const [id] = simulator.addEnvelopes({ status: 'completed' })
  const authorization = `Bearer ${simulator.issueToken(user(0))}`
  const get = (path: string, headers: Record<string, string>) =>
    fetch(`${url}/restapi/v2.1/accounts/${account}/${path}`, { headers: { authorization, ...headers } })
  const xml = await get(`envelopes/${id}`, { accept: 'application/xml' })
  t.match(xml.headers.get('content-type'), /^application\/xml/)
  t.match(
    await xml.text(),
    /^<\?xml .*<envelope xmlns="http:\/\/www.docusign.com\/restapi"><status>completed<\/status>/,
  )
  const list = await get(`envelopes?from_date=${FROM}`, { accept: 'application/xml' })
  t.match(await list.text(), /<envelopesInformation .*<envelopes><envelope><status>completed/)
  const absent = await get(`envelopes/${user(0)}`, { accept: 'application/xml' })
  t.match(await absent.text(), /<errorDetails .*<errorCode>ENVELOPE_DOES_NOT_EXIST</)

  const packed = await get(`envelopes/${id}`, { 'accept-encoding': 'gzip' })
  t.equal(packed.headers.get('content-encoding'), 'gzip')
  t.equal(packed.headers.get('vary'), 'Accept-Encoding')
  t.match(await packed.json(), { status: 'completed' })
  const bare = await get(`envelopes/${id}`, { 'accept-encoding': 'identity' })
  t.equal(bare.headers.get('content-encoding'), null)
})

/** Reads the cross-reference table and finds each object where it says. */
function isWholePdf(test: Test, bytes: Buffer, mentions: string): void {
  const text = bytes.toString('latin1')
  test.match(text, /^%PDF-1\.4\n/)
  test.match(text, /%%EOF\n$/)
  test.ok(text.includes(mentions), 'it says whose it is')
  const at = Number(/startxref\n(\d+)\n/.exec(text)?.[1])
  test.equal(text.slice(at, at + 5), 'xref\n')
  const offsets = [...text.slice(at).matchAll(/^(\d{10}) 00000 n $/gm)].map(found => Number(found[1]))
  const misplaced = offsets.filter((offset, n) => !text.startsWith(`${n + 1} 0 obj\n`, offset))
  test.ok(offsets.length >= 5)
  test.same(misplaced, [], 'every object is where the table says')
}

/** Reads a ZIP by its directory, as unpackers do, and checks the sums. */
function zipEntries(zip: Buffer): { name: string; bytes: Buffer }[] {
  const end = zip.length - 22
  if (zip.readUInt32LE(end) !== 0x06054b50) throw new Error('no end of a ZIP')
  let at = zip.readUInt32LE(end + 16)
  return Array.from({ length: zip.readUInt16LE(end + 10) }, () => {
    if (zip.readUInt32LE(at) !== 0x02014b50) throw new Error('no entry of a directory')
    const size = zip.readUInt32LE(at + 20)
    const nameLength = zip.readUInt16LE(at + 28)
    const local = zip.readUInt32LE(at + 42)
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    const start = local + 30 + zip.readUInt16LE(local + 26)
    const bytes = zip.subarray(start, start + size)
    if (crc32(bytes) !== zip.readUInt32LE(at + 16)) throw new Error(`${name} has another sum`)
    at += 46 + nameLength
    return { name, bytes }
  })
}

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** For 127.0.0.1 only, and known to everyone. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg688/unt0HkMannka
J8ENrbeR1wCK6lLA6YimzMEBUuyhRANCAATeXODv9WLA0o3ji/z6E6BS1KKt1HYE
zJzbK12/OVeP2Yiu1tMmPvCI24OWzGmF+T9hpfHrlRmCOGVcetJNp//6
-----END PRIVATE KEY-----
`
const CERT = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUJaCvzay2Mv8/zRBbU9t6+VaEyEowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE5MzEzMloYDzIxMjYxMDMw
MTkzMTMyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATeXODv9WLA0o3ji/z6E6BS1KKt1HYEzJzbK12/OVeP2Yiu1tMmPvCI
24OWzGmF+T9hpfHrlRmCOGVcetJNp//6o28wbTAdBgNVHQ4EFgQUZ9rhcJbtYfmB
mi5ZtlbkWIF44/owHwYDVR0jBBgwFoAUZ9rhcJbtYfmBmi5ZtlbkWIF44/owDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDSAAwRQIhAIYo9N4sNPwKgmFMHM5Z0Wf9cuipz2n7UtmKYy8GFpngAiAg
B09mYiD5J/ynnF7QGrMxTE18PebicxDmvg4XdppBtw==
-----END CERTIFICATE-----
`
