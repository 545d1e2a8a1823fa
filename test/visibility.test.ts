/**
 * Promise 7: no one reads what DocuSign would not have shown them. Measured in the hands of those who ask, against what
 * the simulator tells each of them directly, and at the simulator; and attacked, by those who have no token, had one, or
 * have one of their own.
 */
import { createHash, sign } from 'node:crypto'
import http, { type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Asking, Governed, Told } from './fixtures/governed.js'
import { startPassing } from './fixtures/governor.js'
import { openTown, sayTo, userIds, type Name } from './fixtures/town.js'

const BLIND = { GOVERNOR_IDENTITY_INTROSPECT: 'false' }
/** So that what no copy may answer is DocuSign's to decide, inside the polling interval as well. */
const PASS = { GOVERNOR_POLLING_WITHOUT_COPY: 'pass' }
const SHARED = { GOVERNOR_CACHE_SHARE: 'account' }

function as(token: string, headers: Readonly<Record<string, string>> = {}): Asking {
  return { headers: { authorization: `Bearer ${token}`, ...headers } }
}

function outcome({ headers }: Told): string {
  return String(headers['x-governor-outcome'])
}

/** Who has asked DocuSign for this path. */
function askersOf({ arrivals }: Governed, path: string): string[] {
  return arrivals
    .filter(({ target }) => target.split('?')[0]?.endsWith(path))
    .map(({ headers }) => headers.authorization ?? '')
}

async function metricsOf({ governor }: Governed): Promise<string> {
  return (await fetch(`${governor.adminUrl}/metrics`)).text()
}

/** The status of an answer, and that it came from DocuSign for this very call. */
async function told(house: Governed, path: string, asking: Asking): Promise<string> {
  const answer = await house.ask(path, asking)
  return `${answer.status} ${outcome(answer)}`
}

/** From 0 to 1, the same at every run. */
function makeChance(seed: number): () => number {
  let draws = 0
  return () => {
    const hash = createHash('sha256').update(`${seed} ${draws++}`).digest()
    return hash.readUInt32BE(0) / 2 ** 32
  }
}

