/**
 * Takes each rule out of a private copy of the build and runs the tests that promise it: a rule whose absence no
 * test notices is a rule without a test. `npm run build && node build/test/mutations.js [REGEXP]`; exit 1 when one survives.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

interface Mutation {
  /** What no longer holds. */
  readonly rule: string
  /** Under `build/src`. */
  readonly file: string
  /** `[what stands there, what shall]`, each found exactly once. */
  readonly cuts: readonly (readonly [string, string])[]
  /** The test file, and the beginning of the name of the group that must notice. */
  readonly test: readonly [file: string, group: string]
}

const FORWARD = 'forward/forward.js'
const OUTGOING = 'forward/outgoing.js'
const AGENTS = 'forward/agents.js'
const HYGIENE = 'forward/hygiene.js'
const PLACES = 'forward/places.js'
const LISTENER = 'entry/listener.js'
const RECEIVE = 'entry/receive.js'
const RESPOND = 'entry/respond.js'
const LEAVES = ['forward', 'a side that leaves'] as const
const SILENCE = ['forward', 'silence'] as const
const HOSTS = ['forward', 'hosts that cannot'] as const
const MESSAGES = ['forward', 'messages that end'] as const
const FRAMING = ['forward', 'framing is kept'] as const
const LINES = ['forward', 'header lines'] as const
const SHAPES = ['forward', 'answers of every shape'] as const
const ONCE = ['forward', 'R12'] as const
const SHARED = ['forward', 'connections are shared'] as const
const WHATEVER = ['budget', 'promise 1'] as const
const VECTORS = ['framing', 'what DocuSign reads'] as const
const WHOSE = ['shield', 'rule: a copy is for'] as const
const BELIEVED = ['shield', 'rule: DocuSign’s acceptance'] as const
const IS_FINAL = ['shield', 'rule: final is'] as const
const WRITTEN = ['shield', 'rule: a write drops'] as const
const INTERVAL = ['shield', 'rule: an interval begins'] as const
const TWINS = ['shield', 'rule: only who may see'] as const
const RESTART = ['shield', 'rule: a restart'] as const
const KEPT = ['representation', 'what is kept of an answer'] as const

