/**
 * Whoever calls may invent as many accounts, tokens and envelopes as he likes: what is kept of them is bounded, and drives
 * out nothing of those that DocuSign knows. (`npm run bench -- flood` does the same with 100,000.)
 */
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { makeAcquaintances } from '../../src/governor/acquaintances.js'
import { flood } from '../fixtures/flood.js'
import { many } from '../fixtures/governed.js'
import { startPassing } from '../fixtures/governor.js'
import { startUpstream } from '../fixtures/upstream.js'

const MB = 1024 * 1024
const CALLS = 6_000

void t.test(
  `${CALLS} accounts, tokens and envelopes that DocuSign refuses cost no memory to speak of`,
  async t => {
    const { beforeBytes, peakBytes, statuses } = await flood(
      CALLS,
      false,
      random(7),
      text => t.comment(text),
      0,
    )
    t.equal(Object.keys(statuses).join(), '401', 'all were answered, in DocuSign’s words')
    const moreBytes = peakBytes - beforeBytes
    t.ok(moreBytes < 100 * MB, `${Math.round(moreBytes / MB)} MB more at most`)
  },
)

/** Reproducible, in [0, 1). */
function random(seed: number): () => number {
  let state = seed
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
}

void t.test(
  'a stranger drives out strangers only, and none that was met is lost by having come as one',
  t => {
    interface Named {
      readonly key: string
      isMet: boolean
    }
    const steps = fc.array(
      fc.record({ name: fc.integer({ min: 0, max: 60 }).map(String), isAnswered: fc.boolean() }),
      { maxLength: 200 },
    )
    fc.assert(
      fc.property(steps, calls => {
        const accounts = makeAcquaintances<Named>(1_000, 5)
        const met = new Map<string, Named>()
        for (const { name, isAnswered } of calls) {
          let account = accounts.get(name)
          if (!account) accounts.set(name, (account = { key: name, isMet: false }))
          if (isAnswered) {
            account.isMet = true
            met.set(name, account)
          }
        }
        const all = [...accounts.values()]
        const kept = [...met].every(([name, account]) => accounts.peek(name) === account)
        return (
          kept &&
          all.length === accounts.size &&
          all.length <= met.size + 5 &&
          new Set(all).size === all.length
        )
      }),
      { numRuns: 300 },
    )
    t.pass('300 runs')
    t.end()
  },
)

void t.test(
  'a flood of tokens that DocuSign refuses costs a good one neither its copy nor its time',
  async t => {
    const upstream = await startUpstream()
    t.teardown(() => upstream.close())
    const path = '/restapi/v2.1/accounts/1/envelopes/4b728be4-1111-2222-3333-d63e23f822b6'
    const json = ['Content-Type: application/json']
    upstream.on('/', {
      onWhole({ headers, reply }) {
        const isGood = headers.some(([name, value]) => name === 'authorization' && value === 'Bearer good')
        if (isGood) reply(200, '{"status":"completed"}', json)
        else reply(401, '{"errorCode":"AUTHORIZATION_INVALID_TOKEN"}', json)
      },
    })
    const governor = await startPassing(upstream.url)
    t.teardown(() => governor.stop())
    const agent = new http.Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    const ask = (token: string) =>
      new Promise<{ status: number | undefined; outcome: unknown; body: string }>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}` }
        http
          .get({ host: '127.0.0.1', port: governor.port, path, agent, headers }, res => {
            let body = ''
            res.setEncoding('utf8').on('data', (text: string) => (body += text))
            res.on('end', () =>
              resolve({ status: res.statusCode, outcome: res.headers['x-governor-outcome'], body }),
            )
          })
          .on('error', reject)
      })
    t.equal((await ask('good')).status, 200)
    await pause(50)
    const asked = () => upstream.heard.filter(({ head }) => head.includes('Bearer good')).length
    const before = asked()
    let isOver = false
    const bad = Promise.all(
      many(20, async lane => {
        for (let i = 0; i < 100; i++) {
          const { status, body } = await ask(`bad-${lane}-${i}`)
          if (status !== 401 || body.includes('completed')) t.fail(`a bad token was told ${status}: ${body}`)
        }
      }),
    ).finally(() => (isOver = true))
    const took: number[] = []
    while (!isOver) {
      const askedMs = performance.now()
      const { outcome } = await ask('good')
      took.push(performance.now() - askedMs)
      if (outcome !== 'remembered') t.fail(`a good token’s call was ${String(outcome)}`)
      await pause(10)
    }
    await bad
    t.equal(asked(), before, `${took.length} times from its copy, among 2,000 that were refused`)
    t.ok(Math.max(...took) < 1_000, `in ${Math.max(...took).toFixed(0)} ms at most`)
  },
)
