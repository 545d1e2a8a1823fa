import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { loadConfig, type ConfigFault, type ConfigSources } from '../src/config/load.js'
import { SETTINGS, type Config } from '../src/config/settings.js'
import { shieldSlice, stateSlice } from '../src/config/slices.js'
import { vaultKeyOf, VaultKeyFault } from '../src/config/vault-key.js'
import { changedAtStartOnly, described, settingsTable, showConfig, showFaults } from '../src/config/show.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const DEFAULTS = join(ROOT, 'config/default.yaml')
const CANARY = 'canary-4fK2-secret-value'

const folder = mkdtempSync(join(tmpdir(), 'governor-config-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const SITE = join(folder, 'site.yaml')

type Env = ConfigSources['env']

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function loadSite(yaml: string | Uint8Array, env: Env = {}) {
  return loadConfig({ files: [DEFAULTS, fileOf('site.yaml', yaml)], env })
}

function configOf(yaml: string, env: Env = {}): Config {
  const loaded = loadSite(yaml, env)
  if (loaded.kind === 'faults') throw new Error(showFaults(loaded.faults))
  return loaded.config
}

/** Faults as `WHERE  PATH: MESSAGE`, the folder left out. */
function faultsOf(yaml: string | Uint8Array, env: Env = {}): string[] {
  const loaded = loadSite(yaml, env)
  return loaded.kind === 'config' ? [] : lines(loaded.faults)
}

function lines(faults: readonly ConfigFault[]): string[] {
  return showFaults(faults).replaceAll(`${folder}/`, '').split('\n')
}

/** As many faults as patterns, in order. */
function tells(t: Test, told: readonly string[], patterns: readonly RegExp[], name = ''): void {
  t.equal(told.length, patterns.length, `${name}\n${told.join('\n')}`)
  for (const [at, pattern] of patterns.entries()) t.match(told[at], pattern, name)
}

/** Each: the file, and the start of every fault it must be told, in order. */
const BAD_FILES: Readonly<Record<string, readonly [yaml: string, ...faults: string[]]>> = {
  'a port out of bounds': [
    'listen:\n  port: 65536\n',
    'site.yaml:2:9  listen.port: must be a whole number from 0 to 65535 (0 takes any free port), not 65536',
  ],
  'a port that is no number': [
    'listen:\n  port: "8080"\n',
    'site.yaml:2:9  listen.port: must be a whole number',
  ],
  'a fraction of a port': ['listen: { port: 80.5 }', 'site.yaml:1:17  listen.port: must be a whole number'],
  'a duration with a unit': [
    'listen:\n  headersTimeout: 20s\n',
    'site.yaml:2:19  listen.headersTimeout: must be a number of seconds from 0.01 to 3600, not "20s"',
  ],
  'not a number, infinity and an overflow': [
    'shutdown: { timeout: .nan }\nupstream: { connectTimeout: .inf, responseTimeout: 1e400 }',
    'site.yaml:1:22  shutdown.timeout: must be a number of seconds from 0 to 3600, not NaN',
    'site.yaml:2:29  upstream.connectTimeout: must be a number of seconds from 0.01 to 600, not Infinity',
    'site.yaml:2:52  upstream.responseTimeout: must be a number of seconds from 0.01 to 3600, not Infinity',
  ],
  'too few sockets to give one account half of them': [
    'upstream:\n  maxSockets: 1\n',
    'site.yaml:2:15  upstream.maxSockets: must be a whole number of connections from 2 to 10000, not 1',
  ],
  'a word YAML 1.1 would have called true': [
    '%YAML 1.1\n---\nadmin:\n  open: yes\n',
    'site.yaml:4:9  admin.open: must be true or false, not "yes"',
  ],
  'a level that does not exist': [
    'log:\n  level: verbose\n',
    'site.yaml:2:10  log.level: must be one of trace, debug, info, warn, error, fatal, silent, not "verbose"',
  ],
  'a long value is cut': [
    `log:\n  level: ${'x'.repeat(200)}\n`,
    `site.yaml:2:10  log.level: must be one of trace, debug, info, warn, error, fatal, silent, not "${'x'.repeat(59)}…`,
  ],
  'hosts that are none': [
    'listen: { host: "[::1]" }\nadmin: { host: "127.1", hosts: [governor, "a b"] }',
    'site.yaml:1:17  listen.host: must be an IP address (an IPv6 one without brackets) or a host name',
    'site.yaml:2:16  admin.host: must be an IP address',
    'site.yaml:2:32  admin.hosts: must be an IP address (an IPv6 one without brackets) or a host name, without a port; item 2 is "a b"',
  ],
  'one name where a list is wanted': [
    'admin: { hosts: governor }',
    'site.yaml:1:17  admin.hosts: must be a list of at most 100 IP addresses or host names, not "governor"',
  ],
  'more names than the list holds': [
    `admin: { hosts: [${Array.from({ length: 101 }, (_, i) => `h${i}`).join()}] }`,
    'site.yaml:1:17  admin.hosts: must not hold more than 100 names',
  ],
  'URLs with more than an origin': [
    'listen:\n  publicUrl: https://h?\nupstream:\n  api: https://demo.docusign.net/restapi\n  oauth: ftp://h\n',
    'site.yaml:2:14  listen.publicUrl: must not have a query or a fragment',
    'site.yaml:4:8  upstream.api: must not have a path: scheme, host and port only',
    'site.yaml:5:10  upstream.oauth: must be a URL such as https://host or http://host:8080',
  ],
  'URLs the parser would have forgiven': [
    'listen: { publicUrl: "https:\\\\\\\\h" }\nupstream: { api: "https://h:0", oauth: "https://h:99999" }',
    'site.yaml:1:22  listen.publicUrl: must be a URL such as',
    'site.yaml:2:18  upstream.api: must not have port 0',
    'site.yaml:2:40  upstream.oauth: must be a URL such as',
  ],
  'settings of the shield out of bounds': [
    'polling: { interval: -1, withoutCopy: hold }\ncache: { maxBytes: 0, share: all }\nidentity: { recheck: 1d }',
    'site.yaml:1:22  polling.interval: must be a number of seconds from 0 to 86400, not -1',
    'site.yaml:1:39  polling.withoutCopy: must be one of refuse, pass, not "hold"',
    'site.yaml:2:20  cache.maxBytes: must be a whole number of bytes from 1 to 1099511627776, not 0',
    'site.yaml:2:30  cache.share: must be one of viewer, account, not "all"',
    'site.yaml:3:22  identity.recheck: must be a number of seconds from 0 to 86400, not "1d"',
  ],
  'an entry larger than the whole cache': [
    'cache: { maxBytes: 1000, maxEntryBytes: 1001 }',
    'site.yaml:1:41  cache.maxEntryBytes: cache.maxEntryBytes (1001) must not be more than cache.maxBytes (1000)',
  ],
  'a misspelt setting and a misspelt section': [
    'listen:\n  prot: 1\nlisen:\n  port: 1\n',
    'site.yaml:2:3  listen.prot: unknown setting (did you mean listen.port?)',
    'site.yaml:3:1  lisen: unknown setting (did you mean listen?)',
  ],
  'a setting without its section, and one with dots': [
    'maxSockets: 9\nlisten.port: 1\nport: 2\nnonsense: 3\n',
    'site.yaml:1:1  maxSockets: unknown setting (did you mean upstream.maxSockets?)',
    'site.yaml:2:1  listen.port: unknown setting (sections are nested, not dotted)',
    'site.yaml:3:1  port: unknown setting (did you mean listen.port or admin.port?)',
    'site.yaml:4:1  nonsense: unknown setting',
  ],
  'names every object has': [
    '__proto__: { a: 1 }\nconstructor: 2\nlisten: { __proto__: 1, toString: 1 }\napps: { a: { constructor: 1 } }',
    'site.yaml:1:1  __proto__: unknown setting',
    'site.yaml:2:1  constructor: unknown setting',
    'site.yaml:3:11  listen.__proto__: unknown setting',
    'site.yaml:3:25  listen.toString: unknown setting',
    'site.yaml:4:14  apps.a.constructor: unknown setting',
  ],
  'app names that cannot stand in a path, or mean something else': [
    'apps:\n  "a/b":\n  "..":\n  Other: {}\n  "":\n  billing:\n  Billing:\n',
    'site.yaml:2:3  apps."a/b": must be a name of 1 to 64 characters of A-Z a-z 0-9 . _ ~ -',
    'site.yaml:3:3  apps...: must be a name',
    'site.yaml:4:3  apps.Other: this name is reserved',
    'site.yaml:5:3  apps."": must be a name',
    'site.yaml:7:3  apps.Billing: differs from apps.billing in letter case only',
  ],
  'half of a TLS pair': [
    'listen:\n  tlsKey: key.pem\n',
    'site.yaml:2:11  listen.tlsKey: listen.tlsCert and listen.tlsKey work together only: set both or neither',
  ],
  'an admin port open to all': [
    'admin:\n  host: 0.0.0.0\n',
    'site.yaml:2:9  admin.host: admin.host 0.0.0.0 is reachable from other machines: set admin.token',
  ],
  'both listeners on one port': [
    'admin:\n  port: 8080\n',
    'site.yaml:2:9  admin.port: listen and admin are both at 127.0.0.1 port 8080',
  ],
  'timeouts Node would throw at': [
    'listen:\n  requestTimeout: 10\n',
    'site.yaml:2:19  listen.requestTimeout: listen.headersTimeout (20) must not be longer than listen.requestTimeout (10)',
  ],
  'limits that DocuSign has not': [
    'limits: { hour: { limit: 0, window: 0 }, burst: { limit: 1.5 }, mode: off, safetyMargin: -1 }',
    'site.yaml:1:26  limits.hour.limit: must be a whole number of calls from 1 to 10000000, not 0',
    'site.yaml:1:37  limits.hour.window: must be a number of seconds from 0.1 to 86400, not 0',
    'site.yaml:1:58  limits.burst.limit: must be a whole number of calls from 1 to 10000000, not 1.5',
    'site.yaml:1:71  limits.mode: must be one of enforce, observe, not "off"',
    'site.yaml:1:90  limits.safetyMargin: must be a whole number of calls from 0 to 10000000, not -1',
  ],
  'limits of what is no account': [
    'limits:\n  accounts:\n    acme: {}\n    0123: {}\n    8B411BFE-54f5-47fc-bbf2-55d9a71a200f: { hour: { limit: 0 } }\n    8b411bfe-54f5-47fc-bbf2-55d9a71a200f: { day: 1 }',
    "site.yaml:3:5  limits.accounts.acme: must be an account's number, or its GUID in the form 8-4-4-4-12",
    "site.yaml:4:5  limits.accounts.0123: must be an account's number",
    'site.yaml:5:60  limits.accounts.8B411BFE-54f5-47fc-bbf2-55d9a71a200f.hour.limit: must be a whole number of calls',
    'site.yaml:6:45  limits.accounts.8b411bfe-54f5-47fc-bbf2-55d9a71a200f.day: unknown setting',
    'site.yaml:6:5  limits.accounts.8b411bfe-54f5-47fc-bbf2-55d9a71a200f: differs from limits.accounts.8B411BFE-54f5-47fc-bbf2-55d9a71a200f in letter case only',
  ],
  'a margin as large as a limit': [
    'limits:\n  safetyMargin: 200\n',
    'site.yaml:2:17  limits.safetyMargin: limits.safetyMargin (200) leaves nothing of limits.burst.limit (200): it must be less',
  ],
  'a margin as large as the limit of one account': [
    'limits:\n  safetyMargin: 9\n  accounts:\n    7: { hour: { limit: 9 } }\n',
    'site.yaml:2:17  limits.safetyMargin: limits.safetyMargin (9) leaves nothing of limits.accounts.7.hour.limit (9): it must',
  ],
  'a burst longer than an hour': [
    'limits:\n  hour: { window: 20 }\n',
    'site.yaml:2:19  limits.hour.window: limits.burst.window (30) must not be longer than limits.hour.window (20)',
  ],
  'more waiting than there may be': [
    'queue: { maxWait: 4000, maxLength: 1e9 }',
    'site.yaml:1:19  queue.maxWait: must be a number of seconds from 0 to 3600, not 4000',
    'site.yaml:1:36  queue.maxLength: must be a whole number of calls from 0 to 100000, not 1000000000',
  ],
  'more reserved than there is': [
    'apps:\n  a.b: { reserve: 0.7 }\n  c: { reserve: 0.4 }\n  d: { priority: low }\n',
    'site.yaml:3:17  apps.c.reserve: the apps reserve 1.1 of the hour together: the sum of apps.<name>.reserve must not be more than 1',
  ],
  'a share that is none, and not what the rest would add up to': [
    'apps: { a: { reserve: 50 }, b: { reserve: 1 }, c: { reserve: 1 } }',
    'site.yaml:1:23  apps.a.reserve: must be a number from 0 to 1, not 50',
  ],
  'priorities that are none, and a ceiling below the floor': [
    'apps:\n  a: { priority: urgent }\n  b: { priority: high, maxPriority: normal }\n',
    'site.yaml:2:18  apps.a.priority: must be one of high, normal, low, not "urgent"',
  ],
  'a ceiling below the floor': [
    'apps:\n  b: { priority: high, maxPriority: normal }\n',
    'site.yaml:2:37  apps.b.maxPriority: apps.b.maxPriority (normal) must not be lower than apps.b.priority (high)',
  ],
  'a key set twice': [
    'listen:\n  port: 1\n  port: 2\nlisten: {}\n',
    'site.yaml:4:1  listen: is set twice, first at site.yaml:1:1',
    'site.yaml:3:3  listen.port: is set twice, first at site.yaml:2:3',
  ],
  'one slip over which the parser stumbles three times': [
    'log: &a &b &c &d x',
    'site.yaml:1:9  a value can have one anchor',
  ],
  'a refused value, and not what seems to follow from its absence': [
    'admin: { host: 0.0.0.0, token: short }',
    'site.yaml:1:32  admin.token: must be text of 16 to 4096 visible ASCII characters',
  ],
  tabs: ['listen:\n\tport: 1\n', 'site.yaml:2:1  tabs cannot indent: use spaces'],
  'two documents': ['log: {}\n---\nlog: {}\n', 'site.yaml:2:1  the file must hold one document'],
  'a list at the top': ['- listen\n', 'site.yaml:1:1  must be a map of settings'],
  'text at the top': ['listen', 'site.yaml:1:1  must be a map of settings'],
  'text where a section should be': [
    'log:\n  level:debug\n',
    'site.yaml:2:3  log: must be a map of settings',
  ],
  'a space forgotten inside braces': [
    'log: {level:debug}',
    'site.yaml:1:7  log.level…: unknown setting (a colon needs a space after it)',
  ],
  'keys that are no text': [
    '{ [a]: 1, ? {b: 2} : 3 }',
    'site.yaml:1:3  a key must be plain text',
    'site.yaml:1:13  a key must',
  ],
  tags: ['log:\n  level: !!binary aW5mbw==\n', 'site.yaml:2:10  settings use no tags'],
  'an unclosed quote': ['log:\n  level: "info\n', 'site.yaml:3:1  something is missing here'],
  'an alias of nothing': [
    'log: *none\n',
    'site.yaml:1:6  log: an alias (*) of an anchor (&) that does not stand',
  ],
  'an alias inside what it stands for': [
    'listen: &x\n  host: *x\napps: &y\n  a: *y\n',
    'site.yaml:2:9  listen.host: must be an IP address (an IPv6 one without brackets) or a host name, without a port, not a map',
    'site.yaml:4:3  apps.a.a: unknown setting',
  ],
  'an alias bomb': [
    `${'abcdefgh'.replace(
      /./g,
      (name, at: number) =>
        `${name}: &${name} [${Array(10)
          .fill(at === 0 ? 1 : `*${'abcdefgh'[at - 1]}`)
          .join()}]\n`,
    )}admin: { hosts: *h }\n`,
    ...Array.from('abcdefgh', (name, at) => `site.yaml:${at + 1}:1  ${name}: unknown setting`),
    'site.yaml:9:17  admin.hosts: must be an IP address',
  ],
}

void t.test('every fault of a file is told, each with its place and path', t => {
  for (const [name, [yaml, ...expected]] of Object.entries(BAD_FILES)) {
    const told = faultsOf(yaml)
    t.equal(told.length, expected.length, `${name}: as many faults as there are\n${told.join('\n')}`)
    for (const [at, start] of expected.entries()) t.equal(told[at]?.slice(0, start.length), start, name)
  }
  t.end()
})

void t.test('all faults of all sources come at once', t => {
  const told = faultsOf('listen: { port: -1 }\nlog: { level: 7 }\nfoo: 1\n', {
    GOVERNOR_ADMIN_PORT: '70000',
    GOVERNOR_LISTENPORT: '1',
  })
  t.same(
    told.map(line => line.split(':  ')[0]?.replace(/: .*/, '')),
    [
      'site.yaml:1:17  listen.port',
      'site.yaml:2:15  log.level',
      'site.yaml:3:1  foo',
      'environment  GOVERNOR_ADMIN_PORT',
      'environment  GOVERNOR_LISTENPORT',
    ],
  )
  t.end()
})

void t.test('a file that cannot be read is a fault, with the reason', t => {
  const reasonFor = (path: string) => {
    const loaded = loadConfig({ files: [DEFAULTS, path], env: {} })
    return loaded.kind === 'faults' ? lines(loaded.faults) : []
  }
  t.same(reasonFor(join(folder, 'missing.yaml')), ['missing.yaml  there is no such file'])
  t.same(
    loadConfig({ files: [folder], env: {} }),
    { kind: 'faults', faults: [{ where: folder, path: '', message: 'is a directory' }] },
    'a directory',
  )
  t.same(reasonFor(join(SITE, 'below')), ['site.yaml/below  cannot be read (ENOTDIR)'])
  tells(t, reasonFor('\0'), [/cannot be read \(ERR_INVALID_ARG_VALUE\)/])
  t.same(faultsOf(Buffer.from('log: \xff\n', 'latin1')), ['site.yaml  is not UTF-8 text'])
  t.same(faultsOf(Buffer.from('log: {}\n', 'utf16le').fill(0xfe, 0, 1)), ['site.yaml  is not UTF-8 text'])
  t.same(faultsOf('#'.repeat(1_048_577)), ['site.yaml  is larger than 1048576 bytes'])
  t.same(faultsOf('#'.repeat(1_048_576)), [], 'the limit itself is allowed')
  t.same(reasonFor('/dev/zero'), ['/dev/zero  is larger than 1048576 bytes'], 'a file without an end, too')
  t.match(faultsOf(`log: ${'['.repeat(5_000)}`)[0], /^site.yaml:\d+:\d+ {2}/)
  t.end()
})

void t.test('a file of many thousand keys is read in linear time', t => {
  const yaml = `apps:\n${Array.from({ length: 20_000 }, (_, at) => `  app${at}:\n`).join('')}`
  const before = performance.now()
  t.equal(Object.keys(configOf(yaml).apps).length, 20_000)
  t.ok(performance.now() - before < 4000, 'comparing each key with every other takes longer')
  t.end()
})

void t.test('files: an empty one, a byte order mark, null, CRLF and aliases are all well', t => {
  t.same(configOf(''), configOf('# nothing\n'))
  t.same(configOf('\ufefflisten:\r\n  port: 1\r\n').listen.port, 1)
  t.same(configOf('listen:\nadmin:\n  token: null\napps: ~\n'), configOf(''))
  t.same(configOf('listen: &here { host: localhost }\nadmin: *here\n').admin.host, 'localhost')
  t.same(configOf('admin: { hosts: [&a one, *a] }\n').admin.hosts, ['one', 'one'])
  t.same(Object.keys(configOf('apps: { billing: , mailer: {}, 007: null }').apps), [
    'billing',
    'mailer',
    '007',
  ])
  t.end()
})

void t.test('without files and variables the defaults of the table hold', t => {
  const loaded = loadConfig({ files: [], env: {} })
  t.same(loaded, {
    kind: 'config',
    config: {
      listen: {
        host: '127.0.0.1',
        port: 8080,
        tlsCert: undefined,
        tlsKey: undefined,
        publicUrl: undefined,
        headersTimeout: 20,
        requestTimeout: 300,
        keepAliveTimeout: 75,
      },
      admin: { host: '127.0.0.1', port: 9464, token: undefined, open: false, hosts: [] },
      upstream: {
        environment: 'demo',
        api: 'https://demo.docusign.net',
        oauth: 'https://account-d.docusign.com',
        connectTimeout: 5,
        responseTimeout: 55,
        maxSockets: 64,
      },
      limits: {
        hour: { limit: 1000, window: 3600, alignment: 'auto' },
        burst: { limit: 200, window: 30 },
        learn: true,
        mode: 'enforce',
        safetyMargin: 0,
        accounts: {},
      },
      queue: { maxWait: 45, maxLength: 1000 },
      polling: { interval: 900, mode: 'enforce', withoutCopy: 'refuse', lists: false },
      cache: {
        enabled: true,
        terminalMaxAge: 86_400,
        maxBytes: 268_435_456,
        maxEntryBytes: 16_777_216,
        staleIfError: 0,
        encryptionKey: undefined,
        encryptionKeyFile: undefined,
        share: 'viewer',
      },
      identity: { introspect: true, recheck: 300 },
      apps: {},
      state: { path: './data', kind: 'embedded', fsync: false },
      shutdown: { timeout: 30 },
      trace: { path: undefined, maxBytes: 1_073_741_824 },
      metrics: { maxAccounts: 200 },
      log: { level: 'info' },
    },
  })
  t.same(loadConfig({ files: [DEFAULTS], env: {} }), loaded, 'and config/default.yaml says the same')
  t.end()
})

void t.test('state.kind: redis is refused as what is to come, not as misspelt', t => {
  const loaded = loadConfig({ files: [], env: { GOVERNOR_STATE_KIND: 'redis' } })
  t.match(loaded, {
    faults: [{ path: 'GOVERNOR_STATE_KIND', message: /cannot be redis yet.*embedded or memory/ }],
  })
  const misspelt = loadConfig({ files: [], env: { GOVERNOR_STATE_KIND: 'rediss' } })
  t.match(misspelt, { faults: [{ message: /^must be one of embedded, memory, not "rediss"/ }] })
  t.end()
})

void t.test('an overlay goes before the defaults, a variable before both', t => {
  const yaml = 'listen:\n  port: 1\n  requestTimeout: 99.5\nadmin: { hosts: [a] }\n'
  const { listen, admin, log } = configOf(yaml, {
    GOVERNOR_LISTEN_PORT: '2',
    GOVERNOR_LISTEN_KEEP_ALIVE_TIMEOUT: '0.5',
    GOVERNOR_LISTEN_PUBLIC_URL: 'HTTPS://Governor.Example:443/',
    GOVERNOR_ADMIN_HOSTS: 'Governor, governor.svc',
    GOVERNOR_LOG_LEVEL: '',
    PATH: '/bin',
  })
  t.equal(listen.port, 2, 'the variable')
  t.equal(listen.requestTimeout, 99.5, 'the overlay')
  t.equal(listen.headersTimeout, 20, 'the default')
  t.equal(listen.keepAliveTimeout, 0.5)
  t.equal(listen.publicUrl, 'https://governor.example', 'in its normal form')
  t.same(admin.hosts, ['governor', 'governor.svc'], 'a list is replaced as a whole')
  t.equal(log.level, 'info', 'an empty variable is not set')
  const base = fileOf('base.yaml', 'listen: { port: 7 }\napps: { a: }')
  const two = loadConfig({
    files: [base, fileOf('site.yaml', 'listen: { port: null }\napps: { b: }')],
    env: {},
  })
  t.match(two, { config: { listen: { port: 7 }, apps: { a: {}, b: {} } } }, 'null leaves what lies below')
  t.end()
})

void t.test('the environment of DocuSign decides where calls go, unless the URLs say otherwise', t => {
  const production = configOf('upstream: { environment: production, oauth: "http://127.0.0.1:9/" }').upstream
  t.equal(production.api, 'https://www.docusign.net')
  t.equal(production.oauth, 'http://127.0.0.1:9')
  t.equal(
    configOf('', { GOVERNOR_UPSTREAM_ENVIRONMENT: 'production' }).upstream.oauth,
    'https://account.docusign.com',
  )
  t.end()
})

void t.test(
  'the burst of the environment holds, unless it is set; an account may have limits of its own',
  t => {
    t.equal(configOf('').limits.burst.limit, 200)
    t.equal(configOf('', { GOVERNOR_UPSTREAM_ENVIRONMENT: 'production' }).limits.burst.limit, 500)
    const { limits } = configOf(
      'limits: { burst: { limit: 7 }, accounts: { 14072015: { hour: { limit: 3000 } }, 8B411BFE-54f5-47fc-bbf2-55d9a71a200f: } }',
      { GOVERNOR_LIMITS_HOUR_WINDOW: '36', GOVERNOR_LIMITS_SAFETY_MARGIN: '2' },
    )
    t.same([limits.burst.limit, limits.hour.window, limits.safetyMargin], [7, 36, 2])
    t.same(limits.accounts, {
      '14072015': { hour: { limit: 3000 }, burst: { limit: undefined } },
      '8B411BFE-54f5-47fc-bbf2-55d9a71a200f': { hour: { limit: undefined }, burst: { limit: undefined } },
    })
    t.end()
  },
)

void t.test('an app without a priority is told from one with the middle one', t => {
  const { apps } = configOf('apps: { a: , b: { priority: normal, maxPriority: high, reserve: 0.25 } }')
  t.same(apps['a'], { priority: undefined, maxPriority: undefined, reserve: 0 })
  t.same(apps['b'], { priority: 'normal', maxPriority: 'high', reserve: 0.25 })
  const tenths = Array.from({ length: 10 }, (_, at) => `a${at}: { reserve: 0.1 }`)
  t.same(faultsOf(`apps: { ${tenths.join(', ')} }`), [], 'ten tenths are a whole')
  t.same(faultsOf('apps: { a: { reserve: 0.33 }, b: { reserve: 0.56 }, c: { reserve: 0.11 } }'), [])
  t.end()
})

void t.test('what an earlier file reserves is judged by itself, whatever a later one says', t => {
  const base = fileOf('base.yaml', 'apps: { a: { reserve: 0.6 }, b: { reserve: 0.6 } }')
  const loaded = loadConfig({ files: [base, fileOf('site.yaml', 'apps: { b: { reserve: 0.1 } }')], env: {} })
  tells(t, loaded.kind === 'faults' ? lines(loaded.faults) : [], [
    /^base.yaml:1:44 {2}apps.b.reserve: the apps reserve 1.2/,
  ])
  t.end()
})

void t.test('a fault in a file is a fault also where a variable masks it', t => {
  tells(t, faultsOf('listen: { port: 99999 }', { GOVERNOR_LISTEN_PORT: '1' }), [
    /^site.yaml:1:17 {2}listen.port: /,
  ])
  tells(t, faultsOf('admin: { host: "::" }', { GOVERNOR_ADMIN_HOST: '::1' }), [
    /^site.yaml:1:16 {2}admin.host: /,
  ])
  tells(t, faultsOf('listen: { requestTimeout: 5 }', { GOVERNOR_LISTEN_REQUEST_TIMEOUT: '50' }), [
    /^site.yaml:1:27/,
  ])
  t.end()
})

void t.test('a fault of two sources together is told once, at the one that came last', t => {
  tells(t, faultsOf('listen: { requestTimeout: 30 }', { GOVERNOR_LISTEN_HEADERS_TIMEOUT: '40' }), [
    /^environment {2}GOVERNOR_LISTEN_HEADERS_TIMEOUT: /,
  ])
  tells(t, faultsOf('admin: { host: 0.0.0.0, open: true }', { GOVERNOR_ADMIN_OPEN: 'false' }), [
    /^environment {2}GOVERNOR_ADMIN_OPEN: admin.host 0.0.0.0 is reachable/,
  ])
  tells(
    t,
    faultsOf('admin: "', { GOVERNOR_ADMIN_HOST: '0.0.0.0' }),
    [/^site.yaml:1:\d+ {2}something is missing here/],
    'what an unreadable file might have said is not guessed at',
  )
  t.same(faultsOf('listen: { port: 99999 }').length, 1, 'and one of the file alone is not repeated')
  t.end()
})

void t.test('a variable may complete what a file leaves open', t => {
  const { admin } = configOf('admin: { host: 0.0.0.0 }', { GOVERNOR_ADMIN_TOKEN: CANARY })
  t.same([admin.host, admin.token], ['0.0.0.0', CANARY], 'the token from a secret store')
  t.equal(configOf('listen: { tlsCert: c.pem }', { GOVERNOR_LISTEN_TLS_KEY: 'k.pem' }).listen.tlsKey, 'k.pem')
  t.end()
})

void t.test('the admin port is closed to other machines unless a token or admin.open says so', t => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', '0:0:0:0:0:0:0:1', 'localhost', 'LocalHost']) {
    t.same(faultsOf(`admin: { host: "${host}" }`), [], host)
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'governor.example', '128.0.0.1', 'localhost.example']) {
    tells(t, faultsOf(`admin: { host: "${host}" }`), [/is reachable from other machines/], host)
    t.same(faultsOf(`admin: { host: "${host}", open: true }`), [], `${host}, open`)
    t.same(faultsOf(`admin: { host: "${host}", token: ${CANARY} }`), [], `${host}, with a token`)
  }
  t.end()
})