const MUTATIONS: readonly Mutation[] = [
  {
    rule: 'R1: util._extend is replaced before http-proxy is loaded',
    file: FORWARD,
    cuts: [["import './no-extend-warning.js';", '']],
    test: ['forward', 'R1'],
  },
  {
    rule: 'R2: only the pass `stream`',
    file: FORWARD,
    cuts: [
      ["filter(pass => pass.name === 'stream')", 'filter(() => true)'],
      ['webPasses.length !== 1', 'webPasses.length !== 4'],
    ],
    test: FRAMING,
  },
  {
    rule: 'R3: the target goes up as it was judged',
    file: FORWARD,
    cuts: [['toProxy: true', 'toProxy: false']],
    test: ['forward', 'R3'],
  },
  {
    rule: 'R3: a path with "//" is refused',
    file: 'identify/target.js',
    cuts: [['slashes > 0 && path', 'slashes < 0 && path']],
    test: ['forward', 'R3'],
  },
  { rule: 'R4: no Trailer crosses', file: HYGIENE, cuts: [["'trailer', ", '']], test: MESSAGES },
  { rule: 'R4: no Upgrade crosses', file: HYGIENE, cuts: [["'upgrade', ", '']], test: LINES },
  { rule: 'R4: no Expect crosses', file: HYGIENE, cuts: [["'expect',", '']], test: LINES },
  {
    rule: 'R4: what Connection names stays on it (request)',
    file: HYGIENE,
    cuts: [
      ['|| hasPrefix(name, REQUEST_PREFIXES) || named?.has(name)', '|| hasPrefix(name, REQUEST_PREFIXES)'],
    ],
    test: LINES,
  },
  {
    rule: 'R4: what Connection names stays on it (answer)',
    file: HYGIENE,
    cuts: [
      ['|| hasPrefix(key, RESPONSE_PREFIXES) || named?.has(key)', '|| hasPrefix(key, RESPONSE_PREFIXES)'],
    ],
    test: LINES,
  },
  {
    rule: 'R4: Connection cannot name the framing lines away',
    file: HYGIENE,
    cuts: [['content-|transfer-encoding$|host$|', '']],
    test: FRAMING,
  },
  {
    rule: 'R4: a transfer coding other than chunked is refused',
    file: RECEIVE,
    cuts: [["coding.toLowerCase() !== 'chunked'", 'false']],
    test: VECTORS,
  },
  {
    rule: 'R4: and its connection closed',
    file: 'entry/corridor.js',
    cuts: [['fault !== TOO_LARGE', 'false']],
    test: VECTORS,
  },
  {
    rule: 'no other length than a plain number',
    file: RECEIVE,
    cuts: [['!PLAIN_NUMBER.test(length)', 'false']],
    test: VECTORS,
  },
  {
    rule: 'no HTTP/0.9',
    file: RECEIVE,
    cuts: [["httpVersion !== '1.1' && httpVersion !== '1.0'", 'false']],
    test: VECTORS,
  },
  {
    rule: 'Forwarded, method overrides and the like are removed',
    file: HYGIENE,
    cuts: [["'x-http-method-override',", '']],
    test: LINES,
  },
  {
    rule: 'R5: the request is not touched in `proxyReq`',
    file: OUTGOING,
    cuts: [['this.#upstream = upstream;', "this.#upstream = upstream; upstream.setHeader('x-late', '1');"]],
    test: SHARED,
  },
  {
    rule: 'R6: a body that is not whole is a cut client',
    file: RESPOND,
    cuts: [['if (answer.isWhole())', 'if (true)']],
    test: LEAVES,
  },
  {
    rule: 'R6: a body without a declared end, reset, is not whole',
    file: OUTGOING,
    cuts: [['this.#isBroken = true', 'this.#isBroken = false']],
    test: LEAVES,
  },
  {
    rule: "R6: without DocuSign's reason phrase",
    file: RESPOND,
    cuts: [
      [
        'Node throws.\n        res.writeHead(answer.status, ',
        'Node throws.\n        res.writeHead(answer.status, body.statusMessage, ',
      ],
    ],
    test: MESSAGES,
  },
  {
    rule: 'R6: selfHandleResponse, the lines of the answer as they came',
    file: RESPOND,
    cuts: [
      [
        'Node throws.\n        res.writeHead(answer.status, answer.headers.concat(added)',
        'Node throws.\n        res.writeHead(answer.status, Object.fromEntries([...answer.body.headersDistinct ? Object.entries(answer.body.headers) : []])',
      ],
    ],
    test: LINES,
  },
  {
    rule: 'R6: an unknown transfer coding is no answer',
    file: OUTGOING,
    cuts: [["coding !== 'chunked'", 'false']],
    test: MESSAGES,
  },
  { rule: 'R6: a 204 has no length', file: HYGIENE, cuts: [['status === 204', 'false']], test: SHAPES },
  {
    rule: 'R7: who leaves takes the upstream request along',
    file: OUTGOING,
    cuts: [['abort() {', 'abort() { return;']],
    test: LEAVES,
  },
  {
    rule: 'R7: who has left is handed no place, also before its connection has closed',
    file: PLACES,
    cuts: [['caller.writable', 'true']],
    test: LEAVES,
  },
  {
    rule: 'R10: who is told 504 while waiting for a place is never sent',
    file: PLACES,
    cuts: [['own.waiting.delete(go)', 'void 0']],
    test: SILENCE,
  },
  {
    rule: 'R8: the callback and the listener: an error is an answer',
    file: FORWARD,
    cuts: [
      ['outgoing.asResponse(), outgoing.onError)', 'outgoing.asResponse())'],
      ["proxy.on('error',", "proxy.on('nothing',"],
    ],
    test: HOSTS,
  },
  {
    rule: 'R9: a place is given back however the call ends',
    file: FORWARD,
    cuts: [['outgoing.whenOver(giveBack)', 'void giveBack']],
    test: SHARED,
  },
  {
    rule: 'R9: and the count of what is in flight',
    file: LISTENER,
    cuts: [['inFlight--', 'void 0']],
    test: SHAPES,
  },
  {
    rule: 'R10: the overall deadline',
    file: OUTGOING,
    cuts: [["() => this.#give('timeout', 'GOVERNOR_RESPONSE_TIMEOUT')", '() => undefined']],
    test: SILENCE,
  },
  {
    rule: 'R10: silence inside a body',
    file: AGENTS,
    cuts: [["socket.destroy(new ConnectionEnded('GOVERNOR_SILENCE_TIMEOUT'))", 'undefined']],
    test: SILENCE,
  },
  {
    rule: 'R10: a slow upload puts the deadline off',
    file: OUTGOING,
    cuts: [['this.#deadline.refresh();\n            note', 'note']],
    test: SILENCE,
  },
  {
    rule: 'R10: the time to connect is bounded',
    file: AGENTS,
    cuts: [["socket.destroy(new ConnectionEnded('GOVERNOR_CONNECT_TIMEOUT'))", 'undefined']],
    test: HOSTS,
  },
  {
    rule: 'R10: an unasked 101 is no answer (with an Upgrade line)',
    file: OUTGOING,
    cuts: [["upstream.on('close',", "upstream.on('nothing',"]],
    test: MESSAGES,
  },
  {
    rule: 'R10: an unasked 101 is no answer (without)',
    file: OUTGOING,
    cuts: [['status < 200', 'false']],
    test: MESSAGES,
  },
  {
    rule: 'R11: connections are kept',
    file: AGENTS,
    cuts: [['keepAlive: true', 'keepAlive: false']],
    test: SHARED,
  },
  {
    rule: 'R11: changeOrigin',
    file: FORWARD,
    cuts: [['changeOrigin: true', 'changeOrigin: false']],
    test: ['forward', 'R11'],
  },
  {
    rule: 'R11: certificates are verified',
    file: FORWARD,
    cuts: [['secure: true', 'secure: false']],
    test: ['forward', 'R11'],
  },
  {
    rule: 'R11: a request that never left is known by its connection',
    file: AGENTS,
    cuts: [["!== 'connecting'", "=== 'nothing'"]],
    test: ONCE,
  },
  {
    rule: 'an answer nobody asked for ends the idle connection',
    file: AGENTS,
    cuts: [["socket.on('data', () =>", "socket.on('nothing', () =>"]],
    test: MESSAGES,
  },
  {
    rule: 'one account has at most half of the connections',
    file: FORWARD,
    cuts: [['config.maxSockets / 2', 'config.maxSockets']],
    test: SHARED,
  },
  {
    rule: 'R12: a write that may have left is never repeated',
    file: 'forward/exchange.js',
    cuts: [["failure.left === 'never'", 'true']],
    test: ONCE,
  },
  {
    rule: 'R12: what never left is repeated',
    file: 'forward/exchange.js',
    cuts: [["failure.left === 'never'", 'false']],
    test: HOSTS,
  },
  {
    rule: 'R12: a GET that was reset is repeated',
    file: 'forward/exchange.js',
    cuts: [["method === 'GET' || ", '']],
    test: ONCE,
  },
  {
    rule: 'R12: twice at most',
    file: 'entry/ask.js',
    cuts: [['if (repeated ||', 'if (notes.attempts.length > 2 ||']],
    test: ONCE,
  },
  {
    rule: 'R13: no upgrade listener',
    file: LISTENER,
    cuts: [
      [
        "server.on('checkContinue', onRequest);",
        "server.on('checkContinue', onRequest); server.on('upgrade', (_q, s) => s.destroy());",
      ],
    ],
    test: ['forward', 'R13'],
  },
  {
    rule: 'R13: headersTimeout and requestTimeout',
    file: LISTENER,
    cuts: [
      ['headersTimeout: config.headersTimeoutMs', 'headersTimeout: 60_000'],
      ['requestTimeout: config.requestTimeoutMs', 'requestTimeout: 90_000'],
    ],
    test: ['forward', 'R13'],
  },
  {
    rule: 'a pipelined call waits for the one before it',
    file: LISTENER,
    cuts: [
      [
        "before.once('close', () => {\n            socket[WAITING]",
        '(turn => turn())(() => {\n            socket[WAITING]',
      ],
    ],
    test: LEAVES,
  },
  {
    rule: 'a broken pipelined request is answered in its turn',
    file: LISTENER,
    cuts: [['if (!before.socket)', 'if (false)']],
    test: SHAPES,
  },
  {
    rule: 'an upload that was answered early ends',
    file: OUTGOING,
    cuts: [['writableFinished === false', 'writableFinished === undefined']],
    test: SHAPES,
  },
  {
    rule: 'a refusal spares the upload',
    file: RECEIVE,
    cuts: [["headers.expect?.toLowerCase() === '100-continue'", 'false']],
    test: LINES,
  },
  {
    rule: 'HTTP/1.0 is never told to continue',
    file: RECEIVE,
    cuts: [["req.httpVersion !== '1.0' && ", '']],
    test: LINES,
  },
  {
    rule: 'back-pressure',
    file: RESPOND,
    cuts: [['body.pause()', 'void 0']],
    test: ['forward', 'bodies stream'],
  },
  {
    rule: 'governor: a place is held until its window has passed after the answer',
    file: 'governor/budget.js',
    cuts: [['this.#ring.add(nowMs)', 'this.#ring.add(nowMs - 20_000)']],
    test: WHATEVER,
  },
  {
    rule: 'governor: calls under way count',
    file: 'governor/budget.js',
    cuts: [['this.#burst.room(this.#inFlight, nowMs)', 'this.#burst.room(0, nowMs)']],
    test: WHATEVER,
  },
  {
    rule: 'governor: a call under way while the hour turns is charged to both',
    file: 'governor/hour.js',
    cuts: [['return this.#allowance() - used - inFlight', 'return this.#allowance() - used']],
    test: WHATEVER,
  },
  {
    rule: "governor: DocuSign's own count holds where it is less than ours",
    file: 'governor/hour.js',
    cuts: [
      [
        'Math.min(this.#ours(inFlight, nowMs), this.#theirs(inFlight));\n    }',
        'this.#ours(inFlight, nowMs);\n    }',
      ],
    ],
    test: ['budget', 'promise 3'],
  },
  {
    rule: 'governor: a reset that lies behind its own call is no reset',
    file: 'governor/hour.js',
    cuts: [['if (isPast || this.#time.earliestMs(theirs', 'if (this.#time.earliestMs(theirs']],
    test: ['budget', 'promise 3'],
  },
  {
    rule: 'governor: an account nobody knows starts with one call alone',
    file: 'governor/budget.js',
    cuts: [['#isKnown = false', '#isKnown = true']],
    test: ['budget', 'an account nobody'],
  },
  {
    rule: 'governor: whoever leaves is gone from the lane',
    file: 'governor/waiter.js',
    cuts: [['if (this.party)', 'if (false)']],
    test: ['lanes', 'a hundred wait'],
  },
  {
    rule: 'ledger: what is spent is written before it is sent',
    file: 'governor/account.js',
    cuts: [['this.#journal.spend(nowMs, room)', 'undefined']],
    test: ['kill', 'killed'],
  },
  {
    rule: 'shield: no copy without a proof of the token',
    file: 'shield/whose.js',
    cuts: [['const own = tokens.isProven(credential, nowMs)', 'const own = true']],
    test: BELIEVED,
  },
  {
    rule: 'shield: a proof is believed for so long',
    file: 'shield/tokens.js',
    cuts: [['< believedMs', '< Infinity']],
    test: BELIEVED,
  },
  {
    rule: 'shield: a 401 forgets the token',
    file: 'shield/learn.js',
    cuts: [['if (status === 401)', 'if (status === 499)']],
    test: BELIEVED,
  },
  {
    rule: 'shield: the viewer is in the key',
    file: 'shield/whose.js',
    cuts: [['return keyOf(account, viewer, representation)', 'return keyOf(account, representation)']],
    test: WHOSE,
  },
  {
    rule: 'shield: for whom a call acts is in the viewer',
    file: 'shield/tokens.js',
    cuts: [["legacy === '' && acting === '' ? who : keyOf(who, legacy, acting)", 'who']],
    test: ['viewers', 'who acts for another'],
  },
  {
    rule: 'shield: a token is hashed to its last sign',
    file: 'shield/credential.js',
    cuts: [
      [
        "authorization === undefined ? '' : keyOf(authorization)",
        "authorization === undefined ? '' : keyOf(authorization.slice(0, -1))",
      ],
    ],
    test: WHOSE,
  },
  {
    rule: 'shield: a forged token is not proven by the true one',
    file: 'shield/credential.js',
    cuts: [
      [
        "authorization === undefined ? '' : keyOf(authorization)",
        "authorization === undefined ? '' : keyOf(authorization.split('.')[1] ?? authorization)",
      ],
    ],
    test: ['viewers', 'a forged token'],
  },
  {
    rule: 'shield: Accept is in the key',
    file: 'shield/representation.js',
    cuts: [['normal(headers.accept),', '']],
    test: WHOSE,
  },
  {
    rule: 'shield: Accept-Encoding is in the key',
    file: 'shield/representation.js',
    cuts: [["codingClass(headers['accept-encoding']),", '']],
    test: WHOSE,
  },
  {
    rule: 'shield: the query is in the key',
    file: 'shield/representation.js',
    cuts: [['canonicalQuery(call.query),', '']],
    test: ['representation', 'what DocuSign could'],
  },
  {
    rule: 'shield: no 206 is kept',
    file: 'shield/keepable.js',
    cuts: [['status !== 200', 'status > 299']],
    test: KEPT,
  },
  {
    rule: 'shield: no Set-Cookie is kept',
    file: 'shield/keepable.js',
    cuts: [["case 'set-cookie':", '']],
    test: KEPT,
  },
  {
    rule: 'shield: no no-store is kept',
    file: 'shield/keepable.js',
    cuts: [['if (NO_STORE.test(value))', 'if (false)']],
    test: KEPT,
  },
  {
    rule: 'shield: the trace of another call is not replayed',
    file: 'shield/keepable.js',
    cuts: [["'x-docusign-tracetoken',", '']],
    test: ['shield', 'a terminal envelope'],
  },
  {
    rule: 'shield: the limits of another call are not replayed',
    file: 'shield/keepable.js',
    cuts: [["'x-ratelimit-', ", '']],
    test: ['shield', 'a terminal envelope'],
  },
  {
    rule: 'shield: what may still change is never final',
    file: 'shield/asking.js',
    cuts: [['const isFinal = !question.isNeverFinal && ', 'const isFinal = ']],
    test: IS_FINAL,
  },
  {
    rule: 'shield: a route that nobody has judged is not final',
    file: 'shield/never.js',
    cuts: [['|| !FINAL.has(route)', '']],
    test: ['sightings', 'what is read under'],
  },
  {
    rule: 'shield: final is only what was fetched when the end was known',
    file: 'shield/learn.js',
    cuts: [
      [
        'sinceMs !== undefined && sinceMs <= sentMs',
        'sinceMs !== undefined || terminal.know(envelope, sentMs)',
      ],
    ],
    test: IS_FINAL,
  },
  {
    rule: 'shield: a write drops copies',
    file: 'shield/learn.js',
    cuts: [
      ['voidFetches(which);\n        return copies.drop(which)', 'voidFetches(which);\n        return []'],
    ],
    test: WRITTEN,
  },
  {
    rule: 'shield: what was asked before a write is not kept',
    file: 'shield/learn.js',
    cuts: [['voidFetches(which);\n        return copies.drop(which)', 'return copies.drop(which)']],
    test: WRITTEN,
  },
  {
    rule: 'shield: a write lets one read pass',
    file: 'shield/learn.js',
    cuts: [['polls.written(envelope, nowMs);', '']],
    test: ['shield', 'a write lets one'],
  },
  {
    rule: 'shield: and no second one',
    file: 'shield/polls.js',
    cuts: [['write.endedAt > readAt', 'true']],
    test: ['polls', 'a write lets each'],
  },
  {
    rule: 'shield: an interval runs from the answer',
    file: 'shield/asking.js',
    cuts: [
      [
        'this.#parts.polls.answered(this.pollKey, ok, nowMs)',
        'this.#parts.polls.answered(this.pollKey, ok, this.fetch.sentMs)',
      ],
    ],
    test: INTERVAL,
  },
  {
    rule: 'shield: while one is under way, no other is sent',
    file: 'shield/polls.js',
    cuts: [
      [
        'if (read.underWay > 0)\n                return PENDING',
        'if (false)\n                return PENDING',
      ],
    ],
    test: INTERVAL,
  },
  {
    rule: 'shield: only a 2xx begins an interval',
    file: 'shield/polls.js',
    cuts: [['if (ok) {', 'if (true) {']],
    test: ['polls', 'only a 2xx'],
  },
  {
    rule: 'shield: a 403 drops copies',
    file: 'shield/learn.js',
    cuts: [['(status === 403 || status === 404)', '(status === 404)']],
    test: ['shield', 'rule: a 403'],
  },
  {
    rule: 'shield: a 404 drops copies',
    file: 'shield/learn.js',
    cuts: [['(status === 403 || status === 404)', '(status === 403)']],
    test: ['shield', 'rule: a 404'],
  },
  {
    rule: 'shield: twins are of one viewer',
    file: 'shield/whose.js',
    cuts: [
      [
        'twinKeyOf: question => idOf(question, tokens.viewerOf(question.credential))',
        "twinKeyOf: question => idOf(question, '')",
      ],
    ],
    test: TWINS,
  },
  {
    rule: 'shield: equal questions go up once',
    file: 'shield/under-way.js',
    cuts: [["key === '' ? undefined : twins.get(key)", 'undefined']],
    test: TWINS,
  },
  {
    rule: 'shield: a leader who fails sets all free',
    file: 'shield/asking.js',
    cuts: [['const left = this.fetch.free();', 'const left = undefined;']],
    test: TWINS,
  },
  {
    rule: 'shield: the trace of the leader is his own',
    file: 'shield/reply.js',
    cuts: [['x-docusign-tracetoken|', '']],
    test: TWINS,
  },
  {
    rule: 'shield: that a GET goes up is noted',
    file: 'shield/asking.js',
    cuts: [['this.#parts.diary.asked(this.pollKey, nowMs);', '']],
    test: RESTART,
  },
  {
    rule: 'shield: a write is noted',
    file: 'shield/learn.js',
    cuts: [['diary.written(envelope, nowMs);', '']],
    test: RESTART,
  },
  {
    rule: 'shield: a purge removes from the vault',
    file: 'shield/copies.js',
    cuts: [['if (ids.length > 0)\n            vault.remove(ids)', 'void ids']],
    test: RESTART,
  },
  {
    rule: 'shield: a purge removes from memory',
    file: 'shield/copies.js',
    cuts: [['table.delete(copy.id);', 'vault.remove([copy.id]);']],
    test: RESTART,
  },
  {
    rule: 'shield: who leaves the queue has sent nothing',
    file: 'entry/audience.js',
    cuts: [['common.onUnwanted = () => leave()', 'common.onUnwanted = () => undefined']],
    test: ['shield', 'who leaves while'],
  },
  {
    rule: 'governor: once all were told, nobody waits any more',
    file: 'governor/governor.js',
    cuts: [['isDraining = true;', '']],
    test: ['shield', 'who waits for a leader'],
  },
]

