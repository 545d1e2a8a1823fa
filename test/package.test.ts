/** What is handed out: the package holds what it needs to run and nothing else, and a release says what is in it. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { NODE_OPTIONS } from './fixtures/flood.js'
import { ROOT } from './fixtures/governor.js'

const root = fileURLToPath(ROOT)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(read('package.json')) as Manifest

function npm(args: readonly string[], cwd = root): string {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** What an operator has a use for, file by file. */
const WANTED = [
  /^build\/src\/[\w/-]+\.js$/,
  /^src\/admin\/page\/[\w-]+\.(?:js|css|html)$/,
  /^config\/(?:default\.yaml|demo\.yaml|docusign-routes\.tsv)$/,
  /^src\/plan\/report\/[\w-]+\.(?:js|css)$/,
  /^config\/plan\/[\w-]+\.yaml$/,
  /^config\/kubernetes\/(?:example\/)?[\w-]+\.yaml$/,
  /^config\/prometheus\/(?:prometheus|rules\/[\w-]+)\.yml$/,
  /^grafana\/(?:dashboards\/[\w-]+\.json|provisioning\/[\w/-]+\.yaml)$/,
  /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/,
]

void t.test('the package is what it takes to run, and runs', { timeout: 60_000 }, async t => {
  const folder = t.testdir({})
  const [packed] = JSON.parse(
    npm(['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`]),
  ) as [{ filename: string; size: number; files: { path: string }[] }]
  const paths = packed.files.map(({ path }) => path)
  t.strictSame(
    paths.filter(path => !WANTED.some(wanted => wanted.test(path))),
    [],
  )
  const built = paths.filter(path => path.startsWith('build/'))
  const source = readdirSync(new URL('src/', ROOT), { recursive: true, encoding: 'utf8' })
  const expected = source
    .filter(path => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map(path => `build/src/${path.replace(/\.ts$/, '.js')}`)
  t.strictSame(built.sort(), expected.sort(), 'every room, and none that is gone')
  t.ok(packed.size < 1e6, `${packed.size} bytes`)

  spawnSync('tar', ['-xzf', join(folder, packed.filename), '-C', folder])
  const unpacked = join(folder, 'package')
  symlinkSync(join(root, 'node_modules'), join(unpacked, 'node_modules'))
  const main = join(unpacked, 'build/src/main.js')
  const env = { PATH: process.env['PATH'], GOVERNOR_STATE_KIND: 'memory' }
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, ...args], { cwd: folder, env, encoding: 'utf8' })
  t.equal(run('--version').stdout.trim(), manifest.version)
  t.equal(run('check').status, 0)

  const ports = { GOVERNOR_LISTEN_PORT: '0', GOVERNOR_ADMIN_PORT: '0' }
  const child = spawn(process.execPath, [main, 'serve'], { cwd: folder, env: { ...env, ...ports } })
  t.teardown(() => child.kill('SIGKILL'))
  for await (const line of createInterface(child.stdout)) {
    const { msg, adminPort } = JSON.parse(line) as { msg: string; adminPort?: number }
    if (adminPort === undefined) continue
    const page = await fetch(`http://127.0.0.1:${adminPort}/`)
    t.equal(page.status, 200, `${msg}: and its page is there`)
    t.match(await page.text(), 'uPlot')
    break
  }
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'exit'), [0, null])
})

