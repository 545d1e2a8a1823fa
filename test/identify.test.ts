import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import type { Call, Refusal } from '../src/base/types.js'
import { makeIdentify } from '../src/identify/identify.js'
import { makeRoutes } from '../src/identify/routes.js'
import { ROOT } from './fixtures/governor.js'

const TABLE = readFileSync(new URL('config/docusign-routes.tsv', ROOT), 'utf8')
const ROWS = TABLE.trimEnd()
  .split('\n')
  .map(line => line.split('\t') as [method: string, template: string])
const nameRoute = makeRoutes(TABLE)
const identify = makeIdentify(
  { apps: ['Web-Shop', 'constructor'], isOurs: authority => authority === 'governor.test:8080' },
  nameRoute,
)

const A = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const E = '93be49ab-afa0-4adf-933c-f752070d71ec'
const ENVELOPES = `/restapi/v2.1/accounts/${A}/envelopes`

function callOf(method: string, target: string): Call {
  const read = identify(method, target)
  if (read.kind === 'refusal') throw new Error(`${target} was refused: ${read.message}`)
  return read
}

function got(target: string): Call {
  return callOf('GET', target)
}

void t.test(
  'every operation of the table is labelled with its own template, however its path is spelled',
  t => {
    t.equal(ROWS.length, 456)
    const shapeOf = (template: string) => template.replace(/\{[^}]+\}/g, '{}')
    const fillings = [() => E, () => '7', (name: string) => `${name}%20of%20m%C3%A9`]
    for (const [method, template] of ROWS) {
      for (const fill of fillings) {
        const path = `/restapi${template.replace(/\{([^}]+)\}/g, (_, name: string) => fill(name))}`
        const spellings = [path, `${path}/`, path.toUpperCase(), `/apps/web-shop${path}?count=1`]
        const labels = spellings.map(spelling => shapeOf(callOf(method, spelling).route))
        t.strictSame(new Set(labels), new Set([shapeOf(template)]), `${method} ${path}`)
      }
    }
    t.end()
  },
)

void t.test('what the table does not know passes, and is labelled other', t => {
  const unknown = [
    '/',
    '/restapi',
    '/restapi/v2.1/accounts',
    '/restapi/v2.1/nothing/like/this',
    `/restapi/v2/accounts/${A}/envelopes/${E}`,
    `/clickapi/v1/accounts/${A}/clickwraps`,
    `/management/v2/organizations/${A}`,
    `${ENVELOPES}/${E}/recipients/${'9'.repeat(4000)}/tabs`,
    '/oauth/unheard-of',
    '/constructor/__proto__/toString',
  ]
  const known = new Set([...ROWS.map(([, template]) => template), '/v2.1/accounts'])
  for (const target of unknown) {
    const { route } = got(target)
    if (target === '/restapi/v2.1/accounts')
      t.ok(known.has(route), 'the label is of the path, not the method')
    else t.equal(route, 'other', target.slice(0, 80))
  }
  for (const path of ['/oauth/auth', '/oauth/token', '/oauth/userinfo', '/oauth/logout']) {
    t.match(got(path), { route: path, service: 'oauth', account: undefined })
    t.match(got(`/apps/x${path.toUpperCase()}/?a=b`), { route: path, service: 'oauth' })
  }
  t.equal(got('/oauthx/token').service, 'api')
  t.end()
})

void t.test('only a GUID in its place is an envelope, and every spelling of it is the same one', t => {
  const bare = E.replaceAll('-', '')
  const spellings = [
    E,
    E.toUpperCase(),
    bare,
    bare.toUpperCase(),
    `%7B${E}%7D`,
    `%7b${E.toUpperCase()}%7d`,
    `(${E})`,
    `%28${E}%29`,
    `%20${E}`,
    `${E}%20`,
  ]
  for (const spelling of spellings) {
    const call = got(`${ENVELOPES}/${spelling}/documents/1`)
    t.match(call, { envelope: E, account: A, resource: `${ENVELOPES}/${E}/documents/1` }, spelling)
    t.equal(call.target, `${ENVELOPES}/${spelling}/documents/1`, 'it goes up as it came')
  }
  for (const word of [
    'status',
    'STATUS',
    'shared',
    'transfer_rules',
    '12345',
    `${E}0`,
    `x${E}`,
    bare.slice(1),
  ]) {
    t.equal(got(`${ENVELOPES}/${word}`).envelope, undefined, word)
  }
  t.equal(got(`${ENVELOPES}/transfer_rules/${E}`).envelope, undefined)
  t.equal(got(`/restapi/v2.1/accounts/${A}/templates/${E}`).envelope, undefined)
  t.equal(got(`/restapi/v2.1/accounts/${A}/users/envelopes/${E}`).envelope, undefined)
  t.end()
})

