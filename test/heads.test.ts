/** Heads that were read before: what is kept of one is what it asks for, and nothing of what it was answered. */
import type { IncomingMessage } from 'node:http'
import v8 from 'node:v8'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { makeHeads, MAX_STRANGE } from '../src/entry/heads.js'
import { bareOf, questionOf, type Question } from '../src/shield/question.js'
import { readCredential } from '../src/shield/credential.js'
import { Caller } from '../src/shield/visitor.js'
import { callOf } from './fixtures/calls.js'
import { collect } from './fixtures/collect.js'
import type { Asking, Told } from './fixtures/governed.js'
import { openTown, type Town } from './fixtures/town.js'

interface Head {
  readonly httpVersion: string
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
}

const IN_JSON = { 'content-type': 'application/json' }
const ENVELOPE = '7a5f1e05-6b6b-445e-9ec0-b8531bacca38'

const asRequest = (head: Head) => head as unknown as IncomingMessage

function questionFor(authorization: string): Question {
  const route = '/v2.1/accounts/{accountId}/envelopes/{envelopeId}'
  const resource = `/restapi/v2.1/accounts/1/envelopes/${ENVELOPE}`
  const call = { ...callOf('1'), route, resource, path: resource, target: resource, envelope: ENVELOPE }
  const headers = { authorization }
  const visitor = new Caller(call, headers, readCredential(headers), () => 'the account', undefined)
  const question = questionOf(visitor, { lists: false })
  if (!question) throw new Error('none of its business')
  return question
}

void t.test('a head is known by every byte of it', t => {
  // Nothing that Node takes for a head has a line break in a name or a value.
  const text = fc.stringMatching(/^[\x20-\x7e]{0,12}$/)
  const head = fc.record({
    httpVersion: fc.constantFrom('1.1', '1.0'),
    method: fc.constantFrom('GET', 'HEAD'),
    url: fc.constantFrom('/a', '/b', '/a?b'),
    rawHeaders: fc.array(fc.tuple(fc.constantFrom('Accept', 'accept', 'X'), text), { maxLength: 3 }),
  })
  const question = questionFor('Bearer a')
  let same = 0
  fc.assert(
    fc.property(fc.array(head, { minLength: 2, maxLength: 4 }), found => {
      const [last, ...others] = found.map(one => ({ ...one, rawHeaders: one.rawHeaders.flat() }))
      const heads = makeHeads()
      for (const other of others) heads.keep(asRequest(other), question)
      const isKept = others.some(other => JSON.stringify(other) === JSON.stringify(last))
      if (isKept) same++
      return last !== undefined && (heads.known(asRequest(last)) === question) === isKept
    }),
    { numRuns: 2_000 },
  )
  t.ok(same > 3, `${same} of them had been there`)
  t.end()
})

void t.test('who sends another head each time is not looked for any more', t => {
  const heads = makeHeads()
  const question = questionFor('Bearer a')
  const head = (n: number) =>
    asRequest({ httpVersion: '1.1', method: 'GET', url: '/a', rawHeaders: ['traceparent', `${n}`] })
  for (let n = 0; n < MAX_STRANGE; n++) {
    t.equal(heads.known(head(n)), undefined)
    heads.keep(head(n), question)
  }
  t.equal(heads.known(head(MAX_STRANGE - 1)), undefined, 'not even the one that was there')
  t.end()
})

void t.test('no token is kept with what was read of its head', async t => {
  const backwards = Array.from({ length: 40 }, () => String.fromCharCode(97 + Math.random() * 26)).join('')
  const there = () => backwards.split('').reverse().join('')
  const heads = makeHeads()
  const kept = (() => {
    const bare = bareOf(questionFor(`Bearer ${there()}`))
    if (!bare) throw new Error('it is not kept')
    const rawHeaders = ['Authorization', `Bearer ${there()}`]
    heads.keep(asRequest({ httpVersion: '1.1', method: 'GET', url: '/a', rawHeaders }), bare)
    return bare
  })()
  // The last text that an expression was held against is kept by the engine.
  t.ok(/^a/.test('another'))
  collect()
  let text = ''
  let isThere = false
  for await (const chunk of v8.getHeapSnapshot()) {
    text = text.slice(-100) + String(chunk)
    isThere ||= text.includes(there())
  }
  t.notOk(isThere, 'nowhere in memory')
  t.equal(kept.credential.token.length, 22, 'but its hash')
})

const TOWN = {
  docusign: { pollInterval: 900 },
  settings: { GOVERNOR_POLLING_WITHOUT_COPY: 'pass' },
}

function kindOf({ headers }: Told): string {
  return String(headers['x-governor-outcome'])
}