void t.test('variables: a misspelt one is told, what Kubernetes puts there is not', t => {
  const told = (env: Env) => faultsOf('', env)
  t.same(told({ GOVERNOR_LISTENPORT: '1' }), [
    'environment  GOVERNOR_LISTENPORT: no setting has this variable (did you mean GOVERNOR_LISTEN_PORT?)',
  ])
  t.same(told({ GOVERNOR_PORT: '9000' }), [
    'environment  GOVERNOR_PORT: no setting has this variable (did you mean GOVERNOR_LISTEN_PORT or GOVERNOR_ADMIN_PORT?)',
  ])
  t.same(told({ GOVERNOR___PROTO__: '1' }), ['environment  GOVERNOR___PROTO__: no setting has this variable'])
  t.same(told({ GOVERNOR_APPS: 'a', GOVERNOR_APPS_BILLING: '' }), [
    'environment  GOVERNOR_APPS: apps can be set in YAML only',
  ])
  t.same(told({ GOVERNOR_LIMITS_ACCOUNTS_7_HOUR_LIMIT: '9' }), [
    'environment  GOVERNOR_LIMITS_ACCOUNTS_7_HOUR_LIMIT: limits.accounts can be set in YAML only',
  ])
  tells(
    t,
    told({ GOVERNOR_LISTEN_PORT: '0x50', GOVERNOR_ADMIN_OPEN: 'TRUE', GOVERNOR_SHUTDOWN_TIMEOUT: ' ' }),
    [
      /LISTEN_PORT: must be a whole number .*, not "0x50"$/,
      /ADMIN_OPEN: must be true or false, not "TRUE"$/,
      /SHUTDOWN_TIMEOUT: must be a number of seconds .*, not " "$/,
    ],
  )
  const links = {
    GOVERNOR_SERVICE_HOST: '10.0.0.1',
    GOVERNOR_SERVICE_PORT: '8080',
    GOVERNOR_SERVICE_PORT_HTTP: '8080',
    GOVERNOR_PORT: 'tcp://10.0.0.1:8080',
    GOVERNOR_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
    GOVERNOR_PORT_8080_TCP_ADDR: '10.0.0.1',
    GOVERNOR_PORT_8080_TCP_PORT: '8080',
    GOVERNOR_PORT_8080_UDP_PROTO: 'udp',
    GOVERNOR_ADMIN_SERVICE_HOST: '10.0.0.2',
    GOVERNOR_ADMIN_PORT: 'tcp://10.0.0.2:9464',
  }
  t.equal(configOf('', links).admin.port, 9464)
  for (const { env } of SETTINGS) {
    t.notMatch(env ?? '', /_SERVICE_HOST$|_SERVICE_PORT|_PORT_\d/, 'no setting hides behind a service link')
  }
  t.end()
})

