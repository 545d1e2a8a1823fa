/**
 * What is written is so: every link of every document leads somewhere, every file, command, setting, metric and word of
 * an answer that one names is there, and what is there is named.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SETTINGS, variableOf } from '../src/config/settings.js'
import { AT_ONCE, open } from './fixtures/governed.js'
import { ROOT } from './fixtures/governor.js'

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const isThere = (path: string) => existsSync(new URL(path, ROOT))
const DOCUMENTS = readdirSync(ROOT).filter(name => name.endsWith('.md'))

/** `## The house, drawn` → `the-house-drawn`, as GitHub makes it. */
function anchorsOf(text: string): Set<string> {
  const headings = withoutFences(text).match(/^#+ .*$/gm) ?? []
  return new Set(
    headings.map(heading =>
      heading
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '')
}

/** Links of a document that lead nowhere. @param at where the document lies, from the root */
function brokenLinks(at: string, text: string): string[] {
  const links = [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  return links.filter(link => {
    if (/^https?:/.test(link)) return false
    const [path = '', anchor] = link.split('#')
    const file = path === '' ? at : posix.join(posix.dirname(at), path)
    if (!isThere(file)) return true
    return anchor !== undefined && !anchorsOf(file === at ? text : read(file)).has(anchor)
  })
}

const NAMED = /`((?:[\w-]+\/)*[\w-]+\.(?:test\.)?ts|(?:src|test|config|grafana|\.github|\.ci)\/[\w./-]*)`/g

/** Files that a paragraph (item, row) names and that are not there: one without a folder lies in that of the one before it, or in src. */
function missingFiles(text: string): string[] {
  return text.split(/\n\n|\n(?=\||- |\d+\. )/).flatMap(paragraph => {
    let folder = 'src'
    return [...paragraph.matchAll(NAMED)].flatMap(([, path = '']) => {
      const full = path.includes('/') ? path : posix.join(folder, path)
      folder = posix.dirname(full)
      return isThere(full) ? [] : [full]
    })
  })
}

/** `test/x.test.ts` "a promise", "another": those that no test of that file bears. */
function missingTests(text: string): string[] {
  return [...text.matchAll(/`(test\/[\w-]+\.test\.ts)`((?:,? "[^"\n]+")+)/g)].flatMap(
    ([, file = '', titles = '']) => {
      const tests = isThere(file) ? read(file) : ''
      const said = [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title)
      return said.filter(title => !tests.includes(`'${title}`)).map(title => `${file}: ${title}`)
    },
  )
}

for (const name of DOCUMENTS) {
  void t.test(`${name} names what is there`, async t => {
    const text = read(name)
    t.strictSame(brokenLinks(name, text), [], 'its links lead somewhere')
    t.strictSame(missingFiles(text), [], 'the files it names exist')
    t.strictSame(missingTests(text), [], 'the tests it names are there')

    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const known = new Set([...Object.keys(scripts), 'ci', 'install'])
    for (const [, run, verb = ''] of text.matchAll(/\bnpm (run )?([\w-]+)/g)) {
      if (run !== undefined || /^(?:start|test|ci)$/.test(verb)) t.ok(known.has(verb), `npm ${verb}`)
    }
    for (const [, section = ''] of text.matchAll(/npm run bench -- ([\w-]+)/g)) {
      t.ok(isThere(`test/bench/${section}.ts`), `npm run bench -- ${section}`)
    }
    for (const [, program = ''] of text.matchAll(/(?:node|tap) build\/([\w./-]+)\.js/g)) {
      t.ok(isThere(`${program}.ts`), `build/${program}.js`)
    }
    for (const [, command = ''] of text.matchAll(/docusign-governor (\w+) (?=\[|-)/g)) {
      t.match(read('src/main.ts'), `case '${command}':`, `docusign-governor ${command}`)
    }

    const paths = SETTINGS.map(({ path }) => path.replace('.<name>', ''))
    const groups = [...new Set(paths.map(path => path.split('.')[0]))].join('|')
    for (const [, path = ''] of text.matchAll(new RegExp(`\`((?:${groups})\\.[a-zA-Z.]+)(?=[\`:* ])`, 'g'))) {
      const plain = path.replace(/^apps\.NAME/, 'apps').replace(/\.$/, '')
      const isOne = paths.some(known => known === plain || known.startsWith(`${plain}.`))
      // `admin.md` would be a file.
      if (!/\.(?:ts|md|yaml|js|key)$/.test(plain)) t.ok(isOne, `the setting ${path}`)
    }
    const variables = new Set(SETTINGS.map(({ path }) => variableOf(path)))
    for (const [variable] of text.matchAll(/\bGOVERNOR_[A-Z_]+\b/g)) {
      const isCode = read('src/entry/refusal.ts').includes(`'${variable}'`)
      t.ok(variables.has(variable) || isCode || variable === 'GOVERNOR_', variable)
    }
  })
}

void t.test('a document that names what is not there is found out', t => {
  t.strictSame(
    brokenLinks(
      'README.md',
      '[a](CHANGELOG.md) [b](#x) [c](gone.md) [d](CONTRIBUTING.md#gone) [e](https://x.example)\n# X\n',
    ),
    ['gone.md', 'CONTRIBUTING.md#gone'].sort().reverse(),
  )
  t.strictSame(
    missingFiles('`src/governor/hour.ts`,\n`burst.ts`, `gone.ts`\n\n`hour.ts`\n- `config/gone.yaml`'),
    ['src/governor/gone.ts', 'src/hour.ts', 'config/gone.yaml'],
  )
  t.strictSame(missingTests('`test/kill.test.ts` "killed at any moment", "gone"\n`test/gone.test.ts` "a"'), [
    'test/kill.test.ts: gone',
    'test/gone.test.ts: a',
  ])
  t.end()
})

void t.test('ARCHITECTURE draws every room', t => {
  const [, drawn = ''] = /^src\/\n([\s\S]*?)^```$/m.exec(read('ARCHITECTURE.md')) ?? []
  const names = [...drawn.matchAll(/^[├└]── ([\w.-]+)/gm)].map(([, name = '']) => name)
  t.strictSame(names.sort(), readdirSync(new URL('src/', ROOT)).sort())
  for (const name of names) {
    const isFolder = statSync(fileURLToPath(new URL(`src/${name}`, ROOT))).isDirectory()
    t.equal(drawn.includes(`${name}/`), isFolder, name)
  }
  t.end()
})

void t.test('the README has the words of answers and the metrics, all of them and as they are', async t => {
  const readme = read('README.md')
  const [, union = ''] = /export type Reason =([\s\S]*?)\n\n/.exec(read('src/base/types.ts')) ?? []
  const reasons = [...union.matchAll(/'([\w-]+)'/g)].map(([, reason = '']) => reason)
  const [, rows = ''] = /^\| `X-Governor-Refusal` \| status .*\n.*\n((?:\|.*\n)+)/m.exec(readme) ?? []
  const told = rows.split('\n').flatMap(row => (row.split('|')[1] ?? '').match(/[\w-]+/g) ?? [])
  t.strictSame(told.sort(), reasons.sort())

  const [, hints = ''] = /export type Hint =([\s\S]*?)\n\n/.exec(read('src/base/types.ts')) ?? []
  const [, explained = ''] = /^## Errors explained\n([\s\S]*?)^## /m.exec(readme) ?? []
  for (const [, hint = ''] of hints.matchAll(/'([\w-]+)'/g)) t.match(explained, `\`${hint}\``, hint)

  const [, table = ''] = /^\| metric \| tells \|\n.*\n((?:\|.*\n)+)/m.exec(readme) ?? []
  const described = new Map(
    table
      .split('\n')
      .flatMap(row =>
        [...(row.split('|')[1] ?? '').matchAll(/`(\w+)(?:\{([\w,]+)\})?`/g)].map(
          ([, name = '', labels = '']) => [name, labels.split(',').sort().join()] as const,
        ),
      ),
  )
  const house = await open(t, { docusign: { accounts: 1 }, settings: { GOVERNOR_POLLING_INTERVAL: '60' } })
  const [id = ''] = house.simulator.addEnvelopes({ status: 'sent' })
  for (const query of ['', '', '?include=tabs']) await house.ask(`/envelopes/${id}${query}`)
  await house.control('/spend', { account: house.accounts[0]?.id, calls: 5 })
  await house.control('/limits', { burst: 2 })
  for (let i = 0; i < 3; i++) await house.ask(`/folders?${i}`, AT_ONCE)
  const text = await (await fetch(`${house.governor.adminUrl}/metrics`)).text()
  const names = [...text.matchAll(/^# TYPE docusign_governor_(\w+) /gm)].map(([, name = '']) => name)
  t.strictSame([...described.keys()].sort(), [...names].sort())
  let labelled = 0
  for (const [, name = '', labels = ''] of text.matchAll(/^docusign_governor_(\w+?)(?:\{(.*)\})? \S+$/gm)) {
    const metric = described.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, '')
    const own = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label).filter(one => one !== 'le')
    if (own.length > 0) labelled++
    if (described.get(metric) !== own.sort().join()) t.equal(described.get(metric), own.join(), name)
  }
  t.ok(labelled > 30, `${labelled} series with labels`)
})
