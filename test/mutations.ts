/**
 * Takes each rule out of a private copy of the build and runs the tests that promise it: a rule whose absence no
 * test notices is a rule without a test. `npm run build && node build/test/mutations.js [REGEXP]`; exit 1 when one survives.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { MUTATIONS, without, type Mutation } from './fixtures/mutations.js'

const ROOT = new URL('../../', import.meta.url)
const COPY = new URL('build-mutations/', ROOT)

async function run([file, group]: Mutation['test']): Promise<{
  failed: string[]
  passed: number
  ended: boolean
}> {
  const child = spawn(process.execPath, [new URL(`test/${file}.test.js`, COPY).pathname], {
    env: { ...process.env, TAP_GREP: `/^${group}/`, TAP_TIMEOUT: '180', TAP_BAIL: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), 200_000)
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

function mutate(mutation: Mutation): () => void {
  const place = new URL(`src/${mutation.file}`, COPY)
  const sound = readFileSync(place, 'utf8')
  writeFileSync(place, without(mutation, sound))
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