function shuffled<T>(all: readonly T[], chance: () => number): T[] {
  return all
    .map(one => ({ one, at: chance() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}

/** What changes between two equal questions, because the asking does: each download is a line of the audit trail. */
function comparable({ status, headers, body }: Told): string {
  const text = body.toString('latin1').replace(/\{"eventFields":\[[^\]]*"Viewed"[^\]]*\]\},?/g, '')
  return [status, headers['content-type'], headers['content-disposition'], text.replace(',]', ']')].join('\n')
}

const READERS: readonly Name[] = ['admin', 'owner', 'reader', 'half', 'colleague', 'stranger']

for (const introspect of ['true', 'false']) {
  void t.test(
    `every answer is what DocuSign tells that token itself (introspection ${introspect})`,
    async t => {
      const town = await openTown(t, {
        settings: { GOVERNOR_IDENTITY_INTROSPECT: introspect, GOVERNOR_POLLING_LISTS: 'true' },
      })
      const { house, token } = town
      const ids = [
        await town.envelope('completed'),
        await town.envelope('sent', ['reader', 'colleague']),
        await town.envelope('voided', ['reader']),
      ]
      const unlocked = await town.envelope('completed')
      const parts = ['', '/recipients', '/documents', '/documents/1', '/documents/2', '/documents/combined']
      parts.push('/custom_fields', '/audit_events', '/notification')
      const resources = ids.flatMap(id => parts.map(part => `/envelopes/${id}${part}`))
      // Nobody holds it, and a 404 drops its envelope's copies: it is asked of one that is asked for nothing else.
      resources.push(`/envelopes/${unlocked}/lock`)
      resources.push(
        '/envelopes?from_date=2020-01-01',
        '/envelopes?from_date=2020-01-01&status=completed,voided',
      )
      t.equal(resources.length, 30)

      const chance = makeChance(7)
      const everything = READERS.flatMap(name => resources.map(path => ({ name, path })))
      const seen = new Set<string>()
      const different: string[] = []
      const kinds = new Set<string>()
      let calls = 0
      let repeats = 0
      let hits = 0
      for (let round = 0; round < 3; round++) {
        for (const { name, path } of shuffled(everything, chance)) {
          const asking = as(token[name])
          const [through, directly] = await Promise.all([
            house.ask(path, asking),
            house.askDirectly(path, asking),
          ])
          calls++
          kinds.add(`${directly.status}`)
          if (comparable(through) !== comparable(directly))
            different.push(`${name} ${path} ${through.status}`)
          if (directly.status !== 200) continue
          const key = `${name} ${path}`
          if (seen.has(key)) {
            repeats++
            if (outcome(through) === 'remembered') hits++
          }
          seen.add(key)
        }
      }
      t.equal(calls, 540)
      t.strictSame(different, [], '0 of 540 differ')
      t.strictSame([...kinds].sort(), ['200', '400', '404'], 'and not all of them see the same')
      t.comment(`${hits} of ${repeats} repeated readings were hits`)
      t.ok(hits >= 0.9 * repeats, `${hits} of ${repeats} repeated readings were hits`)

      const status = await (await fetch(`${house.governor.adminUrl}/status`)).text()
      const written = [...house.governor.lines, await metricsOf(house), status].join('\n')
      t.ok(written.length > 10_000, 'there is something to look through')
      const secrets = [...Object.values(token), ...Object.values(town.userId), ...Object.values(town.email)]
      const found = [...secrets, ...ids, unlocked].filter(secret => written.includes(secret))
      t.strictSame(found, [], 'no token, user or envelope is in a log line, a metric or the status')
    },
  )
}

void t.test('a forged token is never answered from a copy: DocuSign decides', async t => {
  for (const settings of [{}, BLIND, { ...BLIND, ...SHARED }]) {
    const town = await openTown(t, { settings })
    const { house, token } = town
    const id = await town.envelope('completed')
    const path = `/envelopes/${id}`
    await house.ask(path, as(token.owner))
    t.equal(await told(house, path, as(token.owner)), '200 remembered', 'the cache is filled')

    const [head = '', claims = '', signature = ''] = token.owner.split('.')
    const none = Buffer.from('{"typ":"MT","alg":"none"}').toString('base64url')
    const swapped = signature.replace(/[a-z]/gi, c => (c < 'a' ? c.toLowerCase() : c.toUpperCase()))
    const true_ = `Bearer ${token.owner}`
    const forged: Record<string, readonly string[]> = {
      'another signature': [
        `Authorization: Bearer ${head}.${claims}.${signature.slice(0, -1)}${signature.endsWith('A') ? 'B' : 'A'}`,
      ],
      'alg none': [`Authorization: Bearer ${none}.${claims}.`],
      truncated: [`Authorization: ${true_.slice(0, -1)}`],
      'without a signature': [`Authorization: Bearer ${head}.${claims}`],
      'another case': [`Authorization: Bearer ${head}.${claims}.${swapped}`],
      'all of it in lower case': [`Authorization: ${true_.toLowerCase()}`],
      'a trailing dot': [`Authorization: ${true_}.`],
      'an extra space': [`Authorization: Bearer  ${token.owner}`],
      'a tab for the space': [`Authorization: Bearer\t${token.owner}`],
      'a scheme in lower case': [`Authorization: bearer ${token.owner}`],
      'no scheme': [`Authorization: ${token.owner}`],
      Basic: [`Authorization: Basic ${token.owner}`],
      quoted: [`Authorization: Bearer "${token.owner}"`],
      'with a parameter': [`Authorization: ${true_}; charset=utf-8`],
      'two in a line': [`Authorization: ${true_}, Bearer x`],
      'forged before true': ['Authorization: Bearer x', `Authorization: ${true_}`],
      'empty before true': ['Authorization:', `Authorization: ${true_}`],
      'in another line': [`X-DocuSign-Authentication: ${true_}`],
      'the bare token in another line': [`X-DocuSign-Authentication: ${token.owner}`],
      'beside another credential': [`Authorization: ${true_}`, 'X-DocuSign-Authentication: {"Username":"u"}'],
      "a proxy's line": [`Proxy-Authorization: ${true_}`],
      'a cookie': [`Cookie: access_token=${token.owner}`],
      underscored: [`X_Authorization: ${true_}`],
      none: [],
    }
    const line = `GET /restapi/v2.1/accounts/${house.accounts[0]?.id}${path}`
    for (const [how, lines] of Object.entries(forged)) {
      const [through, directly] = await Promise.all([
        sayTo(house.governor.url, line, lines),
        sayTo(house.url, line, lines),
      ])
      t.equal(`${how}: ${through.status}`, `${how}: ${directly.status}`)
      t.equal(through.body, directly.body, how)
      // With introspection, DocuSign may have said of this very line whose it is.
      if (directly.status === 401 || settings !== forgedWithUserinfo(settings))
        t.equal(through.outcome, 'forwarded', how)
    }
    // While the true one's call is under way.
    house.simulator.faults.set([{ match: { pathIncludes: '/documents' }, kind: 'none', latencyMs: 80 }])
    const leading = house.ask(`${path}/documents`, as(token.owner))
    await pause(30)
    const beside = await house.ask(`${path}/documents`, as(`${token.owner}.`))
    t.equal(`${beside.status} ${outcome(beside)}`, '401 forwarded')
    t.equal((await leading).status, 200)
    t.equal(await told(house, path, as(token.owner)), '200 remembered', 'and the true one has not suffered')
  }
})

function forgedWithUserinfo<S extends object>(settings: S): S | undefined {
  return 'GOVERNOR_IDENTITY_INTROSPECT' in settings ? undefined : settings
}

void t.test('a revoked token has no copies once its acceptance is old', async t => {
  for (const settings of [{}, BLIND, SHARED, { ...BLIND, ...SHARED }]) {
    const town = await openTown(t, { settings: { ...settings, ...PASS, GOVERNOR_IDENTITY_RECHECK: '0.3' } })
    const { house, token } = town
    const path = `/envelopes/${await town.envelope('completed')}`
    await house.ask(path, as(token.owner))
    await house.ask(path, as(token.admin))
    await town.revoke(token.owner)
    await pause(320)
    t.equal(await told(house, path, as(token.owner)), '401 forwarded')
    t.equal(await told(house, path, as(token.owner)), '401 forwarded')
    t.match(await told(house, path, as(token.admin)), /^200/)
  }
})

void t.test('a token that DocuSign has refused anywhere has no copies from then on', async t => {
  for (const settings of [PASS, { ...PASS, ...BLIND }, { ...PASS, ...SHARED }]) {
    const town = await openTown(t, { settings })
    const { house, token } = town
    const path = `/envelopes/${await town.envelope('completed')}`
    const second = town.newToken('owner')
    for (const one of [token.owner, second]) await house.ask(path, as(one))
    t.equal(await told(house, path, as(token.owner)), '200 remembered')
    await town.revoke(token.owner)
    t.equal((await house.ask('/templates', as(token.owner))).status, 401)
    t.equal(await told(house, path, as(token.owner)), '401 forwarded')
    t.equal(await told(house, path, { ...as(token.owner), method: 'HEAD' }), '401 forwarded')
    t.equal(await told(house, path, as(token.owner, { range: 'bytes=0-9' })), '401 forwarded')
    t.equal(
      await told(house, path, as(second)),
      '200 remembered',
      "the same user's other token is as good as before",
    )
  }
})

void t.test(
  'a refusal of anything of an envelope takes the copies of it from that viewer, and only from him',
  async t => {
    for (const status of [403, 404]) {
      const town = await openTown(t)
      const { house, token } = town
      const path = `/envelopes/${await town.envelope('completed')}`
      const elsewhere = `/envelopes/${await town.envelope('completed')}`
      const names = ['owner', 'reader'] as const
      for (const name of names) for (const at of [path, elsewhere]) await house.ask(at, as(token[name]))
      house.simulator.faults.set([
        { match: { pathIncludes: '/tabs_blob' }, kind: 'status', status, times: 1 },
      ])
      t.equal(await told(house, `${path}/tabs_blob`, as(token.reader)), `${status} forwarded`)
      t.equal(await told(house, path, as(token.owner)), '200 remembered')
      t.equal(await told(house, elsewhere, as(token.reader)), '200 remembered')
      t.equal(askersOf(house, path).length, 2)
      t.equal(await told(house, path, as(token.reader)), '200 forwarded', 'which he may read anew, once')
      t.equal(await told(house, path, as(token.reader)), '200 remembered')
    }
  },
)

void t.test('what was kept while nobody knew whose a token is falls with a refusal, too', async t => {
  const town = await openTown(t, { settings: PASS })
  const { house, token } = town
  const path = `/envelopes/${await town.envelope('completed')}`
  house.simulator.faults.set([
    { match: { pathIncludes: '/oauth/userinfo' }, kind: 'status', status: 503, times: 1 },
  ])
  await house.ask(path, as(token.reader))
  t.equal(await told(house, path, as(token.reader)), '200 remembered', 'as a mere hash')
  const line = [`Authorization: Bearer ${token.reader}`]
  t.equal((await sayTo(house.governor.url, 'GET /oauth/userinfo', line)).status, 200, 'now his user is known')
  house.simulator.faults.set([{ match: { pathIncludes: '/tabs_blob' }, kind: 'status', status: 404 }])
  t.equal((await house.ask(`${path}/tabs_blob`, as(token.reader))).status, 404)
  house.simulator.faults.set([
    { match: { pathIncludes: '/templates' }, kind: 'status', status: 401, times: 1 },
  ])
  await house.ask('/templates', as(token.reader))
  t.equal((await house.ask('/templates', as(token.reader))).status, 200, 'forgotten, and accepted again')
  t.equal(await told(house, path, as(token.reader)), '200 forwarded')
})

void t.test('only an answer that a credential has earned proves it', async t => {
  const town = await openTown(t, { settings: { ...BLIND, ...PASS, GOVERNOR_IDENTITY_RECHECK: '1' } })
  const { house, token } = town
  const { url } = house.governor
  const account = `/restapi/v2.1/accounts/${house.accounts[0]?.id}`
  const path = `/envelopes/${await town.envelope('completed')}`
  await house.ask(path, as(token.owner))
  await town.revoke(token.owner)
  await pause(1_020)
  const mine = `Authorization: Bearer ${token.owner}`
  // DocuSign answers the first to anybody; the faults make it answer the others, as it may.
  house.simulator.faults.set([
    { match: { pathIncludes: '/anybody' }, kind: 'status', status: 200 },
    { match: { method: 'POST', pathIncludes: '/templates' }, kind: 'status', status: 200 },
  ])
  const tricks: readonly (readonly [string, ...string[]])[] = [
    ['GET /restapi/service_information'],
    [`OPTIONS ${account}/anybody`, 'Origin: https://evil.example', 'Access-Control-Request-Method: GET'],
    [`HEAD ${account}/anybody`],
    ['GET /restapi/v2.1/anybody'],
    ['GET /static/v2.1/accounts/anybody'],
    [`GET ${account.replace('/restapi', '/Member')}/anybody`],
    [`GET ${account}/anybody`, 'Cookie: session=of-another'],
    [`GET ${account}/anybody?access_token=of-another`],
    [`GET ${account}/anybody?x=1&ACCESS%5Ftoken=of-another`],
    [`POST ${account}/templates`, 'Content-Type: application/x-www-form-urlencoded'],
    [`GET ${account}/anybody`, 'X_DocuSign_Authentication: {"Username":"another"}'],
  ]
  for (const [first, ...lines] of tricks) {
    t.equal((await sayTo(url, first, [mine, ...lines])).status, 200, `${first} is answered`)
    t.equal(await told(house, path, as(token.owner)), '401 forwarded', `and proves nothing: ${lines.join()}`)
  }
  // Without a trick it is an answer to him, and there is no knowing better.
  t.equal((await sayTo(url, `GET ${account}/anybody`, [mine])).status, 200)
  t.equal(await told(house, path, as(token.owner)), '200 remembered')
})

void t.test('who acts for another reads as that other, and for nobody else', async t => {
  const ids = userIds()
  const sharing = [
    { userId: ids.colleague, actsFor: ids.owner },
    { userId: ids.colleague, actsFor: ids.other },
  ]
  for (const settings of [PASS, { ...PASS, ...BLIND }]) {
    const town = await openTown(t, { docusign: { sharing }, settings })
    const { house, token, userId } = town
    const path = `/envelopes/${await town.envelope('completed', [])}`
    const forOwner = { 'x-docusign-act-on-behalf': userId.owner }
    for (let i = 0; i < 2; i++) {
      t.match(await told(house, path, as(token.owner)), i ? '200 remembered' : '200 forwarded')
      t.match(await told(house, path, as(token.colleague, forOwner)), i ? '200 remembered' : '200 forwarded')
      t.equal(await told(house, path, as(token.colleague)), '404 forwarded', 'not as himself')
      t.equal(
        await told(house, path, as(token.colleague, { 'x-docusign-act-on-behalf': userId.other })),
        '404 forwarded',
        'not as a third',
      )
    }
    const asUser = { 'x-docusign-act-as-user': userId.owner }
    t.equal(
      await told(house, path, as(token.colleague, asUser)),
      '200 forwarded',
      'the elder line is another',
    )
    t.equal(await told(house, path, as(token.other, forOwner)), '401 forwarded', 'only who may')
    for (const lines of [
      [`X-DocuSign-Act-On-Behalf: ${userId.owner}`, `X-DocuSign-Act-On-Behalf: ${userId.other}`],
      [`X-DocuSign-Act-On-Behalf: ${userId.owner.toUpperCase()}`],
      [`X-DocuSign-Act-On-Behalf: ${userId.owner}`, 'X-DocuSign-Act-As-User: x'],
      [`X-DocuSign-Act-On-Behalf:`],
      [`X_DocuSign_Act_On_Behalf: ${userId.owner}`],
      [`Connection: X-DocuSign-Act-On-Behalf`, `X-DocuSign-Act-On-Behalf: ${userId.owner}`],
    ]) {
      const first = `GET /restapi/v2.1/accounts/${house.accounts[0]?.id}${path}`
      const all = [`Authorization: Bearer ${town.newToken('colleague')}`, ...lines]
      const through = await sayTo(house.governor.url, first, all)
      const directly = await sayTo(house.url, first, all)
      t.equal(`${lines.join()} ${through.status}`, `${lines.join()} ${directly.status}`)
      t.equal(through.body, directly.body)
    }
  }
})

void t.test("a refreshed token finds its user's copies", async t => {
  await t.test('by introspection', async t => {
    const town = await openTown(t)
    const path = `/envelopes/${await town.envelope('completed')}`
    await town.house.ask(path, as(town.token.owner))
    t.equal(await told(town.house, path, as(town.newToken('owner'))), '200 remembered')
    t.equal(await told(town.house, path, as(town.token.colleague)), '404 forwarded')
  })
  await t.test('by userinfo that passes', async t => {
    const town = await openTown(t, { settings: BLIND })
    const { house } = town
    const path = `/envelopes/${await town.envelope('completed')}`
    const tokens = [town.token.owner, town.newToken('owner')]
    for (const token of tokens) {
      await sayTo(house.governor.url, 'GET /oauth/userinfo', [`Authorization: Bearer ${token}`])
    }
    t.equal(await told(house, path, as(tokens[0] ?? '')), '200 forwarded')
    t.equal(await told(house, path, as(tokens[1] ?? '')), '200 remembered')
    t.equal(await told(house, path, as(town.newToken('owner'))), '200 forwarded', 'nobody told of this one')
  })
  await t.test('by a grant that passes, once DocuSign has taken the token', async t => {
    const town = await openTown(t, { settings: BLIND })
    const { house, userId } = town
    const { integrationKeys, audience } = house.simulator.credentials()
    const [key] = integrationKeys
    const grant = async (name: Name) => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const exp = Math.floor(Date.now() / 1000) + 600
      const claims = {
        iss: key?.integrationKey,
        sub: userId[name],
        aud: audience,
        exp,
        scope: 'signature impersonation',
      }
      const signed = `${part({ typ: 'JWT', alg: 'RS256' })}.${part(claims)}`
      const signature = sign('RSA-SHA256', Buffer.from(signed), key?.privateKeyPem ?? '').toString(
        'base64url',
      )
      const form = new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: `${signed}.${signature}`,
      })
      const type = ['Content-Type: application/x-www-form-urlencoded']
      const { body } = await sayTo(house.governor.url, 'POST /oauth/token', type, form.toString())
      return (JSON.parse(body) as { access_token: string }).access_token
    }
    const path = `/envelopes/${await town.envelope('completed')}`
    t.equal(await told(house, path, as(await grant('owner'))), '200 forwarded')
    const next = await grant('owner')
    t.equal((await house.ask('/templates', as(next))).status, 200)
    t.equal(await told(house, path, as(next)), '200 remembered')
    const other = await grant('colleague')
    t.equal((await house.ask('/templates', as(other))).status, 200)
    t.match(await told(house, path, as(other)), /^(?:404 forwarded|429 refused)$/)
  })
})