void t.test('a secret is in no fault and in nothing that is shown', t => {
  const withSecret = [
    `admin: { token: "${CANARY} " }`,
    `admin: { token: [${CANARY}] }`,
    `admin: { token: { ${CANARY}: 1 } }`,
    `admin: {token:${CANARY}}`,
    `admin:\n  token:${CANARY}\n`,
    `admin:\n  host: ::1\n  token:${CANARY}\n`,
    `admin:\n  token = ${CANARY}\n`,
    `admin: { token=${CANARY} }`,
    `admin:\n  token: "${CANARY}\n`,
    `admin:\n  token: *${CANARY}\n`,
    `admin:\n  token: !${CANARY} x\n`,
    `admin:\n  token: @${CANARY}\n`,
    `admin:\n  token: "x" ${CANARY}\n`,
    `admin:\n  token: x\n}${CANARY}\n`,
    `admin:\n  token: ${CANARY}\n  token: ${CANARY}\n`,
    `admin:\n  tokem: ${CANARY}\n`,
    `adm: { token: ${CANARY} }`,
    `token: ${CANARY}`,
    `upstream: { api: "https://me:${CANARY}@host" }`,
    `upstream: { api: "https:/me:${CANARY}@host/" }`,
    `upstream: { oauth: "https://host/?key=${CANARY}" }`,
    `listen: { publicUrl: "https://host/${CANARY}" }`,
  ]
  for (const yaml of withSecret) {
    const told = faultsOf(yaml)
    t.not(told.length, 0, yaml)
    t.notMatch(told.join('\n'), CANARY, yaml)
  }
  for (const name of ['GOVERNOR_ADMIN_TOKEN', 'GOVERNOR_ADMIN_TOKENS', 'GOVERNOR_APPS']) {
    t.notMatch(faultsOf('', { [name]: `${CANARY}\n` }).join('\n'), CANARY, name)
  }
  tells(t, faultsOf('', { GOVERNOR_ADMIN_TOKEN: 'short' }), [/16 to 4096 visible ASCII characters/])
  tells(
    t,
    faultsOf('admin: { token: 1234567890123456 }'),
    [/in quotes if it is all digits$/],
    'a number is not shown',
  )
  const shown = showConfig(configOf('', { GOVERNOR_ADMIN_TOKEN: CANARY }))
  t.notMatch(shown, CANARY)
  t.match(shown, /^ {2}token: "\*\*\*"$/m)
  t.match(showConfig(configOf('')), /^ {2}token: null$/m, 'an unset secret is seen to be unset')
  t.end()
})

