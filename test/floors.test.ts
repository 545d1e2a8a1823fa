/**
 * The house has floors: `base` ← rooms ← `entry`, `admin`, `plan` (through types) ← `app.ts` ← `main.ts`; and each
 * library, the clock and the process have one keeper. What the compiler cannot say of that is said here.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { ROOT } from './fixtures/governor.js'
import { MUTATIONS, without } from './fixtures/mutations.js'

/** Path from the root of the repository → text. */
type Tree = Readonly<Record<string, string>>

const LIBRARIES: Readonly<Record<string, string>> = {
  'http-proxy': 'src/forward/forward.ts',
  bottleneck: 'src/governor/turnstile.ts',
  'find-my-way': 'src/identify/routes.ts',
  zod: 'src/config/',
  yaml: 'src/config/',
  'prom-client': 'src/observe/',
  pino: 'src/observe/log.ts',
  'lru-cache': 'src/base/store.ts',
  fresh: 'src/shield/conditions.ts',
  'range-parser': 'src/shield/ranges.ts',
  saxes: 'src/shield/walk-xml.ts',
  lmdb: 'src/state/embedded/store.ts',
  ioredis: 'src/state/redis/client.ts',
  uplot: 'src/admin/page.ts',
  fflate: 'src/observe/archive.ts',
  'docusign-esign': 'src/demo/',
}
const CLOCK = 'src/base/clock.ts'
const MAIN = 'src/main.ts'
const PARTS = 'src/app-parts.ts'
/** Where rooms meet: the governor itself, and a program that needs some of them without it. */
const MEETINGS = new Set(['replay', 'app.ts', 'app-parts.ts', 'trace-command.ts'])
const MAIN_MAY = [
  'src/app.ts',
  'src/trace-command.ts',
  'src/usage.ts',
  CLOCK,
  'src/config/',
  'src/observe/log.ts',
  'src/observe/destination.ts',
  'src/state/embedded/apart.ts',
  'src/replay/',
  'src/simulator/',
  'src/demo/',
]
const DEMO_MAY = ['src/app.ts', 'src/base/', 'src/config/', 'src/simulator/']
const NOT_ROOMS = new Set(['replay', 'main.ts', 'usage.ts', ...MEETINGS, 'simulator', 'demo'])
const UPPER = new Set(['entry', 'admin', 'plan'])
const TIMERS = new Set(['setTimeout', 'setInterval', 'setImmediate'])
const NAMELESS = /^(?:utils?|helpers?|common|misc|shared|stuff|lib)\.ts$/
const MAX_LINES = 250

/** `src/entry/listener.ts` → `entry`, `src/main.ts` → `main.ts`. */
function roomOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function isAmong(path: string, places: readonly string[]): boolean {
  return places.some(place => (place.endsWith('/') ? path.startsWith(place) : path === place))
}

/** Whether `from` may import `to`, both of ours. */
function mayImport(from: string, to: string, typeOnly: boolean): boolean {
  const [room, other] = [roomOf(from), roomOf(to)]
  if (room === other) return true
  if (from === MAIN) return isAmong(to, MAIN_MAY)
  // What the house is built of is written down beside it.
  if (MEETINGS.has(room)) return to === PARTS || !NOT_ROOMS.has(other)
  if (room === 'demo') return isAmong(to, DEMO_MAY)
  if (room === 'simulator') return to === CLOCK
  if (room === 'base') return false
  if (other === 'base') return true
  return UPPER.has(room) && typeOnly && !NOT_ROOMS.has(other) && !UPPER.has(other)
}

function violations(tree: Tree): string[] {
  return Object.entries(tree).flatMap(([path, text]) => {
    const faults: string[] = []
    const name = posix.basename(path)
    if (NAMELESS.test(name)) faults.push(`${path} is named for nothing it decides`)
    const lines = text.split('\n').length - 1
    if (lines > MAX_LINES) faults.push(`${path} has ${lines} lines`)
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
    visit(source, node => {
      const fault = importFault(path, node) ?? keeperFault(path, node)
      if (fault !== undefined) faults.push(`${path} ${fault}`)
    })
    return faults
  })
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  ts.forEachChild(node, child => visit(child, see))
}

/** `import … from`, `export … from`, `import(…)` as a value and as a type. */
function specifierOf(node: ts.Node): { specifier: string; typeOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    const { moduleSpecifier } = node
    if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) return undefined
    const typeOnly = ts.isImportDeclaration(node) ? (node.importClause?.isTypeOnly ?? false) : node.isTypeOnly
    return { specifier: moduleSpecifier.text, typeOnly }
  }
  if (
    ts.isImportTypeNode(node) &&
    ts.isLiteralTypeNode(node.argument) &&
    ts.isStringLiteral(node.argument.literal)
  )
    return { specifier: node.argument.literal.text, typeOnly: true }
  if (!ts.isCallExpression(node)) return undefined
  const [argument] = node.arguments
  const isLoad =
    node.expression.kind === ts.SyntaxKind.ImportKeyword ||
    (ts.isIdentifier(node.expression) && node.expression.text === 'require')
  if (!isLoad) return undefined
  return {
    specifier: argument && ts.isStringLiteralLike(argument) ? argument.text : '(computed)',
    typeOnly: false,
  }
}