void t.test('the account is found in every family and version that names one, and nowhere else', t => {
  const named = {
    [`/restapi/v2.1/accounts/${A}`]: A,
    [`/RestApi/V2.1/Accounts/${A.toUpperCase()}/`]: A,
    [`/restapi/v2/accounts/${A}/envelopes/${E}`]: A,
    [`/clickapi/v1/accounts/%7B${A.toUpperCase()}%7D/clickwraps`]: A,
    [`/apps/Web-Shop/clickapi/v1/accounts/14072015/clickwraps`]: '14072015',
    '/restapi/v2.1/accounts/14072015/users': '14072015',
  }
  for (const [target, account] of Object.entries(named)) t.equal(got(target).account, account, target)
  t.equal(
    got(`/restapi/v2/accounts/${A}/envelopes/${E}`).envelope,
    E,
    'the older version names envelopes alike',
  )
  const unnamed = [
    '/restapi/v2.1/accounts',
    '/restapi/v2.1/accounts/',
    '/restapi/v2.1/accounts/provisioning',
    '/restapi/v2.1/accounts/PROVISIONING',
    '/restapi/v2.1/accounts/%20',
    `/restapi/v2.1/users/accounts/${A}`,
    `/restapi/accounts/${A}`,
    `/oauth/accounts/${A}`,
    '/restapi/v2.1/diagnostics/request_logs',
    '/restapi/service_information',
  ]
  for (const target of unnamed) t.equal(got(target).account, undefined, target)
  t.end()
})

void t.test('the name of an app is cut off the front, and not a byte behind it changes', t => {
  const rest = `/restapi/V2.1/accounts/${A.toUpperCase()}/envelopes/?From_Date=2026%2d01&x=//a/../b;c%00`
  for (const sent of ['web-shop', 'Web-Shop', 'WEB-SHOP']) {
    t.match(got(`/apps/${sent}${rest}`), {
      target: rest,
      app: { name: 'Web-Shop', label: 'Web-Shop', prefix: `/apps/${sent}` },
    })
  }
  t.match(got(`/APPS/Reports.v2_~-${rest}`), {
    target: rest,
    app: { name: 'reports.v2_~-', label: 'other', prefix: '/APPS/Reports.v2_~-' },
  })
  t.match(got('/apps/constructor/restapi').app, { name: 'constructor', label: 'constructor' })
  for (const name of ['__proto__', 'toString', 'hasOwnProperty', 'prototype']) {
    t.match(got(`/apps/${name}/restapi`).app, { name: name.toLowerCase(), label: 'other' }, name)
  }
  t.match(got(rest), { target: rest, app: { name: '', label: 'other', prefix: '' } })
  t.match(got('/apps'), { target: '/apps', app: { name: '' } })
  t.match(got('/appsy/x/restapi'), { app: { name: '' } })
  t.match(
    got('/apps/a/apps/b/restapi'),
    { target: '/apps/b/restapi', app: { name: 'a' } },
    'one name, the first',
  )
  t.equal(got('/apps/a/').target, '/')
  t.match(got(`/apps/a${ENVELOPES}/${E}`).resource, got(`${ENVELOPES}/${E}`).resource)

  const bad = [
    '',
    '%20',
    'a b',
    'a%41',
    'a@b',
    'a:b',
    "a'b",
    'é',
    'a'.repeat(65),
    'a,b',
    '+',
    '!',
    '%E2%82%AC',
  ]
  for (const name of bad) t.equal(identify('GET', `/apps/${name}/restapi`).kind, 'refusal', `/apps/${name}/`)
  for (const target of [
    '/apps/',
    '/apps/x',
    '/APPS/x',
    '/apps/x?y=/z',
    '/apps/../restapi',
    '/apps/./restapi',
  ]) {
    t.equal(identify('GET', target).kind, 'refusal', target)
  }
  t.equal(got(`/apps/${'a'.repeat(64)}/restapi`).app.name.length, 64)
  t.end()
})