void t.test('what is shown can be loaded again, and means the same', t => {
  const config = configOf(
    'listen: { port: 0, tlsCert: "a: b", tlsKey: "#k" }\nadmin: { hosts: ["::1", a.b] }\napps: { a.b: , __proto__: , constructor: { priority: low, reserve: 0.5 }, 1e3: }\nlimits: { accounts: { 123: { burst: { limit: 9 } } } }',
  )
  t.same(loadConfig({ files: [fileOf('shown.yaml', showConfig(config))], env: {} }), {
    kind: 'config',
    config,
  })
  t.same(Object.keys(config.apps), ['a.b', '__proto__', 'constructor', '1e3'])
  t.end()
})

const KEY = Buffer.alloc(32, 0xfb)
const KEY_TEXT = KEY.toString('base64')

void t.test('the key of copies is 32 bytes in either alphabet, from a setting or from a file', t => {
  const never = () => t.fail('read') as never
  t.equal(vaultKeyOf(configOf(''), never), undefined)
  for (const text of [KEY_TEXT, KEY_TEXT.replace('=', ''), KEY.toString('base64url')]) {
    t.strictSame(vaultKeyOf(configOf('', { GOVERNOR_CACHE_ENCRYPTION_KEY: text }), never), KEY, text)
  }
  const config = configOf('cache: { encryptionKeyFile: /run/key }')
  const asked: string[] = []
  const reader = (text: string) => (path: string) => (asked.push(path), text)
  t.strictSame(vaultKeyOf(config, reader(`${KEY_TEXT}\n`)), KEY)
  t.strictSame(asked, ['/run/key'])
  const short = KEY.subarray(1).toString('base64')
  for (const text of ['', CANARY, short, `${KEY_TEXT}${KEY_TEXT}`, `${KEY_TEXT} x`, 'x'.repeat(32)]) {
    const fault = new VaultKeyFault('cache.encryptionKeyFile: does not hold 32 bytes in base64')
    t.throws(() => vaultKeyOf(config, reader(text)), fault, text)
  }
  const gone = () => {
    throw Object.assign(new Error(CANARY), { code: 'ENOENT' })
  }
  t.throws(
    () => vaultKeyOf(config, gone),
    new VaultKeyFault('cache.encryptionKeyFile: cannot be read (ENOENT)'),
  )
  t.end()
})

