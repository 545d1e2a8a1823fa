/**
 * The public conformance suite for HTTP caches (npm `http-cache-tests`, https://cache-tests.fyi), with the governor as
 * the cache. Its tests ask for envelopes here, because those are what copies are made of.
 *
 *   the suite's client ──/test/ID──▶ …/envelopes/ID ──▶ governor ──▶ …/envelopes/ID ──/test/ID──▶ the suite's origin
 *        └────────────────────────── /config/ID and /state/ID, past the governor ──────────────────────▲
 *
 * What it requires and we do not do stands in `fixtures/cache-conformance.json`, each with its reason. The suite is no
 * dependency, because it drags npm 6 along: `.ci/run` installs it, and without it this is skipped.
 */
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import t from 'tap'
import { ROOT, startPassing } from './fixtures/governor.js'

const INSTALLED = new URL('.ci/cache-tests/node_modules/', ROOT)
const ENVELOPES = '/restapi/v2.1/accounts/1703061/envelopes/'

type Handler = (segments: string[], request: IncomingMessage, response: ServerResponse) => void

interface Asking {
  headers: (readonly [string, string])[]
}

interface Suite {
  readonly id: string
  readonly tests: readonly { readonly id: string; readonly kind?: string; readonly browser_only?: boolean }[]
}

/** `true`, or the kind of failure and its message. */
type Results = Readonly<Record<string, true | readonly [string, string]>>

type Ask = (url: string, asking?: Asking) => Promise<unknown>
type Run = (
  suites: readonly Suite[],
  ask: Ask,
  isBrowser: boolean,
  base: string,
  atOnce: number,
) => Promise<void>
/** The third is a sign for the terminal. */
type Judge = (suites: readonly Suite[], id: string, results: Results) => readonly [string, string, string]

async function load<T>(file: string, name = 'default'): Promise<T> {
  const loaded = (await import(new URL(file, INSTALLED).href)) as Record<string, T>
  return loaded[name] as T
}

/** The suite's own handlers behind a server of this process, where its own would listen to the whole network. */
async function startOrigin(t: Test): Promise<string> {
  const handlers: Record<string, Handler> = {
    test: await load<Handler>('http-cache-tests/server/handle-test.mjs'),
    config: await load<Handler>('http-cache-tests/server/handle-config.mjs'),
    state: await load<Handler>('http-cache-tests/server/handle-state.mjs'),
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(ENVELOPES, '/test/').replace(/\?.*/, '')
    const [, kind = '', ...segments] = path.split('/')
    const handle = handlers[kind]
    if (handle) handle(segments, request, response)
    // Whose a token is, for one: it is not told.
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const CI = process.env['CI'] === 'true'
// In CI a check that was not made is a failure: there the suite is installed by the run itself.
const skip =
  !CI && !existsSync(INSTALLED) && 'http-cache-tests is not in .ci/cache-tests (.ci/run installs it)'

// The interval is the shipped one, because how long a copy answers is not for the answer to say: what the suite has
// against that stands in the list. What has no copy must go up, or a refusal would be all that the suite sees.
const SHIELD = {
  GOVERNOR_POLLING_WITHOUT_COPY: 'pass',
  GOVERNOR_IDENTITY_INTROSPECT: 'false',
}
// All of them: most of the suite's time is waiting.
const AT_ONCE = 400
const VERDICTS: Readonly<Record<string, string>> = { '✅': 'passed', '⛔️': 'failed' }

void t.test('as a cache, the governor breaks no rule but those it says it does', { skip }, async t => {
  const origin = await startOrigin(t)
  const governor = await startPassing(origin, SHIELD)
  t.teardown(() => governor.stop())

  const fetch = await load<Ask>('node-fetch/lib/index.mjs')
  const ask: Ask = (url, asking) => {
    const { pathname, search } = new URL(url)
    if (!asking || !pathname.startsWith('/test/')) return fetch(origin + pathname, asking)
    const isAuthorized = asking.headers.some(([name]) => name.toLowerCase() === 'authorization')
    if (!isAuthorized) asking.headers.push(['Authorization', 'Bearer one-viewer'])
    return fetch(governor.url + pathname.replace('/test/', ENVELOPES) + search, asking)
  }

  const suites = await load<Suite[]>('http-cache-tests/tests/index.mjs')
  const runTests = await load<Run>('http-cache-tests/client/runner.mjs', 'runTests')
  await runTests(suites, ask, false, 'http://suite', AT_ONCE)
  const results = (await load<() => Results>('http-cache-tests/client/runner.mjs', 'getResults'))()
  const judge = await load<Judge>('http-cache-tests/lib/display.mjs', 'determineTestResult')

  const tally: Record<string, Record<string, number>> = {}
  const failed: Record<string, string> = {}
  const passed = new Set<string>()
  for (const { id, kind = 'required', browser_only } of suites.flatMap(({ tests }) => tests)) {
    if (browser_only === true) continue
    const result = results[id]
    const sign = judge(suites, id, results)[2]
    const counts = (tally[kind] ??= {})
    counts[sign] = (counts[sign] ?? 0) + 1
    if (kind !== 'required') continue
    if (VERDICTS[sign] === 'passed') passed.add(id)
    if (VERDICTS[sign] === 'failed') failed[id] = result === true ? '' : (result?.[1] ?? 'did not run')
  }
  t.comment(tally)
  t.ok(passed.size > 60, `${passed.size} required tests passed`)

  const list = new URL('test/fixtures/cache-conformance.json', ROOT)
  const reasons = JSON.parse(readFileSync(list, 'utf8')) as Record<string, string>
  const unlisted = Object.entries(failed).filter(([id]) => reasons[id] === undefined)
  t.strictSame(Object.fromEntries(unlisted), {}, 'every failure has its reason')
  const outdated = Object.keys(reasons).filter(id => results[id] === undefined || passed.has(id))
  t.strictSame(outdated, [], 'and every reason its failure')
})