function importFault(path: string, node: ts.Node): string | undefined {
  const found = specifierOf(node)
  if (!found) return undefined
  const { specifier, typeOnly } = found
  if (specifier.startsWith('node:')) {
    const isFree = path === CLOCK || path === MAIN || roomOf(path) === 'demo'
    const isKept = /^node:(?:process|timers|perf_hooks)(?:\/|$)/.test(specifier)
    return isKept && !isFree ? `imports ${specifier}` : undefined
  }
  if (specifier.startsWith('.')) {
    const to = posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts')
    return mayImport(path, to, typeOnly) ? undefined : `may not import ${to}${typeOnly ? '' : ' as a value'}`
  }
  const library = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const keeper = LIBRARIES[library]
  return keeper !== undefined && isAmong(path, [keeper]) ? undefined : `may not import ${library}`
}

/** Who reads a clock or touches the process without being the file that keeps it. */
function keeperFault(path: string, node: ts.Node): string | undefined {
  if (!ts.isIdentifier(node) || roomOf(path) === 'demo') return undefined
  const { parent, text } = node
  // `x.process` and `{ process: … }` are somebody's own word.
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return undefined
  if ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) && parent.name === node)
    return undefined
  if (text === 'process' && path !== MAIN) return 'uses process'
  if (path === CLOCK) return undefined
  const member = ts.isPropertyAccessExpression(parent) && parent.expression === node ? parent.name.text : ''
  const reads =
    TIMERS.has(text) ||
    (text === 'Date' && member === 'now') ||
    (text === 'Date' && ts.isNewExpression(parent) && (parent.arguments ?? []).length === 0) ||
    (text === 'Date' && ts.isCallExpression(parent) && parent.expression === node) ||
    (text === 'performance' && member === 'now') ||
    (text === 'AbortSignal' && member === 'timeout') ||
    (text === 'process' && (member === 'hrtime' || member === 'uptime'))
  return reads ? `reads a clock (${member === '' ? text : `${text}.${member}`})` : undefined
}

const root = fileURLToPath(ROOT)

function readTree(): Tree {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const paths = files
    .filter(file => file.endsWith('.ts'))
    .map(file => posix.join('src', ...file.split(/[\\/]/)))
  return Object.fromEntries(paths.map(path => [path, readFileSync(join(root, path), 'utf8')]))
}

void t.test('the house keeps its floors', t => {
  const tree = readTree()
  t.ok(Object.keys(tree).length > 50, `${Object.keys(tree).length} files were read`)
  t.strictSame(violations(tree), [])
  const imported = new Set(
    Object.values(tree).flatMap(text =>
      // uPlot is no code of ours to run: its files are read, and sent to the browser.
      Object.keys(LIBRARIES).filter(library =>
        new RegExp(`from '${library}'|resolve\\(.${library}/`).test(text),
      ),
    ),
  )
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  t.strictSame(
    Object.keys(manifest.dependencies).filter(library => !imported.has(library)),
    [],
    'and no dependency is there for nothing',
  )
  t.end()
})