void t.test('a key that is none, or two places for one, is a fault, and no key is seen anywhere', t => {
  for (const text of [
    KEY_TEXT.slice(4),
    `${KEY_TEXT}A`,
    CANARY,
    `${KEY_TEXT.slice(0, 40)}!!!=`,
    ' '.repeat(44),
  ]) {
    const told = faultsOf('', { GOVERNOR_CACHE_ENCRYPTION_KEY: text })
    t.strictSame(told, ['environment  GOVERNOR_CACHE_ENCRYPTION_KEY: must be 32 bytes in base64'])
  }
  tells(t, faultsOf(`cache: { encryptionKey: "${KEY_TEXT}", encryptionKeyFile: key }`), [
    /^site.yaml:1:\d+ {2}cache.encryptionKey(?:File)?: cache.encryptionKey and cache.encryptionKeyFile are two places/,
  ])
  const shown = showConfig(configOf('', { GOVERNOR_CACHE_ENCRYPTION_KEY: KEY_TEXT }))
  t.match(shown, /^ {2}encryptionKey: "\*\*\*"$/m)
  t.notMatch(shown, KEY_TEXT.slice(0, 20))
  t.end()
})

void t.test(
  'the shield has its settings in milliseconds and bytes, and notes are kept for an interval',
  t => {
    t.strictSame(shieldSlice(configOf('')), {
      polling: { intervalMs: 900_000, mode: 'enforce', withoutCopy: 'refuse', lists: false },
      cache: {
        enabled: true,
        terminalMaxAgeMs: 86_400_000,
        maxBytes: 268_435_456,
        maxEntryBytes: 16_777_216,
        staleIfErrorMs: 0,
        share: 'viewer',
      },
      identity: { introspect: true, recheckMs: 300_000 },
    })
    const small = shieldSlice(configOf('cache: { maxBytes: 1000 }')).cache
    t.strictSame([small.maxBytes, small.maxEntryBytes], [1000, 1000], 'a small cache needs no second setting')
    const { keepMs, keepNotesMs } = stateSlice(
      configOf('polling: { interval: 7200 }\nupstream: { responseTimeout: 10 }'),
    )
    t.strictSame([keepMs, keepNotesMs], [3_670_000, 7_270_000])
    t.end()
  },
)

