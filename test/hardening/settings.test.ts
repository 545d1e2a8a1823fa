/** Settings of every wrong kind, made from the table of settings itself: each fault is told by its path, and nothing starts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { stringify } from 'yaml'
import { loadConfig } from '../../src/config/load.js'
import { SETTINGS, type Setting } from '../../src/config/settings.js'
import { ROOT } from '../fixtures/governor.js'

const DEFAULTS = fileURLToPath(new URL('config/default.yaml', ROOT))
const MAIN = fileURLToPath(new URL('build/src/main.js', ROOT))
const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-settings-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/** By the first word of what a setting accepts: what it does not. A map and a list of lists no setting accepts. */
const NO_NUMBER = ['soon', '', '1s', true, [1], NaN, Infinity, -Infinity, -1, 1e300]
const NO_TEXT = [1, 1.5, true, false, ['a'], '\0']
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  seconds: NO_NUMBER,
  whole: [...NO_NUMBER, 1.5],
  share: [...NO_NUMBER, 1.01, -0.01],
  port: [...NO_NUMBER, 65_536, 80.5, '80'],
  true: ['yes', 'no', 1, 0, 'on', '', []],
  one: [...NO_TEXT, '', 'none of them', 'ENFORCE '],
  IP: [...NO_TEXT, '', 'a b', 'http://h', 'h:80', '999.1.1.1', '-h'],
  list: ['a b', 1, true, [1], ['a b'], Array.from({ length: 101 }, () => 'h')],
  file: [...NO_TEXT, '', 'x'.repeat(4_097)],
  folder: [...NO_TEXT, '', 'x'.repeat(4_097)],
  secret: [...NO_TEXT, '', 'short', 'ünprintable-but-long-enough', 'with space in the middle of it'],
  redis: [
    ...NO_TEXT,
    '',
    'h',
    'http://h',
    'redis://',
    'redis://u:p@',
    'redis://h:0',
    'redis://h/x',
    'redis://h?q=1',
  ],
  name: [...NO_TEXT, '', 'a b', 'ü', 'x'.repeat(256)],
  text: [...NO_TEXT, '', 'a b', 'a{b}', 'x'.repeat(65)],
  http: [
    ...NO_TEXT,
    '',
    'h',
    'ftp://h',
    'http://u:p@h',
    'http://h/p',
    'http://h?q',
    'http://h:0',
    'http://h:99999',
  ],
}
const EVERYWHERE = [{ a: 1 }, [[1]]]

const leaves = SETTINGS.filter(({ kind }) => kind !== 'map, by name')

function wrongFor({ path, kind }: Setting): readonly unknown[] {
  const found =
    WRONG[kind.split(/[ ,]/)[0] ?? ''] ?? (/^\w+, -?\d+ to/.test(kind) ? WRONG['whole'] : undefined)
  if (!found) throw new Error(`nothing is known that is wrong for ${path}: ${kind}`)
  if (kind.includes('at least 1 ')) return found.filter(value => value !== 'short')
  return [...found, ...EVERYWHERE]
}

/** `limits.accounts.<id>.hour.limit` → one of its own, in the tree that YAML has of it. */
function tree(entries: readonly (readonly [path: string, value: unknown])[]): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const [path, value] of entries) {
    const keys = path.split('.')
    let at = root
    for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>
    at[keys.at(-1) ?? ''] = value
  }
  return root
}

const named = (path: string) =>
  path.replace('limits.accounts.<name>', 'limits.accounts.1').replace('<name>', 'a')

function write(name: string, root: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, stringify(root))
  return path
}

void t.test('a value of any wrong kind is a fault that is told by its path, whichever setting it is', t => {
  let count = 0
  for (const setting of leaves) {
    const path = named(setting.path)
    const missed = wrongFor(setting).filter(value => {
      count++
      const loaded = loadConfig({ files: [DEFAULTS, write('one.yaml', tree([[path, value]]))], env: {} })
      const told = loaded.kind === 'faults' && loaded.faults.some(fault => fault.path.startsWith(path))
      return !told
    })
    t.strictSame(missed, [], `${setting.path}: ${setting.kind}`)
  }
  t.comment(`${leaves.length} settings, ${count} wrong values`)
  t.end()
})

async function serve(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, 'serve', ...args], { cwd: folder, env })
  let [out, err] = ['', '']
  child.stdout.on('data', text => (out += String(text)))
  child.stderr.on('data', text => (err += String(text)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

void t.test(
  'all of them wrong at once, in a file and in variables: exit 2, each is told, nothing is started',
  async t => {
    const file = write('all.yaml', tree(leaves.map(({ path }) => [named(path), { wrong: 1 }])))
    const variables = leaves.flatMap(({ env }) => env ?? [])
    const env = Object.fromEntries(variables.map(name => [name, '\u0001 never \u0001'.repeat(500)]))
    const before = readdirSync(folder)
    const { code, out, err } = await serve(['--config', file], { ...env, GOVERNOR_NO_SUCH_SETTING: '1' })
    t.equal(code, 2)
    t.equal(out, '', 'not a line of a log')
    const lines = err.trimEnd().split('\n')
    const isTold = (path: string) => lines.some(line => line.includes(`  ${path}`))
    t.strictSame(
      leaves.map(({ path }) => named(path)).filter(path => !isTold(path)),
      [],
      'every path of the file',
    )
    // What any text is good for, a text of control characters is good for as well.
    const free = new Set(
      leaves.filter(({ kind }) => /^(?:file|folder) path/.test(kind)).map(({ env }) => env),
    )
    const missed = [...variables, 'GOVERNOR_NO_SUCH_SETTING'].filter(name => !free.has(name) && !isTold(name))
    t.strictSame(missed, [], 'and every variable')
    t.ok(
      lines.every(line => line.length < 500),
      'each on a line that can be read',
    )
    t.strictSame(readdirSync(folder), before, 'no state was begun')
    t.notOk(existsSync(join(folder, 'data')))
  },
)

void t.test('files that are no settings at all are told as such', async t => {
  const files: Readonly<Record<string, string | Buffer>> = {
    'empty-list.yaml': '[]',
    'a-word.yaml': 'listen',
    'a-number.yaml': '8080',
    'half.yaml': 'listen: {port: ',
    'tabs.yaml': 'listen:\n\tport: 1\n',
    'twice.yaml': 'log: {level: info}\nlog: {level: warn}\n',
    'bomb.yaml': `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replaceAll(/./g, (key, i: number) => `${key}: &${key} [${`*${'abcdefg'[i]},`.repeat(9)}]\n`)}`,
    'deep.yaml': `${'{a: '.repeat(5_000)}1${'}'.repeat(5_000)}`,
    'binary.yaml': Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 37) & 255)),
    'proto.yaml': '__proto__: {port: 1}\nconstructor: 2\n',
    'documents.yaml': 'log: {level: info}\n---\nlog: {level: warn}\n',
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name)
    writeFileSync(path, text)
    const beganMs = performance.now()
    const loaded = loadConfig({ files: [DEFAULTS, path], env: {} })
    const tookMs = performance.now() - beganMs
    const told = loaded.kind === 'faults' ? loaded.faults : []
    t.ok(told.length > 0 && told.every(({ where }) => where.startsWith(path)), `${name}: ${told[0]?.message}`)
    t.ok(tookMs < 2_000, `${name}: soon`)
  }
  t.equal((await serve(['--config', join(folder, 'deep.yaml')], {})).code, 2)
  t.equal((await serve(['--config', folder], {})).code, 2, 'a folder is no file')
})
