/** What others run for us: compose.yaml and the Kubernetes manifests fit together, and are what those programs take. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { parse } from 'yaml'
import { loadConfig } from '../src/config/load.js'
import { ROOT } from './fixtures/governor.js'

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const isCi = process.env['CI'] === 'true'

interface Service {
  readonly image: string
  readonly profiles?: readonly string[]
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly depends_on?: readonly string[]
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>
  readonly volumes: Readonly<Record<string, object>>
}

const compose = parse(read('compose.yaml')) as Compose

void t.test('compose up shows the dashboards: each part finds the next', async t => {
  const { governor, prometheus, grafana, redis } = compose.services
  t.ok(governor && prometheus && grafana && redis)
  for (const [name, { ports = [], volumes = [], image, depends_on = [] }] of Object.entries(
    compose.services,
  )) {
    for (const port of ports) t.match(port, /^127\.0\.0\.1:\d+:\d+$/, `${name} is on this machine alone`)
    t.match(image, /^docusign-governor$|:v?\d+\.\d/, `${name} has a version`)
    for (const other of depends_on) t.ok(compose.services[other], `${name} needs ${other}`)
    for (const volume of volumes) {
      const [from = ''] = volume.split(':')
      const isThere = from.startsWith('./') ? existsSync(new URL(from, ROOT)) : compose.volumes[from]
      t.ok(isThere, `${name}: ${from} is there`)
    }
  }
  const outside = Object.values(compose.services).flatMap(({ ports = [] }) =>
    ports.map(port => port.split(':')[1]),
  )
  t.equal(new Set(outside).size, outside.length, 'no port is asked for twice')

  // The settings are the governor's own, and the name that Prometheus calls it by is one that it answers to.
  const env = Object.fromEntries(
    Object.entries(governor?.environment ?? {}).map(([key, value]) => [
      key,
      value.replace(/^\$\{\w+:-(.*)\}$/, '$1').replace(/^\$\{\w+:\?.*\}$/, '0123456789abcdef'),
    ]),
  )
  const loaded = loadConfig({ files: [new URL('config/default.yaml', ROOT).pathname], env })
  t.equal(loaded.kind, 'config', JSON.stringify(loaded))
  const { scrape_configs: jobs } = parse(read('config/prometheus/prometheus.yml')) as {
    scrape_configs: [{ authorization: { credentials_file: string }; static_configs: [{ targets: [string] }] }]
  }
  const [target] = jobs[0].static_configs[0].targets
  t.equal(target, 'governor:9464')
  if (loaded.kind === 'config') t.ok(loaded.config.admin.hosts.includes('governor'))
  const secret = posix.basename(jobs[0].authorization.credentials_file)
  t.strictSame(prometheus?.secrets, [secret])
  t.strictSame(compose.secrets[secret], { environment: 'GOVERNOR_ADMIN_TOKEN' })
  t.match(governor?.environment?.['GOVERNOR_ADMIN_TOKEN'], /^\$\{GOVERNOR_ADMIN_TOKEN:\?/)
  t.ok(prometheus?.volumes?.includes('./config/prometheus/rules:/etc/prometheus/rules:ro'))
  const datasource = parse(read('grafana/provisioning/datasources/prometheus.yaml')) as {
    datasources: [{ url: string }]
  }
  t.equal(datasource.datasources[0].url, 'http://prometheus:9090')
  const { providers } = parse(read('grafana/provisioning/dashboards/governor.yaml')) as {
    providers: [{ options: { path: string } }]
  }
  t.ok(grafana?.volumes?.includes(`./grafana/dashboards:${providers[0].options.path}:ro`))
  const home = grafana?.environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'] ?? ''
  t.ok(existsSync(new URL(home.replace(providers[0].options.path, 'grafana/dashboards'), ROOT)), home)
})

const composer = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...args]) => spawnSync(program, [...args, 'version']).status === 0,
)

/** What compose says of a file as it would lie here; '' where it takes it. */
function composed(text: string, env: Readonly<Record<string, string>>): string {
  const [program = '', ...args] = composer ?? []
  // Debian's docker-compose is of 2021 and knows all of the file but this: a secret that comes from a variable.
  const known =
    program === 'docker'
      ? text
      : text.replace(/^( {2}governor_admin_token:\n {4})environment: .*$/m, '$1file: LICENSE')
  const { status, stderr } = spawnSync(
    program,
    [
      ...args,
      '--file=-',
      `--project-directory=${fileURLToPath(ROOT)}`,
      ...['--profile=simulator', '--profile=redis'],
      ...['config', '--quiet'],
    ],
    { input: known, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env }, encoding: 'utf8' },
  )
  return status === 0 ? '' : stderr || `status ${status}`
}

void t.test(
  'docker compose takes the file, and would say what is wrong with it',
  { skip: !composer && !isCi && 'neither docker compose nor docker-compose is here' },
  async t => {
    const text = read('compose.yaml')
    const env = { GOVERNOR_ADMIN_TOKEN: '0123456789abcdef' }
    t.ok(composer, 'docker compose, or Debian’s docker-compose')
    t.equal(composed(text, env), '')
    t.match(composed(text, {}), 'set GOVERNOR_ADMIN_TOKEN')
    t.match(composed(text.replace('read_only:', 'readonly:'), env), 'readonly')
  },
)

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec?: Readonly<Record<string, unknown>>
  readonly data?: Readonly<Record<string, string>>
}