void t.test('faults stay one line each, whatever the file is called', t => {
  t.equal(
    showFaults([{ where: 'a\n\u001b[2J.yaml', path: '', message: 'is a directory' }]),
    'a\\u{a}\\u{1b}[2J.yaml  is a directory',
  )
  tells(t, faultsOf('"li\\nsten\\e[2J": 1'), [/^site.yaml:1:1 {2}"li\\nsten\\u001b\[2J": unknown setting$/])
  t.end()
})

void t.test('the settings cannot be changed once loaded', t => {
  const config = configOf('apps: { a: }\nadmin: { hosts: [h] }')
  const frozen = [config, ...Object.values(config), config.admin.hosts, config.apps['a']]
  for (const part of frozen) t.ok(Object.isFrozen(part))
  t.equal(config.apps['constructor'], undefined, 'and no app is found that nobody named')
  t.end()
})

void t.test('what a reload cannot apply is named', t => {
  const before = configOf('')
  const paths = (yaml: string) => changedAtStartOnly(before, configOf(yaml))
  t.same(
    paths('listen: { requestTimeout: 99, publicUrl: "http://h" }\nlog: { level: warn }\napps: { a: }'),
    [],
  )
  t.same(paths('listen: { host: localhost, port: 1 }\nadmin: { host: localhost, port: 2 }'), [
    'listen.host',
    'listen.port',
    'admin.host',
    'admin.port',
  ])
  t.same(paths('polling: { interval: 1 }\ncache: { enabled: false, maxBytes: 9 }'), [])
  t.same(paths(`cache: { encryptionKey: "${KEY_TEXT}" }`), ['cache.encryptionKey'])
  t.same(paths('cache: { encryptionKeyFile: key }'), ['cache.encryptionKeyFile'])
  t.same(paths('listen: { tlsCert: c, tlsKey: k }'), ['listen.tlsCert', 'listen.tlsKey'], 'TLS on')
  const tls = configOf('listen: { tlsCert: c, tlsKey: k }')
  t.same(
    changedAtStartOnly(tls, configOf('listen: { tlsCert: c2, tlsKey: k2 }')),
    [],
    'other files, still TLS',
  )
  t.end()
})

