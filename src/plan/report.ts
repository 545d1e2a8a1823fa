/**
 * The plan as one HTML file: it asks nobody for anything, and its policy allows the one style and the one script in it, by
 * their hashes. What a table can say is there without a script as well.
 */
import { createHash } from 'node:crypto'
import type { Figures } from './figures.js'
import type { Scale } from './scale.js'
import { verdictOf } from './verdict.js'
import { scaleTable } from './table.js'
import { count, percent, rowsOf, seconds } from './wording.js'

export interface ReportFiles {
  /** `report.css` and `report.js`. */
  readonly style: string
  readonly script: string
  readonly uplotStyle: string
  readonly uplotScript: string
}

const SCALE_WIDTH = 200
const FULL = 1000

export function reportOf(columns: readonly Figures[], scale: Scale | undefined, files: ReportFiles): string {
  const courses = JSON.stringify(columns.map(courseOf)).replaceAll('<', '\\u003c')
  const script = `${files.uplotScript}\n(() => {\n'use strict'\nconst COURSES = ${courses}\n${files.script}\n})()\n`
  const style = `${files.uplotStyle}\n${files.style}`
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const [first] = columns
  const range = first ? `${day(first.from)} to ${day(first.to)}, UTC` : ''
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Does it fit? A plan by docusign-governor</title>
<style>${style}</style>
</head>
<body>
<h1>Does it fit?</h1>
<p class="quiet">Calls to DocuSign, ${escaped(range)}, replayed by docusign-governor through the rules that serve them.</p>
<div class="verdicts">
${columns.map(verdictHtml).join('\n')}
</div>
<section>
<h2>What became of the calls</h2>
${sharesHtml(columns)}
</section>
<section>
<h2>How long until a call could go that DocuSign had to be asked</h2>
${waitsHtml(columns)}
</section>
${columns.map(chartHtml).join('\n')}
<section>
<h2>All figures</h2>
<div class="wide">${tableHtml(columns)}</div>
</section>
${scale ? `<section>\n<h2>On how many nodes</h2>\n<div class="wide"><pre>${escaped(scaleTable(scale, SCALE_WIDTH))}</pre></div>\n</section>` : ''}
<section>
<h2>How to read it</h2>
<p>Every call was put before the shield and the governor as they serve traffic, on a clock of its own, with a DocuSign that
counts as DocuSign does and answers in the time it took. Apps are taken to call as they did: who was refused then and tried
again, tries again here. More traffic is drawn again, envelope by envelope, and not multiplied. The fullest hour is that of
one account, by the share of its limit. What a longer interval and Connect would save is estimated in the same pass;
<code>--set polling.interval=…</code> and <code>--connect</code> replay it.</p>
</section>
<script>${script}</script>
</body>
</html>
`
}

/** With the pace at which an hour would be spent evenly, where there is one account to spend it. */
function courseOf({ course, peak, accounts }: Figures) {
  const pace =
    accounts.total === 1 && peak.hour ? (peak.hour.limit * course.stepMs) / course.hourMs : undefined
  return { ...course, pace }
}

function verdictHtml(figures: Figures): string {
  const { mood, headline, sentences } = verdictOf(figures)
  const said = sentences.map(sentence => `<p>${escaped(sentence)}</p>`).join('')
  return `<section class="${mood}"><h2>${escaped(figures.name)}</h2><strong>${escaped(headline)}</strong>${said}</section>`
}

const SHARES = [
  ['up', 'sent to DocuSign'],
  ['saved', 'saved'],
  ['refused', 'refused'],
] as const

function sharesHtml(columns: readonly Figures[]): string {
  const most = Math.max(1, ...columns.map(({ calls }) => calls.in))
  const rows = columns.map(({ name, calls, saved, refused }) => {
    const parts = { up: Math.min(calls.up, calls.in), saved: saved.total, refused: refused.total }
    let from = 0
    const rects = SHARES.map(([part]) => {
      const width = (parts[part] / most) * FULL
      const rect = `<rect class="${part}" x="${from.toFixed(1)}" y="0" width="${width.toFixed(1)}" height="20"/>`
      from += width
      return rect
    })
    const said = SHARES.map(([part, label]) => `${count(parts[part])} ${label}`).join(', ')
    return bar(name, rects.join(''), `${count(calls.in)} calls`, said)
  })
  return `${keyHtml(SHARES)}<div class="bars">${rows.join('')}</div>`
}

function waitsHtml(columns: readonly Figures[]): string {
  const most = Math.max(0.001, ...columns.map(({ delay }) => delay.max))
  const rows = columns.map(({ name, delay }) => {
    const at = (value: number) => Math.max(value > 0 ? 2 : 0, (value / most) * FULL).toFixed(1)
    const rects = `<rect class="track" x="0" y="6" width="${at(delay.max)}" height="8"/><rect class="in" x="0" y="4" width="${at(delay.p99)}" height="12"/><rect class="asked" x="0" y="2" width="${at(delay.p95)}" height="16"/>`
    const said = `95 of 100: ${seconds(delay.p95)}; 99: ${seconds(delay.p99)}; longest: ${seconds(delay.max)}`
    return bar(name, rects, said, said)
  })
  const key = [
    ['asked', '95 of 100 went by then, or could have'],
    ['in', '99 of 100'],
    ['track', 'the longest'],
  ] as const
  return `${keyHtml(key)}<div class="bars">${rows.join('')}</div>`
}

function bar(name: string, rects: string, said: string, label: string): string {
  return `<span>${escaped(name)}</span><svg role="img" aria-label="${escaped(label)}" viewBox="0 0 ${FULL} 20" preserveAspectRatio="none">${rects}</svg><span class="quiet">${escaped(said)}</span>`
}

const LINES = [
  ['in', 'came in'],
  ['asked', 'had to be asked of DocuSign'],
  ['up', 'sent'],
] as const
const PACE = ['refused', 'the limit, spent evenly'] as const

function chartHtml(figures: Figures, i: number): string {
  const { name, course, peak } = figures
  const minutes = course.stepMs / 60_000
  const step = minutes >= 60 ? `${trimmed(minutes / 60)} h` : `${trimmed(minutes)} min`
  const fullest = peak.hour
    ? ` The fullest hour of an account began at ${peak.hour.at.slice(0, 16).replace('T', ' ')}: ${count(peak.hour.calls)} of ${count(peak.hour.limit)} (${percent(peak.hour.share)}).`
    : ''
  return `<section>
<h2>${escaped(name)}: calls in each ${step}</h2>
${keyHtml(figures.accounts.total === 1 ? [...LINES, PACE] : LINES)}
<div class="chart" id="chart-${i}" role="img" aria-label="Calls over time: came in, asked of DocuSign, sent"></div>
<p class="quiet">Times are UTC.${escaped(fullest)}</p>
</section>`
}

function keyHtml(entries: readonly (readonly [string, string])[]): string {
  const items = entries.map(
    ([name, label]) =>
      `<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="${name}" width="12" height="12" rx="2"/></svg>${escaped(label)}</li>`,
  )
  return `<ul class="key">${items.join('')}</ul>`
}

function tableHtml(columns: readonly Figures[]): string {
  const head = columns.map(({ name }) => `<th scope="col">${escaped(name)}</th>`).join('')
  const rows = rowsOf(columns).map(({ label, isPart, cells }) => {
    const told = cells.map(cell => `<td>${escaped(cell)}</td>`).join('')
    return `<tr><th scope="row"${isPart ? ' class="part"' : ''}>${escaped(label)}</th>${told}</tr>`
  })
  return `<table><thead><tr><th></th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function day(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(2)))
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