void t.test(
  'where the operator shares copies, whom DocuSign has accepted on the account uses them, and nobody else',
  async t => {
    const town = await openTown(t, {
      settings: { ...BLIND, ...SHARED, ...PASS, GOVERNOR_IDENTITY_RECHECK: '1' },
    })
    const { house, token } = town
    const path = `/envelopes/${await town.envelope('completed')}`
    await house.ask(path, as(token.owner))
    t.equal(await told(house, path, as(token.half)), '200 forwarded', 'not accepted yet: his own call')
    t.equal(await told(house, path, as(token.half)), '200 remembered')
    await house.ask('/templates', as(token.admin))
    t.equal(await told(house, path, as(token.admin)), '200 remembered', 'accepted, by another call')
    await pause(1_020)
    t.equal(await told(house, path, as(token.admin)), '200 forwarded', 'too long ago')

    // On his own account he is accepted, not on this one; the administrator of both is, but on the other.
    const [, elsewhere] = house.accounts
    t.equal((await house.ask(`//accounts/${elsewhere?.id}/templates`, as(token.stranger))).status, 200)
    t.equal(await told(house, path, as(token.stranger)), '400 forwarded')
    const fresh = town.newToken('admin')
    t.equal((await house.ask(`//accounts/${elsewhere?.id}/templates`, as(fresh))).status, 200)
    t.equal(await told(house, path, as(fresh)), '200 forwarded')
    t.equal(await told(house, path, as(town.newToken('reader'))), '200 forwarded', 'never accepted')

    // The never-list says something of who asks.
    const audit = `${path}/audit_events`
    for (const name of ['owner', 'admin'] as const) await house.ask('/templates', as(token[name]))
    for (const name of ['owner', 'admin'] as const) {
      t.equal(await told(house, audit, as(token[name])), '200 forwarded')
      t.equal(await told(house, audit, as(token[name])), '200 remembered')
    }
  },
)