void t.test('a method is a read, a write, or a question in the clothes of a write', t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE']) {
    t.equal(callOf(method, `${ENVELOPES}/${E}`).methodClass, 'read', method)
    t.equal(callOf(method, `${ENVELOPES}/status`).methodClass, 'read', method)
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'get']) {
    t.equal(callOf(method, `${ENVELOPES}/${E}`).methodClass, 'write', method)
  }
  for (const target of [
    `${ENVELOPES}/status`,
    `${ENVELOPES.toUpperCase()}/STATUS/?envelope_ids=request_body`,
  ]) {
    t.equal(callOf('PUT', target).methodClass, 'query', target)
    t.equal(callOf('POST', target).methodClass, 'write', target)
  }
  for (const target of [`${ENVELOPES}/status/more`, `/restapi/v2.1/accounts/${A}/folders/status`]) {
    t.equal(callOf('PUT', target).methodClass, 'write', target)
  }
  t.end()
})

void t.test('a target that is not in canonical form is refused', t => {
  const paths = {
    'an empty segment': ['//', '/restapi//x', '//evil.test/restapi', '/restapi/x//', '/apps/a//restapi'],
    'a dot segment': ['/.', '/..', '/./x', '/x/..', '/x/../y', '/restapi/./x', '/apps/../x', '/apps/a/../x'],
    'an escaped dot': ['/x/%2e', '/x/%2E%2e/y', '/x/.%2e/y', '/a%2eb', '/v2%2E1'],
    'an escaped slash': ['/a%2fb', '/a%2Fb', '/%2F', '/restapi%2Fx', '/apps%2fa/x'],
    'an escaped backslash': ['/a%5cb', '/a%5C..%5Cb'],
    'a backslash': ['/a\\b', '/\\evil.test', '/..\\x', '\\'],
    'an escaped unreserved character': ['/%41', '/%7a', '/%30', '/a%2Db', '/a%5fb', '/a%7Eb', '/rest%61pi'],
    'an escape within an escape': ['/%252f', '/%252e%252e', '/%2541', '/%25c0', '/a%25%32%66'],
    'path parameters': ['/x;a=b', '/x;/y', '/;', '/x/..;/y', '/apps/a;b/x'],
    'a fragment': ['/x#y', '/#', '/x?y#z', '/x?#'],
    'a control character': [
      '/a\0',
      '/a\x01b',
      '/\x7f',
      '/a%00',
      '/a%0d%0aSet-Cookie',
      '/a%1F',
      '/a%7f',
      '/x?a\x7f',
    ],
    'a space, or a tab': ['/a b', '/a\tb', '/x?a b', '/x?a\tb', ' /x', '/x '],
    'a line end': ['/x\r\nHost: y', '/x?a\nb', '/x?\r'],
    'half an escape': ['/%', '/%a', '/a%zz', '/%4', '/%%'],
    'an escape that is no UTF-8': ['/%ff', '/%C0%AE', '/%c0%af', '/%E2%82', '/%ed%a0%80', '/%F5%80%80%80'],
    'a raw byte beyond ASCII': ['/\xe9', '/\xc0\xae', '/é', '/…', '/\u2028', '/\ud800'],
    'what no URL holds': ['/{x}', '/"x"', '/<x>', '/a|b', '/a^b', '/`', '/[x]'],
    'a URL inside the path': ['/http:/x', '/x/https:/y', '/x/HTTP:/y'],
    'a GUID as a list of numbers': [
      `${ENVELOPES}/%7B0x93be49ab,0xafa0,0x4adf,%7B0x93,0x3c,0xf7,0x52,0x07,0x0d,0x71,0xec%7D%7D`,
      `${ENVELOPES}/%20%7B%200X93be49ab%20,0xafa0,0x4adf,%7B0x93,0x3c,0xf7,0x52,0x07,0xd,0x71,0xec%7D%7D`,
    ],
    'no path at all': ['', '*', '?x', 'x', 'restapi/x', 'governor.test:8080', '%2Frestapi'],
    'another host': [
      'http://demo.docusign.net/restapi',
      'https://evil.test/restapi',
      'http://governor.test/restapi',
      'http://governor.test:80800/x',
      'http://user:pass@governor.test:8080/x',
      'http://governor.test:8080@evil.test/x',
      'http:///restapi',
      'ftp://governor.test:8080/x',
      'file:///etc/passwd',
    ],
    'our own name, and no path': [
      'http://governor.test:8080',
      'http://governor.test:8080?x',
      'http://governor.test:8080#x',
    ],
    'our own name, and a bad path': ['http://governor.test:8080//x', 'http://governor.test:8080/../x'],
  }
  for (const [what, targets] of Object.entries(paths)) {
    const passed = targets.filter(target => {
      const read = identify('GET', target)
      return read.kind !== 'refusal' || read.reason !== 'bad-request' || read.status !== undefined
    })
    t.strictSame(passed, [], `${what}, in ${targets.length} ways`)
  }
  t.end()
})

