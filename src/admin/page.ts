/**
 * The live page: one document that asks no other host for anything, put together at the start. Its policy allows the one
 * style and the one script in it, by their hashes, and no text that becomes markup (`trusted-types 'none'`).
 */
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Answer } from './answer.js'

const FOLDER = new URL('../../../src/admin/page/', import.meta.url)
/** Each needs those before it only. */
const SCRIPTS = [
  'write.js',
  'say.js',
  'project.js',
  'accounts.js',
  'chart.js',
  'tables.js',
  'asking.js',
  'captures.js',
  'page.js',
]
const IMPORT = /^import (\{[^}]*\}) from '\.\/([\w-]+\.js)'$/gm
const EXPORT = /^export (?=(?:async )?(?:function|const|class) (\w+))/gm

/** @throws where a part of it cannot be read: it is a part of the product, not of the settings. */
export function makePage(readFile: (path: string) => string): (status: 200 | 401) => Answer {
  const own = (name: string) => readFile(fileURLToPath(new URL(name, FOLDER)))
  const uplot = readUplot(readFile)
  const modules = SCRIPTS.map(name => scopeOf(name, own(name)))
  const script = `${uplot.script}\n(() => {\n'use strict'\nconst modules = {}\n${modules.join('\n')}\n})()\n`
  const style = `${uplot.style}\n${own('page.css')}`
  // Functions, because `$&` in what is put in would mean something to `replace`.
  const body = own('page.html')
    .replace(/<style>[^]*?<\/style>/, () => `<style>${style}</style>`)
    .replace(/<script>[^]*?<\/script>/, () => `<script>${script}</script>`)
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  return status => ({
    status,
    contentType: 'text/html; charset=utf-8',
    body,
    headers: { 'Content-Security-Policy': policy },
  })
}

/** The charts' library, as it is sent to a browser. @throws where it cannot be read */
export function readUplot(readFile: (path: string) => string): {
  readonly script: string
  readonly style: string
} {
  const theirs = (name: string) => readFile(fileURLToPath(import.meta.resolve(`uplot/dist/${name}`)))
  return { script: theirs('uPlot.iife.min.js'), style: theirs('uPlot.min.css') }
}

/** A module in a scope of its own, because two of them may use one name. */
function scopeOf(name: string, text: string): string {
  const exported = [...text.matchAll(EXPORT)].map(([, word]) => word)
  const body = text.replace(IMPORT, "const $1 = modules['$2']").replace(EXPORT, '')
  return `modules['${name}'] = (() => {\n${body}\nreturn { ${exported.join(', ')} }\n})()`
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