void t.test('config/default.yaml lists every setting with its default and what it means', t => {
  const found: string[] = []
  let above: string[] = []
  let comment = ''
  for (const line of readFileSync(DEFAULTS, 'utf8').split('\n')) {
    const [, indent = '', key = '', value = ''] = /^( *)(\w+):(?: (.+))?$/.exec(line) ?? []
    if (key === '') comment = line.trim()
    else {
      above = [...above.slice(0, indent.length / 2), key]
      if (value !== '') found.push(`${comment}\n${above.join('.')}: ${value}`)
      comment = ''
    }
  }
  const expected = SETTINGS.filter(({ path }) => !path.includes('<')).map(setting => {
    const { default: fallback } = setting
    const value = typeof fallback === 'string' ? fallback : JSON.stringify(fallback ?? null)
    return `# ${described(setting)}\n${setting.path}: ${value}`
  })
  t.same(found, expected)
  t.end()
})

void t.test('the README shows the settings table', t => {
  const path = join(ROOT, 'README.md')
  if (!existsSync(path)) {
    t.match(
      settingsTable(),
      /^\| setting \| default \| meaning \|\n\| --- \| --- \| --- \|\n\| `listen\.host` \|/,
    )
    t.end()
    return
  }
  const shown = /<!-- settings -->\s*([\s\S]*?)\s*<!-- \/settings -->/.exec(readFileSync(path, 'utf8'))?.[1]
  t.equal(shown, settingsTable())
  t.end()
})