/** Read by `reader` until it is answered the short way. */
async function warm(
  t: Test,
  town: Town,
  status: 'completed' | 'sent' = 'completed',
): Promise<{ id: string; path: string; ask: (asking?: Asking) => Promise<Told> }> {
  const id = await town.envelope(status)
  const path = `/envelopes/${id}`
  const ask = (asking: Asking = {}) =>
    town.house.ask(path, {
      ...asking,
      headers: { authorization: `Bearer ${town.token.reader}`, ...asking.headers },
    })
  const first = await ask()
  for (let n = 0; n < 3; n++) {
    const again = await ask()
    t.equal(kindOf(again), 'remembered')
    t.ok(again.body.equals(first.body), 'the same bytes')
  }
  return { id, path, ask }
}

void t.test('whatever ends a copy ends it for a head that is known', async t => {
  const town = await openTown(t, TOWN)
  const { house } = town
  const ends: Record<string, (id: string, path: string) => Promise<unknown>> = {
    'a purge': id =>
      fetch(`${house.governor.adminUrl}/cache/purge`, {
        method: 'POST',
        headers: IN_JSON,
        body: JSON.stringify({ envelope: id }),
      }),
    'a write': (_, path) =>
      house.ask(path, {
        method: 'PUT',
        headers: { authorization: `Bearer ${town.token.owner}`, ...IN_JSON },
        body: '{"status":"voided","voidedReason":"no"}',
      }),
    'a refusal of another part': async (_, path) => {
      house.simulator.faults.set([{ kind: 'status', status: 403, times: 1 }])
      const headers = { authorization: `Bearer ${town.token.reader}` }
      t.equal((await house.ask(`${path}/recipients`, { headers })).status, 403)
    },
    'a 401 for its token': async (_, path) => {
      house.simulator.faults.set([{ kind: 'status', status: 401, times: 1 }])
      const headers = { authorization: `Bearer ${town.token.reader}` }
      t.equal((await house.ask(`${path}/audit_events`, { headers })).status, 401)
    },
  }
  for (const [what, end] of Object.entries(ends)) {
    const { id, path, ask } = await warm(t, town, what === 'a write' ? 'sent' : 'completed')
    await end(id, path)
    t.equal(kindOf(await ask()), 'forwarded', what)
  }
  const { ask } = await warm(t, town)
  await town.revoke(town.token.reader)
  const headers = { authorization: `Bearer ${town.token.reader}` }
  t.equal((await house.ask('/users', { headers })).status, 401)
  t.equal((await ask()).status, 401, 'a revoked token is answered by DocuSign')
})

void t.test('a head that differs in one line is read for itself', async t => {
  const town = await openTown(t, TOWN)
  const { ask } = await warm(t, town)
  const known = await ask()
  const etag = String(known.headers['etag'])
  const token = town.token.reader
  const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
  t.equal((await ask({ headers: { authorization: `Bearer ${forged}` } })).status, 401, 'another token')
  // Twice, because the second time such a head could be known.
  for (let time = 0; time < 2; time++) {
    t.equal((await ask({ headers: { 'if-none-match': etag } })).status, 304)
    const part = await ask({ headers: { range: 'bytes=0-9' } })
    t.equal(part.status, 206)
    t.ok(part.body.equals(known.body.subarray(0, 10)))
    const head = await ask({ method: 'HEAD' })
    t.equal(head.status, 200)
    t.equal(head.body.length, 0)
  }
  t.not(kindOf(await ask({ headers: { accept: 'application/xml' } })), 'remembered', 'another representation')
  t.equal(kindOf(await ask({ headers: { cookie: 'a=b' } })), 'forwarded', 'what goes by the shield')
  t.equal((await ask({ headers: { 'content-length': '2' }, body: '{}' })).status, 200, 'one with a body')
  t.equal(kindOf(await ask()), 'remembered', 'and the known one is as it was')
})

void t.test('a head that is known is recorded, counted and judged by new settings as any other', async t => {
  const town = await openTown(t, TOWN)
  const { ask } = await warm(t, town)
  const { governor } = town.house
  const started = await fetch(`${governor.adminUrl}/captures`, {
    method: 'POST',
    headers: IN_JSON,
    body: JSON.stringify({ requests: 5, bodies: false }),
  })
  const { id } = (await started.json()) as { id: string }
  const lines = governor.lines.length
  await ask()
  await ask()
  const { captures } = (await (await fetch(`${governor.adminUrl}/captures`)).json()) as {
    captures: { id: string; recorded: number }[]
  }
  t.equal(captures.find(one => one.id === id)?.recorded, 2)
  const told = governor.lines.slice(lines).map(line => JSON.parse(line) as Record<string, unknown>)
  t.match(told, [
    { outcome: 'remembered', saved: 'terminal', attempts: 0 },
    { outcome: 'remembered', saved: 'terminal', attempts: 0 },
  ])
  governor.reload({ GOVERNOR_CACHE_ENABLED: 'false' })
  t.equal(kindOf(await ask()), 'forwarded')
})