const ROOT = new URL('../../', import.meta.url)
const COPY = new URL('build-mutations/', ROOT)

async function run([file, group]: Mutation['test']): Promise<{
  failed: string[]
  passed: number
  ended: boolean
}> {
  const child = spawn(process.execPath, [new URL(`test/${file}.test.js`, COPY).pathname], {
    env: { ...process.env, TAP_GREP: `/^${group}/`, TAP_TIMEOUT: '60', TAP_BAIL: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), 75_000)
  let [out, errors] = ['', '']
  child.stdout.on('data', bytes => (out += String(bytes)))
  child.stderr.on('data', bytes => (errors += String(bytes)))
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(limit)
  const failed = [...out.matchAll(/^ {0,4}not ok \d+ - (.*?)(?: # .*)?$/gm)].map(match => match[1] ?? '')
  if (code !== 0 && failed.length === 0)
    failed.push(`the process ended: ${errors.trim().split('\n')[0] ?? ''}`)
  return { failed, passed: [...out.matchAll(/^ +ok /gm)].length, ended: code === 0 }
}

function mutate({ file, cuts }: Mutation): () => void {
  const place = new URL(`src/${file}`, COPY)
  const sound = readFileSync(place, 'utf8')
  let text = sound
  for (const [from, to] of cuts) {
    if (text.split(from).length !== 2) throw new Error(`${file} does not have this exactly once: ${from}`)
    text = text.replace(from, () => to)
  }
  writeFileSync(place, text)
  return () => writeFileSync(place, sound)
}

const say = (line: string) => void process.stdout.write(`${line}\n`)
const wanted = MUTATIONS.filter(({ rule }) => new RegExp(process.argv[2] ?? '', 'i').test(rule))
let survived = 0
rmSync(COPY, { recursive: true, force: true })
cpSync(new URL('build/', ROOT), COPY, { recursive: true })
try {
  for (const test of new Map(wanted.map(({ test }) => [test.join(), test])).values()) {
    const { ended, passed, failed } = await run(test)
    if (!ended || passed === 0) throw new Error(`${test.join(': ')} does not pass as it is: ${failed.join()}`)
  }
  for (const mutation of wanted) {
    const restore = mutate(mutation)
    const { failed } = await run(mutation.test)
    restore()
    // The group's own line comes last and says nothing more.
    const noticed = failed.filter(name => !name.startsWith(mutation.test[1]) || failed.length === 1)
    if (failed.length === 0) survived++
    say(
      `${failed.length > 0 ? 'caught  ' : 'SURVIVED'}  ${mutation.rule}${noticed
        .slice(0, 2)
        .map(name => `\n            ${name}`)
        .join('')}`,
    )
  }
} finally {
  rmSync(COPY, { recursive: true, force: true })
}
say(`${wanted.length - survived} of ${wanted.length} caught`)
process.exitCode = survived === 0 ? 0 : 1