void t.test('no text and no environment makes it throw, and its answer is settings or faults', t => {
  const word = fc.constantFrom(
    ...[
      'listen',
      'admin',
      'upstream',
      'apps',
      'port',
      'host',
      'token',
      'hosts',
      'api',
      '__proto__',
      'null',
      '1',
    ],
  )
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), word)
  const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
    tree: fc.oneof(leaf, fc.dictionary(word, tie('tree')), fc.array(tie('tree'), { maxLength: 3 })),
  }))
  const fragment = fc.oneof(
    word,
    fc.constantFrom(
      ...[
        ': ',
        ':',
        '\n',
        '\n  ',
        '\t',
        '- ',
        '[',
        ']',
        '{',
        '}',
        '&a ',
        '*a',
        '!x ',
        '"',
        "'",
        '|',
        '? ',
        '---\n',
        '%',
        '#',
        '<<: ',
        ', ',
      ],
    ),
  )
  const text = fc.oneof(
    fc.constantFrom('', 'log: {}', 'apps: { a: , b: {} }', 'listen: { port: 0 }\nadmin: { hosts: [h] }'),
    fc.string({ unit: 'binary' }),
    fc.array(fragment, { maxLength: 40 }).map(parts => parts.join('')),
    tree.map(value => JSON.stringify(value)),
  )
  const variable = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...SETTINGS.flatMap(({ env }) => env ?? [])) },
    { weight: 1, arbitrary: fc.string().map(name => `GOVERNOR_${name}`) },
  )
  const value = fc.oneof(fc.constantFrom('', '1', '20', 'true', 'https://h', 'localhost'), fc.string())
  const environment = fc.oneof(fc.constant({}), fc.dictionary(variable, value, { maxKeys: 3 }))
  let configs = 0
  fc.assert(
    fc.property(text, environment, (yaml, env) => {
      const loaded = loadConfig({ files: [fileOf('site.yaml', yaml)], env })
      if (loaded.kind === 'config') {
        configs++
        return Object.isFrozen(loaded.config) && showConfig(loaded.config).startsWith('listen:')
      }
      const whole = loaded.faults.every(({ where, message }) => where !== '' && message !== '')
      const distinct =
        new Set(loaded.faults.map(fault => JSON.stringify(fault))).size === loaded.faults.length
      return whole && distinct && loaded.faults.length > 0
    }),
    { numRuns: 500 },
  )
  t.ok(configs > 20, `500 runs, ${configs} of them good settings`)
  t.end()
})

void t.test('no value of the environment reaches a fault through a secret or an unknown variable', t => {
  const value = fc.string({ minLength: 4 }).map(text => `${CANARY}${text}`)
  fc.assert(
    fc.property(
      value,
      fc.constantFrom('GOVERNOR_ADMIN_TOKEN', 'GOVERNOR_X', 'GOVERNOR_UPSTREAM_API'),
      (text, name) => {
        return !faultsOf('', { [name]: text })
          .join('\n')
          .includes(CANARY)
      },
    ),
    { numRuns: 200 },
  )
  t.pass('200 runs')
  t.end()
})