void t.test(
  'whom DocuSign has refused the envelope, or a part of it, does not get the common copy',
  async t => {
    const town = await openTown(t, { settings: SHARED })
    const { house, token } = town
    const path = `/envelopes/${await town.envelope('completed')}`
    t.equal(await told(house, path, as(token.colleague)), '404 forwarded')
    for (const part of ['', '/documents/2']) await house.ask(path + part, as(token.owner))
    t.equal(await told(house, path, as(token.colleague)), '404 forwarded', 'though a copy is there by now')
    t.equal(
      await told(house, path, as(town.newToken('colleague'))),
      '404 forwarded',
      'whichever his token is',
    )

    const hidden = `/envelopes/${await town.envelope('completed')}`
    t.equal(await told(house, `${hidden}/documents/2`, as(token.half)), '404 forwarded')
    for (const part of ['', '/documents/2']) await house.ask(hidden + part, as(token.owner))
    t.equal(await told(house, `${hidden}/documents/2`, as(token.reader)), '200 remembered', 'there is a copy')
    t.equal(await told(house, hidden, as(token.half)), '200 forwarded', 'he sees the envelope')
    t.equal(
      await told(house, `${hidden}/documents/2`, as(token.half)),
      '404 forwarded',
      'but not this document',
    )
  },
)