void t.test('what is unusual and unambiguous passes as it came', t => {
  const targets = [
    `${ENVELOPES}?from_date=2026-01-01T00:00:00Z&search_text=//..;%2e%2F%5C\\[]{}|"<>`,
    `${ENVELOPES}?redirect=http://evil.test/`,
    `${ENVELOPES}?`,
    `${ENVELOPES}??`,
    `${ENVELOPES}/`,
    '/a.b/..c/d../...',
    "/!$&'()*+,=:@-._~",
    '/caf%C3%A9/%E2%82%AC/%F0%9F%98%80/%20%22%3C%3E%7B%7D%7C',
    '/100%25',
    '/x?\xe9\xff',
  ]
  for (const target of targets) t.equal(got(target).target, target, target)
  t.match(got('/x?a=b?c'), { path: '/x', query: 'a=b?c' })
  t.match(got('/x?'), { path: '/x', query: '', target: '/x?' })
  t.equal(got('/%C3%A9').resource, got('/%c3%a9').resource)
  t.equal(got('/a%2Bb%40c').resource, got('/a+b@c').resource)
  t.equal(got('/').resource, '/')
  for (const own of [
    'http://governor.test:8080',
    'https://GOVERNOR.test:8080',
    'HTTP://governor.test:8080',
  ]) {
    t.match(got(`${own}/apps/a/restapi/x?y`), {
      target: '/restapi/x?y',
      path: '/restapi/x',
      app: { name: 'a' },
    })
  }
  t.end()
})

