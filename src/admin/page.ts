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
  'page.js',
]
const IMPORT = /^import [^;]*? from '\.\/[\w-]+\.js'\n/gm
const EXPORT = /^export (?=function|const|class|async)/gm

/** @throws where a part of it cannot be read: it is a part of the product, not of the settings. */
export function makePage(readFile: (path: string) => string): (status: 200 | 401) => Answer {
  const own = (name: string) => readFile(fileURLToPath(new URL(name, FOLDER)))
  const theirs = (name: string) => readFile(fileURLToPath(import.meta.resolve(`uplot/dist/${name}`)))
  const modules = SCRIPTS.map(name => own(name).replace(IMPORT, '').replace(EXPORT, ''))
  const script = `${theirs('uPlot.iife.min.js')}\n(() => {\n'use strict'\n${modules.join('\n')}\n})()\n`
  const style = `${theirs('uPlot.min.css')}\n${own('page.css')}`
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

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