const files = ['config/kubernetes/', 'config/kubernetes/example/'].flatMap(folder =>
  readdirSync(new URL(folder, ROOT))
    .filter(name => name.endsWith('.yaml'))
    .map(name => folder + name),
)
const manifests = files.map(file => parse(read(file)) as Manifest)
const of = (kind: string) => manifests.find(manifest => manifest.kind === kind)

/** `apps/v1` → the module that has its kinds. */
function moduleOf({ apiVersion }: Manifest): string {
  return apiVersion.startsWith('monitoring.coreos.com/')
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`
}

type Model = new (manifest: Manifest) => { validate(): void }

function isInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve('kubernetes-models/v1')
    return true
  } catch {
    return false
  }
}

const skip = !isInstalled() && !isCi && 'kubernetes-models is not installed'

void t.test('each manifest is what the API server takes', { skip }, async t => {
  const kinds = 'ConfigMap Deployment NetworkPolicy PersistentVolumeClaim PodDisruptionBudget Secret Service'
  t.strictSame(manifests.map(({ kind }) => kind).sort(), `${kinds} ServiceMonitor`.split(' '))
  for (const manifest of manifests) {
    const models = (await import(moduleOf(manifest))) as Record<string, Model>
    const Kind = models[manifest.kind]
    t.ok(Kind, manifest.kind)
    if (Kind) t.doesNotThrow(() => new Kind(manifest).validate(), manifest.kind)
  }
  const service = of('Service') as Manifest
  const { Service } = (await import(moduleOf(service))) as Record<string, Model>
  const odd = { ...service, spec: { ports: [{ port: 'eighty' }] } } as unknown as Manifest
  t.throws(() => Service && new Service(odd).validate(), 'a port that is no number')
  // The schemas let pass what they do not know; the types beside them do not.
  t.strictSame(faultsOf(manifests), [])
  t.match(faultsOf([{ ...service, spec: { ...service.spec, selektor: {} } }]), [/selektor/])
})

/** What the compiler has to say of manifests as values of their kinds. */
function faultsOf(given: readonly Manifest[]): string[] {
  const path = fileURLToPath(new URL('build/test/manifests.mts', ROOT))
  const text = given
    .map((manifest, i) => {
      const type = `import('${moduleOf(manifest)}').I${manifest.kind}`
      return `export const manifest${i}: ${type} = ${JSON.stringify(manifest)}\n`
    })
    .join('')
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  }
  const host = ts.createCompilerHost(options)
  const readFile = host.getSourceFile.bind(host)
  host.getSourceFile = (name, version) =>
    name === path ? ts.createSourceFile(name, text, version) : readFile(name, version)
  const program = ts.createProgram([path], options, host)
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}

void t.test('the manifests fit together, and the settings in them are the governor’s', async t => {
  const names = new Set(manifests.map(({ metadata }) => metadata.name))
  t.strictSame(names, new Set(['docusign-governor']))
  const text = (kind: string) => JSON.stringify(of(kind)?.spec)
  const labels = '{"app.kubernetes.io/name":"docusign-governor"}'
  for (const kind of ['Deployment', 'ServiceMonitor', 'PodDisruptionBudget', 'NetworkPolicy']) {
    t.match(text(kind), `"matchLabels":${labels}`, kind)
  }
  t.match(text('Service'), `"selector":${labels}`)
  t.match(text('Deployment'), '"path":"/healthz"')
  t.match(text('Deployment'), '"path":"/readyz"')
  t.match(text('Deployment'), '"secretKeyRef":{"name":"docusign-governor","key":"admin-token"}')
  t.match(text('ServiceMonitor'), '"credentials":{"name":"docusign-governor","key":"admin-token"}')
  t.match(read('config/kubernetes/example/secret.yaml'), /^ {2}admin-token: \S{16,}$/m)
  const settings = of('ConfigMap')?.data?.['governor.yaml'] ?? ''
  const overlay = t.testdir({ 'governor.yaml': settings })
  const loaded = loadConfig({
    files: [new URL('config/default.yaml', ROOT).pathname, `${overlay}/governor.yaml`],
    env: { GOVERNOR_ADMIN_TOKEN: '0123456789abcdef' },
  })
  t.equal(loaded.kind, 'config', JSON.stringify(loaded))
  if (loaded.kind !== 'config') return
  const { listen, admin, shutdown, cache } = loaded.config
  t.strictSame([listen.port, admin.port], [8080, 9464])
  const deployment = text('Deployment') ?? ''
  const grace = Number(/"terminationGracePeriodSeconds":(\d+)/.exec(deployment)?.[1])
  t.ok(grace > shutdown.timeout, 'it may go in its own time')
  const memoryMi = Number(/"limits":\{"memory":"(\d+)Mi"\}/.exec(deployment)?.[1])
  t.ok(memoryMi * 1_048_576 > 2 * cache.maxBytes, 'its copies fit, and it beside them')
})