void t.test('what DocuSign calls private, or says depends on who asks, stays with its viewer', async t => {
  const answers: Record<string, Record<string, string>> = {
    plain: {},
    private: { 'Cache-Control': 'no-cache, private' },
    'private of a line': { 'Cache-Control': 'PRIVATE="x"' },
    vary: { Vary: 'Accept, authorization' },
  }
  const { url } = await serve(t, (who, kind, res) => {
    res.writeHead(200, { 'Content-Type': 'application/json', ...answers[kind] })
    res.end(JSON.stringify({ who }))
  })
  const governor = await startPassing(url, { ...BLIND, ...SHARED })
  t.teardown(() => governor.stop())
  for (const [n, kind] of Object.keys(answers).entries()) {
    const envelope = `93be49ab-0000-4000-8000-00000000000${n}`
    const first = `GET /apps/desk/restapi/v2.1/accounts/1/envelopes/${envelope}/recipients`
    const ask = async (who: string, at = first) =>
      (await sayTo(governor.url, at, [`Authorization: Bearer ${who}`, `X-Kind: ${kind}`])).body
    await ask('b', 'GET /restapi/v2.1/accounts/1/templates')
    t.match(await ask('a'), '"who":"Bearer a"')
    const second = await ask('b')
    if (kind === 'plain') t.match(second, '"who":"Bearer a"', 'the common copy')
    else t.notMatch(second, 'Bearer a', kind)
  }
})