/** Reads a target as the most obliging server would: everything that could be taken for one thing is one thing. */
function obliging(target: string): string {
  let path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
  path = path.replace(/;[^/]*/g, '')
  for (let before = ''; before !== path;) {
    before = path
    path = path.replace(/(?:%[0-9a-f]{2})+/gi, bytes =>
      Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8'),
    )
  }
  const segments: string[] = []
  for (const segment of path.replaceAll('\\', '/').toLowerCase().split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return segments
    .map(segment => {
      const bare = segment.replace(/[-{}() ]/g, '')
      return /^[0-9a-f]{32}$/.test(bare) ? bare : segment
    })
    .join('/')
}

const PLAIN = fc.constantFrom(
  'restapi',
  'v2.1',
  'accounts',
  A,
  'envelopes',
  E,
  'documents',
  '1',
  'Combined',
  'a b',
  'é',
)
const path = fc.array(PLAIN, { minLength: 1, maxLength: 7 })
const hex = (text: string, upper: boolean) =>
  [...Buffer.from(text)]
    .map(b => `%${upper ? b.toString(16).toUpperCase().padStart(2, '0') : b.toString(16).padStart(2, '0')}`)
    .join('')
/** One way to write one segment. Most of them are harmless, for the property must see pairs that both pass. */
const pen = fc.constantFrom<(segment: string) => string>(
  encodeURIComponent,
  encodeURIComponent,
  segment => encodeURIComponent(segment.toUpperCase()),
  segment => encodeURIComponent(segment).toLowerCase(),
  segment => encodeURIComponent(segment.replaceAll('-', '')),
  segment => (segment.length === 36 ? `%7B${segment.toUpperCase()}%7D` : encodeURIComponent(segment)),
  segment => (segment.length === 36 ? `(${segment})` : encodeURIComponent(segment)),
  segment => (segment.length === 36 ? `%20${segment}` : encodeURIComponent(segment)),
)
const trick = fc.constantFrom<(segment: string) => string>(
  segment => hex(segment.slice(0, 1), true) + encodeURIComponent(segment.slice(1)),
  segment => hex(segment, false),
  segment => encodeURIComponent(hex(segment, true)),
  segment => `${encodeURIComponent(segment)};v=1`,
  segment => `./${encodeURIComponent(segment)}`,
  segment => `%2e/${encodeURIComponent(segment)}`,
  segment => `x/../${encodeURIComponent(segment)}`,
  segment => `/${encodeURIComponent(segment)}`,
  segment => segment,
)
const gap = fc.constantFrom('/', '/', '/', '/', '/', '/', '/', '//', '\\', '%2f', '%5C', '/./')
const spelling = fc.record({
  pens: fc.array(fc.oneof({ weight: 40, arbitrary: pen }, { weight: 1, arbitrary: trick }), {
    minLength: 7,
    maxLength: 7,
  }),
  gaps: fc.array(gap, { minLength: 7, maxLength: 7 }),
  front: fc.constantFrom('', '', '', 'http://governor.test:8080'),
  back: fc.constantFrom('', '', '/', '?', '?x=1', '/?x=1', '#', '//'),
})
type Spelling = typeof spelling extends fc.Arbitrary<infer S> ? S : never

function spelled(segments: readonly string[], { pens, gaps, front, back }: Spelling): string {
  const written = segments.map(
    (segment, i) => (i === 0 ? '/' : (gaps[i] ?? '/')) + (pens[i]?.(segment) ?? segment),
  )
  return front + written.join('') + back
}

void t.test(
  'two targets that some server could take for one resource have one key, or one of them is refused',
  t => {
    let bothPassed = 0
    const pair = fc.tuple(path, spelling, fc.option(path), spelling)
    fc.assert(
      fc.property(pair, ([one, first, other, second]) => {
        const targets = [spelled(one, first), spelled(other ?? one, second)] as const
        if (obliging(targets[0]) !== obliging(targets[1])) return
        const [left, right] = [identify('GET', targets[0]), identify('GET', targets[1])]
        if (left.kind === 'refusal' || right.kind === 'refusal') return
        if (left.target !== right.target) bothPassed++
        if (left.resource !== right.resource) throw new Error(`${targets.join(' and ')} are two keys`)
      }),
      { numRuns: 30_000, seed: 1 },
    )
    t.ok(bothPassed > 500, `of those pairs, ${bothPassed} passed in two spellings`)
    const seen = new Set(
      [[A], [E], ['a b'], ['a+b'], [A, E], [E, A]].map(
        p => got(`/${p.map(encodeURIComponent).join('/')}`).resource,
      ),
    )
    t.equal(seen.size, 6, 'and different resources keep different keys')
    t.end()
  },
)

/** Anything that can stand in a request line, and a good deal that cannot. */
const ALPHABET = fc.oneof(
  fc.constantFrom(
    '/',
    '/',
    '%',
    '%2',
    '.',
    '..',
    '\\',
    ';',
    '?',
    '#',
    'apps',
    'restapi',
    'v2.1',
    'accounts',
    E,
    'http://',
  ),
  fc.constantFrom('governor.test:8080', '{', '%7b', '%c3%a9', '__proto__', ':', '*', '\0', '\r\n', ' '),
  fc.integer({ min: 0, max: 0xff }).map(code => String.fromCharCode(code)),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
const anything = fc.array(ALPHABET, { maxLength: 24 }).map(parts => parts.join(''))

void t.test('whatever stands in the request line is read or refused, never thrown at', t => {
  const labels = new Set(['other', '/oauth/auth', '/oauth/token', '/oauth/userinfo', '/oauth/logout'])
  for (const [, template] of ROWS) labels.add(template)
  const messages = new Set<string>()
  let passed = 0
  fc.assert(
    fc.property(
      fc.constantFrom('', '/', '/apps/x/', '/restapi/'),
      anything,
      fc.string(),
      (front, rest, method) => {
        const target = front + rest
        const read: Call | Refusal = identify(method, target)
        if (read.kind === 'refusal') return void messages.add(read.message)
        passed++
        const bare = target.replace(/^https?:\/\/governor\.test:8080/i, '')
        if (read.app.prefix + read.target !== bare) throw new Error(`${target} goes up as ${read.target}`)
        if (read.path + (read.target.includes('?') ? `?${read.query}` : '') !== read.target)
          throw new Error(`${read.path} and ${read.query} are not ${read.target}`)
        if (!labels.has(read.route)) throw new Error(`${read.route} is no label of the table`)
        if (/[^\x21-\x7e]/.test(read.path)) throw new Error(`${read.path} could not be written on one line`)
      },
    ),
    { numRuns: 20_000, seed: 2 },
  )
  t.ok(passed > 500, `${passed} of them were calls`)
  // A closed set: whatever they were made of, none of it is repeated.
  t.ok(messages.size > 3 && messages.size < 20, `${messages.size} different refusals`)
  t.end()
})