void t.test('a house that does not keep them is found out', t => {
  const lawful: Tree = {
    'src/main.ts': `import { a } from './app.js'\nimport { b } from './observe/log.js'\nprocess.exit(a(b))\n`,
    'src/app.ts': `import { a } from './entry/a.js'\nimport { b } from './governor/b.js'\nexport { a, b }\n`,
    'src/base/clock.ts': `export const now = () => performance.now() + Date.now()\nsetTimeout(now, 1)\n`,
    'src/governor/b.ts': `// process, Date.now() and 'http-proxy' in a comment\nimport type { C } from '../base/c.js'\nexport const at = (c: C) => new Date(c.process)\n`,
    'src/entry/a.ts': `import type { B } from '../governor/b.js'\nexport type { B } from '../forward/forward.js'\n`,
    'src/simulator/s.ts': `import { now } from '../base/clock.js'\nimport { r } from './deep/r.js'\n`,
    'src/demo/d.ts': `import { s } from '../simulator/s.js'\nconst sdk = await import('docusign-esign')\nprocess.exit(Date.now())\n`,
    'src/forward/forward.ts': `import proxy from 'http-proxy'\nimport http from 'node:http'\n`,
  }
  t.strictSame(violations(lawful), [], 'the lawful one passes')

  const unlawful: [path: string, text: string, fault: string][] = [
    ['src/base/a.ts', `import { x } from '../config/x.js'`, 'may not import src/config/x.ts as a value'],
    ['src/base/a.ts', `import type { x } from '../config/x.js'`, 'may not import src/config/x.ts'],
    ['src/forward/a.ts', `import type { x } from '../observe/x.js'`, 'may not import src/observe/x.ts'],
    ['src/forward/a.ts', `import { x } from '../app.js'`, 'may not import src/app.ts as a value'],
    ['src/shield/a.ts', `export { x } from '../state/x.js'`, 'may not import src/state/x.ts as a value'],
    ['src/shield/a.ts', `export * from '../entry/x.js'`, 'may not import src/entry/x.ts as a value'],
    [
      'src/shield/a.ts',
      `const x = await import('../forward/x.js')`,
      'may not import src/forward/x.ts as a value',
    ],
    ['src/shield/a.ts', `type X = import('../forward/x.js').X`, 'may not import src/forward/x.ts'],
    ['src/shield/a.ts', `const x = await import(name)`, 'may not import (computed)'],
    ['src/entry/a.ts', `import { x } from '../forward/x.js'`, 'may not import src/forward/x.ts as a value'],
    [
      'src/entry/a.ts',
      `import { type X } from '../forward/x.js'`,
      'may not import src/forward/x.ts as a value',
    ],
    ['src/entry/a.ts', `import '../forward/x.js'`, 'may not import src/forward/x.ts as a value'],
    ['src/entry/a.ts', `import type { X } from '../admin/x.js'`, 'may not import src/admin/x.ts'],
    ['src/entry/a.ts', `import type { X } from '../app.js'`, 'may not import src/app.ts'],
    ['src/admin/a.ts', `import type { X } from '../simulator/x.js'`, 'may not import src/simulator/x.ts'],
    [
      'src/simulator/a.ts',
      `import { x } from '../base/store.js'`,
      'may not import src/base/store.ts as a value',
    ],
    [
      'src/simulator/deep/a.ts',
      `import type { X } from '../../forward/x.js'`,
      'may not import src/forward/x.ts',
    ],
    ['src/demo/a.ts', `import { x } from '../entry/x.js'`, 'may not import src/entry/x.ts as a value'],
    ['src/app.ts', `import { x } from './simulator/x.js'`, 'may not import src/simulator/x.ts as a value'],
    ['src/app.ts', `import { x } from './main.js'`, 'may not import src/main.ts as a value'],
    ['src/main.ts', `import { x } from './forward/x.js'`, 'may not import src/forward/x.ts as a value'],
    [
      'src/main.ts',
      `import { x } from './observe/metrics.js'`,
      'may not import src/observe/metrics.ts as a value',
    ],
    ['src/forward/agents.ts', `import proxy from 'http-proxy'`, 'may not import http-proxy'],
    ['src/forward/agents.ts', `import web from 'http-proxy/lib/web.js'`, 'may not import http-proxy'],
    ['src/observe/metrics.ts', `import { pino } from 'pino'`, 'may not import pino'],
    ['src/entry/a.ts', `import type { z } from 'zod'`, 'may not import zod'],
    ['src/config/a.ts', `import x from '@scope/left-pad/x'`, 'may not import @scope/left-pad'],
    ['src/config/a.ts', `const x = require('left-pad')`, 'may not import left-pad'],
    ['src/governor/a.ts', `export const x = Date.now()`, 'reads a clock (Date.now)'],
    ['src/governor/a.ts', `export const x = new Date()`, 'reads a clock (Date)'],
    ['src/governor/a.ts', `export const x = Date()`, 'reads a clock (Date)'],
    [
      'src/governor/a.ts',
      `const { now } = performance, x = performance.now()`,
      'reads a clock (performance.now)',
    ],
    ['src/governor/a.ts', `setTimeout(() => 1, 2)`, 'reads a clock (setTimeout)'],
    ['src/governor/a.ts', `const wait = AbortSignal.timeout(5)`, 'reads a clock (AbortSignal.timeout)'],
    ['src/main.ts', `const x = Date.now()`, 'reads a clock (Date.now)'],
    ['src/governor/a.ts', `import * as w from 'node:timers/promises'`, 'imports node:timers/promises'],
    ['src/governor/a.ts', `import p from 'node:process'`, 'imports node:process'],
    ['src/governor/a.ts', `const x = process.env['X']`, 'uses process'],
    ['src/base/clock.ts', `const x = process.hrtime()`, 'uses process'],
    ['src/governor/utils.ts', ``, 'is named for nothing it decides'],
    ['src/governor/a.ts', `\n`.repeat(251), 'has 251 lines'],
  ]
  for (const [path, text, fault] of unlawful) {
    t.strictSame(
      violations({ ...lawful, [path]: text }),
      [`${path} ${fault}`],
      `${path}: ${text.trim().slice(0, 60)}`,
    )
  }
  t.end()
})

void t.test('every rule that can be taken out stands where the table of mutations says', t => {
  for (const mutation of MUTATIONS) {
    const sound = readFileSync(new URL(`build/src/${mutation.file}`, ROOT), 'utf8')
    t.doesNotThrow(() => without(mutation, sound), mutation.rule)
    t.ok(
      existsSync(new URL(`test/${mutation.test[0]}.test.ts`, ROOT)),
      `${mutation.test[0]}.test.ts is there`,
    )
  }
  t.end()
})