async function serve(
  t: Test,
  answer: (who: string, kind: string, res: ServerResponse) => void,
): Promise<{ url: string }> {
  const server = http.createServer(({ headers }, res) => {
    answer(headers.authorization ?? '', String(headers['x-kind']), res)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

void t.test(
  'without userinfo a token is a mere hash, nobody waits long, and DocuSign is not pestered',
  async t => {
    const FOR_USERINFO = { pathIncludes: '/oauth/userinfo' }
    const troubles = {
      down: { match: FOR_USERINFO, kind: 'reset-before' },
      ill: { match: FOR_USERINFO, kind: 'status', status: 503 },
      limited: { match: FOR_USERINFO, kind: 'status', status: 429 },
      slow: { match: FOR_USERINFO, kind: 'none', latencyMs: 2_600 },
    } as const
    await Promise.all(
      Object.entries(troubles).map(async ([name, fault]) => {
        const town = await openTown(t)
        const { house, token } = town
        const path = `/envelopes/${await town.envelope('completed')}`
        house.simulator.faults.set([fault])
        const began = performance.now()
        t.equal(await told(house, path, as(token.owner)), '200 forwarded', name)
        t.ok(performance.now() - began < 2_500, `${name}: ${Math.round(performance.now() - began)} ms`)
        const again = performance.now()
        t.equal(
          await told(house, path, as(token.owner)),
          '200 remembered',
          `${name}: his own copy, as a hash`,
        )
        t.ok(performance.now() - again < 1_000, `${name}: and waits no second time`)
        t.equal(await told(house, path, as(token.reader)), '200 forwarded', name)
        if (name === 'limited') t.equal(house.simulator.report().oauth.total, 1, 'a limit is a limit for all')
        if (name === 'slow') await pause(800)
        await isCountedAlike(t, house, name)
      }),
    )
  },
)

void t.test(
  "userinfo's own limit is kept, and each call of ours is counted as DocuSign counts it",
  async t => {
    const town = await openTown(t, { docusign: { userinfoLimit: 2 } })
    const { house } = town
    const path = `/envelopes/${await town.envelope('completed')}`
    for (let i = 0; i < 8; i++) await house.ask(path, as(town.newToken('owner')))
    t.strictSame(house.simulator.report().oauth.byStatus, { 200: 2, 429: 1 })
    t.equal(askersOf(house, path).length, 7, 'the second found the copy of the first')
    await isCountedAlike(t, house, 'limited')
  },
)

async function isCountedAlike(t: Test, house: Governed, name: string): Promise<void> {
  const { byStatus, total } = house.simulator.report().oauth
  const lines = (await metricsOf(house)).split('\n')
  const counts: Record<string, number> = {}
  for (const line of lines) {
    if (!line.startsWith('docusign_governor_upstream_requests_total{')) continue
    if (!line.includes('route="/oauth/userinfo"')) continue
    const code = /code="(\w+)"/.exec(line)?.[1] ?? ''
    counts[code] = (counts[code] ?? 0) + Number(line.split(' ').at(-1))
  }
  t.strictSame(counts, byStatus, `${name}: ${total} of ${total}`)
}

void t.test('equal questions of two at once are two calls, and each gets his own answer', async t => {
  for (const settings of [{}, BLIND, SHARED]) {
    const town = await openTown(t, { settings })
    const { house, token } = town
    const path = `/envelopes/${await town.envelope('sent')}`
    const names = ['owner', 'reader', 'half', 'colleague', 'stranger'] as const
    for (const name of names) await house.ask('/templates', as(token[name]))
    const documents = `${path}/documents`
    house.simulator.faults.set([{ match: { pathIncludes: '/documents' }, kind: 'none', latencyMs: 80 }])
    const both = names.flatMap(name => [name, name])
    const answers = await Promise.all(both.map(name => house.ask(documents, as(token[name]))))
    house.simulator.faults.clear()
    for (const [n, name] of both.entries()) {
      const directly = await house.askDirectly(documents, as(token[name]))
      const through = answers[n]
      t.equal(`${name} ${through?.status}`, `${name} ${directly.status}`)
      t.ok(through?.body.equals(directly.body), name)
    }
    const askers = askersOf(house, documents).slice(0, -both.length)
    t.equal(new Set(askers).size, names.length, 'one call of each')
    t.ok(askers.length <= names.length + 2, `${askers.length} calls`)
  }
})

void t.test('who waits along with his user’s other token gets nothing once his own is refused', async t => {
  const town = await openTown(t)
  const { house, token } = town
  const path = `/envelopes/${await town.envelope('sent')}`
  const second = town.newToken('owner')
  for (const one of [token.owner, second]) {
    await sayTo(house.governor.url, 'GET /oauth/userinfo', [`Authorization: Bearer ${one}`])
  }
  // Else it would be the account's first, for which all others wait.
  await house.ask('/templates', as(token.owner))
  house.simulator.faults.set([
    { match: { pathIncludes: '/recipients' }, kind: 'none', latencyMs: 400, times: 1 },
  ])
  const leading = house.ask(`${path}/recipients`, as(token.owner))
  await pause(60)
  const following = house.ask(`${path}/recipients`, as(second))
  await pause(60)
  await town.revoke(second)
  t.equal((await house.ask('/templates', as(second))).status, 401)
  t.equal((await leading).status, 200)
  const followed = await following
  t.equal(`${followed.status} ${outcome(followed)}`, '401 forwarded')
})

void t.test('no trick of a colleague with a token of his own opens what is not his', async t => {
  for (const settings of [{}, BLIND, SHARED]) {
    const town = await openTown(t, { settings })
    const { house, token, userId } = town
    const id = await town.envelope('completed')
    const path = `/envelopes/${id}`
    t.equal((await house.ask(path, as(token.colleague))).status, 404)
    const first = await house.ask(path, as(token.owner))
    for (const part of ['/documents/1', '/recipients']) await house.ask(path + part, as(token.owner))
    const again = await house.ask(path, as(token.owner))
    t.equal(outcome(again), 'remembered')
    const etag = String(again.headers['etag'])
    const [{ id: account = '', number = '' } = {}] = house.accounts
    const at = `/restapi/v2.1/accounts/${account}${path}`
    const mine = `Authorization: Bearer ${token.colleague}`
    const tricks: readonly (readonly [string, ...string[]])[] = [
      [`GET ${at}`, 'Accept: application/json'],
      [`GET ${at}`, 'Accept: */*', 'Vary: Authorization'],
      [`GET ${at}`, 'Accept: APPLICATION/JSON ; q=1'],
      [`GET ${at}`, 'Connection: authorization'],
      [`GET ${at}`, 'Connection: x-docusign-authentication, x-docusign-act-on-behalf'],
      [`GET ${at}`, 'Cache-Control: only-if-cached'],
      [`GET ${at}`, 'Cache-Control: max-stale=999999'],
      [`GET ${at}`, 'Prefer: wait=0', 'X-Governor-Outcome: remembered'],
      [`GET ${at}`, `X-Forwarded-User: ${userId.owner}`, `X-User-Id: ${userId.owner}`],
      [`GET ${at}`, `X-Original-URL: ${at}/documents/1`, `X-Rewrite-URL: ${at}`],
      [`GET ${at}`, `X_DocuSign_Act_On_Behalf: ${userId.owner}`],
      [
        `GET ${at}`,
        `X-DocuSign-Act-On-Behalf: ${userId.colleague}`,
        `X-DocuSign-Act-On-Behalf: ${userId.owner}`,
      ],
      [`GET ${at}`, 'Range: bytes=0-0'],
      [`GET ${at}`, 'Range: bytes=99999999-'],
      [`GET ${at}`, 'If-None-Match: *'],
      [`GET ${at}`, `If-None-Match: ${etag}`],
      [`GET ${at}`, `If-Range: ${etag}`, 'Range: bytes=0-9'],
      [`GET ${at}`, `If-Match: ${etag}`],
      [`HEAD ${at}`],
      [`HEAD ${at}`, `If-None-Match: ${etag}`],
      [`HEAD ${at}/documents/1`],
      [`POST ${at}`, 'X-HTTP-Method-Override: GET', 'Content-Length: 0'],
      [`POST ${at}`, 'X_HTTP_Method_Override: GET', 'Content-Length: 0'],
      [`get ${at}`],
      [`GET ${at.toUpperCase().replace('/RESTAPI', '/restapi')}`],
      [`GET ${at}/`],
      [`GET ${at.replace(id, id.toUpperCase())}`],
      [`GET ${at.replace(id, `{${id}}`)}`],
      [`GET ${at.replace(id, `%7B${id}%7D`)}`],
      [`GET ${at.replace(id, `(${id})`)}`],
      [`GET ${at.replace(id, id.replaceAll('-', ''))}`],
      [`GET ${at.replace(account, number)}`],
      [`GET ${at.replace(account, account.toUpperCase())}`],
      [`GET ${at.replace('/v2.1/', '/V2.1/')}`],
      [`GET ${at.replace('/v2.1/', '/v2/')}`],
      [`GET ${at}?`],
      [`GET ${at}?include=`],
      [`GET ${at}?user_id=${userId.owner}`],
      [`GET /apps/owner${at}`],
      [`GET ${at}/documents/1`],
      [`GET ${at}/documents/combined`],
      [`GET ${at}/recipients`],
      [`GET ${at}/documents/1%20`],
      [`GET ${at}/./documents/1`],
      [`GET ${at}//documents/1`],
    ]
    for (const [line, ...lines] of tricks) {
      const what = [line.replaceAll(id, 'ID').replaceAll(account, 'ACCOUNT'), ...lines].join(' | ')
      const through = await sayTo(house.governor.url, line, [mine, ...lines])
      t.match(through.outcome, /^(?:forwarded|refused|)$/, what)
      t.notOk(through.status >= 200 && through.status < 400, `${through.status} ${what}`)
      t.notOk(through.body.includes('paper 1') || through.body.includes('A matter'), what)
      t.notMatch(through.head, /^(?:etag|age|content-range):/im, what)
      t.notOk(first.body.equals(Buffer.from(through.body)), what)
    }
    t.equal(await told(house, path, as(token.owner)), '200 remembered', 'the owner has lost nothing by it')
  }
})