void t.test(
  'what it depends on has one version, and the release lists all of it',
  { timeout: 60_000 },
  async t => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      t.match(version, /^\d+\.\d+\.\d+$/, name)
    }
    const folder = t.testdir({ '.ci': {} })
    const put = (path: string) => cpSync(join(root, path), join(folder, path))
    for (const path of ['.ci/release', 'package-lock.json', 'LICENSE']) put(path)
    const { version } = manifest
    const changelog = `# Changelog\n\n## [Unreleased]\n\n- To come.\n\n## [${version}] - 2026-11-25\n\n- There.\n\n## [0.0.1]\n\n- Was.\n`
    const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
    write('package.json', JSON.stringify({ ...manifest, scripts: {}, files: ['LICENSE'] }))
    write('CHANGELOG.md', changelog)
    const release = (tag: string) =>
      spawnSync(join(folder, '.ci/release'), [tag, 'out'], { cwd: folder, encoding: 'utf8' })

    const made = release(`v${version}`)
    t.equal(made.status, 0, made.stderr)
    t.equal(readFileSync(join(folder, 'out/notes.md'), 'utf8').trim(), '- There.')
    const tarball = `docusign-governor-${version}.tgz`
    t.strictSame(readdirSync(join(folder, 'out')).sort(), [
      'SHA256SUMS',
      tarball,
      'notes.md',
      'sbom.cdx.json',
    ])
    t.match(
      readFileSync(join(folder, 'out/SHA256SUMS'), 'utf8'),
      /^[0-9a-f]{64} {2}\.\/docusign-governor-.*\n[0-9a-f]{64} {2}sbom/,
    )
    const sbom = JSON.parse(readFileSync(join(folder, 'out/sbom.cdx.json'), 'utf8')) as {
      bomFormat: string
      metadata: { component: { name: string; version: string } }
      components: { name: string; version: string; hashes?: object[]; licenses?: object[] }[]
    }
    t.equal(sbom.bomFormat, 'CycloneDX')
    t.match(sbom.metadata.component, { name: 'docusign-governor', version })
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { version: string; dev?: true; devOptional?: true }>
    }
    const shipped = Object.entries(packages)
      .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
      .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')} ${version}`)
    for (const [name, wanted] of Object.entries(manifest.dependencies))
      t.ok(shipped.includes(`${name} ${wanted}`))
    t.strictSame(sbom.components.map(({ name, version }) => `${name} ${version}`).sort(), shipped.sort())
    for (const { name, hashes, licenses } of sbom.components) {
      t.ok(hashes && hashes.length > 0, `${name}: a hash`)
      t.match(
        JSON.stringify(licenses),
        /"(?:MIT|ISC|Apache-2\.0|BSD-[23]-Clause|BlueOak-1\.0\.0|0BSD)"/,
        `${name}: a licence`,
      )
    }

    t.strictSame(release('v9.9.9').status, 2, 'a tag that is not the version')
    write('CHANGELOG.md', changelog.replace(`[${version}]`, '[Unheard]'))
    t.match(release(`v${version}`), { status: 2, stderr: /no section/ })
  },
)

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly needs?: string
        readonly steps: readonly { readonly run?: string; readonly with?: Readonly<Record<string, string>> }[]
      }
    >
  >
}

void t.test('a tag makes the release only after the suite; the image says what it was made of', async t => {
  const names = readdirSync(new URL('.github/workflows/', ROOT))
  t.strictSame(names.sort(), ['ci.yml', 'release.yml'])
  for (const name of names) {
    const { permissions, jobs } = parse(read(`.github/workflows/${name}`)) as Workflow
    t.strictSame(permissions, { contents: 'read' }, `${name}: a job has what it asks for itself`)
    t.strictSame(jobs['suite']?.steps.at(-1), { run: '.ci/run' }, name)
    for (const { run = '' } of Object.values(jobs).flatMap(({ steps }) => steps)) {
      for (const [script] of run.matchAll(/\.ci\/[\w-]+/g)) {
        t.ok(existsSync(new URL(script, ROOT)) && statSync(new URL(script, ROOT)).mode & 0o100, script)
      }
      t.notMatch(run, /\$\{\{/, 'nothing from outside is pasted into a script')
    }
  }
  const { release } = (parse(read('.github/workflows/release.yml')) as Workflow).jobs
  t.equal(release?.needs, 'suite')
  const given = release?.steps.flatMap(step => step.with?.['build-args'] ?? []).join('\n')
  const dockerfile = read('Dockerfile')
  for (const label of ['version', 'revision', 'created', 'source']) {
    t.match(dockerfile, `org.opencontainers.image.${label}="$${label.toUpperCase()}"`)
    t.match(dockerfile, new RegExp(`^ARG ${label.toUpperCase()}=`, 'm'))
    t.match(given, new RegExp(`^${label.toUpperCase()}=`, 'm'))
  }
  for (const label of ['title', 'description', 'licenses']) t.match(dockerfile, `image.${label}="`)
  t.match(dockerfile, `NODE_OPTIONS=${NODE_OPTIONS} `, 'the heap that floods are measured with')
})
